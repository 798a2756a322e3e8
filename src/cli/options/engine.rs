//! The section `[engine]` of a configuration.

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices::{all_reduces, an_all_reduce, an_update, update_modes};

use super::defaults::defaults;
use super::ranges;
use super::whole::{Word, word};

fn all_reduce_help() -> String {
    format!("All-reduce: {} (same bits)", all_reduces())
}

fn update_help() -> String {
    format!("Who executes the update: {} (same bits)", update_modes())
}

/// The engine.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineArgs {
    /// Worker threads: a number, or auto for the physical cores that this process may use (fewer
    /// for tiny steps)
    #[arg(long, default_value = "auto", value_name = "N|auto", value_parser = ranges::whole_or(4_096, &["auto"]))]
    #[serde(deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub(crate) threads: String,

    /// Shards of a batch: a number, auto, or per-worker (the bits then depend on the number of
    /// threads)
    #[arg(long, default_value = "auto", value_name = "N|auto|per-worker", value_parser = ranges::whole_or(65_536, &["auto", "per-worker"]))]
    #[serde(deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub(crate) shards: String,

    // The all-reduce.
    #[arg(long, default_value = "segmented", value_name = "NAME", value_parser = an_all_reduce(), help = all_reduce_help())]
    #[schemars(description = all_reduce_help())]
    pub(crate) all_reduce: String,

    // Who executes the update.
    #[arg(long, default_value = "fused", value_name = "NAME", value_parser = an_update(), help = update_help())]
    #[schemars(description = update_help())]
    pub(crate) update: String,

    /// Do not pin the worker threads to cores; by default they are pinned only if they use all
    /// cores, so that two trainings do not share one
    #[arg(long)]
    pub(crate) no_pin: bool,

    /// Pin the worker threads to the first cores even if they leave some free: for a machine on
    /// which nothing else runs
    #[arg(long, conflicts_with = "no_pin")]
    pub(crate) pin: bool,

    /// Do not give more shards to faster workers (same bits)
    #[arg(long)]
    pub(crate) no_balance: bool,
}

impl Default for EngineArgs {
    fn default() -> Self {
        defaults()
    }
}
