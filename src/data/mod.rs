//! Data sets, from which each worker gathers its own rows; no models, no workers.
//!
//! | file | what |
//! |---|---|
//! | `dataset` | the trait `Dataset` |
//! | `subset`, `concat`, `map`, `scratch` | data sets made of others; memory for their rows |
//! | `weighted`, `weight_column` | rows with weights; those in a column of a table |
//! | `arrays` | rows in memory, from `ndarray` or vectors, checked when they are built |
//! | `images`, `stored` | images, standardised as they are gathered; in memory, or left on the disk |
//! | `augment` | images changed anew in every epoch |
//! | `contact_sheet` | images to look at (feature `image`) |
//! | `picture`, `jpeg_blocks`, `image_folder`, `class_folders`, `image_kinds`, `image_cache`, `image_caches`, `predict_images` | PNG, JPEG and others, one sub-folder per class; decoded once (feature `image`) |
//! | `idx`, `cifar`, `npy`, `npy_types`, `npy_values` | MNIST's, CIFAR's and NumPy's formats |
//! | `npz`, `predict_archive` | archives of NumPy's arrays (feature `npz`) |
//! | `files`, `memory_budget` | files that lie about their size, or are larger than the free memory |
//! | `array_file` | NumPy's arrays that are larger than memory |
//! | `csv`, `records`, `cells`, `gaps`, `dates` | tables: what stands between fields, records, cells |
//! | `columns`, `chosen_columns`, `table_options`, `table`, `survey` | what columns are, and which are features; how tables are read; what columns hold |
//! | `feature_cells`, `column_encoder`, `table_encoder`, `table_fit` | numbers, categories and dates, and the inputs that they become |
//! | `targets`, `label_columns`, `row_labels`, `missing_labels` | labels that are classes, those that are values, and rows without one |
//! | `windows` | windows over a series, each with the values of a later row |
//! | `real_targets` | targets of a regression, standardised and given back in their units |
//! | `sniff` | what a file is, by what is in it |
//! | `listed` | lists in messages |
//! | `split`, `scale`, `rounding`, `precision` | training and test part; one scale; what doubles and single precision do not keep |
//! | `wave`, `wave_chunks`, `sound`, `spectrogram`, `predict_sounds` | WAV, log-mel and MFCC (feature `audio`) |
//! | `spectrogram_settings`, `speech` | how spectrograms are made; rows of them |
//! | `left_out`, `unnamed` | the files beside those that are read; what files without an extension are |
//! | `text_features`, `labelled_texts` | labelled texts as hashed n-grams |
//! | `text`, `tokens` | the tokens of a text, in windows; characters, bytes, pieces |
//! | `pieces` | the tokens of a `tokenizer.json` (feature `text`) |
//! | [`open()`] | opens whatever lies at a path: training and test part, by its kind (feature `files`) |
//! | `preparation`, `unlabelled` | how files became rows, kept with a model |
//! | `predict_input`, `predict_tables`, `predict_memory` | other files, and what is in memory, made into such rows |
//! | `digits` | handwritten digits, embedded in the program |
//! | `synthetic` | synthetic data, for benchmarks and trials |
//! | `sampler` | the order of the rows in an epoch |

mod array_file;
mod arrays;
mod augment;
mod cells;
mod chosen_columns;
mod cifar;
#[cfg(feature = "image")]
mod class_folders;
mod column_choice;
mod column_encoder;
mod columns;
mod concat;
#[cfg(feature = "image")]
mod contact_sheet;
mod csv;
mod dataset;
mod dates;
mod decimal_commas;
mod digits;
mod error;
mod feature_cells;
mod files;
mod folds;
mod fortran_order;
mod gaps;
mod idx;
#[cfg(feature = "image")]
mod image_cache;
#[cfg(feature = "image")]
mod image_caches;
#[cfg(feature = "image")]
mod image_folder;
#[cfg(feature = "image")]
mod image_kinds;
mod images;
#[cfg(feature = "image")]
mod jpeg_blocks;
mod label_columns;
mod labelled_texts;
#[cfg(any(feature = "audio", feature = "image"))]
mod left_out;
mod listed;
mod map;
mod memory_budget;
mod missing_labels;
mod npy;
mod npy_types;
mod npy_values;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "files")]
mod open;
#[cfg(feature = "image")]
mod picture;
#[cfg(feature = "text")]
mod pieces;
#[cfg(feature = "files")]
mod precision;
#[cfg(feature = "npz")]
mod predict_archive;
#[cfg(feature = "image")]
mod predict_images;
mod predict_input;
mod predict_memory;
#[cfg(feature = "audio")]
mod predict_sounds;
mod predict_tables;
mod preparation;
mod real_targets;
mod records;
mod rounding;
mod row_labels;
mod row_weights;
mod sampler;
mod scale;
mod scratch;
mod sniff;
#[cfg(feature = "audio")]
mod sound;
#[cfg(feature = "audio")]
mod spectrogram;
mod spectrogram_settings;
mod speech;
mod split;
mod stored;
mod subset;
mod survey;
mod synthetic;
mod table;
mod table_encoder;
#[cfg(feature = "files")]
mod table_fit;
mod table_options;
mod targets;
mod text;
mod text_features;
mod tokens;
mod unlabelled;
#[cfg(any(feature = "audio", feature = "image"))]
mod unnamed;
#[cfg(feature = "audio")]
mod wave;
#[cfg(feature = "audio")]
mod wave_chunks;
mod weight_column;
mod weighted;
mod windows;

pub use array_file::ArrayFile;
pub use arrays::ArrayDataset;
pub use augment::{Augmentation, Augmented};
pub use column_choice::{Column, Header};
pub use column_encoder::{ColumnCells, ColumnEncoder};
pub use columns::Columns;
pub use concat::ConcatDataset;
pub use dataset::{Dataset, Labels, LabelsMut};
pub use digits::digits;
pub use error::DataError;
pub use folds::{Fold, stratified_folds};
pub use idx::Idx;
#[cfg(feature = "image")]
pub use image_cache::ImageCache;
#[cfg(feature = "image")]
pub use image_caches::ClearedCaches;
#[cfg(feature = "image")]
pub use image_folder::{ImageFolder, LoadedImages, OnBadSample};
#[cfg(feature = "image")]
pub use image_kinds::ImageKinds;
pub use images::{ChannelStatistics, ImageDataset, ImageShape};
#[cfg(any(feature = "audio", feature = "image"))]
pub use left_out::LeftOut;
#[cfg(feature = "cli")]
pub(crate) use listed::listed;
pub use map::MapDataset;
pub(crate) use memory_budget::free_memory;
pub use npy::Npy;
#[cfg(feature = "cli")]
pub(crate) use npz::odd_kind;
#[cfg(feature = "npz")]
pub use npz::{Npz, read_npz};
#[cfg(feature = "cli")]
pub(crate) use open::arrays_in;
#[cfg(feature = "files")]
pub use open::{
    Augmentations, DataKind, DataOptions, OpenEvent, Opened, RowOrder, Split, Tokens, open,
    open_observed,
};
#[cfg(feature = "text")]
pub use pieces::Pieces;
pub use preparation::{Preparation, RowKind};
pub use real_targets::RealTargets;
pub(crate) use real_targets::value_variances;
pub use sampler::{Sampling, epoch_order};
pub use scale::Standardizer;
#[cfg(feature = "audio")]
pub use sound::{LoadedSounds, NamedSounds, Sound, read_sounds};
#[cfg(feature = "audio")]
pub use spectrogram::Spectrogram;
pub use spectrogram_settings::SpectrogramSettings;
pub use speech::{SpectrogramAugmentation, SpectrogramDataset};
pub use split::{
    PartRows, Shares, group_parts, group_split, last_parts, random_parts, random_split,
    split_from_file, stratified_parts, stratified_split,
};
pub use subset::Subset;
pub use survey::{ColumnSurvey, survey};
pub use synthetic::{synthetic_classes, synthetic_tokens};
pub use table::CsvTable;
pub use table_options::TableOptions;
pub use targets::{MissingLabels, Target};
pub use text::{TextDataset, Vocabulary, read_bytes, read_text};
pub use text_features::{HashedTexts, LabelledTexts, TextHasher};
pub use tokens::Tokenizer;
pub use unlabelled::PredictInput;
pub use weighted::Weighted;
pub use windows::Windows;
