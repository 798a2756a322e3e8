//! Panels: a matrix copied into them, as it is or rounded to bfloat16.
//!
//! # Invariants
//! 1. Values lie along the depth as [`Layout`] says, and zeros where a panel has more lanes than the
//!    matrix.

use super::arithmetic::Layout;
use super::bf16::{pair, pair_row_with_zeros, round, round_row, swap_neighbours};
#[cfg(target_arch = "aarch64")]
use super::neon::transpose_four;
use super::operands::{LINE, Strided};
use super::pairs::{pair_neighbours, pair_rows};
#[cfg(target_arch = "x86_64")]
use super::x86::transpose_four;

/// Values of a row that are copied at a time where the lanes are neighbours: 512 bytes, so that the
/// next row's are fetched ahead. A panel at a time read 128 bytes of every row, and packing took
/// 1.4 times as long (2026-11, Zen 4).
const RUN: usize = 128;

/// Rows that are packed side by side.
const ROWS: usize = 8;

/// The depth of panels, and the step of it that a matrix begins at.
#[derive(Clone, Copy)]
pub(super) struct PanelDepth {
    pub(super) all: usize,
    pub(super) first: usize,
}

/// Packs a matrix into panels.
pub(super) fn pack_panels<const W: usize>(
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
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
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
