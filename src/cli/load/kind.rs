//! What lies at a path, by its name and what is in it.

use std::path::Path;

use crate::data::{DataError, IDX, TABLES, has_end};

/// A kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// MNIST's four files.
    IdxFolder,
    /// CIFAR's binary files.
    CifarFolder,
    /// `x_train.npy`, `y_train.npy`, `x_test.npy`, `y_test.npy`.
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
    pub(super) fn name(self) -> &'static str {
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
    pub(in crate::cli) fn short_name(self) -> &'static str {
        let name = self.name();
        let short = name.strip_prefix("a ").or_else(|| name.strip_prefix("an "));
        short.unwrap_or(name)
    }

    /// The kind of what lies at `path`.
    pub(in crate::cli) fn of(path: &Path) -> Result<Self, DataError> {
        if path.is_dir() {
            return Self::of_folder(path);
        }
        let ends = |ends: &[&str]| has_end(path, ends);
        let alone = [".png", ".jpg", ".jpeg", ".wav"];
        if path.is_file() && ends(&alone) {
            let expected = "a folder of images or sounds, with a folder for each class";
            return Err(DataError::format(path, expected, "one of them"));
        }
        Ok(if ends(&IDX) {
            Kind::Idx
        } else if ends(&[".npy"]) {
            Kind::Npy
        } else if ends(&[".npz"]) {
            Kind::Npz
        } else if ends(&TABLES) {
            Kind::Table
        } else if ends(&[".tar", ".tar.gz", ".tgz"]) {
            Kind::Sounds
        } else {
            Kind::Text
        })
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
        if holds("x_train.npy") {
            return Ok(Kind::NpyFolder);
        }
        let has_parts = path.join("train").is_dir() && path.join("test").is_dir();
        let inside = if has_parts {
            path.join("train")
        } else {
            path.to_owned()
        };
        match first_file(&inside)? {
            Some(end) if end == "wav" => Ok(Kind::Sounds),
            Some(end) if ["png", "jpg", "jpeg"].contains(&end.as_str()) => {
                Ok(Kind::ImageFolder { has_parts })
            }
            _ => Err(DataError::format(
                path,
                "a folder with MNIST's files (train-images-idx3-ubyte and three more), CIFAR's (data_batch_1.bin or train.bin), NumPy's (x_train.npy and three more), folders of PNG or JPEG images, or WAV files",
                "none of these",
            )),
        }
    }
}

/// The extension of the first image or sound in a folder or the folders in it.
fn first_file(folder: &Path) -> Result<Option<String>, DataError> {
    let failed = DataError::io(folder);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let end = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if path.is_dir() {
            folders.push(path);
        } else if ["wav", "png", "jpg", "jpeg"].contains(&end.as_str()) {
            return Ok(Some(end));
        }
    }
    for folder in folders {
        if let Some(end) = first_file(&folder)? {
            return Ok(Some(end));
        }
    }
    Ok(None)
}
