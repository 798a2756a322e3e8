//! Training, validation and test part of a data set.

use std::path::Path;

use crate::input;
use crate::seed::{Purpose, Stream};

use super::error::DataError;

/// Shares of the rows that are held out of training.
///
/// ```
/// use unisono::data::Shares;
/// assert_eq!(Shares::test(0.2), Shares { valid: 0.0, test: 0.2 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// The validation part: epochs, rates and stops are chosen by it.
    pub valid: f64,
    /// The test part.
    pub test: f64,
}

impl Shares {
    /// A test part alone.
    pub fn test(share: f64) -> Self {
        Self {
            valid: 0.0,
            test: share,
        }
    }

    /// Rows of both parts among `rows`, each rounded; at least one row is left to train on where
    /// the test part leaves one.
    fn counts(self, rows: usize) -> (usize, usize) {
        let rounded = |share: f64| (rows as f64 * share).round() as usize;
        let test = rounded(self.test).min(rows);
        let valid = rounded(self.valid).min((rows - test).saturating_sub(1));
        (valid, test)
    }
}

/// Numbers of the rows of each part, in ascending order.
///
/// ```
/// use unisono::data::{PartRows, Shares, last_parts};
/// let PartRows { train, valid, test } = last_parts(10, Shares { valid: 0.2, test: 0.3 });
/// assert_eq!((train.len(), valid, test), (5, vec![5, 6], vec![7, 8, 9]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartRows {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows of the validation part; none without one.
    pub valid: Vec<usize>,
    /// Rows of the test part.
    pub test: Vec<usize>,
}

impl PartRows {
    fn sorted(mut self) -> Self {
        for part in [&mut self.train, &mut self.valid, &mut self.test] {
            part.sort_unstable();
        }
        self
    }
}

/// Row numbers of three parts: of every class the same shares (rounded), drawn from the seed. The
/// test part is that of [`stratified_split`], whatever the share of the validation part.
///
/// ```
/// use unisono::data::{Shares, stratified_parts, stratified_split};
/// let classes = [0, 0, 0, 0, 1, 1, 1, 1];
/// let parts = stratified_parts(&classes, Shares { valid: 0.25, test: 0.25 }, 42);
/// assert_eq!((parts.train.len(), parts.valid.len()), (4, 2));
/// assert!(parts.valid[0] < 4 && parts.valid[1] >= 4);
/// assert_eq!(parts.test, stratified_split(&classes, 0.25, 42).1);
/// ```
pub fn stratified_parts(classes: &[u32], shares: Shares, seed: u64) -> PartRows {
    let mut parts = PartRows::default();
    let mut rows_of: Vec<(u32, usize)> = classes.iter().copied().zip(0..).collect();
    rows_of.sort_unstable();
    for rows in rows_of.chunk_by(|one, other| one.0 == other.0) {
        let class = rows[0].0;
        let rows: Vec<usize> = rows.iter().map(|(_, row)| *row).collect();
        let (valid, test) = shares.counts(rows.len());
        // The first of a drawn order are the test part, the next ones the validation part.
        let order = Stream::new(seed, Purpose::Split, class, 0).permutation(rows.len() as u32);
        for (place, &at) in order.iter().enumerate() {
            let part = if place < test {
                &mut parts.test
            } else if place < test + valid {
                &mut parts.valid
            } else {
                &mut parts.train
            };
            part.push(rows[at as usize]);
        }
    }
    parts.sorted()
}

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
    let parts = stratified_parts(classes, Shares::test(test_share), seed);
    (parts.train, parts.test)
}

/// Row numbers of three parts: shares of all rows (rounded), drawn from the seed.
///
/// ```
/// use unisono::data::{Shares, random_parts, random_split};
/// let parts = random_parts(10, Shares { valid: 0.2, test: 0.3 }, 42);
/// assert_eq!((parts.train.len(), parts.valid.len()), (5, 2));
/// assert_eq!(parts.test, random_split(10, 0.3, 42).1);
/// ```
pub fn random_parts(rows: u32, shares: Shares, seed: u64) -> PartRows {
    stratified_parts(&vec![0; rows as usize], shares, seed)
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

/// Row numbers of three parts of rows whose order counts, such as days: the last ones are the test
/// part, those before them the validation part, and training has what lies before both.
///
/// Example: [`PartRows`].
pub fn last_parts(rows: usize, shares: Shares) -> PartRows {
    let (valid, test) = shares.counts(rows);
    let (first, last) = (rows - test - valid, rows - test);
    PartRows {
        train: (0..first).collect(),
        valid: (first..last).collect(),
        test: (last..rows).collect(),
    }
}

/// Row numbers of three parts of which no two have a group in common, such as speakers: groups in
/// an order drawn from the seed go to the test part until it has its share of the rows, then to
/// the validation part.
///
/// ```
/// use unisono::data::{Shares, group_parts, group_split};
/// let speakers = ["ann", "bob", "ann", "eve", "bob", "eve"];
/// let parts = group_parts(&speakers, Shares { valid: 0.3, test: 0.3 }, 42);
/// assert_eq!(speakers[parts.valid[0]], speakers[parts.valid[1]]);
/// assert_eq!(parts.test, group_split(&speakers, 0.3, 42).1);
/// ```
pub fn group_parts<G: Ord>(groups: &[G], shares: Shares, seed: u64) -> PartRows {
    let mut names: Vec<&G> = groups.iter().collect();
    names.sort_unstable();
    names.dedup();
    let order = Stream::new(seed, Purpose::Split, 0, 1).permutation(names.len() as u32);
    let mut order = order.into_iter().map(|at| names[at as usize]);
    // Groups are taken until there are as many rows as wanted.
    let mut taken = |share: f64| {
        let wanted = (groups.len() as f64 * share).round() as usize;
        let mut rows = Vec::new();
        while rows.len() < wanted {
            let Some(name) = order.next() else { break };
            rows.extend((0..groups.len()).filter(|&row| groups[row] == *name));
        }
        rows
    };
    let (test, valid) = (taken(shares.test), taken(shares.valid));
    let mut is_left = vec![true; groups.len()];
    for &row in test.iter().chain(&valid) {
        is_left[row] = false;
    }
    let train = (0..groups.len()).filter(|&row| is_left[row]).collect();
    PartRows { train, valid, test }.sorted()
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
    let parts = group_parts(groups, Shares::test(test_share), seed);
    (parts.train, parts.test)
}

/// Row numbers of a training and a test part, the second as a file lists it: a number from 0 a
/// line.
///
/// ```
/// use unisono::data::split_from_file;
/// let path = std::env::temp_dir().join(format!("unisono-split-{}.txt", std::process::id()));
/// std::fs::write(&path, "3\n0\n")?;
/// assert_eq!(split_from_file(&path, 5)?, (vec![1, 2, 4], vec![0, 3]));
/// assert!(split_from_file(&path, 3).is_err()); // there is no row 3 of three
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
