//! Input of predictions: files made into rows as those of a training were.

use std::path::Path;

use ndarray::Array2;

use super::arrays::ArrayDataset;
use super::columns::Columns;
use super::csv::texts_of;
use super::error::DataError;
use super::files::{IDX, TABLES, has_end};
use super::idx::Idx;
use super::images::{ChannelStatistics, ImageDataset, ImageShape};
use super::npy::Npy;
#[cfg(feature = "npz")]
use super::predict_archive::archive_inputs;
#[cfg(feature = "image")]
use super::predict_images::image_files;
#[cfg(feature = "audio")]
use super::predict_sounds::sounds;
use super::preparation::{Preparation, RowKind};
use super::scale::Standardizer;
use super::sniff::{Content, content};
use super::table_encoder::TableEncoder;
use super::text::read_text;
use super::text_features::{LabelledTexts, TextHasher};
use super::unlabelled::PredictInput;

impl Preparation {
    /// Makes rows of what lies at `path`: of images a file in one of `ImageFolder::read`'s
    /// formats, a folder of them (and of folders in it), or bytes in a `.npy`; of sounds a WAV
    /// file, a folder or a tar archive; of tables a CSV file with the same columns (others beside
    /// them, such as a label, are left aside), or a `.npy`; of texts a CSV file likewise, or any
    /// other file with a text a line; of arrays a `.npy`, or `x` of a `.npz`.
    ///
    /// Image files need the feature `image`, sounds `audio`, a `.npz` `npz`.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read, or holds rows of another kind; [`DataError::Unfit`] for
    /// models of text, which continue texts and do not classify rows; [`DataError::Feature`] for
    /// files whose feature is off.
    pub fn rows(&self, path: &Path) -> Result<PredictInput, DataError> {
        self.made(path).map_err(|error| error.within(path))
    }

    fn made(&self, path: &Path) -> Result<PredictInput, DataError> {
        match &self.rows {
            RowKind::Table {
                columns,
                encoders,
                scale,
            } => {
                let encoder = TableEncoder::kept(columns.names.len(), encoders, scale);
                table(path, columns, &encoder)
            }
            RowKind::Series {
                columns,
                encoders,
                scale,
                windows,
            } => {
                let encoder = TableEncoder::kept(columns.names.len(), encoders, scale);
                encoder.windows_of_table(path, columns, *windows)
            }
            RowKind::Array { shape, scale } => array(path, shape, scale.as_ref()),
            RowKind::Images { shape, statistics } => images(path, *shape, statistics),
            #[cfg(feature = "audio")]
            RowKind::Sounds {
                settings,
                frames,
                scale,
            } => sounds(path, *settings, *frames, scale),
            #[cfg(not(feature = "audio"))]
            RowKind::Sounds { .. } => Err(DataError::no_feature(path, "recordings", "audio")),
            RowKind::Texts { columns, hasher } => texts(path, columns, hasher),
            RowKind::Tokens { .. } => Err(DataError::unfit(
                path,
                "a model that classifies rows",
                "one of text",
                "let it continue a text with `unisono generate`",
            )),
        }
    }
}

/// The inputs of an archive.
#[cfg(not(feature = "npz"))]
fn archive_inputs(path: &Path) -> Result<Npy, DataError> {
    Err(DataError::no_feature(path, "archives of arrays", "npz"))
}

/// The pixels of image files, with the names of the files.
#[cfg(not(feature = "image"))]
fn image_files(path: &Path, _shape: ImageShape) -> Result<(Vec<u8>, Vec<String>), DataError> {
    Err(DataError::no_feature(path, "files of images", "image"))
}

/// Rows of this shape, whose labels nobody will ask for.
pub(super) fn unlabelled(values: Array2<f32>, shape: &[usize]) -> Result<ArrayDataset, DataError> {
    let classes = vec![0; values.nrows()];
    ArrayDataset::classes(values, &classes, 1)?.shaped(shape)
}

fn table(
    path: &Path,
    columns: &Columns,
    encoder: &TableEncoder,
) -> Result<PredictInput, DataError> {
    if !has_end(path, &[".npy", ".npz"]) {
        return encoder.rows_of_table(path, columns);
    }
    let width = columns.names.len();
    if !encoder.takes_numbers() {
        let remedy = "give a table with the columns that the model was trained on";
        let expected = "cells of words or dates";
        return Err(DataError::unfit(
            path,
            expected,
            "an array of numbers",
            remedy,
        ));
    }
    let array = numpy(path)?;
    check_shape(array.shape(), &[width], path)?;
    let values = array.doubles();
    let values = values.to_shape((values.len() / width.max(1), width));
    let values = values.expect("rows of this shape");
    encoder.rows_of_codes(values.view(), &[], path)
}

/// The array of a `.npy`, or the inputs of a `.npz`.
fn numpy(path: &Path) -> Result<Npy, DataError> {
    if has_end(path, &[".npz"]) {
        archive_inputs(path)
    } else {
        Npy::read(path)
    }
}

/// Refuses what is not rows of `shape`, or one of them without an axis of rows; grey images need no
/// axis of channels.
fn check_shape(found: &[usize], shape: &[usize], path: &Path) -> Result<(), DataError> {
    let is = |shape: &[usize]| found == shape || found.get(1..) == Some(shape);
    // A value a row.
    let is_plain = shape == [1] && found.len() == 1;
    let is_grey = shape.len() == 3 && shape[2] == 1;
    if is(shape) || is_plain || is_grey && is(&shape[..2]) {
        return Ok(());
    }
    let expected = format!("rows of shape {shape:?}, or one");
    Err(DataError::unfit(
        path,
        expected,
        format!("shape {found:?}"),
        "give rows of the shape that the model was trained on",
    ))
}

fn array(
    path: &Path,
    shape: &[usize],
    scale: Option<&Standardizer>,
) -> Result<PredictInput, DataError> {
    let values = array_values(&numpy(path)?, shape, scale, path)?;
    Ok(PredictInput::of(unlabelled(values, shape)?, Vec::new()))
}

/// The rows of an array as the model takes them.
pub(super) fn array_values(
    array: &Npy,
    shape: &[usize],
    scale: Option<&Standardizer>,
    path: &Path,
) -> Result<Array2<f32>, DataError> {
    check_shape(array.shape(), shape, path)?;
    let is_bytes = matches!(array, Npy::Bytes(_));
    let width: usize = shape.iter().product();
    let rows = |len: usize| (len / width.max(1), width);
    match scale {
        Some(scale) => {
            let values = array.doubles();
            let values = values.to_shape(rows(values.len()));
            let values = values.expect("rows of this shape");
            scale.check(values.view(), &[])?;
            Ok(scale.apply(values.view()))
        }
        None => {
            let values = array.reals();
            let values = values.to_shape(rows(values.len()));
            let values = values.expect("rows of this shape").into_owned();
            Ok(if is_bytes { values / 255.0 } else { values })
        }
    }
}

fn images(
    path: &Path,
    shape: ImageShape,
    statistics: &ChannelStatistics,
) -> Result<PredictInput, DataError> {
    // Bytes of NumPy or IDX as they are; files of images are decoded and resized.
    let (pixels, names) = if has_end(path, &[".npy", ".npz"]) {
        (array_pixels(&numpy(path)?, shape, path)?, Vec::new())
    } else if has_end(path, &IDX) {
        let idx = Idx::read(path)?;
        check_shape(&idx.shape, &axes(shape), path)?;
        (idx.values, Vec::new())
    } else {
        image_files(path, shape)?
    };
    let classes = vec![0; pixels.len() / shape.len()];
    let images = ImageDataset::new(pixels, shape, classes, 1)?;
    Ok(PredictInput::of(images.standardised(statistics), names))
}

fn axes(shape: ImageShape) -> [usize; 3] {
    [shape.height, shape.width, shape.channels]
}

/// The pixels of an array of images.
pub(super) fn array_pixels(
    array: &Npy,
    shape: ImageShape,
    path: &Path,
) -> Result<Vec<u8>, DataError> {
    check_shape(array.shape(), &axes(shape), path)?;
    match array {
        Npy::Bytes(bytes) => Ok(bytes.iter().copied().collect()),
        _ => Err(DataError::unfit(
            path,
            "bytes of images",
            "other numbers",
            "give images as whole numbers from 0 to 255, of type uint8",
        )),
    }
}

fn texts(path: &Path, columns: &Columns, hasher: &TextHasher) -> Result<PredictInput, DataError> {
    let is_table = has_end(path, &TABLES) || content(path)? == Content::Table;
    let texts: Vec<String> = if is_table {
        texts_of(path, columns)?
    } else {
        let text = read_text(path)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let labelled = LabelledTexts {
        labels: vec![0; texts.len()],
        classes: vec![String::new()],
        columns: columns.clone(),
        reading: Vec::new(),
        texts,
    };
    Ok(PredictInput::of(hasher.dataset(&labelled)?, labelled.texts))
}
