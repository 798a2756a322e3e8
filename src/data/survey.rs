//! What the columns of a table hold, good or bad: for looking before reading.

use std::collections::BTreeSet;
use std::path::Path;

use super::csv::{is_missing, records, table_bytes};
use super::error::DataError;

/// Different values of a column that are counted at most.
const MOST_VALUES: usize = 1000;

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSurvey {
    /// Its name in the header, or its place.
    pub name: String,
    /// Cells with a finite number.
    pub numbers: usize,
    /// Empty cells, and those that say NA, NaN or null.
    pub missing: usize,
    /// Other cells.
    pub texts: usize,
    /// The least and the greatest number, and their mean.
    pub range: Option<(f64, f64, f64)>,
    /// How many different values there are, if below 1,000.
    pub distinct: Option<usize>,
}

/// Looks at every column of comma-separated values; the first line is a header if all of its cells are texts and some column holds numbers
/// below it.
///
/// ```
/// use unisono::data::survey;
/// let path = std::env::temp_dir().join(format!("unisono-survey-{}.csv", std::process::id()));
/// std::fs::write(&path, "size,kind\n1.5,cat\n,dog\nNA,cat\n").unwrap();
/// let columns = survey(&path)?;
/// assert_eq!((columns[0].name.as_str(), columns[0].numbers, columns[0].missing), ("size", 1, 2));
/// assert_eq!((columns[1].texts, columns[1].distinct), (3, Some(2)));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), unisono::data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Empty`]; [`DataError::Format`] for rows of different lengths or text that is not UTF-8.
pub fn survey(path: &Path) -> Result<Vec<ColumnSurvey>, DataError> {
    let records = records(&table_bytes(path)?, path)?;
    let (first, rest) = records.split_first().ok_or(DataError::Empty)?;
    let is_text = |cell: &str| matches!(Cell::of(cell), Cell::Text);
    let has_numbers = |column: usize| {
        let mut cells = rest.iter().map(|record| Cell::of(&record[column]));
        cells.any(|cell| matches!(cell, Cell::Number(_)))
    };
    let has_header = first.iter().all(is_text) && (0..first.len()).any(has_numbers);
    let rows = if has_header { rest } else { &records[..] };
    let column = |(at, name): (usize, &str)| {
        let name = match has_header {
            true => name.to_owned(),
            false => format!("column {at}"),
        };
        one(name, rows.iter().map(|record| &record[at]))
    };
    Ok(first.iter().enumerate().map(column).collect())
}

fn one<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> ColumnSurvey {
    let (mut numbers, mut missing, mut texts) = (0_usize, 0, 0);
    let (mut least, mut most, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let mut distinct = BTreeSet::new();
    for cell in cells {
        match Cell::of(cell) {
            Cell::Number(value) => {
                numbers += 1;
                (least, most, sum) = (least.min(value), most.max(value), sum + value);
            }
            Cell::Missing => missing += 1,
            Cell::Text => texts += 1,
        }
        if distinct.len() < MOST_VALUES {
            distinct.insert(cell);
        }
    }
    ColumnSurvey {
        name,
        numbers,
        missing,
        texts,
        range: (numbers > 0).then(|| (least, most, sum / numbers as f64)),
        distinct: (distinct.len() < MOST_VALUES).then_some(distinct.len()),
    }
}

enum Cell {
    Number(f64),
    Missing,
    Text,
}

impl Cell {
    fn of(cell: &str) -> Self {
        if is_missing(cell) {
            return Cell::Missing;
        }
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Cell::Number(value),
            _ => Cell::Text,
        }
    }
}
