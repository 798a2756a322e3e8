//! The products of one head, whose matrices lie within longer rows.
//!
//! A causal head works in blocks of positions and leaves out what no position of a block sees: of T
//! x T scores little more than half are computed and used. What a block holds beyond the diagonal
//! are zeros. Scores have a row a key and a column a query, as [`Scores`] has them.

use std::ops::Range;

use crate::nn::core::blocks;
use crate::nn::kernel::softmax::Scores;
use crate::nn::kernel::{
    Bias, Columns, Ones, Out, Packed, Precision, Rounding, Rows, Side, Strided, product,
    product_of_rows, product_transposed,
};

/// Keys of a block: a multiple of the width of every packed operand. Blocks do not depend on the
/// instruction set, so the bits do not.
const KEYS: usize = 32;

/// Queries of a block: a multiple of every tile's height.
const QUERIES: usize = 24;

/// Of longer rows columns are packed: 256 x 256 values by 256 x 32, read where they lie, are 1.24
/// times as fast, AVX2's 1.21, and of 1,000 positions 0.65 (2026-11, Zen 4).
const SHORT: usize = 256;

/// A matrix of (T, D) within rows of `stride` values, from their value number `first` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) data: &'a [f32],
    pub(super) first: usize,
    pub(super) stride: usize,
}

impl View<'_> {
    /// Some positions, from the matrix' first value on.
    fn rows(&self, positions: &Range<usize>, width: usize) -> Rows<'_> {
        Rows {
            data: &self.data[self.first + positions.start * self.stride..],
            count: positions.len(),
            depth: width,
            stride: self.stride,
        }
    }
}

/// Memory for the products of a head of T positions and D values each.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) left: &'a mut Packed,
    pub(super) right: &'a mut Packed,
    pub(super) rounding: &'a mut Rounding,
    pub(super) scores: Scores,
    pub(super) width: usize,
}

impl Head<'_> {
    /// Blocks of positions: all at once if all see each other. So a block of keys is seen by the
    /// queries from its first position on, and a block of queries sees the keys up to its last,
    /// causal or not.
    fn blocks(&self, step: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let scores = self.scores;
        let step = if scores.is_causal {
            step
        } else {
            scores.length
        };
        blocks(scores.length, step)
    }

    /// `to = a b'` of keys `a` and queries `b`, of the pairs that see each other.
    pub(super) fn scores(&mut self, a: View<'_>, b: View<'_>, to: &mut [f32]) {
        let (length, width, stride) = (self.scores.length, self.width, self.scores.stride());
        let queries = Strided {
            data: &b.data[b.first..],
            lanes: length,
            depth: width,
            lane_stride: b.stride,
            depth_stride: 1,
        };
        self.right.pack(Side::Right, queries, Ones::None);
        for keys in self.blocks(KEYS) {
            let seers = keys.start..length;
            let out = Out {
                data: &mut to[keys.start * stride + seers.start..],
                stride,
            };
            let b = self.right.part(seers, 0..width);
            let a = self.rounding.rows(a.rows(&keys, width));
            product_of_rows(out, a, b, Bias::Zero);
        }
    }

    /// `to = p' b`: each query's mixture of the keys that it sees. Short ones of whole tiles are
    /// read where they lie.
    pub(super) fn mix(&mut self, p: &[f32], b: View<'_>, to: Out<'_>) {
        let (length, width, stride) = (self.scores.length, self.width, self.scores.stride());
        let arithmetic = self.left.arithmetic();
        let has_whole_tiles = length.is_multiple_of(4) && width.is_multiple_of(16);
        let packs = length > SHORT || !has_whole_tiles || arithmetic.precision != Precision::F32;
        if packs {
            self.pack_values(b);
        }
        for queries in self.blocks(QUERIES) {
            let seen = 0..queries.end;
            let p = Rows::dense(&p[..seen.end * stride], stride);
            let out = Out {
                data: &mut to.data[queries.start * to.stride..],
                stride: to.stride,
            };
            // The keys that they see, as columns of p.
            if packs {
                let columns = Strided {
                    data: &p.data[queries.start..],
                    lanes: queries.len(),
                    ..p.across()
                };
                self.left.pack(Side::Left, columns, Ones::None);
                product(out, self.left, self.right.part(0..width, seen), Bias::Zero);
            } else {
                let b_rows = Rows::dense(&b.data[..seen.end * b.stride], b.stride);
                let columns = |rows, range| Columns { rows, range };
                let values = columns(b_rows, b.first..b.first + width);
                product_transposed(arithmetic.isa, out, columns(p, queries), values, false);
            }
        }
    }

    /// `to = p b`: each key's mixture of the queries that see it.
    pub(super) fn mix_back(&mut self, p: &[f32], b: View<'_>, to: Out<'_>) {
        let (length, width, stride) = (self.scores.length, self.width, self.scores.stride());
        self.pack_values(b);
        for keys in self.blocks(KEYS) {
            let seers = keys.start..length;
            let out = Out {
                data: &mut to.data[keys.start * to.stride..],
                stride: to.stride,
            };
            let p = View {
                data: p,
                first: seers.start,
                stride,
            };
            let rows = self.rounding.rows(p.rows(&keys, seers.len()));
            product_of_rows(out, rows, self.right.part(0..width, seers), Bias::Zero);
        }
    }

    /// Values are lanes, positions are summed over.
    fn pack_values(&mut self, b: View<'_>) {
        let values = Strided {
            data: &b.data[b.first..],
            lanes: self.width,
            depth: self.scores.length,
            lane_stride: 1,
            depth_stride: b.stride,
        };
        self.right.pack(Side::Right, values, Ones::None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::kernel::{Arithmetic, Isa, naive::chain};

    fn values(len: usize, seed: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 7919 + seed * 104_729) % 201) as f32 / 100.0 - 1.0;
        (0..len).map(value).collect()
    }

    #[test]
    fn products_are_the_plain_ones_of_what_is_seen() {
        for (isa, &precision) in Isa::available()
            .into_iter()
            .flat_map(|isa| Precision::ALL.iter().map(move |precision| (isa, precision)))
        {
            let arithmetic = Arithmetic { isa, precision };
            for length in [1, 5, 24, 31, 33, 70] {
                products_are_plain(arithmetic, true, length, 5);
                products_are_plain(arithmetic, false, length, 5);
            }
            // Read where they lie.
            for (length, width) in [(4, 16), (24, 48), (64, 32), (76, 16)] {
                products_are_plain(arithmetic, true, length, width);
                products_are_plain(arithmetic, false, length, width);
            }
        }
    }

    fn products_are_plain(arithmetic: Arithmetic, is_causal: bool, length: usize, width: usize) {
        let precision = arithmetic.precision;
        let (first, stride) = (2, width + 3);
        let sees = |i: usize, j: usize| !is_causal || j <= i;
        let (a, b) = (values(length * stride, 1), values(length * stride, 2));
        let view = |data| View {
            data,
            first,
            stride,
        };
        let [mut left, mut right] = [Packed::new(arithmetic), Packed::new(arithmetic)];
        let mut rounding = Rounding::new(arithmetic);
        let scores = Scores {
            length,
            is_causal,
            scale: 1.0,
        };
        let mut head = Head {
            left: &mut left,
            right: &mut right,
            rounding: &mut rounding,
            scores,
            width,
        };
        let mut p = vec![f32::NAN; length * scores.stride()];
        head.scores(view(&a), view(&b), &mut p);
        for (at, score) in p.iter_mut().enumerate() {
            let (j, i) = (at / scores.stride(), at % scores.stride());
            if i >= length {
                continue;
            }
            let at = |i: usize| i * stride + first;
            let (a, b) = (&a[at(j)..][..width], &b[at(i)..][..width]);
            let expected = chain(precision, 0.0, a.iter().copied().zip(b.iter().copied()));
            if sees(i, j) {
                assert_eq!(*score, expected, "{arithmetic:?} {length}: {i}, {j}");
            } else {
                *score = 0.0;
            }
        }
        let (mut mixed, mut back) = (vec![0.0; length * width], vec![0.0; length * width]);
        head.mix(&p, view(&b), Out::dense(&mut mixed, width));
        head.mix_back(&p, view(&b), Out::dense(&mut back, width));
        for (at, (mixed, back)) in mixed.iter().zip(&back).enumerate() {
            let (i, k) = (at / width, at % width);
            let all = |p: &dyn Fn(usize) -> f32| {
                let term = |j: usize| (p(j), b[j * stride + first + k]);
                chain(precision, 0.0, (0..length).map(term))
            };
            assert_eq!(
                *mixed,
                all(&|j| p[j * scores.stride() + i]),
                "{arithmetic:?} {length}: {i}, {k}"
            );
            assert_eq!(
                *back,
                all(&|j| p[i * scores.stride() + j]),
                "{arithmetic:?} {length}: {i}, {k}"
            );
        }
    }
}
