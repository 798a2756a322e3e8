//! Open whatever lies at a path: images, tables, arrays, sounds or texts become training,
//! validation and test rows.
//!
//! | file | what |
//! |---|---|
//! | `options` | [`DataOptions`]: how files are read, split and augmented |
//! | `augmentations` | [`Augmentations`]: changes of training rows, for every kind of data |
//! | `kind` | [`DataKind`]: what lies at a path |
//! | `part_folders`, `array_names` | parts by the names of folders and of arrays |
//! | `array_labels`, `valued` | labels of arrays: classes or values; rows with values in the place of classes |
//! | `source` | a path with its options, and the split into parts |
//! | `images`, `tables`, `arrays`, `sounds`, `texts` | a reader for each kind |
//! | `series` | tables whose rows are steps of time, in windows |
//! | `arrays_on_disk` | arrays whose rows are not read into memory |
//! | `labelled`, `known_classes`, `other_labels` | other files with labels: [`Preparation::labelled`](crate::data::Preparation::labelled), and the classes of a training in them |
//! | `labelled_tables`, `labelled_arrays`, `labelled_folders` | a reader of such files for each kind |
//! | `opened` | [`Opened`]: the parts, and facts about them |
//! | `dispatch` | [`open`]: from a path to the reader of its kind |

mod array_labels;
mod array_names;
mod array_weights;
mod arrays;
mod arrays_on_disk;
mod augmentations;
mod dispatch;
mod images;
mod kind;
mod known_classes;
mod labelled;
mod labelled_arrays;
mod labelled_folders;
mod labelled_tables;
mod opened;
mod options;
mod other_labels;
mod part_folders;
mod series;
mod sounds;
mod source;
mod tables;
mod texts;
mod valued;

pub use augmentations::Augmentations;
pub use dispatch::{open, open_observed};
pub use kind::DataKind;
#[cfg(feature = "cli")]
pub(crate) use kind::arrays_in;
pub use opened::Opened;
pub use options::{DataOptions, RowOrder, Split, Tokens};
pub use source::OpenEvent;
