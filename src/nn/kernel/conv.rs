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

use super::dispatch::dispatch;
use super::operands::{Bias, Out};
use super::pack::Packed;
use super::simd::{Kernel, Simd};
use super::tile::{LeftRows, Place, RightPanel, Tile, pair_chain, row_chain};

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
/// convolve(Out::dense(&mut y, 1), &[1.0, 2.0, 4.0, 8.0], &windows, 3, &w, Bias::Zero);
/// assert_eq!(y, [-1.0, -2.0, -4.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit.
pub fn convolve(
    y: Out<'_>,
    x: &[f32],
    windows: &Windows,
    positions: usize,
    w: &Packed,
    bias: Bias<'_>,
) {
    assert_eq!(
        windows.depth(),
        w.depth,
        "a kernel must have as many values as a window"
    );
    let kernel = Convolution {
        y,
        x,
        windows,
        positions,
        w,
        bias,
    };
    dispatch(w.arithmetic.isa, w.width, kernel);
}

/// `dw += windows(x)' dy` for one image; `dw` has a row for each value of a window.
///
/// ```
/// use unisono::nn::kernel::{Isa, Ones, Out, Packed, Side, Strided, Windows, add_kernel_gradient};
/// let windows = Windows { image: 4, offsets: vec![0, 1, 2], runs: vec![(0, 2)] };
/// let mut dy = Packed::new(Isa::detect());
/// dy.pack(Side::Right, Strided::across(&[1.0, 1.0, 1.0], 3, 1), Ones::None);
/// let mut dw = [0.0, 100.0];
/// add_kernel_gradient(Out::dense(&mut dw, 1), &[1.0, 2.0, 4.0, 8.0], &windows, &dy);
/// assert_eq!(dw, [7.0, 114.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit.
pub fn add_kernel_gradient(dw: Out<'_>, x: &[f32], windows: &Windows, dy: &Packed) {
    assert_eq!(
        windows.offsets.len(),
        dy.depth,
        "the gradient must have a row for each position"
    );
    let kernel = KernelGradient { dw, x, windows, dy };
    dispatch(dy.arithmetic.isa, dy.width, kernel);
}

struct Convolution<'a> {
    y: Out<'a>,
    x: &'a [f32],
    windows: &'a Windows,
    positions: usize,
    w: &'a Packed,
    bias: Bias<'a>,
}

impl Kernel for Convolution<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let w = self.w;
        let width = N * S::LANES;
        let mut next = self.windows.bases();
        for first in (0..self.positions).step_by(M) {
            let rows = first..(first + M).min(self.positions);
            // Positions beyond the last repeat it; their results are not stored.
            let mut bases = [0; M];
            for i in 0..M {
                bases[i] = if i < rows.len() {
                    next.step()
                } else {
                    bases[rows.len() - 1]
                };
            }
            for j in 0..w.num_panels() {
                let columns = j * width..(j * width + width).min(w.lanes);
                let place = Place::of(&mut self.y, &rows, &columns);
                let start = place.start(simd, self.bias.part(columns));
                let x = LeftRows {
                    data: self.x,
                    starts: &bases,
                };
                let runs = &self.windows.runs;
                let tile = window_chain::<S, M, N>(simd, start, x, runs, w.panel(j));
                place.store(simd, &tile);
            }
        }
    }
}

/// One chain an element over all runs of the windows that begin at `x.starts`.
#[inline(always)]
fn window_chain<S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut tile: Tile<S, M, N>,
    x: LeftRows<'_, M>,
    runs: &[(usize, usize)],
    mut panel: &[f32],
) -> Tile<S, M, N> {
    for &(offset, len) in runs {
        let (block, rest) = panel.split_at(len * N * S::LANES);
        panel = rest;
        let x = LeftRows {
            data: &x.data[offset..],
            ..x
        };
        tile = row_chain::<S, M, N, false>(simd, tile, x, RightPanel::new(block), len);
    }
    tile
}

struct KernelGradient<'a> {
    dw: Out<'a>,
    x: &'a [f32],
    windows: &'a Windows,
    dy: &'a Packed,
}

impl Kernel for KernelGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const M: usize, const L: usize, const N: usize>(mut self, simd: S) {
        let (windows, dy) = (self.windows, self.dy);
        let width = N * S::LANES;
        let mut row = 0;
        for &(offset, len) in &windows.runs {
            for j in 0..dy.num_panels() {
                let run = RunOfPanel {
                    first_row: row,
                    offset,
                    panel: dy.panel(j),
                    first_column: j * width,
                    columns: width.min(dy.lanes - j * width),
                };
                // Tiles of M rows, then of 4, then of 1. (Shifting the last tile back over the one
                // before would add to rows that are already done.)
                let mut k = 0;
                while k + M <= len {
                    self.tile::<S, M, N>(simd, k, &run);
                    k += M;
                }
                while k + 4 <= len {
                    self.tile::<S, 4, N>(simd, k, &run);
                    k += 4;
                }
                while k < len {
                    self.tile::<S, 1, N>(simd, k, &run);
                    k += 1;
                }
            }
            row += len;
        }
    }
}

impl KernelGradient<'_> {
    /// Rows `k..k + M` of a run's part of the gradient, in one panel of columns.
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        k: usize,
        run: &RunOfPanel<'_>,
    ) {
        let first = run.first_row + k;
        let columns = run.first_column..run.first_column + run.columns;
        let place = Place::of(&mut self.dw, &(first..first + M), &columns);
        let start = place.load::<S, M, N>(simd);
        let x = &self.x[run.offset + k..];
        let windows = self.windows.offsets.iter().map(|&base| &x[base..]);
        let dy = run.panel.chunks_exact(N * S::LANES);
        let tile = pair_chain(simd, start, windows.zip(dy));
        place.store(simd, &tile);
    }
}

/// A run of the windows, and a panel of the gradient's columns.
struct RunOfPanel<'a> {
    /// The run's first row of the kernel's gradient.
    first_row: usize,
    /// Where it begins in a window.
    offset: usize,
    panel: &'a [f32],
    first_column: usize,
    columns: usize,
}
