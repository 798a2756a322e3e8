//! What the user typed after `unisono study`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, FromArgMatches, Subcommand};
use serde::{Deserialize, Serialize};

use super::choices::scaling_rules;
use super::options::whole;
use super::options::{
    BatchArgs, DataArgs, EngineArgs, FromArgs, ModelArgs, OptimArgs, RunArgs, TrainArgs,
};

/// What is studied.
#[derive(Debug, Subcommand)]
pub(super) enum StudyCommand {
    /// Steps to a target by batch size, and the critical batch size: for each batch a search over
    /// learning rate (and momentum)
    Steps(StudyOf),
    /// Seconds to a target by threads and batch size: what more threads are worth once the examples
    /// that a larger batch costs are counted
    Time {
        #[command(flatten)]
        of: Box<StudyOf>,

        /// Numbers of threads, such as 1,2,4; by default powers of two up to the usable cores
        #[arg(long, value_name = "N,N...")]
        on_threads: Option<String>,
    },
    /// The critical batch size while a network learns, beside its noise scale: a training is
    /// branched into larger batches
    Branches {
        #[command(flatten)]
        of: Box<StudyOf>,

        #[command(flatten)]
        how: BranchArgs,
    },
    /// Recipes for large batches side by side: scaling rules, warm-up, LARS, LAMB, longer training
    Recipes(StudyOf),
    /// Batches that grow against batches that stay: staged, AdaBatch, CABS, noise scale, AdaScale
    Adaptive(StudyOf),
    /// The generalisation gap: a small batch, a large one, an adapted one, with the sharpness of
    /// their minima
    Gap(StudyOf),
    /// Put the trials of slices of one study together
    Merge {
        /// Folders of slices
        #[arg(required = true, value_name = "DIR")]
        slices: Vec<PathBuf>,

        /// The folder of the whole study
        #[arg(long, value_name = "DIR")]
        into: PathBuf,

        /// Put it into a folder that holds other files
        #[arg(long)]
        force: bool,
    },
}

fn scaling_help() -> String {
    let rules = scaling_rules();
    format!("What a larger batch does to the learning rate: {rules}")
}

/// Where a training is branched, and what is compared.
#[derive(Debug, ClapArgs)]
pub(super) struct BranchArgs {
    /// Epochs after which the training is branched, with commas
    #[arg(long, default_value = "0.25,0.5,1,2,4,8", value_name = "EPOCHS,...")]
    pub(super) branch_at: String,

    /// Epochs that a branch goes on
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "EPOCHS",
        allow_negative_numbers = true
    )]
    pub(super) window: f64,

    /// How much larger than the smallest batch's the loss may be, as a share of it
    #[arg(
        long,
        default_value_t = 0.02,
        value_name = "SHARE",
        allow_negative_numbers = true
    )]
    pub(super) tolerance: f64,

    // How the learning rate scales with the batch size.
    #[arg(long, default_value = "linear", value_name = "NAME", help = scaling_help())]
    pub(super) scaling: String,
}

/// A study: what trains, and what is varied.
#[derive(Debug, ClapArgs)]
pub(super) struct StudyOf {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    #[command(flatten)]
    pub(super) study: StudyArgs,

    /// Keep trials, tables, charts and report in this folder; the same command goes on with a study
    /// that was stopped
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Keep it in a folder that holds other files, and replace those of the same names
    #[arg(long, requires = "out")]
    pub(super) force: bool,

    /// Draw published curves beside one's own: a table with the columns chart, curve, x and y; a
    /// chart is named like its files in --out
    #[arg(long, value_name = "FILE", requires = "out")]
    pub(super) overlay: Option<PathBuf>,

    /// Trials side by side, each on one thread; with 1 they run one after another on all threads,
    /// with the same outcomes. By default the usable cores where a search is made, and 1 where
    /// recipes are compared (their seconds are then those of all threads)
    #[arg(long, value_name = "N")]
    pub(super) parallel_trials: Option<usize>,

    /// Make every N-th candidate of a search, or training of a recipe, from the K-th on;
    /// `unisono study merge` puts slices together
    #[arg(long, default_value = "1/1", value_name = "K/N")]
    pub(super) slice: String,
}

/// The section `[study]` of a configuration.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StudyArgs {
    /// Batch sizes: numbers with commas, or powers of two such as 1..1024; recipes, adaptive and
    /// gap take the first and the last, branches trains with the first
    #[arg(long, default_value = "8..512", value_name = "ROWS")]
    pub(super) batches: String,

    /// What is to be reached: a share of the test rows classified wrongly, below this (0.05 where
    /// no target is named)
    #[arg(long, value_name = "SHARE", conflicts_with = "target_loss")]
    pub(super) target_error: Option<f64>,

    /// What is to be reached: a test loss below this
    #[arg(long, value_name = "LOSS")]
    pub(super) target_loss: Option<f64>,

    /// How learning rates are searched: random, sobol or halving
    #[arg(long, default_value = "sobol", value_name = "NAME")]
    pub(super) search: String,

    /// Candidates of each search
    #[arg(long, default_value_t = 12, value_name = "N")]
    #[serde(with = "whole")]
    pub(super) candidates: usize,

    /// Runs with fresh seeds: of each search's winner, of each recipe
    #[arg(long, default_value_t = 5, value_name = "N")]
    #[serde(with = "whole")]
    pub(super) repeats: usize,

    /// Learning rates that are searched
    #[arg(long, default_value = "0.01..2", value_name = "LOW..HIGH")]
    pub(super) lr_range: String,

    /// Values of 1 - momentum that are searched; without it there is no momentum but what
    /// --optimizer or --momentum say
    #[arg(long, value_name = "LOW..HIGH")]
    pub(super) momentum_range: Option<String>,

    /// Schedules that are searched, with semicolons between them, such as "constant; linear over 20
    /// epochs"; without it all trials have that of --schedule
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
