//! The columns of a table that hold labels: one, several targets of a regression, or label sets.

use std::path::Path;

use ndarray::{Array2, Axis};

use super::column_choice::Column;
use super::columns::Head;
use super::error::DataError;
use super::missing_labels::settle_missing;
use super::records::Records;
use super::row_labels::{LabelColumn, RowLabels, is_there};
use super::table_options::TableOptions;
use super::targets::{MissingLabels, Target};

/// Where labels stand, and how they are read.
pub(super) struct LabelColumns {
    /// Their places; the first is that of the label.
    pub(super) places: Vec<usize>,
    /// Their names.
    pub(super) names: Vec<String>,
    target: Target,
    missing: MissingLabels,
}

impl TableOptions {
    /// The columns that were named for labels, with the option that names them.
    pub(super) fn named_labels(&self) -> Vec<(&'static str, &Column)> {
        match &self.targets[..] {
            [] => vec![("label", &self.label)],
            targets => targets.iter().map(|column| ("target", column)).collect(),
        }
    }

    /// Where they stand in a table.
    pub(super) fn label_places(
        &self,
        head: Head<'_>,
        path: &Path,
    ) -> Result<Vec<usize>, DataError> {
        let mut places = Vec::new();
        for (option, column) in self.named_labels() {
            let place = head.place(column, option, path)?;
            if places.contains(&place) {
                let got = format!("column {} twice", head.name(place, true));
                let remedy = "name each column once with `target`";
                return Err(DataError::unfit(path, "different targets", got, remedy));
            }
            places.push(place);
        }
        if places.len() == head.width() && !self.is_series {
            let remedy = "leave some for the features";
            let expected = "columns beside the targets";
            return Err(DataError::unfit(path, expected, "none", remedy));
        }
        Ok(places)
    }

    /// The labels at `places`, which have these names.
    pub(super) fn label_columns(&self, places: Vec<usize>, names: Vec<String>) -> LabelColumns {
        LabelColumns {
            places,
            names,
            target: match (&self.targets[..], self.target) {
                ([], target) => target,
                // Several columns may be label sets: their cells say so.
                ([_, _, ..], Target::Auto) => Target::Auto,
                (_, Target::Labels) => Target::Labels,
                _ => Target::Values,
            },
            missing: self.missing_labels,
        }
    }
}

impl LabelColumns {
    /// Does with rows that lack a label what was asked for, and says it.
    pub(super) fn settle_missing(
        &self,
        rows: &mut Records,
        path: &Path,
    ) -> Result<Vec<String>, DataError> {
        let mut said = Vec::new();
        for (&place, name) in self.places.iter().zip(&self.names) {
            said.extend(settle_missing(self.missing, rows, place, name, path)?);
        }
        Ok(said)
    }

    /// The labels of the rows, and what is said of them.
    pub(super) fn of(
        &self,
        rows: &Records,
        path: &Path,
    ) -> Result<(RowLabels, Vec<String>), DataError> {
        let columns = self.places.iter().zip(&self.names);
        let columns: Vec<LabelColumn<'_>> = columns
            .map(|(&place, name)| LabelColumn { place, name })
            .collect();
        let are_sets = || {
            let mut columns = columns.iter();
            columns.all(|column| {
                rows.column(column.place)
                    .all(|cell| is_there(cell).is_some())
            })
        };
        let target = match self.target {
            Target::Auto if columns.len() > 1 && are_sets() => Target::Labels,
            Target::Auto if columns.len() > 1 => Target::Values,
            target => target,
        };
        if target == Target::Labels {
            return RowLabels::of_columns(rows, &columns, path);
        }
        let read = columns
            .iter()
            .map(|column| RowLabels::of_column(rows, *column, target, path));
        let mut read: Vec<(RowLabels, Vec<String>)> = read.collect::<Result<_, _>>()?;
        if read.len() == 1 {
            return Ok(read.swap_remove(0));
        }
        // Values beside each other.
        let (mut all, mut lines) = (Array2::zeros((rows.len(), 0)), Vec::new());
        for (labels, said) in &read {
            if let RowLabels::Values { values, .. } = labels {
                all.append(Axis(1), values.view())
                    .expect("a value for every row");
            }
            lines.extend(said.iter().cloned());
        }
        let values = all.as_standard_layout().into_owned();
        let names = self.names.clone();
        Ok((RowLabels::Values { values, names }, lines))
    }
}
