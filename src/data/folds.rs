//! Folds of a cross-validation: every row is held out once.

use crate::seed::{Purpose, Stream};

use super::split::PartRows;

/// Which fold is held out, of how many.
///
/// ```
/// use unisono::data::{DataOptions, Fold};
/// let options = DataOptions { fold: Some(Fold { number: 2, of: 5 }), ..DataOptions::default() };
/// assert!(options.check().is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// The fold, from 1.
    pub number: usize,
    /// How many there are, at least 2.
    pub of: usize,
}

/// The fold of each row, from 1 to `folds`: rows of each class in an order drawn from the seed,
/// dealt out one after another, class after class.
///
/// The sizes of two folds differ by one row at most, and so do their rows of any class, as those of
/// scikit-learn's `StratifiedKFold` do.
///
/// ```
/// use unisono::data::stratified_folds;
/// let folds = stratified_folds(&[0, 0, 0, 0, 1, 1, 1], 3, 42);
/// let rows = |fold: usize| folds.iter().filter(|of_row| **of_row == fold).count();
/// assert_eq!([rows(1), rows(2), rows(3)], [3, 2, 2]);
/// ```
///
/// # Panics
/// If there is no fold.
pub fn stratified_folds(classes: &[u32], folds: usize, seed: u64) -> Vec<usize> {
    assert!(folds > 0, "rows need a fold");
    let mut rows_of: Vec<(u32, usize)> = classes.iter().copied().zip(0..).collect();
    rows_of.sort_unstable();
    let (mut of_rows, mut dealt) = (vec![0; classes.len()], 0);
    for rows in rows_of.chunk_by(|one, other| one.0 == other.0) {
        let order = Stream::new(seed, Purpose::Split, rows[0].0, 2).permutation(rows.len() as u32);
        for at in order {
            of_rows[rows[at as usize].1] = 1 + dealt % folds;
            dealt += 1;
        }
    }
    of_rows
}

impl Fold {
    /// The rows of the fold as test part, all others as training part.
    ///
    /// ```
    /// use unisono::data::{Fold, stratified_folds};
    /// let folds = stratified_folds(&[0; 10], 3, 42);
    /// let parts = Fold { number: 1, of: 3 }.parts(&folds);
    /// assert_eq!((parts.train.len(), parts.test.len()), (6, 4));
    /// ```
    pub fn parts(self, folds: &[usize]) -> PartRows {
        let (test, train) = (0..folds.len()).partition(|&row| folds[row] == self.number);
        PartRows {
            train,
            valid: Vec::new(),
            test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of each fold and class.
    fn counts(classes: &[u32], of_rows: &[usize], folds: usize) -> Vec<Vec<usize>> {
        let all = classes.iter().max().map_or(0, |most| *most as usize + 1);
        let mut counts = vec![vec![0; all]; folds];
        for (class, fold) in classes.iter().zip(of_rows) {
            counts[fold - 1][*class as usize] += 1;
        }
        counts
    }

    #[test]
    fn sizes_of_folds_and_their_rows_of_a_class_differ_by_one_at_most() {
        for rows in [2, 3, 10, 97, 500] {
            for folds in (2..=rows.min(11)).chain([rows]) {
                // Classes of unlike sizes, mixed.
                let classes: Vec<u32> = (0..rows as u32).map(|row| (row * row) % 7 % 4).collect();
                let of_rows = stratified_folds(&classes, folds, 7);
                let counts = counts(&classes, &of_rows, folds);
                let is_even = |counts: &mut dyn Iterator<Item = usize>| {
                    let counts: Vec<usize> = counts.collect();
                    counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1
                };
                let mut sizes = counts.iter().map(|of_fold| of_fold.iter().sum());
                assert!(is_even(&mut sizes), "{rows} rows, {folds} folds");
                for class in 0..counts[0].len() {
                    let mut of_class = counts.iter().map(|of_fold| of_fold[class]);
                    assert!(
                        is_even(&mut of_class),
                        "{rows} rows, {folds} folds, {class}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_row_is_held_out_once_and_the_seed_decides_in_which_fold() {
        let classes: Vec<u32> = (0..60).map(|row| row % 3).collect();
        let one = stratified_folds(&classes, 4, 42);
        assert_eq!(one, stratified_folds(&classes, 4, 42));
        assert_ne!(one, stratified_folds(&classes, 4, 43));
        let mut held: Vec<usize> = Vec::new();
        for number in 1..=4 {
            let PartRows { train, valid, test } = Fold { number, of: 4 }.parts(&one);
            assert_eq!((train.len() + test.len(), valid.len()), (60, 0));
            held.extend(test);
        }
        held.sort_unstable();
        assert_eq!(held, (0..60).collect::<Vec<_>>());
    }
}
