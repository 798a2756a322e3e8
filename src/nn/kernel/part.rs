//! Part of a packed operand: some of its lanes over some of its depth, and what is packed next.
//!
//! # Why this way
//! Weights come from L3 or memory. A core that packs them waits for most of their lines, and while
//! it multiplies nothing comes in. So a product prefetches what is packed next, a line with every
//! step of its first tiles: 64 rows by 1024 x 1024 values, 64 columns packed at a time, 1.19 times
//! as fast, 512 rows 1.02 (2026-11, Zen 4). Prefetching all lines at once, before packing, lost.

use std::ops::Range;

use super::arithmetic::Precision;
use super::operands::{LINE, Strided};
use super::pack::Packed;
use super::tile::{NextLines, WIDEST};

/// Some lanes of a packed operand, over a range of its depth.
///
/// ```
/// use unisono::nn::kernel::{Bias, Isa, Ones, Out, Packed, Rows, Side, Strided, product_of_rows};
/// let mut b = Packed::new(Isa::detect());
/// b.pack(Side::Right, Strided::across(&[1.0, 2.0, 3.0, 4.0], 2, 2), Ones::None);
/// let mut c = [0.0];
/// // Of the first column, what lies behind its first value.
/// product_of_rows(Out::dense(&mut c, 1), Rows::dense(&[10.0], 1), b.part(0..1, 1..2), Bias::Zero);
/// assert_eq!(c, [30.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub(super) packed: &'a Packed,
    /// From its first panel on.
    panels: &'a [f32],
    pub(super) lanes: usize,
    /// Steps of the chains.
    pub(super) depth: Range<usize>,
    /// What is packed after the product.
    next: Option<NextLines<'a>>,
}

impl Packed {
    /// Its `lanes`, which begin at a multiple of 32 and with a panel, over `depth`. Of bfloat16 the
    /// depth begins with a pair; where it ends within one, the other operand has a zero there.
    ///
    /// # Panics
    /// If it has fewer lanes or is less deep, or they begin elsewhere.
    pub fn part(&self, lanes: Range<usize>, depth: Range<usize>) -> Part<'_> {
        let arithmetic = self.arithmetic;
        assert!(
            arithmetic.precision == Precision::F32 || depth.start.is_multiple_of(2),
            "a part must begin with a pair"
        );
        let steps = arithmetic.steps(depth.start)..arithmetic.steps(depth.end);
        self.part_of_steps(lanes, steps)
    }

    fn part_of_steps(&self, lanes: Range<usize>, depth: Range<usize>) -> Part<'_> {
        assert!(
            lanes.end <= self.lanes && depth.end <= self.depth,
            "a part must lie in its operand"
        );
        // There are as many parts as small products: no division in the way of those that begin at
        // zero.
        assert!(
            lanes.start == 0 || self.has_panel_at(lanes.start),
            "a part must begin with a panel"
        );
        Part {
            packed: self,
            panels: &self.data[lanes.start * self.depth..],
            lanes: lanes.len(),
            depth,
            next: None,
        }
    }

    /// Whether a panel begins there.
    fn has_panel_at(&self, lane: usize) -> bool {
        lane.is_multiple_of(WIDEST) && lane.is_multiple_of(self.width)
    }
}

impl<'a> From<&'a Packed> for Part<'a> {
    fn from(packed: &'a Packed) -> Self {
        packed.part_of_steps(0..packed.lanes, 0..packed.depth)
    }
}

/// A tile of one panel of the right operand, counted from the first row on.
pub(super) struct PanelTile {
    pub(super) panel: usize,
    pub(super) tile: usize,
}

impl<'a> Part<'a> {
    /// The same, with what is packed after the product, which is prefetched while it computes.
    pub(crate) fn prefetching(self, next: Strided<'a>) -> Self {
        // At each step of the depth a row, or of lanes that follow each other as many values.
        let stride = if next.lane_stride == 1 {
            next.depth_stride
        } else {
            next.lanes
        };
        let data = next.data;
        Self {
            next: Some(NextLines { data, stride }),
            ..self
        }
    }

    /// Whether anything is packed after the product.
    pub(super) fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// What a tile prefetches from step `depth` on, if any is left for it.
    #[inline(always)]
    pub(super) fn next_lines(&self, at: PanelTile, depth: usize) -> Option<NextLines<'a>> {
        let width = self.packed.width;
        let NextLines { data, stride } = self.next.filter(|_| at.tile * LINE < width)?;
        let first = depth * stride + at.panel * width + at.tile * LINE;
        let data = data.get(first..)?;
        Some(NextLines { data, stride })
    }

    pub(super) fn num_panels(&self) -> usize {
        self.lanes.div_ceil(self.packed.width)
    }

    /// Of panel number `index`, the groups of a range of the part's depth.
    #[inline(always)]
    pub(super) fn panel(&self, index: usize, depth: &Range<usize>) -> &[f32] {
        let (first, width) = (self.depth.start, self.packed.width);
        let len = width * self.packed.depth;
        &self.panels[index * len..][..len]
            [(first + depth.start) * width..(first + depth.end) * width]
    }
}
