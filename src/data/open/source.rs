//! A path with its options, while it is read; the split of its rows into parts.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::split::{random_split, split_from_file, stratified_split};

use super::options::{DataOptions, RowOrder, Split};

/// What happens while data are read: for whoever waits.
///
/// ```
/// use unisono::data::OpenEvent;
/// let line = |event: OpenEvent<'_>| match event {
///     OpenEvent::Decoded { all } => format!("one more of {all} images"),
///     OpenEvent::Warning(text) => text.to_owned(),
///     _ => String::new(),
/// };
/// assert_eq!(line(OpenEvent::Decoded { all: 3 }), "one more of 3 images");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum OpenEvent<'a> {
    /// An image of a folder was decoded, on any thread.
    Decoded {
        /// Images of the folder.
        all: usize,
    },
    /// All images of a folder were decoded, or one of them could not be.
    FolderEnds,
    /// Something that is no error.
    Warning(&'a str),
}

/// Is told of events, from any thread.
pub(super) type Observer<'a> = dyn Fn(OpenEvent<'_>) + Sync + 'a;

/// What lies at a path, and how it is to be read.
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) options: &'a DataOptions,
    pub(super) observer: &'a Observer<'a>,
}

/// Numbers of the rows of each part.
#[derive(Clone, Debug)]
pub(super) struct PartRows {
    pub(super) train: Vec<usize>,
    pub(super) test: Vec<usize>,
}

impl Source<'_> {
    /// Rows of training and test part, drawn as the options say.
    pub(super) fn split(&self, labels: &[u32]) -> Result<PartRows, DataError> {
        let (share, seed) = (self.options.share(), self.options.drawn_with());
        let (train, test) = match &self.options.split {
            Some(Split::Random) => random_split(labels.len() as u32, share, seed),
            Some(Split::File(path)) => split_from_file(path, labels.len())?,
            Some(Split::Stratified | Split::Groups) | None => stratified_split(labels, share, seed),
        };
        self.both(PartRows { train, test })
    }

    /// The same of rows that have values and no class.
    pub(super) fn split_values(&self, rows: usize) -> Result<PartRows, DataError> {
        self.split(&vec![0; rows])
    }

    /// Refuses options about classes for rows that have values.
    pub(super) fn refuse_classes(&self) -> Result<(), DataError> {
        let is_stratified = self.options.split == Some(Split::Stratified);
        let is_balanced = self.options.sampling == RowOrder::Balanced;
        let options = [
            ("`split` stratified", is_stratified),
            ("`sampling` balanced", is_balanced),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((name, _)) => Err(self.unused(name.to_owned(), "values, which are of no class")),
        }
    }

    /// Refuses a part without rows.
    pub(super) fn both(&self, parts: PartRows) -> Result<PartRows, DataError> {
        let (train, test) = (parts.train.len(), parts.test.len());
        if train > 0 && test > 0 {
            return Ok(parts);
        }
        let share = self.options.share();
        let got = format!("{train} and {test} with a share of {share}");
        let expected = "rows in both parts, training and test";
        let remedy = "raise or lower `test_share`";
        Err(DataError::unfit(self.path, expected, got, remedy))
    }

    /// Refuses options about the test part for data that have one of their own.
    pub(super) fn refuse_split(&self, got: &'static str) -> Result<(), DataError> {
        match self.options.split_option() {
            None => Ok(()),
            Some(name) => Err(self.unused(format!("`{name}`"), got)),
        }
    }

    /// Refuses changes of images for data that are none.
    pub(super) fn refuse_image_changes(&self) -> Result<(), DataError> {
        if !self.options.augment.changes_images() {
            return Ok(());
        }
        let setting = "`augment` with changes of images".to_owned();
        Err(self.unused(setting, "arrays that are no bytes of images"))
    }

    /// An option that does not apply to what the data are.
    pub(super) fn unused(&self, setting: String, got: &'static str) -> DataError {
        DataError::Unused {
            path: self.path.to_owned(),
            setting,
            got,
        }
    }
}
