//! Throughput by number of threads, for each preset: `cargo bench --bench scaling`.
//!
//! Criterion's own view, one case after the other; `unisono scaling` interleaves them and gives
//! intervals of ratios.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use unisono::engine::{EngineConfig, Threads};
use unisono::nn::presets;
use unisono::study::Bench;

/// Steps of one call, of which criterion sees the time.
const STEPS: usize = 4;

/// Powers of two up to the cores, and all of them.
fn threads() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    let powers = (0..)
        .map(|power| 1 << power)
        .take_while(|&count| count < cores);
    powers.chain([cores]).collect()
}

fn scaling(criterion: &mut Criterion) {
    for (name, batch_size) in [
        ("mlp_small", 256),
        ("mlp", 1024),
        ("lenet", 64),
        ("resnet20", 32),
        ("lstm", 64),
        ("gpt", 12),
    ] {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(10)
            .measurement_time(Duration::from_secs(3))
            .throughput(Throughput::Elements(batch_size as u64));
        for threads in threads() {
            let bench = Bench {
                preset: presets::by_name(name).expect("the list names presets"),
                batch_size,
                steps: STEPS,
                warmup: 1,
                seed: 42,
                engine: EngineConfig {
                    threads: Threads::Fixed(threads),
                    ..EngineConfig::default()
                },
            };
            group.bench_function(BenchmarkId::from_parameter(threads), |bencher| {
                bencher.iter_custom(|iterations| {
                    let step = |_| {
                        let report = bench.run().expect("a preset trains");
                        black_box(report.step_time_ms(0.5))
                    };
                    let runs = iterations.div_ceil(STEPS as u64);
                    let ms: f64 = (0..runs).map(step).sum();
                    Duration::from_secs_f64(ms / 1e3 * iterations as f64 / runs as f64)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scaling);
criterion_main!(benches);
