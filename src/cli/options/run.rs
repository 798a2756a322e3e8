//! The section `[run]` of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults::defaults;
use super::whole::{self, Word};

/// How long a run is, what it keeps and how it ends.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunArgs {
    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(crate) epochs: u32,

    /// End after so many steps, in the midst of an epoch if need be
    #[arg(long, value_name = "STEPS")]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) max_steps: Option<u64>,

    /// End training after so many evaluations without a smaller test loss; the best network is kept
    #[arg(long, value_name = "EVALUATIONS")]
    pub(crate) early_stopping: Option<u32>,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME")]
    pub(crate) track: Option<String>,

    /// Seed of the initial weights, of the shuffle and of all else that is drawn; the test part has
    /// one of its own with --split-seed
    #[arg(long, default_value_t = 42)]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) seed: u64,

    /// When loss or gradient is not finite: stop or skip
    #[arg(long, default_value = "stop", value_name = "NAME")]
    pub(crate) on_non_finite: String,

    /// With --out: a checkpoint after every so many steps; 0 for none
    #[arg(long, default_value_t = 0, value_name = "STEPS")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) checkpoint_every_steps: u64,

    /// With --out: a checkpoint after every so many epochs; 0 for none
    #[arg(long, default_value_t = 1, value_name = "EPOCHS")]
    pub(crate) checkpoint_every_epochs: u32,

    /// With --out: how many of the last checkpoints stay, at least 1; the best stays besides
    #[arg(long, default_value_t = 3, value_name = "CHECKPOINTS")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(crate) keep: usize,
}

impl Default for RunArgs {
    fn default() -> Self {
        defaults()
    }
}
