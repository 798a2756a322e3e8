//! How fast are the packed products, beside their naive twins and `ndarray`'s `dot`?
//!
//! `cargo bench --bench gemm`; throughput is the share of the core's measured peak. Packing is
//! timed with the product. The twins take seconds for the large shapes, so they are timed on the
//! small ones alone.

mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use std::hint::black_box;
use support::PeakShare;
use unisono::engine::part;
use unisono::nn::Precision;
use unisono::nn::kernel::{
    Arithmetic, Bias, Isa, Ones, Out, Packed, Rows, Side, Strided, fold_products, naive, product,
};

fn values(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i * 7919) % 201) as f32 / 100.0 - 1.0)
        .collect()
}

/// (rows, inputs, outputs) of the dense layers of `mlp_small` and `mlp`.
const SHAPES: [(usize, usize, usize); 5] = [
    (32, 64, 32),
    (64, 1024, 1024),
    (512, 784, 1024),
    (512, 1024, 1024),
    (512, 1024, 10),
];

/// Multiplications at most that a twin is timed on.
const SMALL: usize = 10_000_000;

/// Every instruction set in every precision.
fn arithmetics() -> impl Iterator<Item = Arithmetic> {
    let of = |isa| {
        let all = Precision::ALL.iter();
        all.map(move |&precision| Arithmetic { isa, precision })
    };
    Isa::available().into_iter().flat_map(of)
}

fn forward(criterion: &mut Criterion<PeakShare>) {
    let mut group = criterion.benchmark_group("forward");
    for (rows, inputs, outputs) in SHAPES {
        let (x, w, b) = (
            values(rows * inputs),
            values(inputs * outputs),
            values(outputs),
        );
        let size = format!("{rows}x{inputs}x{outputs}");
        group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
        let twin = |precision| {
            let (x, w) = (Rows::dense(&x, inputs), Rows::dense(&w, outputs));
            naive::product(precision, x, w, &b)
        };
        for arithmetic in arithmetics() {
            let Arithmetic { isa, precision } = arithmetic;
            let expected = twin(precision);
            let [mut left, mut right] = [Packed::new(arithmetic), Packed::new(arithmetic)];
            let mut y = vec![0.0; rows * outputs];
            let mut run = |y: &mut [f32]| {
                left.pack(Side::Left, Strided::along(&x, rows, inputs), Ones::None);
                right.pack(
                    Side::Right,
                    Strided::across(&w, inputs, outputs),
                    Ones::None,
                );
                product(Out::dense(y, outputs), &left, &right, Bias::Columns(&b));
            };
            run(&mut y);
            assert_eq!(y, expected);
            if isa == Isa::Portable && rows * inputs * outputs > SMALL {
                continue;
            }
            let name = match precision {
                Precision::F32 => isa.name().to_owned(),
                other => format!("{}, {other}", isa.name()),
            };
            group.bench_function(BenchmarkId::new(name, &size), |bencher| {
                bencher.iter(|| run(black_box(&mut y)))
            });
        }
        if rows * inputs * outputs <= SMALL {
            group.bench_function(BenchmarkId::new("naive", &size), |bencher| {
                bencher.iter(|| black_box(twin(Precision::F32)))
            });
        }
        let x = Array2::from_shape_vec((rows, inputs), x).expect("the shape fits");
        let w = Array2::from_shape_vec((inputs, outputs), w).expect("the shape fits");
        group.bench_function(BenchmarkId::new("ndarray", &size), |bencher| {
            bencher.iter(|| black_box(x.dot(&w)))
        });
    }
    group.finish();
}

fn weight_gradient(criterion: &mut Criterion<PeakShare>) {
    let mut group = criterion.benchmark_group("weight_gradient");
    for (rows, inputs, outputs) in SHAPES {
        let (x, dz) = (values(rows * inputs), values(rows * outputs));
        group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
        let twin = |shards: &[std::ops::Range<usize>]| {
            let (x, dz) = (Rows::dense(&x, inputs), Rows::dense(&dz, outputs));
            naive::fold_products(Precision::F32, x, dz, shards)
        };
        let isa = Isa::detect();
        for shards in [1, 8] {
            let ranges: Vec<_> = (0..shards).map(|s| part(rows, shards, s)).collect();
            let (mut left, mut right) = (Packed::new(isa), Packed::new(isa));
            let mut dw = vec![0.0; inputs * outputs];
            let mut run = |dw: &mut [f32]| {
                left.pack(Side::Left, Strided::across(&x, rows, inputs), Ones::None);
                right.pack(Side::Right, Strided::across(&dz, rows, outputs), Ones::None);
                fold_products(dw, &left, &right, &ranges);
            };
            run(&mut dw);
            assert_eq!(dw, twin(&ranges));
            let id = BenchmarkId::new(
                format!("{shards} shards"),
                format!("{rows}x{inputs}x{outputs}"),
            );
            group.bench_function(id, |bencher| bencher.iter(|| run(black_box(&mut dw))));
        }
        if rows * inputs * outputs <= SMALL {
            let ranges: Vec<_> = (0..8).map(|s| part(rows, 8, s)).collect();
            let id = BenchmarkId::new("8 shards, naive", format!("{rows}x{inputs}x{outputs}"));
            group.bench_function(id, |bencher| bencher.iter(|| black_box(twin(&ranges))));
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(PeakShare::new()).sample_size(20).measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(300));
    targets = forward, weight_gradient
}
criterion_main!(benches);
