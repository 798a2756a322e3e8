//! Convolution without im2col: the products' chains, reading windows where they lie.
//!
//! Images are (H, W, C) with their padding around them, so the window of an output position is a
//! few *runs* of neighbouring values: one for each kernel row (all its columns and channels), or
//! one for each kernel element where there is dilation or where groups cut the channels.
//!
//! ```text
//! forward    for each tile of M output positions          their windows stay in L1
//!              for each panel of N weight columns           streams from L2
//!                for each run: y[i][j] = fma(x[base_i + p], w[p][j], y[i][j])
//! gradient   for each image                                the image and its dy stay in L2
//!              for each panel of dy, each M values of a run
//!                for each position: w[i][j] = fma(x[base + i], dy[position][j], w[i][j])
//! ```
//!
//! # Invariants
//! 1. Each output is one chain over kernel rows, kernel columns, channels; each weight's gradient
//!    one chain over images and positions. No blocking and no vector width changes a bit.
//!
//! # Why this way
//! Packing windows into panels (im2col) costs a store for each value, as much as its sixteen
//! multiply-adds. Measured with `benches/layers.rs`.

use super::isa::Isa;
use super::pack::Packed;
use super::product::{Bias, Out};
use super::simd::{Panel, Portable, Simd, Tile, load, pair_chain, row_chain, store};

/// Where the windows of an image lie.
///
/// ```
/// use unisono::nn::kernel::Windows;
/// // Windows of 2 x 2 values in an image of 3 x 3.
/// let windows = Windows { image: 9, offsets: vec![0, 1, 3, 4], runs: vec![(0, 2), (3, 2)] };
/// assert_eq!(windows.depth(), 4);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Windows {
    /// Values of an image with its padding.
    pub image: usize,
    /// For each output position, where its window begins in the image.
    pub offsets: Vec<usize>,
    /// Offset from the window's begin, and length, of each run.
    pub runs: Vec<(usize, usize)>,
}

impl Windows {
    /// Values of a window.
    pub fn depth(&self) -> usize {
        self.runs.iter().map(|run| run.1).sum()
    }

    /// Where the windows begin, one output position after another.
    #[inline(always)]
    fn bases(&self) -> Bases<'_> {
        Bases {
            windows: self,
            image: 0,
            at: 0,
        }
    }
}

/// Where windows begin, counted on over all images, without a division a position.
struct Bases<'a> {
    windows: &'a Windows,
    image: usize,
    at: usize,
}

impl Bases<'_> {
    #[inline(always)]
    fn step(&mut self) -> usize {
        if self.at == self.windows.offsets.len() {
            self.image += self.windows.image;
            self.at = 0;
        }
        self.at += 1;
        self.image + self.windows.offsets[self.at - 1]
    }
}

/// `y = bias + windows(x) w` for `positions` output positions, counted over all images of `x`.
///
/// ```
/// use unisono::nn::kernel::{Bias, Isa, Ones, Out, Packed, Side, Strided, Windows, convolve};
/// let windows = Windows { image: 4, offsets: vec![0, 1, 2], runs: vec![(0, 2)] };
/// let mut w = Packed::new(Isa::detect());
/// w.pack(Side::Right, Strided::across(&[1.0, -1.0], 2, 1), Ones::None);
/// let mut y = [0.0; 3];
/// convolve(Out::dense(&mut y, 1), (&[1.0, 2.0, 4.0, 8.0], &windows, 3), &w, Bias::Zero);
/// assert_eq!(y, [-1.0, -2.0, -4.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit.
pub fn convolve(
    y: Out<'_>,
    (x, windows, positions): (&[f32], &Windows, usize),
    w: &Packed,
    bias: Bias<'_>,
) {
    assert_eq!(
        windows.depth(),
        w.depth,
        "a kernel must have as many values as a window"
    );
    match w.isa {
        Isa::Portable => forward::<Portable, 4, 2>(y, (x, windows, positions), w, bias),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_convolve(isa, y, (x, windows, positions), (w, bias)),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

/// `dw += windows(x)' dy` for one image; `dw` has a row for each value of a window.
///
/// ```
/// use unisono::nn::kernel::{Isa, Ones, Out, Packed, Side, Strided, Windows, add_kernel_gradient};
/// let windows = Windows { image: 4, offsets: vec![0, 1, 2], runs: vec![(0, 2)] };
/// let mut dy = Packed::new(Isa::detect());
/// dy.pack(Side::Right, Strided::across(&[1.0, 1.0, 1.0], 3, 1), Ones::None);
/// let mut dw = [0.0, 100.0];
/// add_kernel_gradient(Out::dense(&mut dw, 1), (&[1.0, 2.0, 4.0, 8.0], &windows), &dy);
/// assert_eq!(dw, [7.0, 114.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit.
pub fn add_kernel_gradient(dw: Out<'_>, (x, windows): (&[f32], &Windows), dy: &Packed) {
    assert_eq!(
        windows.offsets.len(),
        dy.depth,
        "the gradient must have a row for each position"
    );
    match dy.isa {
        Isa::Portable => gradient::<Portable, 6, 2>(dw, (x, windows), dy),
        #[cfg(target_arch = "x86_64")]
        isa => super::x86::run_kernel_gradient(isa, dw, (x, windows), dy),
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("other architectures have the portable kernels only"),
    }
}

#[inline(always)]
pub(super) fn forward<V: Simd, const M: usize, const N: usize>(
    Out { data: y, stride }: Out<'_>,
    (x, windows, positions): (&[f32], &Windows, usize),
    w: &Packed,
    bias: Bias<'_>,
) {
    let width = N * V::LANES;
    let mut next = windows.bases();
    for first in (0..positions).step_by(M) {
        let rows = M.min(positions - first);
        // Positions beyond the last repeat it; their results are not stored.
        let mut bases = [0; M];
        for i in 0..M {
            bases[i] = if i < rows {
                next.step()
            } else {
                bases[rows - 1]
            };
        }
        for j in 0..w.num_panels() {
            let columns = j * width..(j * width + width).min(w.lanes);
            let place = &mut y[first * stride + columns.start..];
            let shape = (rows, columns.len());
            let start: Tile<V, M, N> = bias.part(columns).start(place, stride, shape);
            let tile = window_chain(start, (x, &bases), &windows.runs, w.panel(j));
            store(&tile, place, stride, shape);
        }
    }
}

/// One chain an element over all runs of the windows that begin at `bases`.
#[inline(always)]
fn window_chain<V: Simd, const M: usize, const N: usize>(
    mut tile: Tile<V, M, N>,
    (x, bases): (&[f32], &[usize; M]),
    runs: &[(usize, usize)],
    mut panel: &[f32],
) -> Tile<V, M, N> {
    for &(offset, len) in runs {
        let (block, rest) = panel.split_at(len * N * V::LANES);
        panel = rest;
        tile = row_chain::<V, M, N, false>(tile, (&x[offset..], bases), Panel::new(block), len);
    }
    tile
}

#[inline(always)]
pub(super) fn gradient<V: Simd, const M: usize, const N: usize>(
    Out { data: dw, stride }: Out<'_>,
    (x, windows): (&[f32], &Windows),
    dy: &Packed,
) {
    let mut row = 0;
    for &(offset, len) in &windows.runs {
        for j in 0..dy.num_panels() {
            let at = (offset, dy.panel(j), j * N * V::LANES);
            let dw = &mut dw[row * stride..];
            let columns = (N * V::LANES).min(dy.lanes - at.2);
            // Tiles of M rows, then of 4, then of 1. (Shifting the last tile back over the one
            // before would add to rows that are already done.)
            let mut k = 0;
            while k + M <= len {
                gradient_tile::<V, M, N>((dw, stride, columns), k, (x, windows), at);
                k += M;
            }
            while k + 4 <= len {
                gradient_tile::<V, 4, N>((dw, stride, columns), k, (x, windows), at);
                k += 4;
            }
            while k < len {
                gradient_tile::<V, 1, N>((dw, stride, columns), k, (x, windows), at);
                k += 1;
            }
        }
        row += len;
    }
}

/// Rows `k..k + M` of a run's part of the gradient, in one panel of columns.
#[inline(always)]
fn gradient_tile<V: Simd, const M: usize, const N: usize>(
    (dw, stride, columns): (&mut [f32], usize, usize),
    k: usize,
    (x, windows): (&[f32], &Windows),
    (offset, panel, first): (usize, &[f32], usize),
) {
    let place = &mut dw[k * stride + first..];
    let start: Tile<V, M, N> = load(place, stride, (M, columns));
    let x = &x[offset + k..];
    let windows = windows.offsets.iter().map(|&base| &x[base..]);
    let tile = pair_chain(start, windows.zip(panel.chunks_exact(N * V::LANES)));
    store(&tile, place, stride, (M, columns));
}
