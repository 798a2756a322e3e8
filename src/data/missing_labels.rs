//! Rows without a label: refused, left out, or of a class of their own.

use std::path::Path;

use super::cells::column_called;
use super::error::DataError;
use super::records::{Record, Records};
use super::targets::{MissingLabels, is_missing_label};

/// Does with rows that have no label what `how` says.
pub(super) fn settle_missing(
    how: MissingLabels,
    rows: &mut Records,
    label: usize,
    name: &str,
    path: &Path,
) -> Result<Option<String>, DataError> {
    let lacks = |row: Record<'_>| is_missing_label(row.cell(label));
    let Some(first) = rows.iter().find(|row| lacks(*row)) else {
        return Ok(None);
    };
    // Where the first of them stands, for messages.
    let line = first.line();
    let cell = first.cell(label).to_owned();
    let (all, count) = (rows.len(), rows.iter().filter(|row| lacks(*row)).count());
    match how {
        MissingLabels::Class => Ok(None),
        MissingLabels::Drop if count < all => {
            rows.retain(|row| !lacks(row));
            let said = format!("rows left out: {count} of {all}, which have no label");
            Ok(Some(said))
        }
        _ if count == all => Err(DataError::unfit(
            path,
            format!("labels in {}", column_called(name)),
            format!("none in {all} rows"),
            "name another column with `label`",
        )),
        _ => Err(DataError::unfit(
            path,
            format!("a label in {} of every row", column_called(name)),
            format!("none in {count} of {all} rows, first {cell:?} in line {line}"),
            "`missing_labels` drop leaves these rows out, `missing_labels` class makes each such word a class",
        )),
    }
}
