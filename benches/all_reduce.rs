//! How fast are the all-reduce algorithms, against the traffic that none can avoid?
//!
//! `cargo bench --bench all_reduce`: gradients of P parameters on T workers, one shard a worker;
//! throughput is in bytes of the floor, (T + 1) P floats: every gradient read once, the sum written
//! once. The id `floor` is that traffic alone: T threads, each adding its own P / T part of T
//! buffers. The replica's work is to fill its gradient (timed apart by the engine's own phase
//! clock), so what is reported is the phase "reduce" of the slowest worker: additions, the norms of
//! the sum, and waiting for each other.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unisono::engine::all_reduce::{ALL, AllReduce};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Phase, Pinning, Placement, Replica, Shard, Shards, Sums,
    Threads, Update, UpdateBlock, part,
};

/// Leaves ones in its gradient.
struct Ones(usize);

impl Replica for Ones {
    fn num_params(&self) -> usize {
        self.0
    }

    fn add_loss_and_grad(&mut self, _params: &[f32], _: &Shard<'_>, grad: &mut [f32]) -> Sums {
        grad.iter_mut().for_each(|g| *g += 1.0);
        Sums {
            loss: 1.0,
            weight: 1.0,
            rows: 1.0,
            correct: 0.0,
            ..Sums::default()
        }
    }

    fn evaluate(&mut self, _params: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }
}

/// Never applied: the steps are skipped, since only the reduction is of interest.
struct NoUpdate;

impl Update for NoUpdate {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {}
}

fn reduce(engine: &mut Engine<Ones, NoUpdate>, workers: usize, steps: u64) -> Duration {
    let order: Arc<[u32]> = (0..workers as u32).collect();
    let reduce_time = |engine: &Engine<Ones, NoUpdate>| {
        engine
            .phase_times()
            .iter()
            .map(|times| times.of(Phase::Reduce))
            .max()
            .unwrap_or_default()
    };
    let before = reduce_time(engine);
    let ran = engine.run(|session| {
        for step in 0..steps {
            let batch = Batch::whole(Arc::clone(&order), step);
            let reduced = session
                .step(&batch, |_| Decision::Skip)
                .expect("a step succeeds");
            assert_eq!(reduced.sums.weight, workers as f64);
            // Every element of the sum is `workers`; the norm tells that all of them arrived.
            assert!(reduced.grad_norm > 0.99);
        }
    });
    ran.expect("the engine runs");
    reduce_time(engine) - before
}

/// The floor: each thread adds its part of all buffers, nothing else. As in a step, worker w has
/// just written buffer w.
fn floor(buffers: &mut [Vec<f32>], steps: u64) -> Duration {
    let workers = buffers.len();
    let len = buffers[0].len();
    let placement = Placement::of_process(Threads::Fixed(workers), Pinning::Auto);
    let cores = placement.map_or_else(|_| Vec::new(), |placement| placement.cores);
    let pin = &|w: usize| {
        if let Some(&id) = cores.get(w) {
            core_affinity::set_for_current(core_affinity::CoreId { id });
        }
    };
    let mut total = Duration::ZERO;
    for _ in 0..steps {
        std::thread::scope(|scope| {
            for (w, buffer) in buffers.iter_mut().enumerate() {
                scope.spawn(move || {
                    pin(w);
                    buffer.fill(1.0);
                });
            }
        });
        let barrier = Barrier::new(workers);
        let mut parts: Vec<Vec<&mut [f32]>> = (0..workers).map(|_| Vec::new()).collect();
        for buffer in buffers.iter_mut() {
            let mut rest = buffer.as_mut_slice();
            for (w, part_of) in parts.iter_mut().enumerate() {
                let (own, after) = rest.split_at_mut(part(len, workers, w).len());
                part_of.push(own);
                rest = after;
            }
        }
        let times: Vec<Duration> = std::thread::scope(|scope| {
            let parts = parts.into_iter().enumerate();
            let run = |(w, part)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    pin(w);
                    add_all(part, barrier)
                })
            };
            let threads: Vec<_> = parts.map(run).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        total += times.into_iter().max().unwrap_or_default();
    }
    total
}

fn add_all(mut part: Vec<&mut [f32]>, barrier: &Barrier) -> Duration {
    barrier.wait();
    let started = Instant::now();
    let (first, others) = part.split_first_mut().expect("there is a worker");
    for (block, chunk) in first.chunks_mut(4096).enumerate() {
        for other in others.iter() {
            let from = &other[block * 4096..][..chunk.len()];
            chunk.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        }
    }
    started.elapsed()
}

fn all_reduce(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("all_reduce");
    for len in [10_000, 1_000_000, 10_000_000] {
        for workers in [1, 2, 4] {
            group.throughput(Throughput::Bytes(
                ((workers + 1) * len * size_of::<f32>()) as u64,
            ));
            let size = format!("P={len} T={workers}");
            let mut buffers = vec![vec![0.0; len]; workers];
            group.bench_function(BenchmarkId::new("floor", &size), |bencher| {
                bencher.iter_custom(|steps| floor(&mut buffers, steps));
            });
            for algorithm in ALL {
                let mut engine = engine(algorithm, workers, len);
                group.bench_function(BenchmarkId::new(algorithm.name(), &size), |bencher| {
                    bencher.iter_custom(|steps| reduce(&mut engine, workers, steps));
                });
            }
        }
    }
    group.finish();
}

fn engine(
    all_reduce: &'static dyn AllReduce,
    workers: usize,
    len: usize,
) -> Engine<Ones, NoUpdate> {
    let config = EngineConfig {
        threads: Threads::Fixed(workers),
        shards: Shards::PerWorker,
        all_reduce: Arc::new(all_reduce),
        ..EngineConfig::default()
    };
    Engine::new(config, &vec![0.0; len], NoUpdate, |_| Ones(len))
        .expect("the settings are possible")
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    targets = all_reduce
}
criterion_main!(benches);
