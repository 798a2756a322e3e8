//! Comma-separated values: what stands between the fields, and the records of a file.
//!
//! Plain or gzipped, with commas, semicolons, tabs or pipes between the fields, which are quoted or
//! not.

use std::path::Path;

use super::cells::is_decimal_comma;
use super::columns::Columns;
use super::decimal_commas::read_decimal_commas;
use super::error::DataError;
use super::files::{Source, has_end};
use super::memory_budget::MemoryBudget;
use super::records::{Record, Records};

/// Bytes that are looked at to find what stands between the fields.
const LOOKED_AT: usize = 1 << 16;

/// Lines that are looked at to find numbers with spaces between them.
const SPACED_LINES: usize = 50;

/// A file, unpacked.
pub(super) fn table_bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    Source::open(path)?.all()
}

/// The texts in `columns` of another table.
pub(super) fn texts_of(path: &Path, columns: &Columns) -> Result<Vec<String>, DataError> {
    let (rows, places) = rows_of(path, columns)?;
    Ok(texts(&rows, &places))
}

/// The records of another table, a header among them.
pub(super) fn records_of(path: &Path, columns: &Columns) -> Result<Records, DataError> {
    let given = columns.delimiter.and_then(|given| u8::try_from(given).ok());
    records(table_bytes(path)?, path, given)
}

/// The rows of another table, and where the columns stand in them.
pub(super) fn rows_of(path: &Path, columns: &Columns) -> Result<(Records, Vec<usize>), DataError> {
    let mut records = records_of(path, columns)?;
    let (skipped, places) = columns.places(&records, path)?;
    records.skip(skipped);
    Ok((records, places))
}

/// Of each row, the cells in columns `places`, one after another.
pub(super) fn texts(rows: &Records, places: &[usize]) -> Vec<String> {
    let text = |record: Record<'_>| {
        let cells: Vec<&str> = places.iter().map(|&at| record.cell(at)).collect();
        cells.join(" ")
    };
    rows.iter().map(text).collect()
}

/// All rows, equally long; `given` stands between the fields, if it was said.
pub(super) fn records(
    bytes: Vec<u8>,
    path: &Path,
    given: Option<u8>,
) -> Result<Records, DataError> {
    let delimiter = given.unwrap_or_else(|| delimiter(&bytes, path));
    let bytes = match delimiter {
        b' ' => evenly_spaced(&bytes),
        _ => bytes,
    };
    let mut records = Records::of(bytes, delimiter, path, MemoryBudget::new(path))?;
    read_decimal_commas(&mut records);
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

#[cfg(test)]
mod tests {
    use super::*;

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
