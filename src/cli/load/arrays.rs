//! NumPy's arrays: archives of them, and folders whose rows stay on the disk. Both are read, split
//! and standardised alike.

use std::path::Path;

use ndarray::Axis;

use crate::data::{
    ArrayFile, DataError, Dataset, ImageDataset, ImageShape, Npy, Npz, RowKind, Target, listed,
    refuse_numbers,
};

use super::kind::arrays_in;
use super::names::Roles;
use super::tables::{Rows, several_classes};
use super::{LoadSettings, Loaded};

/// The classes of training and test rows together, and their names where they are not their
/// numbers.
struct Classes {
    labels: Vec<u32>,
    names: Vec<String>,
    count: usize,
    line: String,
}

impl LoadSettings {
    pub(super) fn npz(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let mut found = Npz::read(path)?;
        let names: Vec<String> = found.arrays.keys().cloned().collect();
        let roles = Roles::of(&names).ok_or_else(|| nothing_to_train_on(path, &found))?;
        let mut taken = |name: &String| found.arrays.remove(name).expect("it is there");
        let mut reading = roles.reading();
        let (x, y) = (taken(&roles.main[0]), taken(&roles.main[1]));
        let labels = numbers(&y, (path, &roles.main[1]))?;
        let (x, labels, test) = match &roles.test {
            None => (x, labels, None),
            Some([test_x, test_y]) => {
                let test = numbers(&taken(test_y), (path, test_y))?;
                let parts = (labels.len(), test.len());
                let x = joined(x, taken(test_x), path)?;
                (x, [labels, test].concat(), Some(parts))
            }
        };
        if !found.unread.is_empty() {
            let odd = found.unread.iter();
            let odd = odd.map(|(name, descr)| format!("{name} ({descr})"));
            reading.push(format!("left out: {}, no numbers", listed(odd)));
        }
        let classes = self.classes(&labels, (path, &roles.main[1]))?;
        let parts = self.parts(&classes.labels, test, (path, seed))?;
        reading.push(classes.line.clone());
        let array = Array { x, classes, parts };
        self.array(array, (path, seed), reading)
    }

    /// Rows of the parts: the first and the others where the files have them, or as drawn.
    fn parts(
        &self,
        labels: &[u32],
        own: Option<(usize, usize)>,
        (path, seed): (&Path, u64),
    ) -> Result<[Vec<usize>; 2], DataError> {
        match own {
            Some((train, test)) => {
                self.refuse_split(path, "arrays with their own parts")?;
                Ok([(0..train).collect(), (train..train + test).collect()])
            }
            None => self.split(labels, (path, seed)).map(<[_; 2]>::from),
        }
    }

    /// Arrays whose inputs stay on the disk.
    pub(super) fn npy_folder(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let roles = Roles::of(&arrays_in(path)?).expect("the folder is one for having them");
        let file = |name: &String| path.join(format!("{name}.npy"));
        let read = |name: &String| numbers(&Npy::read(&file(name))?, (path, name));
        let mut all = read(&roles.main[1])?;
        let train_len = all.len();
        if let Some([_, y]) = &roles.test {
            all.extend(read(y)?);
        }
        let classes = self.classes(&all, (path, &roles.main[1]))?;
        let mut reading = roles.reading();
        reading.push(classes.line.clone());
        let (train_labels, test_labels) = classes.labels.split_at(train_len);
        let open = |name: &String, labels: &[u32]| {
            ArrayFile::open(&file(name), labels.to_vec(), classes.count)
                .map_err(|error| error.within(&file(name)))
        };
        let data = open(&roles.main[0], train_labels)?;
        let [data, test] = match &roles.test {
            Some([name, _]) => {
                self.refuse_split(path, "arrays with their own parts")?;
                [data, open(name, test_labels)?]
            }
            None => {
                let (train, test) = self.split(train_labels, (path, seed))?;
                [data.subset(&train), data.subset(&test)]
            }
        };
        if data.input_shape() != test.input_shape() {
            return Err(DataError::unfit(
                path,
                format!(
                    "test rows of shape {:?} like those of the training",
                    data.input_shape()
                ),
                format!("{:?}", test.input_shape()),
                "save both parts alike",
            ));
        }
        self.files([data, test], (path, seed), (classes, reading))
    }

    fn files(
        &self,
        [data, test]: [ArrayFile; 2],
        (path, seed): (&Path, u64),
        (classes, mut reading): (Classes, Vec<String>),
    ) -> Result<Loaded, DataError> {
        if let (Some(data), Some(test)) = (data.images()?, test.images()?) {
            let mut loaded = self.image_parts([data, test], (path, seed), classes.names)?;
            reading.append(&mut loaded.reading);
            return Ok(Loaded { reading, ..loaded });
        }
        self.refuse_image_changes(path)?;
        let shape = data.input_shape();
        let scale = data.scale()?;
        test.check_finite()?;
        let (data, test) = (
            data.standardised(scale.clone()),
            test.standardised(scale.clone()),
        );
        reading.push(format!(
            "inputs: rows of shape {shape:?}, left on the disk, each value standardised over the training part"
        ));
        let mut train_classes = vec![0; data.len()];
        let rows: Vec<u32> = (0..data.len() as u32).collect();
        data.gather_classes(&rows, &mut train_classes);
        Ok(Loaded {
            about: format!(
                "{}, rows of shape {shape:?}, left on the disk",
                path.display()
            ),
            reading,
            images: None,
            rows: RowKind::Array {
                shape,
                scale: Some(scale),
            },
            data: [Box::new(data), Box::new(test)],
            class_names: classes.names,
            train_classes: Some(train_classes),
        })
    }

    /// Inputs of any shape: bytes of 3 or 4 axes are images.
    fn array(
        &self,
        Array { x, classes, parts }: Array,
        (path, seed): (&Path, u64),
        mut reading: Vec<String>,
    ) -> Result<Loaded, DataError> {
        let rows = x.shape().first().copied().unwrap_or(0);
        if rows != classes.labels.len() {
            return Err(DataError::LabelCount {
                rows,
                labels: classes.labels.len(),
            });
        }
        if let (Npy::Bytes(pixels), 3..) = (&x, x.shape().len()) {
            let Some(shape) = ImageShape::of_rows(&x.shape()[1..]) else {
                let expected = "bytes of images (rows, height, width) or (rows, height, width, channels) with 1, 3 or 4 channels";
                let got = format!("shape {:?}", x.shape());
                let remedy = "transpose them, or save them as float32 if they are no images";
                return Err(DataError::unfit(path, expected, got, remedy));
            };
            let pixels = pixels.iter().copied().collect();
            let images = ImageDataset::new(pixels, shape, classes.labels, classes.count)?;
            let parts = parts.map(|rows| images.subset(&rows));
            let mut loaded = self.image_parts(parts, (path, seed), classes.names)?;
            reading.append(&mut loaded.reading);
            return Ok(Loaded { reading, ..loaded });
        }
        self.refuse_image_changes(path)?;
        let shape = match &x.shape()[1..] {
            [] => vec![1],
            axes => axes.to_vec(),
        };
        let names = match classes.names.is_empty() {
            true => (0..classes.count).map(|class| class.to_string()).collect(),
            false => classes.names,
        };
        reading.push(format!(
            "inputs: rows of shape {shape:?}, each value standardised over the training part"
        ));
        let about = format!("{}, rows of shape {shape:?}", path.display());
        let flat = (rows, shape.iter().product::<usize>());
        let kind = |scale| RowKind::Array {
            shape: shape.clone(),
            scale: Some(scale),
        };
        let labelled = (classes.labels, names, about, reading);
        // Half the memory where single precision is all there is.
        match x {
            Npy::Reals(values) => {
                let values = values.into_shape_with_order(flat).expect("the same values");
                Rows::new(values, &shape, labelled).loaded(parts, kind)
            }
            other => {
                let values = other.doubles().into_shape_with_order(flat);
                Rows::new(values.expect("the same values"), &shape, labelled).loaded(parts, kind)
            }
        }
    }

    fn refuse_image_changes(&self, path: &Path) -> Result<(), DataError> {
        match self.changes.changes_images() {
            false => Ok(()),
            true => Err(DataError::Unused {
                path: path.to_owned(),
                setting: "--augment with changes of images".to_owned(),
                got: "arrays that are no bytes of images",
            }),
        }
    }

    /// The classes that labels are: their numbers where these run from 0, else their places among
    /// the different ones.
    fn classes(&self, labels: &[f64], (path, name): (&Path, &str)) -> Result<Classes, DataError> {
        if self.table.target == Target::Auto {
            refuse_numbers(labels, name, path)?;
        }
        let most = labels.iter().copied().fold(0.0, f64::max);
        let is_place = |label: &f64| *label >= 0.0 && label.fract() == 0.0;
        let are_places = labels.iter().all(is_place) && most < labels.len() as f64;
        let mut different = labels.to_vec();
        different.sort_unstable_by(f64::total_cmp);
        different.dedup();
        let found = match are_places {
            true => Classes {
                labels: labels.iter().map(|&label| label as u32).collect(),
                names: Vec::new(),
                count: most as usize + 1,
                line: format!("label: {name}, {} classes", most as usize + 1),
            },
            false => Classes {
                labels: labels
                    .iter()
                    .map(|label| different.partition_point(|other| other < label) as u32)
                    .collect(),
                names: different.iter().map(ToString::to_string).collect(),
                count: different.len(),
                line: format!(
                    "label: {name}, {} classes, {}",
                    different.len(),
                    listed(&different)
                ),
            },
        };
        several_classes(found.count, (path, name))?;
        Ok(found)
    }
}

/// Inputs with classes, and the rows of each part.
struct Array {
    x: Npy,
    classes: Classes,
    parts: [Vec<usize>; 2],
}

fn nothing_to_train_on(path: &Path, found: &Npz) -> DataError {
    let names = found.arrays.iter().map(|(name, array)| {
        let kind = match array {
            Npy::Bytes(_) => "bytes",
            Npy::Integers(_) => "integers",
            Npy::Reals(_) | Npy::Doubles(_) => "reals",
        };
        format!("{name} ({kind})")
    });
    let odd = found.unread.iter();
    let odd = odd.map(|(name, descr)| format!("{name} ({descr}, no numbers)"));
    let got = listed(names.chain(odd));
    let expected = "arrays x and y, x_train, y_train, x_test and y_test, or images and labels, data and target in their places";
    DataError::unfit(path, expected, got, "name them so, and save numbers")
}

/// The labels in an array of one axis or of one column.
fn numbers(y: &Npy, (path, name): (&Path, &str)) -> Result<Vec<f64>, DataError> {
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
            "mend or drop the row",
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
