//! Images laid out for `kernel::conv`: values among the zeros of their padding.

use std::ops::Range;

use crate::nn::core::blocks;
use crate::nn::kernel::{Buffer, Windows};

/// Values of images that are worked on at a time: 128 KiB.
const BLOCK: usize = 1 << 15;

/// One of something for rows, and one for columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PerAxis<T> {
    pub(super) rows: T,
    pub(super) columns: T,
}

impl<T> PerAxis<T> {
    /// The same of both.
    pub(super) fn map<U>(self, of: impl Fn(T) -> U) -> PerAxis<U> {
        PerAxis {
            rows: of(self.rows),
            columns: of(self.columns),
        }
    }
}

/// Zeros before the values of an axis, and behind them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Padding {
    pub(super) before: usize,
    pub(super) behind: usize,
}

/// Kernel values along an axis, and how far they are apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps {
    pub(super) count: usize,
    pub(super) step: usize,
}

/// One axis of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: Padding,
    pub(super) dilation: usize,
}

impl Axis {
    /// Values from the first of a kernel to its last.
    pub(super) fn reach(self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    pub(super) fn outputs(self) -> usize {
        (self.size + self.padding.before + self.padding.behind - self.reach()) / self.stride + 1
    }

    /// The axis of the convolution that gives the gradient of the input from that of the output, at
    /// stride 1.
    pub(super) fn reversed(self) -> Self {
        Self {
            size: self.outputs(),
            padding: Padding {
                before: self.reach() - 1 - self.padding.before,
                behind: self.reach() - 1 - self.padding.behind,
            },
            ..self
        }
    }
}

/// Input and output channels, of a convolution or of one of its groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Channels {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Rows, columns and channels of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageShape {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
}

/// Images laid out for `kernel::conv`: values among zeros.
#[derive(Debug)]
pub(super) struct PaddedInput {
    pub(super) windows: Windows,
    /// The image without its zeros.
    pub(super) values: ImageShape,
    /// Where the value of row 0, column 0 lies.
    pub(super) first: usize,
    /// Values from a row to the next, and from a column to the next.
    pub(super) steps: PerAxis<usize>,
    pub(super) data: Buffer,
}

impl PaddedInput {
    /// Images with zeros before and behind their rows and columns; no windows yet.
    pub(super) fn new(values: ImageShape, padding: PerAxis<Padding>) -> Self {
        let PerAxis { rows, columns } = padding;
        let line = (values.columns + columns.before + columns.behind) * values.channels;
        Self {
            windows: Windows {
                image: (values.rows + rows.before + rows.behind) * line,
                ..Windows::default()
            },
            values,
            first: rows.before * line + columns.before * values.channels,
            steps: PerAxis {
                rows: line,
                columns: values.channels,
            },
            data: Buffer::default(),
        }
    }

    /// The input with its padding.
    pub(super) fn forward(axes: PerAxis<Axis>, channels: usize, per_group: usize) -> Self {
        let values = ImageShape {
            rows: axes.rows.size,
            columns: axes.columns.size,
            channels,
        };
        let mut input = Self::new(values, axes.map(|axis| axis.padding));
        input.windows.offsets = input.grid(axes.map(Axis::outputs), axes.map(|axis| axis.stride));
        let taps = axes.map(|axis| Taps {
            count: axis.kernel,
            step: axis.dilation,
        });
        input.windows.runs = input.runs(taps, per_group);
        input
    }

    /// The input with its padding, for tiles of `outputs` x `outputs` outputs at stride 1: windows
    /// are their inputs.
    pub(super) fn tiled(axes: PerAxis<Axis>, channels: usize, outputs: usize) -> Self {
        let tiles = |axis: Axis| axis.outputs().div_ceil(outputs);
        let padding = |axis: Axis| {
            let side = tiles(axis) * outputs + axis.kernel - 1;
            Padding {
                before: axis.padding.before,
                behind: side - axis.size - axis.padding.before,
            }
        };
        let values = ImageShape {
            rows: axes.rows.size,
            columns: axes.columns.size,
            channels,
        };
        let mut input = Self::new(values, axes.map(padding));
        input.windows.offsets = input.grid(axes.map(tiles), axes.map(|_| outputs));
        input
    }

    /// Places in an image: so many rows and columns, so many values' rows and columns apart.
    pub(super) fn grid(&self, counts: PerAxis<usize>, apart: PerAxis<usize>) -> Vec<usize> {
        let (line, channels) = (self.steps.rows, self.steps.columns);
        let of_row = |i: usize| {
            let columns = 0..counts.columns;
            columns.map(move |j| i * apart.rows * line + j * apart.columns * channels)
        };
        (0..counts.rows).flat_map(of_row).collect()
    }

    /// The runs of a window with such kernel rows and columns: whole kernel rows where their values
    /// are neighbours.
    pub(super) fn runs(&self, taps: PerAxis<Taps>, per_group: usize) -> Vec<(usize, usize)> {
        let channels = self.values.channels;
        let PerAxis { rows, columns } = taps;
        if columns.step == 1 && per_group == channels {
            let counts = PerAxis {
                rows: rows.count,
                columns: 1,
            };
            let apart = PerAxis {
                rows: rows.step,
                columns: 0,
            };
            let starts = self.grid(counts, apart).into_iter();
            let run = columns.count * channels;
            return starts.map(|start| (start, run)).collect();
        }
        let starts = self.grid(taps.map(|taps| taps.count), taps.map(|taps| taps.step));
        starts.into_iter().map(|start| (start, per_group)).collect()
    }

    /// How many of `count` images are worked on at a time: what lies among the zeros is then still
    /// in L2.
    pub(super) fn blocks(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        blocks(count, (BLOCK / self.windows.image).max(1))
    }

    /// Copies images among the zeros, which stay from call to call, from image number `first` on.
    pub(super) fn fill(&mut self, first: usize, images: &[f32]) {
        let ImageShape {
            rows,
            columns,
            channels,
        } = self.values;
        let count = images.len() / (rows * columns * channels);
        let padded = self.data.grow((first + count) * self.windows.image);
        let images_padded =
            padded[first * self.windows.image..].chunks_exact_mut(self.windows.image);
        for (input, image) in images_padded.zip(images.chunks_exact(rows * columns * channels)) {
            for (i, row) in image.chunks_exact(columns * channels).enumerate() {
                let to = &mut input[self.first + i * self.steps.rows..];
                to[..row.len()].copy_from_slice(row);
            }
        }
    }
}
