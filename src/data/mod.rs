//! Data sets, from which each worker gathers its own rows; no models, no workers.
//!
//! | file | what |
//! |---|---|
//! | `dataset` | the trait `Dataset` |
//! | `arrays` | rows in memory, from `ndarray` or vectors, checked when they are built |
//! | `images`, `stored` | images, standardised as they are gathered; in memory, or left on the disk |
//! | `augment` | images changed anew in every epoch |
//! | `contact_sheet` | images to look at |
//! | `picture`, `jpeg_blocks`, `image_folder`, `class_folders`, `image_kinds`, `image_cache` | PNG, JPEG and others, a folder a class; decoded once |
//! | `idx`, `cifar`, `npy`, `npy_values` | MNIST's, CIFAR's and NumPy's formats |
//! | `files`, `room` | files that lie about their size, or are larger than the free memory |
//! | `array_file` | NumPy's arrays that are larger than memory |
//! | `csv`, `columns`, `table`, `survey` | tables: records, what columns are, rows; what columns hold |
//! | `targets` | labels that are classes, and those that are not |
//! | `sniff` | what a file is, by what is in it |
//! | `listed` | lists in messages |
//! | `split`, `scale` | training and test part; one scale |
//! | `wave`, `wave_chunks`, `sound`, `spectrogram`, `speech` | WAV, log-mel and MFCC, rows of them |
//! | `left_out` | the files beside those that are read |
//! | `words` | labelled texts as hashed n-grams |
//! | `text`, `tokens` | the tokens of a text, in windows; characters, bytes, pieces of a `tokenizer.json` |
//! | [`open()`] | opens whatever lies at a path: training and test part, by its kind |
//! | `preparation`, `new_rows` | how files became rows, kept with a model; other files made into such rows |
//! | `digits` | handwritten digits, embedded in the program |
//! | `synthetic` | made up data, for benchmarks and trials |
//! | `sampler` | the order of the rows in an epoch |

mod array_file;
mod arrays;
mod augment;
mod cifar;
mod class_folders;
mod columns;
mod contact_sheet;
mod csv;
mod dataset;
mod digits;
mod error;
mod files;
mod idx;
mod image_cache;
mod image_folder;
mod image_kinds;
mod images;
mod jpeg_blocks;
mod left_out;
mod listed;
mod new_rows;
mod npy;
mod npy_values;
mod open;
mod picture;
mod preparation;
mod room;
mod sampler;
mod scale;
mod sniff;
mod sound;
mod spectrogram;
mod speech;
mod split;
mod stored;
mod survey;
mod synthetic;
mod table;
mod targets;
mod text;
mod tokens;
mod wave;
mod wave_chunks;
mod words;

pub use array_file::ArrayFile;
pub use arrays::ArrayDataset;
pub use augment::{Augmentation, Augmented};
pub use columns::{Column, Columns, Header};
pub use dataset::{Dataset, Labels, LabelsMut};
pub use digits::digits;
pub use error::DataError;
pub use idx::Idx;
pub use image_cache::ImageCache;
pub use image_folder::{ImageFolder, LoadedImages, OnBadSample};
pub use image_kinds::ImageKinds;
pub use images::{ChannelStatistics, ImageDataset, ImageShape};
pub use left_out::LeftOut;
pub use new_rows::NewRows;
pub use npy::{Npy, Npz, read_npz};
pub(crate) use open::arrays_in;
pub use open::{
    Augmentations, DataKind, DataOptions, OpenEvent, Opened, RowOrder, Split, Tokens, open,
    open_observed,
};
pub use preparation::{Preparation, RowKind};
pub(crate) use room::free_memory;
pub use sampler::{Sampling, epoch_order};
pub use scale::Standardizer;
pub use sound::{LoadedSounds, NamedSounds, Sound, read_sounds};
pub use spectrogram::{Spectrogram, SpectrogramSettings};
pub use speech::{SpectrogramAugmentation, SpectrogramDataset};
pub use split::{group_split, random_split, split_from_file, stratified_split};
pub use survey::{ColumnSurvey, survey};
pub use synthetic::{synthetic_classes, synthetic_tokens};
pub use table::{CsvTable, TableOptions};
pub use targets::{MissingLabels, Target};
pub use text::{TextDataset, Vocabulary, read_bytes, read_text};
pub use tokens::Tokenizer;
pub use words::{HashedTexts, LabelledTexts, TextHasher};
