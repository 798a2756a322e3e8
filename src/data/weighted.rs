//! Rows with weights: how much each counts in the loss and its gradient.

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;

/// The rows of a data set, each with a weight.
///
/// The loss, of training and of evaluations, is the sum of each row's loss times its weight over
/// the sum of the weights, and so is its gradient: a row of weight 2 counts as if it came twice, one
/// of weight 0 not at all. Accuracy, errors and all other metrics count each row once, as
/// scikit-learn's do where no `sample_weight` is given to them.
///
/// ```
/// use ndarray::array;
/// use unisono::data::{ArrayDataset, DataError, Dataset, Weighted};
/// let rows = || ArrayDataset::classes(array![[0.0], [1.0], [2.0]], &[0, 1, 1], 2);
/// let weighted = Weighted::new(rows()?, [1.0, 0.5, 2.0])?;
/// let mut weights = [0.0; 2];
/// weighted.gather_weights(&[2, 0], &mut weights);
/// assert_eq!((weighted.has_weights(), weights), (true, [2.0, 1.0]));
/// assert!(Weighted::new(rows()?, [1.0, -0.5, 2.0]).is_err());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Weighted<D> {
    rows: D,
    weights: Vec<f32>,
}

impl<D: Dataset> Weighted<D> {
    /// Rows with these weights, one each.
    ///
    /// # Errors
    /// [`DataError::Combination`] for another number of weights than rows, a weight that is not
    /// finite or below 0, or weights that are all 0.
    pub fn new(rows: D, weights: impl Into<Vec<f32>>) -> Result<Self, DataError> {
        let weights = weights.into();
        let odd = |expected: String, got: String| DataError::Combination {
            what: "weights of rows",
            expected,
            got,
        };
        let (count, got) = (rows.len(), weights.len());
        if count != got {
            return Err(odd(
                format!("one for each of {count} rows"),
                got.to_string(),
            ));
        }
        let is_odd = |weight: &f32| !(weight.is_finite() && *weight >= 0.0);
        if let Some(row) = weights.iter().position(is_odd) {
            let got = format!("{} for row {row}", weights[row]);
            return Err(odd("finite numbers of at least 0".to_owned(), got));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            let got = format!("0 for all of {count}");
            return Err(odd("a weight above 0 for some row".to_owned(), got));
        }
        Ok(Self { rows, weights })
    }
}

impl<D: Dataset> Dataset for Weighted<D> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn input_len(&self) -> usize {
        self.rows.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.rows.input_shape()
    }

    fn labels(&self) -> Labels {
        self.rows.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.rows.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.rows.gather_classes(rows, classes);
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        self.rows.gather_values(rows, values);
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn gather_weights(&self, rows: &[u32], weights: &mut [f32]) {
        for (&row, weight) in rows.iter().zip(weights) {
            *weight = self.weights[row as usize];
        }
    }

    fn prefetch(&self, rows: &[u32]) {
        self.rows.prefetch(rows);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        self.rows.draw(epoch, rows, inputs, labels);
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        self.rows.try_draw(epoch, rows, inputs, labels)
    }
}
