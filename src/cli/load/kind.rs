//! What lies at a path, by its name and what is in it.

use std::path::Path;

use crate::data::{Content, DataError, IDX, IMAGES, SOUNDS, TABLES, content, has_end, listed};

use super::names::Roles;
use super::part_folders::{innermost, part_names};

/// A kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MNIST's four files.
    IdxFolder,
    /// CIFAR's binary files.
    CifarFolder,
    /// `x_train.npy`, `y_train.npy` and others.
    NpyFolder,
    /// Folders of images, one a class; with `train` and `test` around them if so.
    ImageFolder { has_parts: bool },
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

impl Kind {
    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::IdxFolder => "a folder of IDX files",
            Kind::CifarFolder => "CIFAR's binary files",
            Kind::NpyFolder => "a folder of NumPy arrays",
            Kind::ImageFolder { has_parts: true } => "a folder of images with their own parts",
            Kind::ImageFolder { has_parts: false } => "a folder of images",
            Kind::Sounds => "sounds",
            Kind::Idx => "an IDX file",
            Kind::Npy => "a NumPy array",
            Kind::Npz => "NumPy arrays",
            Kind::Table => "a table",
            Kind::Text => "a text",
        }
    }

    /// The same without an article.
    pub(crate) fn short_name(self) -> &'static str {
        let name = self.name();
        let short = name.strip_prefix("a ").or_else(|| name.strip_prefix("an "));
        short.unwrap_or(name)
    }

    /// Whether the files say which rows are the test part, whatever is in them.
    pub(crate) fn has_parts(self) -> bool {
        matches!(
            self,
            Kind::IdxFolder | Kind::CifarFolder | Kind::ImageFolder { has_parts: true }
        )
    }

    /// The kind of what lies at `path`, where its name and what is in it leave a choice as asked.
    pub(crate) fn of(path: &Path, asked: Asked) -> Result<Self, DataError> {
        if path.is_dir() {
            return Self::of_folder(path);
        }
        let ends = |ends: &[&str]| has_end(path, ends);
        if path.is_file() && (ends(&IMAGES) || ends(&SOUNDS)) {
            let expected = "a folder of images or sounds, with a folder for each class";
            let remedy = "give the folder in which they lie";
            return Err(DataError::unfit(path, expected, "one of them", remedy));
        }
        let known = [
            (&IDX[..], Kind::Idx),
            (&[".npy"], Kind::Npy),
            (&[".npz"], Kind::Npz),
            (&[".tar", ".tar.gz", ".tgz"], Kind::Sounds),
        ];
        if let Some((_, kind)) = known.iter().find(|(names, _)| ends(names)) {
            return Ok(*kind);
        }
        let is_table = ends(&TABLES);
        let expected = "a table, arrays, images, sounds or a text";
        match content(path)? {
            Content::Binary(..) if asked == Asked::Bytes && !is_table => Ok(Kind::Text),
            Content::Binary(what, remedy) => Err(DataError::unfit(path, expected, what, remedy)),
            Content::Npy => Ok(Kind::Npy),
            _ if is_table || asked == Asked::Table => Ok(Kind::Table),
            _ if asked != Asked::Anything => Ok(Kind::Text),
            Content::Written(what, remedy) => Err(DataError::unfit(path, expected, what, remedy)),
            Content::Table => Ok(Kind::Table),
            Content::Text => Ok(Kind::Text),
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
            return Ok(Kind::IdxFolder);
        }
        if holds("data_batch_1.bin") || holds("train.bin") {
            return Ok(Kind::CifarFolder);
        }
        let arrays = arrays_in(path)?;
        if Roles::of(&arrays).is_some() {
            return Ok(Kind::NpyFolder);
        }
        let inside = innermost(path)?;
        let parts = part_names(&inside)?;
        let has_parts = parts.is_some();
        let first = match parts {
            Some(parts) => first_file(&inside.join(parts.train))?,
            None => first_file(&inside)?,
        };
        match first {
            Some(File::Sound) => Ok(Kind::Sounds),
            Some(File::Image) => Ok(Kind::ImageFolder { has_parts }),
            None => Err(DataError::unfit(
                path,
                "a folder with MNIST's files (train-images-idx3-ubyte and three more), CIFAR's (data_batch_1.bin or train.bin), NumPy's \
                 (x_train.npy and three more), folders of images, or WAV files",
                held(path)?,
                "give a file, or the folder in which they lie",
            )),
        }
    }
}

/// What a file may be taken for where its name does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
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

/// A file by its name.
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
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    for file in files {
        if has_end(&file, &SOUNDS) {
            return Ok(Some(File::Sound));
        }
        if has_end(&file, &IMAGES) {
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
