//! Options of tables, as the flags say.

use crate::data::{Header, MissingLabels, TableOptions, Target};

use crate::cli::error::{ArgError, refused};
use crate::cli::options::DataArgs;

use super::values::column;

/// How a table is read.
pub(super) fn table_options(args: &DataArgs) -> Result<TableOptions, ArgError> {
    let header = match args.header.as_deref().unwrap_or("auto") {
        "auto" => Header::Auto,
        "yes" => Header::Yes,
        "no" => Header::No,
        other => return Err(refused("header", "auto, yes or no", other)),
    };
    let missing_labels = match args.missing_labels.as_deref().unwrap_or("refuse") {
        "refuse" => MissingLabels::Refuse,
        "drop" => MissingLabels::Drop,
        "class" => MissingLabels::Class,
        other => return Err(refused("missing-labels", "refuse, drop or class", other)),
    };
    let target = match args.task.as_deref().unwrap_or("auto") {
        "auto" | "language" => Target::Auto,
        "classify" => Target::Classes,
        "regress" => Target::Values,
        other => {
            let expected = "auto, classify, regress or language";
            return Err(refused("task", expected, other));
        }
    };
    // Columns that are left out; `none` keeps even one that only counts the rows.
    let names = args.drop.iter().flat_map(|names| names.split(','));
    let names: Vec<&str> = names.map(str::trim).collect();
    let columns = names.iter().filter(|name| **name != "none");
    Ok(TableOptions {
        label: column(args.label.as_deref()),
        header,
        delimiter: args.delimiter.as_deref().map(delimiter).transpose()?,
        drop: columns.map(|name| column(Some(name))).collect(),
        keeps_index: names.contains(&"none"),
        missing_labels,
        target,
    })
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
    named.ok_or_else(|| refused("delimiter", expected, text))
}
