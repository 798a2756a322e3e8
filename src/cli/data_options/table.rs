//! Options of tables, as the flags say.

use crate::data::{Column, TableOptions};

use crate::cli::choices::{HEADERS, MISSING_LABELS, TASKS};
use crate::cli::error::{ArgError, refused, refused_name};
use crate::cli::options::DataArgs;

use super::values::column;

/// How a table is read.
pub(super) fn table_options(args: &DataArgs) -> Result<TableOptions, ArgError> {
    let header = HEADERS.of(args.header.as_deref().unwrap_or("auto"))?;
    let missing_labels = MISSING_LABELS.of(args.missing_labels.as_deref().unwrap_or("refuse"))?;
    let target = TASKS.of(args.task.as_deref().unwrap_or("auto"))?;
    // Columns that are left out; `none` keeps even one that only counts the rows.
    let dropped = names(args.drop.as_deref());
    let drop = dropped.iter().filter(|name| **name != "none");
    // Targets stand in the place of a label.
    if let (Some(target), Some(_)) = (&args.target, &args.label) {
        let expected = "left out beside --label, which names the column";
        return Err(refused("target", expected, target));
    }
    Ok(TableOptions {
        label: column(args.label.as_deref()),
        header,
        delimiter: args.delimiter.as_deref().map(delimiter).transpose()?,
        drop: drop.map(|name| column(Some(name))).collect(),
        columns: columns(args.columns.as_deref()),
        categories: columns(args.categories.as_deref()),
        keeps_index: dropped.contains(&"none"),
        missing_labels,
        target,
        targets: columns(args.target.as_deref()),
        is_series: args.window.is_some(),
        weights: args.weight_column.as_deref().map(|name| column(Some(name))),
    })
}

/// Names with commas between.
fn names(text: Option<&str>) -> Vec<&str> {
    let names = text.into_iter().flat_map(|names| names.split(','));
    names.map(str::trim).collect()
}

fn columns(text: Option<&str>) -> Vec<Column> {
    let names = names(text).into_iter();
    names.map(|name| column(Some(name))).collect()
}

/// A name, or an ASCII character itself.
fn delimiter(text: &str) -> Result<u8, ArgError> {
    let named = match text {
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "tab" | "\\t" => Some(b'\t'),
        "pipe" => Some(b'|'),
        "space" => Some(b' '),
        other => match other.as_bytes() {
            [byte]
                if byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !b"\"\r\n".contains(byte) =>
            {
                Some(*byte)
            }
            _ => None,
        },
    };
    let expected = "comma, semicolon, tab, pipe, space or another character";
    let known = ["comma", "semicolon", "tab", "pipe", "space"];
    named.ok_or_else(|| refused_name(refused("delimiter", expected, text), text, known))
}
