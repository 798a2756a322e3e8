//! Options of [`open`](super::open()).

use std::path::PathBuf;

use crate::data::error::DataError;
use crate::data::folds::Fold;
use crate::data::image_folder::ImageFolder;
use crate::data::split::Shares;
use crate::data::table_options::TableOptions;
use crate::data::windows::Windows;

use super::augmentations::Augmentations;

/// The share of the rows that is the test part, unless another is given.
const TEST_SHARE: f64 = 0.1;

/// How files are read, split into parts and augmented. Errors name an option in backticks.
///
/// ```
/// use unisono::data::{DataOptions, Split};
/// let options = DataOptions { split: Some(Split::Random), seed: 7, ..DataOptions::default() };
/// assert_eq!((options.share(), options.drawn_with()), (0.1, 7));
/// assert!(DataOptions { test_share: Some(1.5), ..options }.check().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct DataOptions {
    /// Tables: columns, header, labels.
    pub table: TableOptions,
    /// Whether the other columns of a table are texts.
    pub text: bool,
    /// Whether rows of a table are steps of time, and windows over them what is trained on: the
    /// targets are numbers of later rows, and the parts lie behind one another.
    pub windows: Option<Windows>,
    /// What the tokens of a text are. Without it they are characters, and a file whose lines look
    /// like a table is one.
    pub tokens: Option<Tokens>,
    /// Tokens of a window of a text.
    pub context: usize,
    /// Which rows are the test part, for files without parts of their own;
    /// [`Split::Stratified`] by default.
    pub split: Option<Split>,
    /// The share of the rows, or of a text, that is the test part: 0.1 by default.
    pub test_share: Option<f64>,
    /// The share of the rows, or of a text, that is the validation part, by which all is chosen
    /// that is chosen while training: none by default. Files with a test part of their own give
    /// this share of the training part.
    pub valid_share: Option<f64>,
    /// Other files that are the validation part, prepared as the training part is.
    pub valid: Option<PathBuf>,
    /// Other files that are the test part, likewise; no rows are drawn for it then.
    pub test: Option<PathBuf>,
    /// The fold of a cross-validation that is the test part: all rows but its own are for training,
    /// and there is no other part.
    pub fold: Option<Fold>,
    /// The seed of the split, where it is not `seed`.
    pub split_seed: Option<u64>,
    /// Folders of images: size, colour, cache.
    pub images: ImageFolder,
    /// How training rows change from epoch to epoch.
    pub augment: Augmentations,
    /// The order of the training rows in an epoch.
    pub sampling: RowOrder,
    /// The seed of the split and of augmentation.
    pub seed: u64,
}

impl Default for DataOptions {
    /// Windows of 64 tokens, seed 42, nothing changed; a tenth of every class is the test part.
    fn default() -> Self {
        Self {
            table: TableOptions::default(),
            text: false,
            windows: None,
            tokens: None,
            context: 64,
            split: None,
            test_share: None,
            valid_share: None,
            valid: None,
            test: None,
            fold: None,
            split_seed: None,
            images: ImageFolder::default(),
            augment: Augmentations::default(),
            sampling: RowOrder::Shuffle,
            seed: 42,
        }
    }
}

impl DataOptions {
    /// Checks what can be checked without the data.
    ///
    /// # Errors
    /// [`DataError::Option`] for windows without rows or horizon, a share that is not between 0 and 1, shares that leave no training
    /// part, or a share beside the files that are the same part.
    pub fn check(&self) -> Result<(), DataError> {
        let odd = |name, expected, share: f64| DataError::Option {
            name,
            expected,
            got: share.to_string(),
        };
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        if !is_share(self.share()) {
            return Err(odd("test_share", "above 0 and below 1", self.share()));
        }
        if let Some(windows) = self.windows.filter(|windows| !windows.fits()) {
            let Windows { length, horizon } = windows;
            return Err(DataError::Option {
                name: "windows",
                expected: "of at least 1 row, with a horizon of at least 1",
                got: format!("{length} rows, with a horizon of {horizon}"),
            });
        }
        self.check_fold()?;
        match (&self.valid, self.valid_share) {
            (Some(_), Some(share)) => {
                let expected = "left out, as `valid` says which rows are the validation part";
                return Err(odd("valid_share", expected, share));
            }
            _ => self.check_test()?,
        }
        match self.valid_share {
            Some(share) if !is_share(share) => {
                Err(odd("valid_share", "above 0 and below 1", share))
            }
            Some(share) if share + self.shares().test >= 1.0 => {
                let expected =
                    "less than what the test part leaves, so that there are training rows";
                Err(odd("valid_share", expected, share))
            }
            _ => Ok(()),
        }
    }

    /// Refuses folds that cannot be, and other parts beside them.
    fn check_fold(&self) -> Result<(), DataError> {
        let Some(Fold { number, of }) = self.fold else {
            return Ok(());
        };
        let odd = |expected, got: String| DataError::Option {
            name: "fold",
            expected,
            got,
        };
        if of < 2 || !(1..=of).contains(&number) {
            let expected = "from 1 to the number of folds, which is at least 2";
            return Err(odd(expected, format!("{number} of {of}")));
        }
        let parts = [
            ("test_share", self.test_share.is_some()),
            ("valid_share", self.valid_share.is_some()),
            ("valid", self.valid.is_some()),
            ("test", self.test.is_some()),
        ];
        if let Some((name, _)) = parts.into_iter().find(|(_, is_given)| *is_given) {
            let expected = "without other parts: each fold is the test part once";
            return Err(odd(expected, format!("{name} beside it")));
        }
        match &self.split {
            None | Some(Split::Stratified | Split::Random) => Ok(()),
            Some(split) => {
                let expected = "of rows that are drawn, by `split` stratified or random";
                Err(odd(expected, format!("{split:?} beside it")))
            }
        }
    }

    fn check_test(&self) -> Result<(), DataError> {
        match (&self.test, self.test_share) {
            (Some(_), Some(share)) => Err(DataError::Option {
                name: "test_share",
                expected: "left out, as `test` says which rows are the test part",
                got: share.to_string(),
            }),
            (Some(test), None) if self.valid.as_ref() == Some(test) => Err(DataError::Option {
                name: "valid",
                expected: "other files than those of `test`, which are to be seen once, at the end",
                got: test.display().to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// The shares of the rows that are held out of training.
    pub fn shares(&self) -> Shares {
        Shares {
            valid: self.valid_share.unwrap_or(0.0),
            test: match self.test {
                Some(_) => 0.0,
                None => self.share(),
            },
        }
    }

    /// The share of the rows that is the test part.
    pub fn share(&self) -> f64 {
        self.test_share.unwrap_or(TEST_SHARE)
    }

    /// The seed that the test part is drawn with.
    pub fn drawn_with(&self) -> u64 {
        self.split_seed.unwrap_or(self.seed)
    }

    /// The name of an option about the test part that was given, if there is one. Where a
    /// validation part is drawn, how it is drawn is no such option.
    pub(super) fn split_option(&self) -> Option<&'static str> {
        let draws = self.valid_share.is_some();
        let is_file = matches!(self.split, Some(Split::File(_)));
        let options = [
            ("folds", self.fold.is_some()),
            ("split", self.split.is_some() && (is_file || !draws)),
            ("test_share", self.test_share.is_some()),
            ("split_seed", self.split_seed.is_some() && !draws),
        ];
        let given = options.into_iter().find(|(_, is_given)| *is_given);
        given.map(|(name, _)| name)
    }
}

/// Which rows are the test part.
///
/// ```
/// use unisono::data::Split;
/// assert_ne!(Split::Random, Split::File("test_rows.txt".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Split {
    /// The same share of every class.
    Stratified,
    /// Any rows.
    Random,
    /// The last rows, for rows whose order counts, such as days; the validation part lies before
    /// them. Only tables and arrays have an order.
    Last,
    /// Whole groups: no speaker is in both parts. Only sounds have groups.
    Groups,
    /// The rows whose numbers stand in a file.
    File(PathBuf),
}

/// What the tokens of a text are.
///
/// ```
/// use unisono::data::{DataOptions, Tokens};
/// let options = DataOptions { tokens: Some(Tokens::Bytes), ..DataOptions::default() };
/// assert_eq!(options.tokens, Some(Tokens::Bytes));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tokens {
    /// Its characters.
    Characters,
    /// Its bytes.
    Bytes,
    /// The pieces of a `tokenizer.json`.
    File(PathBuf),
}

/// The order of the training rows in an epoch; [`super::Opened::sampling`] is made of it.
///
/// ```
/// use unisono::data::{DataOptions, RowOrder};
/// let options = DataOptions { sampling: RowOrder::Windows(512), ..DataOptions::default() };
/// assert_eq!(options.sampling, RowOrder::Windows(512));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowOrder {
    /// Shuffled anew in every epoch.
    Shuffle,
    /// As they are.
    InOrder,
    /// Every class equally often.
    Balanced,
    /// Shuffled within windows of so many neighbouring rows.
    Windows(usize),
}
