//! How fast are the layers' kernels, beside their plain twins?
//!
//! `cargo bench --bench layers`; one thread, batch 32. Each is a whole layer, its packing, padding
//! and folding included. Throughput of layers made of products is their share of the core's
//! measured peak; that of the others is in bytes of input and output. The plain twin
//! (`support/naive.rs`) and `im2col` (windows copied into a matrix, then `ndarray`'s `dot`) must
//! give the same numbers before anything is timed.

#[path = "support/naive.rs"]
mod naive;
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use naive::Twin;
use ndarray::Array2;
use support::PeakShare;
use unisono::nn::Isa;
use unisono::nn::{
    Activation, Attention, BackwardArgs, BlockContext, Build, Conv, Destinations, Grads, Layer,
    Mode, Norm, Pool, Recurrent, Shape, Softmax, Spec, Workspace,
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
    twin: Twin,
}

fn case(name: &'static str, input: Shape, spec: impl Spec + 'static, twin: Twin) -> Case {
    Case {
        name,
        input,
        spec: Box::new(spec),
        twin,
    }
}

/// Each has the size of its twin in its name.
fn convolutions() -> Vec<Case> {
    use naive::convolution as twin;
    let same = |channels, kernel| Conv::d2(channels, kernel).padding(kernel / 2);
    let image = |size, channels| [size, size, channels].into();
    vec![
        case(
            "conv 3-16, 32x32",
            image(32, 3),
            same(16, 3),
            twin::<32, 3, 3, 16>,
        ),
        case(
            "conv 16-16, 32x32",
            image(32, 16),
            same(16, 3),
            twin::<32, 3, 16, 16>,
        ),
        case(
            "conv 32-32, 16x16",
            image(16, 32),
            same(32, 3),
            twin::<16, 3, 32, 32>,
        ),
        case(
            "conv 64-64, 8x8",
            image(8, 64),
            same(64, 3),
            twin::<8, 3, 64, 64>,
        ),
        case(
            "conv 5x5 32-64, 14x14",
            image(14, 32),
            same(64, 5),
            twin::<14, 5, 32, 64>,
        ),
    ]
}

fn sequences() -> Vec<Case> {
    let (lstm, attention) = (Recurrent::lstm(256), Attention::new(4).causal());
    let positions = |channels| [64, channels].into();
    vec![
        case(
            "lstm 128-256, 64",
            positions(128),
            lstm,
            naive::lstm::<64, 128, 256>,
        ),
        case(
            "attention 4 x 32, 64",
            positions(128),
            attention,
            naive::attention::<64, 128, 4>,
        ),
        case(
            "layer norm 64x128",
            positions(128),
            Norm::layer(),
            naive::layer_norm::<128>,
        ),
        case(
            "softmax 64x65",
            positions(65),
            Softmax,
            naive::softmax::<65>,
        ),
        case(
            "gelu_tanh 64x512",
            positions(512),
            Activation::GeluTanh,
            naive::gelu_tanh,
        ),
        case(
            "sigmoid 64x512",
            positions(512),
            Activation::Sigmoid,
            naive::sigmoid,
        ),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = convolutions();
    let pool = Pool::max(2);
    cases.push(case(
        "max pool 2, 28x28x32",
        [28, 28, 32].into(),
        pool,
        naive::max_pool::<28, 32>,
    ));
    cases.extend(sequences());
    cases
}

fn values(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| ((i * 7919) % 201) as f32 / 1000.0 - 0.1)
        .collect()
}

/// What a pass over `ROWS` rows does: operations, or bytes where there are no products.
fn work(layer: &dyn Layer, input: &Shape, passes: usize) -> Throughput {
    let rows = (passes * ROWS) as u64;
    match layer.properties().flops.counted {
        0 => Throughput::Bytes(4 * (input.len() + layer.output().len()) as u64 * rows),
        flops => Throughput::Elements(flops * rows),
    }
}

fn layers(criterion: &mut Criterion<PeakShare>) {
    let mut group = criterion.benchmark_group("layer");
    for case in cases() {
        let mut layer = case
            .spec
            .build(&case.input, &mut Build::new(Isa::detect()))
            .expect("the shape fits");
        let len: usize = layer.tensors().iter().map(|tensor| tensor.len()).sum();
        let (params, x) = (values(len), values(ROWS * case.input.len()));
        let width = layer.output().len();
        let (mut y, dy) = (vec![0.0; ROWS * width], values(ROWS * width));
        let (shards, node) = ([0..ROWS / 2, ROWS / 2..ROWS], 0..2);
        let context = BlockContext {
            mode: Mode::Train,
            shards: &shards,
            nodes: std::slice::from_ref(&node),
            ..BlockContext::evaluate(ROWS, 0)
        };
        let plain = |y: &mut [f32]| {
            let rows = x.chunks_exact(case.input.len());
            rows.zip(y.chunks_exact_mut(width))
                .for_each(|(x, y)| (case.twin)(&params, x, y));
        };
        layer.forward(&context, &params, &x, &mut y);
        assert_near(&y, &plain, case.name);

        group.throughput(work(&*layer, &case.input, 1));
        group.bench_function(BenchmarkId::new("forward", case.name), |bencher| {
            bencher.iter(|| layer.forward(&context, &params, &x, black_box(&mut y)));
        });
        let mut twin_y = y.clone();
        group.bench_function(BenchmarkId::new("forward, plain", case.name), |bencher| {
            bencher.iter(|| plain(black_box(&mut twin_y)));
        });
        group.throughput(work(&*layer, &case.input, 3));
        let (mut dx, mut to) = (vec![0.0; x.len()], Single(vec![0.0; len]));
        let (mut d, mut workspace) = (dy.clone(), Workspace::new(Isa::detect()));
        let id = BenchmarkId::new("forward and backward", case.name);
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                // A layer may overwrite dy, and a recurrent one what forward left.
                layer.forward(&context, &params, &x, &mut y);
                d.copy_from_slice(&dy);
                let args = BackwardArgs {
                    params: &params,
                    x: &x,
                    y: &y,
                    dy: &mut d,
                    dx: Some(&mut dx),
                };
                let mut grads = Grads::new(&mut to, 0..len, &mut workspace);
                layer.backward(&context, args, &mut grads);
                black_box(&mut dx);
            });
        });
        assert!(y.iter().chain(&dx).all(|value| value.is_finite()));
    }
    group.finish();
}

fn assert_near(y: &[f32], plain: &dyn Fn(&mut [f32]), name: &str) {
    let mut expected = vec![f32::NAN; y.len()];
    plain(&mut expected);
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
    assert!(
        y.iter().zip(&expected).all(near),
        "{name} must be what its plain twin computes"
    );
}

/// The usual way: every window copied into a row of a matrix, then one product.
fn im2col(criterion: &mut Criterion<PeakShare>) {
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
        let input: Shape = [size, size, channels].into();
        let mut layer = spec
            .build(&input, &mut Build::new(Isa::detect()))
            .expect("the shape fits");
        let mut y = vec![0.0; x.len()];
        layer.forward(&BlockContext::evaluate(ROWS, 0), &kernel, &x, &mut y);
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-3;
        assert!(y.iter().zip(&run()).all(near), "both must compute the same");
        group.throughput(work(&*layer, &input, 1));
        let name = format!("conv {channels}-{channels}, {size}x{size}");
        group.bench_function(BenchmarkId::new("forward, im2col", name), |bencher| {
            bencher.iter(|| black_box(run()));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(PeakShare::new()).sample_size(10).measurement_time(Duration::from_millis(700)).warm_up_time(Duration::from_millis(150));
    targets = layers, im2col
}
criterion_main!(benches);
