//! Tables of numbers or texts, and NumPy's arrays.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::{
    ArrayDataset, ArrayFile, CsvTable, DataError, Dataset, ImageDataset, ImageShape, LabelledTexts,
    Npy, RowKind, Standardizer, TextHasher, read_npz,
};

use super::reading::classes_line;
use super::{LoadSettings, Loaded};

/// Buckets of hashed n-grams.
const BUCKETS: usize = 1 << 17;

/// Names under which inputs and labels of both parts, or of all rows, lie in an archive.
const PARTS: [[&str; 4]; 2] = [
    ["x_train", "y_train", "x_test", "y_test"],
    ["train_images", "train_labels", "test_images", "test_labels"],
];
const WHOLE: [[&str; 2]; 3] = [["x", "y"], ["images", "labels"], ["data", "target"]];

impl LoadSettings {
    pub(super) fn table(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let table = CsvTable::read(path, &self.label)?;
        several_classes(table.classes().len(), path)?;
        let (train, test) = self.split(table.labels(), (path, seed))?;
        let about = format!(
            "{}, {} features, classes {}",
            path.display(),
            table.names().len(),
            table.classes().join(", ")
        );
        let classes = table.classes().to_vec();
        let columns = table.columns().clone();
        let rows = |scale| RowKind::Table { columns, scale };
        self.values(
            (table.values().to_owned(), &[table.names().len()]),
            table.labels(),
            ([train, test], classes, about),
            rows,
        )
    }

    /// Real values with classes, standardised.
    fn values(
        &self,
        (values, shape): (Array2<f32>, &[usize]),
        labels: &[u32],
        ([train, test], class_names, about): ([Vec<usize>; 2], Vec<String>, String),
        rows: impl FnOnce(Standardizer) -> RowKind,
    ) -> Result<Loaded, DataError> {
        let scale = Standardizer::fit(values.select(Axis(0), &train).view());
        let part = |rows: &[usize]| -> Result<ArrayDataset, DataError> {
            let mut values = values.select(Axis(0), rows);
            scale.apply(&mut values);
            let labels: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
            ArrayDataset::classes(values, &labels, class_names.len())?.shaped(shape)
        };
        let (train, test) = (part(&train)?, part(&test)?);
        Ok(Loaded {
            train_classes: train.class_labels().map(<[u32]>::to_vec),
            data: [Box::new(train), Box::new(test)],
            about,
            reading: vec![classes_line(&class_names)],
            images: None,
            class_names,
            rows: rows(scale),
        })
    }

    pub(super) fn labelled_texts(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let texts = LabelledTexts::read(path, &self.label)?;
        several_classes(texts.classes.len(), path)?;
        let (train, test) = self.split(&texts.labels, (path, seed))?;
        let (train, test) = (texts.subset(&train), texts.subset(&test));
        let hasher = TextHasher::fit(&train.texts, BUCKETS);
        let data = hasher
            .dataset(&train)?
            .with_token_dropout(self.changes.token_dropout, seed)?;
        Ok(Loaded {
            data: [Box::new(data), Box::new(hasher.dataset(&test)?)],
            about: format!("{}, texts as {BUCKETS} buckets of n-grams", path.display()),
            reading: vec![classes_line(&texts.classes)],
            images: None,
            class_names: texts.classes,
            rows: RowKind::Texts {
                columns: texts.columns,
                hasher,
            },
            train_classes: Some(train.labels),
        })
    }

    pub(super) fn npz(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let mut arrays = read_npz(path)?;
        let names = arrays.keys().cloned().collect::<Vec<_>>().join(", ");
        for names in PARTS {
            if let Some([x, y, test_x, test_y]) = taken(&mut arrays, names) {
                let (train, test) = (
                    labels(&y, (path, names[1]))?,
                    labels(&test_y, (path, names[3]))?,
                );
                let rows = x.shape().first().copied().unwrap_or(0);
                let parts = [(0..rows).collect(), (rows..rows + test.len()).collect()];
                let x = joined(x, test_x, path)?;
                return self.array(x, [train, test].concat(), (parts, path, seed));
            }
        }
        for names in WHOLE {
            if let Some([x, y]) = taken(&mut arrays, names) {
                let labels = labels(&y, (path, names[1]))?;
                let (train, test) = self.split(&labels, (path, seed))?;
                return self.array(x, labels, ([train, test], path, seed));
            }
        }
        Err(DataError::format(
            path,
            format!(
                "arrays named {}, or x and y, images and labels, data and target",
                PARTS.map(|p| p.join(", ")).join(" or ")
            ),
            names,
        ))
    }

    /// Four arrays, whose inputs stay on the disk.
    pub(super) fn npy_folder(&self, path: &Path) -> Result<Loaded, DataError> {
        let labels = |name: &str| labels(&Npy::read(&path.join(name))?, (path, name));
        let (train, test) = (labels("y_train.npy")?, labels("y_test.npy")?);
        let classes = num_classes(&[&train[..], &test].concat(), path)?;
        let part = |name: &str, labels| ArrayFile::open(&path.join(name), labels, classes);
        let data = part("x_train.npy", train.clone())?;
        let test = part("x_test.npy", test)?;
        if data.input_shape() != test.input_shape() {
            return Err(DataError::format(
                &path.join("x_test.npy"),
                format!("rows of shape {:?} like x_train.npy", data.input_shape()),
                format!("{:?}", test.input_shape()),
            ));
        }
        Ok(Loaded {
            about: format!(
                "{}, rows of shape {:?}, left on the disk and taken as they are",
                path.display(),
                data.input_shape()
            ),
            rows: RowKind::Array {
                shape: data.input_shape(),
                scale: None,
            },
            reading: Vec::new(),
            images: None,
            data: [Box::new(data), Box::new(test)],
            class_names: Vec::new(),
            train_classes: Some(train),
        })
    }

    /// Inputs of any shape: bytes of 3 or 4 axes are images.
    fn array(
        &self,
        x: Npy,
        labels: Vec<u32>,
        (parts, path, seed): ([Vec<usize>; 2], &Path, u64),
    ) -> Result<Loaded, DataError> {
        let rows = x.shape().first().copied().unwrap_or(0);
        if rows != labels.len() {
            return Err(DataError::LabelCount {
                rows,
                labels: labels.len(),
            });
        }
        let classes = num_classes(&labels, path)?;
        let refuse =
            |expected: &str| DataError::format(path, expected, format!("shape {:?}", x.shape()));
        if let (Npy::Bytes(pixels), &[_, height, width, ref channels @ ..]) = (&x, x.shape()) {
            let (&[] | &[1 | 3 | 4]) = channels else {
                let expected = "bytes of images (rows, height, width) or (rows, height, width, channels) with 1, 3 or 4 channels; transpose them";
                return Err(refuse(expected));
            };
            let shape = ImageShape {
                height,
                width,
                channels: channels.first().copied().unwrap_or(1),
            };
            let pixels = pixels.iter().copied().collect();
            let images = ImageDataset::new(pixels, shape, labels, classes)?;
            let parts = parts.map(|rows| images.subset(&rows));
            return self.image_parts(parts, (path, seed), Vec::new());
        }
        if self.changes.changes_images() {
            return Err(refuse("bytes of images, for the words of --augment"));
        }
        let shape = x.shape().to_vec();
        let width: usize = shape.iter().skip(1).product();
        let values = x
            .reals()
            .into_shape_with_order((rows, width))
            .expect("the same values");
        // Refused here, before they are averaged.
        let values = ArrayDataset::classes(values, &labels, classes)?
            .inputs()
            .to_owned();
        let names = (0..classes).map(|class| class.to_string()).collect();
        let about = format!("{}, rows of shape {:?}", path.display(), &shape[1..]);
        let rows = |scale| RowKind::Array {
            shape: shape[1..].to_vec(),
            scale: Some(scale),
        };
        self.values((values, &shape[1..]), &labels, (parts, names, about), rows)
    }
}

fn several_classes(classes: usize, path: &Path) -> Result<(), DataError> {
    if classes > 1 {
        return Ok(());
    }
    Err(DataError::format(
        path,
        "labels of at least 2 classes",
        format!("{classes} of them"),
    ))
}

/// One more than the largest class, which must not be larger than there are rows.
fn num_classes(labels: &[u32], path: &Path) -> Result<usize, DataError> {
    let classes = labels.iter().max().map_or(0, |&most| most as usize + 1);
    if classes > labels.len() {
        return Err(DataError::format(
            path,
            format!("classes below the number of rows, {}", labels.len()),
            format!("class {}", classes - 1),
        ));
    }
    several_classes(classes, path)?;
    Ok(classes)
}

/// The arrays of these names, if all are there.
fn taken<const N: usize>(arrays: &mut BTreeMap<String, Npy>, names: [&str; N]) -> Option<[Npy; N]> {
    let has_all = names.iter().all(|name| arrays.contains_key(*name));
    has_all.then(|| names.map(|name| arrays.remove(name).expect("it is there")))
}

/// Class numbers from an array of them, of one axis or of one column.
fn labels(y: &Npy, (path, name): (&Path, &str)) -> Result<Vec<u32>, DataError> {
    let odd =
        |got: String| DataError::format(&path.join(name), "whole numbers from 0, one a row", got);
    let rows = y.shape().first().copied().unwrap_or(0);
    let values: Vec<i64> = match y {
        Npy::Bytes(values) => values.iter().map(|&v| i64::from(v)).collect(),
        Npy::Integers(values) => values.iter().copied().collect(),
        Npy::Reals(_) => return Err(odd("reals".to_owned())),
    };
    if values.len() != rows {
        return Err(odd(format!("shape {:?}", y.shape())));
    }
    let class = |&value: &i64| u32::try_from(value).ok().filter(|&class| class < 1 << 24);
    match values.iter().find(|value| class(value).is_none()) {
        Some(value) => Err(odd(value.to_string())),
        None => Ok(values.iter().filter_map(class).collect()),
    }
}

/// Both parts, one after the other.
fn joined(train: Npy, test: Npy, path: &Path) -> Result<Npy, DataError> {
    let shapes = format!("{:?} and {:?}", train.shape(), test.shape());
    let both = match (train, test) {
        (Npy::Bytes(a), Npy::Bytes(b)) => {
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Bytes)
        }
        (a, b) => {
            let (a, b) = (a.reals(), b.reals());
            ndarray::concatenate(Axis(0), &[a.view(), b.view()]).map(Npy::Reals)
        }
    };
    both.map_err(|_| DataError::format(path, "training and test rows of one shape", shapes))
}
