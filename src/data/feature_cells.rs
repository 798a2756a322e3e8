//! Cells of a table's features: whether each column holds numbers, categories or dates, and the
//! code of every cell.
//!
//! # Which is which
//! A column whose cells are numbers, but for gaps, is one of numbers; one of dates likewise. A
//! column without a number is one of categories. Whatever holds both, or looks like numbers that
//! are written in another way, is refused by name: it is rather a mistake in the file. Columns that
//! are said to be categories are such whatever they hold.

use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;
use rayon::prelude::*;

use super::cells::{column_called, is_number_like, remedy};
use super::column_encoder::category;
use super::dates::Date;
use super::error::DataError;
use super::gaps::{is_gap, is_gap_in_words};
use super::memory_budget::MemoryBudget;
use super::records::Records;
use super::rounding::{DOUBLES, written};

/// Rows that a thread reads at a time.
const BLOCK: usize = 4096;

/// Digits that doubles hold in any case.
const DIGITS: usize = 15;

/// A column that is a feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeatureColumn<'a> {
    /// Where it stands in a record.
    pub(super) place: usize,
    pub(super) name: &'a str,
    /// Whether its cells are said to be categories.
    pub(super) is_category: bool,
}

/// What the cells of a column are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CellKind {
    Numbers,
    /// All values, in order.
    Categories(Vec<String>),
    Dates {
        has_time: bool,
    },
}

/// The features of all rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FeatureCells {
    /// (rows, columns): a number, the place of a category's value among all values, days since
    /// 1970; NaN for a gap.
    pub(super) codes: Array2<f64>,
    pub(super) kinds: Vec<CellKind>,
    /// How many cells of each column are gaps.
    pub(super) gaps: Vec<usize>,
}

/// What was seen of a column's cells, taken for numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    numbers: usize,
    gaps: usize,
    /// The first row whose cell is neither a number nor a gap.
    odd: Option<usize>,
    /// Whether there are whole numbers that doubles may not hold.
    is_large: bool,
}

impl Seen {
    fn add(&mut self, row: usize, cell: &str) -> f64 {
        match cell.parse() {
            Ok(number) if f64::is_finite(number) => {
                self.numbers += 1;
                self.is_large |= cell.len() > DIGITS && number.abs() >= DOUBLES;
                number
            }
            _ => {
                if is_gap(cell) {
                    self.gaps += 1;
                } else {
                    self.odd.get_or_insert(row);
                }
                f64::NAN
            }
        }
    }

    /// Adds what was seen of later rows.
    fn merge(&mut self, later: Self) {
        self.numbers += later.numbers;
        self.gaps += later.gaps;
        self.odd = self.odd.or(later.odd);
        self.is_large |= later.is_large;
    }
}

impl FeatureCells {
    /// Reads the cells of `columns`; says which whole numbers were rounded.
    pub(super) fn read(
        rows: &Records,
        columns: &[FeatureColumn<'_>],
        path: &Path,
    ) -> Result<(Self, Vec<String>), DataError> {
        let (mut codes, seen) = numbers(rows, columns, path)?;
        // Columns that hold anything but numbers, each read once more.
        let others: Vec<usize> = (0..columns.len())
            .filter(|&at| columns[at].is_category || seen[at].odd.is_some())
            .collect();
        let read = others.par_iter().map(|&at| match columns[at] {
            column if column.is_category => categories(rows, column, path),
            column => dates_or_categories(rows, column, seen[at], path),
        });
        let read: Vec<Result<(CellKind, Vec<f64>), DataError>> = read.collect();
        let mut kinds = vec![CellKind::Numbers; columns.len()];
        let mut gaps: Vec<usize> = seen.iter().map(|seen| seen.gaps).collect();
        for (&at, read) in others.iter().zip(read) {
            let (kind, cells) = read?;
            kinds[at] = kind;
            gaps[at] = cells.iter().filter(|code| code.is_nan()).count();
            let to = codes.column_mut(at);
            to.into_iter().zip(cells).for_each(|(to, code)| *to = code);
        }
        // Numbers: some, and those that doubles do not hold.
        let mut said = Vec::new();
        for ((column, kind), seen) in columns.iter().zip(&kinds).zip(seen) {
            if *kind != CellKind::Numbers {
                continue;
            }
            if seen.numbers == 0 {
                return Err(all_gaps(column.name, rows.len(), "rows", path));
            }
            let large = seen.is_large.then(|| rows.column(column.place));
            said.extend(large.and_then(|cells| written(column.name, cells)));
        }
        let cells = Self { codes, kinds, gaps };
        Ok((cells, said))
    }
}

/// The error of a column without a value in any of so many rows, or training rows.
pub(super) fn all_gaps(name: &str, rows: usize, what: &str, path: &Path) -> DataError {
    let name = column_called(name);
    DataError::unfit(
        path,
        format!("values in {name}"),
        format!("a gap in each of {rows} {what}"),
        "leave the column out with `drop`",
    )
}

/// All cells as numbers, (rows, columns), and what they are instead.
fn numbers(
    rows: &Records,
    columns: &[FeatureColumn<'_>],
    path: &Path,
) -> Result<(Array2<f64>, Vec<Seen>), DataError> {
    let (width, count) = (columns.len(), rows.len() * columns.len());
    MemoryBudget::new(path).check((count * size_of::<f64>()) as u64)?;
    let mut codes = vec![0.0; count];
    let block = |(block, codes): (usize, &mut [f64])| {
        let mut seen = vec![Seen::default(); width];
        for (at, codes) in codes.chunks_exact_mut(width).enumerate() {
            let row = block * BLOCK + at;
            let record = rows.get(row);
            for ((column, code), seen) in columns.iter().zip(codes).zip(&mut seen) {
                if !column.is_category {
                    *code = seen.add(row, record.cell(column.place));
                }
            }
        }
        seen
    };
    let blocks = codes.par_chunks_mut(BLOCK * width.max(1)).enumerate();
    let blocks: Vec<Vec<Seen>> = blocks.map(block).collect();
    let mut seen = vec![Seen::default(); width];
    for of_block in blocks {
        let pairs = seen.iter_mut().zip(of_block);
        pairs.for_each(|(seen, later)| seen.merge(later));
    }
    let codes = Array2::from_shape_vec((rows.len(), width), codes);
    Ok((codes.expect("a code a cell"), seen))
}

/// A column with a cell that is neither a number nor a gap.
fn dates_or_categories(
    rows: &Records,
    column: FeatureColumn<'_>,
    seen: Seen,
    path: &Path,
) -> Result<(CellKind, Vec<f64>), DataError> {
    let odd = seen.odd.unwrap_or_default();
    if seen.numbers > 0 {
        return Err(no_number(rows, column, odd, path));
    }
    if Date::parse(rows.get(odd).cell(column.place)).is_some() {
        return dates(rows, column, path);
    }
    let mut cells = rows.column(column.place);
    match cells.position(|cell| is_number_like(cell) || Date::parse(cell).is_some()) {
        Some(row) => Err(no_number(rows, column, row, path)),
        None => categories(rows, column, path),
    }
}

/// The error of a cell that is no number.
fn no_number(rows: &Records, column: FeatureColumn<'_>, row: usize, path: &Path) -> DataError {
    let record = rows.get(row);
    let got = record.cell(column.place);
    let fixed = remedy(got, rows.column(column.place));
    DataError::Cell {
        path: path.to_owned(),
        line: record.line(),
        column: column.place,
        got: got.to_owned(),
        remedy: format!("{fixed}, or take all its cells for words with `categories`"),
    }
}

fn dates(
    rows: &Records,
    column: FeatureColumn<'_>,
    path: &Path,
) -> Result<(CellKind, Vec<f64>), DataError> {
    let mut has_time = false;
    let mut codes = Vec::with_capacity(rows.len());
    for record in rows.iter() {
        let cell = record.cell(column.place);
        codes.push(match Date::parse(cell) {
            Some(date) => {
                has_time |= date.has_time;
                date.days
            }
            None if is_gap(cell) => f64::NAN,
            None => return Err(no_date(column.name, cell, record.line(), path)),
        });
    }
    Ok((CellKind::Dates { has_time }, codes))
}

/// The error of a cell that is no date.
pub(super) fn no_date(name: &str, cell: &str, line: u64, path: &Path) -> DataError {
    DataError::unfit(
        path,
        format!("dates such as 2024-05-31 in {}", column_called(name)),
        format!("{cell:?} in line {line}"),
        "fix or drop the row, or leave the column out with `drop`",
    )
}

fn categories(
    rows: &Records,
    column: FeatureColumn<'_>,
    path: &Path,
) -> Result<(CellKind, Vec<f64>), DataError> {
    // Each value gets the next number.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut values: Vec<&str> = Vec::new();
    let number = |cell| {
        if is_gap_in_words(cell) {
            return None;
        }
        let value = category(cell);
        Some(*numbers.entry(value).or_insert_with(|| {
            values.push(value);
            values.len() - 1
        }))
    };
    let cells: Vec<Option<usize>> = rows.column(column.place).map(number).collect();
    if values.is_empty() {
        return Err(all_gaps(column.name, rows.len(), "rows", path));
    }
    // Their places in order.
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by_key(|&number| values[number]);
    let mut places = vec![0.0; values.len()];
    for (place, &number) in order.iter().enumerate() {
        places[number] = place as f64;
    }
    let codes = cells.into_iter();
    let codes = codes.map(|number| number.map_or(f64::NAN, |number| places[number]));
    let codes = codes.collect();
    let values = order.iter().map(|&number| values[number].to_owned());
    Ok((CellKind::Categories(values.collect()), codes))
}
