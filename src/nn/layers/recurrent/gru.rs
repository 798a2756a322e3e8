//! Gated recurrent units.
//!
//! Gates r, z, n (PyTorch's order), input part a = W x + b, hidden part u = U h' + c:
//! `r = s(a_r + u_r)`, `z = s(a_z + u_z)`, `n = tanh(a_n + r u_n)`, `h = (1 - z) n + z h'`.
//!
//! Backward: `dn = dh (1 - z) (1 - n²)`, `dz = dh (h' - n) z (1 - z)`, `dr = dn u_n r (1 - r)`; the
//! hidden part of n gets `dn r`; `dh' = dh z` besides the hidden product.
//!
//! # References
//! Cho et al.: "Learning phrase representations using RNN encoder-decoder", 2014.

use multiversion::multiversion;

use super::cell::{Backward, Cell, Forward};
use crate::nn::core::RecurrentCell;
use crate::nn::kernel::elementwise::{sigmoid, tanh};
use crate::nn::kernel::fused::is_fused;

/// The cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gru;

impl Cell for Gru {
    fn name(&self) -> &'static str {
        "gru"
    }

    fn kind(&self) -> RecurrentCell {
        RecurrentCell::Gru
    }

    fn num_gates(&self) -> usize {
        3
    }

    fn has_separate_hidden_gates(&self) -> bool {
        true
    }

    fn forward(&self, at: Forward<'_>) {
        forward(at.gates, at.hidden_gates, at.h_before, at.h);
    }

    fn backward(&self, at: Backward<'_>) {
        backward(at.gates, at.hidden_gates, at.h_before, at.dh);
    }
}

fn split(gates: &mut [f32], n: usize) -> [&mut [f32]; 3] {
    let (r, rest) = gates.split_at_mut(n);
    let (z, rest) = rest.split_at_mut(n);
    [r, z, &mut rest[..n]]
}

/// Leaves r, z, n in `gates`; of `hidden`, u_n stays.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn forward(gates: &mut [f32], hidden: &mut [f32], h_before: &[f32], h: &mut [f32]) {
    const IS_FUSED: bool = is_fused!();
    let count = h.len();
    let [r, z, n] = split(gates, count);
    let [ur, uz, un] = split(hidden, count);
    let h_before = &h_before[..count];
    for k in 0..count {
        r[k] = sigmoid::<IS_FUSED>(r[k] + ur[k]);
        z[k] = sigmoid::<IS_FUSED>(z[k] + uz[k]);
        n[k] = tanh::<IS_FUSED>(n[k] + r[k] * un[k]);
        h[k] = (1.0 - z[k]) * n[k] + z[k] * h_before[k];
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn backward(gates: &mut [f32], hidden: &mut [f32], h_before: &[f32], dh: &mut [f32]) {
    let count = dh.len();
    let [r, z, n] = split(gates, count);
    let [ur, uz, un] = split(hidden, count);
    let h_before = &h_before[..count];
    for k in 0..count {
        let (rv, zv, nv, d) = (r[k], z[k], n[k], dh[k]);
        let dn = d * (1.0 - zv) * (1.0 - nv * nv);
        let dz = d * (h_before[k] - nv) * zv * (1.0 - zv);
        let dr = dn * un[k] * rv * (1.0 - rv);
        (r[k], z[k], n[k]) = (dr, dz, dn);
        (ur[k], uz[k], un[k]) = (dr, dz, dn * rv);
        dh[k] = d * zv;
    }
}
