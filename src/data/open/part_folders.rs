//! Folders that are parts: training, test and validation, by their names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::data::error::DataError;
use crate::data::unnamed::{is_image, is_sound};

/// What the rows below a folder are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Test,
    Validation,
}

impl Part {
    /// The part that a folder's name stands for.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "train" | "training" => Some(Part::Train),
            "test" | "testing" => Some(Part::Test),
            "val" | "valid" | "validation" | "dev" | "eval" => Some(Part::Validation),
            _ => None,
        }
    }
}

/// Which of the folders that lie side by side are what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartNames {
    pub(super) train: String,
    /// The test part, or the validation part where there is no other.
    pub(super) test: String,
    /// The validation part beside a test part.
    pub(super) valid: Option<String>,
    /// Other folders, none of which is read.
    pub(super) beside: Vec<String>,
}

impl PartNames {
    /// Those of folders with these names, if one is for training and another to evaluate on.
    pub(super) fn among<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let first = |part| {
            let is_part = |name: &&&str| Part::named(name) == Some(part);
            names.iter().find(is_part).map(ToString::to_string)
        };
        let train = first(Part::Train)?;
        let (test, valid) = match (first(Part::Test), first(Part::Validation)) {
            (Some(test), valid) => (test, valid),
            (None, valid) => (valid?, None),
        };
        let used = [Some(&train), Some(&test), valid.as_ref()];
        let is_used = |name: &str| used.into_iter().flatten().any(|other| other == name);
        let beside = names.iter().filter(|name| !is_used(name));
        let beside = beside.map(ToString::to_string).collect();
        Some(Self {
            train,
            test,
            valid,
            beside,
        })
    }

    /// The same of the folders in `path`; `inside` names the folders in one. A folder `train` beside
    /// one with the same folders inside, whose name is no part's, is refused: both would be classes.
    pub(super) fn checked<'n>(
        path: &Path,
        names: impl IntoIterator<Item = &'n str>,
        inside: impl Fn(&str) -> Result<Vec<String>, DataError>,
    ) -> Result<Option<Self>, DataError> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let parts = Self::among(names.iter().copied());
        let is_train = |name: &&&str| Part::named(name) == Some(Part::Train);
        let Some(train) = names.iter().find(is_train).filter(|_| parts.is_none()) else {
            return Ok(parts);
        };
        let classes = inside(train)?;
        for other in names.iter().filter(|name| *name != train) {
            if inside(other)?.iter().any(|name| classes.contains(name)) {
                return Err(DataError::unfit(
                    path,
                    format!(
                        "{train} beside a part to evaluate on: test, val, valid, validation, dev or eval"
                    ),
                    format!("{other}, with the same classes"),
                    format!(
                        "give {other} one of these names, or {train} another if both are classes"
                    ),
                ));
            }
        }
        Ok(None)
    }

    /// The part of what lies in a folder, if it is used.
    pub(super) fn of(&self, folder: &str) -> Option<Part> {
        match folder {
            name if name == self.train => Some(Part::Train),
            name if name == self.test => Some(Part::Test),
            name if Some(name) == self.valid.as_deref() => Some(Part::Validation),
            _ => None,
        }
    }

    /// Whether the part to evaluate on is named for validation.
    pub(super) fn has_validation_alone(&self) -> bool {
        Part::named(&self.test) == Some(Part::Validation)
    }

    /// What is done with them.
    pub(super) fn line(&self) -> String {
        let Self { train, test, .. } = self;
        let valid = self.valid.as_ref();
        let valid = valid.map_or(String::new(), |name| format!("{name} for validation, "));
        let used = format!("part folders: {train} for training, {valid}{test} to evaluate on");
        if self.beside.is_empty() {
            return used;
        }
        format!("{used}; not used: {}", self.beside.join(", "))
    }
}

/// The names of the folders in a folder, hidden ones aside, and whether there are images or sounds
/// beside them.
fn folders(path: &Path) -> Result<(Vec<String>, bool), DataError> {
    let failed = DataError::io(path);
    let (mut names, mut has_files) = (Vec::new(), false);
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        if entry.path().is_dir() {
            names.push(name);
        } else {
            has_files = has_files || is_image(&entry.path()) || is_sound(&entry.path());
        }
    }
    Ok((names, has_files))
}

/// The parts of a folder, if its folders are such.
pub(super) fn part_names(path: &Path) -> Result<Option<PartNames>, DataError> {
    let (names, _) = folders(path)?;
    let inside = |name: &str| Ok(folders(&path.join(name))?.0);
    PartNames::checked(path, names.iter().map(String::as_str), inside)
}

/// `path`, or what lies in it where that is a single folder, as in an unpacked archive.
pub(super) fn innermost(path: &Path) -> Result<PathBuf, DataError> {
    let mut path = path.to_owned();
    loop {
        match folders(&path)? {
            (names, false) if names.len() == 1 => {
                let inside = path.join(&names[0]);
                // Not a folder of images alone: it would be a single class.
                let (inner, _) = folders(&inside)?;
                if inner.is_empty() {
                    return Ok(path);
                }
                path = inside;
            }
            _ => return Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validation_part_is_the_test_part_where_there_is_no_other() {
        let line = |names: &[&str]| PartNames::among(names.iter().copied()).map(|all| all.line());
        for (names, expected) in [
            (
                &["val", "train"][..],
                "part folders: train for training, val to evaluate on",
            ),
            (
                &["Validation", "test", "train", "extra"],
                "part folders: train for training, Validation for validation, test to evaluate on; not used: extra",
            ),
        ] {
            assert_eq!(line(names).as_deref(), Some(expected));
        }
        assert_eq!(line(&["train", "bus"]), None);
        assert_eq!(line(&["test", "val"]), None);
    }
}
