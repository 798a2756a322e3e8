//! Tables as input of predictions: their columns found by name, and encoded as in the training.

use std::path::Path;

use ndarray::{Array2, ArrayView2};

use super::cells::remedy;
use super::column_encoder::{ColumnCells, UNKNOWN};
use super::columns::Columns;
use super::csv::rows_of;
use super::error::DataError;
use super::feature_cells::no_date;
use super::files::has_end;
use super::listed::listed;
use super::memory_budget::MemoryBudget;
use super::predict_input::unlabelled;
use super::records::Records;
use super::table_encoder::TableEncoder;
use super::unlabelled::PredictInput;
use super::windows::Windows;

/// What was found in a column that the training part has not.
#[derive(Clone, Default)]
struct Found<'r> {
    gaps: usize,
    unknown: usize,
    /// The first unknown value, and its line.
    first: Option<(&'r str, u64)>,
}

impl TableEncoder {
    /// The rows of another table, with notes on gaps and unknown values.
    pub(super) fn rows_of_table(
        &self,
        path: &Path,
        columns: &Columns,
    ) -> Result<PredictInput, DataError> {
        let (records, places) = rows_of(path, columns)?;
        let (inputs, notes) = self.inputs(&records, &places, columns, path)?;
        let rows = unlabelled(inputs, &[self.width()])?;
        Ok(PredictInput::of(rows, Vec::new()).with_notes(notes))
    }

    /// The windows of another table, the last of which ends with its last row, with the same notes.
    pub(super) fn windows_of_table(
        &self,
        path: &Path,
        columns: &Columns,
        windows: Windows,
    ) -> Result<PredictInput, DataError> {
        refuse_arrays(path)?;
        let (records, places) = rows_of(path, columns)?;
        records.refuse_empty_steps(path)?;
        let (inputs, notes) = self.inputs(&records, &places, columns, path)?;
        let rows = windows.unlabelled(inputs, path)?;
        Ok(PredictInput::of(rows, Vec::new()).with_notes(notes))
    }

    /// The inputs of records whose columns stand at `places`, with the same notes.
    pub(super) fn inputs(
        &self,
        records: &Records,
        places: &[usize],
        columns: &Columns,
        path: &Path,
    ) -> Result<(Array2<f32>, Vec<String>), DataError> {
        let (codes, found) = self.codes(records, places, columns, path)?;
        let inputs = self.inputs_of_codes(codes.view(), &columns.names, path)?;
        Ok((inputs, notes(&found, &columns.names)))
    }

    /// The rows of codes, whose columns have these names.
    pub(super) fn rows_of_codes(
        &self,
        codes: ArrayView2<'_, f64>,
        names: &[String],
        path: &Path,
    ) -> Result<PredictInput, DataError> {
        let inputs = self.inputs_of_codes(codes, names, path)?;
        let rows = unlabelled(inputs, &[self.width()])?;
        Ok(PredictInput::of(rows, Vec::new()))
    }

    /// The inputs of codes, whose columns have these names.
    fn inputs_of_codes(
        &self,
        codes: ArrayView2<'_, f64>,
        names: &[String],
        path: &Path,
    ) -> Result<Array2<f32>, DataError> {
        self.check(codes, names)?;
        let rows: Vec<usize> = (0..codes.nrows()).collect();
        self.apply(codes, &rows, path)
    }

    /// Whether rows of numbers are all that it takes.
    pub(super) fn takes_numbers(&self) -> bool {
        let is_numbers = |cells: &ColumnCells| matches!(cells, ColumnCells::Numbers { .. });
        self.encoders
            .iter()
            .all(|encoder| is_numbers(&encoder.cells))
    }

    /// The codes of all cells, (rows, columns).
    fn codes<'r>(
        &self,
        records: &'r Records,
        places: &[usize],
        columns: &Columns,
        path: &Path,
    ) -> Result<(Array2<f64>, Vec<Found<'r>>), DataError> {
        let count = records.len() * places.len();
        MemoryBudget::new(path).check((count * size_of::<f64>()) as u64)?;
        let mut codes = Vec::with_capacity(count);
        let mut found = vec![Found::default(); places.len()];
        for record in records.iter() {
            for (at, &place) in places.iter().enumerate() {
                let (encoder, cell) = (&self.encoders[at], record.cell(place));
                let code = encoder.code(cell).ok_or_else(|| match encoder.cells {
                    ColumnCells::Dates { .. } => {
                        no_date(&columns.names[at], cell, record.line(), path)
                    }
                    _ => DataError::Cell {
                        path: path.to_owned(),
                        line: record.line(),
                        column: place,
                        got: cell.to_owned(),
                        remedy: remedy(cell, records.column(place)),
                    },
                })?;
                let found = &mut found[at];
                found.gaps += usize::from(code.is_nan());
                let is_category = matches!(encoder.cells, ColumnCells::Categories { .. });
                if is_category && code == UNKNOWN {
                    found.unknown += 1;
                    found.first.get_or_insert((cell, record.line()));
                }
                codes.push(code);
            }
        }
        let shape = (records.len(), places.len());
        let codes = Array2::from_shape_vec(shape, codes).expect("a code a cell");
        Ok((codes, found))
    }
}

/// Refuses arrays, whose columns have no names.
pub(super) fn refuse_arrays(path: &Path) -> Result<(), DataError> {
    if !has_end(path, &[".npy", ".npz"]) {
        return Ok(());
    }
    let remedy = "give a table with the columns that the model was trained on";
    Err(DataError::unfit(path, "a table", "an array", remedy))
}

/// What is said of gaps and unknown values.
fn notes(found: &[Found<'_>], names: &[String]) -> Vec<String> {
    let columns = || found.iter().zip(names);
    let gaps = columns().filter(|(found, _)| found.gaps > 0);
    let gaps: Vec<String> = gaps
        .map(|(found, name)| format!("{name} {}", found.gaps))
        .collect();
    let unknown = columns().filter_map(|(found, name)| {
        let (value, line) = found.first?;
        Some(format!(
            "{name} {} (first {value:?} in line {line})",
            found.unknown
        ))
    });
    let unknown: Vec<String> = unknown.collect();
    let mut notes = Vec::new();
    if !gaps.is_empty() {
        notes.push(format!("gaps: {}, filled as in the training", listed(gaps)));
    }
    if !unknown.is_empty() {
        notes.push(format!("unknown values: {}", listed(unknown)));
    }
    notes
}
