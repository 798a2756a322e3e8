//! Lists in messages and output, cut where they are long.

use std::fmt::Display;

/// Names that are written out.
const WRITTEN_OUT: usize = 10;

/// The first names with commas, and how many more there are: `a, b and 7 more`.
pub(crate) fn listed<T: Display>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let first: Vec<String> = names
        .by_ref()
        .take(WRITTEN_OUT)
        .map(|name| name.to_string())
        .collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(["a", "b"]), "a, b");
        assert_eq!(listed(0..12), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(listed::<u8>([]), "");
    }
}
