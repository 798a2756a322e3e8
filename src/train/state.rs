//! Optimiser state: its buffers, and what each of them holds.

use crate::optim::{AVERAGE, OptimError, Optimizer};

/// The optimiser's buffers, each as long as the parameters, with the name of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// [`crate::optim::Chain::state_names`].
    pub(super) names: Vec<String>,
    pub(super) buffers: Vec<Vec<f32>>,
}

impl State {
    /// Buffers that `optimizer` has filled.
    pub(super) fn of(optimizer: &Optimizer, buffers: Vec<Vec<f32>>) -> Result<Self, OptimError> {
        let names = optimizer.build()?.state_names();
        Ok(Self { names, buffers })
    }

    /// Whether `optimizer` keeps the same things, so that it may go on from these.
    pub(super) fn fits(&self, optimizer: &Optimizer) -> Result<bool, OptimError> {
        Ok(self.names == optimizer.build()?.state_names())
    }

    /// The average of the weights, if it is one of the buffers.
    pub(super) fn average(&self) -> Option<&[f32]> {
        let keeps = self.names.last().is_some_and(|name| name == AVERAGE);
        let last = self.buffers.last().filter(|_| keeps);
        last.map(|buffer| &**buffer)
    }
}
