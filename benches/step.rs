//! How long does a training step take, and what does invariance cost?
//!
//! `cargo bench --bench step`: `mlp` is 784-1024-1024-10, S = 16 shards against one shard a worker;
//! `mlp_small` is 64-32-10. Throughput is in samples. A step is everything: gather, forward,
//! backward, all-reduce, momentum, broadcast, on synthetic rows in memory.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Reduced, Session, Shards, Threads, default_shards,
};
use unisono::nn::Isa;
use unisono::nn::{
    Loss, Network, NetworkReplica, ReplicaSettings, RowSource, Sequential, TargetsMut,
};
use unisono::optim::{Optimizer, StepScalars};
use unisono::train::ChainUpdate;

/// Rows of pseudo-random values in memory.
struct Synthetic {
    inputs: Vec<f32>,
    width: usize,
}

impl RowSource for Synthetic {
    fn gather(
        &self,
        _source: usize,
        _epoch: u32,
        rows: &[u32],
        inputs: &mut [f32],
        targets: TargetsMut<'_>,
    ) {
        for (to, &row) in inputs.chunks_exact_mut(self.width).zip(rows) {
            to.copy_from_slice(&self.inputs[row as usize * self.width..][..self.width]);
        }
        let TargetsMut::Classes(classes) = targets else {
            unreachable!("the loss wants classes")
        };
        classes
            .iter_mut()
            .zip(rows)
            .for_each(|(class, row)| *class = row % 10);
    }
}

type Workers = Engine<NetworkReplica<Arc<Synthetic>>, ChainUpdate>;

struct Case {
    model: Sequential,
    batch_size: usize,
    threads: usize,
    shards: Shards,
}

fn engine(case: &Case, data: &Arc<Synthetic>) -> Workers {
    let config = EngineConfig {
        threads: Threads::Fixed(case.threads),
        shards: case.shards,
        ..EngineConfig::default()
    };
    let network = Network::new(case.model.clone(), 42).expect("the model is possible");
    let optimizer = Optimizer::sgd(0.01).with_momentum(0.9);
    let update = ChainUpdate::for_model(&optimizer, network.layout()).expect("valid");
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy.into(),
        isa: Isa::detect(),
        seed: 42,
    };
    let replica = |_| {
        NetworkReplica::new(&case.model, settings.clone(), Arc::clone(data))
            .expect("the model is possible")
    };
    Engine::new(config, network.params(), update, replica).expect("the settings are possible")
}

fn step(
    session: &mut Session<'_, NetworkReplica<Arc<Synthetic>>, ChainUpdate>,
    (order, batch_size, step): (&Arc<[u32]>, usize, u64),
) -> Reduced {
    let start = (step as usize % 4) * batch_size;
    let range = start..start + batch_size;
    let batch = Batch {
        source: 0,
        order: Arc::clone(order),
        range,
        epoch: 0,
        step,
    };
    let decide =
        |reduced: &Reduced| Decision::Apply(StepScalars::plain(0.01, reduced.sums.weight, step));
    session
        .step(&batch, decide)
        .expect("a step on good rows succeeds")
}

fn run(criterion: &mut Criterion, group: &str, cases: &[Case]) {
    let mut group = criterion.benchmark_group(group);
    for case in cases {
        let width = case.model.inputs();
        let rows = 4 * case.batch_size;
        let inputs = (0..rows * width)
            .map(|i| (i * 7919 % 2003) as f32 / 1001.5 - 1.0)
            .collect();
        let order: Arc<[u32]> = (0..rows as u32).collect();
        let mut engine = engine(case, &Arc::new(Synthetic { inputs, width }));
        group.throughput(Throughput::Elements(case.batch_size as u64));
        let shards = match case.shards {
            Shards::Auto => "auto".to_owned(),
            Shards::Fixed(n) => format!("S={n}"),
            _ => "per-worker".to_owned(),
        };
        let id = BenchmarkId::new(shards, format!("B={} T={}", case.batch_size, case.threads));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|steps| -> Duration {
                let timed = engine.run(|session| {
                    // The first step of a run finds threads and caches cold.
                    let first = step(session, (&order, case.batch_size, 0));
                    assert!(first.is_finite());
                    let started = Instant::now();
                    for s in 0..steps {
                        black_box(step(session, (&order, case.batch_size, s)));
                    }
                    started.elapsed()
                });
                timed.expect("the engine runs")
            });
        });
    }
    group.finish();
}

fn mlp(criterion: &mut Criterion) {
    let mut cases = Vec::new();
    for batch_size in [128, 1024, 4096] {
        for threads in [1, 2] {
            for shards in [Shards::Fixed(16), Shards::PerWorker] {
                let model = Sequential::new(784)
                    .dense(1024)
                    .relu()
                    .dense(1024)
                    .relu()
                    .dense(10);
                cases.push(Case {
                    model,
                    batch_size,
                    threads,
                    shards,
                });
            }
        }
    }
    run(criterion, "mlp", &cases);
}

fn mlp_small(criterion: &mut Criterion) {
    let mut cases = Vec::new();
    for batch_size in [32, 256] {
        for threads in [1, 2] {
            let shards = Shards::Fixed(default_shards(batch_size, 1));
            let model = Sequential::new(64).dense(32).relu().dense(10);
            cases.push(Case {
                model,
                batch_size,
                threads,
                shards,
            });
        }
    }
    run(criterion, "mlp_small", &cases);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(15).measurement_time(Duration::from_secs(3));
    targets = mlp_small, mlp
}
criterion_main!(benches);
