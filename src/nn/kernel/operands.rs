//! Operands and results of products, as they lie in memory.

use std::ops::Range;
use std::slice::ChunksExact;

/// Floats in a cache line.
pub(super) const LINE: usize = 16;

/// A matrix seen along its panels: `lanes` values wide (rows of a left, columns of a right
/// operand), `depth` deep (the dimension that is summed over).
///
/// ```
/// use unisono::nn::kernel::Strided;
/// // The same 2 x 3 matrix as a right operand of depth 2, and as a left one of depth 3.
/// let matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let (right, left) = (Strided::across(&matrix, 2, 3), Strided::along(&matrix, 2, 3));
/// assert_eq!((right.lanes, right.depth), (3, 2));
/// assert_eq!((left.lanes, left.depth), (2, 3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The elements.
    pub data: &'a [f32],
    /// Rows of a left operand, columns of a right one.
    pub lanes: usize,
    /// The dimension that is summed over.
    pub depth: usize,
    /// Distance between neighbours across the lanes.
    pub lane_stride: usize,
    /// Distance between neighbours along the depth.
    pub depth_stride: usize,
}

impl<'a> Strided<'a> {
    /// A row-major `depth` x `lanes` matrix: neighbours across the lanes are neighbours in memory.
    pub fn across(data: &'a [f32], depth: usize, lanes: usize) -> Self {
        Self {
            data,
            lanes,
            depth,
            lane_stride: 1,
            depth_stride: lanes,
        }
    }

    /// Its part over a range of the depth.
    pub(super) fn deep(self, depth: &Range<usize>) -> Self {
        let first = (depth.start * self.depth_stride).min(self.data.len());
        Self {
            data: &self.data[first..],
            depth: depth.len(),
            ..self
        }
    }

    /// A row-major `lanes` x `depth` matrix: neighbours along the depth are neighbours in memory.
    pub fn along(data: &'a [f32], lanes: usize, depth: usize) -> Self {
        Self {
            data,
            lanes,
            depth,
            lane_stride: depth,
            depth_stride: 1,
        }
    }
}

/// Rows of an operand that is not packed: row-major, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// From the first element on.
    pub data: &'a [f32],
    /// How many.
    pub count: usize,
    /// Values of a row: of a left operand what is summed over.
    pub depth: usize,
    /// Distance between neighbours in a column.
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `depth` values, one after another.
    pub fn dense(data: &'a [f32], depth: usize) -> Self {
        Self {
            data,
            count: data.len() / depth,
            depth,
            stride: depth,
        }
    }

    /// The same as an operand whose depth they are.
    pub(crate) fn across(self) -> Strided<'a> {
        Strided {
            data: self.data,
            lanes: self.depth,
            depth: self.count,
            lane_stride: 1,
            depth_stride: self.stride,
        }
    }

    /// Whether the last one's memory is as long as they lie apart, so that all of them are slices
    /// of that length.
    pub(super) fn are_whole(&self) -> bool {
        self.data.len() >= self.count * self.stride && self.stride > 0
    }

    /// Some of them, if they are whole, each as long as they lie apart: their bounds are checked
    /// before a loop over them, which are 13 of 33 instructions a step.
    #[inline(always)]
    pub(super) fn range(self, rows: &Range<usize>) -> ChunksExact<'a, f32> {
        self.data[rows.start * self.stride..rows.end * self.stride].chunks_exact(self.stride)
    }

    /// Whether all of them begin in one set of an L1, which keeps 8 to 12 lines of them: at
    /// multiples of 4 KiB. A tile of 12 such rows evicts what it will read next; in tiles of 8
    /// products are 1.08 to 1.14 times as fast (2026-11, Zen 4).
    pub(super) fn share_a_set(&self) -> bool {
        self.stride.is_multiple_of(1024)
    }
}

/// Rows of a layer's input and of its output's gradient: the operands of a weight gradient,
/// `x' dy`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowPair<'a> {
    pub(crate) x: Rows<'a>,
    pub(crate) dy: Rows<'a>,
}

/// Some columns of rows.
#[derive(Clone, Debug)]
pub(crate) struct Columns<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) range: Range<usize>,
}

impl<'a> From<Rows<'a>> for Columns<'a> {
    fn from(rows: Rows<'a>) -> Self {
        let range = 0..rows.depth;
        Self { rows, range }
    }
}

/// A row-major result whose rows may lie apart in memory.
#[derive(Debug)]
pub struct Out<'a> {
    /// From the first element on.
    pub data: &'a mut [f32],
    /// Distance between neighbours in a column.
    pub stride: usize,
}

impl<'a> Out<'a> {
    /// Rows of `columns` elements, one after another.
    pub fn dense(data: &'a mut [f32], columns: usize) -> Self {
        Self {
            data,
            stride: columns,
        }
    }

    /// Whether a result of `rows` x `columns` has any values.
    ///
    /// # Panics
    /// If there is no room for them.
    pub(super) fn has_values(&self, rows: usize, columns: usize) -> bool {
        if rows == 0 || columns == 0 {
            return false;
        }
        assert!(
            self.data.len() >= (rows - 1) * self.stride + columns && self.stride >= columns,
            "the result of a product must have room for the operands' shape"
        );
        true
    }
}

/// The start value of each element's chain.
#[derive(Clone, Copy, Debug)]
pub enum Bias<'a> {
    /// Zero.
    Zero,
    /// The column's own value; one a column.
    Columns(&'a [f32]),
    /// What the result holds: the product is added to it (beta = 1 in BLAS).
    Accumulate,
}

impl<'a> Bias<'a> {
    /// The columns' values, or zero if there are none.
    pub fn columns(values: &'a [f32]) -> Self {
        if values.is_empty() {
            Bias::Zero
        } else {
            Bias::Columns(values)
        }
    }

    /// That of a part of the columns.
    pub(crate) fn part(self, columns: Range<usize>) -> Self {
        match self {
            Bias::Columns(values) => Bias::Columns(&values[columns]),
            bias => bias,
        }
    }
}
