//! Long short-term memory.
//!
//! Gates i, f, g, o (PyTorch's order) of a = W x + b + U h' + c: `c = s(f) c' + s(i) tanh(g)`,
//! `h = s(o) tanh(c)`.
//!
//! Backward, with the gates' values: `dc += dh o (1 - tanh(c)²)`, `di = dc g i (1 - i)`,
//! `df = dc c' f (1 - f)`, `dg = dc i (1 - g²)`, `do = dh tanh(c) o (1 - o)`, `dc' = dc f`.
//!
//! # References
//! Hochreiter, Schmidhuber: "Long short-term memory", 1997; Gers, Schmidhuber, Cummins: "Learning
//! to forget", 2000.

use multiversion::multiversion;

use super::cell::{Backward, Cell, Forward};
use crate::nn::core::RecurrentCell;
use crate::nn::kernel::elementwise::{sigmoid, tanh};
use crate::nn::kernel::fused::is_fused;

/// The cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lstm;

impl Cell for Lstm {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn kind(&self) -> RecurrentCell {
        RecurrentCell::Lstm
    }

    fn num_gates(&self) -> usize {
        4
    }

    fn forward(&self, at: Forward<'_>) {
        forward(at.gates, at.c_before, at.c, at.h);
    }

    fn backward(&self, at: Backward<'_>) {
        backward(at.gates, at.c_before, at.c, at.dh, at.dc);
        at.dh.fill(0.0);
    }
}

/// The four gates of a row.
fn split(gates: &mut [f32], n: usize) -> [&mut [f32]; 4] {
    let (i, rest) = gates.split_at_mut(n);
    let (f, rest) = rest.split_at_mut(n);
    let (g, rest) = rest.split_at_mut(n);
    [i, f, g, &mut rest[..n]]
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn forward(gates: &mut [f32], c_before: &[f32], c: &mut [f32], h: &mut [f32]) {
    const IS_FUSED: bool = is_fused!();
    let n = h.len();
    let [i, f, g, o] = split(gates, n);
    let (c_before, c) = (&c_before[..n], &mut c[..n]);
    for k in 0..n {
        i[k] = sigmoid::<IS_FUSED>(i[k]);
        f[k] = sigmoid::<IS_FUSED>(f[k]);
        g[k] = tanh::<IS_FUSED>(g[k]);
        o[k] = sigmoid::<IS_FUSED>(o[k]);
        c[k] = f[k] * c_before[k] + i[k] * g[k];
        h[k] = o[k] * tanh::<IS_FUSED>(c[k]);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn backward(gates: &mut [f32], c_before: &[f32], c: &[f32], dh: &[f32], dc: &mut [f32]) {
    const IS_FUSED: bool = is_fused!();
    let n = dh.len();
    let [i, f, g, o] = split(gates, n);
    let (c_before, c, dc) = (&c_before[..n], &c[..n], &mut dc[..n]);
    for k in 0..n {
        let t = tanh::<IS_FUSED>(c[k]);
        let d = dc[k] + dh[k] * o[k] * (1.0 - t * t);
        dc[k] = d * f[k];
        let (iv, fv, gv, ov) = (i[k], f[k], g[k], o[k]);
        i[k] = d * gv * iv * (1.0 - iv);
        f[k] = d * c_before[k] * fv * (1.0 - fv);
        g[k] = d * iv * (1.0 - gv * gv);
        o[k] = dh[k] * t * ov * (1.0 - ov);
    }
}
