//! Tables of numbers or texts.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::arrays::ArrayDataset;
use crate::data::column_encoder::ColumnCells;
use crate::data::columns::Columns;
use crate::data::error::DataError;
use crate::data::feature_cells::FeatureCells;
use crate::data::listed::listed;
use crate::data::precision::{self, Exact};
use crate::data::preparation::RowKind;
use crate::data::real_targets::RealTargets;
use crate::data::row_labels::RowLabels;
use crate::data::scale::Standardizer;
use crate::data::split::PartRows;
use crate::data::table_encoder::TableEncoder;
use crate::data::text_features::TextHasher;

use super::opened::ReadParts;
use super::source::Source;

/// Where the labels of a table stand, in messages.
const LABELS: &str = "the label column";

/// Buckets of hashed n-grams.
const BUCKETS: usize = 1 << 17;

pub(super) fn table(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let table = source.options.table.read(source.path)?;
    let columns = table.columns().clone();
    let reading = table.reading().to_vec();
    let (cells, labels, weights) = table.into_parts();
    let (parts, said) = match &labels {
        RowLabels::Classes { labels, names } => {
            several_classes(names.len(), source.path, LABELS)?;
            (source.split(labels)?, format!("classes {}", listed(names)))
        }
        RowLabels::Values { values, names } => {
            several_values(values, names, source.path)?;
            let said = format!("values of {}", listed(names));
            (source.split_values(values.nrows())?, said)
        }
        RowLabels::Sets { values, names } => {
            several_values(values, names, source.path)?;
            let said = format!("labels {}", listed(names));
            (source.split_values(values.nrows())?, said)
        }
    };
    let rows = Rows {
        labels,
        reading,
        about: format!(
            "{}, {} features, {said}",
            source.path.display(),
            columns.names.len()
        ),
        names: columns.names.clone(),
        shape: Vec::new(),
    };
    let read = rows.encoded(cells, &parts, columns, source.path)?;
    match weights {
        Some(weights) => read.with_weights(&weights, &parts, source.path),
        None => Ok(read),
    }
}

pub(super) fn labelled_texts(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let options = source.options;
    let texts = options.table.read_texts(source.path)?;
    several_classes(texts.classes.len(), source.path, LABELS)?;
    let parts = source.split(&texts.labels)?;
    let train = texts.subset(&parts.train);
    // Buckets are weighed by the training part.
    let hasher = TextHasher::fit(&train.texts, BUCKETS);
    let data = hasher
        .dataset(&train)?
        .with_token_dropout(options.augment.token_dropout, options.seed)?;
    let part = |rows: &[usize]| hasher.dataset(&texts.subset(rows));
    Ok(ReadParts {
        train: Box::new(data),
        valid: parts.valid_part(part)?,
        test: parts.test_part(part)?,
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
        targets: None,
    })
}

/// Labels of rows of real values, which are to be standardised.
pub(super) struct Rows {
    /// The shape of a row.
    pub(super) shape: Vec<usize>,
    /// The names of its values, if they have some.
    pub(super) names: Vec<String>,
    pub(super) labels: RowLabels,
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
        let inputs = |rows: &[usize]| Ok(scale.apply(values.select(Axis(0), rows).view()));
        self.parts(parts, inputs, kind(scale.clone()))
    }

    /// Both parts of a table, encoded with what the training part holds.
    fn encoded(
        mut self,
        mut cells: FeatureCells,
        parts: &PartRows,
        columns: Columns,
        path: &Path,
    ) -> Result<ReadParts, DataError> {
        let encoder = TableEncoder::fit(&mut cells, &self.names, &parts.train, path)?;
        encoder.check(cells.codes.view(), &self.names)?;
        self.reading.extend(rounded(&encoder, &cells, &self.names));
        self.reading.extend(encoder.lines(&cells, &self.names));
        self.shape = vec![encoder.width()];
        let kind = RowKind::Table {
            columns,
            encoders: encoder.encoders.clone(),
            scale: encoder.scale.clone(),
        };
        let inputs = |rows: &[usize]| encoder.apply(cells.codes.view(), rows, path);
        self.parts(parts, inputs, kind)
    }

    /// Both parts, whose rows `inputs` gives.
    fn parts(
        self,
        parts: &PartRows,
        inputs: impl Fn(&[usize]) -> Result<Array2<f32>, DataError>,
        kind: RowKind,
    ) -> Result<ReadParts, DataError> {
        let targets = match &self.labels {
            RowLabels::Classes { .. } | RowLabels::Sets { .. } => None,
            RowLabels::Values { values, names } => Some(real_targets(values, names, parts)?),
        };
        let part = |rows: &[usize]| -> Result<ArrayDataset, DataError> {
            let inputs = inputs(rows)?;
            let data = match (&self.labels, &targets) {
                (RowLabels::Classes { labels, names }, _) => {
                    let labels: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
                    ArrayDataset::classes(inputs, &labels, names.len())
                }
                (RowLabels::Values { values, .. }, Some(targets)) => {
                    let values = values.select(Axis(0), rows);
                    ArrayDataset::values(inputs, targets.scale.apply(values.view()))
                }
                (RowLabels::Sets { values, .. }, _) => {
                    let values = values.select(Axis(0), rows);
                    ArrayDataset::values(inputs, values.mapv(|value| value as f32))
                }
                (RowLabels::Values { .. }, None) => unreachable!("values have a scale"),
            };
            data?.shaped(&self.shape[..])
        };
        let train = part(&parts.train)?;
        Ok(ReadParts {
            valid: parts.valid_part(part)?,
            test: parts.test_part(part)?,
            train_classes: train.class_labels().map(<[u32]>::to_vec),
            class_names: self.labels.classes().1.to_vec(),
            targets,
            train: Box::new(train),
            about: self.about,
            reading: self.reading,
            images: None,
            rows: kind,
        })
    }
}

/// What is said of columns whose numbers fall together in single precision.
pub(super) fn rounded(
    encoder: &TableEncoder,
    cells: &FeatureCells,
    names: &[String],
) -> Vec<String> {
    if encoder.takes_numbers() && encoder.width() == names.len() {
        let name = |column: usize| names[column].clone();
        return precision::lines(cells.codes.view(), &encoder.scale, name, "");
    }
    // Beside other columns, or with gaps: the numbers alone, and medians in the gaps.
    let (mut columns, mut medians, mut start) = (Vec::new(), Vec::new(), 0);
    let mut scale = Standardizer {
        means: Vec::new(),
        deviations: Vec::new(),
    };
    for (column, encoder_of) in encoder.encoders.iter().enumerate() {
        if let ColumnCells::Numbers { median } = encoder_of.cells {
            columns.push(column);
            medians.push(median.unwrap_or_default());
            scale.means.push(encoder.scale.means[start]);
            scale.deviations.push(encoder.scale.deviations[start]);
        }
        start += encoder_of.width();
    }
    let mut values = cells.codes.select(Axis(1), &columns);
    for (mut column, median) in values.columns_mut().into_iter().zip(medians) {
        column.mapv_inplace(|value| if value.is_nan() { median } else { value });
    }
    let name = |at: usize| names[columns[at]].clone();
    precision::lines(values.view(), &scale, name, "")
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

/// The targets of a regression, with the means and deviations of the training part.
pub(super) fn real_targets(
    values: &Array2<f64>,
    names: &[String],
    parts: &PartRows,
) -> Result<RealTargets, DataError> {
    let scale = Standardizer::fit(values.select(Axis(0), &parts.train).view());
    scale.check(values.view(), names)?;
    let names = names.to_vec();
    Ok(RealTargets { names, scale })
}

/// Refuses a target of which all rows have the same value.
pub(super) fn several_values(
    values: &Array2<f64>,
    names: &[String],
    path: &Path,
) -> Result<(), DataError> {
    for (column, name) in values.columns().into_iter().zip(names) {
        if column.iter().all(|value| *value == column[0]) {
            return Err(DataError::unfit(
                path,
                format!("different values of the target {name}"),
                format!("{} in every row", column[0]),
                "name another column with `label`, or give rows of more than one value",
            ));
        }
    }
    Ok(())
}
