//! Decimal commas: numbers such as `0,5`, as spreadsheets of many countries write them, are read as
//! `0.5`.
//!
//! A column holds such numbers if all its cells are whole numbers, gaps, or have one comma between
//! digits. `1,250` may be 1250 as well: some column of the file must have a cell that can be no group
//! of thousands, or else nothing is changed.

use super::cells::{is_decimal_comma, is_whole};
use super::gaps::is_gap;
use super::records::Records;

/// Changes the commas to points.
pub(super) fn read_decimal_commas(records: &mut Records) {
    if !records.holds(',') {
        return;
    }
    let width = records.iter().next().map_or(0, |first| first.len());
    let columns: Vec<usize> = (0..width).filter(|&at| is_such(records, at)).collect();
    let is_certain = |cell: &str| is_decimal_comma(cell) && !may_be_thousands(cell);
    if columns.iter().any(|&at| records.column(at).any(is_certain)) {
        records.put_points(&columns, is_decimal_comma);
    }
}

/// Whether a column, but for the name in its first cell, holds numbers with commas.
fn is_such(records: &Records, column: usize) -> bool {
    let mut has_comma = false;
    let mut cells = records.column(column).skip(1);
    let are_numbers = cells.all(|cell| {
        let is_decimal = is_decimal_comma(cell);
        has_comma |= is_decimal;
        is_decimal || is_whole(cell) || is_gap(cell)
    });
    are_numbers && has_comma
}

/// Whether a number with a comma may be one of thousands.
fn may_be_thousands(cell: &str) -> bool {
    let (whole, decimals) = cell.split_once(',').unwrap_or((cell, ""));
    let whole = whole.trim_start_matches('-');
    decimals.len() == 3 && whole.len() <= 3 && !whole.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::memory_budget::MemoryBudget;

    fn rows(text: &str) -> (Vec<Vec<String>>, Vec<usize>) {
        let path = "t.csv".as_ref();
        let bytes = text.as_bytes().to_vec();
        let mut records = Records::of(bytes, b';', path, MemoryBudget::new(path)).unwrap();
        read_decimal_commas(&mut records);
        let rows = records
            .iter()
            .map(|row| row.cells().map(str::to_owned).collect());
        (rows.collect(), records.decimal_commas().to_vec())
    }

    #[test]
    fn columns_of_numbers_with_commas_get_points_and_others_stay() {
        let (read, columns) = rows("price, EUR;km;note\n0,5;3;a,5\n-12,25;;b\n1,250;4;1,5\n");
        assert_eq!(columns, [0]);
        assert_eq!(read[0][0], "price, EUR");
        assert_eq!(read[1], ["0.5", "3", "a,5"]);
        assert_eq!(
            (&*read[2][0], &*read[3][0], &*read[3][2]),
            ("-12.25", "1.250", "1,5")
        );
        // Quoted cells too, and a table without a header.
        assert_eq!(
            rows("\"1,5\";1\n\"2,5\";0\n").0,
            [["1.5", "1"], ["2.5", "0"]]
        );
    }

    #[test]
    fn what_may_be_thousands_or_is_no_number_stays() {
        for text in [
            "a;b\n1,250;1\n2,500;2\n",
            "a;b\n1,5;1\n1.5;2\n",
            "a;b\nx;1\n1,5,5;2\n",
        ] {
            let (read, columns) = rows(text);
            assert!(columns.is_empty() && read[1][0] == text.split(['\n', ';']).nth(2).unwrap());
        }
        // Another column tells that commas stand before decimals.
        assert_eq!(rows("a;b\n1,250;0,5\n").0[1], ["1.250", "0.5"]);
    }
}
