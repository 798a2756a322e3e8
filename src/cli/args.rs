//! What the user typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use super::sections::{BatchArgs, EngineArgs, OptimArgs, TrainArgs};

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
    /// Look at files of data
    #[command(subcommand)]
    Data(DataCommand),
    /// Draw the learning rate over a training
    Schedule(ScheduleArgs),
    /// Raise the learning rate step by step, draw the loss and suggest a rate
    LrRange(LrRangeArgs),
    /// Time training steps of a reference model on made-up data
    Bench(BenchArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    /// mlp_small, mlp, lenet, resnet20, lstm or gpt
    #[arg(long, default_value = "mlp", value_name = "NAME")]
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

    /// Go on with the run in this folder, or from one of its checkpoints: with the same weights at the end as if it had never stopped
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "config")]
    pub(super) resume: Option<PathBuf>,

    /// With --resume: take settings that are not the run's; the weights are then not those of an unbroken training
    #[arg(long, requires = "resume")]
    pub(super) allow_change: bool,

    /// Say nothing but warnings and errors
    #[arg(long, conflicts_with = "json")]
    pub(super) quiet: bool,

    /// Print one line of JSON an event
    #[arg(long)]
    pub(super) json: bool,
}

/// Where settings come from besides flags.
#[derive(Debug, ClapArgs)]
pub(super) struct FromArgs {
    /// Take the settings of this TOML file (`unisono config` prints one); flags and --set go before it
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Set a key of the configuration, such as optimizer.lr=0.1; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
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
    Inspect {
        /// What `train --data` takes, or one IDX or NumPy file
        path: PathBuf,

        /// The column of a table that holds the label: its name, or its place from 0; by default the last
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,

        /// Resize images of a folder
        #[arg(long, value_name = "HxW")]
        image_size: Option<String>,

        /// Write a sheet of the first images of each class to this file, as PNG
        #[arg(long, value_name = "FILE")]
        sheet: Option<PathBuf>,
    },
}

/// Draws learning rate and batch size over a training.
#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleArgs {
    #[command(flatten)]
    pub(super) optim: OptimArgs,

    /// Rows of the training set
    #[arg(long, default_value_t = 1437)]
    pub(super) rows: usize,

    #[command(flatten)]
    pub(super) batch: BatchArgs,

    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(super) epochs: u32,

    /// Write the chart of the learning rate to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
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

    /// Write the chart to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
}
