//! Settings of a training: options, checked, as values of the library.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::data::DataOptions;
use crate::engine::{
    AllReduce, Balance, EngineConfig, Pinning, Shards, Threads, Track, UpdateMode, Watchdog,
    all_reduce,
};
use crate::nn::presets::{self, Preset};
use crate::nn::{Precision, Sequential};
use crate::train::{Checkpoints, EarlyStopping, Metric, OnNonFinite, OnWorkerPanic};

use super::choices::{
    ON_NON_FINITE, ON_WORKER_PANIC, TRACKS, all_reduces, preset_names, update_modes,
};
use super::data_options::data_options;
use super::error::{ArgError, refused};
use super::first_weights::FirstWeights;
use super::loss;
use super::optim::OptimSettings;
use super::options::{EngineArgs, LossArgs, TrainArgs};

/// How the engine runs; `track` names the statistic that is tracked, if there is one.
pub(super) fn engine_config(
    args: &EngineArgs,
    track: Option<&str>,
) -> Result<EngineConfig, ArgError> {
    let threads = match args.threads.as_str() {
        "auto" => Threads::Auto,
        number => Threads::Fixed(count("threads", "a number or auto", number)?),
    };
    let shards = match args.shards.as_str() {
        "auto" => Shards::Auto,
        "per-worker" => Shards::PerWorker,
        number => Shards::Fixed(count("shards", "a number, auto or per-worker", number)?),
    };
    let pinning = match (args.no_pin, args.pin) {
        (true, _) => Pinning::Off,
        (_, true) => Pinning::Always,
        _ => Pinning::Auto,
    };
    let balance = if args.no_balance {
        Balance::Even
    } else {
        Balance::Measured
    };
    // Names of which the library has a table.
    let mut modes = UpdateMode::EACH.into_iter();
    let update = modes.find(|mode| mode.name() == args.update);
    Ok(EngineConfig {
        ranks: None,
        watchdog: None,
        threads,
        pinning,
        shards,
        balance,
        all_reduce: all_reduce_named(&args.all_reduce)?,
        update: update.ok_or_else(|| refused("update", update_modes(), &args.update))?,
        track: track.map_or(Ok(Track::Nothing), |name| TRACKS.of(name))?,
    })
}

/// The settings of `unisono train`.
#[derive(Debug)]
pub(super) struct TrainSettings {
    pub(super) preset: Option<Preset>,
    pub(super) layers: Option<String>,
    pub(super) precision: Precision,
    pub(super) weights: Option<FirstWeights>,
    pub(super) data: Option<PathBuf>,
    /// How the files of `data` are read.
    pub(super) data_options: DataOptions,
    pub(super) loss: LossArgs,
    pub(super) max_steps: Option<u64>,
    pub(super) engine: EngineConfig,
    pub(super) batch_size: usize,
    pub(super) epochs: u32,
    pub(super) optim: OptimSettings,
    pub(super) early_stopping: Option<EarlyStopping>,
    /// What chooses.
    pub(super) watch: Metric,
    /// When checkpoints are made, where a run is kept.
    pub(super) checkpoints: Checkpoints,
    pub(super) seed: u64,
    pub(super) on_non_finite: OnNonFinite,
    pub(super) on_worker_panic: OnWorkerPanic,
}

impl TrainSettings {
    /// Takes one thread, on whichever core: for trainings side by side.
    pub(super) fn take_one_thread(&mut self) {
        (self.engine.threads, self.engine.pinning) = (Threads::Fixed(1), Pinning::Off);
    }

    /// Refuses what no batch of this training lets act.
    pub(super) fn check_batches(&self) -> Result<(), ArgError> {
        let largest = self.optim.batch_rule.bounds(self.batch_size).most;
        check_shards(self.engine.shards, largest)
    }
}

impl TryFrom<TrainArgs> for TrainSettings {
    type Error = ArgError;

    fn try_from(args: TrainArgs) -> Result<Self, ArgError> {
        let (run, batch) = (args.run, args.batch);
        loss::check(&args.loss)?;
        let on_non_finite = ON_NON_FINITE.of(&run.on_non_finite)?;
        let on_worker_panic = ON_WORKER_PANIC.of(&run.on_worker_panic)?;
        Ok(Self {
            optim: OptimSettings::new(&args.optim, &batch)?,
            early_stopping: run.early_stopping.map(|patience| EarlyStopping {
                patience,
                ..EarlyStopping::default()
            }),
            watch: match &run.watch {
                Some(name) => name
                    .parse()
                    .map_err(|_| refused("watch", "the name of a metric", name))?,
                None => Metric::Loss,
            },
            checkpoints: Checkpoints {
                every_steps: run.checkpoint_every_steps,
                every_epochs: run.checkpoint_every_epochs,
                keep: run.keep,
                ..Checkpoints::in_folder("")
            },
            layers: match (&args.model.preset, &args.model.layers) {
                (Some(_), Some(layers)) => {
                    let expected = "without a preset: it is another model";
                    return Err(refused("layers", expected, layers));
                }
                (_, layers) => layers.as_deref().map(layers_of).transpose()?,
            },
            precision: precision(&args.model.precision)?,
            preset: args.model.preset.as_deref().map(preset).transpose()?,
            weights: FirstWeights::new(args.model)?,
            data_options: data_options(&args.data, run.seed)?,
            data: args.data.data,
            loss: args.loss,
            max_steps: run.max_steps,
            engine: EngineConfig {
                watchdog: watchdog(run.watchdog),
                ..engine_config(&args.engine, run.track.as_deref())?
            },
            batch_size: batch.batch_size,
            epochs: run.epochs,
            seed: run.seed,
            on_non_finite,
            on_worker_panic,
        })
    }
}

/// Names a worker that stalls for so many seconds, on stderr; 0 for none.
fn watchdog(seconds: u32) -> Option<Watchdog> {
    let limit = Duration::from_secs(seconds.into());
    (seconds > 0).then(|| Watchdog::new(limit, |stalled| note!("warning: {stalled}")))
}

/// The precision of this name.
fn precision(name: &str) -> Result<Precision, ArgError> {
    name.parse()
        .map_err(|_| refused("precision", Precision::names(), name))
}

/// The preset of this name, with products of that precision.
pub(super) fn preset_in(name: &str, products: &str) -> Result<Preset, ArgError> {
    let mut preset = preset(name)?;
    preset.model = preset.model.precision(precision(products)?);
    Ok(preset)
}

/// A text of layers, if it is one; which of them fit the data is another question.
fn layers_of(text: &str) -> Result<String, ArgError> {
    let read = Sequential::part().parse_layers_for_tokens(text, 1);
    read.map_err(|error| ArgError::text("layers", &error.to_string()))?;
    Ok(text.to_owned())
}

pub(super) fn all_reduce_named(name: &str) -> Result<Arc<dyn AllReduce>, ArgError> {
    all_reduce::by_name(name).ok_or_else(|| refused("all-reduce", all_reduces(), name))
}

pub(super) fn preset(name: &str) -> Result<Preset, ArgError> {
    presets::by_name(name).ok_or_else(|| refused("preset", preset_names(), name))
}

/// Refuses shards of which some would never have a row, where no batch has more than `rows`.
pub(super) fn check_shards(shards: Shards, rows: usize) -> Result<(), ArgError> {
    match shards {
        Shards::Fixed(count) if count > rows => {
            let expected = format!("at most {rows}, the rows of the largest batch");
            Err(refused("shards", expected, &count.to_string()))
        }
        _ => Ok(()),
    }
}

fn count(flag: &'static str, expected: &'static str, got: &str) -> Result<usize, ArgError> {
    got.parse().map_err(|_| refused(flag, expected, got))
}
