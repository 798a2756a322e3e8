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
use super::bf16::pair;
use super::operands::Strided;
use super::panels::{PanelDepth, pack_panels};
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
        // Where there are no pairs, a shard's steps are its rows: all are packed at once.
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
