//! Image files as input of predictions, brought to the size of a training's.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::class_folders::images_below;
use super::error::DataError;
use super::image_folder::ImageFolder;
use super::images::ImageShape;
use super::left_out::LeftOut;
use super::picture::IMAGES;

fn brought_to(shape: ImageShape) -> ImageFolder {
    ImageFolder {
        size: Some((shape.height, shape.width)),
        is_grey: shape.channels == 1,
        ..ImageFolder::default()
    }
}

/// The bytes of files, each with a name for messages, brought to one size.
pub(super) fn image_bytes<'f>(
    files: impl Iterator<Item = (&'f Path, &'f [u8])>,
    shape: ImageShape,
) -> Result<Vec<u8>, DataError> {
    let how = brought_to(shape);
    let decoded = files.map(|(name, bytes)| Ok(how.decoded(bytes, name)?.bytes));
    Ok(decoded.collect::<Result<Vec<_>, DataError>>()?.concat())
}

/// A file, or all below a folder, brought to one size.
pub(super) fn image_files(
    path: &Path,
    shape: ImageShape,
) -> Result<(Vec<u8>, Vec<String>), DataError> {
    let how = brought_to(shape);
    // The file, or all below the folder.
    let files: Vec<PathBuf> = if path.is_dir() {
        images_below(path, &mut LeftOut::default())?
    } else {
        vec![path.to_owned()]
    };
    if files.is_empty() {
        let expected = "images in the folder, or in folders of it";
        let remedy = format!("give files whose names end with {}", IMAGES.join(", "));
        return Err(DataError::unfit(path, expected, "none", remedy));
    }
    // Decoded on all cores.
    let decode = |file: &PathBuf| Ok(how.image(file)?.bytes);
    let pixels: Vec<Vec<u8>> = files
        .par_iter()
        .map(decode)
        .collect::<Result<_, DataError>>()?;
    let names = files.iter().map(|file| file.display().to_string());
    Ok((pixels.concat(), names.collect()))
}
