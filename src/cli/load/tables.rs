//! Tables of numbers or texts.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::{
    ArrayDataset, DataError, Header, MissingLabels, RowKind, Standardizer, TableOptions, Target,
    TextHasher,
};

use super::super::error::{ArgError, refused};
use super::super::options::DataArgs;
use super::words::column;
use super::{LoadSettings, Loaded};

/// Buckets of hashed n-grams.
const BUCKETS: usize = 1 << 17;

/// How a table is read, as the flags say.
pub(super) fn options(args: &DataArgs) -> Result<TableOptions, ArgError> {
    let header = match args.header.as_deref().unwrap_or("auto") {
        "auto" => Header::Auto,
        "yes" => Header::Yes,
        "no" => Header::No,
        other => return Err(refused("header", "auto, yes or no", other)),
    };
    let missing_labels = match args.missing_labels.as_deref().unwrap_or("refuse") {
        "refuse" => MissingLabels::Refuse,
        "drop" => MissingLabels::Drop,
        "class" => MissingLabels::Class,
        other => return Err(refused("missing-labels", "refuse, drop or class", other)),
    };
    let target = match args.target.as_deref().unwrap_or("auto") {
        "auto" => Target::Auto,
        "classes" => Target::Classes,
        other => return Err(refused("target", "auto or classes", other)),
    };
    let names = args.drop.iter().flat_map(|names| names.split(','));
    let names: Vec<&str> = names.map(str::trim).collect();
    let columns = names.iter().filter(|name| **name != "none");
    Ok(TableOptions {
        label: column(args.label.as_deref()),
        header,
        delimiter: args.delimiter.as_deref().map(delimiter).transpose()?,
        drop: columns.map(|name| column(Some(name))).collect(),
        keeps_index: names.contains(&"none"),
        missing_labels,
        target,
    })
}

/// A name, or an ASCII character itself.
fn delimiter(text: &str) -> Result<u8, ArgError> {
    let named = match text {
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "tab" | "\\t" => Some(b'\t'),
        "pipe" => Some(b'|'),
        "space" => Some(b' '),
        other => match other.as_bytes() {
            [byte]
                if byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !b"\"\r\n".contains(byte) =>
            {
                Some(*byte)
            }
            _ => None,
        },
    };
    let expected = "comma, semicolon, tab, pipe, space or another character";
    named.ok_or_else(|| refused("delimiter", expected, text))
}

impl LoadSettings {
    pub(super) fn table(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let table = self.table.read(path)?;
        let columns = table.columns().clone();
        several_classes(table.classes().len(), (path, "the label column"))?;
        let (train, test) = self.split(table.labels(), (path, seed))?;
        let about = format!(
            "{}, {} features, classes {}",
            path.display(),
            columns.names.len(),
            crate::data::listed(table.classes())
        );
        let shape = [columns.names.len()];
        let (labels, classes) = (table.labels().to_vec(), table.classes().to_vec());
        let reading = table.reading().to_vec();
        let rows = Rows::new(
            table.into_values(),
            &shape,
            (labels, classes, about, reading),
        );
        rows.loaded([train, test], |scale| RowKind::Table { columns, scale })
    }

    pub(super) fn labelled_texts(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let texts = self.table.read_texts(path)?;
        several_classes(texts.classes.len(), (path, "the label column"))?;
        let (train, test) = self.split(&texts.labels, (path, seed))?;
        let (train, test) = (texts.subset(&train), texts.subset(&test));
        let hasher = TextHasher::fit(&train.texts, BUCKETS);
        let data = hasher
            .dataset(&train)?
            .with_token_dropout(self.changes.token_dropout, seed)?;
        Ok(Loaded {
            data: [Box::new(data), Box::new(hasher.dataset(&test)?)],
            about: format!("{}, texts as {BUCKETS} buckets of n-grams", path.display()),
            reading: texts.reading,
            images: None,
            class_names: texts.classes,
            rows: RowKind::Texts {
                columns: texts.columns,
                hasher,
            },
            train_classes: Some(train.labels),
        })
    }
}

/// Real values with classes, to be standardised.
pub(super) struct Rows<'a, T> {
    values: Array2<T>,
    /// The shape of a row.
    shape: &'a [usize],
    labels: Vec<u32>,
    class_names: Vec<String>,
    about: String,
    reading: Vec<String>,
}

impl<'a, T: Copy + Into<f64>> Rows<'a, T> {
    pub(super) fn new(
        values: Array2<T>,
        shape: &'a [usize],
        (labels, class_names, about, reading): (Vec<u32>, Vec<String>, String, Vec<String>),
    ) -> Self {
        Self {
            values,
            shape,
            labels,
            class_names,
            about,
            reading,
        }
    }

    /// Both parts, standardised with means and deviations of the training part.
    pub(super) fn loaded(
        self,
        [train, test]: [Vec<usize>; 2],
        kind: impl FnOnce(Standardizer) -> RowKind,
    ) -> Result<Loaded, DataError> {
        let mut all = self.values.indexed_iter();
        if let Some(((row, column), &got)) = all.find(|(_, value)| !(**value).into().is_finite()) {
            return Err(DataError::NotFinite {
                what: "input",
                row,
                column,
                got: got.into() as f32,
            });
        }
        let scale = Standardizer::fit(self.values.select(Axis(0), &train).view());
        let part = |rows: &[usize]| -> Result<ArrayDataset, DataError> {
            let values = scale.apply(self.values.select(Axis(0), rows).view());
            let labels: Vec<u32> = rows.iter().map(|&row| self.labels[row]).collect();
            ArrayDataset::classes(values, &labels, self.class_names.len())?.shaped(self.shape)
        };
        let (train, test) = (part(&train)?, part(&test)?);
        Ok(Loaded {
            train_classes: train.class_labels().map(<[u32]>::to_vec),
            data: [Box::new(train), Box::new(test)],
            about: self.about,
            reading: self.reading,
            images: None,
            class_names: self.class_names,
            rows: kind(scale),
        })
    }
}

/// Refuses labels of one class.
pub(super) fn several_classes(
    classes: usize,
    (path, place): (&Path, &str),
) -> Result<(), DataError> {
    if classes > 1 {
        return Ok(());
    }
    Err(DataError::unfit(
        path,
        "labels of at least 2 classes",
        format!("{classes} of them in {place}"),
        "name the column of the classes with --label, or give rows of more than one class",
    ))
}
