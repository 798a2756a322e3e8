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

    /// The gradient, spread out by the stride, with the padding that the flipped kernel needs.
    pub(super) fn backward(
        (rows, columns): (Axis, Axis),
        channels: usize,
        per_group: usize,
    ) -> Self {
        let line = (columns.size + columns.reach() - 1) * channels;
        let at = |i: usize, j: usize| i * line + j * channels;
        let positions = (0..rows.size).flat_map(|i| (0..columns.size).map(move |j| (i, j)));
        let positions = positions.map(|(i, j)| at(i, j));
        Self {
            windows: Windows {
                image: (rows.size + rows.reach() - 1) * line,
                offsets: positions.collect(),
                runs: runs((rows, columns), (line, channels), per_group),
            },
            values: (rows.outputs(), columns.outputs(), channels),
            first: at(
                rows.reach() - 1 - rows.padding,
                columns.reach() - 1 - columns.padding,
            ),
            steps: (rows.stride * line, columns.stride * channels),
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
