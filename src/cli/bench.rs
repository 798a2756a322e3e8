//! `unisono bench`: time of a training step, as text or as one line of JSON.

use serde_json::{Map, Value, json};

use crate::engine::Ranks;
use crate::nn::Precision;
use crate::study::{Bench, BenchReport};

use super::args::BenchArgs;
use super::choices::TABLE_FORMATS;
use super::config::{check_shards, engine_config, preset_in};
use super::error::{ArgError, CommandError};
use super::network::network;
use super::stdout::only_tables;
use super::summary::rank_text;
use super::units::{gflops, milliseconds, percent, rate};

/// `unisono bench`.
pub(super) fn bench(args: &BenchArgs, ranks: Option<&Ranks>) -> Result<(), CommandError> {
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    if args.network {
        return network(args, ranks);
    }
    let mut bench = settings(args)?;
    bench.engine.ranks = ranks.cloned();
    let report = bench.run()?;
    if let Some(warning) = report.placement.warning() {
        note!("warning: {warning}");
    }
    if args.json {
        say!("{}", line(&bench, &report));
    } else {
        text(&bench, &report);
    }
    Ok(())
}

fn settings(args: &BenchArgs) -> Result<Bench, ArgError> {
    let engine = engine_config(&args.engine, args.track.as_deref())?;
    check_shards(engine.shards, args.batch_size)?;
    Ok(Bench {
        preset: preset_in(&args.preset, &args.precision)?,
        batch_size: args.batch_size,
        steps: args.steps,
        warmup: args.warmup,
        seed: args.seed,
        engine,
    })
}

fn line(bench: &Bench, report: &BenchReport) -> Value {
    let phases = report.phases_ms.iter();
    let phases: Map<String, Value> = phases
        .map(|&(name, ms)| (name.to_owned(), json!(ms)))
        .collect();
    // Deciles of a single step would be that step.
    let decile = |q| (report.step_times_ms.len() > 1).then(|| report.step_time_ms(q));
    json!({
        "framework": "unisono",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": bench.engine.update.name(),
        "preset": bench.preset.name,
        "precision": bench.preset.model.products(),
        "batch": report.batch_size,
        "threads": report.placement.num_threads,
        "ranks": report.ranks.len().max(1),
        "sent_bytes_per_step": report.sent_bytes,
        "link_latency_us": report.link.map(|link| 1e6 * link.latency_s),
        "link_message_us": report.link.map(|link| 1e6 * link.message_s),
        "link_gbit": report.link.map(|link| link.gbit_per_s()),
        "shards": report.shards,
        "assignment": report.assignment.counts().collect::<Vec<_>>(),
        "moves": report.moves,
        "params": report.num_params,
        "median_ms_per_step": report.step_time_ms(0.5),
        "p10": decile(0.1),
        "p90": decile(0.9),
        "samples_per_s": report.throughput_samples_per_s(),
        "gflops": report.flops() / 1e9,
        "counted_gflops": report.counted_flops() / 1e9,
        "peak_gflops": report.peak_flops / 1e9,
        "peak_share": report.flops() / report.peak_flops,
        "phases_ms": phases,
        "peak_memory_bytes": report.peak_memory_bytes,
        "worker_memory_bytes": report.worker_memory_bytes,
        "loss_first": report.losses.0,
        "loss_last": report.losses.1,
        "steps": report.step_times_ms.len(),
        "weights_sha256": report.weights_sha256,
    })
}

/// Multiplications and additions a second, and of how many.
fn speed(report: &BenchReport) {
    say!("products: {}", gflops(report.flops()));
    if report.flops_per_row.executed != report.flops_per_row.counted {
        let counted = gflops(report.counted_flops());
        say!(
            "products as everybody counts them: {counted}, of which Winograd's algorithm spares some"
        );
    }
    say!(
        "share of the measured peak: {} of {}",
        percent(report.flops() / report.peak_flops),
        gflops(report.peak_flops)
    );
}

fn text(bench: &Bench, report: &BenchReport) {
    say!(
        "preset: {} ({} parameters)",
        bench.preset.name,
        report.num_params
    );
    let precision = bench.preset.model.products();
    if precision != Precision::F32 {
        say!("precision of products: {precision}");
    }
    say!("batch size: {}", report.batch_size);
    let placement = &report.placement;
    let pinned = if placement.is_pinned() {
        "pinned"
    } else {
        "not pinned"
    };
    say!("threads: {} ({pinned})", placement.num_threads);
    ranks(report);
    let counts: Vec<String> = report.assignment.counts().map(|n| n.to_string()).collect();
    say!(
        "shards: {} (each worker's: {}; moved {} times)",
        report.shards,
        counts.join(" "),
        report.moves
    );
    say!("steps: {}", report.step_times_ms.len());
    say!(
        "step time, median: {}",
        milliseconds(report.step_time_ms(0.5))
    );
    spread(report);
    say!("throughput: {}", rate(report.throughput_samples_per_s()));
    speed(report);
    for (name, ms) in &report.phases_ms {
        say!("phase {name}: {}", milliseconds(*ms));
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    if let Some(bytes) = report.worker_memory_bytes {
        say!("memory of a worker: {:.1} MiB", mib(bytes));
    }
    if let Some(bytes) = report.peak_memory_bytes {
        say!("peak memory of the process: {:.1} MiB", mib(bytes));
    }
    say!(
        "loss, first and last: {:.4} and {:.4}",
        report.losses.0,
        report.losses.1
    );
    say!("weights sha256: {}", report.weights_sha256);
}

/// Where the ranks are, if there are several, and what one sends.
fn ranks(report: &BenchReport) {
    for (rank, placement) in report.ranks.iter().enumerate() {
        say!("rank {rank}: {}", rank_text(placement));
    }
    if !report.ranks.is_empty() {
        say!("bytes sent a step: {}", report.sent_bytes);
    }
    if let Some(link) = report.link {
        say!(
            "link to the next rank: latency {:.2} us, {:.2} us a message, {:.2} Gbit/s each way",
            1e6 * link.latency_s,
            1e6 * link.message_s,
            link.gbit_per_s()
        );
    }
}

/// How the steps' times spread, as far as there are enough of them to tell.
fn spread(report: &BenchReport) {
    match report.step_times_ms.len() {
        0 | 1 => {}
        // The deciles of so few are made up between them.
        few @ 2..10 => say!(
            "step time, range of {few}: {:.4} to {:.4} ms",
            report.step_time_ms(0.0),
            report.step_time_ms(1.0)
        ),
        _ => say!(
            "step time, 10 % and 90 %: {:.4} and {:.4} ms",
            report.step_time_ms(0.1),
            report.step_time_ms(0.9)
        ),
    }
}
