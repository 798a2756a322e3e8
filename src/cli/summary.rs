//! What came out of a training.

use crate::engine::{Shards, Threads};
use crate::nn::Network;
use crate::train::{Report, Setup};

use super::config::TrainSettings;

/// What the evaluation after the last epoch gave, in this process or the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tested {
    pub(super) loss: f64,
    /// In 0..=1.
    pub(super) accuracy: f64,
}

/// What came out, one `key: value` a line; the fingerprint of the weights last.
pub(super) fn summary(
    settings: &TrainSettings,
    (network, about): (&Network, &str),
    (report, tested): (&Report, Tested),
) {
    let setup = &report.setup;
    say!(
        "model: {} ({} parameters)",
        network.model(),
        network.layout().num_params()
    );
    say!(
        "data: {about}, {} training and {} test rows",
        setup.rows,
        setup.test_rows
    );
    let optim = &settings.optim;
    say!("optimizer: {}", optim.optimizer);
    say!("schedule: {}", optim.schedule);
    say!("batch size: {} ({})", settings.batch_size, optim.batch_rule);
    say!("epochs: {}", report.epochs.len());
    let empty = match report.empty_steps {
        0 => String::new(),
        empty => format!(", {empty} without a row that counts"),
    };
    let skipped = report.skipped_steps;
    say!("steps: {} ({skipped} skipped{empty})", report.steps);
    say!(
        "threads requested: {}",
        requested_text(setup.placement.requested)
    );
    say!("threads: {}", threads_text(setup));
    say!("shards: {}", shards_text(settings, setup.shards));
    say!("all-reduce: {}", settings.engine.all_reduce.name());
    say!("update: {}", settings.engine.update.name());
    say!("seed: {}", settings.seed);
    if let Some(last) = report.epochs.last() {
        say!("train loss: {:.6}", last.train_loss);
        say!("gradient norm: {:.6}", last.grad_norm);
        say!("learning rate: {}", last.lr);
        if let Some(scale) = last.noise_scale {
            say!("noise scale: {scale:.1} rows");
        }
    }
    if let Some(best) = report.best_epoch {
        say!("best epoch: {}, kept", best + 1);
    }
    say!("test loss: {:.6}", tested.loss);
    say!("test accuracy: {:.2} %", 100.0 * tested.accuracy);
    say!(
        "throughput: {:.0} samples/s",
        report.throughput_samples_per_s
    );
    say!("wall time: {:.2} s", report.wall_time.as_secs_f64());
    say!("weights sha256: {}", network.weights_sha256());
}

fn threads_text(setup: &Setup) -> String {
    let placement = &setup.placement;
    let pinned = if placement.is_pinned() {
        "pinned"
    } else {
        "not pinned"
    };
    format!("{} ({pinned})", placement.num_threads)
}

fn requested_text(requested: Threads) -> String {
    match requested {
        Threads::Auto | Threads::AtMost(_) => "auto".to_owned(),
        Threads::Fixed(n) => n.to_string(),
    }
}

fn shards_text(settings: &TrainSettings, shards: usize) -> String {
    match settings.engine.shards {
        Some(Shards::PerWorker) => {
            format!("{shards} (per worker: not the same bits for other thread counts)")
        }
        _ => shards.to_string(),
    }
}
