//! The sections of a configuration: the flags of `unisono train` are its keys, and their help its
//! comments.

use clap::{Args as ClapArgs, FromArgMatches};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::whole;

/// All that a training is made of.
#[derive(Clone, Debug, Default, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,

    #[command(flatten)]
    pub(super) data: DataArgs,

    #[command(flatten)]
    #[serde(rename = "optimizer")]
    pub(super) optim: OptimArgs,

    #[command(flatten)]
    pub(super) batch: BatchArgs,

    #[command(flatten)]
    pub(super) engine: EngineArgs,

    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// What is trained.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ModelArgs {
    /// A reference model: mlp_small, mlp, lenet, resnet20, lstm or gpt; on made-up data where there
    /// is no --data
    #[arg(long, value_name = "NAME")]
    pub(super) preset: Option<String>,

    /// A model of one's own: its hidden layers, such as "dense 128, relu", for images "conv 16 3
    /// pad 1, batch-norm, relu, max-pool 2", for sequences and sounds "lstm 32", for texts
    /// "embedding 64, positions, residual(layer-norm, attention 4 causal), lstm 64". What comes out
    /// is flattened and gets a dense layer for the classes; of texts every position gets one for
    /// the next token. The end of `unisono train --help` lists all layers
    #[arg(long, value_name = "LAYERS", conflicts_with = "preset")]
    pub(super) layers: Option<String>,

    /// Begin with the weights of this safetensors file instead of drawing them: one that `export`
    /// wrote, or with --weights-map one of PyTorch's
    #[arg(long, value_name = "FILE")]
    pub(super) weights: Option<std::path::PathBuf>,

    /// A TOML file that says, for each tensor of the model, its name in PyTorch's file, such as
    /// "dense0.weight"="fc1.weight"; layers behind a flatten are put in the order of this crate,
    /// where channels come last
    #[arg(long, value_name = "FILE", requires = "weights")]
    pub(super) weights_map: Option<std::path::PathBuf>,
}

/// What is trained on.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DataArgs {
    /// Train on these files: a folder with MNIST's IDX or CIFAR's binary files, a folder of images
    /// (PNG, JPEG, WebP, BMP, GIF, TIFF, PNM; a folder a class, or train and test, or train and
    /// val, of such), WAV files (a folder, .tar or .tar.gz), a table (.csv, .tsv, gzipped or not;
    /// commas, semicolons, tabs, pipes or spaces), arrays (.npz with x and y, or x_train, y_train,
    /// x_test and y_test, or a folder of such .npy files, which stay on the disk), or a text for a
    /// language model
    #[arg(long, value_name = "PATH")]
    #[serde(rename = "path")]
    pub(super) data: Option<std::path::PathBuf>,

    /// The column of a table that holds the label: its name, or its place from 0; by default the
    /// last
    #[arg(long, value_name = "COLUMN")]
    pub(super) label: Option<String>,

    /// Whether the first line of a table holds the names of its columns: auto (the default; as the
    /// cells say), yes or no
    #[arg(long, value_name = "NAME")]
    pub(super) header: Option<String>,

    /// What stands between the fields of a table: comma, semicolon, tab, pipe, space or another
    /// character; by default what cuts all lines alike
    #[arg(long, value_name = "NAME")]
    pub(super) delimiter: Option<String>,

    /// Columns of a table that are left out: names or places from 0, with commas. A first column
    /// that only counts the rows is left out by itself; none keeps it
    #[arg(long, value_name = "COLUMNS|none")]
    pub(super) drop: Option<String>,

    /// What becomes of rows of a table without a label: refuse (the default), drop, or class (what
    /// stands there is a class)
    #[arg(long, value_name = "NAME")]
    pub(super) missing_labels: Option<String>,

    /// What the labels of a table or of arrays are: auto (the default; numbers that look like a
    /// regression's are refused) or classes
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,

    /// The other columns of a table are texts
    #[arg(long)]
    pub(super) text: bool,

    /// What the tokens of a text are: characters (the default), bytes, or the pieces of a
    /// tokenizer.json
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) tokens: Option<String>,

    /// The test part, where files do not say: stratified (the default; of every class the same
    /// share), random, groups (of sounds: nobody speaks in both), or a file with the numbers of its
    /// rows
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) split: Option<String>,

    /// The share of the rows, or of a text, that is the test part; 0.1 by default
    #[arg(long, value_name = "SHARE")]
    pub(super) test_share: Option<f64>,

    /// The seed that the test part is drawn with, so that trainings with other seeds have the same
    /// test rows; by default that of --seed
    #[arg(long, value_name = "SEED")]
    #[serde(with = "whole::optional")]
    #[schemars(with = "Option<Word>")]
    pub(super) split_seed: Option<u64>,

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

    /// How training rows change from epoch to epoch: none, or some of: shift PIXELS, crop PIXELS,
    /// rotate DEGREES, scale SHARE, flip, brightness SHARE, contrast SHARE, saturation SHARE, noise
    /// DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA; of sounds time-shift FRAMES, time-mask
    /// FRAMES, band-mask BANDS; of texts token-dropout SHARE
    #[arg(long, value_name = "TEXT")]
    pub(super) augment: Option<String>,

    /// How an epoch draws rows: shuffle (the default), in-order, balanced (every class as often),
    /// or "windows ROWS" (shuffled within windows of neighbouring rows, for data that stay on the
    /// disk)
    #[arg(long, value_name = "NAME")]
    pub(super) sampling: Option<String>,
}

/// How the engine runs.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EngineArgs {
    /// Worker threads: a number, or auto for the physical cores this process may use (fewer for
    /// tiny steps)
    #[arg(long, default_value = "auto", value_name = "N|auto")]
    #[serde(deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub(super) threads: String,

    /// Shards of a batch: a number, auto, or per-worker (not the same bits for other thread counts)
    #[arg(long, default_value = "auto", value_name = "N|auto|per-worker")]
    #[serde(deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub(super) shards: String,

    /// All-reduce: naive, tree or segmented (same bits)
    #[arg(long, default_value = "segmented", value_name = "NAME")]
    pub(super) all_reduce: String,

    /// Who executes the update: fused or master (same bits)
    #[arg(long, default_value = "fused", value_name = "NAME")]
    pub(super) update: String,

    /// Do not pin the worker threads to cores; by default they are where they take all of them, so
    /// that two trainings do not meet on one
    #[arg(long)]
    pub(super) no_pin: bool,

    /// Pin the worker threads to the first cores even if they leave some free: for a machine on
    /// which nothing else runs
    #[arg(long, conflicts_with = "no_pin")]
    pub(super) pin: bool,

    /// Do not give more shards to workers that are faster (same bits)
    #[arg(long)]
    pub(super) no_balance: bool,
}

/// The optimiser and what changes its learning rate and batch.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OptimArgs {
    /// Learning rate
    #[arg(long, default_value_t = 0.05, allow_negative_numbers = true)]
    pub(super) lr: f32,

    /// Momentum of the optimisers that have one
    #[arg(long, default_value_t = 0.9, allow_negative_numbers = true)]
    pub(super) momentum: f32,

    /// sgd, momentum, nesterov, ema-momentum, ema-nesterov, adagrad, rmsprop, adam, adamw, lars,
    /// lamb or lion
    #[arg(long, default_value = "momentum", value_name = "NAME")]
    #[serde(rename = "name")]
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

    /// The learning rate over time, such as "warmup 2 epochs, cosine to 0.01 over 30 epochs";
    /// shapes: constant, step F every N UNIT, multistep F at N,N UNIT, exponential F every N UNIT,
    /// linear, cosine, polynomial F [to F] over N UNIT, restarts [to F] first N UNIT [growth F],
    /// onecycle over N UNIT, wsd stable N decay N UNIT, rsqrt after N UNIT; "SHAPE for N UNIT then
    /// SHAPE" joins them; units: steps, epochs, examples
    #[arg(long, default_value = "constant", value_name = "TEXT")]
    pub(super) schedule: String,
}

/// The rows of a step.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BatchArgs {
    /// Rows of a global batch
    #[arg(long, default_value_t = 32, value_name = "ROWS")]
    #[serde(rename = "size")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(super) batch_size: usize,

    /// How the batch grows: fixed, "staged to N", "adabatch F every N UNIT lr F to N", "cabs N..N",
    /// "noise N..N every N steps lr none|linear|sqrt|adam", "adascale from N"
    #[arg(long, default_value = "fixed", value_name = "TEXT")]
    #[serde(rename = "policy")]
    pub(super) batch_policy: String,
}

/// How long a run is, what it keeps and how it ends.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunArgs {
    /// Passes over the training data
    #[arg(long, default_value_t = 30)]
    pub(super) epochs: u32,

    /// End after so many steps, in the midst of an epoch if need be
    #[arg(long, value_name = "STEPS")]
    #[serde(with = "whole::optional")]
    #[schemars(with = "Option<Word>")]
    pub(super) max_steps: Option<u64>,

    /// End training after so many evaluations without a smaller test loss; the best network is kept
    #[arg(long, value_name = "EVALUATIONS")]
    pub(super) early_stopping: Option<u32>,

    /// Track a statistic of the shards' gradients: noise-scale
    #[arg(long, value_name = "NAME")]
    pub(super) track: Option<String>,

    /// Seed of the initial weights, of the shuffle and of all else that is drawn; the test part has
    /// one of its own with --split-seed
    #[arg(long, default_value_t = 42)]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(super) seed: u64,

    /// When loss or gradient is not finite: stop or skip
    #[arg(long, default_value = "stop", value_name = "NAME")]
    pub(super) on_non_finite: String,

    /// With --out: a checkpoint after every so many steps; 0 for none
    #[arg(long, default_value_t = 0, value_name = "STEPS")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(super) checkpoint_every_steps: u64,

    /// With --out: a checkpoint after every so many epochs; 0 for none
    #[arg(long, default_value_t = 1, value_name = "EPOCHS")]
    pub(super) checkpoint_every_epochs: u32,

    /// With --out: how many of the last checkpoints stay, at least 1; the best stays besides
    #[arg(long, default_value_t = 3, value_name = "CHECKPOINTS")]
    #[serde(with = "whole")]
    #[schemars(with = "Word")]
    pub(super) keep: usize,
}

/// A number or a name.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Word {
    Number(u64),
    Name(String),
}

/// Text that may stand as a bare number in a file.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Word::deserialize(from)? {
        Word::Number(number) => number.to_string(),
        Word::Name(name) => name,
    })
}

/// What the command line gives where it says nothing.
fn defaults<T: ClapArgs + FromArgMatches>() -> T {
    let command = T::augment_args(clap::Command::new("unisono"));
    let matches = command.get_matches_from(["unisono"]);
    T::from_arg_matches(&matches).expect("every flag is optional")
}

impl Default for ModelArgs {
    fn default() -> Self {
        defaults()
    }
}

impl Default for DataArgs {
    fn default() -> Self {
        defaults()
    }
}

impl Default for OptimArgs {
    fn default() -> Self {
        defaults()
    }
}

impl Default for BatchArgs {
    fn default() -> Self {
        defaults()
    }
}

impl Default for EngineArgs {
    fn default() -> Self {
        defaults()
    }
}

impl Default for RunArgs {
    fn default() -> Self {
        defaults()
    }
}
