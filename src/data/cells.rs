//! Cells of a table: numbers, names, and what says that there is no value.

/// Whether a cell says that there is no value.
pub(super) fn is_missing(cell: &str) -> bool {
    let words = ["", "na", "n/a", "nan", "null", "none"];
    words.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// `7`, or `7.0`.
pub(super) fn whole(cell: &str) -> Option<i64> {
    cell.strip_suffix(".0").unwrap_or(cell).parse().ok()
}

pub(super) fn is_whole(cell: &str) -> bool {
    cell.parse::<i64>().is_ok()
}

pub(super) fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
}

/// Whether a cell may be the name of a column: no number, and no mark for what is missing, such as
/// `?`.
pub(super) fn is_name(cell: &str) -> bool {
    let has_letters = cell.chars().any(char::is_alphanumeric);
    has_letters && !is_number(cell) && !is_missing(cell)
}

/// Whether a cell is short enough for a name.
pub(super) fn is_word(cell: &str) -> bool {
    cell.len() <= 40 && cell.split_whitespace().count() <= 3
}
