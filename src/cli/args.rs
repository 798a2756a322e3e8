//! What the user typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::after_args::{ExplainArgs, ExportArgs, GenerateArgs, PartArgs, PredictArgs};
use super::choices::{all_reduces, preset_names};
use super::options::{DataArgs, EngineArgs, FromArgs, TrainArgs};
use super::study_args::StudyCommand;

/// Data-parallel neural-network training on CPUs: the same bits for any number of threads.
#[derive(Debug, Parser)]
#[command(
    name = "unisono",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Train a network: by default a small one on the embedded handwritten digits
    Train(TrainCommand),
    /// Print the configuration of a training with every key and what it means
    Config(ConfigArgs),
    /// List the runs in a folder
    List {
        /// The folder that the runs lie in
        #[arg(default_value = "runs", value_name = "DIR")]
        folder: PathBuf,
    },
    /// Show the tensors of a run's model: shapes, norms, ranges
    Inspect {
        /// The run's folder
        run: PathBuf,
    },
    /// Compare two runs: settings, results, weights
    Diff {
        /// A run's folder
        first: PathBuf,
        /// Another one
        second: PathBuf,
    },
    /// Evaluate a run's model on its data
    Eval(PartArgs),
    /// Classify files, or the rows of a run's own data: a line of JSON each
    Predict(PredictArgs),
    /// Let a run's language model continue a text
    Generate(GenerateArgs),
    /// Show what of each row counts for the class that a run's model takes it for
    Explain(ExplainArgs),
    /// Write a run's weights for other programs
    Export(ExportArgs),
    /// Say what this machine has, what the trainer makes of it, and what it reaches
    Doctor,
    /// Look at files of data
    #[command(subcommand)]
    Data(DataCommand),
    /// Draw the learning rate over a training
    Schedule(ScheduleArgs),
    /// Raise the learning rate step by step, draw the loss and suggest a rate
    LrRange(LrRangeArgs),
    /// Time training steps of a reference model on made-up data
    Bench(BenchArgs),
    /// Measure how throughput grows with threads, fit the laws of scaling, draw it
    Scaling(ScalingArgs),
    /// Study what the batch size does to training
    #[command(subcommand)]
    Study(Box<StudyCommand>),
}

/// Measures scaling, or asks what was measured.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct ScalingArgs {
    // A reference model.
    #[arg(long, default_value = "mlp", value_name = "NAME", help = preset_names())]
    pub(super) preset: String,

    /// Numbers of threads, such as 1,2,4; by default powers of two up to the usable cores. With
    /// --simulate the number to simulate
    #[arg(long, value_name = "N,N...")]
    pub(super) threads: Option<String>,

    /// strong (the global batch stays), weak (the rows of a thread stay), or both
    #[arg(long, default_value = "strong,weak", value_name = "MODES")]
    pub(super) mode: String,

    /// Rows: of the global batch under strong scaling, of each thread under weak scaling (128);
    /// with --simulate of the global batch (128 a thread)
    #[arg(long, value_name = "ROWS")]
    pub(super) batch_size: Option<usize>,

    /// The time that all rounds may take
    #[arg(long, default_value = "20s", value_name = "TIME")]
    pub(super) budget: String,

    /// Stop earlier when every median is known to this share, with 95 % confidence
    #[arg(long, default_value_t = 0.02, value_name = "SHARE")]
    pub(super) half_width: f64,

    /// Seed of parameters, data and the order of measurements
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,

    /// Write results.json, samples.jsonl, report.html and the charts (SVG and PNG) into this new
    /// folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Write into a folder that holds other files, and replace those of the same names
    #[arg(long, requires = "out")]
    pub(super) force: bool,

    /// Measure another program beside ours: a command that prints bench's line of JSON; {preset},
    /// {threads} and {batch} are filled in. May be given more than once
    #[arg(long, value_name = "COMMAND")]
    pub(super) peer: Vec<String>,

    /// Measure every preset at several batch sizes, and say whether more threads are ever slower
    #[arg(long, conflicts_with_all = ["compare", "simulate", "peer"])]
    pub(super) never_slower: bool,

    /// Say whether the results in two folders differ
    #[arg(long, num_args = 2, value_names = ["DIR", "DIR"])]
    pub(super) compare: Option<Vec<PathBuf>>,

    /// Simulate a step of --threads instead, with constants measured on this machine, or those of
    /// --results
    #[arg(long, conflicts_with = "compare")]
    pub(super) simulate: bool,

    #[command(flatten)]
    pub(super) what_if: WhatIfArgs,
}

/// What is simulated.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct WhatIfArgs {
    /// Take the constants from the results in this folder
    #[arg(long, value_name = "DIR", requires = "simulate")]
    pub(super) results: Option<PathBuf>,

    /// The last worker computes so many times as long
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "FACTOR",
        requires = "simulate"
    )]
    pub(super) straggler: f64,

    /// The workers' times differ by this standard deviation, as a share of them
    #[arg(
        long,
        default_value_t = 0.0,
        value_name = "SHARE",
        requires = "simulate"
    )]
    pub(super) jitter: f64,

    // The all-reduce.
    #[arg(
        help = format!("The all-reduce: {}", all_reduces()),
        id = "simulated_all_reduce",
        long = "all-reduce",
        default_value = "segmented",
        value_name = "NAME",
        requires = "simulate"
    )]
    pub(super) all_reduce: String,

    /// The workers are on so many machines
    #[arg(long, default_value_t = 1, value_name = "N", requires = "simulate")]
    pub(super) ranks: usize,

    /// Microseconds until a message from another machine begins to arrive
    #[arg(long, default_value_t = 20.0, value_name = "US", requires = "simulate")]
    pub(super) alpha: f64,

    /// Gigabytes a second between two machines
    #[arg(long, default_value_t = 1.25, value_name = "GB", requires = "simulate")]
    pub(super) network: f64,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    // A reference model.
    #[arg(long, default_value = "mlp", value_name = "NAME", help = preset_names())]
    pub(super) preset: String,

    /// Rows of a global batch
    #[arg(long, default_value_t = 128, value_name = "ROWS")]
    pub(super) batch_size: usize,

    /// Timed steps
    #[arg(long, default_value_t = 50)]
    pub(super) steps: usize,

    /// Steps before them that are not timed
    #[arg(long, default_value_t = 5)]
    pub(super) warmup: usize,

    #[command(flatten)]
    pub(super) engine: EngineArgs,

    /// Seed of the initial weights and of the data
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME")]
    pub(super) track: Option<String>,

    /// Print one line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Trains, or goes on with a training.
#[derive(Debug, ClapArgs)]
pub(super) struct TrainCommand {
    #[command(flatten)]
    pub(super) settings: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Keep the run in this new folder: configuration, metrics, checkpoints, report
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,

    /// Go on with the run in this folder, or from one of its checkpoints: with the same weights at
    /// the end as if it had never stopped
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "config")]
    pub(super) resume: Option<PathBuf>,

    /// With --resume: take settings that are not the run's; the weights are then not those of an
    /// unbroken training
    #[arg(long, requires = "resume")]
    pub(super) allow_change: bool,

    /// Show no progress: only what came out, warnings and errors
    #[arg(long, conflicts_with = "json")]
    pub(super) quiet: bool,

    /// Print one line of JSON an event
    #[arg(long)]
    pub(super) json: bool,
}

/// Prints a configuration.
#[derive(Debug, ClapArgs)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) settings: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Print the JSON schema of the configuration instead
    #[arg(long)]
    pub(super) schema: bool,
}

/// What is to be done with files of data.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Say what a file or folder holds: rows, shapes, ranges, classes
    Inspect(Box<InspectArgs>),
}

/// Looks at files of data: read as `train` would read them, with the same flags.
#[derive(Debug, ClapArgs)]
#[command(
    mut_arg("data", |arg| arg.hide(true)),
    mut_arg("augment", |arg| arg.hide(true)),
    mut_arg("sampling", |arg| arg.hide(true))
)]
pub(super) struct InspectArgs {
    /// What `train --data` takes, or one IDX or NumPy file
    pub(super) path: PathBuf,

    #[command(flatten)]
    pub(super) data: DataArgs,

    /// Write a sheet of the first images of each class to this file, as PNG; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) sheet: Option<PathBuf>,

    /// Replace a file that is there already, whatever it is
    #[arg(long, requires = "sheet")]
    pub(super) force: bool,
}

/// Draws learning rate and batch size over a training.
#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// Rows of the training set; by default those of the training's own data
    #[arg(long)]
    pub(super) rows: Option<usize>,

    /// Write the chart of the learning rate to this file as SVG; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Replace a file that is there already, whatever it is
    #[arg(long, requires = "svg")]
    pub(super) force: bool,
}

/// Raises the learning rate step by step and shows the loss.
#[derive(Debug, ClapArgs)]
pub(super) struct LrRangeArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    #[command(flatten)]
    pub(super) from: FromArgs,

    /// The first learning rate
    #[arg(id = "lowest", long = "from", default_value_t = 1e-5)]
    pub(super) lowest: f32,

    /// The last learning rate
    #[arg(long, default_value_t = 10.0)]
    pub(super) to: f32,

    /// Steps between them
    #[arg(long, default_value_t = 100)]
    pub(super) steps: u32,

    /// Write the chart to this file as SVG; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,

    /// Replace a file that is there already, whatever it is
    #[arg(long, requires = "svg")]
    pub(super) force: bool,
}
