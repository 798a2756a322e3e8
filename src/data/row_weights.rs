//! Weights of rows: how much each counts in the loss, read from a column of a table or from arrays.

use std::path::Path;

use super::cells::column_called;
use super::error::DataError;
use super::records::Records;

/// The weights of rows, and the name of their column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RowWeights {
    pub(super) name: String,
    pub(super) weights: Vec<f32>,
    /// Where they stand, in messages.
    place: String,
    /// What helps where they are none.
    remedy: &'static str,
}

impl RowWeights {
    /// Those in a column.
    pub(super) fn of(
        rows: &Records,
        place: usize,
        name: String,
        path: &Path,
    ) -> Result<Self, DataError> {
        let is_weight = |weight: &f32| weight.is_finite() && *weight >= 0.0;
        let mut weights = Vec::with_capacity(rows.len());
        for record in rows.iter() {
            let cell = record.cell(place);
            let weight = cell.parse().ok().filter(is_weight);
            weights.push(weight.ok_or_else(|| {
                DataError::unfit(
                    path,
                    format!("a finite weight of at least 0 in {}", column_called(&name)),
                    format!("{cell:?} in line {}", record.line()),
                    "fix or drop the row, or name another column with `weight_column`",
                )
            })?);
        }
        let place = column_called(&name);
        let remedy = "give more rows a weight, or name another column with `weight_column`";
        Self::checked(
            path,
            Self {
                name,
                weights,
                place,
                remedy,
            },
        )
    }

    /// Those in arrays of this name, for so many rows.
    #[cfg(feature = "files")]
    pub(super) fn of_arrays(
        name: String,
        weights: Vec<f32>,
        rows: usize,
        path: &Path,
    ) -> Result<Self, DataError> {
        if weights.len() != rows {
            let expected = format!("a weight for each of {rows} rows in {name}");
            let (got, remedy) = (
                weights.len().to_string(),
                "save one a row, or leave them out",
            );
            return Err(DataError::unfit(path, expected, got, remedy));
        }
        let place = format!("the arrays {name}");
        let remedy = "give more rows a weight";
        Self::checked(
            path,
            Self {
                name,
                weights,
                place,
                remedy,
            },
        )
    }

    fn checked(path: &Path, weights: Self) -> Result<Self, DataError> {
        weights.check(path, "row", &weights.weights)?;
        Ok(weights)
    }

    /// What is said of them.
    pub(super) fn line(&self) -> String {
        let least = self.weights.iter().copied().fold(f32::INFINITY, f32::min);
        let most = self.weights.iter().copied().fold(0.0, f32::max);
        format!("weights: {}, from {least} to {most}", self.name)
    }

    /// Refuses rows that all have the weight 0.
    fn check(&self, path: &Path, what: &str, weights: &[f32]) -> Result<(), DataError> {
        if weights.iter().any(|weight| *weight > 0.0) {
            return Ok(());
        }
        let place = &self.place;
        Err(DataError::unfit(
            path,
            format!("a weight above 0 for some {what} in {place}"),
            format!("0 in all {}", weights.len()),
            self.remedy,
        ))
    }

    /// Those of some rows, a part of all: not all of them are 0.
    #[cfg(feature = "files")]
    pub(super) fn of_part(
        &self,
        path: &Path,
        part: &str,
        rows: &[usize],
    ) -> Result<Vec<f32>, DataError> {
        let weights: Vec<f32> = rows.iter().map(|&row| self.weights[row]).collect();
        self.check(path, &format!("{part} row"), &weights)?;
        Ok(weights)
    }
}
