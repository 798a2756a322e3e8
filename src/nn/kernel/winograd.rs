//! Convolutions with fewer multiplications: Winograd's minimal filtering, on tiles of 6 x 6 values.
//!
//! A tile of m x m outputs of an r x r kernel is a product of polynomials, and as such a product
//! value by value at m + r - 1 points an axis: here 6, so that 36 multiplications do for 4 x 4
//! outputs of a 3 x 3 kernel (144 directly), or 2 x 2 of a 5 x 5 one (100). With the points'
//! products of all tiles side by side, each point is one matrix product over channels:
//!
//! ```text
//! forward           y  = A' (sum over c of (B' x B) . (G w G')) A        for each tile
//! kernel gradient   dw = G' (sum over tiles of (B' x B) . (A dy A')) G
//! ```
//!
//! The points and the matrices A, B and G are defined in `winograd_matrices`.
//!
//! # Invariants
//! 1. Every result is one fixed chain of fused multiply-adds; neither the vector width nor how many
//!    tiles go along changes a bit.
//!
//! # References
//! Lavin, Gray: "Fast algorithms for convolutional neural networks", 2016, equations 8 to 14;
//! Barabasz et al.: "Error analysis and improving the accuracy of Winograd convolution for deep
//! neural networks", 2020, on the choice of points.

use super::dispatch::dispatch_wide_vectors;
use super::isa::Isa;
use super::simd::{Kernel, Simd};
use super::winograd_matrices::{A, ATransposed, BTransposed, G, GTransposed, Matrix};

/// Points an axis, and values of a tile's side.
pub(crate) const SIDE: usize = 6;

/// Points of a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;

/// What is transformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transform {
    /// Tiles of the input to points: `B' x B`.
    Inputs,
    /// Points to tiles of so many outputs a side: `A' z A`.
    Outputs(usize),
    /// Gradients of such tiles to points: `A dy A'`.
    OutputGradients(usize),
    /// A kernel of so many values a side to points: `G w G'`.
    Kernel(usize),
    /// Points to the gradient of such a kernel: `G' u G`.
    KernelGradient(usize),
}

/// Where a square of values lies, each a run of neighbours: channels, or a kernel's weights of one
/// place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Square {
    /// Where its first run begins.
    pub(crate) first: usize,
    /// Values from one row to the next.
    pub(crate) row_step: usize,
    /// Values from one column to the next.
    pub(crate) column_step: usize,
    /// Rows that there are; beyond them and the columns lie zeros, and nothing is written. Only
    /// squares of outputs may be cut.
    pub(crate) rows: usize,
    /// Columns that there are.
    pub(crate) columns: usize,
}

impl Square {
    /// Whether it has `side` rows and columns.
    #[inline(always)]
    fn has_sides(&self, side: usize) -> bool {
        self.rows == side && self.columns == side
    }

    /// Where the run of row `i` and column `j` begins.
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> usize {
        self.first + i * self.row_step + j * self.column_step
    }
}

/// Transforms, of each of `pairs`, the square that lies in `from` to the one that lies in `to`.
///
/// # Panics
/// If a square does not lie in its buffer, or runs have not a multiple of 16 values.
pub(crate) fn transform(
    isa: Isa,
    what: Transform,
    to: &mut [f32],
    from: &[f32],
    pairs: SquarePairs<'_>,
    runs: Runs<'_>,
) {
    assert!(
        runs.len.is_multiple_of(16) && (runs.bias.is_empty() || runs.bias.len() == runs.len),
        "Winograd's transforms take runs of a multiple of 16 values, and a bias for each"
    );
    let kernel = TransformedSquares {
        what,
        to,
        from,
        pairs,
        runs,
    };
    dispatch_wide_vectors(isa, kernel);
}

/// Where each square goes and comes from. Not a generic type: each would have all transforms
/// compiled anew.
pub(crate) type SquarePairs<'a> = &'a mut dyn Iterator<Item = SquarePair>;

/// Where a square goes and comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SquarePair {
    pub(crate) to: Square,
    pub(crate) from: Square,
}

/// The runs that squares consist of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs<'a> {
    /// Values of each, a multiple of 16.
    pub(crate) len: usize,
    /// What is added to each run of the results; empty if nothing is.
    pub(crate) bias: &'a [f32],
}

impl Runs<'_> {
    /// Runs of `len` values to which nothing is added.
    pub(crate) fn of(len: usize) -> Self {
        Self { len, bias: &[] }
    }
}

struct TransformedSquares<'a> {
    what: Transform,
    to: &'a mut [f32],
    from: &'a [f32],
    pairs: SquarePairs<'a>,
    runs: Runs<'a>,
}

impl Kernel for TransformedSquares<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(self, simd: S) {
        let Self {
            what,
            to,
            from,
            pairs,
            runs,
        } = self;
        match what {
            Transform::Inputs => each::<S, BTransposed, 6, 6, false>(simd, to, from, pairs, runs),
            Transform::Outputs(2) => {
                each::<S, ATransposed, 6, 2, true>(simd, to, from, pairs, runs)
            }
            Transform::Outputs(4) => {
                each::<S, ATransposed, 6, 4, true>(simd, to, from, pairs, runs)
            }
            Transform::OutputGradients(2) => each::<S, A, 2, 6, true>(simd, to, from, pairs, runs),
            Transform::OutputGradients(4) => each::<S, A, 4, 6, true>(simd, to, from, pairs, runs),
            Transform::Kernel(3) => each::<S, G, 3, 6, false>(simd, to, from, pairs, runs),
            Transform::Kernel(5) => each::<S, G, 5, 6, false>(simd, to, from, pairs, runs),
            Transform::KernelGradient(3) => {
                each::<S, GTransposed, 6, 3, false>(simd, to, from, pairs, runs)
            }
            Transform::KernelGradient(5) => {
                each::<S, GTransposed, 6, 5, false>(simd, to, from, pairs, runs)
            }
            _ => unreachable!("kernels have sides of 3 or 5, tiles of outputs of 4 or 2"),
        }
    }
}

/// Squares of F x F values become T x T; they may be cut at the edge of an image if `CUT`.
///
/// Both slices are parameters of their own, which the compiler takes to lie apart.
#[inline(always)]
fn each<S: Simd, L: Matrix<F, T>, const F: usize, const T: usize, const CUT: bool>(
    simd: S,
    to: &mut [f32],
    from: &[f32],
    pairs: SquarePairs<'_>,
    runs: Runs<'_>,
) {
    let Runs { len, bias } = runs;
    let mut half = [[simd.splat(0.0); F]; T];
    for pair in pairs {
        let (target, source) = (pair.to, pair.from);
        let is_whole = target.has_sides(T) && source.has_sides(F);
        assert!(is_whole || CUT, "only squares of outputs may be cut");
        for at in (0..len).step_by(S::LANES) {
            let bias = (!bias.is_empty()).then(|| simd.load(&bias[at..]));
            if is_whole || !CUT {
                columns::<S, L, F, T, true>(simd, &mut half, from, &source, at);
                rows::<S, L, F, T, true>(simd, &half, to, &target, at, bias);
            } else {
                columns::<S, L, F, T, false>(simd, &mut half, from, &source, at);
                rows::<S, L, F, T, false>(simd, &half, to, &target, at, bias);
            }
        }
    }
}

/// The columns of one square, of the vector of values from number `at` on of its runs.
#[inline(always)]
fn columns<S: Simd, L: Matrix<F, T>, const F: usize, const T: usize, const WHOLE: bool>(
    simd: S,
    half: &mut [[S::Vector; F]; T],
    from: &[f32],
    source: &Square,
    at: usize,
) {
    for j in 0..F {
        let mut column = [simd.splat(0.0); F];
        for i in 0..F {
            if WHOLE || (i < source.rows && j < source.columns) {
                column[i] = simd.load(&from[place::<S>(source.at(i, j) + at)]);
            }
        }
        let column = L::apply(simd, column);
        for i in 0..T {
            half[i][j] = column[i];
        }
    }
}

/// Then the rows.
#[inline(always)]
fn rows<S: Simd, L: Matrix<F, T>, const F: usize, const T: usize, const WHOLE: bool>(
    simd: S,
    half: &[[S::Vector; F]; T],
    to: &mut [f32],
    target: &Square,
    at: usize,
    bias: Option<S::Vector>,
) {
    for i in 0..T {
        let row = L::apply(simd, half[i]);
        for j in 0..T {
            if WHOLE || (i < target.rows && j < target.columns) {
                let value = bias.map_or(row[j], |bias| simd.add(row[j], bias));
                simd.store(value, &mut to[place::<S>(target.at(i, j) + at)]);
            }
        }
    }
}

/// The range of a vector that begins at `at`. Without its highest bit the end cannot overflow, so
/// that slicing compares once and not twice: transforms take 0.8 of the time.
#[inline(always)]
fn place<S: Simd>(at: usize) -> std::ops::Range<usize> {
    let at = at & (usize::MAX >> 1);
    at..at + S::LANES
}
