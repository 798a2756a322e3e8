//! What the arguments mean.

use thiserror::Error;

use crate::engine::{AllReduce, Pinning, Shards, Threads, UpdateMode, all_reduce};
use crate::optim::Optimizer;
use crate::train::{OnNonFinite, TrainError};

use super::args::TrainArgs;

/// An argument that means nothing.
#[derive(Debug, Error)]
#[error("--{flag} must be {expected}, got {got:?}")]
pub(super) struct ArgError {
    flag: &'static str,
    expected: &'static str,
    got: String,
}

/// The settings of `unisono train`.
#[derive(Debug)]
pub(super) struct TrainSettings {
    pub(super) threads: Threads,
    pub(super) pinning: Pinning,
    pub(super) shards: Option<Shards>,
    pub(super) batch_size: usize,
    pub(super) epochs: u32,
    pub(super) optimizer: Optimizer,
    pub(super) seed: u64,
    pub(super) all_reduce: &'static dyn AllReduce,
    pub(super) update: UpdateMode,
    pub(super) on_non_finite: OnNonFinite,
}

impl TryFrom<TrainArgs> for TrainSettings {
    type Error = ArgError;

    fn try_from(args: TrainArgs) -> Result<Self, ArgError> {
        let threads = match args.threads.as_str() {
            "auto" => Threads::Auto,
            number => Threads::Fixed(count("threads", "a number or auto", number)?),
        };
        let shards = match args.shards.as_str() {
            "auto" => None,
            "per-worker" => Some(Shards::PerWorker),
            number => Some(Shards::Fixed(count(
                "shards",
                "a number, auto or per-worker",
                number,
            )?)),
        };
        let update = UpdateMode::ALL
            .into_iter()
            .find(|mode| mode.name() == args.update);
        let on_non_finite = match args.on_non_finite.as_str() {
            "stop" => OnNonFinite::Stop,
            "skip" => OnNonFinite::Skip,
            other => return Err(refused("on-non-finite", "stop or skip", other)),
        };
        Ok(Self {
            threads,
            pinning: if args.no_pin {
                Pinning::Off
            } else {
                Pinning::Auto
            },
            shards,
            batch_size: args.batch_size,
            epochs: args.epochs,
            optimizer: optimizer(&args)?,
            seed: args.seed,
            all_reduce: all_reduce::by_name(&args.all_reduce).ok_or_else(|| {
                refused("all-reduce", "naive, tree or segmented", &args.all_reduce)
            })?,
            update: update.ok_or_else(|| refused("update", "fused or master", &args.update))?,
            on_non_finite,
        })
    }
}

fn optimizer(args: &TrainArgs) -> Result<Optimizer, ArgError> {
    let sgd = Optimizer::sgd(args.lr);
    match args.optimizer.as_str() {
        "sgd" => Ok(sgd),
        "momentum" => Ok(sgd.with_momentum(args.momentum)),
        "nesterov" => Ok(sgd.with_momentum(args.momentum).with_nesterov()),
        "ema-momentum" => Ok(sgd.with_ema_momentum(args.momentum)),
        "ema-nesterov" => Ok(sgd.with_ema_momentum(args.momentum).with_nesterov()),
        other => Err(refused(
            "optimizer",
            "sgd, momentum, nesterov, ema-momentum or ema-nesterov",
            other,
        )),
    }
}

fn count(flag: &'static str, expected: &'static str, got: &str) -> Result<usize, ArgError> {
    got.parse().map_err(|_| refused(flag, expected, got))
}

fn refused(flag: &'static str, expected: &'static str, got: &str) -> ArgError {
    ArgError {
        flag,
        expected,
        got: got.to_owned(),
    }
}

/// 2 for what the user can mend in the arguments, 1 for what happened while running.
pub(super) fn exit_code(error: &TrainError) -> u8 {
    use crate::engine::EngineError as Engine;
    match error {
        TrainError::NonFinite { .. } => 1,
        TrainError::Engine(
            Engine::WorkerPanicked { .. } | Engine::Broken { .. } | Engine::Spawn { .. },
        ) => 1,
        _ => 2,
    }
}
