//! Pooling over images: maximum, average, global and adaptive average.
//!
//! # Shapes
//! X: (B, H, W, C), Y: (B, H', W', C); H' = floor((H + 2 p - k) / s) + 1. A sequence (T, C) is
//! pooled over T.
//!
//! # Conventions
//! Maximum: padding never wins, the first of equals does. Average: divided by k x k, padding
//! counted, as PyTorch does; adaptive: output i averages input rows floor(i H / H') to ceil((i + 1)
//! H / H'), divided by their number.

use std::ops::Range;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Grads, Layer, Op, Properties, Spec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

/// A pooling layer over images (H, W, C) or sequences (T, C); channels do not mix.
///
/// Windows of kernel k with stride s and padding p turn an axis of n values into one of
/// `(n + 2 p - k) / s + 1`, rounded down.
///
/// ```
/// use unisono::nn::{Pool, Sequential};
/// let model = Sequential::new([28, 28, 8]).layer(Pool::max(2));
/// assert_eq!(model.output_shape()?.axes(), [14, 14, 8]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    kind: Kind,
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Max,
    Average,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Size {
    Windows {
        kernel: usize,
        stride: usize,
        padding: usize,
    },
    Outputs(usize, usize),
}

impl Pool {
    /// Maxima of windows of `kernel` x `kernel` that do not overlap.
    pub fn max(kernel: usize) -> Self {
        Self::windows(Kind::Max, kernel)
    }

    /// Averages of windows of `kernel` x `kernel` that do not overlap.
    pub fn average(kernel: usize) -> Self {
        Self::windows(Kind::Average, kernel)
    }

    /// One average a channel; the output has the channels alone.
    pub fn global_average() -> Self {
        Self::adaptive_average(0, 0)
    }

    /// Averages of windows chosen so that `height` x `width` outputs cover the input (for
    /// sequences, `width`).
    ///
    /// ```
    /// use unisono::nn::{Pool, Sequential};
    /// let image = Sequential::new([7, 7, 8]).layer(Pool::adaptive_average(3, 2));
    /// assert_eq!(image.output_shape()?.axes(), [3, 2, 8]);
    /// let sequence = Sequential::new([10, 8]).layer(Pool::adaptive_average(1, 4));
    /// assert_eq!(sequence.output_shape()?.axes(), [4, 8]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn adaptive_average(height: usize, width: usize) -> Self {
        Self {
            kind: Kind::Average,
            size: Size::Outputs(height, width),
        }
    }

    fn windows(kind: Kind, kernel: usize) -> Self {
        Self {
            kind,
            size: Size::Windows {
                kernel,
                stride: kernel,
                padding: 0,
            },
        }
    }

    /// With steps of `stride` between windows, at least 1; no effect on adaptive and global
    /// averages.
    pub fn stride(mut self, by: usize) -> Self {
        if let Size::Windows { stride, .. } = &mut self.size {
            *stride = by;
        }
        self
    }

    /// With `padding` on every side, at most half of the kernel; no effect on adaptive and global
    /// averages.
    ///
    /// ```
    /// use unisono::nn::{Pool, Sequential};
    /// let model = Sequential::new([8, 8, 4]).layer(Pool::max(3).stride(2).padding(1));
    /// assert_eq!(model.output_shape()?.axes(), [4, 4, 4]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn padding(mut self, by: usize) -> Self {
        if let Size::Windows { padding, .. } = &mut self.size {
            *padding = by;
        }
        self
    }

    /// The input rows (or columns) of each output's window, along an axis of `len`.
    fn axis(self, len: usize, outputs: usize, build: &Build) -> Result<Vec<Range<usize>>, NnError> {
        match self.size {
            Size::Windows {
                kernel,
                stride,
                padding,
            } => {
                if kernel == 0 || stride == 0 {
                    let got = format!("kernel {kernel}, stride {stride}");
                    return Err(build.refuse("a kernel and a stride of at least 1", got));
                }
                if padding > kernel / 2 {
                    let expected = format!("padding of at most half the kernel {kernel}");
                    return Err(build.refuse(expected, padding));
                }
                if len + 2 * padding < kernel {
                    let expected = format!("a padded input of at least the kernel's {kernel}");
                    return Err(build.refuse(expected, len + 2 * padding));
                }
                let count = (len + 2 * padding - kernel) / stride + 1;
                let window = |i: usize| {
                    let start = i * stride;
                    start.saturating_sub(padding)..(start + kernel - padding).min(len)
                };
                Ok((0..count).map(window).collect())
            }
            Size::Outputs(..) => {
                let outputs = outputs.max(1);
                let window = |i: usize| i * len / outputs..((i + 1) * len).div_ceil(outputs);
                Ok((0..outputs).map(window).collect())
            }
        }
    }
}

impl Spec for Pool {
    fn name(&self) -> &'static str {
        match (self.kind, self.size) {
            (Kind::Max, _) => "max_pool",
            (Kind::Average, Size::Outputs(0, 0)) => "global_average_pool",
            (Kind::Average, Size::Outputs(..)) => "adaptive_average_pool",
            (Kind::Average, _) => "average_pool",
        }
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let (height, width, channels) = match *input.axes() {
            [t, c] => (1, t, c),
            [h, w, c] => (h, w, c),
            _ => return Err(build.refuse("rows of shape HxWxC or TxC", input)),
        };
        // The windows along each axis.
        let is_sequence = input.axes().len() == 2;
        let outputs = match self.size {
            Size::Outputs(h, w) => (h, w),
            Size::Windows { .. } => (0, 0),
        };
        let rows = if is_sequence {
            vec![Range { start: 0, end: 1 }]
        } else {
            self.axis(height, outputs.0, build)?
        };
        let columns = self.axis(width, outputs.1, build)?;
        // The shape that they give, and what a sum is divided by.
        let output = match (self.size, is_sequence) {
            (Size::Outputs(0, 0), _) => Shape::from(channels),
            (_, true) => Shape::from([columns.len(), channels]),
            (_, false) => Shape::from([rows.len(), columns.len(), channels]),
        };
        let divisor = match self.size {
            Size::Windows { kernel, .. } if is_sequence => Some(kernel),
            Size::Windows { kernel, .. } => Some(kernel * kernel),
            Size::Outputs(..) => None,
        };
        Ok(Box::new(PoolLayer {
            kind: self.kind,
            divisor,
            rows,
            columns,
            width,
            channels,
            input: input.len(),
            output,
            winners: Vec::new(),
        }))
    }

    fn op(&self) -> Option<Op> {
        match self.size {
            Size::Windows {
                kernel,
                stride,
                padding,
            } => Some(Op::Pool {
                is_max: self.kind == Kind::Max,
                kernel,
                stride,
                padding,
            }),
            Size::Outputs(0, 0) => Some(Op::GlobalAverage),
            Size::Outputs(height, width) => Some(Op::AdaptiveAverage { height, width }),
        }
    }

    fn to_json(&self) -> Option<String> {
        layer_json("pool", self)
    }
}

/// A pooling layer at work.
#[derive(Debug)]
struct PoolLayer {
    kind: Kind,
    /// What a sum is divided by; the window's own size where there is none.
    divisor: Option<usize>,
    rows: Vec<Range<usize>>,
    columns: Vec<Range<usize>>,
    width: usize,
    channels: usize,
    input: usize,
    output: Shape,
    /// For each output, the input position that won.
    winners: Vec<u32>,
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
