//! Peaks of the machine: multiply-adds as the crate's own micro-kernel reaches them on operands in
//! L1, and bytes between memory and cores.

use std::time::Instant;

use crate::nn::Precision;
use crate::nn::kernel::{Arithmetic, Bias, Isa, Ones, Out, Packed, Side, Strided, product};

/// Multiplications and additions a second of one core, with operands of a precision: the best of
/// some 50 ms of products from L1.
///
/// It lies a few per cent below what the units could do with nothing else to do, so a share of it
/// is not flattered.
///
/// ```
/// use unisono::{nn::Precision, study::measured_peak_flops};
/// let peak = measured_peak_flops(Precision::F32);
/// assert!(peak > 0.0 && peak.is_finite());
/// ```
pub fn measured_peak_flops(precision: Precision) -> f64 {
    // The processor's, whatever kernels UNISONO_ISA chooses.
    let isa = Isa::detect();
    let arithmetic = Arithmetic { isa, precision };
    let (rows, columns, depth) = (2 * isa.tile_rows(), 32, 96);
    let (a, b) = (vec![0.5; rows * depth], vec![0.25; depth * columns]);
    let [mut left, mut right] = [Packed::new(arithmetic), Packed::new(arithmetic)];
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

/// Bytes a second that `threads` threads together read and write in memory: the best of a few
/// passes of a = b + s c over 32 MiB arrays each (the triad of McCalpin's STREAM, counted as 12
/// bytes an element).
///
/// ```
/// let bytes_a_second = unisono::study::measured_bandwidth(1);
/// assert!(bytes_a_second > 0.0 && bytes_a_second.is_finite());
/// ```
pub fn measured_bandwidth(threads: usize) -> f64 {
    const LEN: usize = 8 << 20;
    let start = std::sync::Barrier::new(threads.max(1));
    let passes = |start: &std::sync::Barrier| {
        let (b, c) = (vec![1.0_f32; LEN], vec![2.0_f32; LEN]);
        let mut a = vec![0.0_f32; LEN];
        let mut best = f64::INFINITY;
        for _ in 0..6 {
            start.wait();
            let one = Instant::now();
            let (b, c) = (std::hint::black_box(&b), std::hint::black_box(&c));
            for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
                *a = b + 3.0 * c;
            }
            std::hint::black_box(&mut a);
            best = best.min(one.elapsed().as_secs_f64());
        }
        (12 * LEN) as f64 / best
    };
    std::thread::scope(|scope| {
        let threads = (0..threads.max(1)).map(|_| scope.spawn(|| passes(&start)));
        let threads: Vec<_> = threads.collect();
        let rates = threads.into_iter().map(|thread| thread.join());
        rates.map(|rate| rate.unwrap_or(f64::NAN)).sum()
    })
}
