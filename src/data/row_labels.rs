//! The labels of rows: classes, or real values; which of them a column of a table holds.

use std::path::Path;

use ndarray::Array2;

use super::cells::{column_called, remedy};
use super::error::DataError;
use super::listed::listed;
use super::records::Records;
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
            Target::Classes => None,
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

    /// The class of each row; nothing where rows have values.
    pub(super) fn classes(&self) -> (&[u32], &[String]) {
        match self {
            RowLabels::Classes { labels, names } => (labels, names),
            RowLabels::Values { .. } => (&[], &[]),
        }
    }
}

/// The numbers in a column.
fn values(rows: &Records, column: LabelColumn<'_>, path: &Path) -> Result<RowLabels, DataError> {
    let mut values = Vec::with_capacity(rows.len());
    for record in rows.iter() {
        let cell = record.cell(column.place);
        let number = cell.parse().ok().filter(|value: &f64| value.is_finite());
        values.push(number.ok_or_else(|| {
            let line = record.line();
            let said = remedy(cell, rows.column(column.place));
            let said = said.split(", or leave").next().unwrap_or_default();
            DataError::unfit(
                path,
                format!("a number in {} of every row", column_called(column.name)),
                format!("{cell:?} in line {line}"),
                format!("{said}, or let `task` classify take each label for a class"),
            )
        })?);
    }
    let values = Array2::from_shape_vec((rows.len(), 1), values).expect("a value a row");
    Ok(RowLabels::Values {
        values,
        names: vec![column.name.to_owned()],
    })
}
