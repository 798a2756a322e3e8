//! How near to the memory's bandwidth does an optimiser's step run?
//!
//! `cargo bench --bench optim`; 10^7 parameters, two threads, each with half of them, block by
//! block as the engine does it. Throughput is in bytes read and written: parameters and state both
//! ways, the gradient once. `copy` is the plain copy beside it.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unisono::optim::{
    Chain, MAX_BLOCK, Optimizer, ParamGroup, PartTable, StepScalars, UpdateContext,
};

const PARAMS: usize = 10_000_000;

struct Half {
    params: Vec<f32>,
    grad: Vec<f32>,
    state: Vec<f32>,
}

fn step(chain: &Chain, table: &PartTable, half: &mut Half) {
    let scalars = StepScalars::plain(1e-3, 128.0, 7);
    let buffers = chain.num_state_buffers();
    let mut state = half.state.as_mut_slice();
    let blocks = half
        .params
        .chunks_mut(MAX_BLOCK)
        .zip(half.grad.chunks(MAX_BLOCK));
    for (block, (params, grad)) in blocks.enumerate() {
        let (own, rest) = state.split_at_mut(buffers * params.len());
        state = rest;
        let context = UpdateContext {
            scalars: &scalars,
            params: &[],
            parts: table.of_block(block * MAX_BLOCK, params.len()),
            trust_ratios: &[],
        };
        chain.apply(&context, params, grad, own);
    }
}

fn on_both<T: Send>(halves: &mut [T; 2], work: impl Fn(&mut T) + Sync) {
    let [left, right] = halves;
    std::thread::scope(|scope| {
        scope.spawn(|| work(left));
        work(right);
    });
}

fn optimisers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("optimiser");
    let len = PARAMS / 2;
    let mut halves = [(); 2].map(|()| (vec![1.0_f32; len], vec![0.0_f32; len]));
    group.throughput(Throughput::Bytes(2 * 4 * PARAMS as u64));
    group.bench_function(BenchmarkId::new("copy", PARAMS), |bencher| {
        bencher.iter(|| {
            on_both(&mut halves, |(from, to)| {
                to.copy_from_slice(black_box(from))
            })
        });
    });
    let table = PartTable::new([(len, ParamGroup::default())]);
    for optimizer in [
        Optimizer::sgd(1e-3),
        Optimizer::sgd(1e-3).with_momentum(0.9),
        Optimizer::rms_prop(1e-3),
        Optimizer::adam_w(1e-3),
        Optimizer::lion(1e-4),
        Optimizer::adam_w(1e-3).with_average(0.99),
    ] {
        let chain = optimizer.build().expect("the settings are valid");
        let buffers = chain.num_state_buffers();
        let mut halves = [(); 2].map(|()| Half {
            params: vec![0.5; len],
            grad: vec![0.01; len],
            state: vec![0.0; buffers * len],
        });
        group.throughput(Throughput::Bytes(
            (3 + 2 * buffers as u64) * 4 * PARAMS as u64,
        ));
        group.bench_function(BenchmarkId::new(optimizer.to_string(), PARAMS), |bencher| {
            bencher.iter(|| on_both(&mut halves, |half| step(&chain, &table, half)));
        });
        let moved = halves.iter().all(|half| half.params[0] != 0.5);
        assert!(moved, "an update must change the parameters");
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(300));
    targets = optimisers
}
criterion_main!(benches);
