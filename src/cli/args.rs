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

/// What is to be done with files of data.
#[derive(Debug, Subcommand)]
pub(super) enum DataCommand {
    /// Say what a file or folder holds: rows, shapes, ranges, classes
    Inspect {
        /// What `train --data` takes, or one IDX or NumPy file
        path: std::path::PathBuf,

        /// The column of a table that holds the label: its name, or its place from 0; by default the last
        #[arg(long, value_name = "COLUMN")]
        label: Option<String>,

        /// Resize images of a folder
        #[arg(long, value_name = "HxW")]
        image_size: Option<String>,

        /// Write a sheet of the first images of each class to this file, as PNG
        #[arg(long, value_name = "FILE")]
        sheet: Option<std::path::PathBuf>,
    },
}

/// What is trained on.
#[derive(Debug, ClapArgs)]
pub(super) struct DataArgs {
    /// Train on these files: a folder with MNIST's IDX or CIFAR's binary files, a folder of images (a folder a class, or train and
    /// test of such), WAV files (a folder or .tar.gz), a table (.csv, .csv.gz), arrays (.npz, or a folder with x_train.npy, y_train.npy,
    /// x_test.npy, y_test.npy, which stay on the disk), or a text for a language model
    #[arg(long, value_name = "PATH")]
    pub(super) data: Option<std::path::PathBuf>,

    /// The column of a table that holds the label: its name, or its place from 0; by default the last
    #[arg(long, value_name = "COLUMN")]
    pub(super) label: Option<String>,

    /// The other columns of a table are texts; it has a header if --label names a column
    #[arg(long)]
    pub(super) text: bool,

    /// What the tokens of a text are: characters (the default), bytes, or the pieces of a tokenizer.json
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) tokens: Option<String>,

    /// The test part, where files do not say: stratified (the default; of every class the same share), random, groups (of sounds: nobody speaks
    /// in both), or a file with the numbers of its rows
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) split: Option<String>,

    /// The share of the rows, or of a text, that is the test part; 0.1 by default
    #[arg(long, value_name = "SHARE")]
    pub(super) test_share: Option<f64>,

    /// Resize images of a folder
    #[arg(long, value_name = "HxW")]
    pub(super) image_size: Option<String>,

    /// Read images of a folder as grey ones
    #[arg(long)]
    pub(super) grey: bool,

    /// When an image of a folder cannot be read: error (the default) or skip
    #[arg(long, value_name = "NAME")]
    pub(super) on_bad_sample: Option<String>,

    /// Where decoded images are kept: a folder, or none; by default the user's cache folder
    #[arg(long, value_name = "DIR|none")]
    pub(super) cache: Option<std::path::PathBuf>,

    /// How training rows change from epoch to epoch: none, or some of: shift PIXELS, crop PIXELS, rotate DEGREES, scale SHARE,
    /// flip, brightness SHARE, contrast SHARE, saturation SHARE, noise DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA;
    /// of sounds time-shift FRAMES, time-mask FRAMES, band-mask BANDS; of texts token-dropout SHARE
    #[arg(long, value_name = "TEXT")]
    pub(super) augment: Option<String>,

    /// How an epoch draws rows: shuffle (the default), in-order, balanced (every class as often), or "windows ROWS" (shuffled within windows of
    /// neighbouring rows, for data that stay on the disk)
    #[arg(long, value_name = "NAME")]
    pub(super) sampling: Option<String>,
}

/// How the engine runs.
#[derive(Debug, ClapArgs)]
pub(super) struct EngineArgs {
    /// Worker threads: a number, or auto for the physical cores this process may use (fewer for tiny steps)
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

/// The optimiser and what changes its learning rate and batch.
#[derive(Debug, ClapArgs)]
pub(super) struct OptimArgs {
    /// Learning rate
    #[arg(long, default_value_t = 0.05, allow_negative_numbers = true)]
    pub(super) lr: f32,

    /// Momentum of the optimisers that have one
    #[arg(long, default_value_t = 0.9, allow_negative_numbers = true)]
    pub(super) momentum: f32,

    /// sgd, momentum, nesterov, ema-momentum, ema-nesterov, adagrad, rmsprop, adam, adamw, lars, lamb or lion
    #[arg(long, default_value = "momentum", value_name = "NAME")]
    pub(super) optimizer: String,

    /// Decoupled weight decay (adamw and lamb: 0.01 by default), not of biases and norms
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(super) weight_decay: Option<f32>,

    /// The loss term lambda / 2 |w|^2
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(super) l2: Option<f32>,

    /// The loss term lambda |w|, by its subgradient
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(super) l1: Option<f32>,

    /// The same term by proximal steps: exact zeros
    #[arg(long, value_name = "LAMBDA", allow_negative_numbers = true)]
    pub(super) proximal_l1: Option<f32>,

    /// Decay, L2 and L1 for biases and norms too
    #[arg(long)]
    pub(super) decay_all: bool,

    /// Scale the mean gradient down to this norm where it is longer
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    pub(super) clip_norm: Option<f32>,

    /// Clip every element of the mean gradient to this magnitude
    #[arg(long, value_name = "LIMIT", allow_negative_numbers = true)]
    pub(super) clip_value: Option<f32>,

    /// Evaluate a moving average of the weights with this decay
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true)]
    pub(super) average: Option<f32>,

    /// The learning rate over time, such as "warmup 2 epochs, cosine to 0.01 over 30 epochs"; shapes: constant,
    /// step F every N UNIT, multistep F at N,N UNIT, exponential F every N UNIT, linear, cosine, polynomial F [to F] over
    /// N UNIT, restarts [to F] first N UNIT [growth F], onecycle over N UNIT, wsd stable N decay N UNIT, rsqrt after N UNIT;
    /// "SHAPE for N UNIT then SHAPE" joins them; units: steps, epochs, examples
    #[arg(long, default_value = "constant", value_name = "TEXT")]
    pub(super) schedule: String,

    /// How the batch grows: fixed, "staged to N", "adabatch F every N UNIT lr F to N", "cabs N..N", "noise N..N every N steps
    /// lr none|linear|sqrt|adam", "adascale from N"
    #[arg(long, default_value = "fixed", value_name = "TEXT")]
    pub(super) batch_policy: String,
}

/// Draws learning rate and batch size over a training.
#[derive(Debug, ClapArgs)]
pub(super) struct ScheduleArgs {
    #[command(flatten)]
    pub(super) optim: OptimArgs,

    /// Rows of the training set
    #[arg(long, default_value_t = 1437)]
    pub(super) rows: usize,

    /// Rows of a global batch
    #[arg(long, default_value_t = 32, value_name = "ROWS")]
    pub(super) batch_size: usize,

    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(super) epochs: u32,

    /// Write the chart of the learning rate to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<std::path::PathBuf>,
}

/// Raises the learning rate step by step and shows the loss.
#[derive(Debug, ClapArgs)]
pub(super) struct LrRangeArgs {
    #[command(flatten)]
    pub(super) train: TrainArgs,

    /// The first learning rate
    #[arg(long, default_value_t = 1e-5)]
    pub(super) from: f32,

    /// The last learning rate
    #[arg(long, default_value_t = 10.0)]
    pub(super) to: f32,

    /// Steps between them
    #[arg(long, default_value_t = 100)]
    pub(super) steps: u32,

    /// Write the chart to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<std::path::PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct TrainArgs {
    /// A reference model on made-up data: mlp_small, mlp, lenet, resnet20, lstm or gpt
    #[arg(long, value_name = "NAME")]
    pub(super) preset: Option<String>,

    #[command(flatten)]
    pub(super) data: DataArgs,

    #[command(flatten)]
    pub(super) engine: EngineArgs,

    /// Rows of a global batch
    #[arg(long, default_value_t = 32, value_name = "ROWS")]
    pub(super) batch_size: usize,

    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(super) epochs: u32,

    /// End after so many steps, in the midst of an epoch if need be
    #[arg(long, value_name = "STEPS")]
    pub(super) max_steps: Option<u64>,

    #[command(flatten)]
    pub(super) optim: OptimArgs,

    /// End training after so many evaluations without a smaller test loss; the best network is kept
    #[arg(long, value_name = "EVALUATIONS")]
    pub(super) early_stopping: Option<u32>,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME")]
    pub(super) track: Option<String>,

    /// Seed of the initial weights and of the shuffle
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,

    /// When loss or gradient is not finite: stop or skip
    #[arg(long, default_value = "stop", value_name = "NAME")]
    pub(super) on_non_finite: String,
}
