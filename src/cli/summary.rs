//! Summary of a training: its settings before it begins, its results at the end.

use serde_json::{Value, json};

use crate::engine::{RankPlacement, Shards, Threads};
use crate::nn::{Loss, Network, Sequential};
use crate::run::{ErrorUnits, TargetErrors};
use crate::train::{EpochMetrics, EvaluatedPart, KeptWeights, Report, Scores, Setup, TrainError};

use super::config::TrainSettings;
use super::loss::loss_text;
use super::part_errors::PartErrors;
use super::recipe::Recipe;
use super::task::Task;
use super::units::{percent, rate, seconds};
use super::watch::{better_text, watched_text};

/// What a training is made of.
#[derive(Debug)]
pub(super) struct Overview<'a> {
    pub(super) settings: &'a TrainSettings,
    pub(super) model: &'a Sequential,
    pub(super) num_params: usize,
    /// The data in a line.
    pub(super) data: &'a str,
    pub(super) loss: &'a Loss,
    /// Of a regression's errors.
    pub(super) units: Option<ErrorUnits>,
    /// What of the settings comes from the preset's recipe.
    pub(super) recipe: &'a Recipe,
}

impl<'a> Overview<'a> {
    pub(super) fn of(
        settings: &'a TrainSettings,
        recipe: &'a Recipe,
        task: &'a Task,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            settings,
            model: &task.model,
            num_params: task.model.layout()?.num_params(),
            data: &task.about,
            loss: &task.loss,
            units: task.units(),
            recipe,
        })
    }

    /// Prints it, one `key: value` a line.
    pub(super) fn print(&self, setup: &Setup) {
        let settings = self.settings;
        say!("model: {} ({} parameters)", self.model, self.num_params);
        say!(
            "data: {}, {}",
            self.data,
            parts_text(setup.rows, setup.valid_rows, setup.test_rows)
        );
        if let Some(loss) = loss_text(self.loss) {
            say!("loss: {loss}");
        }
        if let Some(recipe) = self.recipe.text() {
            say!("recipe: {recipe}");
        }
        // Optimiser, schedule, batches.
        let optim = &settings.optim;
        say!("optimizer: {}", optim.optimizer);
        say!("schedule: {}", optim.schedule);
        say!("batch size: {} ({})", settings.batch_size, optim.batch_rule);
        match settings.max_steps {
            Some(steps) => say!("to do: {} epochs, at most {steps} steps", setup.epochs),
            None => say!("to do: {} epochs", setup.epochs),
        }
        if let Some(rule) = settings.early_stopping {
            let part = match setup.valid_rows {
                0 => EvaluatedPart::Test,
                _ => EvaluatedPart::Validation,
            };
            let (patience, better) = (rule.patience, better_text(settings.watch, part));
            say!("early stopping: after {patience} epochs without {better}");
        }
        say!(
            "threads requested: {}",
            requested_text(setup.placement.requested)
        );
        say!("threads: {}", threads_text(setup));
        for (rank, placement) in setup.ranks.iter().enumerate() {
            say!("rank {rank}: {}", rank_text(placement));
        }
        say!("shards: {}", shards_text(settings, setup.shards));
        say!("all-reduce: {}", settings.engine.all_reduce.name());
        say!("update: {}", settings.engine.update.name());
        say!("seed: {}", settings.seed);
    }
}

/// How many rows each part has.
pub(super) fn parts_text(train: usize, valid: usize, test: usize) -> String {
    match valid {
        0 => format!("{train} training and {test} test rows"),
        _ => format!("{train} training, {valid} validation and {test} test rows"),
    }
}

/// Where a rank is.
pub(super) fn rank_text(placement: &RankPlacement) -> String {
    let RankPlacement {
        host,
        threads,
        cores,
    } = placement;
    let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
    let cores = match cores.len() {
        0 => "not pinned".to_owned(),
        _ => format!("on cores {}", cores.join(", ")),
    };
    format!("host {host}, {threads} threads, {cores}")
}

/// What came out, one `key: value` a line; the hash of the weights last, after the numbers that are
/// theirs.
pub(super) fn summary(network: &Network, report: &Report, errors: &PartErrors) {
    let is_cut = report.epochs.last().is_some_and(|last| !last.is_whole);
    let cut = if is_cut {
        ", the last one cut short"
    } else {
        ""
    };
    say!("epochs: {}{cut}", report.epochs.len());
    let empty = match report.empty_steps {
        0 => String::new(),
        empty => format!(", {empty} without a row that counts"),
    };
    let skipped = report.skipped_steps;
    say!("steps: {} ({skipped} skipped{empty})", report.steps);
    // The last epoch, whose weights may be others than those that are kept.
    if let Some(last) = report.epochs.last() {
        say!("train loss: {:.6}", last.train_loss);
        say!("gradient norm: {:.6}", last.grad_norm);
        say!("learning rate: {}", last.lr);
        if let Some(scale) = last.noise_scale {
            say!("noise scale: {scale:.1} rows");
        }
        if let Some(epoch) = other_epoch(report) {
            say!("last epoch: {}, not kept", last_text(report, epoch));
        }
    }
    kept_lines(report, errors);
    say!(
        "throughput: {}",
        throughput(report.throughput_samples_per_s)
    );
    say!("wall time: {}", seconds(report.wall_time.as_secs_f64()));
    say!("weights sha256: {}", network.weights_sha256());
}

/// The weights that are kept, with the numbers that are theirs.
fn kept_lines(report: &Report, errors: &PartErrors) {
    if let Some(best) = report.best_epoch {
        let is_kept = report.kept.epoch == best && report.kept.weights != KeptWeights::LastStep;
        say!("best epoch: {best}{}", if is_kept { ", kept" } else { "" });
    }
    say!("kept: {}", kept_text(report));
    match report.kept.chosen_on {
        Some(EvaluatedPart::Test) => say!(
            "chosen on: the test part, so its figures are better than those of new rows (--valid-share gives a validation part)"
        ),
        Some(part) => say!("chosen on: the {part} part"),
        None => {}
    }
    if let Some(Scores { loss, accuracy, .. }) = report.valid() {
        say!("validation loss: {loss:.6}");
        if errors.valid.is_empty() {
            say!("validation accuracy: {}", percent(accuracy));
        }
    }
    let watched = |part, scores: Option<Scores>| {
        if let Some(value) = scores.and_then(|scores| scores.told()) {
            say!("{part} {}: {}", report.kept.watch, watched_text(value));
        }
    };
    watched(EvaluatedPart::Validation, report.valid());
    say_errors("validation R2", "validation target", &errors.valid);
    say!("test loss: {:.6}", report.test_loss());
    if errors.test.is_empty() {
        say!("test accuracy: {}", percent(report.test_accuracy()));
        if let Some(guess) = errors.guess {
            say!("always the most frequent class: {}", percent(guess));
        }
    }
    watched(EvaluatedPart::Test, report.kept.test);
    say_errors("test R2", "target", &errors.test);
}

/// The last epoch with its evaluation, where its weights are not those that are kept.
fn last_text(report: &Report, epoch: &EpochMetrics) -> String {
    let part = match report.setup.valid_rows {
        0 => EvaluatedPart::Test,
        _ => EvaluatedPart::Validation,
    };
    let cut = if epoch.is_whole {
        ""
    } else {
        " (cut short, not judged)"
    };
    let Scores {
        loss,
        accuracy,
        errors,
        ..
    } = epoch.evaluated();
    let accuracy = match errors {
        Some(_) => String::new(),
        None => format!(", {part} accuracy {}", percent(accuracy)),
    };
    let watched = match epoch.evaluated().told() {
        Some(value) => format!(", {part} {} {}", report.kept.watch, watched_text(value)),
        None => String::new(),
    };
    format!(
        "{}{cut}, {part} loss {loss:.6}{accuracy}{watched}",
        epoch.epoch
    )
}

/// The errors of a regression: R2 and a line for each target, under these names.
pub(super) fn say_errors(name: &str, prefix: &str, errors: &[TargetErrors]) {
    if let Some(r2) = TargetErrors::mean_r2(errors) {
        say!("{name}: {r2:.6}");
    }
    for target in errors {
        say!("{prefix} {}: {target}", target.name);
    }
}

/// Rows a second, if any were trained on.
fn throughput(samples_per_s: f64) -> String {
    if samples_per_s.is_finite() {
        rate(samples_per_s)
    } else {
        "none, no step was made".to_owned()
    }
}

/// The same as a line of JSON.
pub(super) fn summary_line(network: &Network, report: &Report, errors: &PartErrors) -> Value {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let last = report.epochs.last().map(|epoch| {
        let mut last = json!({
            "epoch": epoch.epoch,
            "step": epoch.step,
            "test_loss": finite(epoch.test_loss),
            "test_accuracy": finite(epoch.test_accuracy).filter(|_| errors.test.is_empty()),
        });
        if report.valid().is_some() {
            let accuracy = finite(epoch.valid_accuracy).filter(|_| errors.valid.is_empty());
            last["valid_loss"] = json!(finite(epoch.valid_loss));
            last["valid_accuracy"] = json!(accuracy);
        }
        last
    });
    let mut line = json!({
        "event": "finished",
        "steps": report.steps,
        "skipped_steps": report.skipped_steps,
        "empty_steps": report.empty_steps,
        "kept": report.kept,
        "test_loss": finite(report.test_loss()),
        "test_accuracy": finite(report.test_accuracy()).filter(|_| errors.test.is_empty()),
        "test_majority": errors.guess,
        "last_epoch": last,
        "throughput_samples_per_s": finite(report.throughput_samples_per_s),
        "wall_time_s": report.wall_time.as_secs_f64(),
        "weights_sha256": network.weights_sha256(),
    });
    if !errors.test.is_empty() {
        line["test_r2"] = json!(TargetErrors::mean_r2(&errors.test));
        line["targets"] = json!(errors.test);
    }
    if let Some(Scores { loss, accuracy, .. }) = report.valid() {
        line["valid_loss"] = json!(finite(loss));
        line["valid_accuracy"] = json!(finite(accuracy).filter(|_| errors.valid.is_empty()));
    }
    let watched = |scores: Option<Scores>| scores.and_then(|scores| scores.told());
    if let Some(value) = watched(report.valid()) {
        line["valid_watched"] = json!(value);
    }
    if let Some(value) = watched(report.kept.test) {
        line["test_watched"] = json!(value);
    }
    if !errors.valid.is_empty() {
        line["valid_r2"] = json!(TargetErrors::mean_r2(&errors.valid));
        line["valid_targets"] = json!(errors.valid);
    }
    line
}

/// The last epoch, where the weights that are kept are those of another.
fn other_epoch(report: &Report) -> Option<&EpochMetrics> {
    let last = report.epochs.last();
    last.filter(|last| last.step != report.kept.step)
}

fn kept_text(report: &Report) -> String {
    let kept = report.kept;
    format!(
        "{}, after epoch {} (step {})",
        kept.weights_text(),
        kept.epoch,
        kept.step
    )
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
        Shards::PerWorker => {
            format!("{shards} (per worker: not the same bits for other thread counts)")
        }
        _ => shards.to_string(),
    }
}
