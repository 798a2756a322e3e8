//! The section `[run]` of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices;

use super::defaults::defaults;
use super::ranges;
use super::whole::{self, Word};

/// Length, seed and checkpoints of a run.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunArgs {
    /// Passes over the training data
    #[arg(long, default_value_t = 30, value_parser = ranges::any_whole::<u32>())]
    pub(crate) epochs: u32,

    /// Stop after this many steps, within an epoch if need be
    #[arg(long, value_name = "STEPS", value_parser = ranges::any_whole::<u64>())]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) max_steps: Option<u64>,

    /// Stop after this many evaluations without a smaller validation loss, or test loss where there
    /// is no validation part (--valid-share); the best network is kept
    #[arg(long, value_name = "EVALUATIONS", value_parser = ranges::whole::<u32>(1, u32::MAX.into()))]
    pub(crate) early_stopping: Option<u32>,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME", value_parser = choices::TRACKS.parser())]
    pub(crate) track: Option<String>,

    /// Seed of the initial weights, of shuffling and of everything else that is random;
    /// --split-seed gives the split one of its own
    #[arg(long, default_value_t = 42, value_parser = ranges::any_whole::<u64>())]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) seed: u64,

    /// If loss or gradient is not finite: stop, or skip the step
    #[arg(long, default_value = "stop", value_name = "NAME", value_parser = choices::ON_NON_FINITE.parser())]
    pub(crate) on_non_finite: String,

    /// If a worker panics: stop, or retry, which does the step again, up to three times (same bits)
    #[arg(long, default_value = "stop", value_name = "NAME", value_parser = choices::ON_WORKER_PANIC.parser())]
    pub(crate) on_worker_panic: String,

    /// Seconds after which a worker that stays in a phase of a step is named; 0 for never
    #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = ranges::any_whole::<u32>())]
    pub(crate) watchdog: u32,

    /// With --out: steps between two checkpoints; 0 for none
    #[arg(long, default_value_t = 0, value_name = "STEPS", value_parser = ranges::any_whole::<u64>())]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) checkpoint_every_steps: u64,

    /// With --out: epochs between two checkpoints; 0 for none
    #[arg(long, default_value_t = 1, value_name = "EPOCHS", value_parser = ranges::any_whole::<u32>())]
    pub(crate) checkpoint_every_epochs: u32,

    /// With --out: how many of the last checkpoints are kept, at least 1; the best one is kept as
    /// well
    #[arg(long, default_value_t = 3, value_name = "CHECKPOINTS", value_parser = ranges::whole::<usize>(1, u32::MAX.into()))]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) keep: usize,
}

impl Default for RunArgs {
    fn default() -> Self {
        defaults()
    }
}
