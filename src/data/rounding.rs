//! Rounding of whole numbers: how many different ones are left of those that a column holds.

/// From here on, 2^53, doubles do not hold every whole number.
pub(super) const DOUBLES: f64 = 9_007_199_254_740_992.0;

/// How many different ones there are.
pub(super) fn different<T: Ord>(values: impl Iterator<Item = T>) -> usize {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values.len()
}

/// What is said of a column whose `before` different whole numbers become `after`.
pub(super) fn rounded(
    name: &str,
    [before, after]: [usize; 2],
    precision: &str,
    of: &str,
) -> String {
    format!(
        "rounded: {name}: {before} different whole numbers{of} become {after} in {precision} precision; take off what they have in common, \
         split them into several columns, or leave them out"
    )
}

/// The same of whole numbers as they are written, which become doubles.
pub(super) fn written<'a>(
    name: &str,
    cells: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    let is_large = |cell: &str| {
        let digits = cell.bytes().filter(u8::is_ascii_digit).count();
        digits > 15
            && cell
                .parse::<f64>()
                .is_ok_and(|value| value.abs() >= DOUBLES)
    };
    if !cells.clone().any(is_large) {
        return None;
    }
    let wholes = cells.map(|cell| cell.strip_suffix(".0").unwrap_or(cell).parse::<i128>().ok());
    let wholes: Vec<i128> = wholes.collect::<Option<_>>()?;
    let before = different(wholes.iter().copied());
    let after = different(wholes.iter().map(|whole| (*whole as f64).to_bits()));
    (after < before).then(|| rounded(name, [before, after], "double", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_that_doubles_do_not_hold_are_counted_as_they_are_written() {
        let cells = ["9007199254740993", "9007199254740992", "9007199254740994"];
        let line = written("id", cells.into_iter()).unwrap();
        assert!(
            line.contains("id: 3 different whole numbers become 2 in double"),
            "{line}"
        );
        assert_eq!(written("id", cells[1..].iter().copied()), None);
        assert_eq!(written("x", ["0.12345678901234567", "1"].into_iter()), None);
    }
}
