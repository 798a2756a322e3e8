//! Rows of a left operand, in the precision of the product that reads them.

use super::arithmetic::{Arithmetic, Layout};
use super::bf16::swap_neighbours;
use super::operands::{LINE, Rows};
use super::pairs::pair_neighbours;
use crate::memory::Buffer;

/// Rows of a left operand in a product's precision: as they lie, or rounded.
#[derive(Clone, Copy, Debug)]
pub struct OperandRows<'a> {
    /// Whose depth counts the steps of a chain.
    pub(super) steps: Rows<'a>,
    pub(super) layout: Layout,
}

impl<'a> From<Rows<'a>> for OperandRows<'a> {
    fn from(steps: Rows<'a>) -> Self {
        Self {
            steps,
            layout: Layout::Plain,
        }
    }
}

/// Rounds rows to the precision of products; its memory is kept from one time to the next.
///
/// ```
/// use unisono::nn::kernel::*;
/// let arithmetic = Arithmetic { isa: Isa::detect(), precision: Precision::Bf16 };
/// let (mut rounding, mut b) = (Rounding::new(arithmetic), Packed::new(arithmetic));
/// b.pack(Side::Right, Strided::across(&[1.0, 256.0, 1.0], 3, 1), Ones::None);
/// // Of eight significant bits 1.001 has 1.
/// let rows = rounding.rows(Rows::dense(&[1.001, 1.0, 3.0], 3));
/// let mut c = [0.0];
/// product_of_rows(Out::dense(&mut c, 1), rows, &b, Bias::Zero);
/// assert_eq!(c, [260.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Rounding {
    arithmetic: Arithmetic,
    rounded: Buffer,
}

impl Rounding {
    /// For products of an arithmetic.
    pub fn new(arithmetic: impl Into<Arithmetic>) -> Self {
        Self {
            arithmetic: arithmetic.into(),
            rounded: Buffer::default(),
        }
    }

    /// The rows; in `f32` they are not copied.
    pub fn rows<'a>(&'a mut self, rows: Rows<'a>) -> OperandRows<'a> {
        let layout = self.arithmetic.layout();
        if layout == Layout::Plain {
            return OperandRows::from(rows);
        }
        let depth = self.arithmetic.steps(rows.depth);
        // Rows a multiple of 4 KiB apart would share a set of the L1.
        let shares_a_set = depth > 0 && depth.is_multiple_of(64 * LINE);
        let stride = if shares_a_set {
            depth + LINE
        } else {
            depth.max(1)
        };
        let rounded = self.rounded.grow(rows.count * stride);
        for (index, to) in rounded
            .chunks_exact_mut(stride)
            .enumerate()
            .take(rows.count)
        {
            let from = &rows.data[index * rows.stride..][..rows.depth];
            if layout == Layout::Pairs {
                pair_neighbours(&mut to[..depth], from);
            } else {
                swap_neighbours(&mut to[..depth], from);
            }
        }
        OperandRows {
            steps: Rows {
                data: rounded,
                count: rows.count,
                depth,
                stride,
            },
            layout,
        }
    }
}
