//! Packing: operands of a product, copied into panels in the order in which the micro-kernel reads
//! them.
//!
//! # Layout
//! The left operand (m x k) is cut into panels of MR rows, the right one (k x n) into panels of NR
//! columns. A panel holds its MR (or NR) values for p = 0, then those for p = 1, and so on; the
//! last panel is filled up with zeros. All transposes are a matter of strides.
//!
//! In bfloat16 a value is a pair of neighbours along the depth, and p counts the pairs; or values
//! are rounded, and neighbours change places ([`Layout`]).

use std::ops::Range;

use super::arithmetic::{Arithmetic, Layout};
use super::bf16::{pair, pair_row_with_zeros, round, round_row, swap_neighbours};
use super::operands::{LINE, Strided};
use super::pairs::{pair_neighbours, pair_rows};
#[cfg(target_arch = "x86_64")]
use super::x86::transpose_four;
use crate::memory::Buffer;

/// Which operand of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The left one: panels of rows.
    Left,
    /// The right one: panels of columns.
    Right,
}

/// A packed operand; its memory is kept from one packing to the next.
#[derive(Clone, Debug)]
pub struct Packed {
    pub(super) arithmetic: Arithmetic,
    pub(super) data: Buffer,
    pub(super) width: usize,
    pub(super) lanes: usize,
    /// Steps of a chain: values along the depth, or pairs of them.
    pub(super) depth: usize,
}

impl Packed {
    /// An empty operand for the kernels of an arithmetic.
    pub fn new(arithmetic: impl Into<Arithmetic>) -> Self {
        Self {
            arithmetic: arithmetic.into(),
            data: Buffer::default(),
            width: 1,
            lanes: 0,
            depth: 0,
        }
    }

    /// The arithmetic whose kernels it is for.
    pub(crate) fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Packs `matrix` as the operand on `side`. With `ones`, a left operand gets one more row, all
    /// ones: the row of the product that this gives is the column sums of the right operand.
    ///
    /// ```
    /// use unisono::nn::kernel::{Bias, Isa, Ones, Out, Packed, Side, Strided, product};
    /// let (mut a, mut b) = (Packed::new(Isa::detect()), Packed::new(Isa::detect()));
    /// a.pack(Side::Left, Strided::along(&[1.0, 2.0], 1, 2), Ones::Row);
    /// b.pack(Side::Right, Strided::across(&[5.0, 6.0], 2, 1), Ones::None);
    /// let mut c = [0.0; 2];
    /// product(Out::dense(&mut c, 1), &a, &b, Bias::Zero);
    /// assert_eq!(c, [17.0, 11.0]);
    /// ```
    pub fn pack(&mut self, side: Side, matrix: Strided<'_>, ones: Ones) {
        let steps = self.arithmetic.steps(matrix.depth);
        self.pack_stacked(
            side,
            matrix.lanes,
            steps,
            &mut std::iter::once(matrix),
            ones,
        );
    }

    /// The same for an operand of a fold over `shards`, neighbours that cover its depth: no pair has
    /// values of two shards.
    pub(crate) fn pack_shards(
        &mut self,
        side: Side,
        matrix: Strided<'_>,
        shards: &[Range<usize>],
        ones: Ones,
    ) {
        let arithmetic = self.arithmetic;
        if arithmetic.layout() == Layout::Plain {
            return self.pack(side, matrix, ones);
        }
        let steps = shards
            .iter()
            .map(|shard| arithmetic.steps(shard.len()))
            .sum();
        let mut parts = shards.iter().map(|shard| matrix.deep(shard));
        self.pack_stacked(side, matrix.lanes, steps, &mut parts, ones);
    }

    /// The same for matrices of `lanes` lanes that follow each other along the depth; together they
    /// have `steps` steps. Those of each begin anew: no pair has values of two.
    pub(crate) fn pack_stacked(
        &mut self,
        side: Side,
        lanes: usize,
        steps: usize,
        matrices: &mut dyn Iterator<Item = Strided<'_>>,
        ones: Ones,
    ) {
        let (arithmetic, layout) = (self.arithmetic, self.arithmetic.layout());
        let isa = arithmetic.isa;
        self.lanes = lanes + usize::from(ones == Ones::Row);
        self.depth = steps;
        self.width = match side {
            Side::Left => isa.tile_rows(),
            Side::Right => isa.tile_columns(self.lanes),
        };
        let len = self.lanes.div_ceil(self.width) * self.width * steps;
        let out = self.data.grow(len);
        // One matrix after the other along the depth of the panels.
        let mut first = 0;
        for matrix in matrices.filter(|matrix| matrix.depth > 0) {
            let place = PanelDepth { all: steps, first };
            match self.width {
                6 => pack_panels::<6>(out, place, matrix, layout),
                12 => pack_panels::<12>(out, place, matrix, layout),
                16 => pack_panels::<16>(out, place, matrix, layout),
                _ => pack_panels::<32>(out, place, matrix, layout),
            }
            first += arithmetic.steps(matrix.depth);
        }
        // The row of ones lies in the last panel, and zeros behind it.
        if ones == Ones::Row {
            let width = self.width;
            // Where a pair's second value is missing, the other operand's is zero.
            let one = match layout {
                Layout::Plain | Layout::Swapped => 1.0,
                Layout::Pairs => pair(1.0, 1.0),
            };
            let panel = &mut out[lanes / width * width * steps..];
            for group in panel.chunks_exact_mut(width) {
                group[lanes % width] = one;
                group[lanes % width + 1..].fill(0.0);
            }
        }
    }

    /// Panel number `index`: a group of `width` values for each step.
    pub(super) fn panel(&self, index: usize) -> &[f32] {
        let len = self.width * self.depth;
        &self.data[index * len..][..len]
    }

    pub(super) fn num_panels(&self) -> usize {
        self.lanes.div_ceil(self.width)
    }
}

/// An operand that is packed once and used until what it was packed from changes.
#[derive(Clone, Debug)]
pub(crate) struct PackedOnce {
    packed: Packed,
    is_current: bool,
}

impl PackedOnce {
    pub(crate) fn new(arithmetic: impl Into<Arithmetic>) -> Self {
        Self {
            packed: Packed::new(arithmetic),
            is_current: false,
        }
    }

    /// The operand, which `pack` fills if it is not current.
    pub(crate) fn get(&mut self, pack: impl FnOnce(&mut Packed)) -> &Packed {
        if !std::mem::replace(&mut self.is_current, true) {
            pack(&mut self.packed);
        }
        &self.packed
    }

    /// It has to be packed anew; its memory is kept.
    pub(crate) fn outdate(&mut self) {
        self.is_current = false;
    }
}

/// Whether a packed operand gets a row of ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ones {
    /// As it is.
    None,
    /// One more row, all ones.
    Row,
}

/// Values of a row that are copied at a time where the lanes are neighbours: 512 bytes, so that the
/// next row's are fetched ahead. A panel at a time read 128 bytes of every row, and packing took
/// 1.4 times as long (2026-11, Zen 4).
const RUN: usize = 128;

/// Rows that are packed side by side.
const ROWS: usize = 8;

/// The depth of panels, and the step of it that a matrix begins at.
#[derive(Clone, Copy)]
struct PanelDepth {
    all: usize,
    first: usize,
}

/// Packs a matrix into panels.
fn pack_panels<const W: usize>(
    out: &mut [f32],
    depth: PanelDepth,
    matrix: Strided<'_>,
    layout: Layout,
) {
    if layout != Layout::Plain {
        return pack_rounded::<W>(out, depth, matrix, layout);
    }
    let Strided {
        data,
        lanes,
        lane_stride,
        ..
    } = matrix;
    let per_group = if lane_stride == 1 { RUN.div_ceil(W) } else { 1 };
    let mut groups = out.chunks_mut(per_group * W * depth.all);
    for first in (0..lanes).step_by(per_group * W) {
        let from = Strided {
            data: &data[first * lane_stride..],
            lanes: (lanes - first).min(per_group * W),
            ..matrix
        };
        let group = groups.next().expect("a group for all lanes");
        let group = &mut group[depth.first * W..];
        if lane_stride == 1 {
            pack_across::<W>(group, depth.all, from);
        } else if matrix.depth_stride == 1 && from.lanes == W {
            pack_transposed::<W>(&mut group[..matrix.depth * W], from);
        } else {
            pack_lane_by_lane::<W>(&mut group[..matrix.depth * W], from);
        }
    }
}

/// Packs a matrix into panels, rounded: of a few lanes and steps at a time, which stay in L1 between
/// rounding and packing.
fn pack_rounded<const W: usize>(
    out: &mut [f32],
    depth: PanelDepth,
    matrix: Strided<'_>,
    layout: Layout,
) {
    let is_across = matrix.lane_stride == 1;
    let (most_lanes, most_pairs) = if is_across {
        (RUN.div_ceil(W) * W, ROWS)
    } else {
        (W, DEEP)
    };
    // Steps of a pair.
    let each = match layout {
        Layout::Pairs => 1,
        Layout::Plain | Layout::Swapped => 2,
    };
    let mut rounded = [0.0; ROUNDED];
    for first in (0..matrix.lanes).step_by(most_lanes) {
        let lanes = (matrix.lanes - first).min(most_lanes);
        let group = &mut out[first * depth.all..];
        for at in (0..matrix.depth.div_ceil(2)).step_by(most_pairs) {
            let block = Strided {
                data: &matrix.data[first * matrix.lane_stride + 2 * at * matrix.depth_stride..],
                lanes,
                depth: (matrix.depth - 2 * at).min(2 * most_pairs),
                ..matrix
            };
            let steps = each * block.depth.div_ceil(2);
            let to = &mut group[(depth.first + each * at) * W..];
            let rounded = &mut rounded[..steps * lanes];
            if is_across {
                round_across(rounded, block, layout);
                pack_across::<W>(to, depth.all, Strided::across(rounded, steps, lanes));
                continue;
            }
            round_along(rounded, block, layout);
            let block = Strided::along(rounded, lanes, steps);
            if lanes == W {
                pack_transposed::<W>(&mut to[..steps * W], block);
            } else {
                pack_lane_by_lane::<W>(&mut to[..steps * W], block);
            }
        }
    }
}

/// Pairs of a lane that are rounded at a time: 8 lines of it.
const DEEP: usize = 64;

/// Room for as many lanes and steps as are rounded at a time.
const ROUNDED: usize = 2 * 32 * DEEP;

/// A block whose lanes are neighbours, rounded: its steps without gaps.
fn round_across(to: &mut [f32], block: Strided<'_>, layout: Layout) {
    let row = |index: usize| &block.data[index * block.depth_stride..][..block.lanes];
    for p in 0..block.depth.div_ceil(2) {
        let first = row(2 * p);
        let second = (2 * p + 1 < block.depth).then(|| row(2 * p + 1));
        match (layout, second) {
            (Layout::Pairs, _) => {
                let to = &mut to[p * block.lanes..][..block.lanes];
                match second {
                    Some(second) => pair_rows(to, first, second),
                    None => pair_row_with_zeros(to, first),
                }
            }
            (_, second) => {
                let to = &mut to[2 * p * block.lanes..][..2 * block.lanes];
                let (before, after) = to.split_at_mut(block.lanes);
                match second {
                    Some(second) => round_row(before, second),
                    None => before.fill(0.0),
                }
                round_row(after, first);
            }
        }
    }
}

/// Each lane of a block, rounded, one after another.
fn round_along(to: &mut [f32], block: Strided<'_>, layout: Layout) {
    let steps = to.len() / block.lanes;
    for (lane, to) in to.chunks_exact_mut(steps).enumerate() {
        let data = &block.data[lane * block.lane_stride..];
        let value = |p: usize| {
            if p < block.depth {
                data[p * block.depth_stride]
            } else {
                0.0
            }
        };
        match (layout, block.depth_stride) {
            (Layout::Pairs, 1) => pair_neighbours(to, &data[..block.depth]),
            (_, 1) => swap_neighbours(to, &data[..block.depth]),
            (Layout::Pairs, _) => {
                for (p, to) in to.iter_mut().enumerate() {
                    *to = pair(value(2 * p), value(2 * p + 1));
                }
            }
            _ => {
                for (p, to) in to.iter_mut().enumerate() {
                    *to = round(value(p ^ 1));
                }
            }
        }
    }
}

/// Rows of the matrix, cut into the groups of panels that are `panel_depth` deep; some rows at a
/// time, since the panels' places for one row often lie a power of two apart, where they share one
/// set of the L1.
fn pack_across<const W: usize>(out: &mut [f32], panel_depth: usize, from: Strided<'_>) {
    let (depth, stride) = (from.depth, from.depth_stride);
    if from.lanes == W && stride == W {
        // A panel for the row of ones may follow.
        return out[..depth * W].copy_from_slice(&from.data[..depth * W]);
    }
    let whole = from.lanes / W;
    for first in (0..depth).step_by(ROWS) {
        let rows = &from.data[first * stride..];
        let count = ROWS.min(depth - first);
        for panel in 0..whole {
            let groups = &mut out[(panel * panel_depth + first) * W..][..count * W];
            for (p, group) in groups.as_chunks_mut::<W>().0.iter_mut().enumerate() {
                group.copy_from_slice(&rows[p * stride + panel * W..][..W]);
            }
        }
        if whole * W < from.lanes {
            let groups = &mut out[(whole * panel_depth + first) * W..][..count * W];
            for (p, group) in groups.as_chunks_mut::<W>().0.iter_mut().enumerate() {
                let rest = &rows[p * stride + whole * W..p * stride + from.lanes];
                group.fill(0.0);
                group[..rest.len()].copy_from_slice(rest);
            }
        }
    }
}

/// Lanes that are transposed together: the hardware fetches ahead for so many rows, and not for 32.
const STREAMS: usize = 16;

/// A transposition, a cache line deep at a time: rows often lie a power of two apart, where all
/// lanes share one set of the L1 and a line would be evicted before it is used up. Four lanes by
/// four values a time, it is twice as fast as value by value (2026-11, Zen 4).
fn pack_transposed<const W: usize>(out: &mut [f32], from: Strided<'_>) {
    let rows: [&[f32]; W] =
        std::array::from_fn(|lane| &from.data[lane * from.lane_stride..][..from.depth]);
    let (deep, rest) = out.as_chunks_mut::<W>().0.as_chunks_mut::<LINE>();
    let fours = W / 4 * 4;
    // Whole lines of groups of four lanes.
    for first in (0..fours).step_by(STREAMS) {
        for (p, block) in deep.iter_mut().enumerate() {
            for lane in (first..(first + STREAMS).min(fours)).step_by(4) {
                let lines: [&[f32; LINE]; 4] = std::array::from_fn(|i| line(rows[lane + i], p));
                for q in 0..LINE / 4 {
                    let columns = transpose_four(lines.map(|line| &line.as_chunks().0[q]));
                    for i in 0..4 {
                        block[4 * q + i][lane..lane + 4].copy_from_slice(&columns[i]);
                    }
                }
            }
        }
    }
    // Whole lines of the other lanes.
    for (p, block) in deep.iter_mut().enumerate() {
        for lane in fours..W {
            let line = line(rows[lane], p);
            for q in 0..LINE {
                block[q][lane] = line[q];
            }
        }
    }
    // And the depth behind the last whole line.
    for (group, p) in rest.iter_mut().zip(deep.len() * LINE..) {
        for lane in 0..W {
            group[lane] = rows[lane][p];
        }
    }
}

/// The transpose of four rows of four values.
#[cfg(not(target_arch = "x86_64"))]
fn transpose_four(rows: [&[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|column| rows.map(|row| row[column]))
}

/// Line number `p` of a row.
fn line(row: &[f32], p: usize) -> &[f32; LINE] {
    &row.as_chunks().0[p]
}

fn pack_lane_by_lane<const W: usize>(out: &mut [f32], from: Strided<'_>) {
    for (p, group) in out.as_chunks_mut::<W>().0.iter_mut().enumerate() {
        for (lane, value) in group.iter_mut().enumerate() {
            *value = if lane < from.lanes {
                from.data[lane * from.lane_stride + p * from.depth_stride]
            } else {
                0.0
            };
        }
    }
}
