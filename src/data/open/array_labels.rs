//! Labels in an array: classes, the values of a regression, or label sets.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::error::DataError;
use crate::data::listed::listed;
use crate::data::npy::Npy;
use crate::data::rounding::DOUBLES;
use crate::data::row_labels::{RowLabels, are_classes, set_lines};
use crate::data::split::PartRows;
use crate::data::targets::{Target, measured_numbers};

use super::source::Source;
use super::tables::{several_classes, several_values};

/// Arrays with their own parts, in messages.
const OWN_PARTS: &str = "arrays with their own parts";

/// What rows are labelled with.
pub(super) enum ArrayLabels {
    /// A class each.
    Classes(Classes),
    /// Values of a regression, or label sets.
    Values {
        labels: RowLabels,
        lines: Vec<String>,
    },
}

/// The classes of training and test rows together, and their names where they are not their
/// numbers.
pub(super) struct Classes {
    pub(super) labels: Vec<u32>,
    pub(super) names: Vec<String>,
    pub(super) count: usize,
    pub(super) line: String,
}

/// How many rows are in the parts of files that have parts, before those of the test part.
#[derive(Clone, Copy)]
pub(super) struct OwnParts {
    pub(super) train: usize,
    /// None where there is no validation part.
    pub(super) valid: usize,
}

impl ArrayLabels {
    /// The labels of training and test rows together: classes, or values where these are asked for
    /// or look like some.
    pub(super) fn of(
        source: &Source<'_>,
        numbers: Array2<f64>,
        name: &str,
    ) -> Result<Self, DataError> {
        if numbers.is_empty() {
            return Err(DataError::Empty);
        }
        let width = numbers.ncols();
        let why = match (source.options.table.target, width) {
            (Target::Classes, 1) => None,
            (Target::Auto, 1) => measured_numbers(numbers.as_slice().unwrap_or_default()),
            (Target::Values, 1) => Some("real values".to_owned()),
            (Target::Classes, _) => return Err(several_columns(source, &numbers, name)),
            (Target::Labels, _) => return sets(source, numbers, name),
            // Rows of 0 with a single 1 may be classes, which are better told by their numbers.
            (Target::Auto, _) if are_binary(&numbers) => match are_classes(&numbers) {
                true => return Err(several_columns(source, &numbers, name)),
                false => return sets(source, numbers, name),
            },
            _ => Some(format!("{width} values a row")),
        };
        let Some(why) = why else {
            let labels: Vec<f64> = numbers.into_iter().collect();
            return classes(source, &labels, name).map(Self::Classes);
        };
        let names = column_names(name, width);
        several_values(&numbers, &names, source.path)?;
        let labels = RowLabels::Values {
            values: numbers,
            names,
        };
        Ok(Self::Values {
            labels,
            lines: vec![format!("target: {name}, {why}")],
        })
    }

    /// How many rows have one.
    pub(super) fn len(&self) -> usize {
        match self {
            ArrayLabels::Classes(classes) => classes.labels.len(),
            ArrayLabels::Values { labels, .. } => {
                labels.values().map_or(0, |found| found.0.nrows())
            }
        }
    }

    /// What is said of them.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            ArrayLabels::Classes(Classes { line, .. }) => vec![line.clone()],
            ArrayLabels::Values { lines, .. } => lines.clone(),
        }
    }

    /// Rows of the parts: where the files say so, they stand one behind the other, and a validation
    /// part that they lack is drawn from the first; else all are drawn.
    pub(super) fn parts(
        &self,
        source: &Source<'_>,
        own: Option<OwnParts>,
    ) -> Result<PartRows, DataError> {
        match (own, self) {
            (Some(OwnParts { train, valid }), _) if valid > 0 => {
                source.refuse_split(OWN_PARTS)?;
                source.refuse_valid(train + valid < self.len())?;
                Ok(PartRows {
                    train: (0..train).collect(),
                    valid: (train..train + valid).collect(),
                    test: (train + valid..self.len()).collect(),
                })
            }
            (
                Some(OwnParts {
                    train: train_len, ..
                }),
                _,
            ) => {
                source.refuse_split(OWN_PARTS)?;
                let classes = match self {
                    ArrayLabels::Classes(classes) => classes.labels[..train_len].to_vec(),
                    ArrayLabels::Values { .. } => vec![0; train_len],
                };
                Ok(PartRows {
                    test: (train_len..self.len()).collect(),
                    ..source.held_out(&classes, &[])?
                })
            }
            (None, ArrayLabels::Classes(classes)) => source.split(&classes.labels),
            (None, ArrayLabels::Values { .. }) => source.split_values(self.len()),
        }
    }
}

/// The names of the columns of an array.
fn column_names(name: &str, width: usize) -> Vec<String> {
    match width {
        1 => vec![name.to_owned()],
        _ => (0..width).map(|at| format!("{name}[{at}]")).collect(),
    }
}

fn are_binary(numbers: &Array2<f64>) -> bool {
    numbers.iter().all(|&value| value == 0.0 || value == 1.0)
}

/// Label sets: each column is a label, with 1 where a row has it.
fn sets(source: &Source<'_>, numbers: Array2<f64>, name: &str) -> Result<ArrayLabels, DataError> {
    let mut cells = numbers.indexed_iter();
    if let Some(((row, _), value)) = cells.find(|(_, value)| **value != 0.0 && **value != 1.0) {
        return Err(DataError::unfit(
            &source.path.join(name),
            "0 or 1 for every label of a row",
            format!("{value} in row {row}"),
            "save 1 where a row has the label and 0 where not, or let `task` regress predict numbers",
        ));
    }
    let names = column_names(name, numbers.ncols());
    several_values(&numbers, &names, source.path)?;
    let lines = set_lines(&numbers, &names);
    let labels = RowLabels::Sets {
        values: numbers,
        names,
    };
    Ok(ArrayLabels::Values { labels, lines })
}

/// The error of labels of several columns that are no values.
fn several_columns(source: &Source<'_>, numbers: &Array2<f64>, name: &str) -> DataError {
    DataError::unfit(
        &source.path.join(name),
        "a label of one number a row",
        format!("shape {:?}", numbers.shape()),
        "labels as rows of 0 and 1 become numbers by y.argmax(1), `task` multi-label takes each column for a label of its own, `task` regress for a target",
    )
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

/// The labels in an array of one axis or of columns, (rows, columns).
pub(super) fn numbers(y: &Npy, path: &Path, name: &str) -> Result<Array2<f64>, DataError> {
    let odd = |got: String, remedy: &str| {
        DataError::unfit(&path.join(name), "a label of one number a row", got, remedy)
    };
    let (rows, width) = match *y.shape() {
        [rows] => (rows, 1),
        [rows, width] if width > 0 => (rows, width),
        _ => {
            let got = format!("shape {:?}", y.shape());
            return Err(odd(got, "save labels as (rows) or (rows, targets)"));
        }
    };
    let values = y.doubles();
    let values = values.to_shape((rows, width));
    let values = values.expect("the same values").into_owned();
    let mut cells = values.indexed_iter();
    match cells.find(|(_, value)| !value.is_finite()) {
        Some(((row, _), value)) => Err(odd(format!("{value} in row {row}"), "fix or drop the row")),
        None => Ok(values),
    }
}

/// Those of two parts, one after the other.
pub(super) fn with_other(
    train: &Array2<f64>,
    other: &Array2<f64>,
    path: &Path,
) -> Result<Array2<f64>, DataError> {
    let both = ndarray::concatenate(Axis(0), &[train.view(), other.view()]);
    both.map_err(|_| {
        let expected = "labels of one width in all parts";
        let got = format!("{:?} and {:?}", train.shape(), other.shape());
        DataError::unfit(path, expected, got, "save both parts alike")
    })
}
