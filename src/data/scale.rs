//! Standardisation: numbers brought to one scale, in double precision, so that large values of
//! small spread, such as seconds of a clock, stay apart.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::error::DataError;

/// Deviations from the mean within which values must lie: beyond them losses overflow.
const REACH: f64 = 1e12;

/// Mean and standard deviation of each column: fitted on the training part, applied to every part.
///
/// ```
/// use ndarray::array;
/// use unisono::data::Standardizer;
/// let values = array![[1_700_000_001.0, 5.0], [1_700_000_003.0, 5.0]];
/// let scale = Standardizer::fit(values.view());
/// assert_eq!(scale.apply(values.view()), array![[-1.0, 0.0], [1.0, 0.0]]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standardizer {
    /// The columns' means.
    pub means: Vec<f64>,
    /// Their standard deviations; 1 for a column that is constant.
    pub deviations: Vec<f64>,
}

impl Standardizer {
    /// From the columns of `values`, (rows, columns).
    pub fn fit<T: Copy + Into<f64>>(values: ArrayView2<'_, T>) -> Self {
        let mut fitting = Fitting::new(values.ncols());
        for row in values.rows() {
            fitting.add(row.iter().map(|&value| value.into()));
        }
        fitting.end_first_pass();
        for row in values.rows() {
            fitting.add_squares(row.iter().map(|&value| value.into()));
        }
        fitting.finished()
    }

    /// Takes the means off and divides by the deviations.
    ///
    /// # Panics
    /// If `values` has another number of columns.
    pub fn apply<T: Copy + Into<f64>>(&self, values: ArrayView2<'_, T>) -> Array2<f32> {
        assert_eq!(
            values.ncols(),
            self.means.len(),
            "a standardiser works on as many columns as it was fitted on"
        );
        Array2::from_shape_fn(values.dim(), |at| self.value(at.1, values[at].into()))
    }

    /// Refuses values that are not finite, or lie so far from the mean that nothing could be
    /// computed with them; `names` are those of the columns, if they have some.
    pub(super) fn check<T: Copy + Into<f64>>(
        &self,
        values: ArrayView2<'_, T>,
        names: &[String],
    ) -> Result<(), DataError> {
        for (row, cells) in values.rows().into_iter().enumerate() {
            for (column, &value) in cells.iter().enumerate() {
                let name = names.get(column).map(String::as_str);
                self.check_value(row, column, value.into(), name)?;
            }
        }
        Ok(())
    }

    /// The same of a value.
    pub(super) fn check_value(
        &self,
        row: usize,
        column: usize,
        value: f64,
        name: Option<&str>,
    ) -> Result<(), DataError> {
        if f64::from(self.value(column, value)).abs() <= REACH {
            return Ok(());
        }
        if !value.is_finite() {
            return Err(DataError::NotFinite {
                what: "input",
                row,
                column,
                got: value as f32,
            });
        }
        let (mean, deviation) = (self.means[column], self.deviations[column]);
        Err(DataError::OutOfReach {
            place: name.map_or_else(|| format!("input {column}"), str::to_owned),
            row,
            got: value,
            expected: format!(
                "a value within {REACH:e} deviations of the mean of the training part ({}, deviation {})",
                shown(mean),
                shown(deviation)
            ),
        })
    }

    /// One value of a column.
    pub(super) fn value(&self, column: usize, value: f64) -> f32 {
        ((value - self.means[column]) / self.deviations[column]) as f32
    }
}

/// A number in a few digits.
fn shown(value: f64) -> String {
    match value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        true => value.to_string(),
        false => format!("{value:e}"),
    }
}

/// A standardiser in the making: all rows are added once, and their squares once more.
pub(super) struct Fitting {
    rows: f64,
    columns: Vec<Fitted>,
}

/// What is known of a column.
#[derive(Clone)]
struct Fitted {
    /// The sum of the values, and what was lost of it by rounding (Neumaier): whole numbers near
    /// 2^53 have a mean of their size, and differ by ones.
    sum: f64,
    lost: f64,
    mean: f64,
    /// The sum of the squares about the mean.
    squares: f64,
    least: f64,
    most: f64,
}

impl Fitted {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        let (large, small) = if self.sum.abs() >= value.abs() {
            (self.sum, value)
        } else {
            (value, self.sum)
        };
        self.lost += (large - sum) + small;
        self.sum = sum;
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
    }

    fn end(&mut self, rows: f64) {
        let mean = (self.sum + self.lost) / rows;
        // A constant is its own mean to the bit; sums of huge values overflow.
        let is_plain = self.least != self.most && mean.is_finite();
        self.mean = if is_plain {
            mean
        } else {
            self.least / 2.0 + self.most / 2.0
        };
    }

    fn deviation(&self, rows: f64) -> f64 {
        let deviation = (self.squares / rows).sqrt();
        let deviation = match deviation.is_finite() && deviation > 0.0 {
            _ if self.least >= self.most => 1.0,
            true => deviation,
            // Squares that overflow or vanish.
            false => self.most / 2.0 - self.least / 2.0,
        };
        if deviation > 0.0 { deviation } else { 1.0 }
    }
}

impl Fitting {
    pub(super) fn new(columns: usize) -> Self {
        let none = Fitted {
            sum: 0.0,
            lost: 0.0,
            mean: 0.0,
            squares: 0.0,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
        };
        Self {
            rows: 0.0,
            columns: vec![none; columns],
        }
    }

    pub(super) fn add(&mut self, row: impl Iterator<Item = f64>) {
        self.rows += 1.0;
        let pairs = self.columns.iter_mut().zip(row);
        pairs.for_each(|(column, value)| column.add(value));
    }

    pub(super) fn end_first_pass(&mut self) {
        let rows = self.rows.max(1.0);
        self.columns.iter_mut().for_each(|column| column.end(rows));
    }

    pub(super) fn add_squares(&mut self, row: impl Iterator<Item = f64>) {
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.squares += (value - column.mean) * (value - column.mean);
        }
    }

    pub(super) fn finished(self) -> Standardizer {
        let rows = self.rows.max(1.0);
        let columns = self.columns.iter();
        Standardizer {
            deviations: columns.clone().map(|one| one.deviation(rows)).collect(),
            means: columns.map(|column| column.mean).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn whole_numbers_near_2_to_the_53_keep_their_mean_and_spread() {
        let start = (1_u64 << 53) - 2000;
        let values = Array2::from_shape_fn((1999, 1), |(row, _)| (start + row as u64) as f64);
        let scale = Standardizer::fit(values.view());
        assert_eq!(scale.means[0], (start + 999) as f64);
        // That of 0 to 1998.
        let expected = ((1999.0_f64.powi(2) - 1.0) / 12.0).sqrt();
        assert!((scale.deviations[0] - expected).abs() < 1e-9);
    }

    #[test]
    fn values_that_nothing_can_be_computed_with_are_refused_by_name() {
        let scale = Standardizer::fit(array![[1.0], [3.0]].view());
        let names = ["size".to_owned()];
        let check = |value: f64| scale.check(array![[2.0], [value]].view(), &names);
        assert!(check(1e12).is_ok() && check(-7.0).is_ok());
        let error = check(3e38).unwrap_err().to_string();
        assert!(
            error.starts_with("size of row 1 is 3e38, expected a value within 1e12 deviations"),
            "{error}"
        );
        assert!(matches!(
            check(f64::NAN),
            Err(DataError::NotFinite { row: 1, .. })
        ));
    }

    #[test]
    fn values_of_any_size_come_to_one_scale() {
        let constant = Array2::from_elem((300, 1), 0.1);
        let scale = Standardizer::fit(constant.view());
        assert_eq!((scale.means[0], scale.deviations[0]), (0.1, 1.0));
        for values in [array![[1e300], [-1e300]], array![[1e-300], [3e-300]]] {
            let scaled = Standardizer::fit(values.view()).apply(values.view());
            assert!(scaled.iter().all(|value| value.abs() == 1.0), "{scaled}");
            assert_ne!(scaled[[0, 0]], scaled[[1, 0]]);
        }
        // Single and double precision give the same where the values are the same.
        let values = array![[1.5_f32, -2.0], [0.25, 8.0], [3.0, 1.0]];
        let doubles = values.mapv(f64::from);
        let (one, other) = (
            Standardizer::fit(values.view()),
            Standardizer::fit(doubles.view()),
        );
        assert_eq!(one, other);
        assert_eq!(one.apply(values.view()), other.apply(doubles.view()));
    }
}
