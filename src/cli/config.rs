//! Settings of a training: options, checked, as values of the library.

use std::path::PathBuf;

use crate::data::DataOptions;
use crate::engine::{AllReduce, Balance, Pinning, Shards, Threads, Track, UpdateMode, all_reduce};
use crate::nn::Sequential;
use crate::nn::presets::{self, Preset};
use crate::train::{Checkpoints, EarlyStopping, OnNonFinite};

use super::choices::{all_reduces, preset_names, update_modes};
use super::data_options::data_options;
use super::error::{ArgError, refused};
use super::optim::OptimSettings;
use super::options::{EngineArgs, TrainArgs};

/// How the engine runs.
#[derive(Debug)]
pub(super) struct EngineSettings {
    pub(super) threads: Threads,
    pub(super) pinning: Pinning,
    pub(super) shards: Shards,
    pub(super) all_reduce: &'static dyn AllReduce,
    pub(super) update: UpdateMode,
    pub(super) balance: Balance,
}

impl TryFrom<EngineArgs> for EngineSettings {
    type Error = ArgError;

    fn try_from(args: EngineArgs) -> Result<Self, ArgError> {
        let threads = match args.threads.as_str() {
            "auto" => Threads::Auto,
            number => Threads::Fixed(count("threads", "a number or auto", number)?),
        };
        let shards = match args.shards.as_str() {
            "auto" => Shards::Auto,
            "per-worker" => Shards::PerWorker,
            number => {
                let expected = "a number, auto or per-worker";
                Shards::Fixed(count("shards", expected, number)?)
            }
        };
        let update = UpdateMode::ALL
            .into_iter()
            .find(|mode| mode.name() == args.update);
        Ok(Self {
            threads,
            pinning: match (args.no_pin, args.pin) {
                (true, _) => Pinning::Off,
                (_, true) => Pinning::Always,
                _ => Pinning::Auto,
            },
            shards,
            balance: if args.no_balance {
                Balance::Even
            } else {
                Balance::Measured
            },
            all_reduce: all_reduce::by_name(&args.all_reduce)
                .ok_or_else(|| refused("all-reduce", all_reduces(), &args.all_reduce))?,
            update: update.ok_or_else(|| refused("update", update_modes(), &args.update))?,
        })
    }
}

/// The settings of `unisono train`.
#[derive(Debug)]
pub(super) struct TrainSettings {
    pub(super) preset: Option<Preset>,
    pub(super) layers: Option<String>,
    /// The file of the first weights, and the map of its names.
    pub(super) weights: Option<(PathBuf, Option<PathBuf>)>,
    pub(super) data: Option<PathBuf>,
    /// How the files of `data` are read.
    pub(super) data_options: DataOptions,
    pub(super) max_steps: Option<u64>,
    pub(super) engine: EngineSettings,
    pub(super) batch_size: usize,
    pub(super) epochs: u32,
    pub(super) optim: OptimSettings,
    pub(super) early_stopping: Option<EarlyStopping>,
    pub(super) tracks_noise_scale: bool,
    /// When checkpoints are made, where a run is kept.
    pub(super) checkpoints: Checkpoints,
    pub(super) seed: u64,
    pub(super) on_non_finite: OnNonFinite,
}

impl TryFrom<TrainArgs> for TrainSettings {
    type Error = ArgError;

    fn try_from(args: TrainArgs) -> Result<Self, ArgError> {
        let (run, batch) = (args.run, args.batch);
        let on_non_finite = match run.on_non_finite.as_str() {
            "stop" => OnNonFinite::Stop,
            "skip" => OnNonFinite::Skip,
            other => return Err(refused("on-non-finite", "stop or skip", other)),
        };
        Ok(Self {
            optim: OptimSettings::new(&args.optim, &batch)?,
            early_stopping: run.early_stopping.map(|patience| EarlyStopping {
                patience,
                ..EarlyStopping::default()
            }),
            checkpoints: Checkpoints {
                every_steps: run.checkpoint_every_steps,
                every_epochs: run.checkpoint_every_epochs,
                keep: match run.keep {
                    0 => return Err(refused("keep", "at least 1", "0")),
                    keep => keep,
                },
                ..Checkpoints::in_folder("")
            },
            tracks_noise_scale: track(run.track.as_deref())? == Track::ShardNorms,
            layers: match (&args.model.preset, &args.model.layers) {
                (Some(_), Some(layers)) => {
                    let expected = "without a preset: it is another model";
                    return Err(refused("layers", expected, layers));
                }
                (_, layers) => layers.as_deref().map(layers_of).transpose()?,
            },
            weights: match (args.model.weights, args.model.weights_map) {
                (None, Some(map)) => {
                    let expected = "given beside weights, whose names it maps";
                    return Err(refused("weights-map", expected, &map.display().to_string()));
                }
                (weights, map) => weights.map(|weights| (weights, map)),
            },
            preset: args.model.preset.as_deref().map(preset).transpose()?,
            data_options: data_options(&args.data, run.seed)?,
            data: args.data.data,
            max_steps: run.max_steps,
            engine: args.engine.try_into()?,
            batch_size: batch.batch_size,
            epochs: run.epochs,
            seed: run.seed,
            on_non_finite,
        })
    }
}

/// A text of layers, if it is one; which of them fit the data is another question.
fn layers_of(text: &str) -> Result<String, ArgError> {
    let read = Sequential::part().written_for_tokens(text, 1);
    read.map_err(|error| ArgError::text("layers", &error.to_string()))?;
    Ok(text.to_owned())
}

pub(super) fn preset(name: &str) -> Result<Preset, ArgError> {
    presets::by_name(name).ok_or_else(|| refused("preset", preset_names(), name))
}

pub(super) fn track(name: Option<&str>) -> Result<Track, ArgError> {
    match name {
        None => Ok(Track::Nothing),
        Some("noise-scale") => Ok(Track::ShardNorms),
        Some(other) => Err(refused("track", "noise-scale", other)),
    }
}

fn count(flag: &'static str, expected: &'static str, got: &str) -> Result<usize, ArgError> {
    got.parse().map_err(|_| refused(flag, expected, got))
}
