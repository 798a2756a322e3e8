//! A convolution as data: its settings, and which rows it takes.

use serde::{Deserialize, Serialize};

use super::padded_input::{Axis, ImageShape, Padding, PerAxis};
use crate::nn::core::{Build, Init};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

/// A convolution over images (H, W, C) or sequences (T, C): cross-correlation, as everywhere in the
/// field.
///
/// With kernel k, stride s, padding p and dilation d, an axis of n values becomes one of
/// `(n + 2 p - d (k - 1) - 1) / s + 1`, rounded down.
///
/// ```
/// use unisono::nn::{Conv, Sequential};
/// let model = Sequential::new([28, 28, 1]).layer(Conv::d2(32, 5).padding(2)).relu();
/// assert_eq!(model.output_shape()?.axes(), [28, 28, 32]);
/// assert_eq!(model.layout()?.num_params(), 5 * 5 * 32 + 32);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    pub(super) is_sequence: bool,
    pub(super) channels: usize,
    pub(super) kernel: (usize, usize),
    pub(super) stride: (usize, usize),
    pub(super) padding: (usize, usize),
    pub(super) dilation: (usize, usize),
    pub(super) groups: usize,
    pub(super) weight: Init,
    pub(super) bias: Option<Init>,
    pub(super) is_direct: bool,
    pub(super) is_causal: bool,
}

impl Conv {
    /// Over images, to `channels` channels, with a square kernel, stride 1, no padding; weights
    /// He-uniform, biases zero.
    pub fn d2(channels: usize, kernel: usize) -> Self {
        Self {
            is_sequence: false,
            channels,
            kernel: (kernel, kernel),
            stride: (1, 1),
            padding: (0, 0),
            dilation: (1, 1),
            groups: 1,
            weight: Init::HeUniform,
            bias: Some(Init::Zeros),
            is_direct: false,
            is_causal: false,
        }
    }

    /// Over sequences, to `channels` channels; otherwise as [`Conv::d2`].
    pub fn d1(channels: usize, kernel: usize) -> Self {
        Self {
            is_sequence: true,
            kernel: (1, kernel),
            ..Self::d2(channels, kernel)
        }
    }

    /// The same value for every axis that is convolved.
    fn axes(&self, value: usize, other: usize) -> (usize, usize) {
        if self.is_sequence {
            (other, value)
        } else {
            (value, value)
        }
    }

    /// With a kernel of another height and width, each at least 1; the height is 1 for sequences.
    pub fn kernel(self, height: usize, width: usize) -> Self {
        Self {
            kernel: (height, width),
            ..self
        }
    }

    /// With steps of `stride` between windows, at least 1.
    pub fn stride(self, stride: usize) -> Self {
        Self {
            stride: self.axes(stride, 1),
            ..self
        }
    }

    /// With `padding` zeros on every side: fewer than the kernel reaches, `d (k - 1) + 1`.
    pub fn padding(self, padding: usize) -> Self {
        Self {
            padding: self.axes(padding, 0),
            ..self
        }
    }

    /// Over sequences: a position sees itself and those before it, by zeros before the first one,
    /// so many as the kernel reaches back; at stride 1 there are as many positions as before.
    /// Without other padding, and not over images.
    ///
    /// ```
    /// use unisono::nn::{Conv, Sequential};
    /// let model = Sequential::new([16, 4]).layer(Conv::d1(8, 3).dilation(2).causal());
    /// assert_eq!(model.output_shape()?.axes(), [16, 8]);
    /// assert!(Sequential::new([8, 8, 4]).layer(Conv::d2(8, 3).causal()).layout().is_err());
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn causal(self) -> Self {
        Self {
            is_causal: true,
            ..self
        }
    }

    /// Zeros before the columns of a row, and behind them.
    pub(super) fn column_padding(&self) -> Padding {
        if self.is_causal {
            Padding {
                before: self.dilation.1 * (self.kernel.1 - 1),
                behind: 0,
            }
        } else {
            Padding {
                before: self.padding.1,
                behind: self.padding.1,
            }
        }
    }

    /// With `dilation` steps between the values of a window, at least 1; by default 1.
    pub fn dilation(self, dilation: usize) -> Self {
        Self {
            dilation: self.axes(dilation, 1),
            ..self
        }
    }

    /// With channels cut into `groups` that do not mix; it must divide the channels of input and
    /// output.
    ///
    /// ```
    /// use unisono::nn::{Conv, Sequential};
    /// let conv = Conv::d2(16, 3).padding(2).dilation(2).stride(2).groups(8).without_bias();
    /// let model = Sequential::new([8, 8, 16]).layer(conv);
    /// assert_eq!(model.output_shape()?.axes(), [4, 4, 16]);
    /// assert_eq!(model.layout()?.num_params(), 3 * 3 * 2 * 16);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With other initial weights.
    pub fn weight(self, init: Init) -> Self {
        Self {
            weight: init,
            ..self
        }
    }

    /// With other initial biases.
    pub fn bias(self, init: Init) -> Self {
        Self {
            bias: Some(init),
            ..self
        }
    }

    /// Without biases.
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }

    /// Never by Winograd's algorithm, which 3 x 3 and 5 x 5 kernels at stride 1, from and to
    /// multiples of 16 channels, take by default: faster, with rounding errors 1 to 5 times those
    /// of direct sums.
    ///
    /// ```
    /// use unisono::nn::{Conv, Sequential};
    /// let model = |conv| Sequential::new([8, 8, 16]).layer(conv);
    /// let conv = Conv::d2(16, 3).padding(1);
    /// let (fast, direct) = (model(conv.clone()), model(conv.direct()));
    /// let (fast, direct) = (fast.training_flops()?, direct.training_flops()?);
    /// assert_eq!(fast.counted, direct.counted);
    /// assert_eq!(4 * fast.executed, direct.executed);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn direct(self) -> Self {
        Self {
            is_direct: true,
            ..self
        }
    }

    /// The image that a row of shape `input` is, if it can take such rows.
    pub(super) fn check(&self, input: &Shape, build: &Build) -> Result<ImageShape, NnError> {
        let (rows, columns, channels) = match (self.is_sequence, input.axes()) {
            (true, &[t, c]) => (1, t, c),
            (false, &[h, w, c]) => (h, w, c),
            (true, _) => return Err(build.refuse("rows of shape TxC", input)),
            (false, _) => return Err(build.refuse("rows of shape HxWxC", input)),
        };
        // Then the numbers by themselves, and what they make of this image.
        self.check_numbers(channels, build)?;
        let axes = self.axes_of(rows, columns);
        for axis in [axes.rows, axes.columns] {
            let (padding, reach) = (axis.padding, axis.reach());
            let padded = axis.size + padding.before + padding.behind;
            if padded < reach {
                let expected = format!("a padded input of at least the kernel's reach {reach}");
                return Err(build.refuse(expected, padded));
            }
            if padding.before >= reach {
                let expected = format!("padding below the kernel's reach {reach}");
                return Err(build.refuse(expected, padding.before));
            }
        }
        Ok(ImageShape {
            rows,
            columns,
            channels,
        })
    }

    /// That no number is 0, groups divide the channels, and what is causal is a sequence.
    fn check_numbers(&self, channels: usize, build: &Build) -> Result<(), NnError> {
        let positive = [
            ("channels", self.channels),
            ("kernel values an axis", self.kernel.0.min(self.kernel.1)),
            ("step of stride", self.stride.0.min(self.stride.1)),
            ("step of dilation", self.dilation.0.min(self.dilation.1)),
            ("group", self.groups),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(build.refuse(format!("at least 1 {name}"), value));
            }
        }
        if !channels.is_multiple_of(self.groups) || !self.channels.is_multiple_of(self.groups) {
            let expected = format!("input and output channels in {} equal groups", self.groups);
            return Err(build.refuse(expected, format!("{channels} and {}", self.channels)));
        }
        if self.is_causal && !self.is_sequence {
            return Err(build.refuse("a sequence where it is causal", "an image"));
        }
        if self.is_causal && self.padding.1 > 0 {
            let expected = "no padding of its own where it is causal";
            return Err(build.refuse(expected, self.padding.1));
        }
        Ok(())
    }

    /// The axes of images of so many rows and columns.
    pub(super) fn axes_of(&self, rows: usize, columns: usize) -> PerAxis<Axis> {
        PerAxis {
            rows: Axis {
                size: rows,
                kernel: self.kernel.0,
                stride: self.stride.0,
                padding: Padding {
                    before: self.padding.0,
                    behind: self.padding.0,
                },
                dilation: self.dilation.0,
            },
            columns: Axis {
                size: columns,
                kernel: self.kernel.1,
                stride: self.stride.1,
                padding: self.column_padding(),
                dilation: self.dilation.1,
            },
        }
    }
}
