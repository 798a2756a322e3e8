//! `unisono data inspect`: what files hold.

use std::path::Path;

use crate::data::{
    ColumnSurvey, CsvTable, DataError, Dataset, Idx, ImageDataset, ImageFolder, Npy, OnBadSample,
    TextDataset, read_npz, survey,
};
use crate::train::TrainError;

use super::config::CommandError;
use super::load::{Kind, Sounds, column, read_folder, size};
use super::out_file::{Format, OutFile};

/// Images of a class on a sheet.
const COLUMNS: usize = 16;

/// What to look at more closely: the label column, the size of images, where the sheet goes and whether it replaces what is there.
type How<'a> = (Option<&'a str>, Option<&'a str>, Option<(&'a Path, bool)>);

/// Prints what lies at `path`.
pub(super) fn inspect(
    path: &Path,
    (label, image_size, sheet): How<'_>,
) -> Result<(), CommandError> {
    let image_size = image_size
        .map(size)
        .transpose()
        .map_err(CommandError::Args)?;
    let out = sheet.map(|(sheet, force)| OutFile::new(sheet, (Format::Picture, force), &[path]));
    let sheet = out.transpose()?.map(|out| out.path());
    let shown = show(path, label, image_size).map_err(|error| error.within(path));
    let shown = shown.map_err(TrainError::from)?;
    match (sheet, shown) {
        (Some(sheet), Some(images)) => {
            images
                .write_contact_sheet(sheet, COLUMNS)
                .map_err(TrainError::from)?;
            say!("sheet: {}", sheet.display());
        }
        (Some(sheet), None) => {
            let error = DataError::write(sheet, format!("{} holds no images", path.display()));
            return Err(TrainError::from(error).into());
        }
        (None, _) => {}
    }
    Ok(())
}

/// Gives back the images that there are.
fn show(
    path: &Path,
    label: Option<&str>,
    image_size: Option<(usize, usize)>,
) -> Result<Option<ImageDataset>, DataError> {
    match Kind::of(path)? {
        Kind::IdxFolder => {
            let part = |name| ImageDataset::from_idx_folder(path, name);
            return Ok(Some(image_parts(
                "folder of IDX files",
                [part("train")?, part("t10k")?],
            )));
        }
        Kind::CifarFolder => {
            let parts = ImageDataset::from_cifar_folder(path)?;
            return Ok(Some(image_parts("CIFAR's binary files", parts)));
        }
        Kind::ImageFolder { has_parts } => {
            let how = ImageFolder {
                size: image_size,
                on_bad_sample: OnBadSample::Skip,
                ..ImageFolder::default()
            };
            return folder(path, has_parts, &how).map(Some);
        }
        Kind::NpyFolder => {
            say!("kind: folder of NumPy arrays");
            for name in ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"] {
                array(name, &Npy::read(&path.join(name))?);
            }
        }
        Kind::Idx => {
            let idx = Idx::read(path)?;
            say!("kind: IDX file of unsigned bytes");
            say!("shape: {:?}", idx.shape);
            let range = (idx.values.iter().min(), idx.values.iter().max());
            if let (Some(least), Some(most)) = range {
                say!("values: {least} to {most}");
            }
        }
        Kind::Npy => {
            say!("kind: NumPy array");
            array("array", &Npy::read(path)?);
        }
        Kind::Npz => {
            say!("kind: archive of NumPy arrays");
            read_npz(path)?
                .iter()
                .for_each(|(name, values)| array(name, values));
        }
        Kind::Sounds => sounds(&Sounds::read(path)?),
        Kind::Table => table(path, label)?,
        Kind::Text => text(path)?,
    }
    Ok(None)
}

fn image_parts(kind: &str, [train, test]: [ImageDataset; 2]) -> ImageDataset {
    say!("kind: {kind}");
    for (name, part) in [("training", &train), ("test", &test)] {
        say!("part: {name}");
        image_part(part, None);
    }
    train
}

fn folder(path: &Path, has_parts: bool, how: &ImageFolder) -> Result<ImageDataset, DataError> {
    say!("kind: folder of images");
    if !has_parts {
        let loaded = read_folder(how, path)?;
        image_part(&loaded.images, Some(&loaded.class_names));
        return Ok(loaded.images);
    }
    let parts = [
        read_folder(how, &path.join("train"))?,
        read_folder(how, &path.join("test"))?,
    ];
    for (name, part) in ["train", "test"].iter().zip(&parts) {
        say!("part: {name}");
        image_part(&part.images, Some(&part.class_names));
    }
    let [train, _] = parts;
    Ok(train.images)
}

fn image_part(part: &ImageDataset, names: Option<&[String]>) {
    let (shape, statistics) = (part.shape(), part.statistics());
    say!("rows: {}", part.len());
    say!(
        "images: {} x {} x {} (height, width, channels)",
        shape.height,
        shape.width,
        shape.channels
    );
    say!("mean: {:?}", statistics.means);
    say!("deviation: {:?}", statistics.deviations);
    let most = part.class_labels().iter().max().copied().unwrap_or(0);
    let numbers: Vec<String> = (0..=most).map(|class| class.to_string()).collect();
    classes(names.unwrap_or(&numbers), part.class_labels());
}

fn array(name: &str, values: &Npy) {
    let kind = match values {
        Npy::Bytes(_) => "bytes",
        Npy::Integers(_) => "integers",
        Npy::Reals(_) => "reals",
    };
    let (mut least, mut most, mut odd) = (f32::INFINITY, f32::NEG_INFINITY, 0_usize);
    for value in values.reals() {
        (least, most) = (least.min(value), most.max(value));
        odd += usize::from(!value.is_finite());
    }
    say!(
        "{name}: {kind} of shape {:?}, {least} to {most}, {odd} not finite",
        values.shape()
    );
}

fn sounds(sounds: &Sounds) {
    say!("kind: sounds");
    say!("rows: {}", sounds.labels.len());
    say!("rate: {} Hz (the first one's)", sounds.rate);
    say!("length: {:.1} s in all", sounds.seconds);
    let frames = sounds.spectrograms.iter().map(ndarray::Array2::nrows);
    if let (Some(least), Some(most)) = (frames.clone().min(), frames.max()) {
        say!("frames: {least} to {most}");
    }
    classes(&sounds.class_names, &sounds.labels);
}

/// Every column, and the classes if it can be trained on.
fn table(path: &Path, label: Option<&str>) -> Result<(), DataError> {
    let columns = survey(path)?;
    say!("kind: table");
    let cells = |column: &ColumnSurvey| column.numbers + column.missing + column.texts;
    say!("rows: {}", columns.first().map_or(0, cells));
    say!("columns: {}", columns.len());
    for column in &columns {
        let range = column
            .range
            .map_or_else(String::new, |(least, most, mean)| {
                format!("{least} to {most}, mean {mean:.4}; ")
            });
        let distinct = match column.distinct {
            Some(count) => count.to_string(),
            None => "1000 or more".to_owned(),
        };
        say!(
            "{}: {range}{} numbers, {} texts, {} missing, {distinct} different",
            if column.name.starts_with("column ") {
                column.name.clone()
            } else {
                format!("column {}", column.name)
            },
            column.numbers,
            column.texts,
            column.missing
        );
    }
    match CsvTable::read(path, &column(label)) {
        Ok(table) => classes(table.classes(), table.labels()),
        Err(error) => {
            say!("not a table of numbers ({error}); with train --text its columns are texts")
        }
    }
    Ok(())
}

/// How often each class comes up.
fn classes(names: &[String], labels: &[u32]) {
    let mut counts = vec![0_usize; names.len()];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    for (name, count) in names.iter().zip(counts) {
        let share = 100.0 * count as f64 / labels.len() as f64;
        say!("class {name}: {count} rows ({share:.1} %)");
    }
}

fn text(path: &Path) -> Result<(), DataError> {
    let (first, rest, vocabulary) = TextDataset::from_file(path, 1, (0.1, 0))?;
    say!("kind: text");
    say!("characters: {}", first.tokens().len() + rest.tokens().len());
    say!("different characters: {}", vocabulary.len());
    let every: Vec<u32> = (0..vocabulary.len() as u32).collect();
    say!("they are: {:?}", vocabulary.decode(&every));
    Ok(())
}
