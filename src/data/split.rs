//! Training and test part of a data set.

use std::path::Path;

use crate::input;
use crate::seed::{Purpose, Stream};

use super::error::DataError;

/// Row numbers of a training and a test part: of every class the same share, `test_share` of its
/// rows (rounded), drawn from the seed. Both parts are in ascending order.
///
/// ```
/// use unisono::data::stratified_split;
/// let (train, test) = stratified_split(&[0, 0, 0, 0, 1, 1, 1, 1], 0.25, 42);
/// assert_eq!((train.len(), test.len()), (6, 2));
/// assert!(test[0] < 4 && test[1] >= 4);
/// ```
pub fn stratified_split(classes: &[u32], test_share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    let mut rows_of: Vec<(u32, usize)> = classes.iter().copied().zip(0..).collect();
    rows_of.sort_unstable();
    for rows in rows_of.chunk_by(|one, other| one.0 == other.0) {
        let class = rows[0].0;
        let rows: Vec<usize> = rows.iter().map(|(_, row)| *row).collect();
        let count = (rows.len() as f64 * test_share).round() as usize;
        let order = Stream::new(seed, Purpose::Split, class, 0).permutation(rows.len() as u32);
        for (place, &at) in order.iter().enumerate() {
            let part = if place < count { &mut test } else { &mut train };
            part.push(rows[at as usize]);
        }
    }
    train.sort_unstable();
    test.sort_unstable();
    (train, test)
}

/// Row numbers of a training and a test part: `test_share` of all rows (rounded), drawn from the
/// seed. Both parts are in ascending order.
///
/// ```
/// use unisono::data::random_split;
/// let (train, test) = random_split(10, 0.3, 42);
/// assert_eq!((train.len(), test.len()), (7, 3));
/// assert!(test.iter().all(|row| !train.contains(row)));
/// ```
pub fn random_split(rows: u32, test_share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    stratified_split(&vec![0; rows as usize], test_share, seed)
}

/// Row numbers of a training and a test part that have no group in common, such as speakers: groups
/// in an order drawn from the seed go to the test part until it has `test_share` of the rows. Both
/// parts are in ascending order.
///
/// ```
/// use unisono::data::group_split;
/// let speakers = ["ann", "bob", "ann", "eve", "bob", "eve"];
/// let (train, test) = group_split(&speakers, 0.3, 42);
/// assert_eq!((train.len(), test.len()), (4, 2));
/// assert_eq!(speakers[test[0]], speakers[test[1]]);
/// ```
pub fn group_split<G: Ord>(groups: &[G], test_share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut names: Vec<&G> = groups.iter().collect();
    names.sort_unstable();
    names.dedup();
    let wanted = (groups.len() as f64 * test_share).round() as usize;
    let order = Stream::new(seed, Purpose::Split, 0, 1).permutation(names.len() as u32);
    let (mut held_out, mut rows) = (Vec::new(), 0);
    for at in order {
        if rows >= wanted {
            break;
        }
        let name = names[at as usize];
        rows += groups.iter().filter(|group| *group == name).count();
        held_out.push(name);
    }
    (0..groups.len()).partition(|&row| !held_out.contains(&&groups[row]))
}

/// Row numbers of a training and a test part, the second as a file lists it: a number from 0 a
/// line.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Unfit`] for a line that is no row number below `rows`, one that
/// comes twice, or a part without rows.
pub fn split_from_file(path: &Path, rows: usize) -> Result<(Vec<usize>, Vec<usize>), DataError> {
    let text = input::read_text(path).map_err(DataError::io(path))?;
    let refuse = |expected: String, got: String| {
        let remedy = "list the numbers of the test rows, from 0, one a line";
        DataError::unfit(path, expected, got, remedy)
    };
    // Each line is a row of the test part, named once.
    let mut is_test = vec![false; rows];
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let row = line.trim().parse::<usize>().ok().filter(|&row| row < rows);
        match row.map(|row| std::mem::replace(&mut is_test[row], true)) {
            Some(false) => {}
            _ => {
                let expected = format!("a row number below {rows} in line {}, once", number + 1);
                return Err(refuse(expected, format!("{line:?}")));
            }
        }
    }
    let (train, test): (Vec<usize>, Vec<usize>) = (0..rows).partition(|&row| !is_test[row]);
    if train.is_empty() || test.is_empty() {
        let expected = format!("some of {rows} rows, not all");
        return Err(refuse(expected, format!("{} of them", test.len())));
    }
    Ok((train, test))
}
