//! NumPy's arrays: archives of them, and folders whose rows stay on the disk. Both are read, split
//! and standardised alike.

use std::path::Path;

use ndarray::{Array2, ArrayD, Axis};

use crate::data::array_file::ArrayFile;
use crate::data::dataset::Dataset;
use crate::data::error::DataError;
use crate::data::images::{ImageDataset, ImageShape};
use crate::data::listed::listed;
use crate::data::npy::Npy;
use crate::data::npy_types::odd_type;
use crate::data::npz::{Npz, odd_kind};
use crate::data::precision::Integer;
use crate::data::preparation::RowKind;
use crate::data::row_labels::RowLabels;
use crate::data::row_weights::RowWeights;
use crate::data::split::PartRows;

use super::array_labels::{ArrayLabels, OwnParts, numbers, with_other};
use super::array_names::Roles;
use super::array_weights::{row_weights, weight_arrays, with_weights};
use super::arrays_on_disk::Files;
use super::images::{ImageParts, image_parts, some_of};
use super::kind::arrays_in;
use super::opened::ReadParts;
use super::source::Source;
use super::tables::Rows;

/// Inputs with labels, and the rows of each part.
struct Labelled {
    x: Npy,
    labels: ArrayLabels,
    parts: PartRows,
}

/// Which arrays are what, where the test part may be other files.
fn beside_test(source: &Source<'_>, roles: Roles) -> Roles {
    match source.options.test {
        Some(_) => roles.beside_other_test(),
        None => roles,
    }
}

/// An archive, which is read as a whole.
pub(super) fn npz(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let path = source.path;
    let mut found = Npz::read(path)?;
    let names: Vec<String> = found.arrays.keys().cloned().collect();
    let roles = Roles::of(&names).ok_or_else(|| nothing_to_train_on(path, &found))?;
    let roles = beside_test(source, roles);
    let mut taken = |name: &String| found.arrays.remove(name).expect("it is there");
    let mut reading = roles.reading();
    let weights = weight_arrays(path, &roles, |name| Ok(taken(name)))?;
    // Parts of its own stand behind the training part.
    let (mut x, y) = (taken(&roles.main[0]), taken(&roles.main[1]));
    let mut labels = numbers(&y, path, &roles.main[1])?;
    let (train, mut valid) = (labels.nrows(), 0);
    for part @ [part_x, part_y] in roles.valid.iter().chain(&roles.test) {
        labels = with_other(&labels, &numbers(&taken(part_y), path, part_y)?, path)?;
        x = joined(x, taken(part_x), path)?;
        if Some(part) == roles.valid.as_ref() {
            valid = labels.nrows() - train;
        }
    }
    let own = roles.have_parts().then_some(OwnParts { train, valid });
    reading.extend(found.left_out());
    let labels = ArrayLabels::of(source, labels, &roles.main[1])?;
    let parts = labels.parts(source, own)?;
    reading.extend(labels.lines());
    let weights = row_weights(&weights, labels.len(), path)?;
    reading.extend(weights.as_ref().map(RowWeights::line));
    let rows = parts.clone();
    let read = labelled(source, Labelled { x, labels, parts }, reading)?;
    with_weights(read, weights, &rows, path)
}

/// Arrays whose inputs stay on the disk.
pub(super) fn npy_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let path = source.path;
    let roles = Roles::of(&arrays_in(path)?).expect("the folder is one for having them");
    let roles = beside_test(source, roles);
    // The labels of all parts have one numbering.
    let (all, own) = stacked(&roles, path)?;
    let labels = ArrayLabels::of(source, all, &roles.main[1])?;
    let parts = labels.parts(source, roles.have_parts().then_some(own))?;
    let mut reading = roles.reading();
    reading.extend(labels.lines());
    let file = |name: &String| Npy::read(&path.join(format!("{name}.npy")));
    let weights = weight_arrays(path, &roles, file)?;
    let weights = row_weights(&weights, labels.len(), path)?;
    reading.extend(weights.as_ref().map(RowWeights::line));
    let files = files(&roles, path, &labels, own, &parts)?;
    let read = folder_parts(source, files, labels, &parts, reading)?;
    with_weights(read, weights, &parts, path)
}

/// The parts of rows that stay on the disk, or of images, which are read.
fn folder_parts(
    source: &Source<'_>,
    files: Files,
    labels: ArrayLabels,
    parts: &PartRows,
    reading: Vec<String>,
) -> Result<ReadParts, DataError> {
    let classes = match labels {
        ArrayLabels::Classes(classes) => classes,
        ArrayLabels::Values { labels, .. } => {
            let read = files.read_parts(source, Vec::new(), reading)?;
            return read.with_values(&labels, parts);
        }
    };
    // Bytes of images are read into memory, as those of other files.
    let images = |part: &Option<ArrayFile>| match part {
        None => Ok(Some(None)),
        Some(part) => part.images().map(|images| images.map(Some)),
    };
    if let (Some(train), Some(valid), Some(test)) = (
        files.train.images()?,
        images(&files.valid)?,
        images(&files.test)?,
    ) {
        let parts = ImageParts {
            train,
            valid,
            test,
            class_names: classes.names,
        };
        return Ok(image_parts(source, parts)?.with_lines(reading));
    }
    files.read_parts(source, classes.names, reading)
}

/// The inputs of a folder's parts, which are opened, and looked at only for their shape.
fn files(
    roles: &Roles,
    folder: &Path,
    labels: &ArrayLabels,
    own: OwnParts,
    parts: &PartRows,
) -> Result<Files, DataError> {
    let file = |name: &String| folder.join(format!("{name}.npy"));
    // Rows of values have a class until they are given their values.
    let (classes, count) = match labels {
        ArrayLabels::Classes(classes) => (classes.labels.clone(), classes.count),
        ArrayLabels::Values { .. } => (vec![0; labels.len()], 1),
    };
    let (train_classes, others) = classes.split_at(own.train);
    let (valid_classes, test_classes) = others.split_at(own.valid);
    let open = |name: &String, classes: &[u32]| {
        ArrayFile::open(&file(name), classes.to_vec(), count)
            .map_err(|error| error.within(&file(name)))
    };
    let data = open(&roles.main[0], train_classes)?;
    let drawn = |rows: &[usize]| (!rows.is_empty()).then(|| data.subset(rows));
    let test = match &roles.test {
        Some([name, _]) => Some(open(name, test_classes)?),
        None => drawn(&parts.test),
    };
    let valid = match &roles.valid {
        Some([name, _]) => Some(open(name, valid_classes)?),
        None => drawn(&parts.valid),
    };
    let train = match parts.train.len() < own.train {
        true => data.subset(&parts.train),
        false => data,
    };
    for part in valid.iter().chain(&test) {
        check_alike(folder, &train, part)?;
    }
    Ok(Files { train, valid, test })
}

/// The labels of a folder's parts one behind the other, and how many rows are in which.
fn stacked(roles: &Roles, folder: &Path) -> Result<(Array2<f64>, OwnParts), DataError> {
    let read = |name: &String| {
        let array = Npy::read(&folder.join(format!("{name}.npy")))?;
        numbers(&array, folder, name)
    };
    let mut all = read(&roles.main[1])?;
    let (train, mut valid) = (all.nrows(), 0);
    for part @ [_, y] in roles.valid.iter().chain(&roles.test) {
        all = with_other(&all, &read(y)?, folder)?;
        if Some(part) == roles.valid.as_ref() {
            valid = all.nrows() - train;
        }
    }
    Ok((all, OwnParts { train, valid }))
}

/// Refuses another part whose rows are of another shape.
fn check_alike(path: &Path, train: &ArrayFile, part: &ArrayFile) -> Result<(), DataError> {
    let (shape, got) = (train.input_shape(), part.input_shape());
    if shape == got {
        return Ok(());
    }
    Err(DataError::unfit(
        path,
        format!("rows of shape {shape:?} like those of the training in other parts"),
        format!("{got:?}"),
        "save all parts alike",
    ))
}

/// Inputs of any shape: bytes of 3 or 4 axes are images.
fn labelled(
    source: &Source<'_>,
    data: Labelled,
    mut reading: Vec<String>,
) -> Result<ReadParts, DataError> {
    let Labelled { x, labels, parts } = data;
    check_rows(source.path, x.shape(), labels.len())?;
    let is_images = matches!(&x, Npy::Bytes(_)) && x.shape().len() > 2;
    if let (true, Npy::Bytes(pixels), ArrayLabels::Classes(classes)) = (is_images, &x, &labels) {
        let shape = image_shape(source.path, x.shape())?;
        let pixels = pixels.iter().copied().collect();
        let images = ImageDataset::new(pixels, shape, classes.labels.clone(), classes.count)?;
        let parts = ImageParts {
            train: images.subset(&parts.train),
            valid: some_of(&images, &parts.valid),
            test: some_of(&images, &parts.test),
            class_names: classes.names.clone(),
        };
        return Ok(image_parts(source, parts)?.with_lines(reading));
    }
    source.refuse_image_changes()?;
    let shape = match &x.shape()[1..] {
        [] => vec![1],
        axes => axes.to_vec(),
    };
    let labels = match labels {
        ArrayLabels::Classes(classes) => RowLabels::Classes {
            names: if classes.names.is_empty() {
                (0..classes.count).map(|class| class.to_string()).collect()
            } else {
                classes.names
            },
            labels: classes.labels,
        },
        ArrayLabels::Values { labels, .. } => labels,
    };
    reading.push(format!(
        "inputs: rows of shape {shape:?}, each value standardised over the training part"
    ));
    let about = format!("{}, rows of shape {shape:?}", source.path.display());
    let kind = |scale| RowKind::Array {
        shape: shape.clone(),
        scale: Some(scale),
    };
    let rows = Rows {
        shape: shape.clone(),
        names: Vec::new(),
        labels,
        about,
        reading,
    };
    // Half the memory where single precision is all there is.
    match x {
        Npy::Reals(values) => rows.standardised(&flat(values), &parts, kind),
        Npy::Integers(values) => rows.standardised(&flat(values.mapv(Integer)), &parts, kind),
        Npy::Unsigned(values) => rows.standardised(&flat(values.mapv(Integer)), &parts, kind),
        other => rows.standardised(&flat(other.doubles()), &parts, kind),
    }
}

/// Refuses inputs without rows, or of another number than there are labels.
fn check_rows(path: &Path, shape: &[usize], labels: usize) -> Result<(), DataError> {
    match shape.first() {
        Some(&rows) if rows == labels => Ok(()),
        Some(&rows) => Err(DataError::LabelCount { rows, labels }),
        None => {
            let remedy = "save rows of values";
            let expected = "inputs with an axis of rows";
            Err(DataError::unfit(path, expected, "a single number", remedy))
        }
    }
}

/// Rows one after another.
fn flat<T>(values: ArrayD<T>) -> Array2<T> {
    let rows = values.shape()[0];
    let row: usize = values.shape()[1..].iter().product();
    let flat = values.into_shape_with_order((rows, row));
    flat.expect("the same values")
}

/// The shape of images whose bytes have these axes.
fn image_shape(path: &Path, axes: &[usize]) -> Result<ImageShape, DataError> {
    ImageShape::of_rows(&axes[1..]).ok_or_else(|| {
        let expected = "bytes of images (rows, height, width) or (rows, height, width, channels) with 1, 3 or 4 channels";
        let got = format!("shape {axes:?}");
        let remedy = "transpose them, or save them as float32 if they are no images";
        DataError::unfit(path, expected, got, remedy)
    })
}

fn nothing_to_train_on(path: &Path, found: &Npz) -> DataError {
    let names = found
        .arrays
        .iter()
        .map(|(name, array)| format!("{name} ({})", array.kind()));
    let odd = found.unread.iter();
    let odd = odd.map(|(name, descr)| format!("{name} ({descr}, {})", odd_kind(descr)));
    let got = listed(names.chain(odd));
    // What would do, were it saved in another type.
    let names = found.arrays.keys().chain(found.unread.keys());
    let roles = Roles::of(&names.cloned().collect::<Vec<_>>());
    let needed = roles.into_iter().flat_map(|roles| roles.main);
    let unread = needed.filter_map(|name| found.unread.get(&name).map(|descr| (name, descr)));
    let remedies: Vec<String> = unread
        .map(|(name, descr)| odd_type(descr).remedy(&name))
        .collect();
    let remedy = match remedies.is_empty() {
        true => "name them so, and save numbers".to_owned(),
        false => remedies.join("; "),
    };
    let expected = "arrays x and y, x_train, y_train, x_test and y_test, or images and labels, data and target in their places";
    DataError::unfit(path, expected, got, remedy)
}

/// Two parts, one after the other.
fn joined(train: Npy, test: Npy, path: &Path) -> Result<Npy, DataError> {
    let shapes = format!("{:?} and {:?}", train.shape(), test.shape());
    let both = match (train, test) {
        (Npy::Bytes(a), Npy::Bytes(b)) => {
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Bytes)
        }
        (Npy::Integers(a), Npy::Integers(b)) => {
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Integers)
        }
        // One part may hold what the other does not need.
        (a @ (Npy::Integers(_) | Npy::Unsigned(_)), b @ (Npy::Integers(_) | Npy::Unsigned(_)))
            if a.unsigned().is_some() && b.unsigned().is_some() =>
        {
            let parts = [a, b].map(|part| part.unsigned().unwrap_or_default());
            let views = parts.each_ref().map(|part| part.view());
            ndarray::concatenate(Axis(0), &views).map(Npy::Unsigned)
        }
        (Npy::Reals(a), Npy::Reals(b)) => {
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Reals)
        }
        (a, b) => {
            let (a, b) = (a.doubles(), b.doubles());
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Doubles)
        }
    };
    both.map_err(|_| {
        let expected = "training and test rows of one shape";
        DataError::unfit(path, expected, shapes, "save both parts alike")
    })
}
