//! Images laid out for `kernel::conv`: values among the zeros of their padding and strides.

use std::ops::Range;

use crate::nn::kernel::Windows;
use crate::nn::layer::{blocks, grow};

/// Values of images that are worked on at a time: 128 KiB.
const BLOCK: usize = 1 << 15;

/// One axis of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) dilation: usize,
}

impl Axis {
    fn reach(self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    pub(super) fn outputs(self) -> usize {
        (self.size + 2 * self.padding - self.reach()) / self.stride + 1
    }

    /// The axis of the convolution that gives the gradient of the input from that of the output, at stride 1.
    pub(super) fn reversed(self) -> Self {
        Self {
            size: self.outputs(),
            padding: self.reach() - 1 - self.padding,
            ..self
        }
    }
}

/// Images laid out for `kernel::conv`: values among zeros.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) windows: Windows,
    /// Rows and columns of values, and the values of a column.
    pub(super) values: (usize, usize, usize),
    /// Where the value of row 0, column 0 lies, and the steps to the next row and column.
    pub(super) first: usize,
    pub(super) steps: (usize, usize),
    pub(super) padded: Vec<f32>,
}

impl Field {
    /// The input with its padding.
    pub(super) fn forward(
        (rows, columns): (Axis, Axis),
        channels: usize,
        per_group: usize,
    ) -> Self {
        let line = (columns.size + 2 * columns.padding) * channels;
        let at = |i: usize, j: usize| i * line + j * channels;
        let positions = (0..rows.outputs())
            .flat_map(|i| (0..columns.outputs()).map(move |j| (i, j)))
            .map(|(i, j)| at(i * rows.stride, j * columns.stride));
        Self {
            windows: Windows {
                image: (rows.size + 2 * rows.padding) * line,
                offsets: positions.collect(),
                runs: runs((rows, columns), (line, channels), per_group),
            },
            values: (rows.size, columns.size, channels),
            first: at(rows.padding, columns.padding),
            steps: (line, channels),
            padded: Vec::new(),
        }
    }

    /// Values (rows, columns, channels) with zeros before and behind them, of rows and of columns.
    pub(super) fn padded(
        values: (usize, usize, usize),
        (rows, columns): ((usize, usize), (usize, usize)),
    ) -> Self {
        let line = (values.1 + columns.0 + columns.1) * values.2;
        Self {
            windows: Windows {
                image: (values.0 + rows.0 + rows.1) * line,
                ..Windows::default()
            },
            values,
            first: rows.0 * line + columns.0 * values.2,
            steps: (line, values.2),
            padded: Vec::new(),
        }
    }

    /// The input with its padding, for tiles of `outputs` x `outputs` outputs at stride 1: windows are their inputs.
    pub(super) fn tiled((rows, columns): (Axis, Axis), channels: usize, outputs: usize) -> Self {
        let tiles = |axis: Axis| axis.outputs().div_ceil(outputs);
        let side = |axis: Axis| tiles(axis) * outputs + axis.kernel - 1;
        let line = side(columns) * channels;
        let at = |i: usize, j: usize| i * line + j * channels;
        let origins = (0..tiles(rows))
            .flat_map(|i| (0..tiles(columns)).map(move |j| at(i * outputs, j * outputs)));
        Self {
            windows: Windows {
                image: side(rows) * line,
                offsets: origins.collect(),
                runs: Vec::new(),
            },
            values: (rows.size, columns.size, channels),
            first: at(rows.padding, columns.padding),
            steps: (line, channels),
            padded: Vec::new(),
        }
    }

    /// How many of `count` images are worked on at a time: what lies among the zeros is then still in L2.
    pub(super) fn blocks(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        blocks(count, (BLOCK / self.windows.image).max(1))
    }

    /// Copies images among the zeros, which stay from call to call, from image number `first` on.
    pub(super) fn fill(&mut self, first: usize, images: &[f32]) {
        let (rows, columns, channels) = self.values;
        let count = images.len() / (rows * columns * channels);
        let padded = grow(&mut self.padded, (first + count) * self.windows.image);
        let fields = padded[first * self.windows.image..].chunks_exact_mut(self.windows.image);
        for (field, image) in fields.zip(images.chunks_exact(rows * columns * channels)) {
            for (i, row) in image.chunks_exact(columns * channels).enumerate() {
                let to = &mut field[self.first + i * self.steps.0..];
                if self.steps.1 == channels {
                    to[..row.len()].copy_from_slice(row);
                } else {
                    for (value, to) in row.chunks_exact(channels).zip(to.chunks_mut(self.steps.1)) {
                        to[..channels].copy_from_slice(value);
                    }
                }
            }
        }
    }
}

/// The runs of a window: whole kernel rows where their values are neighbours.
fn runs(
    (rows, columns): (Axis, Axis),
    (line, channels): (usize, usize),
    per_group: usize,
) -> Vec<(usize, usize)> {
    let starts = (0..rows.kernel).map(|u| u * rows.dilation * line);
    if columns.dilation == 1 && per_group == channels {
        return starts
            .map(|start| (start, columns.kernel * channels))
            .collect();
    }
    let within = (0..columns.kernel).map(|v| v * columns.dilation * channels);
    starts
        .flat_map(|start| within.clone().map(move |v| (start + v, per_group)))
        .collect()
}
