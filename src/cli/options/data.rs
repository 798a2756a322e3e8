//! The section `[data]` of a configuration.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults::defaults;
use super::whole::{self, Word};

/// What is trained on.
#[derive(Clone, Debug, PartialEq, ClapArgs, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DataArgs {
    /// Train on these files: a folder with MNIST's IDX or CIFAR's binary files, a folder of images
    /// (PNG, JPEG, WebP, BMP, GIF, TIFF, PNM; a folder a class, or train and test, or train and
    /// val, of such), WAV files (a folder, .tar or .tar.gz), a table (.csv, .tsv, gzipped or not;
    /// commas, semicolons, tabs, pipes or spaces), arrays (.npz with x and y, or x_train, y_train,
    /// x_test and y_test, or a folder of such .npy files, which stay on the disk), or a text for a
    /// language model
    #[arg(long, value_name = "PATH")]
    #[serde(rename = "path")]
    pub(crate) data: Option<PathBuf>,

    /// The column of a table that holds the label: its name, or its place from 0; by default the
    /// last
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,

    /// Whether the first line of a table holds the names of its columns: auto (the default; as the
    /// cells say), yes or no
    #[arg(long, value_name = "NAME")]
    pub(crate) header: Option<String>,

    /// What stands between the fields of a table: comma, semicolon, tab, pipe, space or another
    /// character; by default what cuts all lines alike
    #[arg(long, value_name = "NAME")]
    pub(crate) delimiter: Option<String>,

    /// Columns of a table that are left out: names or places from 0, with commas. A first column
    /// that only counts the rows is left out by itself; none keeps it
    #[arg(long, value_name = "COLUMNS|none")]
    pub(crate) drop: Option<String>,

    /// What becomes of rows of a table without a label: refuse (the default), drop, or class (what
    /// stands there is a class)
    #[arg(long, value_name = "NAME")]
    pub(crate) missing_labels: Option<String>,

    /// What the labels of a table or of arrays are: auto (the default; numbers that look like a
    /// regression's are refused) or classes
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,

    /// The other columns of a table are texts
    #[arg(long)]
    pub(crate) text: bool,

    /// What the tokens of a text are: characters (the default), bytes, or the pieces of a
    /// tokenizer.json
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) tokens: Option<String>,

    /// The test part, where files do not say: stratified (the default; of every class the same
    /// share), random, groups (of sounds: nobody speaks in both), or a file with the numbers of its
    /// rows
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) split: Option<String>,

    /// The share of the rows, or of a text, that is the test part; 0.1 by default
    #[arg(long, value_name = "SHARE")]
    pub(crate) test_share: Option<f64>,

    /// The seed that the test part is drawn with, so that trainings with other seeds have the same
    /// test rows; by default that of --seed
    #[arg(long, value_name = "SEED")]
    #[serde(
        serialize_with = "whole::serialize_optional",
        deserialize_with = "whole::deserialize_optional"
    )]
    #[schemars(with = "Option<Word>")]
    pub(crate) split_seed: Option<u64>,

    /// Resize images of a folder
    #[arg(long, value_name = "HxW")]
    pub(crate) image_size: Option<String>,

    /// Read images of a folder as grey ones
    #[arg(long)]
    pub(crate) grey: bool,

    /// When an image of a folder cannot be read: error (the default) or skip
    #[arg(long, value_name = "NAME")]
    pub(crate) on_bad_sample: Option<String>,

    /// Where decoded images are kept: a folder, or none; by default the user's cache folder
    #[arg(long, value_name = "DIR|none")]
    pub(crate) cache: Option<PathBuf>,

    /// How training rows change from epoch to epoch: none, or some of: shift PIXELS, crop PIXELS,
    /// rotate DEGREES, scale SHARE, flip, brightness SHARE, contrast SHARE, saturation SHARE, noise
    /// DEVIATION, cutout PIXELS, mixup ALPHA, cutmix ALPHA; of sounds time-shift FRAMES, time-mask
    /// FRAMES, band-mask BANDS; of texts token-dropout SHARE
    #[arg(long, value_name = "TEXT")]
    pub(crate) augment: Option<String>,

    /// How an epoch draws rows: shuffle (the default), in-order, balanced (every class as often),
    /// or "windows ROWS" (shuffled within windows of neighbouring rows, for data that stay on the
    /// disk)
    #[arg(long, value_name = "NAME")]
    pub(crate) sampling: Option<String>,
}

impl Default for DataArgs {
    fn default() -> Self {
        defaults()
    }
}
