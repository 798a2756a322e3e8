//! Pooling at work: each output's window, its maximum or average, and their gradients.

use std::ops::Range;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::nn::core::{BackwardArgs, BlockContext, Grads, Layer, Properties};
use crate::nn::shape::Shape;

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Max,
    Average,
}

/// A pooling layer at work.
#[derive(Debug)]
pub(super) struct PoolLayer {
    pub(super) kind: Kind,
    /// What a sum is divided by; the window's own size where there is none.
    pub(super) divisor: Option<usize>,
    pub(super) rows: Vec<Range<usize>>,
    pub(super) columns: Vec<Range<usize>>,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) input: usize,
    pub(super) output: Shape,
    /// For each output, the input position that won.
    pub(super) winners: Vec<u32>,
}

impl PoolLayer {
    /// Each output's window, in order.
    #[inline(always)]
    fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        let rows = self.rows.iter();
        rows.flat_map(|rows| {
            let columns = self.columns.iter();
            columns.map(move |columns| Window {
                rows: rows.clone(),
                columns: columns.clone(),
            })
        })
    }

    fn factor(&self, window: &Window) -> f32 {
        let size = window.rows.len() * window.columns.len();
        1.0 / self.divisor.unwrap_or(size) as f32
    }
}

impl Layer for PoolLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn forward(&mut self, context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        let outputs = self.output.len();
        let mut winners = std::mem::take(&mut self.winners);
        if self.kind == Kind::Max && winners.len() < context.rows * outputs {
            winners.resize(context.rows * outputs, 0);
        }
        for row in 0..context.rows {
            let x = &x[row * self.input..][..self.input];
            let y = &mut y[row * outputs..][..outputs];
            match self.kind {
                Kind::Max => maxima(self, x, y, &mut winners[row * outputs..][..outputs]),
                Kind::Average => averages(self, x, y),
            }
        }
        self.winners = winners;
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        let Some(dx) = args.dx else { return };
        let outputs = self.output.len();
        dx.fill(0.0);
        for row in 0..context.rows {
            let dx = &mut dx[row * self.input..][..self.input];
            let dy = &args.dy[row * outputs..][..outputs];
            match self.kind {
                Kind::Max => {
                    let winners = &self.winners[row * outputs..][..outputs];
                    add_to_winners(self, dx, dy, winners);
                }
                Kind::Average => spread(self, dx, dy),
            }
        }
    }

    fn properties(&self) -> Properties {
        Properties {
            bytes_per_row: 4 * self.output.len(),
            ..Properties::default()
        }
    }
}

/// Rows and columns of the input.
struct Window {
    rows: Range<usize>,
    columns: Range<usize>,
}

/// The input positions of a window, in order.
#[inline(always)]
fn positions(window: &Window, width: usize) -> impl Iterator<Item = usize> + use<> {
    let columns = window.columns.clone();
    let rows = window.rows.clone();
    rows.flat_map(move |i| columns.clone().map(move |j| i * width + j))
}

/// The maxima of one row, and the positions that won: the first of equals. NaN wins, so that a
/// diverged model is seen.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn maxima(layer: &PoolLayer, x: &[f32], y: &mut [f32], winners: &mut [u32]) {
    let c = layer.channels;
    let outputs = y.chunks_exact_mut(c).zip(winners.chunks_exact_mut(c));
    for (window, (y, won)) in layer.windows().zip(outputs) {
        y.fill(f32::NEG_INFINITY);
        won.fill(u32::MAX);
        for position in positions(&window, layer.width) {
            let x = &x[position * c..][..c];
            for ((best, won), &x) in y.iter_mut().zip(won.iter_mut()).zip(x) {
                let stays = (x <= *best) & (*won != u32::MAX);
                *won = if stays { *won } else { position as u32 };
                *best = if stays { *best } else { x };
            }
        }
    }
}

/// Adds each output's gradient to the position that won.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_to_winners(layer: &PoolLayer, dx: &mut [f32], dy: &[f32], winners: &[u32]) {
    let c = layer.channels;
    let outputs = dy.chunks_exact(c).zip(winners.chunks_exact(c));
    for (window, (dy, won)) in layer.windows().zip(outputs) {
        for position in positions(&window, layer.width) {
            let dx = &mut dx[position * c..][..c];
            for ((dx, dy), won) in dx.iter_mut().zip(dy).zip(won) {
                *dx += if *won == position as u32 { *dy } else { 0.0 };
            }
        }
    }
}

/// The averages of one row.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn averages(layer: &PoolLayer, x: &[f32], y: &mut [f32]) {
    let c = layer.channels;
    for (window, y) in layer.windows().zip(y.chunks_exact_mut(c)) {
        y.fill(0.0);
        let factor = layer.factor(&window);
        for position in positions(&window, layer.width) {
            let x = &x[position * c..][..c];
            y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
        }
    }
}

/// Spreads each output's gradient over its window.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn spread(layer: &PoolLayer, dx: &mut [f32], dy: &[f32]) {
    let c = layer.channels;
    for (window, dy) in layer.windows().zip(dy.chunks_exact(c)) {
        let factor = layer.factor(&window);
        for position in positions(&window, layer.width) {
            let dx = &mut dx[position * c..][..c];
            dx.iter_mut()
                .zip(dy)
                .for_each(|(dx, dy)| *dx += factor * dy);
        }
    }
}
