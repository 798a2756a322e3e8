//! Decoupled weight decay: `update += lambda w`, after everything else.
//!
//! # References
//! Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019.

use super::transform::{StepScalars, Transform};

/// Adds `lambda` times the parameters to the update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecayWeights {
    /// How much, at least 0; each step takes lr lambda of every parameter.
    pub lambda: f32,
}

impl Transform for DecayWeights {
    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(
        &self,
        _scalars: &StepScalars,
        params: &[f32],
        update: &mut [f32],
        _state: &mut [f32],
    ) {
        update
            .iter_mut()
            .zip(params)
            .for_each(|(u, p)| *u += self.lambda * p);
    }
}
