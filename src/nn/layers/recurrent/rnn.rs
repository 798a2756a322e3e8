//! The plain recurrent cell: `h = f(a)` with a = W x + b + U h' + c, f tanh or max(., 0).
//!
//! Backward: `da = dh f'(a)`, by means of h alone.
//!
//! # References
//! Elman: "Finding structure in time", 1990.

use super::cell::{Backward, Cell, Forward};
use crate::nn::core::{Activation, RecurrentCell};

/// The plain cell.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rnn {
    Tanh,
    Relu,
}

impl Rnn {
    fn function(self) -> Activation {
        match self {
            Rnn::Tanh => Activation::Tanh,
            Rnn::Relu => Activation::Relu,
        }
    }
}

impl Cell for Rnn {
    fn name(&self) -> &'static str {
        "rnn"
    }

    fn kind(&self) -> RecurrentCell {
        match self {
            Rnn::Tanh => RecurrentCell::Tanh,
            Rnn::Relu => RecurrentCell::Relu,
        }
    }

    fn num_gates(&self) -> usize {
        1
    }

    fn forward(&self, at: Forward<'_>) {
        at.h.copy_from_slice(at.gates);
        self.function().forward(at.h);
    }

    fn backward(&self, at: Backward<'_>) {
        at.gates.copy_from_slice(at.dh);
        self.function().backward(at.h, at.gates);
        at.dh.fill(0.0);
    }
}
