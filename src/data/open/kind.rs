//! Kinds of data: what lies at a path, by its name and what is in it.

use std::io;
use std::path::Path;

use crate::data::error::DataError;
use crate::data::files::{IDX, SOUNDS, TABLES, has_end};
use crate::data::listed::listed;
use crate::data::picture::IMAGES;
use crate::data::sniff::{Content, content};
use crate::data::unnamed::{is_image, is_sound};
use crate::meant::nearest;

use super::array_names::Roles;
use super::augmentations::Augmentations;
use super::options::{DataOptions, Tokens};
use super::part_folders::{innermost, part_names};

/// A kind of data.
///
/// ```
/// use unisono::data::{DataKind, DataOptions};
/// let path = std::env::temp_dir().join(format!("unisono-kind-{}.csv", std::process::id()));
/// std::fs::write(&path, "height,width,label\n1,2,a\n3,4,b\n").unwrap();
/// let kind = DataKind::of(&path, &DataOptions::default())?;
/// assert_eq!((kind, kind.name(), kind.has_parts()), (DataKind::Table, "a table", false));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataKind {
    /// MNIST's four files.
    IdxFolder,
    /// CIFAR's binary files.
    CifarFolder,
    /// `x_train.npy`, `y_train.npy` and others.
    NpyFolder,
    /// A folder of images, one sub-folder per class.
    ImageFolder {
        /// Whether folders such as `train` and `test` lie around them.
        has_parts: bool,
    },
    /// WAV files in a folder or a tar archive.
    Sounds,
    /// One IDX file.
    Idx,
    /// One NumPy array.
    Npy,
    /// Several NumPy arrays.
    Npz,
    /// Comma-separated values.
    Table,
    /// Anything else.
    Text,
}

impl DataKind {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            DataKind::IdxFolder => "a folder of IDX files",
            DataKind::CifarFolder => "CIFAR's binary files",
            DataKind::NpyFolder => "a folder of NumPy arrays",
            DataKind::ImageFolder { has_parts: true } => "a folder of images with their own parts",
            DataKind::ImageFolder { has_parts: false } => "a folder of images",
            DataKind::Sounds => "sounds",
            DataKind::Idx => "an IDX file",
            DataKind::Npy => "a NumPy array",
            DataKind::Npz => "NumPy arrays",
            DataKind::Table => "a table",
            DataKind::Text => "a text",
        }
    }

    /// The same without an article.
    pub fn short_name(self) -> &'static str {
        let name = self.name();
        let short = name.strip_prefix("a ").or_else(|| name.strip_prefix("an "));
        short.unwrap_or(name)
    }

    /// Whether the files say which rows are the test part, whatever is in them.
    pub fn has_parts(self) -> bool {
        matches!(
            self,
            DataKind::IdxFolder | DataKind::CifarFolder | DataKind::ImageFolder { has_parts: true }
        )
    }

    /// Whether its labels can be numbers that measure something, so that a regression predicts them.
    pub fn has_numbers(self) -> bool {
        matches!(self, DataKind::Table | DataKind::Npz | DataKind::NpyFolder)
    }

    /// Whether rows of this kind have an order, which files of images and of sounds lack. That of
    /// a text is taken anyway.
    pub fn has_order(self) -> bool {
        matches!(self, DataKind::Table | DataKind::Npz | DataKind::NpyFolder)
    }

    /// Whether rows of this kind can have all of these augmentations; `has_texts` tells a table of
    /// texts from one of numbers.
    pub fn takes(self, changes: &Augmentations, has_texts: bool) -> bool {
        let is_images = matches!(
            self,
            DataKind::IdxFolder
                | DataKind::CifarFolder
                | DataKind::ImageFolder { .. }
                | DataKind::Npz
                | DataKind::NpyFolder
        );
        let is_text = self == DataKind::Text || (self == DataKind::Table && has_texts);
        (is_images || !changes.changes_images())
            && (self == DataKind::Sounds || !changes.changes_sounds())
            && (is_text || !changes.changes_tokens())
    }

    /// The kind of what lies at `path`. Where its name and what is in it leave a choice, the options
    /// decide: `text` is for tables, `tokens` for texts.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Unfit`] for what is no data.
    pub fn of(path: &Path, options: &DataOptions) -> Result<Self, DataError> {
        let asked = match options.tokens {
            _ if options.text => Asked::Table,
            Some(Tokens::Bytes) => Asked::Bytes,
            Some(Tokens::Characters | Tokens::File(_)) => Asked::Text,
            None => Asked::Anything,
        };
        // What is not there has no kind, whatever its name; a pipe cannot be read twice.
        let found = std::fs::metadata(path).map_err(|error| not_found(path, error))?;
        if found.is_dir() {
            return Self::of_folder(path);
        }
        if !found.is_file() {
            let remedy = "write what comes out of it into a file";
            let got = "a pipe or a device";
            return Err(DataError::unfit(path, "a file or a folder", got, remedy));
        }
        let ends = |ends: &[&str]| has_end(path, ends);
        if ends(&IMAGES) || ends(&SOUNDS) {
            let expected = "a folder of images or sounds, with a folder for each class";
            let remedy = "give the folder in which they lie";
            return Err(DataError::unfit(path, expected, "one of them", remedy));
        }
        // By its name.
        let known = [
            (&IDX[..], DataKind::Idx),
            (&[".npy"], DataKind::Npy),
            (&[".npz"], DataKind::Npz),
            (&[".tar", ".tar.gz", ".tgz"], DataKind::Sounds),
        ];
        if let Some((_, kind)) = known.iter().find(|(names, _)| ends(names)) {
            return Ok(*kind);
        }
        // By what is in it, and by what is asked for.
        let is_table = ends(&TABLES);
        let expected = "a table, arrays, images, sounds or a text";
        match content(path)? {
            Content::Binary(..) if asked == Asked::Bytes && !is_table => Ok(DataKind::Text),
            Content::Binary(what, remedy) => Err(DataError::unfit(path, expected, what, remedy)),
            Content::Npy => Ok(DataKind::Npy),
            _ if is_table || asked == Asked::Table => Ok(DataKind::Table),
            _ if asked != Asked::Anything => Ok(DataKind::Text),
            Content::Written(what, remedy) => Err(DataError::unfit(path, expected, what, remedy)),
            Content::Table => Ok(DataKind::Table),
            Content::Text => Ok(DataKind::Text),
        }
    }

    fn of_folder(path: &Path) -> Result<Self, DataError> {
        let holds = |name: &str| path.join(name).exists();
        let idx = [
            "-idx3-ubyte",
            "-idx3-ubyte.gz",
            ".idx3-ubyte",
            ".idx3-ubyte.gz",
        ];
        if idx.iter().any(|end| holds(&format!("train-images{end}"))) {
            return Ok(DataKind::IdxFolder);
        }
        if holds("data_batch_1.bin") || holds("train.bin") {
            return Ok(DataKind::CifarFolder);
        }
        // Arrays, by their names.
        let arrays = arrays_in(path)?;
        if Roles::of(&arrays).is_some() {
            return Ok(DataKind::NpyFolder);
        }
        // Images or sounds, by the first file.
        let inside = innermost(path)?;
        let parts = part_names(&inside)?;
        let has_parts = parts.is_some();
        let first = match parts {
            Some(parts) => first_file(&inside.join(parts.train))?,
            None => first_file(&inside)?,
        };
        match first {
            Some(File::Sound) => Ok(DataKind::Sounds),
            Some(File::Image) => Ok(DataKind::ImageFolder { has_parts }),
            None => Err(DataError::unfit(
                path,
                "a folder with MNIST's files (train-images-idx3-ubyte and three more), CIFAR's (data_batch_1.bin or train.bin), NumPy's \
                 (x_train.npy and three more), folders of images, or WAV files",
                held(path)?,
                remedy_of(path)?,
            )),
        }
    }
}

/// What a file may be taken for where its name does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// What it looks like.
    Anything,
    /// A table.
    Table,
    /// A text.
    Text,
    /// Bytes, whatever they are.
    Bytes,
}

/// The names of a folder's `.npy` files, without their end.
pub(crate) fn arrays_in(folder: &Path) -> Result<Vec<String>, DataError> {
    let names = file_names(folder)?;
    let stems = names.iter().filter_map(|name| name.strip_suffix(".npy"));
    Ok(stems.map(str::to_owned).collect())
}

/// Letters that a mistyped name has too many or too few.
const SLIP: usize = 3;

/// The error of a path that cannot be looked at: with the name that may be meant, where there is
/// nothing of this one.
fn not_found(path: &Path, error: io::Error) -> DataError {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut names = file_names(folder).unwrap_or_default();
    // A slip changes a few letters, and seldom those behind the point. `1.csv` beside `0.csv` is none.
    let is_long = path.file_stem().is_some_and(|stem| stem.len() > 2);
    names.retain(|other| {
        let is_of_kind = Path::new(other).extension() == path.extension();
        is_long && is_of_kind && other.len().abs_diff(name.len()) <= SLIP
    });
    let meant = nearest(&name, names.iter().map(String::as_str));
    match (error.kind(), meant) {
        (io::ErrorKind::NotFound, Some(meant)) => {
            let meant = path.with_file_name(meant);
            let remedy = format!("did you mean {}?", meant.display());
            DataError::unfit(path, "a file or a folder", "nothing of this name", remedy)
        }
        _ => DataError::io(path)(error),
    }
}

/// What to do with a folder that is no data: of tables, one is to be named.
fn remedy_of(folder: &Path) -> Result<String, DataError> {
    let names = file_names(folder)?;
    let mut tables = names
        .iter()
        .filter(|name| has_end(Path::new(name), &TABLES));
    Ok(match tables.next() {
        None => "give a file, or the folder in which they lie".to_owned(),
        Some(table) => format!(
            "give one of its tables, such as {}; `--valid` and `--test` take others",
            folder.join(table).display()
        ),
    })
}

/// What a folder holds, in a few words.
fn held(folder: &Path) -> Result<String, DataError> {
    let names = file_names(folder)?;
    Ok(match names.len() {
        0 => "an empty one".to_owned(),
        _ => format!("one with {}", listed(&names)),
    })
}

fn file_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let failed = DataError::io(folder);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.map_err(failed)?;
        Ok(entry.file_name().to_string_lossy().into_owned())
    };
    let mut names: Vec<String> = entries.map(name).collect::<Result<_, DataError>>()?;
    names.sort_unstable();
    Ok(names)
}

/// A file by its name, or by what is in it where that does not say.
enum File {
    Image,
    Sound,
}

/// The first image or sound in a folder, or in the folders in it.
fn first_file(folder: &Path) -> Result<Option<File>, DataError> {
    let failed = DataError::io(folder);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable();
    // Files come before those in folders.
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    for file in files {
        if is_sound(&file) {
            return Ok(Some(File::Sound));
        }
        if is_image(&file) {
            return Ok(Some(File::Image));
        }
    }
    for folder in folders {
        if let Some(found) = first_file(&folder)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
