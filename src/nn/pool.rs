//! Pooling over images: maximum, average, global and adaptive average.
//!
//! # Shapes
//! X: (B, H, W, C), Y: (B, H', W', C); H' = floor((H + 2 p - k) / s) + 1. A sequence (T, C) is pooled over T.
//!
//! # Conventions
//! Maximum: padding never wins, the first of equals does. Average: divided by k x k, padding counted, as PyTorch does;
//! adaptive: output i averages input rows floor(i H / H') to ceil((i + 1) H / H'), divided by their number.

use std::ops::Range;

use super::error::NnError;
use super::layer::{Build, Grads, Layer, Pass, Spec, Tape};
use super::shape::Shape;

/// A pooling layer.
///
/// ```
/// use unisono::nn::{Pool, Sequential};
/// let model = Sequential::new([28, 28, 8]).layer(Pool::max(2));
/// assert_eq!(model.output_shape()?.axes(), [14, 14, 8]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    kind: Kind,
    size: Size,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Max,
    Average,
}

#[derive(Clone, Copy, Debug, PartialEq)]
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

    /// Averages of windows chosen so that `height` x `width` outputs cover the input (for sequences, `width`).
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

    /// With steps of `stride` between windows.
    pub fn stride(mut self, by: usize) -> Self {
        if let Size::Windows { stride, .. } = &mut self.size {
            *stride = by;
        }
        self
    }

    /// With `padding` on every side, at most half of the kernel.
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
    /// The input positions of each output's window, in order.
    fn windows(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        let rows = self.rows.iter();
        rows.flat_map(|rows| {
            let columns = self.columns.iter();
            columns.map(move |columns| (rows.clone(), columns.clone()))
        })
    }

    fn factor(&self, window: &(Range<usize>, Range<usize>)) -> f32 {
        let size = window.0.len() * window.1.len();
        1.0 / self.divisor.unwrap_or(size) as f32
    }
}

impl Layer for PoolLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn forward(&mut self, pass: &Pass<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        let (c, outputs) = (self.channels, self.output.len());
        let mut winners = std::mem::take(&mut self.winners);
        if self.kind == Kind::Max && winners.len() < pass.rows * outputs {
            winners.resize(pass.rows * outputs, 0);
        }
        for row in 0..pass.rows {
            let x = &x[row * self.input..][..self.input];
            let y = &mut y[row * outputs..][..outputs];
            for (window, (at, y)) in self.windows().zip(y.chunks_exact_mut(c).enumerate()) {
                let positions = positions(&window, self.width);
                match self.kind {
                    Kind::Max => {
                        let won = &mut winners[row * outputs + at * c..][..c];
                        y.fill(f32::NEG_INFINITY);
                        for position in positions {
                            maximum(y, won, &x[position * c..][..c], position as u32);
                        }
                    }
                    Kind::Average => {
                        y.fill(0.0);
                        let factor = self.factor(&window);
                        for position in positions {
                            add_scaled(y, &x[position * c..][..c], factor);
                        }
                    }
                }
            }
        }
        self.winners = winners;
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, _grads: &mut Grads<'_>) {
        let Some(dx) = tape.dx else { return };
        let (c, outputs) = (self.channels, self.output.len());
        dx.fill(0.0);
        for row in 0..pass.rows {
            let dx = &mut dx[row * self.input..][..self.input];
            let dy = &tape.dy[row * outputs..][..outputs];
            for (window, (at, dy)) in self.windows().zip(dy.chunks_exact(c).enumerate()) {
                let factor = self.factor(&window);
                for position in positions(&window, self.width) {
                    let dx = &mut dx[position * c..][..c];
                    match self.kind {
                        Kind::Max => {
                            let won = &self.winners[row * outputs + at * c..][..c];
                            add_won(dx, dy, won, position as u32);
                        }
                        Kind::Average => add_scaled(dx, dy, factor),
                    }
                }
            }
        }
    }

    fn bytes_per_row(&self) -> usize {
        4 * self.output.len()
    }
}

fn positions(
    (rows, columns): &(Range<usize>, Range<usize>),
    width: usize,
) -> impl Iterator<Item = usize> {
    let columns = columns.clone();
    rows.clone()
        .flat_map(move |i| columns.clone().map(move |j| i * width + j))
}

/// Where `x` is larger, takes it over and notes its position. NaN wins, so that a diverged model is seen.
fn maximum(best: &mut [f32], won: &mut [u32], x: &[f32], position: u32) {
    for ((best, won), &x) in best.iter_mut().zip(won).zip(x) {
        let wins = !(x <= *best) || (*best == f32::NEG_INFINITY);
        *won = if wins { position } else { *won };
        *best = if wins { x } else { *best };
    }
}

fn add_won(dx: &mut [f32], dy: &[f32], won: &[u32], position: u32) {
    for ((dx, dy), won) in dx.iter_mut().zip(dy).zip(won) {
        *dx += if *won == position { *dy } else { 0.0 };
    }
}

fn add_scaled(to: &mut [f32], from: &[f32], factor: f32) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}
