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

/// Every instruction set in every precision.
fn arithmetics() -> impl Iterator<Item = Arithmetic> {
    let of = |isa| {
        Precision::ALL
            .iter()
            .map(move |&precision| Arithmetic { isa, precision })
    };
    Isa::available().into_iter().flat_map(of)
}

/// The product of rows, rounded first.
fn rows_times(c: &mut [f32], n: usize, rows: Rows<'_>, right: &Packed, bias: Bias<'_>) {
    let mut rounding = Rounding::new(right.arithmetic());
    product_of_rows(Out::dense(c, n), rounding.rows(rows), right, bias);
}

fn packed(arithmetic: impl Into<Arithmetic>, side: Side, matrix: Strided<'_>) -> Packed {
    let mut operand = Packed::new(arithmetic);
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
        for arithmetic in arithmetics() {
            let left = packed(arithmetic, Side::Left, Strided::along(&a, m, k));
            for right in [Strided::across(&b, k, n), Strided::along(&transposed, n, k)] {
                let right = packed(arithmetic, Side::Right, right);
                for (bias, start) in [(Bias::Zero, &zeros), (Bias::Columns(&start), &start)] {
                    let mut c = vec![f32::NAN; m * n];
                    product(Out::dense(&mut c, n), &left, &right, bias);
                    let rows = matrix(&a, m, k);
                    let expected =
                        naive::product(arithmetic.precision, rows, matrix(&b, k, n), start);
                    assert_eq!(c, expected, "{arithmetic:?}, {m} x {n} x {k}");
                    c.fill(f32::NAN);
                    rows_times(&mut c, n, rows, &right, bias);
                    assert_eq!(c, expected, "{arithmetic:?}, {m} rows x {n} x {k}");
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
    for (arithmetic, count) in
        arithmetics().flat_map(|arithmetic| (1..=21).map(move |count| (arithmetic, count)))
    {
        let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let rows = Rows {
            data: &apart,
            count,
            depth: k,
            stride,
        };
        let mut c = vec![f32::NAN; count * n];
        rows_times(&mut c, n, rows, &right, Bias::Zero);
        let dense = matrix(&dense, count, k);
        let expected = naive::product(arithmetic.precision, dense, matrix(&b, k, n), &zeros);
        assert_eq!(c, expected, "{arithmetic:?}, {count} rows");
    }
}

#[test]
fn matrices_packed_one_below_the_other_are_packed_as_one() {
    for lanes in [1, 6, 13, 40, 150] {
        let data = values(20 * lanes, 1);
        // No pair has values of two matrices: cuts of even numbers of rows are packed alike.
        for arithmetic in arithmetics() {
            for (side, ones) in [(Side::Left, Ones::Row), (Side::Right, Ones::None)] {
                let mut whole = packed(arithmetic, side, Strided::across(&data, 20, lanes));
                whole.pack(side, Strided::across(&data, 20, lanes), ones);
                let mut stacked = packed(arithmetic, side, Strided::across(&data, 1, 1));
                let cuts = [0..6, 6..6, 6..8, 8..20];
                let parts = cuts.map(|rows| {
                    let part = &data[rows.start * lanes..rows.end * lanes];
                    Strided::across(part, rows.len(), lanes)
                });
                let steps = arithmetic.steps(20);
                stacked.pack_stacked(side, lanes, steps, &mut parts.into_iter(), ones);
                assert_eq!(stacked.num_panels(), whole.num_panels());
                for panel in 0..whole.num_panels() {
                    assert_eq!(
                        stacked.panel(panel),
                        whole.panel(panel),
                        "{arithmetic:?}, {lanes}"
                    );
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
    for arithmetic in arithmetics() {
        let precision = arithmetic.precision;
        let half = naive::product(precision, matrix(&a, m, k), matrix(&b, k, n), &zeros);
        let left = packed(arithmetic, Side::Left, Strided::along(&a, m, k));
        let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![7.0; m * stride];
        let (data, first) = (&mut c, [Bias::Zero, Bias::Accumulate]);
        for bias in first {
            product(Out { data, stride }, &left, &right, bias);
        }
        for (i, row) in c.chunks(stride).enumerate() {
            let twice = |j: usize| {
                let terms = (0..k).map(|p| (a[i * k + p], b[p * n + j]));
                naive::chain(precision, half[i * n + j], terms)
            };
            assert!(
                (0..n).all(|j| row[j] == twice(j)),
                "{arithmetic:?}, row {i}"
            );
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
            for &precision in Precision::ALL {
                let (rows, columns) = (matrix(&a, k, m), matrix(&b, k, n));
                let expected = naive::fold_products(precision, rows, columns, &shards);
                for isa in Isa::available() {
                    let arithmetic = Arithmetic { isa, precision };
                    let mut steps = Vec::new();
                    arithmetic.steps_of(&shards, &mut steps);
                    let mut left = packed(arithmetic, Side::Left, Strided::across(&a, k, m));
                    let mut right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
                    left.pack_shards(Side::Left, Strided::across(&a, k, m), &shards, Ones::None);
                    right.pack_shards(Side::Right, Strided::across(&b, k, n), &shards, Ones::None);
                    let mut c = vec![f32::NAN; m * n];
                    fold_products(&mut c, &left, &right, &steps);
                    assert_eq!(
                        c, expected,
                        "{arithmetic:?}, {m} x {n} x {k}, {num_shards} shards"
                    );
                }
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
    for arithmetic in arithmetics() {
        let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let run = |rows: std::ops::Range<usize>| {
            let mut c = vec![0.0; rows.len() * n];
            let rows = Strided::along(&a[rows.start * k..rows.end * k], rows.len(), k);
            let left = packed(arithmetic, Side::Left, rows);
            product(Out::dense(&mut c, n), &left, &right, Bias::Zero);
            c
        };
        let together = run(0..64);
        for rows in [0..1, 5..6, 1..14, 30..64] {
            assert_eq!(
                run(rows.clone()),
                together[rows.start * n..rows.end * n],
                "{arithmetic:?}, rows {rows:?}"
            );
        }
    }
}

/// Of rounded operands a chain errs by no more than its additions can (Higham, *Accuracy and
/// Stability of Numerical Algorithms*, 2002, 3.5); of exact ones by their rounding besides.
#[test]
fn products_err_within_the_bounds_of_their_length() {
    let (m, n) = (5, 7);
    let zeros = vec![0.0; n];
    // Half an ulp of f32 and of bfloat16.
    let units = [f64::powi(2.0, -24), f64::powi(2.0, -8)];
    for k in [1, 2, 31, 300, 2_000] {
        let (a, b) = (values(m * k, 1), values(k * n, 2));
        for arithmetic in arithmetics() {
            let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
            let mut c = vec![f32::NAN; m * n];
            rows_times(&mut c, n, matrix(&a, m, k), &right, Bias::Columns(&zeros));
            for (at, &got) in c.iter().enumerate() {
                let terms = |p: usize| f64::from(a[at / n * k + p]) * f64::from(b[p * n + at % n]);
                let exact: f64 = (0..k).map(terms).sum();
                let sizes: f64 = (0..k).map(|p| terms(p).abs()).sum();
                let chain = (k + 1) as f64 * units[0];
                let operands = match arithmetic.precision {
                    Precision::F32 => 0.0,
                    Precision::Bf16 => 2.0 * units[1] + units[1] * units[1],
                };
                let bound = (chain / (1.0 - chain) * (1.0 + operands) + operands) * sizes;
                let error = (f64::from(got) - exact).abs();
                assert!(error <= bound, "{arithmetic:?}, {k}: {error} of {bound}");
            }
        }
    }
}

/// In bfloat16 what is denormal is zero: operands, products, sums, what a chain starts from.
#[test]
fn denormals_are_the_same_zeros_on_every_instruction_set() {
    let (m, n, k) = (13, 35, 31);
    // Rows and columns of ever smaller values, whose products lie on both sides of the smallest
    // normal number; and some that are denormal themselves.
    let tiny = |rows: usize, columns: usize, salt| -> Vec<f32> {
        let scale = |at: usize| f32::powi(2.0, -54 - (at / columns + at % columns) as i32 / 4);
        let values = values(rows * columns, salt).into_iter().enumerate();
        values.map(|(at, value)| value * scale(at)).collect()
    };
    let (mut a, b, mut start) = (tiny(m, k, 1), tiny(k, n, 2), tiny(1, n, 3));
    start
        .iter_mut()
        .for_each(|value| *value *= f32::powi(2.0, -60));
    (a[3], start[3]) = (f32::from_bits(99), f32::from_bits(77));
    assert!(a.iter().any(|value| value.is_subnormal()));
    let precision = Precision::Bf16;
    let shards = [0..7, 7..16, 16..31];
    let product = naive::product(precision, matrix(&a, m, k), matrix(&b, k, n), &start);
    let transposed: Vec<f32> = (0..k * m).map(|at| a[at % m * k + at / m]).collect();
    let (rows, columns) = (matrix(&transposed, k, m), matrix(&b, k, n));
    let fold = naive::fold_products(precision, rows, columns, &shards);
    let unflushed = naive::product(Precision::F32, matrix(&a, m, k), matrix(&b, k, n), &start);
    assert!(product.iter().all(|value| !value.is_subnormal()));
    assert!(unflushed.iter().any(|value| value.is_subnormal()));
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for isa in Isa::available() {
        let arithmetic = Arithmetic { isa, precision };
        let mut right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![f32::NAN; m * n];
        rows_times(&mut c, n, matrix(&a, m, k), &right, Bias::Columns(&start));
        assert_eq!(bits(&c), bits(&product), "{isa:?}");
        let mut left = Packed::new(arithmetic);
        left.pack_shards(Side::Left, Strided::along(&a, m, k), &shards, Ones::None);
        right.pack_shards(Side::Right, Strided::across(&b, k, n), &shards, Ones::None);
        let mut steps = Vec::new();
        arithmetic.steps_of(&shards, &mut steps);
        fold_products(&mut c, &left, &right, &steps);
        assert_eq!(bits(&c), bits(&fold), "{isa:?}");
        // The mode ends with the kernel.
        assert!(std::hint::black_box(f32::MIN_POSITIVE) / 2.0 > 0.0);
    }
}

/// Sums that lie just below the smallest normal number, where rules of flushing differ.
#[test]
fn what_rounds_to_the_smallest_normal_number_is_the_same_on_every_instruction_set() {
    let (m, n, k) = (13, 35, 2);
    let precision = Precision::Bf16;
    // The products have magnitudes of 1/16 to 3 times the last place of the smallest normal number.
    let factor = |at: usize, most: usize| {
        let sign = if at.is_multiple_of(3) { 1.0 } else { -1.0 };
        sign * (1 + at % most) as f32 * f32::powi(2.0, -77)
    };
    let a: Vec<f32> = (0..m * k).map(|at| factor(at, 5)).collect();
    let b: Vec<f32> = (0..k * n).map(|at| factor(at, 7)).collect();
    let least = f32::MIN_POSITIVE.to_bits();
    let start: Vec<f32> = (0..n as u32)
        .map(|j| f32::from_bits((least + j / 2 % 2) | (j << 31)))
        .collect();
    let expected = naive::product(precision, matrix(&a, m, k), matrix(&b, k, n), &start);
    assert!(expected.contains(&0.0) && expected.contains(&f32::MIN_POSITIVE));
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for isa in Isa::available() {
        let arithmetic = Arithmetic { isa, precision };
        let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![f32::NAN; m * n];
        rows_times(&mut c, n, matrix(&a, m, k), &right, Bias::Columns(&start));
        assert_eq!(bits(&c), bits(&expected), "{isa:?}");
    }
}

#[test]
fn a_row_of_ones_gives_the_column_sums() {
    let (n, k) = (3, 10);
    // Whole tiles too, after which the row of ones has a panel of its own.
    let sizes = [1, 5, 6, 12, 24, 30];
    for (arithmetic, m) in arithmetics().flat_map(|arithmetic| sizes.map(|m| (arithmetic, m))) {
        let precision = arithmetic.precision;
        let (a, b) = (values(k * m, 8), values(k * n, 9));
        let mut left = Packed::new(arithmetic);
        left.pack(Side::Left, Strided::across(&a, k, m), Ones::Row);
        let right = packed(arithmetic, Side::Right, Strided::across(&b, k, n));
        let mut c = vec![0.0; (m + 1) * n];
        fold_products(
            &mut c,
            &left,
            &right,
            std::slice::from_ref(&(0..arithmetic.steps(k))),
        );
        let sums: Vec<f32> = (0..n)
            .map(|j| naive::chain(precision, 0.0, (0..k).map(|p| (1.0, b[p * n + j]))))
            .collect();
        assert_eq!(c[m * n..], sums, "{arithmetic:?}, {m} rows");
        for (at, value) in c[..m * n].iter().enumerate() {
            let (i, j) = (at / n, at % n);
            let terms = (0..k).map(|p| (a[p * m + i], b[p * n + j]));
            let expected = naive::chain(precision, 0.0, terms);
            assert_eq!(*value, expected, "{arithmetic:?}, {m} rows: {i}, {j}");
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
