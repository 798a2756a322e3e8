//! What the arguments mean.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{
    AllReduce, Balance, EngineConfig, Pinning, Shards, Threads, Track, UpdateMode, all_reduce,
};
use crate::export::ExportError;
use crate::nn::Sequential;
use crate::nn::presets::{self, Preset};
use crate::run::RunError;
use crate::study::Bench;
use crate::study::batch_size::StudyError;
use crate::study::scaling::ScalingError;
use crate::train::{Checkpoints, EarlyStopping, OnNonFinite, TrainError};

use super::args::BenchArgs;
use super::load::LoadSettings;
use super::optim::OptimSettings;
use super::sections::{EngineArgs, TrainArgs};

/// An argument that means nothing.
#[derive(Debug, Error)]
pub(super) enum ArgError {
    /// Not one of the values that there are.
    #[error("--{flag} must be {expected}, got {got:?}")]
    Value {
        flag: &'static str,
        expected: &'static str,
        got: String,
    },
    /// A text that cannot be read.
    #[error("--{flag}: {message}")]
    Text { flag: &'static str, message: String },
    /// A key of a file with an impossible value.
    #[error("{}: {key} {problem}", path.display())]
    Key {
        path: PathBuf,
        key: String,
        problem: String,
    },
    /// A file that is no configuration.
    #[error("{}, line {line}, column {column}: {problem}", path.display())]
    File {
        path: PathBuf,
        line: usize,
        column: usize,
        problem: String,
    },
    /// Something that would not be done.
    #[error("{what} does not apply to {to}: {why}; leave it out")]
    Unused {
        what: String,
        to: String,
        why: &'static str,
    },
    /// Two sources that go before the file.
    #[error("{key} is set twice, by --set and by --set or --{flag}; leave one out")]
    Twice { key: String, flag: String },
}

impl ArgError {
    pub(super) fn text(flag: &'static str, message: &str) -> Self {
        ArgError::Text {
            flag,
            message: message.to_owned(),
        }
    }
}

/// Why a command ended before its end.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Args(ArgError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Scaling(#[from] ScalingError),
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A signal asked a study to stop.
    #[error(
        "stopped by signal {signal} after {trials} trials; the same command goes on where --out keeps them"
    )]
    StudyStopped { signal: i32, trials: usize },
    #[error("cannot listen for signals: {source}")]
    Signals { source: std::io::Error },
    /// A signal asked to stop.
    #[error("stopped after step {steps} by signal {signal}; {}", goes_on(run.as_deref()))]
    Stopped {
        signal: i32,
        steps: u64,
        run: Option<PathBuf>,
    },
    #[error("the run in {} is finished after {steps} steps; raise --epochs or --max-steps to go on", folder.display())]
    Finished { folder: PathBuf, steps: u64 },
    /// A file that would be lost.
    #[error("{} {what}; choose another file, or add --force to replace it", path.display())]
    Exists { path: PathBuf, what: &'static str },
    /// A folder that would be mixed up.
    #[error("{} is not empty; choose a new folder, or add --force to write into it beside what is there", path.display())]
    NotEmpty { path: PathBuf },
    #[error("cannot write {}: {source}; choose another place", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// How a stopped run goes on.
fn goes_on(run: Option<&Path>) -> String {
    match run {
        Some(folder) => format!("go on with --resume {}", folder.display()),
        None => "nothing was kept, --out DIR keeps a run".to_owned(),
    }
}

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
            all_reduce: all_reduce::by_name(&args.all_reduce).ok_or_else(|| {
                refused("all-reduce", "naive, tree or segmented", &args.all_reduce)
            })?,
            update: update.ok_or_else(|| refused("update", "fused or master", &args.update))?,
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
    pub(super) load: LoadSettings,
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
            load: LoadSettings::try_from(&args.data)?,
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

/// Steps of a benchmark.
const MOST_STEPS: usize = 1_000_000;

/// A text of layers, if it is one; which of them fit the data is another question.
fn layers_of(text: &str) -> Result<String, ArgError> {
    let read = Sequential::part().written_for_tokens(text, 1);
    read.map_err(|error| ArgError::text("layers", &error.to_string()))?;
    Ok(text.to_owned())
}

/// The settings of `unisono bench`, and whether it prints JSON.
pub(super) fn bench(args: BenchArgs) -> Result<(Bench, bool), ArgError> {
    if args.steps == 0 {
        return Err(refused("steps", "at least 1", "0"));
    }
    at_most("steps", args.steps, MOST_STEPS)?;
    at_most("warmup", args.warmup, MOST_STEPS)?;
    let engine = EngineSettings::try_from(args.engine)?;
    let bench = Bench {
        preset: preset(&args.preset)?,
        batch_size: args.batch_size,
        steps: args.steps,
        warmup: args.warmup,
        seed: args.seed,
        engine: EngineConfig {
            threads: engine.threads,
            pinning: engine.pinning,
            shards: engine.shards,
            all_reduce: engine.all_reduce,
            update: engine.update,
            balance: engine.balance,
            track: track(args.track.as_deref())?,
        },
    };
    Ok((bench, args.json))
}

pub(super) fn preset(name: &str) -> Result<Preset, ArgError> {
    let expected = "mlp_small, mlp, lenet, resnet20, lstm or gpt";
    presets::by_name(name).ok_or_else(|| refused("preset", expected, name))
}

fn track(name: Option<&str>) -> Result<Track, ArgError> {
    match name {
        None => Ok(Track::Nothing),
        Some("noise-scale") => Ok(Track::ShardNorms),
        Some(other) => Err(refused("track", "noise-scale", other)),
    }
}

/// Refuses a number above `most`.
pub(super) fn at_most(flag: &'static str, got: usize, most: usize) -> Result<usize, ArgError> {
    match got <= most {
        true => Ok(got),
        false => Err(ArgError::text(
            flag,
            &format!("must be at most {most}, got {got}"),
        )),
    }
}

fn count(flag: &'static str, expected: &'static str, got: &str) -> Result<usize, ArgError> {
    got.parse().map_err(|_| refused(flag, expected, got))
}

pub(super) fn refused(flag: &'static str, expected: &'static str, got: &str) -> ArgError {
    ArgError::Value {
        flag,
        expected,
        got: got.to_owned(),
    }
}

/// Whether the reader of what was written has gone.
pub(super) fn is_closed_pipe(error: &CommandError) -> bool {
    let source = match error {
        CommandError::Write { source, .. } => source,
        CommandError::Export(ExportError::Write { source, .. }) => source,
        _ => return false,
    };
    source.kind() == std::io::ErrorKind::BrokenPipe
}

/// 2 for what the user can mend in the arguments, 1 for what happened while running.
pub(super) fn exit_code(error: &CommandError) -> u8 {
    use crate::engine::EngineError as Engine;
    let error = match error {
        CommandError::Train(error) => error,
        CommandError::Stopped { signal, .. } => return super::signals::exit_code(*signal),
        CommandError::Signals { .. }
        | CommandError::Run(RunError::Write { .. } | RunError::Read { .. })
        | CommandError::Export(ExportError::Write { .. })
        | CommandError::Scaling(ScalingError::Io { .. } | ScalingError::Peer { .. }) => return 1,
        CommandError::Scaling(ScalingError::Train(error)) => error,
        CommandError::StudyStopped { signal, .. } => return super::signals::exit_code(*signal),
        CommandError::Study(StudyError::Io { .. }) => return 1,
        CommandError::Study(StudyError::Train(error)) => error,
        _ => return 2,
    };
    match error {
        TrainError::NonFinite { .. } | TrainError::Write { .. } => 1,
        TrainError::Engine(
            Engine::WorkerPanicked { .. }
            | Engine::EvaluationPanicked { .. }
            | Engine::Broken { .. }
            | Engine::Spawn { .. },
        ) => 1,
        _ => 2,
    }
}
