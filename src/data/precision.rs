//! Precision: columns in which different numbers become the same input.
//!
//! # Why this way
//! Inputs are single precision, and rounding them is as it should be for what is measured. Whole
//! numbers that count or name something are told apart by their last digit: where that is lost, it
//! is said. What counts is what is left after standardisation, which is done in double precision.
//! Of what is measured most different values stay different, unless one is far larger than others.

use std::ops::RangeInclusive;

use ndarray::{ArrayView1, ArrayView2, Axis, Slice};

use super::rounding::{DOUBLES, different, rounded};
use super::scale::Standardizer;

/// Whole numbers that lie less than this, 2^23, from their mean stay apart.
const APART: f64 = 8_388_608.0;

/// Columns that are named.
const NAMED: usize = 3;

/// Rows, and values, that are looked at of columns of other numbers.
const SOME_ROWS: usize = 1024;
const MOST_VALUES: usize = 1 << 22;

/// A value that is or is not a whole number.
pub(super) trait Exact: Copy + Into<f64> {
    /// The number to its last digit, if it is a whole one.
    fn whole(self) -> Option<i128>;
}

impl Exact for f64 {
    fn whole(self) -> Option<i128> {
        (self.fract() == 0.0 && self.abs() < 1e38).then_some(self as i128)
    }
}

impl Exact for f32 {
    fn whole(self) -> Option<i128> {
        f64::from(self).whole()
    }
}

/// A whole number that a double need not hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Integer<T>(pub(super) T);

impl From<Integer<i64>> for f64 {
    fn from(value: Integer<i64>) -> Self {
        value.0 as f64
    }
}

impl From<Integer<u64>> for f64 {
    fn from(value: Integer<u64>) -> Self {
        value.0 as f64
    }
}

impl From<Integer<i128>> for f64 {
    fn from(value: Integer<i128>) -> Self {
        value.0 as f64
    }
}

impl<T: Copy + Into<i128>> Exact for Integer<T>
where
    f64: From<Self>,
{
    fn whole(self) -> Option<i128> {
        Some(self.0.into())
    }
}

/// A line for every column of whole numbers of which different ones become one input, and of other
/// numbers of which most do, the first ones by `name`; `of` says which rows were looked at.
pub(super) fn lines<T: Exact>(
    values: ArrayView2<'_, T>,
    scale: &Standardizer,
    name: impl Fn(usize) -> String,
    of: &str,
) -> Vec<String> {
    let ranges = whole_ranges(values);
    let is_doubtful = |column: usize, range: &RangeInclusive<f64>| {
        let is_far = |end: &f64| end.abs() >= DOUBLES || (end - scale.means[column]).abs() >= APART;
        [range.start(), range.end()].into_iter().any(is_far)
    };
    // Of whole numbers all, of others some.
    let some = (MOST_VALUES / values.ncols().max(1)).clamp(2, SOME_ROWS);
    let some = values.slice_axis(Axis(0), Slice::from(..some.min(values.nrows())));
    let mut lines = Vec::new();
    for (column, range) in ranges.iter().enumerate() {
        lines.extend(match range {
            Some(range) if is_doubtful(column, range) => {
                let (before, after) = counts(values.column(column), scale, column);
                (after < before).then(|| rounded(&name(column), [before, after], "single", of))
            }
            Some(_) => None,
            None => {
                let (before, after) = counts(some.column(column), scale, column);
                (2 * after < before).then(|| crowded(&name(column), [before, after]))
            }
        });
    }
    if lines.len() > NAMED {
        let more = lines.len() - NAMED;
        lines.truncate(NAMED);
        lines.push(format!("rounded: {more} more columns likewise"));
    }
    lines
}

/// The range of each column, if it holds whole numbers.
fn whole_ranges<T: Exact>(values: ArrayView2<'_, T>) -> Vec<Option<RangeInclusive<f64>>> {
    let none = Some(f64::INFINITY..=f64::NEG_INFINITY);
    let mut ranges = vec![none; values.ncols()];
    for row in values.rows() {
        for (range, value) in ranges.iter_mut().zip(row) {
            let number = value.whole().map(|_| (*value).into());
            let both = range.take().zip(number);
            *range = both.map(|(range, number): (RangeInclusive<f64>, f64)| {
                range.start().min(number)..=range.end().max(number)
            });
        }
    }
    ranges
}

/// How many different values there are before and after standardisation.
fn counts<T: Exact>(
    cells: ArrayView1<'_, T>,
    scale: &Standardizer,
    column: usize,
) -> (usize, usize) {
    let scaled = cells.iter().map(|value| {
        // Zero has two signs.
        (scale.value(column, (*value).into()) + 0.0).to_bits()
    });
    let exact = cells.iter().map(|value| {
        let number: f64 = (*value).into();
        let whole = value.whole().unwrap_or_default();
        (whole, (number + 0.0).to_bits())
    });
    (different(exact), different(scaled))
}

/// What is said of a column whose `before` different values become `after`, as they are crowded.
fn crowded(name: &str, [before, after]: [usize; 2]) -> String {
    format!(
        "crowded: {name}: {before} different values become {after} in single precision, as others are far larger; check these, or take \
         logarithms"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn said<T: Exact>(values: Vec<T>) -> Vec<String> {
        let values = Array2::from_shape_vec((values.len(), 1), values).unwrap();
        let scale = Standardizer::fit(values.view());
        lines(values.view(), &scale, |at| format!("input {at}"), "")
    }

    #[test]
    fn whole_numbers_that_become_one_are_counted() {
        let large = 1_i64 << 53;
        let lines = said((0..8).map(|at| Integer(large + at)).collect());
        // Doubles hold every second one from there on: 0, 2, 4, 6 and 8.
        let start = "rounded: input 0: 8 different whole numbers become 5 in single precision";
        assert!(lines[0].starts_with(start), "{lines:?}");
        // The same spread below it, and seconds of a clock, stay apart.
        assert!(said((1..9).map(|at| Integer(large - at)).collect()).is_empty());
        assert!(
            said(
                (0..500)
                    .map(|at| 1_700_000_000.0 + f64::from(at))
                    .collect::<Vec<f64>>()
            )
            .is_empty()
        );
        // Numbers that lie far apart, and two that do not.
        let mut far: Vec<Integer<u64>> = (0..99).map(|at| Integer(at << 40)).collect();
        assert!(said(far.clone()).is_empty());
        far.push(Integer((50 << 40) + 1));
        assert!(said(far)[0].contains("100 different whole numbers become 99"));
        // One value that makes all others alike.
        let mut crowd: Vec<f64> = (0..99).map(|at| f64::from(at) / 7.0).collect();
        assert!(said(crowd.clone()).is_empty());
        crowd.push(1e200);
        let lines = said(crowd);
        let start = "crowded: input 0: 100 different values become 2 in single precision";
        assert!(lines[0].starts_with(start), "{lines:?}");
        // What is measured is rounded as ever.
        assert!(
            said(
                (0..99)
                    .map(|at| 1e9 + f64::from(at) / 7.0 * 1e-9)
                    .collect::<Vec<f64>>()
            )
            .is_empty()
        );
    }
}
