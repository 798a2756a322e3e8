//! Glue between layers that must not know each other: data sets as the network's row source, an optimiser as the
//! engine's update.

use std::ops::Range;

use crate::data::Dataset;
use crate::engine::{Update, UpdateBlock, sum_of_squares};
use crate::nn::{ParamLayout, RowSource, TargetsMut};
use crate::optim::{Chain, MAX_BLOCK, OptimError, Optimizer, StepScalars};

/// The training set's number.
pub(super) const TRAIN: usize = 0;
/// The test set's number.
pub(super) const TEST: usize = 1;

/// Training and test set, in this order, as a network's row source.
///
/// ```
/// use unisono::{data::digits, nn::{RowSource, TargetsMut}, train::Sources};
/// let (train, test) = digits();
/// let (mut inputs, mut classes) = ([0.0; 64], [0]);
/// Sources([&train, &test]).gather(0, &[3], &mut inputs, TargetsMut::Classes(&mut classes));
/// assert_eq!(inputs[..], train.inputs().row(3).to_vec());
/// assert_eq!(classes, [train.class_labels().unwrap()[3]]);
/// ```
#[derive(Clone, Copy)]
pub struct Sources<'a>(pub [&'a dyn Dataset; 2]);

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.0.map(Dataset::len);
        f.debug_tuple("Sources").field(&rows).finish()
    }
}

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
pub struct ChainUpdate {
    chain: Chain,
    /// Parameters that no optimiser trains, in order.
    statistics: Vec<Range<usize>>,
}

impl ChainUpdate {
    /// The update of `optimizer`.
    ///
    /// # Errors
    /// Those of [`Optimizer::build`].
    pub fn new(optimizer: &Optimizer) -> Result<Self, OptimError> {
        Ok(Self {
            chain: optimizer.build()?,
            statistics: Vec::new(),
        })
    }

    /// The same update for a model with running statistics (batch norm). Their "gradient" is the sum over rows of what
    /// is to be taken off them, so that they follow as `s -= mean over rows`, whatever the optimiser.
    pub fn with_statistics(self, layout: &ParamLayout) -> Self {
        Self {
            statistics: layout.statistics().collect(),
            ..self
        }
    }

    /// The parts of `block` elements from `offset` on that are statistics.
    fn statistics_in(
        &self,
        offset: usize,
        block: usize,
    ) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = self.statistics.partition_point(|range| range.end <= offset);
        let reaching = self.statistics[first..].iter();
        reaching
            .take_while(move |range| range.start < offset + block)
            .map(move |range| {
                range.start.max(offset) - offset..range.end.min(offset + block) - offset
            })
    }
}

impl Update for ChainUpdate {
    type Scalars = StepScalars;

    fn num_state_buffers(&self) -> usize {
        self.chain.num_state_buffers()
    }

    fn apply(&self, scalars: &StepScalars, block: UpdateBlock<'_>) {
        let UpdateBlock {
            offset,
            params,
            grad,
            state,
        } = block;
        let mut kept = [0.0; MAX_BLOCK];
        for range in self.statistics_in(offset, params.len()) {
            kept[range.clone()].copy_from_slice(&params[range]);
        }
        self.chain.apply(scalars, params, grad, state);
        for at in self.statistics_in(offset, params.len()).flatten() {
            params[at] = kept[at] - scalars.row_scale * grad[at];
        }
    }

    fn sum_of_squares(&self, offset: usize, grad: &[f32]) -> f64 {
        let (mut squares, mut start) = (0.0, 0);
        for range in self.statistics_in(offset, grad.len()) {
            squares += sum_of_squares(&grad[start..range.start]);
            start = range.end;
        }
        squares + sum_of_squares(&grad[start..])
    }
}
