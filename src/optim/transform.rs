//! Transforms: one small step on the way from the gradient to the update, and what it works on.

use std::fmt::Debug;
use std::ops::Range;

/// The longest block a chain takes at once.
///
/// ```
/// use unisono::optim::{MAX_BLOCK, ParamGroup, PartTable};
/// // A tensor of 10,000 parameters is updated in blocks of 4096, 4096 and 1808.
/// let table = PartTable::new([(10_000, ParamGroup::default())]);
/// assert_eq!(table.of_block(2 * MAX_BLOCK, 10_000 - 2 * MAX_BLOCK)[0].range, 0..1808);
/// ```
pub const MAX_BLOCK: usize = 4096;

/// What the master decides anew for each step.
///
/// Example: [`StepScalars::plain`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepScalars {
    /// The learning rate, at least 0.
    pub lr: f32,
    /// What the summed gradient is multiplied by: one over the weight of the batch, times a
    /// clipping factor.
    pub grad_scale: f32,
    /// One over the number of rows of the batch: what running statistics are averaged with.
    pub row_scale: f32,
    /// The update's number, from 0.
    pub step: u64,
}

impl StepScalars {
    /// Learning rate `lr` on the mean over a batch of `weight` rows, in step `step`.
    ///
    /// ```
    /// use unisono::optim::StepScalars;
    /// assert_eq!(StepScalars::plain(0.1, 4.0, 0).grad_scale, 0.25);
    /// ```
    pub fn plain(lr: f32, weight: f64, step: u64) -> Self {
        Self {
            lr,
            grad_scale: (1.0 / weight) as f32,
            row_scale: (1.0 / weight) as f32,
            step,
        }
    }
}

/// What a run of parameters is trained by.
///
/// ```
/// use unisono::optim::{Groups, TensorKind, TrainedBy};
/// // The running mean of a batch norm: its "gradient" is taken off without a learning rate.
/// let group = Groups::default().param_group("batch_norm1.mean", TensorKind::Statistic);
/// assert_eq!(group.trained_by, TrainedBy::Statistic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainedBy {
    /// Its gradient, by the optimiser.
    Gradient,
    /// The batches' own values, with the gradient as what is to be taken off: a running statistic.
    Statistic,
    /// Nothing: a frozen tensor keeps its values, to the last bit.
    Nothing,
}

/// A parameter group: how its tensors are trained.
///
/// ```
/// use unisono::optim::ParamGroup;
/// // Half the learning rate, no decay; the rest as of a weight.
/// let group = ParamGroup { lr_scale: 0.5, decay_scale: 0.0, ..ParamGroup::default() };
/// assert!(group.adapts);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParamGroup {
    /// What it is trained by.
    pub trained_by: TrainedBy,
    /// What the learning rate is multiplied by, at least 0.
    pub lr_scale: f32,
    /// What weight decay, L2 and L1 are multiplied by, at least 0: 0 leaves the tensor out.
    pub decay_scale: f32,
    /// Whether LARS and LAMB scale it by its norms.
    pub adapts: bool,
}

impl Default for ParamGroup {
    fn default() -> Self {
        Self {
            trained_by: TrainedBy::Gradient,
            lr_scale: 1.0,
            decay_scale: 1.0,
            adapts: true,
        }
    }
}

/// Neighbouring elements of a block that belong to one tensor.
///
/// ```
/// use unisono::optim::{ParamGroup, PartTable};
/// let table = PartTable::new([(6, ParamGroup::default()), (2, ParamGroup::default())]);
/// let parts = table.of_block(0, 8);
/// assert_eq!((parts[1].range.clone(), parts[1].tensor), (6..8, 1));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where they lie in the block.
    pub range: Range<usize>,
    /// The tensor's number.
    pub tensor: usize,
    /// Its group.
    pub group: ParamGroup,
}

/// A block on its way through a chain.
///
/// Example: [`Chain`](super::Chain).
#[derive(Clone, Copy, Debug)]
pub struct UpdateContext<'a> {
    /// The step's scalars.
    pub scalars: &'a StepScalars,
    /// The parameters before the step, as many as the update has elements; empty for a [`Finish`].
    pub params: &'a [f32],
    /// The block's parts, in order and without gaps.
    pub parts: &'a [Part],
    /// One ratio a tensor, where the chain has a trust ratio and it is known.
    pub trust_ratios: &'a [f32],
}

/// One job on the way from gradient to update, element by element.
///
/// ```
/// use unisono::optim::{Chain, Optimizer, Transform, UpdateContext};
///
/// /// No element beyond a bound.
/// #[derive(Debug)]
/// struct Clamp(f32);
///
/// impl Transform for Clamp {
///     fn apply(&self, _: &UpdateContext<'_>, update: &mut [f32], _: &mut [f32]) {
///         update.iter_mut().for_each(|value| *value = value.clamp(-self.0, self.0));
///     }
/// }
///
/// let clamped = Optimizer::custom("clamped 0.1", 0.5, || Chain::new(vec![Box::new(Clamp(0.1))]));
/// assert_eq!(clamped.build()?.num_state_buffers(), 0);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
pub trait Transform: Send + Sync + Debug {
    /// What each of its state buffers holds: buffers of the same names, in the same order, can be
    /// gone on from.
    fn state_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// State values a parameter needs.
    fn num_state_buffers(&self) -> usize {
        self.state_names().len()
    }

    /// Transforms `update` in place; `state` holds the transform's buffers one after another, each
    /// as long as `update`.
    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], state: &mut [f32]);
}

/// A job after the descent.
///
/// ```
/// use unisono::optim::{Chain, Finish, UpdateContext};
///
/// /// No parameter below 0.
/// #[derive(Debug)]
/// struct NonNegative;
///
/// impl Finish for NonNegative {
///     fn apply(&self, _: &UpdateContext<'_>, params: &mut [f32], _: &mut [f32]) {
///         params.iter_mut().for_each(|param| *param = param.max(0.0));
///     }
/// }
///
/// let chain = Chain::new(Vec::new()).with_finish(Box::new(NonNegative));
/// assert_eq!(chain.num_state_buffers(), 0);
/// ```
pub trait Finish: Send + Sync + Debug {
    /// What each of its state buffers holds.
    fn state_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// State values a parameter needs.
    fn num_state_buffers(&self) -> usize {
        self.state_names().len()
    }

    /// Works on the new parameters; `context.params` are empty.
    fn apply(&self, context: &UpdateContext<'_>, params: &mut [f32], state: &mut [f32]);
}

/// The parts that follow their gradient.
pub(super) fn trained(parts: &[Part]) -> impl Iterator<Item = &Part> {
    parts
        .iter()
        .filter(|part| part.group.trained_by == TrainedBy::Gradient)
}
