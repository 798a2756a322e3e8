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
//! The points are 0, 3/4, -3/4, 3/2, -3/2 and infinity, whose powers are exact. With p the finite
//! points and N(p) the product of p's distances to the others,
//!
//! | matrix | row of point p | row of infinity |
//! |---|---|---|
//! | A | 1, p, p², ... (m values) | 0, ..., 0, 1 |
//! | G | the same of r values, over N(p) | the same |
//! | B' | coefficients of the product of (x - q) over the other q | over all q |
//!
//! # Invariants
//! 1. Every result is one fixed chain of fused multiply-adds; neither the vector width nor how many
//!    tiles go along changes a bit.
//!
//! # Why this way
//! `tests/winograd.rs` prints rounding errors of 1 to 5 times those of direct sums. The usual
//! points 0, ±1, ±2 and infinity gave twice as much in a sketch (the record of 2026-11-27), since
//! the powers of 2 weigh the points' values so differently.
//!
//! # References
//! Lavin, Gray: "Fast algorithms for convolutional neural networks", 2016, equations 8 to 14;
//! Barabasz et al.: "Error analysis and improving the accuracy of Winograd convolution for deep
//! neural networks", 2020, on the choice of points.

use super::isa::Isa;
use super::simd::{Portable, Simd};

/// Points an axis, and values of a tile's side.
pub(crate) const SIDE: usize = 6;

/// Points of a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;

/// The points besides 0 and infinity are A, -A, B, -B.
const A: f32 = 0.75;
const B: f32 = 1.5;

/// 1 / N(p); 1 for infinity.
const INVERSES: [f32; SIDE] = {
    let (a, b) = (A * A, B * B);
    let (zero, first, second) = (a * b, 2.0 * a * (a - b), 2.0 * b * (b - a));
    [
        1.0 / zero,
        1.0 / first,
        1.0 / first,
        1.0 / second,
        1.0 / second,
        1.0,
    ]
};

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
    /// Steps to the next row and column.
    pub(crate) steps: (usize, usize),
    /// Rows and columns that there are; beyond them lie zeros, and nothing is written. Only squares
    /// of outputs may be cut.
    pub(crate) sides: (usize, usize),
}

impl Square {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> usize {
        self.first + i * self.steps.0 + j * self.steps.1
    }
}

/// Transforms squares of runs of `len` values, a multiple of 16: for each of `places`, the square
/// of `from` that is its second to the square of `to` that is its first. `bias`, if there is any,
/// is added to every run of the results.
///
/// # Panics
/// If a square does not lie in its buffer.
pub(crate) fn transform(
    (isa, what): (Isa, Transform),
    to: &mut [f32],
    from: &[f32],
    places: Places<'_>,
    (len, bias): Runs<'_>,
) {
    assert!(
        len.is_multiple_of(16) && (bias.is_empty() || bias.len() == len),
        "Winograd's transforms take runs of a multiple of 16 values, and a bias for each"
    );
    match isa {
        Isa::Portable => squares::<Portable>(what, to, from, places, (len, bias)),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_transform(isa, what, (to, from), places, (len, bias)),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

/// Where each square goes and comes from. Not a generic type: each would have all transforms
/// compiled anew.
pub(super) type Places<'a> = &'a mut dyn Iterator<Item = (Square, Square)>;

/// Length of the runs, and what is added to them; empty if nothing is.
pub(super) type Runs<'a> = (usize, &'a [f32]);

#[inline(always)]
pub(super) fn squares<V: Simd>(
    what: Transform,
    to: &mut [f32],
    from: &[f32],
    places: Places<'_>,
    runs: Runs<'_>,
) {
    match what {
        Transform::Inputs => each::<V, Coefficients, 6, 6, false>(to, from, places, runs),
        Transform::Outputs(2) => each::<V, Gathered, 6, 2, true>(to, from, places, runs),
        Transform::Outputs(4) => each::<V, Gathered, 6, 4, true>(to, from, places, runs),
        Transform::OutputGradients(2) => each::<V, Spread, 2, 6, true>(to, from, places, runs),
        Transform::OutputGradients(4) => each::<V, Spread, 4, 6, true>(to, from, places, runs),
        Transform::Kernel(3) => each::<V, ScaledSpread, 3, 6, false>(to, from, places, runs),
        Transform::Kernel(5) => each::<V, ScaledSpread, 5, 6, false>(to, from, places, runs),
        Transform::KernelGradient(3) => {
            each::<V, ScaledGathered, 6, 3, false>(to, from, places, runs)
        }
        Transform::KernelGradient(5) => {
            each::<V, ScaledGathered, 6, 5, false>(to, from, places, runs)
        }
        _ => unreachable!("kernels have sides of 3 or 5, tiles of outputs of 4 or 2"),
    }
}

/// Squares may be cut at the edge of an image if `CUT`.
#[inline(always)]
fn each<V: Simd, L: Line<F, T>, const F: usize, const T: usize, const CUT: bool>(
    to: &mut [f32],
    from: &[f32],
    places: Places<'_>,
    (len, bias): Runs<'_>,
) {
    let mut half = [[V::splat(0.0); F]; T];
    for (target, source) in places {
        let is_whole = target.sides == (T, T) && source.sides == (F, F);
        assert!(is_whole || CUT, "only squares of outputs may be cut");
        for at in (0..len).step_by(V::LANES) {
            let bias = (!bias.is_empty()).then(|| V::load(&bias[at..]));
            if is_whole || !CUT {
                columns::<V, L, F, T, true>(&mut half, from, &source, at);
                rows::<V, L, F, T, true>(&half, (to, &target, at), bias);
            } else {
                columns::<V, L, F, T, false>(&mut half, from, &source, at);
                rows::<V, L, F, T, false>(&half, (to, &target, at), bias);
            }
        }
    }
}

/// The columns of one square, of the values from number `at` on of its runs.
#[inline(always)]
fn columns<V: Simd, L: Line<F, T>, const F: usize, const T: usize, const WHOLE: bool>(
    half: &mut [[V; F]; T],
    from: &[f32],
    source: &Square,
    at: usize,
) {
    for j in 0..F {
        let mut column = [V::splat(0.0); F];
        for i in 0..F {
            if WHOLE || (i < source.sides.0 && j < source.sides.1) {
                column[i] = V::load(&from[place::<V>(source.at(i, j) + at)]);
            }
        }
        let column = L::apply(column);
        for i in 0..T {
            half[i][j] = column[i];
        }
    }
}

/// Then the rows.
#[inline(always)]
fn rows<V: Simd, L: Line<F, T>, const F: usize, const T: usize, const WHOLE: bool>(
    half: &[[V; F]; T],
    (to, target, at): (&mut [f32], &Square, usize),
    bias: Option<V>,
) {
    for i in 0..T {
        let row = L::apply(half[i]);
        for j in 0..T {
            if WHOLE || (i < target.sides.0 && j < target.sides.1) {
                let value = bias.map_or(row[j], |bias| row[j].add(bias));
                value.store(&mut to[place::<V>(target.at(i, j) + at)]);
            }
        }
    }
}

/// The range of a vector that begins at `at`. Without its highest bit the end cannot overflow, so
/// that slicing compares once and not twice: transforms take 0.8 of the time.
#[inline(always)]
fn place<V: Simd>(at: usize) -> std::ops::Range<usize> {
    let at = at & (usize::MAX >> 1);
    at..at + V::LANES
}

/// A matrix that is applied to a line of values: to each column of a square, then to each row.
trait Line<const F: usize, const T: usize> {
    fn apply<V: Simd>(x: [V; F]) -> [V; T];
}

/// B': the coefficients of a product of polynomials from its values.
struct Coefficients;

impl Line<6, 6> for Coefficients {
    #[inline(always)]
    fn apply<V: Simd>(x: [V; 6]) -> [V; 6] {
        let (a, b) = (V::splat(-A * A), V::splat(-B * B));
        let (sum, product) = (V::splat(-A * A - B * B), V::splat(A * A * B * B));
        let (even_a, odd_a) = (x[2].mul_add(b, x[4]), x[1].mul_add(b, x[3]));
        let (even_b, odd_b) = (x[2].mul_add(a, x[4]), x[1].mul_add(a, x[3]));
        [
            x[0].mul_add(product, x[2].mul_add(sum, x[4])),
            odd_a.mul_add(V::splat(A), even_a),
            odd_a.mul_add(V::splat(-A), even_a),
            odd_b.mul_add(V::splat(B), even_b),
            odd_b.mul_add(V::splat(-B), even_b),
            x[1].mul_add(product, x[3].mul_add(sum, x[5])),
        ]
    }
}

/// A: a polynomial's values at the points.
struct Spread;

impl<const K: usize> Line<K, 6> for Spread {
    #[inline(always)]
    fn apply<V: Simd>(x: [V; K]) -> [V; 6] {
        let (even_a, odd_a) = parts(&x, V::splat(A * A));
        let (even_b, odd_b) = parts(&x, V::splat(B * B));
        [
            x[0],
            odd_a.mul_add(V::splat(A), even_a),
            odd_a.mul_add(V::splat(-A), even_a),
            odd_b.mul_add(V::splat(B), even_b),
            odd_b.mul_add(V::splat(-B), even_b),
            x[K - 1],
        ]
    }
}

/// The even and the odd terms of a polynomial as polynomials in `square`, the point's.
#[inline(always)]
fn parts<V: Simd, const K: usize>(x: &[V; K], square: V) -> (V, V) {
    let mut parts = [x[K - 2], x[K - 1]];
    for k in (0..K - 2).rev() {
        parts[(K - k) % 2] = parts[(K - k) % 2].mul_add(square, x[k]);
    }
    if K.is_multiple_of(2) {
        (parts[0], parts[1])
    } else {
        (parts[1], parts[0])
    }
}

/// A': the transpose of [`Spread`].
struct Gathered;

impl<const K: usize> Line<6, K> for Gathered {
    #[inline(always)]
    fn apply<V: Simd>(x: [V; 6]) -> [V; K] {
        let (zero, minus) = (V::splat(0.0), V::splat(-1.0));
        let pairs = [
            (x[1].add(x[2]), x[3].add(x[4])),
            (x[2].mul_add(minus, x[1]), x[4].mul_add(minus, x[3])),
        ];
        let (mut a, mut b) = (1.0, 1.0);
        let mut sums = [zero; K];
        for k in 0..K {
            let start = match k {
                0 => x[0],
                k if k == K - 1 => x[5],
                _ => zero,
            };
            let (first, second) = pairs[k % 2];
            sums[k] = first.mul_add(V::splat(a), second.mul_add(V::splat(b), start));
            a *= A;
            b *= B;
        }
        sums
    }
}

/// G: a kernel's values at the points, over N(p).
struct ScaledSpread;

impl<const K: usize> Line<K, 6> for ScaledSpread {
    #[inline(always)]
    fn apply<V: Simd>(x: [V; K]) -> [V; 6] {
        scaled(Spread::apply(x))
    }
}

/// G': the transpose of [`ScaledSpread`].
struct ScaledGathered;

impl<const K: usize> Line<6, K> for ScaledGathered {
    #[inline(always)]
    fn apply<V: Simd>(x: [V; 6]) -> [V; K] {
        Gathered::apply(scaled(x))
    }
}

#[inline(always)]
fn scaled<V: Simd>(mut x: [V; 6]) -> [V; 6] {
    for i in 0..6 {
        x[i] = x[i].mul_add(V::splat(INVERSES[i]), V::splat(0.0));
    }
    x
}
