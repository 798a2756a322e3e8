//! Class folders: one sub-folder per class; every image with its class, and what is left out.

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::left_out::{LeftOut, is_hidden, leads_back};
use super::picture::IMAGES;
use super::unnamed::is_image;

/// The files of a folder with one sub-folder per class.
pub(super) struct ClassFolders {
    pub(super) class_names: Vec<String>,
    /// Every image with its class.
    pub(super) files: Vec<(PathBuf, u32)>,
    /// Those in folders below their class's.
    pub(super) nested: usize,
    pub(super) left_out: LeftOut,
}

impl ClassFolders {
    /// Of `folder`, which must hold at least `least` of them.
    pub(super) fn read(folder: &Path, least: usize) -> Result<Self, DataError> {
        let mut left_out = LeftOut::default();
        let (folders, others): (Vec<PathBuf>, Vec<PathBuf>) = entries(folder, &mut left_out)?
            .into_iter()
            .partition(|path| path.is_dir());
        if folders.len() < least {
            let got = format!("{} of them", folders.len());
            let expected = format!("at least {least} folders, each with the images of a class");
            let remedy = "put the images of each class into a folder of its own";
            return Err(DataError::unfit(folder, expected, got, remedy));
        }
        // What lies beside the class folders is no class's.
        for path in others {
            if is_image(&path) {
                left_out.count("images in no class folder");
            } else {
                left_out.add(&path);
            }
        }
        let mut found = Self {
            class_names: Vec::new(),
            files: Vec::new(),
            nested: 0,
            left_out,
        };
        // Each class folder with all that lies below it.
        for (class, path) in folders.iter().enumerate() {
            let images = images_below(path, &mut found.left_out)?;
            if images.is_empty() {
                let expected = format!("images ({})", IMAGES.join(", "));
                let remedy = "put images of the class there, or take the folder away";
                return Err(DataError::unfit(path, expected, "none", remedy));
            }
            let name = path.file_name().unwrap_or_default();
            found.class_names.push(name.to_string_lossy().into_owned());
            let is_nested = |image: &&PathBuf| image.parent() != Some(path);
            found.nested += images.iter().filter(is_nested).count();
            let images = images.into_iter().map(|image| (image, class as u32));
            found.files.extend(images);
        }
        Ok(found)
    }
}

/// Every image in a folder and the folders in it, by name.
pub(super) fn images_below(
    folder: &Path,
    left_out: &mut LeftOut,
) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    for path in entries(folder, left_out)? {
        if path.is_dir() && !leads_back(&path, folder) {
            found.extend(images_below(&path, left_out)?);
        } else if is_image(&path) {
            found.push(path);
        } else {
            left_out.add(&path);
        }
    }
    Ok(found)
}

/// What lies in a folder and is not hidden, by name.
fn entries(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>, DataError> {
    let failed = DataError::io(folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if is_hidden(Path::new(&entry.file_name())) {
            left_out.count("hidden");
        } else {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}
