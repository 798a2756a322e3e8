//! Survey of a table: what its columns hold, good or bad, for looking before reading.

use std::collections::BTreeSet;
use std::path::Path;

use super::columns::Head;
use super::csv::{records, table_bytes};
use super::dates::Date;
use super::error::DataError;
use super::gaps::is_gap;
use super::table_options::TableOptions;

/// Different values of a column that are counted at most.
const MOST_VALUES: usize = 1000;

/// Different values that are named.
const LISTED: usize = 10;

/// A column of a table.
///
/// Example: [`survey`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
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
    /// How many different values there are, if below 1,000; gaps are none.
    pub distinct: Option<usize>,
    /// Cells among the texts that are dates, such as 2024-05-31.
    pub dates: usize,
    /// The first different values in order, if all are texts: gaps are none.
    pub values: Vec<String>,
}

impl ColumnSurvey {
    /// What a training takes a column of features for, if its cells agree.
    pub fn kind(&self) -> Option<&'static str> {
        match (self.numbers, self.texts) {
            (0, 0) => None,
            (_, 0) => Some("numbers"),
            (0, texts) if self.dates == texts => Some("dates"),
            (0, _) if self.dates == 0 => Some("categories"),
            _ => None,
        }
    }
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
    let mut records = records(table_bytes(path)?, path, options.delimiter)?;
    let head = Head::of(&records)?;
    let last = head.width() - 1;
    let label = options.label_places(head, path).map_or(last, |all| all[0]);
    let has_header = options.holds_names(head, label, path)?;
    let names = (0..head.width()).map(|at| head.name(at, has_header));
    let names: Vec<String> = names.collect();
    records.skip(usize::from(has_header));
    let columns = names.into_iter().enumerate();
    Ok(columns
        .map(|(at, name)| one(name, records.column(at)))
        .collect())
}

fn one<'a>(name: String, cells: impl Iterator<Item = &'a str>) -> ColumnSurvey {
    let (mut numbers, mut missing, mut texts, mut dates) = (0_usize, 0, 0, 0);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    // The first number, and half the mean distance from it: what huge numbers have in common would
    // swallow their differences, and their sum overflow.
    let (mut first, mut half) = (None, 0.0);
    let mut distinct = BTreeSet::new();
    for cell in cells {
        let kind = Cell::of(cell);
        if kind != Cell::Missing && distinct.len() < MOST_VALUES {
            distinct.insert(cell);
        }
        match kind {
            Cell::Number(value) => {
                numbers += 1;
                (least, most) = (least.min(value), most.max(value));
                let (count, first) = (numbers as f64, *first.get_or_insert(value));
                half += (value / 2.0 - first / 2.0) / count - half / count;
            }
            Cell::Missing => missing += 1,
            Cell::Text => {
                texts += 1;
                dates += usize::from(Date::parse(cell).is_some());
            }
        }
    }
    let values = distinct.iter().copied();
    ColumnSurvey {
        name,
        numbers,
        missing,
        texts,
        range: first.map(|first| (least, most, first + half + half)),
        distinct: (distinct.len() < MOST_VALUES).then_some(distinct.len()),
        dates,
        values: match numbers {
            0 => values.take(LISTED).map(str::to_owned).collect(),
            _ => Vec::new(),
        },
    }
}

#[derive(PartialEq)]
enum Cell {
    Number(f64),
    Missing,
    Text,
}

impl Cell {
    fn of(cell: &str) -> Self {
        if is_gap(cell) {
            return Cell::Missing;
        }
        match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Cell::Number(value),
            _ => Cell::Text,
        }
    }
}
