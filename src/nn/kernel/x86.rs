//! The kernels compiled for AVX2 and AVX-512: the only `unsafe` of the crate.
//!
//! # Why unsafe
//! A function compiled for an instruction set that the CPU may lack can only be called unsafely,
//! and vector loads and stores take pointers. Measured gain over the portable compilation: see
//! `benches/gemm.rs`; the kernels' bodies are the same safe code, generic over [`Simd`].
//!
//! # Invariants
//! 1. The vectors of this file exist only within functions that [`check`] guards: it has seen
//!    AVX-512F, or AVX2 and FMA.

#![expect(
    unsafe_code,
    reason = "calls of functions with target features; each is preceded by its detection"
)]

use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T0, _MM_HINT_T1, _MM_TRANSPOSE4_PS, _mm_loadu_ps, _mm_prefetch,
    _mm_storeu_ps, _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps,
    _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
    _mm512_storeu_ps,
};
use std::ops::Range;

use super::conv::Windows;
use super::isa::Isa;
use super::pack::{Ones, Packed};
use super::part::Part;
use super::product::{Bias, Out};
use super::rows::{Columns, Operands, Rows};
use super::simd::Simd;
use super::winograd::{Places, Runs, Transform};
use super::{conv, fold, fold_rows, product, rows, winograd};

pub(super) fn run_product(isa: Isa, c: Out<'_>, (a, b): (&Packed, &Part<'_>), bias: Bias<'_>) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { product_avx512(c, a, b, bias) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { product_avx2(c, a, b, bias) }
    }
}

pub(super) fn run_fold(
    isa: Isa,
    c: &mut [f32],
    operands: (&Packed, &Packed),
    (shards, squares): (&[Range<usize>], &mut [f32]),
) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { fold_avx512(c, operands, shards, squares) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { fold_avx2(c, operands, shards, squares) }
    }
}

pub(super) fn run_fold_rows(
    c: &mut [f32],
    operands: (Operands<'_>, Ones),
    shards: &[Range<usize>],
) {
    check(Isa::Avx512);
    // SAFETY: `check` has seen AVX-512F.
    unsafe { fold_rows_avx512(c, operands, shards) }
}

pub(super) fn run_product_of_rows(
    isa: Isa,
    c: Out<'_>,
    (a, b): (Rows<'_>, &Part<'_>),
    bias: Bias<'_>,
) {
    check(isa);
    let is_apart = a.share_a_set() && b.packed.width == 32;
    match (isa, is_apart, b.asks()) {
        // SAFETY: `check` has seen AVX-512F.
        (Isa::Avx512, true, true) => unsafe { rows_apart_avx512::<true>(c, a, b, bias) },
        // SAFETY: as above.
        (Isa::Avx512, true, false) => unsafe { rows_apart_avx512::<false>(c, a, b, bias) },
        // SAFETY: as above.
        (Isa::Avx512, false, true) => unsafe { rows_avx512::<true>(c, a, b, bias) },
        // SAFETY: as above.
        (Isa::Avx512, false, false) => unsafe { rows_avx512::<false>(c, a, b, bias) },
        // SAFETY: `check` has seen AVX2 and FMA.
        (_, _, true) => unsafe { rows_avx2::<true>(c, a, b, bias) },
        // SAFETY: as above.
        (_, _, false) => unsafe { rows_avx2::<false>(c, a, b, bias) },
    }
}

pub(super) fn run_convolve(
    isa: Isa,
    y: Out<'_>,
    input: (&[f32], &Windows, usize),
    (w, bias): (&Packed, Bias<'_>),
) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { convolve_avx512(y, input, w, bias) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { convolve_avx2(y, input, w, bias) }
    }
}

pub(super) fn run_kernel_gradient(isa: Isa, dw: Out<'_>, input: (&[f32], &Windows), dy: &Packed) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { kernel_gradient_avx512(dw, input, dy) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { kernel_gradient_avx2(dw, input, dy) }
    }
}

pub(super) fn run_transform(
    isa: Isa,
    what: Transform,
    buffers: (&mut [f32], &[f32]),
    places: Places<'_>,
    runs: Runs<'_>,
) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { transform_avx512(what, buffers, places, runs) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { transform_avx2(what, buffers, places, runs) }
    }
}

pub(super) fn run_row_products(
    isa: Isa,
    dw: Out<'_>,
    operands: (Columns<'_>, Columns<'_>),
    goes_on: bool,
) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { row_products_avx512(dw, operands, goes_on) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { row_products_avx2(dw, operands, goes_on) }
    }
}

/// # Panics
/// If this CPU cannot run `isa`.
fn check(isa: Isa) {
    assert!(
        isa <= Isa::detect(),
        "this CPU cannot run {} kernels",
        isa.name()
    );
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn product_avx512(c: Out<'_>, a: &Packed, b: &Part<'_>, bias: Bias<'_>) {
    match b.packed.width {
        16 => product::blocks::<Avx512, 12, 1>(c, a, b, bias),
        _ => product::blocks::<Avx512, 12, 2>(c, a, b, bias),
    }
}

#[target_feature(enable = "avx2,fma")]
fn product_avx2(c: Out<'_>, a: &Packed, b: &Part<'_>, bias: Bias<'_>) {
    product::blocks::<Avx2, 6, 2>(c, a, b, bias);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn fold_avx512(
    c: &mut [f32],
    operands: (&Packed, &Packed),
    shards: &[Range<usize>],
    squares: &mut [f32],
) {
    match operands.1.width {
        16 => fold::blocks::<Avx512, 12, 12, 1>(c, operands, shards, squares),
        _ => fold::blocks::<Avx512, 12, 6, 2>(c, operands, shards, squares),
    }
}

#[target_feature(enable = "avx2,fma")]
fn fold_avx2(
    c: &mut [f32],
    operands: (&Packed, &Packed),
    shards: &[Range<usize>],
    squares: &mut [f32],
) {
    fold::blocks::<Avx2, 6, 6, 2>(c, operands, shards, squares);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn fold_rows_avx512(c: &mut [f32], operands: (Operands<'_>, Ones), shards: &[Range<usize>]) {
    fold_rows::blocks::<Avx512, 6, 2>(c, operands, shards);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn rows_avx512<const ASKS: bool>(c: Out<'_>, a: Rows<'_>, b: &Part<'_>, bias: Bias<'_>) {
    match b.packed.width {
        16 => product::row_blocks::<Avx512, 12, 8, 1, ASKS>(c, a, b, bias),
        _ => product::row_blocks::<Avx512, 12, 8, 2, ASKS>(c, a, b, bias),
    }
}

/// A function of its own: in one with the others' tiles those of products of depth 16 took 1.1 to
/// 1.3 times as long.
#[target_feature(enable = "avx512f,avx2,fma")]
fn rows_apart_avx512<const ASKS: bool>(c: Out<'_>, a: Rows<'_>, b: &Part<'_>, bias: Bias<'_>) {
    product::row_blocks::<Avx512, 8, 4, 2, ASKS>(c, a, b, bias);
}

#[target_feature(enable = "avx2,fma")]
fn rows_avx2<const ASKS: bool>(c: Out<'_>, a: Rows<'_>, b: &Part<'_>, bias: Bias<'_>) {
    product::row_blocks::<Avx2, 6, 4, 2, ASKS>(c, a, b, bias);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn convolve_avx512(y: Out<'_>, input: (&[f32], &Windows, usize), w: &Packed, bias: Bias<'_>) {
    match w.width {
        16 => conv::forward::<Avx512, 12, 1>(y, input, w, bias),
        _ => conv::forward::<Avx512, 12, 2>(y, input, w, bias),
    }
}

#[target_feature(enable = "avx2,fma")]
fn convolve_avx2(y: Out<'_>, input: (&[f32], &Windows, usize), w: &Packed, bias: Bias<'_>) {
    conv::forward::<Avx2, 6, 2>(y, input, w, bias);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn kernel_gradient_avx512(dw: Out<'_>, input: (&[f32], &Windows), dy: &Packed) {
    match dy.width {
        16 => conv::gradient::<Avx512, 12, 1>(dw, input, dy),
        _ => conv::gradient::<Avx512, 12, 2>(dw, input, dy),
    }
}

#[target_feature(enable = "avx2,fma")]
fn kernel_gradient_avx2(dw: Out<'_>, input: (&[f32], &Windows), dy: &Packed) {
    conv::gradient::<Avx2, 6, 2>(dw, input, dy);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn transform_avx512(
    what: Transform,
    (to, from): (&mut [f32], &[f32]),
    places: Places<'_>,
    runs: Runs<'_>,
) {
    winograd::squares::<Avx512>(what, to, from, places, runs);
}

#[target_feature(enable = "avx2,fma")]
fn transform_avx2(
    what: Transform,
    (to, from): (&mut [f32], &[f32]),
    places: Places<'_>,
    runs: Runs<'_>,
) {
    winograd::squares::<Avx2>(what, to, from, places, runs);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn row_products_avx512(dw: Out<'_>, operands: (Columns<'_>, Columns<'_>), goes_on: bool) {
    if operands.1.range.len().is_multiple_of(32) {
        rows::row_products::<Avx512, 12, 2>(dw, operands, goes_on);
    } else {
        rows::row_products::<Avx512, 12, 1>(dw, operands, goes_on);
    }
}

#[target_feature(enable = "avx2,fma")]
fn row_products_avx2(dw: Out<'_>, operands: (Columns<'_>, Columns<'_>), goes_on: bool) {
    rows::row_products::<Avx2, 6, 2>(dw, operands, goes_on);
}

#[inline(always)]
fn prefetch<const HINT: i32>(from: &[f32], ahead: usize) {
    let line = from.as_ptr().wrapping_add(ahead);
    // SAFETY: a hint that reads nothing; every x86-64 has it.
    unsafe { _mm_prefetch::<HINT>(line.cast()) }
}

/// The transpose of four rows of four values.
#[inline(always)]
pub(super) fn transpose_four(rows: [&[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut columns = [[0.0; 4]; 4];
    // SAFETY: every x86-64 has SSE; four values are readable.
    let [mut a, mut b, mut c, mut d] = rows.map(|row| unsafe { _mm_loadu_ps(row.as_ptr()) });
    // SAFETY: every x86-64 has SSE.
    unsafe { _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d) };
    for (to, from) in columns.iter_mut().zip([a, b, c, d]) {
        // SAFETY: every x86-64 has SSE; four values are writable.
        unsafe { _mm_storeu_ps(to.as_mut_ptr(), from) };
    }
    columns
}

/// Vectors of an instruction set.
macro_rules! vectors {
    (
        $(#[$about:meta])*
        $name:ident($register:ty), $lanes:literal, asks ahead: $asks:literal, takes four: $four:literal,
        $splat:ident, $load:ident, $store:ident, $mul_add:ident, $add:ident
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        struct $name($register);

        impl Simd for $name {
            const LANES: usize = $lanes;
            const ASKS_AHEAD: bool = $asks;
            const TAKES_FOUR: bool = $four;

            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: invariant 1.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn load(from: &[f32]) -> Self {
                let from: &[f32; $lanes] = from.first_chunk().expect("a whole vector");
                // SAFETY: invariant 1; a vector's values are readable.
                Self(unsafe { $load(from.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, to: &mut [f32]) {
                let to: &mut [f32; $lanes] = to.first_chunk_mut().expect("room for a whole vector");
                // SAFETY: invariant 1; a vector's values are writable.
                unsafe { $store(to.as_mut_ptr(), self.0) }
            }

            #[inline(always)]
            fn mul_add(self, by: Self, sum: Self) -> Self {
                // SAFETY: invariant 1.
                Self(unsafe { $mul_add(self.0, by.0, sum.0) })
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: invariant 1.
                Self(unsafe { $add(self.0, other.0) })
            }

            #[inline(always)]
            fn prefetch(from: &[f32], ahead: usize) {
                prefetch::<_MM_HINT_T0>(from, ahead);
            }

            #[inline(always)]
            fn prefetch_far(from: &[f32], ahead: usize) {
                prefetch::<_MM_HINT_T1>(from, ahead);
            }
        }
    };
}

vectors! {
    /// 16 lanes in a register of AVX-512F.
    Avx512(__m512), 16, asks ahead: true, takes four: false,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps
}

vectors! {
    /// 8 lanes in a register of AVX2 with FMA.
    Avx2(__m256), 8, asks ahead: false, takes four: true,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps
}
