//! The labels of rows: classes, real values or label sets; which of them a column of a table holds.

use std::path::Path;

use ndarray::Array2;

use super::cells::{column_called, is_number_like, remedy};
use super::error::DataError;
use super::listed::listed;
use super::records::{Record, Records};
use super::targets::{Target, alike, measured, numbered};

/// Labels of all rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowLabels {
    /// A class each, and the names of the classes.
    Classes {
        labels: Vec<u32>,
        names: Vec<String>,
    },
    /// Values, (rows, targets), and the names of the targets.
    Values {
        values: Array2<f64>,
        names: Vec<String>,
    },
    /// Label sets: 1 where a row has a label and 0 where not, (rows, labels), and the names of the
    /// labels.
    Sets {
        values: Array2<f64>,
        names: Vec<String>,
    },
}

/// A column that holds labels.
#[derive(Clone, Copy)]
pub(super) struct LabelColumn<'a> {
    pub(super) place: usize,
    pub(super) name: &'a str,
}

impl RowLabels {
    /// Those in a column of a table, and what is said of them.
    pub(super) fn of_column(
        rows: &Records,
        column: LabelColumn<'_>,
        target: Target,
        path: &Path,
    ) -> Result<(Self, Vec<String>), DataError> {
        let name = column.name;
        let cells: Vec<&str> = rows.column(column.place).collect();
        // Values where they are asked for, or look like some.
        let why = match target {
            Target::Classes | Target::Labels => None,
            Target::Values => Some(String::new()),
            Target::Auto => measured(&cells, name, path)?.map(|why| format!(", {why}")),
        };
        if let Some(why) = why {
            let line = format!("target: {name}{why}");
            return Ok((values(rows, column, path)?, vec![line]));
        }
        let (names, labels) = numbered(&cells);
        let (count, list) = (names.len(), listed(&names));
        let mut lines = vec![format!("label: {name}, {count} classes, {list}")];
        lines.extend(alike(&cells));
        Ok((Self::Classes { labels, names }, lines))
    }

    /// The class of each row, and the names of the classes or, of label sets, of the labels;
    /// nothing where rows have values.
    pub(super) fn classes(&self) -> (&[u32], &[String]) {
        match self {
            RowLabels::Classes { labels, names } => (labels, names),
            RowLabels::Sets { names, .. } => (&[], names),
            RowLabels::Values { .. } => (&[], &[]),
        }
    }

    /// Label sets in columns of 0 and 1 (or False and True), and what is said of them.
    pub(super) fn of_columns(
        rows: &Records,
        columns: &[LabelColumn<'_>],
        path: &Path,
    ) -> Result<(Self, Vec<String>), DataError> {
        let mut values = Array2::zeros((rows.len(), columns.len()));
        for (mut to, record) in values.rows_mut().into_iter().zip(rows.iter()) {
            for (to, column) in to.iter_mut().zip(columns) {
                *to = label(record, *column, path)?;
            }
        }
        let names: Vec<String> = columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        let lines = set_lines(&values, &names);
        Ok((Self::Sets { values, names }, lines))
    }

    /// Values of columns side by side, (rows, columns), if rows have no class.
    #[cfg(feature = "files")]
    pub(super) fn values(&self) -> Option<(&Array2<f64>, &[String])> {
        match self {
            RowLabels::Classes { .. } => None,
            RowLabels::Values { values, names } | RowLabels::Sets { values, names } => {
                Some((values, names))
            }
        }
    }
}

/// What is said of label sets.
pub(super) fn set_lines(values: &Array2<f64>, names: &[String]) -> Vec<String> {
    let counts = values.columns().into_iter().zip(names);
    let counts = counts.map(|(column, name)| format!("{name} in {} rows", column.sum()));
    let mut lines = vec![format!("labels: {}, {}", names.len(), listed(counts))];
    if names.len() > 1 && are_classes(values) {
        lines.push("labels: every row has exactly one, as of classes; one column with their names, and `task` classify, would be trained on as such".to_owned());
    }
    lines
}

/// Whether every row has exactly one label.
pub(super) fn are_classes(values: &Array2<f64>) -> bool {
    values.rows().into_iter().all(|row| row.sum() == 1.0)
}

/// Whether a cell says that a label is there, or is not.
pub(super) fn is_there(cell: &str) -> Option<bool> {
    match cell {
        "1" | "1.0" => Some(true),
        "0" | "0.0" => Some(false),
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// 1 where the row has the label of a column, 0 where not.
fn label(record: Record<'_>, column: LabelColumn<'_>, path: &Path) -> Result<f64, DataError> {
    let cell = record.cell(column.place);
    let label = is_there(cell).map(|is_there| f64::from(u8::from(is_there)));
    label.ok_or_else(|| {
        DataError::unfit(
            path,
            format!("0 or 1 in {} of every row", column_called(column.name)),
            format!("{cell:?} in line {}", record.line()),
            "write 1 where a row has the label and 0 where not, name other columns with `target`, or let `task` regress predict numbers",
        )
    })
}

/// The numbers in a column.
fn values(rows: &Records, column: LabelColumn<'_>, path: &Path) -> Result<RowLabels, DataError> {
    let mut values = Vec::with_capacity(rows.len());
    for record in rows.iter() {
        let cell = record.cell(column.place);
        let number = cell.parse().ok().filter(|value: &f64| value.is_finite());
        values.push(number.ok_or_else(|| {
            let line = record.line();
            let others = rows.column(column.place);
            let classes = format!(
                "`label` {} takes each of its values for a class",
                column.name
            );
            let said = match others.clone().any(is_number_like) {
                // Words alone.
                false => classes,
                true => {
                    let said = remedy(cell, others);
                    let said = said.split(", or leave").next().unwrap_or_default();
                    format!("{said}, or {classes}")
                }
            };
            DataError::unfit(
                path,
                format!("a number in {} of every row", column_called(column.name)),
                format!("{cell:?} in line {line}"),
                said,
            )
        })?);
    }
    let values = Array2::from_shape_vec((rows.len(), 1), values).expect("a value a row");
    Ok(RowLabels::Values {
        values,
        names: vec![column.name.to_owned()],
    })
}
