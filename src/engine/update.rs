//! Updates of the parameters: the trait `Update`, applied block by block by the owner of a
//! segment.
//!
//! # Invariants
//! 1. Blocks start at multiples of [`BLOCK`] in the flat vector, whatever the number of workers:
//!    sums over a block, like those of [`sum_of_squares`], are the same for any number of threads.

use multiversion::multiversion;

/// Elements in a block: 16 KiB, so that a block's parameters, gradient and one state buffer stay in
/// a 48 KiB L1.
///
/// Example: [`sum_of_squares`].
pub const BLOCK: usize = 4096;

/// An optimiser as the engine sees it: an elementwise rule over parameters, gradient and state.
///
/// ```
/// use unisono::{engine::Update, optim::Optimizer, train::ChainUpdate};
/// let update = ChainUpdate::new(&Optimizer::adam_w(1e-3), 2)?;
/// assert_eq!(update.num_state_buffers(), 2);
/// assert_eq!(update.sum_of_squares(0, &[3.0, 4.0]), 25.0);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
pub trait Update: Send + Sync {
    /// What the master decides anew for each step (learning rate, gradient scale, ...).
    type Scalars: Copy + Send + Sync + 'static;

    /// How many state values each parameter carries.
    fn num_state_buffers(&self) -> usize;

    /// Updates one block in place.
    fn apply(&self, scalars: &Self::Scalars, block: UpdateBlock<'_>);

    /// Parts of the parameters whose gradients' norms are wanted by themselves, such as one a
    /// layer; 0, the default, for none. See [`crate::engine::Session::part_norms`].
    fn num_parts(&self) -> usize {
        0
    }

    /// Calls `each` with every run of a block that belongs to a part. The block of the gradient,
    /// from position `offset` on, comes with its sum of squares: one within a single part needs no
    /// second pass.
    fn part_squares(
        &self,
        _offset: usize,
        _grad: &[f32],
        _square: f64,
        _each: &mut dyn FnMut(PartSquare),
    ) {
    }

    /// How many trust ratios the second half of an update takes, one a tensor for LARS and LAMB;
    /// 0, the default, for an update in one go.
    ///
    /// With trust ratios an update has two halves: [`Update::direction`] on every block,
    /// [`Update::trust_ratios`] once on the master, then [`Update::apply`] on every block, with the
    /// trust ratios in [`UpdateBlock::trust_ratios`].
    fn num_trust_ratios(&self) -> usize {
        0
    }

    /// First half: turns the block's gradient into a direction, in place, and appends the norms
    /// that the trust ratios are made of.
    fn direction(
        &self,
        _scalars: &Self::Scalars,
        _block: DirectionBlock<'_>,
        _norms: &mut Vec<Norms>,
    ) {
    }

    /// Fills `trust_ratios` from all workers' norms, which come in ascending order of their
    /// offsets.
    fn trust_ratios(
        &self,
        _scalars: &Self::Scalars,
        _norms: &mut dyn Iterator<Item = Norms>,
        _factors: &mut Vec<f32>,
    ) {
    }

    /// What a block of the summed gradient, from position `offset` on, adds to the square of its
    /// norm.
    fn sum_of_squares(&self, _offset: usize, grad: &[f32]) -> f64 {
        sum_of_squares(grad)
    }
}

/// The part of parameters, gradient and state that one call of [`Update::apply`] works on.
///
/// ```
/// use unisono::engine::{Update, UpdateBlock};
/// use unisono::{optim::{Optimizer, StepScalars}, train::ChainUpdate};
/// let update = ChainUpdate::new(&Optimizer::sgd(0.5), 2)?;
/// let (mut params, grad) = ([1.0, 2.0], [4.0, 8.0]); // a gradient summed over 4 rows
/// let block = UpdateBlock { offset: 0, params: &mut params, grad: &grad, state: &mut [], trust_ratios: &[] };
/// update.apply(&StepScalars::plain(0.5, 4.0, 0), block);
/// assert_eq!(params, [0.5, 1.0]);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Debug)]
pub struct UpdateBlock<'a> {
    /// Position of the first element in the flat parameter vector.
    pub offset: usize,
    /// The parameters, updated in place.
    pub params: &'a mut [f32],
    /// The gradient, summed over the global batch and not yet divided; what [`Update::direction`]
    /// made of it, if there are trust ratios.
    pub grad: &'a [f32],
    /// The state buffers one after another, each as long as `params`.
    pub state: &'a mut [f32],
    /// What [`Update::trust_ratios`] gave; empty without a first half.
    pub trust_ratios: &'a [f32],
}

/// The part of parameters, gradient and state that one call of [`Update::direction`] works on.
///
/// ```
/// use unisono::engine::{DirectionBlock, Update};
/// use unisono::{optim::{Optimizer, StepScalars}, train::ChainUpdate};
/// let update = ChainUpdate::new(&Optimizer::lars(0.1), 2)?;
/// let (mut grad, mut norms) = ([12.0, 16.0], Vec::new()); // summed over 4 rows
/// let (params, state) = (&[1.0, 2.0], &mut [0.0; 2]);
/// let block = DirectionBlock { offset: 0, params, grad: &mut grad, state };
/// update.direction(&StepScalars::plain(0.1, 4.0, 0), block, &mut norms);
/// assert_eq!((grad, norms[0].params, norms[0].direction), ([3.0, 4.0], 5.0, 25.0));
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Debug)]
pub struct DirectionBlock<'a> {
    /// Position of the first element in the flat parameter vector.
    pub offset: usize,
    /// The parameters before the update.
    pub params: &'a [f32],
    /// The gradient, summed over the global batch and not yet divided; becomes the direction.
    pub grad: &'a mut [f32],
    /// The state buffers one after another, each as long as `params`.
    pub state: &'a mut [f32],
}

/// What a run of elements adds to the squares of two norms.
///
/// Example: [`DirectionBlock`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norms {
    /// Position of the run's first element in the flat parameter vector.
    pub offset: usize,
    /// The sum of squares of the parameters.
    pub params: f64,
    /// The sum of squares of the direction.
    pub direction: f64,
}

/// What a run of elements adds to the square of the norm of a part's gradient.
///
/// ```
/// use unisono::{engine::Update, nn::Sequential, optim::Optimizer, train::ChainUpdate};
/// let layout = Sequential::new(1).dense(1).dense(1).layout()?;
/// let update = ChainUpdate::for_model(&Optimizer::sgd(0.1), &layout)?.with_layer_norms(&layout);
/// let mut squares = [0.0; 2]; // weight and bias of each of the two layers
/// let add = &mut |found: unisono::engine::PartSquare| squares[found.part] += found.square;
/// update.part_squares(0, &[3.0, 4.0, 0.0, 1.0], 26.0, add);
/// assert_eq!(squares, [25.0, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartSquare {
    /// Position of the run's first element in the flat parameter vector.
    pub offset: usize,
    /// The part, below [`Update::num_parts`].
    pub part: usize,
    /// The sum of squares of the gradient.
    pub square: f64,
}

/// Who executes the update. Both give the same bits.
///
/// ```
/// use unisono::engine::UpdateMode;
/// assert_eq!(UpdateMode::default(), UpdateMode::Fused);
/// assert_eq!(UpdateMode::ALL.iter().map(|one| one.name()).collect::<Vec<_>>(), ["fused", "master"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateMode {
    /// The owner of a segment updates it right after it has reduced it, while it is in cache.
    #[default]
    Fused,
    /// The master updates whole buffers with `rayon`: the textbook form.
    Master,
}

impl UpdateMode {
    /// Every mode, for tables of tests and benchmarks.
    pub const ALL: &'static [UpdateMode] = &Self::EACH;

    /// The same, in number.
    pub(crate) const EACH: [UpdateMode; 2] = [UpdateMode::Fused, UpdateMode::Master];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            UpdateMode::Fused => "fused",
            UpdateMode::Master => "master",
        }
    }
}

/// What is measured of the shards' gradients in every step.
///
/// Example: [`ShardNorms`](super::ShardNorms).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Track {
    /// Nothing.
    #[default]
    Nothing,
    /// The norm of each shard's gradient: what noise scale and batch-size policies are made of.
    ShardNorms,
}

/// The sum of squares of at most [`BLOCK`] values, in 64 lanes added pairwise: one fixed order.
///
/// Squares are added in `f32` (relative error below 1e-5, three times as fast as in `f64`), and
/// once more in `f64` where that overflows or underflows, so that a finite gradient always has a
/// finite norm.
///
/// ```
/// use unisono::engine::{BLOCK, sum_of_squares};
/// assert_eq!(sum_of_squares(&[2.0; BLOCK]), 4.0 * BLOCK as f64);
/// assert!(sum_of_squares(&[1e30, 1e30]).is_finite());
/// ```
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 64];
    let (chunks, rest) = values.as_chunks::<64>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane += value * value;
    }
    let mut width = 32;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    if lanes[0].is_normal() {
        return f64::from(lanes[0]);
    }
    values
        .iter()
        .map(|&value| f64::from(value) * f64::from(value))
        .sum()
}

/// The sum of squares of any number of values, block by block.
///
/// ```
/// use unisono::engine::squared_norm;
/// assert_eq!(squared_norm(&[1.0; 5000]), 5000.0);
/// ```
pub fn squared_norm(values: &[f32]) -> f64 {
    values.chunks(BLOCK).map(sum_of_squares).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_squares_is_right_for_any_length() {
        for len in [0, 1, 15, 16, 17, 4096] {
            let values: Vec<f32> = (0..len).map(|i| (i % 7) as f32 - 3.0).collect();
            let expected: f64 = values.iter().map(|&v| f64::from(v * v)).sum();
            assert_eq!(sum_of_squares(&values), expected);
        }
    }

    #[test]
    fn the_sum_of_squares_neither_overflows_nor_hides_what_is_not_finite() {
        assert!((sum_of_squares(&[1e30, 1e30]) / 2e60 - 1.0).abs() < 1e-6);
        assert!((sum_of_squares(&[1e-30]) / 1e-60 - 1.0).abs() < 1e-6);
        assert!(sum_of_squares(&[0.0, f32::INFINITY]).is_infinite());
        assert!(sum_of_squares(&[0.0, f32::NAN, 1.0]).is_nan());
    }
}
