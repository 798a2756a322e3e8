//! Errors of data sets and their files.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error of a data set.
///
/// ```
/// use ndarray::array;
/// use unisono::data::{ArrayDataset, DataError};
/// let error = ArrayDataset::classes(array![[1.0], [f32::NAN]], &[0, 0], 2).unwrap_err();
/// assert!(matches!(error, DataError::NotFinite { row: 1, column: 0, .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// No rows.
    #[error("the data set has no rows; training and testing need at least 1")]
    Empty,
    /// More rows than a row number can count.
    #[error(
        "the data set has {rows} rows, expected at most {}; split it",
        u32::MAX
    )]
    TooManyRows {
        /// How many there are.
        rows: usize,
    },
    /// Rows without values.
    #[error("the rows have no values; every row needs at least 1 input")]
    NoInputs,
    /// Another number of labels than rows.
    #[error("there are {labels} labels for {rows} rows; give one label a row")]
    LabelCount {
        /// Rows of inputs.
        rows: usize,
        /// Rows of labels.
        labels: usize,
    },
    /// A row of another width than the first.
    #[error(
        "row {row} has {got} values, expected {expected} like row 0; make all rows equally long"
    )]
    RowLength {
        /// The row, from 0.
        row: usize,
        /// The width of row 0.
        expected: usize,
        /// Its own width.
        got: usize,
    },
    /// A value that is not finite.
    #[error(
        "{what} {column} of row {row} is {got}, expected a finite number; clean or drop the row"
    )]
    NotFinite {
        /// "input" or "label".
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// NaN or an infinity.
        got: f32,
    },
    /// A finite value that is too large to compute with.
    #[error(
        "{place} of row {row} is {got:e}, expected {expected}; fix or drop the row, or leave the column out"
    )]
    OutOfReach {
        /// The column: `input` and its number, or its name.
        place: String,
        /// The row, from 0.
        row: usize,
        /// The value.
        got: f64,
        /// What it must be.
        expected: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A row that cannot be read.
    #[error("row {row} cannot be read: {source}")]
    Row {
        /// The row, from 0.
        row: u32,
        /// What hinders it.
        source: std::io::Error,
    },
    /// A file that rows are read from as they are wanted, written meanwhile.
    #[error(
        "the file was written since it was opened; do not change it while it is in use, or begin anew with what it holds now"
    )]
    Changed,
    /// Data sets, or rows of one, that make no data set.
    #[error("{what}: expected {expected}, got {got}")]
    Combination {
        /// What was to be made.
        what: &'static str,
        /// What it needs.
        expected: String,
        /// What there is.
        got: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {reason}; choose another place", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What hinders it.
        reason: String,
    },
    /// A file of another format, or a damaged one.
    #[error("{}: expected {expected}, got {got}; the file is damaged or of another format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What should stand there.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// What is read as it stands, and is not what is needed: the file is sound.
    #[error("{}: expected {expected}, got {got}; {remedy}", path.display())]
    Unfit {
        /// The file or folder.
        path: PathBuf,
        /// What is needed.
        expected: String,
        /// What there is.
        got: String,
        /// What to do.
        remedy: String,
    },
    /// A file whose rows need more memory than may be taken.
    #[error(
        "{}: what is read of it needs at least {} MiB, and {} MiB may be taken, three quarters of the memory that is free; give a part of \
         it, or what stays on the disk (rows of a .npy file, a folder of images with a cache), or take a machine with more memory",
        path.display(), needed.div_ceil(1 << 20), most >> 20
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes that it needs at least.
        needed: u64,
        /// Bytes that may be taken.
        most: u64,
    },
    /// A setting that the data have no use for.
    #[error("{}: {setting} does not apply to {got}; leave it out, or give other data", path.display())]
    Unused {
        /// The file or folder.
        path: PathBuf,
        /// The setting.
        setting: String,
        /// What the data are.
        got: &'static str,
    },
    /// What this build of the crate does not read.
    #[error("{}: {what} need the feature `{feature}` of the crate unisono, which is off in this build; turn it on in Cargo.toml", path.display())]
    Feature {
        /// The file or folder.
        path: PathBuf,
        /// What cannot be read.
        what: &'static str,
        /// The feature that reads it.
        feature: &'static str,
    },
    /// What is wrong with the rows of a file.
    #[error("{}: {problem}", path.display())]
    In {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        #[source]
        problem: Box<DataError>,
    },
    /// A cell of a table that is no finite number.
    #[error("{}: line {line}, column {column} (from 0): expected a finite number, got {got:?}; {remedy}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        got: String,
        /// What to do.
        remedy: String,
    },
    /// A text without a window in training or test part.
    #[error(
        "a text needs at least {needed} tokens in training and test part, got {train} and {test}; take a longer one, or change the test share"
    )]
    TooFewTokens {
        /// A window, and the token behind it.
        needed: usize,
        /// Tokens of the training part.
        train: usize,
        /// Tokens of the test part.
        test: usize,
    },
    /// A text with a part that is no token.
    #[error(
        "the tokenizer knows no token for {got}; take one of bytes, or one made from such texts"
    )]
    Token {
        /// The character, or what the tokenizer says.
        got: String,
    },
    /// A sampling that does not fit the rows.
    #[error("the sampling needs {expected}, got {got}")]
    Sampling {
        /// What it needs.
        expected: String,
        /// What was given.
        got: String,
    },
    /// An option that may not have this value.
    #[error("the option `{name}` must be {expected}, got {got}")]
    Option {
        /// Its name.
        name: &'static str,
        /// The values it may have.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// An augmentation out of its range.
    #[error("the augmentation {name} must be {range}, got {got}")]
    Augmentation {
        /// Its name.
        name: &'static str,
        /// The values it may take.
        range: &'static str,
        /// What was given.
        got: f32,
    },
    /// A class that is not below the number of classes.
    #[error(
        "row {row} has class {class}, expected a class below {num_classes}; raise the number of classes or fix the label"
    )]
    ClassOutOfRange {
        /// The row, from 0.
        row: usize,
        /// Its class.
        class: u32,
        /// The number of classes.
        num_classes: usize,
    },
}

impl DataError {
    /// A file that is damaged, or of another format.
    pub(crate) fn format(path: &Path, expected: impl Into<String>, got: impl Into<String>) -> Self {
        DataError::Format {
            path: path.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    /// A file that is sound, and does not fit; `remedy` says what to do.
    pub(crate) fn unfit(
        path: &Path,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        DataError::Unfit {
            path: path.to_owned(),
            expected: expected.into(),
            got: got.into(),
            remedy: remedy.into(),
        }
    }

    /// What needs a `feature` that is off.
    #[cfg(not(all(
        feature = "audio",
        feature = "image",
        feature = "npz",
        feature = "text"
    )))]
    pub(super) fn no_feature(path: &Path, what: &'static str, feature: &'static str) -> Self {
        DataError::Feature {
            path: path.to_owned(),
            what,
            feature,
        }
    }

    /// The same error, with the file or folder that it is about where it names none itself.
    ///
    /// ```
    /// use unisono::data::DataError;
    /// let error = DataError::Empty.within("rows.csv".as_ref());
    /// assert!(error.to_string().starts_with("rows.csv: the data set has no rows"));
    /// ```
    pub fn within(self, path: &Path) -> Self {
        match self {
            DataError::Io { .. }
            | DataError::Write { .. }
            | DataError::Format { .. }
            | DataError::Unfit { .. }
            | DataError::Memory { .. }
            | DataError::Unused { .. }
            | DataError::Feature { .. }
            | DataError::In { .. }
            | DataError::Cell { .. } => self,
            problem => DataError::In {
                path: path.to_owned(),
                problem: Box::new(problem),
            },
        }
    }

    /// What becomes of a system's error while `path` is read.
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| DataError::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// What becomes of an error while `path` is written.
    #[cfg(feature = "image")]
    pub(crate) fn write(path: &Path, reason: impl std::fmt::Display) -> Self {
        DataError::Write {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// Refuses classes that are not below `num_classes`.
    pub(super) fn check_classes(classes: &[u32], num_classes: usize) -> Result<(), Self> {
        let is_odd = |&class: &u32| class as usize >= num_classes;
        classes.iter().position(is_odd).map_or(Ok(()), |row| {
            Err(DataError::ClassOutOfRange {
                row,
                class: classes[row],
                num_classes,
            })
        })
    }
}

#[cfg(test)]
mod tests;
