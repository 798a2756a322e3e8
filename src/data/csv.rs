//! Comma-separated values: numbers in columns, and a label.
//!
//! Plain or gzipped, with commas, semicolons or tabs between the fields, which are quoted or not, with or without a header: the first line is one if it holds a feature that is no number.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::arrays::ArrayDataset;
use super::error::DataError;
use super::files::{Source, has_end};
use super::room::Room;

/// Memory of a record beside its text and where its fields end, about.
const RECORD_BYTES: usize = 128;

/// Which column holds the label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// The last one.
    #[default]
    Last,
    /// By its place, from 0.
    Index(usize),
    /// By its name in the header.
    Name(String),
}

/// The columns of a table that are no label, and where the label stands.
///
/// ```
/// use unisono::data::{Column, CsvTable};
/// let table = CsvTable::parse(b"kind,size\ncat,1.5\ndog,2\n", &Column::Name("kind".into()), "pets.csv".as_ref())?;
/// let columns = table.columns();
/// assert_eq!((&columns.names[..], columns.label, columns.has_header), (&["size".to_owned()][..], 0, true));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Their names, in the order of a row's values: those of the header, or their places.
    pub names: Vec<String>,
    /// The place of the label, from 0.
    pub label: usize,
    /// Whether the first line holds the names.
    pub has_header: bool,
}

impl Columns {
    pub(super) fn of(first: &csv::StringRecord, label: usize, has_header: bool) -> Self {
        let name = |column: usize| match has_header {
            true => first[column].to_owned(),
            false => format!("column {column}"),
        };
        let names = all_but(label, first.len()).into_iter().map(name);
        Self {
            names: names.collect(),
            label,
            has_header,
        }
    }

    /// Where they stand in another table, and how many records of it come before its rows: by name where there is a header, whatever stands beside
    /// them; else all, or all but the label.
    pub(super) fn places(
        &self,
        records: &[csv::StringRecord],
        path: &Path,
    ) -> Result<(usize, Vec<usize>), DataError> {
        let first = records.first().ok_or(DataError::Empty)?;
        let (width, refuse) = (first.len(), refusing(path));
        if self.has_header {
            if records.len() == 1 {
                return Err(DataError::Empty);
            }
            // Of columns of one name the first, the second, and so on, as they were.
            let place = |(at, name): (usize, &String)| {
                let earlier = self.names[..at].iter().filter(|other| *other == name);
                let mut same = (0..width).filter(|&column| &first[column] == name.as_str());
                let found = same.nth(earlier.count());
                let got = || first.iter().collect::<Vec<_>>().join(", ");
                found
                    .ok_or_else(|| refuse(format!("a header with a column called {name:?}"), got()))
            };
            let places: Result<Vec<usize>, DataError> =
                self.names.iter().enumerate().map(place).collect();
            return Ok((1, places?));
        }
        let count = self.names.len();
        match width {
            width if width == count => Ok((0, (0..count).collect())),
            width if width == count + 1 => Ok((0, all_but(self.label, width))),
            _ => Err(refuse(
                format!("{count} columns, or {} with a label", count + 1),
                format!("{width}"),
            )),
        }
    }
}

/// The places of all columns but the label's.
pub(super) fn all_but(label: usize, width: usize) -> Vec<usize> {
    (0..width).filter(|column| *column != label).collect()
}

/// A file, unpacked.
pub(super) fn table_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    Source::open(path)?.all()
}

/// The values of `columns` in another table, (rows, columns).
pub(super) fn columns_of(path: &Path, columns: &Columns) -> Result<Array2<f32>, DataError> {
    let records = records(&table_bytes(path)?, path)?;
    let (skipped, places) = columns.places(&records, path)?;
    numbers(&records[skipped..], &places, path)
}

/// The texts in `columns` of another table.
pub(super) fn texts_of(path: &Path, columns: &Columns) -> Result<Vec<String>, DataError> {
    let records = records(&table_bytes(path)?, path)?;
    let (skipped, places) = columns.places(&records, path)?;
    Ok(texts(&records[skipped..], &places))
}

/// Of each row, the cells in columns `places`, one after another.
pub(super) fn texts(rows: &[csv::StringRecord], places: &[usize]) -> Vec<String> {
    let text = |record: &csv::StringRecord| {
        let cells: Vec<&str> = places.iter().map(|&at| &record[at]).collect();
        cells.join(" ")
    };
    rows.iter().map(text).collect()
}

/// A table of numbers, each row with a label.
///
/// ```
/// use unisono::data::{Column, CsvTable, Dataset};
/// let table = CsvTable::parse(b"size,kind\n1.5,cat\n2,dog\n1,cat\n", &Column::Name("kind".into()), "pets.csv".as_ref())?;
/// assert_eq!((table.names(), table.classes()), (&["size".to_owned()][..], &["cat".to_owned(), "dog".to_owned()][..]));
/// assert_eq!(table.dataset()?.class_labels(), Some(&[0, 1, 0][..]));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CsvTable {
    columns: Columns,
    values: Array2<f32>,
    labels: Vec<u32>,
    classes: Vec<String>,
}

impl CsvTable {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Cell`] for a value that is no number; [`DataError::Format`] for rows of different lengths, a
    /// column that there is not, or text that is not UTF-8; [`DataError::Memory`] for more than fits into memory.
    pub fn read(path: &Path, label: &Column) -> Result<Self, DataError> {
        Self::parse(&table_bytes(path)?, label, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`CsvTable::read`].
    pub fn parse(bytes: &[u8], label: &Column, path: &Path) -> Result<Self, DataError> {
        let records = records(bytes, path)?;
        let Some(first) = records.first() else {
            return Err(DataError::Empty);
        };
        let at = place(label, first, path)?;
        let is_number = |text: &str| text.parse::<f32>().is_ok() || is_missing(text);
        let mut features = first.iter().enumerate().filter(|(column, _)| *column != at);
        let has_header =
            matches!(label, Column::Name(_)) || features.any(|(_, text)| !is_number(text));
        let columns = Columns::of(first, at, has_header);
        let rows = &records[usize::from(has_header)..];
        if rows.is_empty() {
            return Err(DataError::Empty);
        }
        let values = numbers(rows, &all_but(at, first.len()), path)?;
        let labels: Vec<&str> = rows.iter().map(|record| &record[at]).collect();
        if let Some(row) = labels.iter().position(|label| label.is_empty()) {
            let line = rows[row].position().map_or(0, csv::Position::line);
            let expected = format!("a label in column {at} (from 0) of line {line}");
            return Err(refusing(path)(expected, "an empty cell".to_owned()));
        }
        let (classes, labels) = numbered(&labels);
        Ok(Self {
            labels,
            columns,
            values,
            classes,
        })
    }

    /// The names of the features: those of the header, or their places.
    pub fn names(&self) -> &[String] {
        &self.columns.names
    }

    /// Where features and label stand.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The labels that there are: in order of their numbers if all of them are numbers, else of the alphabet.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The class of each row.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The features, (rows, columns).
    pub fn values(&self) -> &Array2<f32> {
        &self.values
    }

    /// All rows.
    ///
    /// # Errors
    /// [`DataError::NoInputs`] for a table of labels alone.
    pub fn dataset(&self) -> Result<ArrayDataset, DataError> {
        ArrayDataset::classes(self.values.clone(), &self.labels, self.classes.len())
    }
}

/// Whether a cell says that there is no value.
pub(super) fn is_missing(cell: &str) -> bool {
    let words = ["", "na", "n/a", "nan", "null", "none"];
    words.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// All rows, equally long.
pub(super) fn records(bytes: &[u8], path: &Path) -> Result<Vec<csv::StringRecord>, DataError> {
    records_within(bytes, path, Room::new(path))
}

fn records_within(
    bytes: &[u8],
    path: &Path,
    mut room: Room,
) -> Result<Vec<csv::StringRecord>, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter(bytes, path))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| describe(&error, &refusing(path)))?;
        let ends = record.len() * size_of::<usize>();
        room.take((record.as_slice().len() + ends + RECORD_BYTES) as u64)?;
        records.push(record);
    }
    Ok(records)
}

/// What stands between the fields: tabs in a `.tsv`, else commas, or where the first line has none semicolons or tabs.
fn delimiter(bytes: &[u8], path: &Path) -> u8 {
    if has_end(path, &[".tsv", ".tsv.gz"]) {
        return b'\t';
    }
    let first = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let known = [b',', b';', b'\t'];
    let found = known.into_iter().find(|byte| first.contains(byte));
    found.unwrap_or(b',')
}

fn refusing(path: &Path) -> impl Fn(String, String) -> DataError {
    move |expected, got| DataError::format(path, expected, got)
}

/// Where the label stands.
pub(super) fn place(
    label: &Column,
    first: &csv::StringRecord,
    path: &Path,
) -> Result<usize, DataError> {
    let (width, refuse) = (first.len(), refusing(path));
    match label {
        Column::Last => Ok(width - 1),
        Column::Index(at) if *at < width => Ok(*at),
        Column::Index(at) => Err(refuse(format!("a column {at}"), format!("{width} columns"))),
        Column::Name(name) => {
            let found = first.iter().position(|other| other == name);
            let got = || first.iter().collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| refuse(format!("a column called {name:?}"), got()))
        }
    }
}

/// The values in columns `places` of `rows`.
fn numbers(
    rows: &[csv::StringRecord],
    places: &[usize],
    path: &Path,
) -> Result<Array2<f32>, DataError> {
    let count = rows.len() * places.len();
    Room::new(path).check((count * size_of::<f32>()) as u64)?;
    let mut values = Vec::with_capacity(count);
    for record in rows {
        for &column in places {
            let text = &record[column];
            let value = text.parse::<f32>().ok().filter(|value| value.is_finite());
            values.push(value.ok_or_else(|| DataError::Cell {
                path: path.to_owned(),
                line: record.position().map_or(0, csv::Position::line),
                column,
                got: text.to_owned(),
            })?);
        }
    }
    let shape = (rows.len(), places.len());
    Ok(Array2::from_shape_vec(shape, values).expect("every row has as many values"))
}

/// The classes, in order of their numbers if all of them are numbers, else of the alphabet; and each label's place among them.
pub(super) fn numbered(labels: &[&str]) -> (Vec<String>, Vec<u32>) {
    let classes = classes(labels);
    let numbers: BTreeMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let numbers = labels.iter().map(|label| numbers[label]).collect();
    (classes, numbers)
}

fn classes(labels: &[&str]) -> Vec<String> {
    let mut classes: Vec<&str> = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let numbers: Option<Vec<f64>> = classes.iter().map(|class| class.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut pairs: Vec<_> = numbers.into_iter().zip(&classes).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        return pairs
            .into_iter()
            .map(|(_, class)| (*class).to_owned())
            .collect();
    }
    classes.into_iter().map(str::to_owned).collect()
}

/// What the reader of records found, in our words.
fn describe(error: &csv::Error, refuse: &dyn Fn(String, String) -> DataError) -> DataError {
    let line = |position: &Option<csv::Position>| position.as_ref().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => refuse(
            format!("{expected_len} columns in every row"),
            format!("{len} in line {}", line(pos)),
        ),
        csv::ErrorKind::Utf8 { pos, .. } => refuse(
            "text in UTF-8".to_owned(),
            format!("other bytes in line {}", line(pos)),
        ),
        _ => refuse("comma-separated values".to_owned(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_need_more_than_the_free_memory_are_refused() {
        let path = "rows.csv".as_ref();
        let bytes = "1,2,3\n".repeat(10_000);
        let read = |most: u64| records_within(bytes.as_bytes(), path, Room::of(path, most));
        assert_eq!(read(2 << 20).unwrap().len(), 10_000);
        let error = read(1 << 20).unwrap_err();
        assert!(matches!(error, DataError::Memory { .. }), "{error}");
    }
}
