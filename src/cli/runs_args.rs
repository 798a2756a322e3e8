//! Arguments of commands on runs: which run, and what to do with it.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::choices::{EXPORTED_ROWS, FORMATS, METHODS, ORDERS, PARTS};
use super::options::{JsonArgs, TableArgs, ranges};

/// A part of a run's data.
#[derive(Debug, ClapArgs)]
pub(super) struct PartArgs {
    /// The run's folder; with @best, @last or @STEP behind it other weights than the newest
    pub(super) run: PathBuf,

    /// Which part of the run's data: train, valid or test
    #[arg(long, default_value = "test", value_name = "NAME", value_parser = PARTS.parser())]
    pub(super) part: String,
}

/// Lists runs.
#[derive(Debug, ClapArgs)]
pub(super) struct ListArgs {
    /// The folder that the runs lie in
    #[arg(default_value = "runs", value_name = "DIR")]
    pub(super) folder: PathBuf,

    /// By what they are sorted: name, date (the newest first), loss (the smallest first), accuracy
    /// (the highest first, or R2), or lr (the smallest first); runs without it come last
    #[arg(long, default_value = "name", value_name = "NAME", value_parser = ORDERS.parser())]
    pub(super) sort: String,

    /// Sort the other way round
    #[arg(long)]
    pub(super) reverse: bool,

    #[command(flatten)]
    pub(super) table: TableArgs,

    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// Compares runs.
#[derive(Debug, ClapArgs)]
pub(super) struct CompareArgs {
    /// The runs' folders
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,

    /// Write a page with the runs' curves to this file; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Overwrite an existing file, whatever it is
    #[arg(long, requires = "out")]
    pub(super) force: bool,

    #[command(flatten)]
    pub(super) table: TableArgs,

    /// Print one JSON object: the runs, and the settings that differ
    #[arg(long)]
    pub(super) json: bool,
}

/// Evaluates a run.
#[derive(Debug, ClapArgs)]
pub(super) struct EvalArgs {
    #[command(flatten)]
    pub(super) of: PartArgs,

    /// Use this instead of the run's data: other rows with labels, of the kind that the run was
    /// trained on (a table, arrays x and y, folders of images or sounds, a text)
    #[arg(value_name = "FILE", conflicts_with = "part")]
    pub(super) input: Option<PathBuf>,

    /// Print a line for each class too
    #[arg(long, conflicts_with = "json")]
    pub(super) classes: bool,

    #[command(flatten)]
    pub(super) table: TableArgs,

    /// Print one JSON object, with the metrics of each class and the confusion matrix
    #[arg(long)]
    pub(super) json: bool,
}

/// Rows of a run's data, or of other files.
#[derive(Debug, ClapArgs)]
pub(super) struct RowsArgs {
    #[command(flatten)]
    pub(super) of: PartArgs,

    /// Use this instead of the run's data: images, sounds, a CSV file, one text per line, a NumPy
    /// array, whatever the run was trained on
    #[arg(value_name = "INPUT", conflicts_with = "part")]
    pub(super) input: Option<PathBuf>,
}

/// Classifies rows.
#[derive(Debug, ClapArgs)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    pub(super) from: RowsArgs,

    /// Write to this file, or to stdout (-): comma-separated values if it ends in .csv, else one
    /// line of JSON per row
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Overwrite an existing file, whatever it is
    #[arg(long, requires = "out")]
    pub(super) force: bool,
}

/// Continues a text.
#[derive(Debug, ClapArgs)]
pub(super) struct GenerateArgs {
    /// The run's folder; with @best, @last or @STEP behind it other weights than the newest
    pub(super) run: PathBuf,

    /// The beginning of the text
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(super) prompt: String,

    /// Tokens to generate
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = ranges::whole::<usize>(0, 10_000_000))]
    pub(super) tokens: usize,

    /// Above 1 flattens the distribution, below 1 sharpens it; 0 takes the likeliest token
    #[arg(long, default_value_t = 1.0, value_parser = ranges::NOT_NEGATIVE.double())]
    pub(super) temperature: f64,

    /// Draw from this many likeliest tokens only
    #[arg(long, value_name = "N", value_parser = ranges::whole::<usize>(1, u32::MAX.into()))]
    pub(super) top_k: Option<usize>,

    /// Seed of the draws
    #[arg(long, default_value_t = 42, value_parser = ranges::any_whole::<u64>())]
    pub(super) seed: u64,
}

/// Explains predictions.
#[derive(Debug, ClapArgs)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) from: RowsArgs,

    /// Row numbers, from 0; by default the first twelve
    #[arg(long, value_name = "ROW,ROW...")]
    pub(super) rows: Option<String>,

    /// integrated (integrated gradients, from a baseline of zeros) or gradient-input (gradient
    /// times input)
    #[arg(long, default_value = "integrated", value_name = "NAME", value_parser = METHODS.parser())]
    pub(super) method: String,

    /// Points of the path of integrated gradients
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = ranges::whole::<usize>(1, 100_000))]
    pub(super) steps: usize,

    /// The page to write; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,

    /// Overwrite an existing file, whatever it is
    #[arg(long)]
    pub(super) force: bool,
}

/// Exports weights.
#[derive(Debug, ClapArgs)]
pub(super) struct ExportArgs {
    /// The run's folder; with @best, @last or @STEP behind it other weights than the newest
    pub(super) run: PathBuf,

    /// safetensors (weights for PyTorch, JAX, ...), npz (for NumPy) or onnx (the whole model, for
    /// onnxruntime)
    #[arg(long, default_value = "safetensors", value_name = "NAME", value_parser = FORMATS.parser())]
    pub(super) format: String,

    /// Rows that go into an onnx model: raw as files have them, where nodes can prepare them (the
    /// default), or prepared as preparation.json says
    #[arg(long, value_name = "NAME", value_parser = EXPORTED_ROWS.parser())]
    pub(super) rows: Option<String>,

    /// The file to write; - for stdout
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,

    /// Overwrite an existing file, whatever it is
    #[arg(long)]
    pub(super) force: bool,
}
