//! Tables of numbers or texts.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::arrays::ArrayDataset;
use crate::data::error::DataError;
use crate::data::listed::listed;
use crate::data::precision::{self, Exact};
use crate::data::preparation::RowKind;

use crate::data::scale::Standardizer;
use crate::data::text_features::TextHasher;

use super::opened::ReadParts;
use super::source::{PartRows, Source};

/// Where the labels of a table stand, in messages.
const LABELS: &str = "the label column";

/// Buckets of hashed n-grams.
const BUCKETS: usize = 1 << 17;

pub(super) fn table(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let table = source.options.table.read(source.path)?;
    let columns = table.columns().clone();
    several_classes(table.classes().len(), source.path, LABELS)?;
    let parts = source.split(table.labels())?;
    let about = format!(
        "{}, {} features, classes {}",
        source.path.display(),
        columns.names.len(),
        listed(table.classes())
    );
    let rows = Rows {
        labels: table.labels().to_vec(),
        class_names: table.classes().to_vec(),
        reading: table.reading().to_vec(),
        names: columns.names.clone(),
        shape: vec![columns.names.len()],
        about,
    };
    rows.standardised(&table.into_values(), &parts, |scale| RowKind::Table {
        columns,
        scale,
    })
}

pub(super) fn labelled_texts(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let options = source.options;
    let texts = options.table.read_texts(source.path)?;
    several_classes(texts.classes.len(), source.path, LABELS)?;
    let parts = source.split(&texts.labels)?;
    let (train, test) = (texts.subset(&parts.train), texts.subset(&parts.test));
    // Buckets are weighed by the training part.
    let hasher = TextHasher::fit(&train.texts, BUCKETS);
    let data = hasher
        .dataset(&train)?
        .with_token_dropout(options.augment.token_dropout, options.seed)?;
    Ok(ReadParts {
        train: Box::new(data),
        test: Box::new(hasher.dataset(&test)?),
        about: format!(
            "{}, texts as {BUCKETS} buckets of n-grams",
            source.path.display()
        ),
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

/// Classes of rows of real values, which are to be standardised.
pub(super) struct Rows {
    /// The shape of a row.
    pub(super) shape: Vec<usize>,
    /// The names of its values, if they have some.
    pub(super) names: Vec<String>,
    pub(super) labels: Vec<u32>,
    pub(super) class_names: Vec<String>,
    pub(super) about: String,
    pub(super) reading: Vec<String>,
}

impl Rows {
    /// Both parts, standardised with means and deviations of the training part.
    pub(super) fn standardised<T: Exact>(
        mut self,
        values: &Array2<T>,
        parts: &PartRows,
        kind: impl FnOnce(Standardizer) -> RowKind,
    ) -> Result<ReadParts, DataError> {
        // A value that is not finite would spoil the scale.
        let mut all = values.indexed_iter();
        if let Some(((row, column), &got)) = all.find(|(_, value)| !(**value).into().is_finite()) {
            return Err(DataError::NotFinite {
                what: "input",
                row,
                column,
                got: got.into() as f32,
            });
        }
        // One scale for both parts: that of the training part.
        let scale = Standardizer::fit(values.select(Axis(0), &parts.train).view());
        scale.check(values.view(), &self.names)?;
        let name = |column: usize| {
            let name = self.names.get(column).cloned();
            name.unwrap_or_else(|| format!("input {column}"))
        };
        let rounded = precision::lines(values.view(), &scale, name, "");
        self.reading.extend(rounded);
        let part = |rows: &[usize]| -> Result<ArrayDataset, DataError> {
            let inputs = scale.apply(values.select(Axis(0), rows).view());
            let labels: Vec<u32> = rows.iter().map(|&row| self.labels[row]).collect();
            ArrayDataset::classes(inputs, &labels, self.class_names.len())?.shaped(&self.shape[..])
        };
        let (train, test) = (part(&parts.train)?, part(&parts.test)?);
        Ok(ReadParts {
            train_classes: train.class_labels().map(<[u32]>::to_vec),
            train: Box::new(train),
            test: Box::new(test),
            about: self.about,
            reading: self.reading,
            images: None,
            class_names: self.class_names,
            rows: kind(scale),
        })
    }
}

/// Refuses labels of one class; `place` says where they stand.
pub(super) fn several_classes(classes: usize, path: &Path, place: &str) -> Result<(), DataError> {
    if classes > 1 {
        return Ok(());
    }
    Err(DataError::unfit(
        path,
        "labels of at least 2 classes",
        format!("{classes} of them in {place}"),
        match place == LABELS {
            true => {
                "name the column of the classes with `label`, or give rows of more than one class"
            }
            false => "give rows of more than one class",
        },
    ))
}
