//! One harness over all instruction sets and awkward sizes, against the naive twins, bit for bit.

use super::*;
use crate::engine::part;

const SIZES: [usize; 8] = [0, 1, 2, 5, 13, 33, 70, 300];

fn values(len: usize, salt: usize) -> Vec<f32> {
    (0..len)
        .map(|i| (((i + salt) * 7919) % 2003) as f32 / 1000.0 - 1.0)
        .collect()
}

/// Rows without gaps, or none.
fn matrix(data: &[f32], count: usize, depth: usize) -> Rows<'_> {
    Rows {
        data,
        count,
        depth,
        stride: depth,
    }
}

fn packed(isa: Isa, side: Side, matrix: Strided<'_>) -> Packed {
    let mut operand = Packed::new(isa);
    // What was packed before must not show.
    operand.pack(side, Strided::across(&[9.0; 400], 4, 100), Ones::Row);
    operand.pack(side, matrix, Ones::None);
    operand
}

#[test]
fn every_product_has_the_bits_of_its_naive_twin() {
    for (m, n, k) in sizes() {
        let (a, b, start) = (values(m * k, 1), values(k * n, 2), values(n, 3));
        let zeros = vec![0.0; n];
        let transposed: Vec<f32> = (0..n * k).map(|at| b[(at % k) * n + at / k]).collect();
        for isa in Isa::available() {
            let left = packed(isa, Side::Left, Strided::along(&a, m, k));
            for right in [Strided::across(&b, k, n), Strided::along(&transposed, n, k)] {
                let right = packed(isa, Side::Right, right);
                for (bias, start) in [(Bias::Zero, &zeros), (Bias::Columns(&start), &start)] {
                    let mut c = vec![f32::NAN; m * n];
                    product(Out::dense(&mut c, n), &left, &right, bias);
                    let rows = matrix(&a, m, k);
                    let expected = naive::product(rows, matrix(&b, k, n), start);
                    assert_eq!(c, expected, "{isa:?}, {m} x {n} x {k}");
                    c.fill(f32::NAN);
                    product_of_rows(Out::dense(&mut c, n), rows, &right, bias);
                    assert_eq!(c, expected, "{isa:?}, {m} rows x {n} x {k}");
                }
            }
        }
    }
}

#[test]
fn rows_a_page_apart_have_the_bits_of_neighbours() {
    let (n, k, stride) = (40, 20, 1024);
    let (apart, b) = (values(21 * stride, 1), values(k * n, 2));
    let dense: Vec<f32> = (0..21 * k)
        .map(|at| apart[at / k * stride + at % k])
        .collect();
    let zeros = vec![0.0; n];
    for (isa, count) in Isa::available()
        .into_iter()
        .flat_map(|isa| (1..=21).map(move |count| (isa, count)))
    {
        let right = packed(isa, Side::Right, Strided::across(&b, k, n));
        let rows = Rows {
            data: &apart,
            count,
            depth: k,
            stride,
        };
        let mut c = vec![f32::NAN; count * n];
        product_of_rows(Out::dense(&mut c, n), rows, &right, Bias::Zero);
        let dense = matrix(&dense, count, k);
        let expected = naive::product(dense, matrix(&b, k, n), &zeros);
        assert_eq!(c, expected, "{isa:?}, {count} rows");
    }
}

#[test]
fn matrices_packed_one_below_the_other_are_packed_as_one() {
    for lanes in [1, 6, 13, 40, 150] {
        let data = values(20 * lanes, 1);
        for isa in Isa::available() {
            for (side, ones) in [(Side::Left, Ones::Row), (Side::Right, Ones::None)] {
                let mut whole = packed(isa, side, Strided::across(&data, 20, lanes));
                whole.pack(side, Strided::across(&data, 20, lanes), ones);
                let mut stacked = packed(isa, side, Strided::across(&data, 1, 1));
                let cuts = [0..7, 7..7, 7..8, 8..20];
                let parts = cuts.map(|rows| {
                    let part = &data[rows.start * lanes..rows.end * lanes];
                    Strided::across(part, rows.len(), lanes)
                });
                stacked.pack_stacked(side, lanes, 20, &mut parts.into_iter(), ones);
                assert_eq!(stacked.num_panels(), whole.num_panels());
                for panel in 0..whole.num_panels() {
                    assert_eq!(stacked.panel(panel), whole.panel(panel), "{isa:?}, {lanes}");
                }
            }
        }
    }
}

#[test]
fn a_product_adds_to_what_is_stored_and_leaves_the_gaps_between_rows_alone() {
    let (m, n, k, stride) = (14, 33, 20, 40);
    let (a, b) = (values(m * k, 1), values(k * n, 2));
    let zeros = vec![0.0; n];
    let half = naive::product(matrix(&a, m, k), matrix(&b, k, n), &zeros);
    for isa in Isa::available() {
        let left = packed(isa, Side::Left, Strided::along(&a, m, k));
        let right = packed(isa, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![7.0; m * stride];
        let (data, first) = (&mut c, [Bias::Zero, Bias::Accumulate]);
        for bias in first {
            product(Out { data, stride }, &left, &right, bias);
        }
        for (i, row) in c.chunks(stride).enumerate() {
            let twice = |j: usize| {
                let chain = |sum: f32, p: usize| a[i * k + p].mul_add(b[p * n + j], sum);
                (0..k).fold(half[i * n + j], chain)
            };
            assert!((0..n).all(|j| row[j] == twice(j)), "{isa:?}, row {i}");
            assert!(row[n..].iter().all(|&gap| gap == 7.0));
        }
    }
}

#[test]
fn every_fold_has_the_bits_of_its_naive_twin() {
    for (m, n, k) in sizes() {
        let (a, b) = (values(k * m, 4), values(k * n, 5));
        for num_shards in [1, 2, 3, 7, 16] {
            let shards: Vec<_> = (0..num_shards).map(|s| part(k, num_shards, s)).collect();
            let expected = naive::fold_products(matrix(&a, k, m), matrix(&b, k, n), &shards);
            for isa in Isa::available() {
                let left = packed(isa, Side::Left, Strided::across(&a, k, m));
                let right = packed(isa, Side::Right, Strided::across(&b, k, n));
                let mut c = vec![f32::NAN; m * n];
                fold_products(&mut c, &left, &right, &shards);
                assert_eq!(c, expected, "{isa:?}, {m} x {n} x {k}, {num_shards} shards");
            }
        }
    }
}

#[test]
fn a_fold_of_rows_has_the_bits_of_one_of_packed_operands() {
    for (m, n, k) in sizes().filter(|&(m, ..)| m > 0) {
        // Of n columns of dy, 32 n, further apart than they are wide.
        let (n, stride) = (n.min(5) * 32, n.min(5) * 32 + 3);
        let (a, b) = (values(k * m, 4), values(k * stride, 5));
        let x = Rows {
            count: k,
            ..Rows::dense(&a, m)
        };
        let dy = Rows {
            data: &b,
            count: k,
            depth: n,
            stride,
        };
        for (isa, ones) in Isa::available()
            .into_iter()
            .flat_map(|isa| [Ones::None, Ones::Row].map(|ones| (isa, ones)))
        {
            let mut left = Packed::new(isa);
            left.pack(Side::Left, x.across(), ones);
            let right = packed(isa, Side::Right, dy.across());
            for num_shards in [1, 2, 3, 7, 16] {
                let shards: Vec<_> = (0..num_shards).map(|s| part(k, num_shards, s)).collect();
                let len = (m + usize::from(ones == Ones::Row)) * n;
                let (mut c, mut expected) = (vec![f32::NAN; len], vec![f32::NAN; len]);
                fold_products(&mut expected, &left, &right, &shards);
                fold_rows::fold_rows(isa, &mut c, RowPair { x, dy }, ones, &shards);
                assert_eq!(c, expected, "{isa:?}, {m} x {n} x {k}, {num_shards} shards");
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let (n, k) = (37, 300);
    let (a, b) = (values(64 * k, 6), values(k * n, 7));
    for isa in Isa::available() {
        let right = packed(isa, Side::Right, Strided::across(&b, k, n));
        let run = |rows: std::ops::Range<usize>| {
            let mut c = vec![0.0; rows.len() * n];
            let rows = Strided::along(&a[rows.start * k..rows.end * k], rows.len(), k);
            let left = packed(isa, Side::Left, rows);
            product(Out::dense(&mut c, n), &left, &right, Bias::Zero);
            c
        };
        let together = run(0..64);
        for rows in [0..1, 5..6, 1..14, 30..64] {
            assert_eq!(
                run(rows.clone()),
                together[rows.start * n..rows.end * n],
                "{isa:?}, rows {rows:?}"
            );
        }
    }
}

#[test]
fn a_row_of_ones_gives_the_column_sums() {
    let (n, k) = (3, 10);
    // Whole tiles too, after which the row of ones has a panel of its own.
    let sizes = [1, 5, 6, 12, 24, 30];
    for (isa, m) in Isa::available()
        .into_iter()
        .flat_map(|isa| sizes.map(|m| (isa, m)))
    {
        let (a, b) = (values(k * m, 8), values(k * n, 9));
        let mut left = Packed::new(isa);
        left.pack(Side::Left, Strided::across(&a, k, m), Ones::Row);
        let right = packed(isa, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![0.0; (m + 1) * n];
        fold_products(&mut c, &left, &right, std::slice::from_ref(&(0..k)));
        let sums: Vec<f32> = (0..n)
            .map(|j| (0..k).fold(0.0, |sum, p| sum + b[p * n + j]))
            .collect();
        assert_eq!(c[m * n..], sums, "{isa:?}, {m} rows");
        for (at, value) in c[..m * n].iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let expected = (0..k).fold(0.0, |sum: f32, p| a[p * m + i].mul_add(b[p * n + j], sum));
            assert_eq!(*value, expected, "{isa:?}, {m} rows: {i}, {j}");
        }
    }
}

fn sizes() -> impl Iterator<Item = (usize, usize, usize)> {
    // All small ones, and each large one with a few others.
    let small = SIZES.len() - 2;
    let all = (0..SIZES.len().pow(3)).map(|at| (at % 8, at / 8 % 8, at / 64));
    all.filter(move |&(m, n, k)| [m, n, k].iter().filter(|&&s| s >= small).count() <= 1)
        .map(|(m, n, k)| (SIZES[m], SIZES[n], SIZES[k]))
}
