//! Images laid out for `kernel::conv`: values among the zeros of their padding.

use std::ops::Range;

use crate::nn::core::blocks;
use crate::nn::kernel::{Buffer, Windows};

/// Values of images that are worked on at a time: 128 KiB.
const BLOCK: usize = 1 << 15;

/// One axis of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// Zeros before the values, and behind them.
    pub(super) padding: (usize, usize),
    pub(super) dilation: usize,
}

impl Axis {
    fn reach(self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    pub(super) fn outputs(self) -> usize {
        (self.size + self.padding.0 + self.padding.1 - self.reach()) / self.stride + 1
    }

    /// The axis of the convolution that gives the gradient of the input from that of the output, at
    /// stride 1.
    pub(super) fn reversed(self) -> Self {
        Self {
            size: self.outputs(),
            padding: (
                self.reach() - 1 - self.padding.0,
                self.reach() - 1 - self.padding.1,
            ),
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
    pub(super) padded: Buffer,
}

impl Field {
    /// Values (rows, columns, channels) with zeros before and behind them, of rows and of columns;
    /// no windows yet.
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
            padded: Buffer::default(),
        }
    }

    /// The input with its padding.
    pub(super) fn forward(
        (rows, columns): (Axis, Axis),
        channels: usize,
        per_group: usize,
    ) -> Self {
        let values = (rows.size, columns.size, channels);
        let mut field = Self::padded(values, (rows.padding, columns.padding));
        let counts = (rows.outputs(), columns.outputs());
        field.windows.offsets = field.grid(counts, (rows.stride, columns.stride));
        let taps = |axis: Axis| (axis.kernel, axis.dilation);
        field.windows.runs = field.runs((taps(rows), taps(columns)), per_group);
        field
    }

    /// The input with its padding, for tiles of `outputs` x `outputs` outputs at stride 1: windows
    /// are their inputs.
    pub(super) fn tiled((rows, columns): (Axis, Axis), channels: usize, outputs: usize) -> Self {
        let tiles = |axis: Axis| axis.outputs().div_ceil(outputs);
        let padding = |axis: Axis| {
            let side = tiles(axis) * outputs + axis.kernel - 1;
            (axis.padding.0, side - axis.size - axis.padding.0)
        };
        let values = (rows.size, columns.size, channels);
        let mut field = Self::padded(values, (padding(rows), padding(columns)));
        field.windows.offsets = field.grid((tiles(rows), tiles(columns)), (outputs, outputs));
        field
    }

    /// Places in an image: so many rows and columns, so many values' rows and columns apart.
    pub(super) fn grid(
        &self,
        (rows, columns): (usize, usize),
        steps: (usize, usize),
    ) -> Vec<usize> {
        let (line, channels) = self.steps;
        let of_row =
            |i: usize| (0..columns).map(move |j| i * steps.0 * line + j * steps.1 * channels);
        (0..rows).flat_map(of_row).collect()
    }

    /// The runs of a window with so many kernel rows and columns, each so many values apart: whole
    /// kernel rows where their values are neighbours.
    pub(super) fn runs(
        &self,
        (rows, columns): ((usize, usize), (usize, usize)),
        per_group: usize,
    ) -> Vec<(usize, usize)> {
        let channels = self.values.2;
        if columns.1 == 1 && per_group == channels {
            let starts = self.grid((rows.0, 1), (rows.1, 0)).into_iter();
            return starts.map(|start| (start, columns.0 * channels)).collect();
        }
        let starts = self.grid((rows.0, columns.0), (rows.1, columns.1));
        starts.into_iter().map(|start| (start, per_group)).collect()
    }

    /// How many of `count` images are worked on at a time: what lies among the zeros is then still
    /// in L2.
    pub(super) fn blocks(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        blocks(count, (BLOCK / self.windows.image).max(1))
    }

    /// Copies images among the zeros, which stay from call to call, from image number `first` on.
    pub(super) fn fill(&mut self, first: usize, images: &[f32]) {
        let (rows, columns, channels) = self.values;
        let count = images.len() / (rows * columns * channels);
        let padded = self.padded.grow((first + count) * self.windows.image);
        let fields = padded[first * self.windows.image..].chunks_exact_mut(self.windows.image);
        for (field, image) in fields.zip(images.chunks_exact(rows * columns * channels)) {
            for (i, row) in image.chunks_exact(columns * channels).enumerate() {
                let to = &mut field[self.first + i * self.steps.0..];
                to[..row.len()].copy_from_slice(row);
            }
        }
    }
}
