//! Data sets, from which each worker gathers its own rows; no models, no workers.
//!
//! | file | what |
//! |---|---|
//! | `dataset` | the trait `Dataset` |
//! | `arrays` | rows in memory, from `ndarray` or vectors, checked when they are built |
//! | `images`, `augment` | images in memory, standardised; augmented anew in every epoch |
//! | `idx`, `files` | MNIST's format; files that lie about their size |
//! | `csv`, `split` | tables; training and test part, one scale |
//! | `words` | labelled texts as hashed n-grams |
//! | `text` | characters of a text, in windows |
//! | `digits` | handwritten digits, embedded in the program |
//! | `synthetic` | made up data, for benchmarks and trials |
//! | `sampler` | the order of the rows in an epoch |

mod arrays;
mod augment;
mod csv;
mod dataset;
mod digits;
mod error;
mod files;
mod idx;
mod images;
mod sampler;
mod split;
mod synthetic;
mod text;
mod words;

pub use arrays::ArrayDataset;
pub use augment::{Augmentation, Augmented};
pub use csv::{Column, CsvTable};
pub use dataset::{Dataset, Labels, LabelsMut};
pub use digits::digits;
pub use error::DataError;
pub use idx::Idx;
pub use images::{ChannelStatistics, ImageDataset, ImageShape};
pub use sampler::epoch_order;
pub use split::{Standardizer, stratified_split};
pub use synthetic::{synthetic_classes, synthetic_tokens};
pub use text::{TextDataset, Vocabulary};
pub use words::{HashedTexts, LabelledTexts, TextHasher};
