//! A path with its options, while it is read; the split of its rows into parts.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::folds::{Fold, stratified_folds};
use crate::data::split::{
    PartRows, Shares, group_parts, last_parts, random_parts, split_from_file, stratified_parts,
};

use crate::data::preparation::Preparation;
use crate::data::unlabelled::PredictInput;

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
    /// The rows of each part, once they are drawn.
    pub(super) drawn: OnceLock<PartRows>,
}

impl PartRows {
    /// The validation part, if there is one, as `part` makes it of its rows.
    pub(super) fn valid_part<D: Dataset + 'static>(
        &self,
        part: impl Fn(&[usize]) -> Result<D, DataError>,
    ) -> Result<Option<Box<dyn Dataset>>, DataError> {
        some_part(&self.valid, part)
    }

    /// The test part likewise; there is none where it is another file.
    pub(super) fn test_part<D: Dataset + 'static>(
        &self,
        part: impl Fn(&[usize]) -> Result<D, DataError>,
    ) -> Result<Option<Box<dyn Dataset>>, DataError> {
        some_part(&self.test, part)
    }
}

fn some_part<D: Dataset + 'static>(
    rows: &[usize],
    part: impl Fn(&[usize]) -> Result<D, DataError>,
) -> Result<Option<Box<dyn Dataset>>, DataError> {
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(part(rows)?)))
}

impl Source<'_> {
    /// Rows of each part, drawn as the options say.
    pub(super) fn split(&self, labels: &[u32]) -> Result<PartRows, DataError> {
        self.split_groups(labels, &[])
    }

    /// The same of rows that have a group each.
    pub(super) fn split_groups(
        &self,
        labels: &[u32],
        groups: &[String],
    ) -> Result<PartRows, DataError> {
        let parts = self.new_split(labels, groups)?;
        Ok(self.drawn.get_or_init(|| parts).clone())
    }

    fn new_split(&self, labels: &[u32], groups: &[String]) -> Result<PartRows, DataError> {
        if let Some(fold) = self.options.fold {
            return self.fold(labels, fold);
        }
        let shares = self.options.shares();
        let parts = match &self.options.split {
            Some(Split::File(path)) => {
                // The file names the test part; the validation part is drawn from the others.
                let (rest, test) = split_from_file(path, labels.len())?;
                let labels: Vec<u32> = rest.iter().map(|&row| labels[row]).collect();
                let shares = Shares {
                    valid: shares.valid * (rest.len() + test.len()) as f64 / rest.len() as f64,
                    test: 0.0,
                };
                let held = self.draw(&labels, groups, shares);
                let of_rest = |rows: Vec<usize>| rows.into_iter().map(|row| rest[row]).collect();
                PartRows {
                    train: of_rest(held.train),
                    valid: of_rest(held.valid),
                    test,
                }
            }
            _ => self.draw(labels, groups, shares),
        };
        self.refuse_names_of_rows(labels, &parts)?;
        self.filled(parts)
    }

    /// Refuses labels that come once each, of which no part can have one that the others have.
    fn refuse_names_of_rows(&self, labels: &[u32], parts: &PartRows) -> Result<(), DataError> {
        let is_empty = parts.train.is_empty() || parts.test.is_empty();
        let different: HashSet<u32> = labels.iter().copied().collect();
        if !is_empty || labels.len() < 2 || different.len() < labels.len() {
            return Ok(());
        }
        Err(DataError::unfit(
            self.path,
            "classes that several rows have",
            format!("another one in each of {} rows", labels.len()),
            "`label` names the column of the classes, and `target` one of numbers that are to be predicted",
        ))
    }

    /// Training and validation rows of files with a test part of their own, whose training part
    /// has these labels; all of them are for training unless a validation part is asked for.
    pub(super) fn held_out(
        &self,
        labels: &[u32],
        groups: &[String],
    ) -> Result<PartRows, DataError> {
        self.refuse_test()?;
        let Some(valid) = self.options.valid_share else {
            return Ok(PartRows {
                train: (0..labels.len()).collect(),
                ..PartRows::default()
            });
        };
        let parts = self.draw(labels, groups, Shares { valid, test: 0.0 });
        self.check_valid(&parts)?;
        Ok(parts)
    }

    /// The rows of a fold, and all others.
    fn fold(&self, labels: &[u32], fold: Fold) -> Result<PartRows, DataError> {
        let rows = labels.len();
        if rows < fold.of {
            let expected = format!("at least {} rows, one for each fold", fold.of);
            let remedy = "take fewer `folds`";
            return Err(DataError::unfit(
                self.path,
                expected,
                rows.to_string(),
                remedy,
            ));
        }
        let seed = self.options.drawn_with();
        let folds = match self.options.split {
            Some(Split::Random) => stratified_folds(&vec![0; rows], fold.of, seed),
            _ => stratified_folds(labels, fold.of, seed),
        };
        Ok(fold.parts(&folds))
    }

    fn draw(&self, labels: &[u32], groups: &[String], shares: Shares) -> PartRows {
        let seed = self.options.drawn_with();
        match &self.options.split {
            Some(Split::Random) => random_parts(labels.len() as u32, shares, seed),
            Some(Split::Last) => last_parts(labels.len(), shares),
            Some(Split::Groups) => group_parts(groups, shares, seed),
            Some(Split::Stratified | Split::File(_)) | None => {
                stratified_parts(labels, shares, seed)
            }
        }
    }

    /// Rows of each part, of rows that have values and no class.
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
    fn filled(&self, parts: PartRows) -> Result<PartRows, DataError> {
        let (train, test) = (parts.train.len(), parts.test.len());
        if train > 0 && (test > 0 || self.options.test.is_some()) {
            self.check_valid(&parts)?;
            return Ok(parts);
        }
        let share = self.options.share();
        let got = format!("{train} and {test} with a share of {share}");
        let expected = "rows in both parts, training and test";
        let remedy = match self.options.valid_share {
            None => "raise or lower `test_share`",
            Some(_) => "raise or lower `test_share` and `valid_share`",
        };
        Err(DataError::unfit(self.path, expected, got, remedy))
    }

    /// Refuses a validation part that was asked for and has no row, or leaves none to train on.
    fn check_valid(&self, parts: &PartRows) -> Result<(), DataError> {
        let Some(share) = self.options.valid_share else {
            return Ok(());
        };
        let (train, valid) = (parts.train.len(), parts.valid.len());
        if train > 0 && valid > 0 {
            return Ok(());
        }
        let got = format!("{train} and {valid} with a share of {share}");
        let expected = "rows in training and validation part";
        let remedy = "raise or lower `valid_share`, or give more rows";
        Err(DataError::unfit(self.path, expected, got, remedy))
    }

    /// The rows of another file that is a part, and what there is to say of them.
    pub(super) fn other_part(
        &self,
        part: &str,
        file: &Path,
        preparation: &Preparation,
    ) -> Result<(Box<dyn Dataset>, Vec<String>), DataError> {
        let places = [self.path, file].map(|path| std::fs::canonicalize(path).ok());
        if places[0].is_some() && places[0] == places[1] {
            let remedy = "give other rows, or leave it out: parts are then drawn from the file";
            let expected = format!("other files than those of the training as {part} part");
            return Err(DataError::unfit(file, expected, "the same", remedy));
        }
        let PredictInput { data, notes, .. } = preparation.labelled(file)?;
        let mut said = vec![format!(
            "{part} part: {} rows of {}",
            data.len(),
            file.display()
        )];
        said.extend(notes.into_iter().map(|note| format!("{part} {note}")));
        Ok((data, said))
    }

    /// Refuses another file as the test part of data that have one of their own.
    fn refuse_test(&self) -> Result<(), DataError> {
        match self.options.test {
            None => Ok(()),
            Some(_) => Err(self.unused("`test`".to_owned(), "files with their own test part")),
        }
    }

    /// Refuses options about the parts for data that have a validation part, and a test part too if
    /// `has_test`.
    pub(super) fn refuse_valid(&self, has_test: bool) -> Result<(), DataError> {
        if has_test {
            self.refuse_test()?;
        }
        let options = [
            ("`valid`", self.options.valid.is_some()),
            ("`valid_share`", self.options.valid_share.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((name, _)) => {
                Err(self.unused(name.to_owned(), "files with their own validation part"))
            }
        }
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
