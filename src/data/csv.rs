//! Comma-separated values: numbers in columns, and a label.
//!
//! Plain or gzipped, fields quoted or not, with or without a header: the first line is one if it holds a feature that is no number.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;

use super::arrays::ArrayDataset;
use super::error::DataError;
use super::files::Source;

/// The largest file that is read, unpacked: 2^31 bytes.
const MOST_BYTES: u64 = 1 << 31;

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
    names: Vec<String>,
    values: Array2<f32>,
    labels: Vec<u32>,
    classes: Vec<String>,
}

impl CsvTable {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Cell`] for a value that is no number; [`DataError::Format`] for rows of different lengths, a
    /// column that there is not, text that is not UTF-8, or a file beyond 2 GiB.
    pub fn read(path: &Path, label: &Column) -> Result<Self, DataError> {
        let bytes = Source::open(path)?.all(MOST_BYTES)?;
        Self::parse(&bytes, label, path)
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
        let width = first.len();
        let at = place(label, first, path)?;
        let is_number = |text: &str| text.parse::<f32>().is_ok() || is_missing(text);
        let features = |record: &csv::StringRecord| -> Vec<String> {
            let cells = record
                .iter()
                .enumerate()
                .filter(|(column, _)| *column != at);
            cells.map(|(_, text)| text.to_owned()).collect()
        };
        let has_header =
            matches!(label, Column::Name(_)) || features(first).iter().any(|text| !is_number(text));
        let names = match has_header {
            true => features(first),
            false => (0..width)
                .filter(|&column| column != at)
                .map(|c| format!("column {c}"))
                .collect(),
        };
        let rows = &records[usize::from(has_header)..];
        if rows.is_empty() {
            return Err(DataError::Empty);
        }
        let values = numbers(rows, at, path)?;
        let labels: Vec<&str> = rows.iter().map(|record| &record[at]).collect();
        if let Some(row) = labels.iter().position(|label| label.is_empty()) {
            let line = rows[row].position().map_or(0, csv::Position::line);
            let expected = format!("a label in column {at} (from 0) of line {line}");
            return Err(refusing(path)(expected, "an empty cell".to_owned()));
        }
        let (classes, labels) = numbered(&labels);
        Ok(Self {
            labels,
            names,
            values,
            classes,
        })
    }

    /// The names of the features: those of the header, or their places.
    pub fn names(&self) -> &[String] {
        &self.names
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
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let records: Result<Vec<_>, csv::Error> = reader.records().collect();
    records.map_err(|error| describe(&error, &refusing(path)))
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

/// The features of `rows`, all columns but `label`.
fn numbers(
    rows: &[csv::StringRecord],
    label: usize,
    path: &Path,
) -> Result<Array2<f32>, DataError> {
    let width = rows[0].len() - 1;
    let mut values = Vec::with_capacity(rows.len() * width);
    for record in rows {
        let cells = record.iter().enumerate();
        for (column, text) in cells.filter(|(column, _)| *column != label) {
            let value = text.parse::<f32>().ok().filter(|value| value.is_finite());
            values.push(value.ok_or_else(|| DataError::Cell {
                path: path.to_owned(),
                line: record.position().map_or(0, csv::Position::line),
                column,
                got: text.to_owned(),
            })?);
        }
    }
    let shape = (rows.len(), width);
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
