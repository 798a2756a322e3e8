//! Losses: sums over rows, and their gradients with respect to the model's outputs.
//!
//! | file | what |
//! |---|---|
//! | `criterion` | the trait of all losses, ours and others |
//! | `losses` | the losses by name |
//! | `targets` | what rows are compared with |
//! | `cross_entropy` | softmax cross-entropy: smoothing, class weights, an ignored class |
//! | `regression` | squared, absolute, Huber; binary cross-entropy on logits |
//! | `binary` | binary cross-entropy with weights of positives; rows that are right |
//! | `ctc` | connectionist temporal classification |
//!
//! # Shapes
//! `outputs`: (B, C) or (B, T, C). Targets: a class below C for each row or position, or as many
//! values as outputs; a loss of one's own may ask for another number of them.

mod binary;
mod criterion;
mod cross_entropy;
mod ctc;
mod losses;
mod regression;
mod targets;

pub use criterion::Criterion;
pub(crate) use criterion::odd_sums;
pub use cross_entropy::CrossEntropy;
pub use losses::{Loss, MseConvention};
pub use targets::{TargetKind, Targets, TargetsMut};

#[cfg(test)]
mod tests;
