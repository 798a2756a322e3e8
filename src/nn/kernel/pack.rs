//! Operands of a product, copied into panels in the order in which the micro-kernel reads them.
//!
//! # Layout
//! The left operand (m x k) is cut into panels of MR rows, the right one (k x n) into panels of NR columns. A panel
//! holds its MR (or NR) values for p = 0, then those for p = 1, and so on; the last panel is filled up with
//! zeros. All transposes are a matter of strides.

use super::isa::Isa;

/// Floats in a cache line.
const LINE: usize = 16;

/// Which operand of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The left one: panels of rows.
    Left,
    /// The right one: panels of columns.
    Right,
}

/// A matrix seen along its panels: `lanes` values wide (rows of a left, columns of a right operand), `depth` deep
/// (the dimension that is summed over).
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

/// A packed operand; its memory is kept from one packing to the next.
#[derive(Clone, Debug)]
pub struct Packed {
    pub(super) isa: Isa,
    pub(super) data: Vec<f32>,
    pub(super) width: usize,
    pub(super) lanes: usize,
    pub(super) depth: usize,
    start: usize,
}

impl Packed {
    /// An empty operand for the kernels of `isa`.
    pub fn new(isa: Isa) -> Self {
        Self {
            isa,
            data: Vec::new(),
            width: 1,
            lanes: 0,
            depth: 0,
            start: 0,
        }
    }

    /// Packs `matrix` as the operand on `side`. With `ones`, a left operand gets one more row, all ones: the row
    /// of the product that this gives is the column sums of the right operand.
    pub fn pack(&mut self, side: Side, matrix: Strided<'_>, ones: Ones) {
        let extra = usize::from(ones == Ones::Row);
        self.lanes = matrix.lanes + extra;
        self.depth = matrix.depth;
        self.width = match side {
            Side::Left => self.isa.tile_rows(),
            Side::Right => self.isa.tile_columns(self.lanes),
        };
        let len = self.lanes.div_ceil(self.width) * self.width * self.depth;
        // The panels start on a cache line.
        if self.data.len() < len + 16 {
            self.data.resize(len + 16, 0.0);
        }
        self.start = self.data.as_ptr().align_offset(64).min(16);
        let (width, depth) = (self.width, self.depth);
        if depth == 0 {
            return;
        }
        for (panel, out) in self.data[self.start..self.start + len]
            .chunks_exact_mut(width * depth)
            .enumerate()
        {
            let first = panel * width;
            let valid = matrix.lanes.saturating_sub(first).min(width);
            let from = Strided {
                data: &matrix.data[(first * matrix.lane_stride).min(matrix.data.len())..],
                lanes: valid,
                ..matrix
            };
            match width {
                6 => pack_panel::<6>(out, from),
                12 => pack_panel::<12>(out, from),
                16 => pack_panel::<16>(out, from),
                _ => pack_panel::<32>(out, from),
            }
            if ones == Ones::Row && (first..first + width).contains(&matrix.lanes) {
                out.chunks_exact_mut(width)
                    .for_each(|group| group[matrix.lanes - first] = 1.0);
            }
        }
    }

    /// Panel number `index`: `depth` groups of `width` values.
    pub(super) fn panel(&self, index: usize) -> &[f32] {
        let len = self.width * self.depth;
        &self.data[self.start + index * len..][..len]
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
    pub(crate) fn new(isa: Isa) -> Self {
        Self {
            packed: Packed::new(isa),
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

fn pack_panel<const W: usize>(out: &mut [f32], from: Strided<'_>) {
    let Strided {
        data,
        lanes,
        depth,
        lane_stride,
        depth_stride,
    } = from;
    let (groups, _) = out.as_chunks_mut::<W>();
    if lane_stride == 1 && lanes == W {
        for (p, group) in groups.iter_mut().enumerate() {
            group.copy_from_slice(&data[p * depth_stride..][..W]);
        }
    } else if lanes == W && depth_stride == 1 {
        // A transposition, a cache line deep at a time: rows often lie a power of two apart, where all lanes
        // share one set of the L1 and a line would be evicted before it is used up.
        let rows: [&[f32]; W] = std::array::from_fn(|lane| &data[lane * lane_stride..][..depth]);
        let (deep, rest) = groups.as_chunks_mut::<LINE>();
        for (p, block) in deep.iter_mut().enumerate() {
            for lane in 0..W {
                let line: &[f32; LINE] =
                    rows[lane][p * LINE..].first_chunk().expect("a whole line");
                for q in 0..LINE {
                    block[q][lane] = line[q];
                }
            }
        }
        for (group, p) in rest.iter_mut().zip(deep.len() * LINE..) {
            for lane in 0..W {
                group[lane] = rows[lane][p];
            }
        }
    } else {
        for (p, group) in groups.iter_mut().enumerate() {
            for (lane, value) in group.iter_mut().enumerate() {
                *value = if lane < lanes {
                    data[lane * lane_stride + p * depth_stride]
                } else {
                    0.0
                };
            }
        }
    }
}
