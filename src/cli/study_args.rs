//! Arguments of `unisono study`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, FromArgMatches, Subcommand};
use serde::{Deserialize, Serialize};

use super::choices::{SEARCHES, a_scaling_rule, scaling_rules};
use super::options::{
    BatchArgs, DataArgs, EngineArgs, FromArgs, JsonArgs, ModelArgs, OptimArgs, RunArgs, TableArgs,
    TrainArgs,
};
use super::options::{ranges, whole};

/// What is studied.
#[derive(Debug, Subcommand)]
pub(super) enum StudyCommand {
    /// Steps to a target by batch size, and the critical batch size: for each batch size a search
    /// over learning rate (and momentum)
    Steps(StudyOf),
    /// Seconds to a target by threads and batch size: what more threads gain once the additional
    /// examples of larger batches are counted
    Time {
        #[command(flatten)]
        of: Box<StudyOf>,

        /// Numbers of threads, such as 1,2,4; by default powers of two up to the usable cores
        #[arg(long, value_name = "N,N...")]
        on_threads: Option<String>,
    },
    /// The critical batch size over the course of a training, beside the noise scale: the training
    /// is branched into larger batches
    Branches {
        #[command(flatten)]
        of: Box<StudyOf>,

        #[command(flatten)]
        how: BranchArgs,
    },
    /// Compare recipes for large batches: scaling rules, warm-up, LARS, LAMB, longer training
    Recipes(StudyOf),
    /// Compare adaptive and fixed batch sizes: staged, AdaBatch, CABS, noise scale, AdaScale
    Adaptive(StudyOf),
    /// The generalisation gap: a small batch, a large one and an adapted one, with the sharpness of
    /// their minima
    Gap(StudyOf),
    /// Merge the trials of slices of one study
    Merge {
        /// Folders of slices
        #[arg(required = true, value_name = "DIR")]
        slices: Vec<PathBuf>,

        /// The folder of the merged study
        #[arg(long, value_name = "DIR")]
        into: PathBuf,

        /// Write into a folder that is not empty
        #[arg(long)]
        force: bool,

        #[command(flatten)]
        json: JsonArgs,
    },
}

fn scaling_help() -> String {
    let rules = scaling_rules();
    format!("What a larger batch does to the learning rate: {rules}")
}

/// Where a training is branched, and what is compared.
#[derive(Debug, ClapArgs)]
pub(super) struct BranchArgs {
    /// Epochs after which the training is branched, separated by commas
    #[arg(long, default_value = "0.25,0.5,1,2,4,8", value_name = "EPOCHS,...")]
    pub(super) branch_at: String,

    /// Length of a branch, in epochs
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "EPOCHS",
        value_parser = ranges::within("above 0 and at most 100000", |epochs| epochs > 0.0 && epochs <= 1e5).double()
    )]
    pub(super) branch_length: f64,

    /// How much the loss may exceed that of the smallest batch, as a share of it
    #[arg(
        long,
        default_value_t = 0.02,
        value_name = "SHARE",
        value_parser = ranges::NOT_NEGATIVE.double()
    )]
    pub(super) tolerance: f64,

    // How the learning rate scales with the batch size.
    #[arg(long, default_value = "linear", value_name = "NAME", value_parser = a_scaling_rule(), help = scaling_help())]
    pub(super) scaling: String,
}

/// A study: the training, and what is varied.
#[derive(Debug, ClapArgs)]
pub(super) struct StudyOf {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    #[command(flatten)]
    pub(super) study: StudyArgs,

    /// Save trials, tables, charts and report in this folder; the same command resumes a study that
    /// was stopped
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Write into a folder that is not empty, and replace files of the same names
    #[arg(long, requires = "out")]
    pub(super) force: bool,

    /// Plot published curves beside the measured ones: a table with the columns chart, curve, x and
    /// y; charts are named as their files in --out
    #[arg(long, value_name = "FILE", requires = "out")]
    pub(super) overlay: Option<PathBuf>,

    /// Trials in parallel, each on one thread; with 1 they run one after another on all threads,
    /// with the same outcomes. By default the usable cores for a search, and 1 for a comparison of
    /// recipes (whose seconds are then those of all threads)
    #[arg(long, value_name = "N", value_parser = ranges::whole::<usize>(1, 4_096))]
    pub(super) parallel_trials: Option<usize>,

    /// Run every N-th candidate of a search, or training of a recipe, from the K-th on; `unisono
    /// study merge` merges the slices
    #[arg(long, default_value = "1/1", value_name = "K/N")]
    pub(super) slice: String,

    #[command(flatten)]
    pub(super) table: TableArgs,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// The section `[study]` of a configuration.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StudyArgs {
    /// Batch sizes: numbers with commas, or powers of two such as 1..1024; recipes, adaptive and
    /// gap take the first and the last, branches trains with the first
    #[arg(long, default_value = "8..512", value_name = "ROWS")]
    pub(super) batches: String,

    /// Target: an error rate on the test rows below this (0.05 if no target is given)
    #[arg(long, value_name = "SHARE", conflicts_with = "target_loss", value_parser = ranges::SHARE.double())]
    pub(super) target_error: Option<f64>,

    /// Target: a test loss below this
    #[arg(long, value_name = "LOSS", value_parser = ranges::POSITIVE.double())]
    pub(super) target_loss: Option<f64>,

    /// How learning rates are searched: random, sobol or halving
    #[arg(long, default_value = "sobol", value_name = "NAME", value_parser = SEARCHES.parser())]
    pub(super) search: String,

    /// Candidates per search
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = ranges::whole::<usize>(1, 100_000))]
    #[serde(with = "whole")]
    pub(super) candidates: usize,

    /// Repetitions with new seeds, of each search's winner or of each recipe
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = ranges::whole::<usize>(1, 100_000))]
    #[serde(with = "whole")]
    pub(super) repeats: usize,

    /// Range of learning rates to search
    #[arg(long, default_value = "0.01..2", value_name = "LOW..HIGH")]
    pub(super) lr_range: String,

    /// Range of 1 - momentum to search; without it, the momentum is that of --optimizer and
    /// --momentum
    #[arg(long, value_name = "LOW..HIGH")]
    pub(super) momentum_range: Option<String>,

    /// Schedules to search, separated by semicolons, such as "constant; linear over 20 epochs";
    /// without it, all trials have that of --schedule
    #[arg(long, value_name = "TEXT;TEXT...")]
    pub(super) schedules: Option<String>,
}

impl Default for StudyArgs {
    /// As the flags have it.
    fn default() -> Self {
        let command = Self::augment_args(clap::Command::new("study"));
        let matches = command.get_matches_from(["study"]);
        Self::from_arg_matches(&matches).expect("every flag has a default or none")
    }
}

/// A configuration with a section on the study.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    dead_code,
    reason = "it only checks names and types, with their places in the file"
)]
pub(super) struct StudyFile {
    model: ModelArgs,
    data: DataArgs,
    optimizer: OptimArgs,
    batch: BatchArgs,
    engine: EngineArgs,
    run: RunArgs,
    study: StudyArgs,
}
