//! Files of a user's, made into rows as those of a training were.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use rayon::prelude::*;

use super::arrays::ArrayDataset;
use super::class_folders::images_below;
use super::columns::Columns;
use super::csv::{columns_of, texts_of};
use super::dataset::{Dataset, Labels};
use super::error::DataError;
use super::files::{IDX, TABLES, has_end};
use super::idx::Idx;
use super::image_folder::ImageFolder;
use super::images::{ChannelStatistics, ImageDataset, ImageShape};
use super::left_out::LeftOut;
use super::listed::listed;
use super::npy::{Npy, Npz};
use super::picture::IMAGES;
use super::preparation::{Preparation, RowKind};
use super::scale::Standardizer;
use super::sniff::{Content, content};
use super::sound::{Sound, read_sounds};
use super::spectrogram::SpectrogramSettings;
use super::speech::SpectrogramDataset;
use super::text::read_text;
use super::words::{LabelledTexts, TextHasher};

/// Rows without labels.
pub struct NewRows {
    /// The rows.
    pub data: Box<dyn Dataset>,
    /// The file of each row, or its text, where rows have one.
    pub names: Vec<String>,
}

impl std::fmt::Debug for NewRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.data.len();
        f.debug_tuple("NewRows").field(&rows).finish()
    }
}

impl NewRows {
    fn of(data: impl Dataset + 'static, names: Vec<String>) -> Self {
        Self {
            data: Box::new(Unlabelled(data)),
            names,
        }
    }
}

impl Preparation {
    /// Makes rows of what lies at `path`: of images a file in one of [`ImageFolder::read`]'s
    /// formats, a folder of them (and of folders in it), or bytes in a `.npy`; of sounds a WAV
    /// file, a folder or a tar archive; of tables a CSV file with the same columns (others beside
    /// them, such as a label, are left aside), or a `.npy`; of texts a CSV file likewise, or any
    /// other file with a text a line; of arrays a `.npy`, or `x` of a `.npz`.
    ///
    /// # Errors
    /// [`DataError`] if it cannot be read, or holds rows of another kind; [`DataError::Unfit`] for
    /// models of text, which continue texts and do not classify rows.
    pub fn rows(&self, path: &Path) -> Result<NewRows, DataError> {
        self.made(path).map_err(|error| error.within(path))
    }

    fn made(&self, path: &Path) -> Result<NewRows, DataError> {
        match &self.rows {
            RowKind::Table { columns, scale } => table(path, columns, scale),
            RowKind::Array { shape, scale } => array(path, shape, scale.as_ref()),
            RowKind::Images { shape, statistics } => images(path, (*shape, statistics)),
            RowKind::Sounds {
                settings,
                frames,
                scale,
            } => sounds(path, *settings, (*frames, scale)),
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

/// Rows that have no label.
struct Unlabelled<D>(D);

impl<D: Dataset> Dataset for Unlabelled<D> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_len(&self) -> usize {
        self.0.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.0.input_shape()
    }

    fn labels(&self) -> Labels {
        Labels::None
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.0.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, _rows: &[u32], _classes: &mut [u32]) {
        unreachable!("rows have no labels")
    }
}

fn unlabelled(values: Array2<f32>, shape: &[usize]) -> Result<ArrayDataset, DataError> {
    let classes = vec![0; values.nrows()];
    ArrayDataset::classes(values, &classes, 1)?.shaped(shape)
}

fn table(path: &Path, columns: &Columns, scale: &Standardizer) -> Result<NewRows, DataError> {
    let width = columns.names.len();
    if has_end(path, &[".npy", ".npz"]) {
        return array(path, &[width], Some(scale));
    }
    let values = scale.apply(columns_of(path, columns)?.view());
    Ok(NewRows::of(unlabelled(values, &[width])?, Vec::new()))
}

/// The array of a `.npy`, or the inputs of a `.npz`.
fn numpy(path: &Path) -> Result<Npy, DataError> {
    if !has_end(path, &[".npz"]) {
        return Npy::read(path);
    }
    let mut found = Npz::read(path)?;
    let known = [
        "x",
        "inputs",
        "images",
        "data",
        "features",
        "x_test",
        "test_x",
        "test_images",
    ];
    let names = listed(found.arrays.keys());
    let is = |name: &str| {
        let mut keys = found.arrays.keys();
        keys.find(|key| key.eq_ignore_ascii_case(name)).cloned()
    };
    let key = match &*found.arrays.keys().collect::<Vec<_>>() {
        [only] => Some((*only).clone()),
        _ => known.iter().find_map(|name| is(name)),
    };
    let expected = format!("one of the arrays {}", known.join(", "));
    key.and_then(|key| found.arrays.remove(&key))
        .ok_or_else(|| DataError::unfit(path, expected, names, "name the rows x"))
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

fn array(path: &Path, shape: &[usize], scale: Option<&Standardizer>) -> Result<NewRows, DataError> {
    let array = numpy(path)?;
    check_shape(array.shape(), shape, path)?;
    let is_bytes = matches!(array, Npy::Bytes(_));
    let width: usize = shape.iter().product();
    let rows = |len: usize| (len / width.max(1), width);
    let values = match scale {
        Some(scale) => {
            let values = array.doubles();
            let values = values.to_shape(rows(values.len()));
            scale.apply(values.expect("rows of this shape").view())
        }
        None => {
            let values = array.reals();
            let values = values.to_shape(rows(values.len()));
            let values = values.expect("rows of this shape").into_owned();
            if is_bytes { values / 255.0 } else { values }
        }
    };
    Ok(NewRows::of(unlabelled(values, shape)?, Vec::new()))
}

fn images(
    path: &Path,
    (shape, statistics): (ImageShape, &ChannelStatistics),
) -> Result<NewRows, DataError> {
    let axes = [shape.height, shape.width, shape.channels];
    let (pixels, names) = if has_end(path, &[".npy", ".npz"]) {
        let array = numpy(path)?;
        check_shape(array.shape(), &axes, path)?;
        let Npy::Bytes(bytes) = array else {
            let remedy = "give images as whole numbers from 0 to 255, of type uint8";
            return Err(DataError::unfit(
                path,
                "bytes of images",
                "other numbers",
                remedy,
            ));
        };
        (bytes.iter().copied().collect(), Vec::new())
    } else if has_end(path, &IDX) {
        let idx = Idx::read(path)?;
        check_shape(&idx.shape, &axes, path)?;
        (idx.values, Vec::new())
    } else {
        image_files(path, shape)?
    };
    let classes = vec![0; pixels.len() / shape.len()];
    let images = ImageDataset::new(pixels, shape, classes, 1)?;
    Ok(NewRows::of(images.standardised(statistics), names))
}

/// A file, or all below a folder, brought to one size.
fn image_files(path: &Path, shape: ImageShape) -> Result<(Vec<u8>, Vec<String>), DataError> {
    let how = ImageFolder {
        size: Some((shape.height, shape.width)),
        is_grey: shape.channels == 1,
        ..ImageFolder::default()
    };
    let files: Vec<PathBuf> = match path.is_dir() {
        true => images_below(path, &mut LeftOut::default())?,
        false => vec![path.to_owned()],
    };
    if files.is_empty() {
        let expected = "images in the folder, or in folders of it";
        let remedy = format!("give files whose names end with {}", IMAGES.join(", "));
        return Err(DataError::unfit(path, expected, "none", remedy));
    }
    let decode = |file: &PathBuf| Ok(how.image(file)?.bytes);
    let pixels: Vec<Vec<u8>> = files
        .par_iter()
        .map(decode)
        .collect::<Result<_, DataError>>()?;
    let names = files.iter().map(|file| file.display().to_string());
    Ok((pixels.concat(), names.collect()))
}

fn sounds(
    path: &Path,
    settings: SpectrogramSettings,
    (frames, scale): (usize, &Standardizer),
) -> Result<NewRows, DataError> {
    let sounds = if path.is_dir() || has_end(path, &[".tar", ".tar.gz", ".tgz"]) {
        read_sounds(path)?
    } else {
        let bytes = std::fs::read(path).map_err(DataError::io(path))?;
        vec![(path.display().to_string(), Sound::parse(&bytes, path)?)]
    };
    let spectrograms = settings.log_mels(&sounds);
    let labels = (vec![0; sounds.len()], 1);
    let data = SpectrogramDataset::scaled(&spectrograms, frames, labels, scale.clone())?;
    let names = sounds.into_iter().map(|(name, _)| name).collect();
    Ok(NewRows::of(data, names))
}

fn texts(path: &Path, columns: &Columns, hasher: &TextHasher) -> Result<NewRows, DataError> {
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
    Ok(NewRows::of(hasher.dataset(&labelled)?, labelled.texts))
}
