//! Recurrent layers over sequences: `rnn`, `gru`, `lstm`; several layers, reversed, bidirectional.
//!
//! | file | cell |
//! |---|---|
//! | `cell` | the trait that unites the cells: one position's gates, forward and backward |
//! | `rnn`, `gru`, `lstm` | one a file: formula and derivative |
//! | `spec` | the settings, and the layers of one direction that a layer of several is made of |
//! | `state` | the state before the first position: zeros, or that of the batch before |
//! | `sizes` | sizes, settings, where positions lie |
//! | `layer` | the loop over positions, the products, the gradients |
//!
//! # Shapes
//! X: (B, T, C), Y: (B, T, H). Parameters in order: input weights (C, G H), input biases (G H),
//! hidden weights (H, G H), hidden biases (G H), with G gates; PyTorch's gates in PyTorch's order,
//! two biases as there.
//!
//! # How
//! The input's part of all gates of a whole sequence is one product; the hidden part is one product
//! a position over all rows, with weights packed once a step. Rows start from a state of zeros, or
//! from the batch before. At padding ([`Sequential::padding`]) the state stays as it is, and the
//! output repeats it.

mod cell;
mod gru;
mod layer;
mod lstm;
mod rnn;
mod sizes;
mod spec;
mod state;

pub use spec::Recurrent;
