//! Standardisation: numbers brought to one scale, in double precision, so that large values of
//! small spread, such as seconds of a clock, stay apart.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

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

    /// One value of a column.
    pub(super) fn value(&self, column: usize, value: f64) -> f32 {
        ((value - self.means[column]) / self.deviations[column]) as f32
    }
}

/// A standardiser in the making: all rows are added once, and their squares once more.
pub(super) struct Fitting {
    rows: f64,
    /// Of each column: its sum and then its mean, the sum of the squares about it, the least and
    /// the greatest value.
    columns: Vec<(f64, f64, [f64; 2])>,
}

impl Fitting {
    pub(super) fn new(columns: usize) -> Self {
        let none = (0.0, 0.0, [f64::INFINITY, f64::NEG_INFINITY]);
        Self {
            rows: 0.0,
            columns: vec![none; columns],
        }
    }

    pub(super) fn add(&mut self, row: impl Iterator<Item = f64>) {
        self.rows += 1.0;
        for ((sum, _, [least, most]), value) in self.columns.iter_mut().zip(row) {
            *sum += value;
            (*least, *most) = (least.min(value), most.max(value));
        }
    }

    pub(super) fn end_first_pass(&mut self) {
        for (sum, _, [least, most]) in &mut self.columns {
            let mean = *sum / self.rows.max(1.0);
            // A constant is its own mean to the bit; sums of huge values overflow.
            let is_plain = least != most && mean.is_finite();
            *sum = if is_plain {
                mean
            } else {
                *least / 2.0 + *most / 2.0
            };
        }
    }

    pub(super) fn add_squares(&mut self, row: impl Iterator<Item = f64>) {
        for ((mean, squares, _), value) in self.columns.iter_mut().zip(row) {
            *squares += (value - *mean) * (value - *mean);
        }
    }

    pub(super) fn finished(self) -> Standardizer {
        let rows = self.rows.max(1.0);
        let deviation = |&(_, squares, [least, most]): &(f64, f64, [f64; 2])| {
            let deviation = (squares / rows).sqrt();
            match deviation.is_finite() && deviation > 0.0 {
                _ if least >= most => 1.0,
                true => deviation,
                // Squares that overflow or vanish.
                false => most / 2.0 - least / 2.0,
            }
        };
        let deviations = self.columns.iter().map(deviation);
        Standardizer {
            deviations: deviations.map(|d| if d > 0.0 { d } else { 1.0 }).collect(),
            means: self.columns.iter().map(|(mean, ..)| *mean).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

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
