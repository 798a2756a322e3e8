//! How fast are the layers' kernels: convolution forward and both gradients, pooling, attention, recurrence?
//!
//! `cargo bench --bench layers`; one thread, batch 32, throughput in multiplications and additions of the products. Each
//! is a whole layer, its packing, padding and folding included; `im2col` is the naive twin of the convolution's forward:
//! windows copied into a matrix, and the naive triple loop's chain by `ndarray`'s `dot`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use unisono::nn::kernel::Isa;
use unisono::nn::{
    Attention, Build, Conv, Destinations, Grads, Mode, Pass, Pool, Recurrent, Shape, Spec, Tape,
};

const ROWS: usize = 32;

/// A single gradient buffer.
struct Single(Vec<f32>);

impl Destinations for Single {
    fn grad(&mut self, _which: usize) -> &mut [f32] {
        &mut self.0
    }
}

struct Case {
    name: &'static str,
    input: Shape,
    spec: Box<dyn Spec>,
}

fn cases() -> Vec<Case> {
    let case = |name, input: Shape, spec: Box<dyn Spec>| Case { name, input, spec };
    let conv = |channels, kernel, padding| Box::new(Conv::d2(channels, kernel).padding(padding));
    vec![
        case("conv 3-16, 32x32", [32, 32, 3].into(), conv(16, 3, 1)),
        case("conv 16-16, 32x32", [32, 32, 16].into(), conv(16, 3, 1)),
        case("conv 32-32, 16x16", [16, 16, 32].into(), conv(32, 3, 1)),
        case("conv 64-64, 8x8", [8, 8, 64].into(), conv(64, 3, 1)),
        case("conv 5x5 32-64, 14x14", [14, 14, 32].into(), conv(64, 5, 2)),
        case(
            "max pool 2, 28x28x32",
            [28, 28, 32].into(),
            Box::new(Pool::max(2)),
        ),
        case(
            "lstm 128-256, 64",
            [64, 128].into(),
            Box::new(Recurrent::lstm(256)),
        ),
        case(
            "attention 4 x 32, 64",
            [64, 128].into(),
            Box::new(Attention::new(4).causal()),
        ),
    ]
}

fn values(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i * 7919) % 201) as f32 / 1000.0 - 0.1)
        .collect()
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    for case in cases() {
        let mut layer = case
            .spec
            .build(&case.input, &mut Build::new(Isa::detect()))
            .expect("the shape fits");
        let len: usize = layer.tensors().iter().map(|tensor| tensor.len()).sum();
        let (params, x) = (values(len), values(ROWS * case.input.len()));
        let outputs = ROWS * layer.output().len();
        let (mut y, dy) = (vec![0.0; outputs], values(outputs));
        let (shards, node) = ([0..ROWS / 2, ROWS / 2..ROWS], 0..2);
        let pass = Pass {
            mode: Mode::Train,
            shards: &shards,
            nodes: std::slice::from_ref(&node),
            ..Pass::evaluate(ROWS, 0)
        };
        let work = layer.flops().max(case.input.len() as u64) * ROWS as u64;
        group.throughput(Throughput::Elements(work));
        group.bench_function(BenchmarkId::new("forward", case.name), |bencher| {
            bencher.iter(|| layer.forward(&pass, &params, &x, black_box(&mut y)));
        });
        group.throughput(Throughput::Elements(3 * work));
        let (mut dx, mut to) = (vec![0.0; x.len()], Single(vec![0.0; len]));
        let mut d = dy.clone();
        group.bench_function(
            BenchmarkId::new("forward and backward", case.name),
            |bencher| {
                bencher.iter(|| {
                    // A layer may overwrite dy, and a recurrent one what forward left.
                    layer.forward(&pass, &params, &x, &mut y);
                    d.copy_from_slice(&dy);
                    let tape = Tape {
                        params: &params,
                        x: &x,
                        y: &y,
                        dy: &mut d,
                        dx: Some(&mut dx),
                    };
                    layer.backward(&pass, tape, &mut Grads::new(&mut to, 0..len));
                    black_box(&mut dx);
                });
            },
        );
        assert!(y.iter().chain(&dx).all(|value| value.is_finite()));
    }
    group.finish();
}

/// The plain way: every window copied into a row of a matrix, then one product.
fn im2col(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layer");
    for (size, channels) in [(32, 16), (16, 32), (8, 64)] {
        let x = values(ROWS * size * size * channels);
        let kernel = values(9 * channels * channels);
        let w = Array2::from_shape_vec((9 * channels, channels), kernel.clone())
            .expect("the shape fits");
        let run = || {
            let mut columns = Array2::<f32>::zeros((ROWS * size * size, 9 * channels));
            for (at, mut window) in columns.rows_mut().into_iter().enumerate() {
                let (row, i, j) = (at / (size * size), at / size % size, at % size);
                for (k, value) in window.iter_mut().enumerate() {
                    let (u, v, c) = (k / channels / 3, k / channels % 3, k % channels);
                    let (i, j) = ((i + u).wrapping_sub(1), (j + v).wrapping_sub(1));
                    if i < size && j < size {
                        *value = x[((row * size + i) * size + j) * channels + c];
                    }
                }
            }
            columns.dot(&w)
        };
        let spec = Conv::d2(channels, 3).padding(1).without_bias();
        let mut build = Build::new(Isa::detect());
        let mut layer = spec
            .build(&[size, size, channels].into(), &mut build)
            .expect("the shape fits");
        let pass = Pass::evaluate(ROWS, 0);
        let mut y = vec![0.0; x.len()];
        layer.forward(&pass, &kernel, &x, &mut y);
        let plain = run();
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
        assert!(y.iter().zip(&plain).all(near), "both must compute the same");
        group.throughput(Throughput::Elements(layer.flops() * ROWS as u64));
        let name = format!("conv {channels}-{channels}, {size}x{size}");
        group.bench_function(BenchmarkId::new("im2col", name), |bencher| {
            bencher.iter(|| black_box(run()));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(15).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    targets = layers, im2col
}
criterion_main!(benches);
