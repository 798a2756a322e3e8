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

/// What to do with a cell that is no number; `others` are the cells of its column.
pub(super) fn remedy<'a>(cell: &str, mut others: impl Iterator<Item = &'a str> + Clone) -> String {
    let are_bools = |cell: &str| ["true", "false"].contains(&cell.to_lowercase().as_str());
    let mut with_commas = others.clone().filter(|cell| cell.contains(','));
    let is_grouped = is_grouped(cell) && with_commas.all(is_grouped);
    let said = if is_missing(cell) {
        "fix or drop the row"
    } else if is_grouped {
        "write numbers without commas between their thousands"
    } else if is_decimal_comma(cell) {
        "write numbers with a point before their decimals, not a comma"
    } else if is_number(&bare(cell)) {
        "write the numbers alone, without signs of money or per cent"
    } else if is_number(&with_hyphen(cell)) {
        "write the sign before numbers as -"
    } else if others.clone().all(are_bools) {
        "write 1 for true and 0 for false"
    } else if !others.any(is_number) {
        "the column holds no numbers: put numbers in the place of its words"
    } else {
        "fix or drop the row"
    };
    format!("{said}, or leave the column out with `drop`")
}

/// Whether a cell is a number, written in any way.
pub(super) fn is_number_like(cell: &str) -> bool {
    let others = [bare(cell), with_hyphen(cell)];
    is_number(cell)
        || is_grouped(cell)
        || is_decimal_comma(cell)
        || others.iter().any(|other| is_number(other))
}

/// A cell without signs of money and per cent.
fn bare(cell: &str) -> String {
    let is_sign = |c: char| "%$\u{20ac}\u{a3} ".contains(c);
    cell.chars().filter(|c| !is_sign(*c)).collect()
}

/// A cell with a hyphen for other signs of less than zero.
fn with_hyphen(cell: &str) -> String {
    cell.replace(['\u{2212}', '\u{2013}'], "-")
}

/// `1,250,000.5`: a number with commas between its thousands, behind each of which are three digits.
fn is_grouped(cell: &str) -> bool {
    let mut groups = cell.trim_start_matches('-').split(',');
    let is_first = |group: &str| (1..=3).contains(&group.len()) && !group.starts_with('0');
    let has_first = groups.next().is_some_and(is_first);
    let is_next = |group: &str| {
        group
            .split('.')
            .next()
            .is_some_and(|digits| digits.len() == 3)
    };
    cell.contains(',') && has_first && groups.all(is_next) && is_number(&cell.replace(',', ""))
}

/// `0,5`: a number with a comma before its decimals.
pub(super) fn is_decimal_comma(cell: &str) -> bool {
    let halves = cell.split_once(',');
    halves.is_some_and(|(whole, decimals)| {
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        are_digits(digits) && are_digits(decimals)
    })
}

/// A column in messages: those without a name have a place, or are called so.
pub(super) fn column_called(name: &str) -> String {
    match name {
        "" => "the column without a name".to_owned(),
        name if name.starts_with("column ") => name.to_owned(),
        name => format!("column {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_with_a_cell_depends_on_what_it_looks_like() {
        let numbers = ["1", "2", "x"];
        for (cell, said) in [
            ("1,000", "without commas"),
            ("1,234,567.5", "without commas"),
            ("0,25", "a point before their decimals"),
            ("0,126", "a point before their decimals"),
            ("12 %", "the numbers alone"),
            ("$5", "the numbers alone"),
            ("\u{2212}3", "as -"),
            ("", "fix or drop the row"),
            ("x", "fix or drop the row"),
        ] {
            let remedy = remedy(cell, numbers.into_iter());
            assert!(
                remedy.contains(said) && remedy.ends_with("with `drop`"),
                "{cell}: {remedy}"
            );
        }
        // Three digits behind a comma may be decimals: the others tell.
        assert!(remedy("1,250", ["1,250", "1,5"].into_iter()).contains("a point before"));
        assert!(remedy("True", ["True", "false"].into_iter()).starts_with("write 1 for true"));
        assert!(remedy("red", ["red", "blue"].into_iter()).starts_with("the column holds no"));
    }
}
