//! What the user typed.

use clap::{Args as ClapArgs, Parser, Subcommand};

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
    Train(TrainArgs),
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

    /// Print one line of JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How the engine runs.
#[derive(Debug, ClapArgs)]
pub(super) struct EngineArgs {
    /// Worker threads: a number, or auto for the physical cores this process may use
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    pub(super) threads: String,

    /// Shards of a batch: a number, auto, or per-worker (not the same bits for other thread counts)
    #[arg(long, default_value = "auto", value_name = "N|auto|per-worker")]
    pub(super) shards: String,

    /// All-reduce: naive, tree or segmented (same bits)
    #[arg(long, default_value = "segmented", value_name = "NAME")]
    pub(super) all_reduce: String,

    /// Who executes the update: fused or master (same bits)
    #[arg(long, default_value = "fused", value_name = "NAME")]
    pub(super) update: String,

    /// Do not pin the worker threads to cores
    #[arg(long)]
    pub(super) no_pin: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TrainArgs {
    /// A reference model on made-up data: mlp_small, mlp, lenet, resnet20, lstm or gpt
    #[arg(long, value_name = "NAME")]
    pub(super) preset: Option<String>,

    #[command(flatten)]
    pub(super) engine: EngineArgs,

    /// Rows of a global batch
    #[arg(long, default_value_t = 32, value_name = "ROWS")]
    pub(super) batch_size: usize,

    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(super) epochs: u32,

    /// Learning rate
    #[arg(long, default_value_t = 0.05, allow_negative_numbers = true)]
    pub(super) lr: f32,

    /// Momentum of the optimisers that have one
    #[arg(long, default_value_t = 0.9, allow_negative_numbers = true)]
    pub(super) momentum: f32,

    /// sgd, momentum, nesterov, ema-momentum, ema-nesterov or adamw
    #[arg(long, default_value = "momentum", value_name = "NAME")]
    pub(super) optimizer: String,

    /// Seed of the initial weights and of the shuffle
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,

    /// When loss or gradient is not finite: stop or skip
    #[arg(long, default_value = "stop", value_name = "NAME")]
    pub(super) on_non_finite: String,
}
