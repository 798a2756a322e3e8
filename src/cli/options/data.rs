//! The section `[data]` of a configuration.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::choices;

use super::defaults::defaults;
use super::ranges;
use super::whole::{self, Word};

/// The data.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataArgs {
    /// Train on these files: a folder with MNIST's IDX or CIFAR's binary files, a folder of images
    /// (PNG, JPEG, WebP, BMP, GIF, TIFF, PNM; one sub-folder per class, or folders train, val and
    /// test of such, or two of them), WAV files (a folder, .tar or .tar.gz), a table (.csv, .tsv,
    /// gzipped or not; commas, semicolons, tabs, pipes or spaces), arrays (.npz with x and y, or
    /// x_train, y_train, x_test and y_test, and x_valid and y_valid besides, or a folder of such .npy files, which stay on the
    /// disk), or a text for a language model
    #[arg(long, value_name = "PATH")]
    #[serde(rename = "path")]
    pub(crate) data: Option<PathBuf>,

    /// The column of a table that holds the label: its name, or its index from 0; by default the
    /// last
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,

    /// Columns of a table to be predicted, in the place of --label: of numbers, or several of 0 and
    /// 1, which are labels of which a row has any number; names or indices from 0, separated by
    /// commas
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) target: Option<String>,

    /// The column of a table that says how much each row counts in the loss, a number of at least 0:
    /// its name, or its index from 0. It is no feature, and metrics count each row once
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight_column: Option<String>,

    /// Whether the first line of a table holds the names of its columns: auto (the default; told
    /// from the cells), yes or no
    #[arg(long, value_name = "NAME", value_parser = choices::HEADERS.parser())]
    pub(crate) header: Option<String>,

    /// The delimiter of a table: comma, semicolon, tab, pipe, space or another character; by
    /// default the one that divides all lines alike
    #[arg(long, value_name = "NAME")]
    pub(crate) delimiter: Option<String>,

    /// Columns of a table to leave out: names or indices from 0, separated by commas. A first
    /// column that only counts the rows is left out anyway; none keeps it
    #[arg(long, value_name = "COLUMNS|none")]
    pub(crate) drop: Option<String>,

    /// The columns of a table that are features, beside the label: names or indices from 0,
    /// separated by commas; by default all others
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) columns: Option<String>,

    /// Columns of a table whose cells are categories, also where they are numbers: names or indices
    /// from 0, separated by commas. Columns without a number, such as of words or of True and
    /// False, are categories anyway
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) categories: Option<String>,

    /// Rows of a table without a label: refuse (the default), drop, or class (whatever stands there
    /// is a class)
    #[arg(long, value_name = "NAME", value_parser = choices::MISSING_LABELS.parser())]
    pub(crate) missing_labels: Option<String>,

    /// What is learned: auto (the default; told from the labels, and printed), classify (each label
    /// is a class), regress (labels of tables and arrays are numbers to be predicted), multi-label
    /// (each is a column of 0 and 1, of which a row has any number), or language (texts, which are
    /// continued)
    #[arg(long, value_name = "NAME", value_parser = choices::TASKS.parser())]
    pub(crate) task: Option<String>,

    /// The other columns of a table are texts
    #[arg(long)]
    pub(crate) text: bool,

    /// Rows of a table are steps of time: train on windows of so many of them, whose inputs are all
    /// columns, the target's own past among them. The parts lie behind one another (--split last),
    /// and no window lies in two
    #[arg(long, value_name = "ROWS", value_parser = ranges::whole::<usize>(1, 1_000_000_000))]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) window: Option<usize>,

    /// How many rows behind the last one of a --window its target lies; 1 by default, the next row
    #[arg(long, value_name = "ROWS", value_parser = ranges::whole::<usize>(1, 1_000_000_000))]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) horizon: Option<usize>,

    /// The tokens of a text: characters (the default), bytes, or the pieces of a tokenizer.json
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) tokens: Option<String>,

    /// The test part, for files without one of their own: stratified (the default; the same share
    /// of every class), random, last (of tables and arrays: the last rows, for rows whose order
    /// counts), groups (of sounds: no speaker is in two parts), or a file with the numbers of its
    /// rows
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) split: Option<String>,

    /// The share of the rows, or of a text, that is the test part; 0.1 by default
    #[arg(long, value_name = "SHARE", value_parser = ranges::SHARE.double())]
    pub(crate) test_share: Option<f64>,

    /// The share of the rows, or of a text, that is the validation part: early stopping, the epoch
    /// that is kept and the targets of studies follow it alone, and the test part is evaluated
    /// once, at the end. Of files with a test part of their own, the share of the training part; by
    /// default there is none
    #[arg(long, value_name = "SHARE", value_parser = ranges::SHARE.double())]
    pub(crate) valid_share: Option<f64>,

    /// Other files of the same kind that are the validation part, in the place of --valid-share;
    /// they are prepared as the training part is
    #[arg(long, value_name = "PATH")]
    pub(crate) valid: Option<PathBuf>,

    /// Other files of the same kind that are the test part, in the place of --test-share
    #[arg(long, value_name = "PATH")]
    pub(crate) test: Option<PathBuf>,

    /// Cross-validation: cut the rows into so many folds of the same share of every class, and train
    /// once for each, on the rows of all others; the fold is then the test part. Metrics are printed
    /// with mean and deviation
    #[arg(long, value_name = "FOLDS", value_parser = ranges::whole::<usize>(2, 10_000))]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) folds: Option<usize>,

    /// With --folds: train for this fold alone, from 1
    #[arg(long, value_name = "FOLD", value_parser = ranges::whole::<usize>(1, 10_000))]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) fold: Option<usize>,

    /// The seed of the split, so that trainings with other seeds have the same test rows; by
    /// default that of --seed
    #[arg(long, value_name = "SEED", value_parser = ranges::any_whole::<u64>())]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) split_seed: Option<u64>,

    /// Resize images of a folder
    #[arg(long, value_name = "HxW")]
    pub(crate) image_size: Option<String>,

    /// Convert images of a folder to grey
    #[arg(long)]
    pub(crate) grey: bool,

    /// Images of a folder that cannot be read: error (the default) or skip
    #[arg(long, value_name = "NAME", value_parser = choices::ON_BAD_SAMPLE.parser())]
    pub(crate) on_bad_sample: Option<String>,

    /// The cache of decoded images: a folder, or none; by default the user's cache folder
    #[arg(long, value_name = "DIR|none")]
    pub(crate) cache: Option<PathBuf>,

    /// Augmentation of training rows: none, or some of: shift PIXELS, crop PIXELS, rotate DEGREES,
    /// scale SHARE, flip, brightness SHARE, contrast SHARE, saturation SHARE, noise DEVIATION,
    /// cutout PIXELS, mixup ALPHA, cutmix ALPHA; of sounds time-shift FRAMES, time-mask FRAMES,
    /// band-mask BANDS; of texts token-dropout SHARE
    #[arg(long, value_name = "TEXT")]
    pub(crate) augment: Option<String>,

    /// The order of rows in an epoch: shuffle (the default), in-order, balanced (every class
    /// equally often), or "windows ROWS" (shuffled within windows of neighbouring rows, for data
    /// that stay on the disk)
    #[arg(long, value_name = "NAME")]
    pub(crate) sampling: Option<String>,
}

impl Default for DataArgs {
    fn default() -> Self {
        defaults()
    }
}
