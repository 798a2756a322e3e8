//! Predictions of a classifier: class and probabilities of each row.

use crate::data::{Dataset, Labels};
use crate::nn::{Network, NnError, largest};
use crate::train::{of_rows, softmax};

/// What a classifier takes a row for.
///
/// ```
/// # use unisono::{data::digits, nn::{Network, Sequential}, run::predictions};
/// # let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let first = &predictions(&untrained, &digits().1)?.unwrap()[0];
/// assert_eq!((first.row, first.class, first.probabilities.len()), (0, Some(0), 10));
/// assert!((first.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Predicted {
    /// Its number.
    pub row: usize,
    /// Its class; `None` for rows without labels.
    pub class: Option<usize>,
    /// What it was taken for; of equals the first.
    pub predicted: usize,
    /// The probability of each class, by softmax.
    pub probabilities: Vec<f64>,
}

impl Predicted {
    /// The probability of what it was taken for.
    pub fn probability(&self) -> f64 {
        self.probabilities[self.predicted]
    }
}

/// Classifies every row of `data`, which may be without labels; `None` where rows have no class of
/// their own, or other classes than the network.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::predictions};
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let rows = predictions(&untrained, &digits().1)?.unwrap();
/// assert!(rows.len() == 360 && rows.iter().all(|row| row.probability() >= 0.1));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError`] if the network takes other rows, or an output is NaN or the largest one infinite.
pub fn predictions(
    network: &Network,
    data: &dyn Dataset,
) -> Result<Option<Vec<Predicted>>, NnError> {
    let all: Vec<u32> = (0..data.len() as u32).collect();
    predictions_of(network, data, &all)
}

/// The same of some rows, by their numbers.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::{predictions, predictions_of}};
/// let (untrained, test) = (Network::new(Sequential::new(64).dense(10), 42)?, digits().1);
/// let some = predictions_of(&untrained, &test, &[7, 300])?.unwrap();
/// assert_eq!(some[1], predictions(&untrained, &test)?.unwrap()[300]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// As [`predictions`].
///
/// # Panics
/// If a row is not one of the data set's.
pub fn predictions_of(
    network: &Network,
    data: &dyn Dataset,
    rows: &[u32],
) -> Result<Option<Vec<Predicted>>, NnError> {
    let outputs = network.model().output_shape()?.len();
    let has_classes = match data.labels() {
        Labels::Classes(classes) if classes == outputs => true,
        Labels::None => false,
        _ => return Ok(None),
    };
    let labels = |rows: &[u32]| {
        let mut classes = vec![0; rows.len()];
        if has_classes {
            data.gather_classes(rows, &mut classes);
        }
        classes
    };
    let found = of_rows(network, data, rows, labels, |row| {
        let predicted = largest(row.outputs, row.row)?;
        Ok(Predicted {
            row: row.row,
            class: has_classes.then_some(row.labels[row.place] as usize),
            predicted,
            // Beside an infinite one no other has a probability, nor has it one itself.
            probabilities: softmax(row.outputs, row.row)?,
        })
    });
    found.map(Some)
}
