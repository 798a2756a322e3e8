//! Survey of a table: what its columns hold, good or bad, for looking before reading.

use std::collections::BTreeSet;
use std::path::Path;

use super::cells::is_missing;
use super::columns::Head;
use super::csv::{records, table_bytes};
use super::error::DataError;
use super::table::TableOptions;

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

/// Looks at every column of comma-separated values, those that would be left out too.
///
/// ```
/// use unisono::data::{TableOptions, survey};
/// let path = std::env::temp_dir().join(format!("unisono-survey-{}.csv", std::process::id()));
/// std::fs::write(&path, "size,kind\n1.5,cat\n,dog\nNA,cat\n").unwrap();
/// let columns = survey(&path, &TableOptions::default())?;
/// assert_eq!((columns[0].name.as_str(), columns[0].numbers, columns[0].missing), ("size", 1, 2));
/// assert_eq!((columns[1].texts, columns[1].distinct), (3, Some(2)));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), unisono::data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Empty`]; [`DataError::Unfit`] for rows of different lengths or
/// text that is not UTF-8.
pub fn survey(path: &Path, options: &TableOptions) -> Result<Vec<ColumnSurvey>, DataError> {
    let records = records(&table_bytes(path)?, path, options.delimiter)?;
    let head = Head::of(&records)?;
    let last = head.width() - 1;
    let label = head.place(&options.label, "label", path).unwrap_or(last);
    let has_header = options.holds_names(head, label, path)?;
    let (first, rest) = records.split_first().ok_or(DataError::Empty)?;
    let rows = if has_header { rest } else { &records[..] };
    let column = |at: usize| {
        one(
            head.name(at, has_header),
            rows.iter().map(|record| &record[at]),
        )
    };
    Ok((0..first.len()).map(column).collect())
}

fn one<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> ColumnSurvey {
    let (mut numbers, mut missing, mut texts) = (0_usize, 0, 0);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    // The first number, and half the mean distance from it: what huge numbers have in common would
    // swallow their differences, and their sum overflow.
    let (mut first, mut half) = (None, 0.0);
    let mut distinct = BTreeSet::new();
    for cell in cells {
        match Cell::of(cell) {
            Cell::Number(value) => {
                numbers += 1;
                (least, most) = (least.min(value), most.max(value));
                let (count, first) = (numbers as f64, *first.get_or_insert(value));
                half += (value / 2.0 - first / 2.0) / count - half / count;
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
        range: first.map(|first| (least, most, first + half + half)),
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
