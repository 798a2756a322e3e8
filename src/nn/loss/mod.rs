//! Losses: sums over rows, and their gradients with respect to the model's outputs.
//!
//! | file | what |
//! |---|---|
//! | `losses` | the losses by name |
//! | `targets` | what rows are compared with |
//! | `cross_entropy` | softmax cross-entropy: smoothing, class weights, an ignored class |
//! | `regression` | squared, absolute, Huber; binary cross-entropy on logits |
//! | `ctc` | connectionist temporal classification |
//!
//! # Shapes
//! `outputs`: (B, C) or (B, T, C). Targets: a class below C for each row or position, or as many
//! values as outputs.

mod cross_entropy;
mod ctc;
mod losses;
mod regression;
mod targets;

pub use cross_entropy::CrossEntropy;
pub use losses::{Loss, MseConvention};
pub use targets::{TargetKind, Targets, TargetsMut};

#[cfg(test)]
mod tests;
