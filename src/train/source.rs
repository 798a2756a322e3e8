//! Glue between layers that must not know each other: data sets as the network's row source, an optimiser as the
//! engine's update.

use crate::data::Dataset;
use crate::engine::{Update, UpdateBlock};
use crate::nn::{RowSource, TargetsMut};
use crate::optim::{Chain, OptimError, Optimizer, StepScalars};

/// The training set's number.
pub(super) const TRAIN: usize = 0;
/// The test set's number.
pub(super) const TEST: usize = 1;

/// Training and test set, in this order.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a>(pub(super) [&'a dyn Dataset; 2]);

impl RowSource for Sources<'_> {
    fn gather(&self, source: usize, rows: &[u32], inputs: &mut [f32], targets: TargetsMut<'_>) {
        let data = self.0[source];
        data.gather_inputs(rows, inputs);
        match targets {
            TargetsMut::Classes(classes) => data.gather_classes(rows, classes),
            TargetsMut::Values(values) => data.gather_values(rows, values),
        }
    }
}

/// An optimiser as the engine applies it: for those who bring their own replica.
///
/// ```
/// use unisono::engine::Update;
/// use unisono::{optim::Optimizer, train::ChainUpdate};
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1).with_momentum(0.9))?;
/// assert_eq!(update.num_state_buffers(), 1);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Debug)]
pub struct ChainUpdate(Chain);

impl ChainUpdate {
    /// The update of `optimizer`.
    ///
    /// # Errors
    /// Those of [`Optimizer::build`].
    pub fn new(optimizer: &Optimizer) -> Result<Self, OptimError> {
        Ok(Self(optimizer.build()?))
    }
}

impl Update for ChainUpdate {
    type Scalars = StepScalars;

    fn num_state_buffers(&self) -> usize {
        self.0.num_state_buffers()
    }

    fn apply(&self, scalars: &StepScalars, block: UpdateBlock<'_>) {
        self.0.apply(scalars, block.params, block.grad, block.state);
    }
}
