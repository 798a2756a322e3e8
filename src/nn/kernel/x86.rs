//! The kernels compiled for AVX2 and AVX-512: the only `unsafe` of the crate.
//!
//! # Why unsafe
//! A function compiled for an instruction set that the CPU may lack can only be called unsafely. Measured gain
//! over the portable compilation: see `benches/gemm.rs`; the products' bodies are the same safe code.

#![expect(
    unsafe_code,
    reason = "calls of functions with target features; each is preceded by its detection"
)]

use std::ops::Range;

use super::isa::Isa;
use super::pack::Packed;
use super::product::{Bias, Out};
use super::{fold, product};

pub(super) fn run_product(isa: Isa, c: Out<'_>, (a, b): (&Packed, &Packed), bias: Bias<'_>) {
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
    (a, b): (&Packed, &Packed),
    shards: &[Range<usize>],
) {
    check(isa);
    if isa == Isa::Avx512 {
        // SAFETY: `check` has seen AVX-512F.
        unsafe { fold_avx512(c, a, b, shards) }
    } else {
        // SAFETY: `check` has seen AVX2 and FMA.
        unsafe { fold_avx2(c, a, b, shards) }
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
fn product_avx512(c: Out<'_>, a: &Packed, b: &Packed, bias: Bias<'_>) {
    match b.width {
        16 => product::blocks::<12, 16>(c, a, b, bias),
        _ => product::blocks::<12, 32>(c, a, b, bias),
    }
}

#[target_feature(enable = "avx2,fma")]
fn product_avx2(c: Out<'_>, a: &Packed, b: &Packed, bias: Bias<'_>) {
    product::blocks::<6, 16>(c, a, b, bias);
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn fold_avx512(c: &mut [f32], a: &Packed, b: &Packed, shards: &[Range<usize>]) {
    match b.width {
        16 => fold::blocks::<12, 16>(c, a, b, shards),
        _ => fold::blocks::<12, 32>(c, a, b, shards),
    }
}

#[target_feature(enable = "avx2,fma")]
fn fold_avx2(c: &mut [f32], a: &Packed, b: &Packed, shards: &[Range<usize>]) {
    fold::blocks::<6, 16>(c, a, b, shards);
}
