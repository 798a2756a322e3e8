//! Images: MNIST's and CIFAR's files, folders, arrays of bytes. Folders `train`, `test` and `val`
//! are parts.

use std::path::Path;

use crate::data::augment::Augmented;
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::image_folder::LoadedImages;
use crate::data::image_kinds::ImageKinds;
use crate::data::images::ImageDataset;
use crate::data::left_out::LeftOut;
use crate::data::listed::listed;
use crate::data::preparation::RowKind;

use super::opened::{ReadParts, classes_line};
use super::part_folders::{PartNames, innermost, part_names};
use super::source::{OpenEvent, Source};

/// Skipped images that are named.
const NAMED: usize = 10;

/// The images of both parts, with classes numbered alike.
pub(super) struct ImageParts {
    pub(super) train: ImageDataset,
    pub(super) valid: Option<ImageDataset>,
    /// None where it is another file.
    pub(super) test: Option<ImageDataset>,
    pub(super) class_names: Vec<String>,
}

pub(super) fn idx_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let part = |name| ImageDataset::from_idx_folder(source.path, name);
    let (train, test) = (part("train")?, part("t10k")?);
    let most = |part: &ImageDataset| part.class_labels().iter().max().copied().unwrap_or(0);
    let classes = most(&train).max(most(&test)) as usize + 1;
    let (train, valid) = held_out(source, train.with_num_classes(classes)?)?;
    let parts = ImageParts {
        train,
        valid,
        test: Some(test.with_num_classes(classes)?),
        class_names: Vec::new(),
    };
    image_parts(source, parts)
}

pub(super) fn cifar_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let [train, test] = ImageDataset::from_cifar_folder(source.path)?;
    let (train, valid) = held_out(source, train)?;
    let parts = ImageParts {
        train,
        valid,
        test: Some(test),
        class_names: Vec::new(),
    };
    image_parts(source, parts)
}

pub(super) fn image_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let inside = innermost(source.path)?;
    if let Some(names) = part_names(&inside)? {
        return folders_of_parts(source, &inside, &names);
    }
    let loaded = decoded(source, &inside, Like::Training)?;
    let reading = reading(&[&loaded]);
    let LoadedImages {
        images,
        class_names,
        ..
    } = loaded;
    let rows = source.split(images.class_labels())?;
    let parts = ImageParts {
        train: images.subset(&rows.train),
        valid: some_of(&images, &rows.valid),
        test: some_of(&images, &rows.test),
        class_names,
    };
    Ok(image_parts(source, parts)?.with_lines(reading))
}

/// A folder for each part; the classes are those of the training.
fn folders_of_parts(
    source: &Source<'_>,
    inside: &Path,
    names: &PartNames,
) -> Result<ReadParts, DataError> {
    let train = decoded(source, &inside.join(&names.train), Like::Training)?;
    let other = |name: &String| {
        let folder = inside.join(name);
        let mut part = decoded(source, &folder, Like::Test)?;
        part.images = by_classes_of(&train, &part, &folder)?;
        Ok::<_, DataError>(part)
    };
    // Where other files are the test part, a folder named for validation is that part.
    let is_other = source.options.test.is_some() && names.has_validation_alone();
    let (valid, test) = match is_other {
        true => (Some(&names.test), None),
        false => (names.valid.as_ref(), Some(&names.test)),
    };
    let (valid, test) = (valid.map(other).transpose()?, test.map(other).transpose()?);
    let loaded: Vec<&LoadedImages> = [&train].into_iter().chain(&valid).chain(&test).collect();
    let mut reading = reading(&loaded);
    reading.insert(0, names.line());
    let (images, valid) = match valid {
        Some(valid) => {
            source.refuse_valid(test.is_some())?;
            (train.images, Some(valid.images))
        }
        None => held_out(source, train.images)?,
    };
    let parts = ImageParts {
        test: test.map(|test| test.images),
        train: images,
        valid,
        class_names: train.class_names,
    };
    Ok(image_parts(source, parts)?.with_lines(reading))
}

/// The images of a part, with classes by the numbers that they have in training.
fn by_classes_of(
    train: &LoadedImages,
    part: &LoadedImages,
    folder: &Path,
) -> Result<ImageDataset, DataError> {
    let known = |name: &String| {
        let place = train.class_names.iter().position(|known| known == name);
        place.map(|place| place as u32)
    };
    let classes: Option<Vec<u32>> = part.class_names.iter().map(known).collect();
    let Some(classes) = classes else {
        let unknown = part.class_names.iter().filter(|name| known(name).is_none());
        let all = listed(&train.class_names);
        let expected = format!("only the training's classes, {all}");
        let remedy = "give these folders the names of training classes, or take them away";
        return Err(DataError::unfit(folder, expected, listed(unknown), remedy));
    };
    let images = part.images.clone();
    Ok(images.relabelled(&classes, train.class_names.len()))
}

/// Some rows, if there are any.
pub(super) fn some_of(images: &ImageDataset, rows: &[usize]) -> Option<ImageDataset> {
    (!rows.is_empty()).then(|| images.subset(rows))
}

/// Rows to train on and, if one is asked for, a validation part, where the test part is another
/// file's.
pub(super) fn held_out(
    source: &Source<'_>,
    train: ImageDataset,
) -> Result<(ImageDataset, Option<ImageDataset>), DataError> {
    let rows = source.held_out(train.class_labels(), &[])?;
    Ok(match some_of(&train, &rows.valid) {
        Some(valid) => (train.subset(&rows.train), Some(valid)),
        None => (train, None),
    })
}

/// Whether a folder has to have several classes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Like {
    Training,
    Test,
}

/// The images of a folder of class folders; whoever waits is told of each, and of what is odd.
fn decoded(source: &Source<'_>, folder: &Path, like: Like) -> Result<LoadedImages, DataError> {
    let (images, observer) = (&source.options.images, source.observer);
    let each = |all| observer(OpenEvent::Decoded { all });
    let loaded = match like {
        Like::Training => images.read(folder, &each),
        Like::Test => images.read_part(folder, &each),
    };
    observer(OpenEvent::FolderEnds);
    let loaded = loaded?;
    let warn = |text: &str| observer(OpenEvent::Warning(text));
    for warning in &loaded.warnings {
        warn(warning);
    }
    for skipped in loaded.skipped.iter().take(NAMED) {
        warn(&format!("skipped: {skipped}"));
    }
    if !loaded.skipped.is_empty() {
        warn(&format!("skipped {} images in all", loaded.skipped.len()));
    }
    Ok(loaded)
}

/// Both parts, standardised with the statistics of the training part.
pub(super) fn image_parts(source: &Source<'_>, parts: ImageParts) -> Result<ReadParts, DataError> {
    let ImageParts {
        train,
        valid,
        test,
        class_names,
    } = parts;
    check_alike(source.path, &train, valid.as_ref(), "validation")?;
    check_alike(source.path, &train, test.as_ref(), "test")?;
    // Statistics are those of the training part, for both.
    let statistics = train.statistics()?;
    let shape = train.shape();
    let labels = train.class_labels().to_vec();
    let images = train.clone();
    let (changes, seed) = (source.options.augment.images, source.options.seed);
    let train = Augmented::new(train.standardised(&statistics), changes, seed)?;
    let standardised =
        |part: ImageDataset| -> Box<dyn Dataset> { Box::new(part.standardised(&statistics)) };
    Ok(ReadParts {
        train: Box::new(train),
        valid: valid.map(standardised),
        test: test.map(standardised),
        about: format!(
            "{}, images of {} x {} x {}, means {:.4?} and deviations {:.4?} taken from the training part",
            source.path.display(),
            shape.height,
            shape.width,
            shape.channels,
            statistics.means,
            statistics.deviations
        ),
        class_names,
        reading: vec![
            format!(
                "images: {} x {} x {} (height, width, channels)",
                shape.height, shape.width, shape.channels
            ),
            format!("mean: {:?}", statistics.means),
            format!("deviation: {:?}", statistics.deviations),
        ],
        images: Some(images),
        rows: RowKind::Images { shape, statistics },
        train_classes: Some(labels),
        targets: None,
    })
}

/// Refuses a part whose images have another size than those for training.
fn check_alike(
    path: &Path,
    train: &ImageDataset,
    part: Option<&ImageDataset>,
    name: &str,
) -> Result<(), DataError> {
    let Some(part) = part.filter(|part| part.shape() != train.shape()) else {
        return Ok(());
    };
    let size = |part: &ImageDataset| {
        let shape = part.shape();
        format!("{} x {} x {}", shape.height, shape.width, shape.channels)
    };
    Err(DataError::unfit(
        path,
        format!("{name} images of {} like those for training", size(train)),
        size(part),
        "bring all to one size, for folders of images with `image_size`",
    ))
}

/// What was read of the folders of all parts.
fn reading(parts: &[&LoadedImages]) -> Vec<String> {
    // All folders together.
    let (mut kinds, mut left_out) = (ImageKinds::default(), LeftOut::default());
    for part in parts {
        kinds.add(&part.kinds);
        left_out.merge(&part.left_out);
    }
    let count = |of: fn(&LoadedImages) -> usize| parts.iter().map(|part| of(part)).sum::<usize>();
    let mut lines = vec![
        format!("files: {kinds}"),
        classes_line(&parts[0].class_names),
    ];
    let nested = count(|part| part.nested);
    if nested > 0 {
        lines.push(format!(
            "nested: {nested} files in folders below their class's folder"
        ));
    }
    let skipped = count(|part| part.skipped.len());
    if skipped > 0 {
        lines.push(format!("skipped: {skipped} images that cannot be read"));
    }
    if !left_out.is_empty() {
        lines.push(format!("left out: {left_out}"));
    }
    lines
}
