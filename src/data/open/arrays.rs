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
use crate::data::split::PartRows;

use super::array_labels::{ArrayLabels, numbers, with_test};
use super::array_names::Roles;
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

/// An archive, which is read as a whole.
pub(super) fn npz(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let path = source.path;
    let mut found = Npz::read(path)?;
    let names: Vec<String> = found.arrays.keys().cloned().collect();
    let roles = Roles::of(&names).ok_or_else(|| nothing_to_train_on(path, &found))?;
    let mut taken = |name: &String| found.arrays.remove(name).expect("it is there");
    let mut reading = roles.reading();
    // A test part of its own stands behind the training part.
    let (mut x, y) = (taken(&roles.main[0]), taken(&roles.main[1]));
    let mut labels = numbers(&y, path, &roles.main[1])?;
    let train_len = roles.test.as_ref().map(|_| labels.nrows());
    if let Some([test_x, test_y]) = &roles.test {
        labels = with_test(&labels, &numbers(&taken(test_y), path, test_y)?, path)?;
        x = joined(x, taken(test_x), path)?;
    }
    reading.extend(found.left_out());
    let labels = ArrayLabels::of(source, labels, &roles.main[1])?;
    let parts = labels.parts(source, train_len)?;
    reading.push(labels.line());
    labelled(source, Labelled { x, labels, parts }, reading)
}

/// Arrays whose inputs stay on the disk.
pub(super) fn npy_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let path = source.path;
    let roles = Roles::of(&arrays_in(path)?).expect("the folder is one for having them");
    let file = |name: &String| path.join(format!("{name}.npy"));
    // The labels of both parts have one numbering.
    let read = |name: &String| numbers(&Npy::read(&file(name))?, path, name);
    let mut all = read(&roles.main[1])?;
    let train_len = all.nrows();
    if let Some([_, y]) = &roles.test {
        all = with_test(&all, &read(y)?, path)?;
    }
    let labels = ArrayLabels::of(source, all, &roles.main[1])?;
    let own = roles.test.as_ref().map(|_| train_len);
    let parts = labels.parts(source, own)?;
    let mut reading = roles.reading();
    reading.push(labels.line());
    // The inputs are opened, and looked at only for their shape. Rows of values have a class until
    // they are given their values.
    let (classes, count) = match &labels {
        ArrayLabels::Classes(classes) => (classes.labels.clone(), classes.count),
        ArrayLabels::Values { values, .. } => (vec![0; values.nrows()], 1),
    };
    let (train_classes, test_classes) = classes.split_at(train_len);
    let open = |name: &String, classes: &[u32]| {
        ArrayFile::open(&file(name), classes.to_vec(), count)
            .map_err(|error| error.within(&file(name)))
    };
    let data = open(&roles.main[0], train_classes)?;
    let test = match &roles.test {
        Some([name, _]) => open(name, test_classes)?,
        None => data.subset(&parts.test),
    };
    let valid = (!parts.valid.is_empty()).then(|| data.subset(&parts.valid));
    let train = match parts.train.len() < train_len {
        true => data.subset(&parts.train),
        false => data,
    };
    check_alike(path, &train, &test)?;
    let classes = match labels {
        ArrayLabels::Classes(classes) => classes,
        ArrayLabels::Values { values, names, .. } => {
            let files = Files { train, valid, test };
            let read = files.read_parts(source, Vec::new(), reading)?;
            return read.with_values(&values, &names, &parts);
        }
    };
    // Bytes of images are read into memory, as those of other files.
    if let (Some(train), Some(test)) = (train.images()?, test.images()?) {
        let parts = ImageParts {
            train,
            valid: valid.map(|valid| valid.images()).transpose()?.flatten(),
            test,
            class_names: classes.names,
        };
        return Ok(image_parts(source, parts)?.with_lines(reading));
    }
    let files = Files { train, valid, test };
    files.read_parts(source, classes.names, reading)
}

/// Refuses a test part whose rows are of another shape.
fn check_alike(path: &Path, train: &ArrayFile, test: &ArrayFile) -> Result<(), DataError> {
    let (shape, got) = (train.input_shape(), test.input_shape());
    if shape == got {
        return Ok(());
    }
    Err(DataError::unfit(
        path,
        format!("test rows of shape {shape:?} like those of the training"),
        format!("{got:?}"),
        "save both parts alike",
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
            test: images.subset(&parts.test),
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
        ArrayLabels::Values { values, names, .. } => RowLabels::Values { values, names },
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

/// Both parts, one after the other.
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
