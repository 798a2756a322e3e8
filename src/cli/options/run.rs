//! The section `[run]` of a configuration.

use clap::Args as ClapArgs;
use clap::builder::{PossibleValue, PossibleValuesParser};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices;
use crate::train::Metric;

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
    /// is no validation part (--valid-share), or a better value of --watch; the best network is kept
    #[arg(long, value_name = "EVALUATIONS", value_parser = ranges::whole::<u32>(1, u32::MAX.into()))]
    pub(crate) early_stopping: Option<u32>,

    /// The metric of the validation part, or of the test part where there is no other, that chooses:
    /// when --early-stopping ends the training, and which epoch and checkpoint is the best. Of
    /// classes: loss (the default), accuracy, balanced-accuracy, precision, recall, f1, roc-auc,
    /// average-precision, log-loss, top-5; of numbers: mae, rmse, r2; of labels in any number:
    /// wrong-labels, and with -micro behind them precision to average-precision; of texts:
    /// perplexity
    #[arg(long, value_name = "METRIC", value_parser = a_metric(), ignore_case = true)]
    pub(crate) watch: Option<String>,

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

/// Reads the name of a metric, as the text that it is: as `--help` lists it, as `eval` prints it or
/// as JSON has it.
fn a_metric() -> PossibleValuesParser {
    let value = |metric: Metric| {
        let (name, flag) = (metric.to_string(), in_flag(metric));
        let words = [", mean", ", macro"].map(|end| format!("{name}{end}"));
        let flags = ["-mean", "-macro"].map(|end| format!("{flag}{end}"));
        let own = [
            metric.key().to_owned(),
            name.replace(" (micro)", ", micro"),
            name,
        ];
        let aliases = own.into_iter().chain(words).chain(flags);
        PossibleValue::new(flag).aliases(aliases)
    };
    PossibleValuesParser::new(Metric::all().map(value))
}

/// A metric as `--watch` takes it.
pub(crate) fn in_flag(metric: Metric) -> String {
    metric.key().replace('_', "-")
}

impl Default for RunArgs {
    fn default() -> Self {
        defaults()
    }
}
