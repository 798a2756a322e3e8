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

use serde::{Deserialize, Serialize};

use super::pool_layer::{Kind, PoolLayer};
use crate::nn::core::{Build, Layer, Op, Spec, layer_json};
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
