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
use crate::data::rounding::DOUBLES;
use crate::data::targets::{Target, refuse_numbers};

use super::array_names::Roles;
use super::images::{ImageParts, image_parts};
use super::kind::arrays_in;
use super::opened::ReadParts;
use super::source::{PartRows, Source};
use super::tables::{Rows, several_classes};

/// Arrays with their own parts, in messages.
const OWN_PARTS: &str = "arrays with their own parts";

/// The classes of training and test rows together, and their names where they are not their
/// numbers.
struct Classes {
    labels: Vec<u32>,
    names: Vec<String>,
    count: usize,
    line: String,
}

/// Inputs with classes, and the rows of each part.
struct Labelled {
    x: Npy,
    classes: Classes,
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
    let train_len = labels.len();
    if let Some([test_x, test_y]) = &roles.test {
        labels.extend(numbers(&taken(test_y), path, test_y)?);
        x = joined(x, taken(test_x), path)?;
    }
    reading.extend(found.left_out());
    // Rows of the parts: the first and the others where there are two, or as drawn.
    let classes = classes(source, &labels, &roles.main[1])?;
    let parts = if roles.test.is_some() {
        source.refuse_split(OWN_PARTS)?;
        PartRows {
            train: (0..train_len).collect(),
            test: (train_len..labels.len()).collect(),
        }
    } else {
        source.split(&classes.labels)?
    };
    reading.push(classes.line.clone());
    labelled(source, Labelled { x, classes, parts }, reading)
}

/// Arrays whose inputs stay on the disk.
pub(super) fn npy_folder(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let path = source.path;
    let roles = Roles::of(&arrays_in(path)?).expect("the folder is one for having them");
    let file = |name: &String| path.join(format!("{name}.npy"));
    // The labels of both parts have one numbering.
    let read = |name: &String| numbers(&Npy::read(&file(name))?, path, name);
    let mut all = read(&roles.main[1])?;
    let train_len = all.len();
    if let Some([_, y]) = &roles.test {
        all.extend(read(y)?);
    }
    let classes = classes(source, &all, &roles.main[1])?;
    let mut reading = roles.reading();
    reading.push(classes.line.clone());
    // The inputs are opened, and looked at only for their shape.
    let (train_labels, test_labels) = classes.labels.split_at(train_len);
    let open = |name: &String, labels: &[u32]| {
        ArrayFile::open(&file(name), labels.to_vec(), classes.count)
            .map_err(|error| error.within(&file(name)))
    };
    let data = open(&roles.main[0], train_labels)?;
    let (train, test) = match &roles.test {
        Some([name, _]) => {
            source.refuse_split(OWN_PARTS)?;
            (data, open(name, test_labels)?)
        }
        None => {
            let rows = source.split(train_labels)?;
            (data.subset(&rows.train), data.subset(&rows.test))
        }
    };
    if train.input_shape() != test.input_shape() {
        let shape = train.input_shape();
        return Err(DataError::unfit(
            path,
            format!("test rows of shape {shape:?} like those of the training"),
            format!("{:?}", test.input_shape()),
            "save both parts alike",
        ));
    }
    // Bytes of images are read into memory, as those of other files.
    if let (Some(train), Some(test)) = (train.images()?, test.images()?) {
        let parts = ImageParts {
            train,
            test,
            class_names: classes.names,
        };
        return Ok(image_parts(source, parts)?.with_lines(reading));
    }
    on_disk([train, test], source, classes.names, reading)
}

/// Both parts, standardised as their rows are read from the disk.
fn on_disk(
    [train, test]: [ArrayFile; 2],
    source: &Source<'_>,
    class_names: Vec<String>,
    mut reading: Vec<String>,
) -> Result<ReadParts, DataError> {
    source.refuse_image_changes()?;
    let shape = train.input_shape();
    let scale = train.scale()?;
    test.check_within(&scale)?;
    reading.extend(train.rounded(&scale));
    let (train, test) = (
        train.standardised(scale.clone()),
        test.standardised(scale.clone()),
    );
    reading.push(format!(
        "inputs: rows of shape {shape:?}, left on the disk, each value standardised over the training part"
    ));
    // Classes, for balanced sampling.
    let mut train_classes = vec![0; train.len()];
    let rows: Vec<u32> = (0..train.len() as u32).collect();
    train.gather_classes(&rows, &mut train_classes);
    Ok(ReadParts {
        about: format!(
            "{}, rows of shape {shape:?}, left on the disk",
            source.path.display()
        ),
        reading,
        images: None,
        rows: RowKind::Array {
            shape,
            scale: Some(scale),
        },
        train: Box::new(train),
        test: Box::new(test),
        class_names,
        train_classes: Some(train_classes),
    })
}

/// Inputs of any shape: bytes of 3 or 4 axes are images.
fn labelled(
    source: &Source<'_>,
    data: Labelled,
    mut reading: Vec<String>,
) -> Result<ReadParts, DataError> {
    let Labelled { x, classes, parts } = data;
    check_rows(source.path, x.shape(), classes.labels.len())?;
    if let (Npy::Bytes(pixels), 3..) = (&x, x.shape().len()) {
        let shape = image_shape(source.path, x.shape())?;
        let pixels = pixels.iter().copied().collect();
        let images = ImageDataset::new(pixels, shape, classes.labels, classes.count)?;
        let parts = ImageParts {
            train: images.subset(&parts.train),
            test: images.subset(&parts.test),
            class_names: classes.names,
        };
        return Ok(image_parts(source, parts)?.with_lines(reading));
    }
    source.refuse_image_changes()?;
    let shape = match &x.shape()[1..] {
        [] => vec![1],
        axes => axes.to_vec(),
    };
    let class_names = if classes.names.is_empty() {
        (0..classes.count).map(|class| class.to_string()).collect()
    } else {
        classes.names
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
        labels: classes.labels,
        class_names,
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

/// The classes that labels are: their numbers where these run from 0, else their places among the
/// different ones.
fn classes(source: &Source<'_>, labels: &[f64], name: &str) -> Result<Classes, DataError> {
    if let Some(label) = labels.iter().find(|label| label.abs() >= DOUBLES) {
        return Err(DataError::unfit(
            source.path,
            format!("labels of {name} below 2^53, from where doubles do not tell all apart"),
            label.to_string(),
            "number the classes from 0",
        ));
    }
    if source.options.table.target == Target::Auto {
        refuse_numbers(labels, name, source.path)?;
    }
    // Numbers from 0 without large gaps are the classes themselves.
    let most = labels.iter().copied().fold(0.0, f64::max);
    let is_place = |label: &f64| *label >= 0.0 && label.fract() == 0.0;
    let are_places = labels.iter().all(is_place) && most < labels.len() as f64;
    let found = if are_places {
        let count = most as usize + 1;
        Classes {
            labels: labels.iter().map(|&label| label as u32).collect(),
            names: Vec::new(),
            count,
            line: format!("label: {name}, {count} classes"),
        }
    } else {
        let mut different = labels.to_vec();
        different.sort_unstable_by(f64::total_cmp);
        different.dedup();
        let place = |label: &f64| different.partition_point(|other| other < label) as u32;
        let count = different.len();
        Classes {
            labels: labels.iter().map(place).collect(),
            names: different.iter().map(ToString::to_string).collect(),
            count,
            line: format!("label: {name}, {count} classes, {}", listed(&different)),
        }
    };
    if labels.is_empty() {
        return Err(DataError::Empty);
    }
    several_classes(found.count, source.path, name)?;
    Ok(found)
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

/// The labels in an array of one axis or of one column.
fn numbers(y: &Npy, path: &Path, name: &str) -> Result<Vec<f64>, DataError> {
    let rows = y.shape().first().copied().unwrap_or(0);
    let values: Vec<f64> = y.doubles().into_iter().collect();
    let odd = |got: String, remedy: &str| {
        DataError::unfit(&path.join(name), "a label of one number a row", got, remedy)
    };
    if values.len() != rows {
        let got = format!("shape {:?}", y.shape());
        return Err(odd(
            got,
            "labels as rows of 0 and 1 become numbers by y.argmax(1)",
        ));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(odd(
            format!("{} in row {row}", values[row]),
            "fix or drop the row",
        )),
        None => Ok(values),
    }
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
