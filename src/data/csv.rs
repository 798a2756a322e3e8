//! Comma-separated values as records, and the numbers in them.
//!
//! Plain or gzipped, with commas, semicolons, tabs or pipes between the fields, which are quoted or
//! not.

use std::path::Path;

use ndarray::Array2;

use super::cells::{is_decimal_comma, remedy};
use super::columns::Columns;
use super::error::DataError;
use super::files::{Source, has_end};
use super::memory_budget::MemoryBudget;

/// Memory of a record beside its text and where its fields end, about.
const RECORD_BYTES: usize = 128;

/// Bytes that are looked at to find what stands between the fields.
const LOOKED_AT: usize = 1 << 16;

/// Lines that are looked at to find numbers with spaces between them.
const SPACED_LINES: usize = 50;

/// A file, unpacked.
pub(super) fn table_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    Source::open(path)?.all()
}

/// The values of `columns` in another table, (rows, columns).
pub(super) fn columns_of(path: &Path, columns: &Columns) -> Result<Array2<f64>, DataError> {
    let (rows, places) = rows_of(path, columns)?;
    numbers(&rows, &places, path)
}

/// The texts in `columns` of another table.
pub(super) fn texts_of(path: &Path, columns: &Columns) -> Result<Vec<String>, DataError> {
    let (rows, places) = rows_of(path, columns)?;
    Ok(texts(&rows, &places))
}

/// The rows of another table, and where the columns stand in them.
fn rows_of(
    path: &Path,
    columns: &Columns,
) -> Result<(Vec<csv::StringRecord>, Vec<usize>), DataError> {
    let given = columns.delimiter.and_then(|given| u8::try_from(given).ok());
    let mut records = records(&table_bytes(path)?, path, given)?;
    let (skipped, places) = columns.places(&records, path)?;
    Ok((records.split_off(skipped), places))
}

/// Of each row, the cells in columns `places`, one after another.
pub(super) fn texts(rows: &[csv::StringRecord], places: &[usize]) -> Vec<String> {
    let text = |record: &csv::StringRecord| {
        let cells: Vec<&str> = places.iter().map(|&at| &record[at]).collect();
        cells.join(" ")
    };
    rows.iter().map(text).collect()
}

/// All rows, equally long; `given` stands between the fields, if it was said.
pub(super) fn records(
    bytes: &[u8],
    path: &Path,
    given: Option<u8>,
) -> Result<Vec<csv::StringRecord>, DataError> {
    let delimiter = given.unwrap_or_else(|| delimiter(bytes, path));
    let even = (delimiter == b' ').then(|| evenly_spaced(bytes));
    let bytes = even.as_deref().unwrap_or(bytes);
    records_within(bytes, delimiter, path, MemoryBudget::new(path))
}

/// Records whose memory is taken from `budget`.
fn records_within(
    bytes: &[u8],
    delimiter: u8,
    path: &Path,
    mut budget: MemoryBudget,
) -> Result<Vec<csv::StringRecord>, DataError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| describe(&error, path, bytes.starts_with(b"#")))?;
        let ends = record.len() * size_of::<usize>();
        budget.take((record.as_slice().len() + ends + RECORD_BYTES) as u64)?;
        records.push(record);
    }
    Ok(records)
}

/// What stands between the fields: tabs in a `.tsv`, else the first of commas, semicolons, tabs and
/// pipes that cuts all lines into equally many fields, or the first that is in the first line.
pub(super) fn delimiter(bytes: &[u8], path: &Path) -> u8 {
    if has_end(path, &[".tsv", ".tsv.gz"]) {
        return b'\t';
    }
    let known = [b',', b';', b'\t', b'|'];
    let first = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let cuts = |byte: &&u8| fields(bytes, **byte).is_some_and(|fields| fields > 1);
    let found = known.iter().find(cuts);
    // Commas that stand within numbers, between others.
    let is_within = |cell: &str| !cell.contains(',') || is_decimal_comma(cell.trim());
    if found == Some(&b',')
        && cuts(&&b';')
        && lines(bytes).all(|line| line.split(';').all(is_within))
    {
        return b';';
    }
    let found = found.or_else(|| known.iter().find(|byte| first.contains(byte)));
    let in_spaces = || spaced_numbers(bytes).then_some(b' ');
    found.copied().or_else(in_spaces).unwrap_or(b',')
}

/// The first lines of a file but for what may be its header, and the last, which may be cut.
fn lines(bytes: &[u8]) -> impl Iterator<Item = String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]).into_owned();
    let mut lines: Vec<String> = start.lines().skip(1).map(str::to_owned).collect();
    if bytes.len() > LOOKED_AT {
        lines.pop();
    }
    lines.into_iter()
}

/// The word for it in messages.
pub(super) fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b',' => "comma".to_owned(),
        b';' => "semicolon".to_owned(),
        b'\t' => "tab".to_owned(),
        b'|' => "pipe".to_owned(),
        b' ' => "space".to_owned(),
        other => char::from(other).to_string(),
    }
}

/// Whether the first lines are numbers, equally many, with spaces between them; the last of a line
/// may be a word.
fn spaced_numbers(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    let lines = start.lines().filter(|line| !line.trim().is_empty());
    let mut widths = lines.take(SPACED_LINES).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, others) = words.split_last()?;
        let are_numbers = others.iter().all(|word| word.parse::<f64>().is_ok());
        (!others.is_empty() && are_numbers).then_some(words.len())
    });
    match widths.next() {
        Some(Some(first)) => widths.all(|width| width == Some(first)),
        _ => false,
    }
}

/// Lines with one space between two words, and none at either end.
fn evenly_spaced(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split(|&byte| byte == b'\n');
    let mut even = Vec::with_capacity(bytes.len());
    for line in lines {
        let words = line.split(|byte| b" \t\r".contains(byte));
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        even.extend(words.join(&b' '));
        even.push(b'\n');
    }
    even
}

/// How many fields each of the first lines has, if all have as many.
pub(super) fn fields(bytes: &[u8], delimiter: u8) -> Option<usize> {
    // Whole lines only.
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let end = if bytes.len() > LOOKED_AT {
        start.iter().rposition(|&byte| byte == b'\n').unwrap_or(0)
    } else {
        start.len()
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&start[..end]);
    let mut counts = reader
        .byte_records()
        .map(|record| record.map(|fields| fields.len()));
    let first = counts.next()?.ok()?;
    counts
        .all(|count| count.is_ok_and(|count| count == first))
        .then_some(first)
}

/// The values in columns `places` of `rows`.
pub(super) fn numbers(
    rows: &[csv::StringRecord],
    places: &[usize],
    path: &Path,
) -> Result<Array2<f64>, DataError> {
    let count = rows.len() * places.len();
    MemoryBudget::new(path).check((count * size_of::<f64>()) as u64)?;
    let mut values = Vec::with_capacity(count);
    for record in rows {
        for &column in places {
            let text = &record[column];
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
            values.push(value.ok_or_else(|| DataError::Cell {
                remedy: remedy(text, rows.iter().map(|record| &record[column])),
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

/// What the reader of records found, in our words; `is_comment` is whether the first line is one.
fn describe(error: &csv::Error, path: &Path, is_comment: bool) -> DataError {
    let line = |position: &Option<csv::Position>| position.as_ref().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => DataError::unfit(
            path,
            format!("{expected_len} columns in every row"),
            format!("{len} in line {}", line(pos)),
            if is_comment {
                "take the lines away that begin with #"
            } else {
                "fix the line, quote cells that hold a delimiter, or name what stands between the fields with `delimiter`"
            },
        ),
        csv::ErrorKind::Utf8 { pos, .. } => DataError::unfit(
            path,
            "text in UTF-8",
            format!("other bytes in line {}", line(pos)),
            "convert the file, such as with iconv -f latin1 -t utf-8",
        ),
        _ => DataError::format(path, "comma-separated values", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_need_more_than_the_free_memory_are_refused() {
        let path = "rows.csv".as_ref();
        let bytes = "1,2,3\n".repeat(10_000);
        let read =
            |most: u64| records_within(bytes.as_bytes(), b',', path, MemoryBudget::of(path, most));
        assert_eq!(read(2 << 20).unwrap().len(), 10_000);
        let error = read(1 << 20).unwrap_err();
        assert!(matches!(error, DataError::Memory { .. }), "{error}");
    }

    #[test]
    fn the_delimiter_is_what_cuts_all_lines_alike() {
        let of = |text: &str| char::from(delimiter(text.as_bytes(), "t.csv".as_ref()));
        assert_eq!(of("a|b|c\n1|2|3\n"), '|');
        assert_eq!(of("a;b\n1,5;2\n"), ';');
        assert_eq!(of("a,b\n\"x;y\",2\n"), ',');
        // Commas before decimals, and those between texts.
        assert_eq!(of("0,5;1,25;1\n-3,5;0,25;2\n"), ';');
        assert_eq!(of("a;b,c\n1;2,3\nx;y,4\n"), ',');
        // No way to cut all lines alike: the first line decides.
        assert_eq!(of("a;b\n1;2\n3\n"), ';');
    }
}
