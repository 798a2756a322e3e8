//! The processor's peak, as the crate's own micro-kernel reaches it on operands that stay in L1.

use std::time::Instant;

use crate::nn::kernel::{Bias, Isa, Ones, Out, Packed, Side, Strided, product};

/// Multiplications and additions a second of one core: the best of some 50 ms of products from L1.
///
/// It lies a few per cent below what the units could do with nothing else to do, so a share of it is not flattered.
///
/// ```
/// use unisono::study::measured_peak_flops;
/// let peak = measured_peak_flops();
/// assert!(peak > 1e6 && peak.is_finite());
/// ```
pub fn measured_peak_flops() -> f64 {
    // The processor's, whatever kernels UNISONO_ISA chooses.
    let isa = Isa::detect();
    let (rows, columns, depth) = (2 * isa.tile_rows(), 32, 96);
    let (a, b) = (vec![0.5; rows * depth], vec![0.25; depth * columns]);
    let (mut left, mut right) = (Packed::new(isa), Packed::new(isa));
    left.pack(Side::Left, Strided::along(&a, rows, depth), Ones::None);
    right.pack(Side::Right, Strided::across(&b, depth, columns), Ones::None);
    let mut c = vec![0.0; rows * columns];
    let repeats = 1_000;
    let mut best = f64::INFINITY;
    let started = Instant::now();
    while started.elapsed().as_millis() < 50 {
        let one = Instant::now();
        for _ in 0..repeats {
            let out = Out::dense(std::hint::black_box(&mut c), columns);
            product(out, &left, &right, Bias::Zero);
        }
        best = best.min(one.elapsed().as_secs_f64());
    }
    (repeats * 2 * rows * columns * depth) as f64 / best
}
