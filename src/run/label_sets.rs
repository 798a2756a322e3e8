//! Label sets: which of several labels a network gives rows, each by a probability of its own.

use ndarray::Array2;

use crate::data::{Dataset, Labels};
use crate::metrics::{MetricsError, MultiLabel};
use crate::nn::{Network, NnError};
use crate::train::{of_rows, sigmoids};

/// The labels that a network gives a row.
///
/// ```
/// # use ndarray::array;
/// # use unisono::{data::ArrayDataset, nn::{Network, Sequential}, run::label_sets_of};
/// let data = ArrayDataset::values(array![[1.0], [2.0]], array![[1.0, 0.0], [1.0, 1.0]])?;
/// let network = Network::with_params(Sequential::new(1).dense(2), vec![1.0, 2.0, 0.0, -3.0])?;
/// let rows = label_sets_of(&network, &data)?.unwrap();
/// assert_eq!((rows[0].predicted(), &rows[0].labels), (vec![true, false], &Some(vec![true, false])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PredictedLabels {
    /// Its number.
    pub row: usize,
    /// The probability of each label, by a sigmoid.
    pub probabilities: Vec<f64>,
    /// Which labels it has; `None` for rows without labels.
    pub labels: Option<Vec<bool>>,
}

impl PredictedLabels {
    /// The labels whose probability is above a half.
    ///
    /// ```
    /// # use ndarray::array;
    /// # use unisono::{data::ArrayDataset, nn::{Network, Sequential}, run::label_sets_of};
    /// let data = ArrayDataset::values(array![[1.0]], array![[1.0, 0.0]])?;
    /// let zeros = Network::with_params(Sequential::new(1).dense(2), vec![0.0; 4])?;
    /// assert_eq!(label_sets_of(&zeros, &data)?.unwrap()[0].predicted(), [false, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn predicted(&self) -> Vec<bool> {
        self.probabilities
            .iter()
            .map(|share| *share > 0.5)
            .collect()
    }
}

/// The labels that a network gives every row of `data`, which may be without labels; `None` where
/// rows have others than as many values as the network has outputs.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::label_sets_of};
/// let classifier = Network::new(Sequential::new(64).dense(10), 42)?;
/// assert!(label_sets_of(&classifier, &digits().1)?.is_none());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError`] if the network takes other rows, or an output is NaN.
pub fn label_sets_of(
    network: &Network,
    data: &dyn Dataset,
) -> Result<Option<Vec<PredictedLabels>>, NnError> {
    let width = network.model().output_shape()?.len();
    let has_labels = match data.labels() {
        Labels::Values(values) if values == width => true,
        Labels::None => false,
        _ => return Ok(None),
    };
    let all: Vec<u32> = (0..data.len() as u32).collect();
    let labels = |rows: &[u32]| {
        let mut values = vec![0.0; rows.len() * width];
        if has_labels {
            data.gather_values(rows, &mut values);
        }
        values
    };
    let found = of_rows(network, data, &all, labels, |row| {
        let values = &row.labels[row.place * width..][..width];
        let has = || values.iter().map(|value| *value > 0.5).collect();
        Ok(PredictedLabels {
            row: row.row,
            probabilities: sigmoids(row.outputs, row.row)?,
            labels: has_labels.then(has),
        })
    });
    found.map(Some)
}

/// The metrics of rows that have labels; `None` where none has.
///
/// ```
/// # use ndarray::array;
/// # use unisono::{data::ArrayDataset, nn::{Network, Sequential}, run::{label_sets_of, multi_label}};
/// let data = ArrayDataset::values(array![[1.0], [2.0]], array![[1.0, 0.0], [1.0, 1.0]])?;
/// let network = Network::with_params(Sequential::new(1).dense(2), vec![1.0, 2.0, 0.0, -3.0])?;
/// let rows = label_sets_of(&network, &data)?.unwrap();
/// assert_eq!(multi_label(&rows).unwrap().subset_accuracy, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// If rows have another number of labels than the first, as rows of two networks may.
pub fn multi_label(rows: &[PredictedLabels]) -> Option<MultiLabel> {
    let labelled: Vec<(&Vec<bool>, &PredictedLabels)> = rows
        .iter()
        .filter_map(|row| Some((row.labels.as_ref()?, row)))
        .collect();
    let shape = (labelled.len(), rows.first()?.probabilities.len());
    let labels = labelled.iter().flat_map(|(has, _)| has.iter().copied());
    let shares = labelled
        .iter()
        .flat_map(|(_, row)| row.probabilities.iter().copied());
    let labels = Array2::from_shape_vec(shape, labels.collect());
    let shares = Array2::from_shape_vec(shape, shares.collect());
    let (labels, shares) = labels
        .ok()
        .zip(shares.ok())
        .expect("rows of the same labels");
    match MultiLabel::of(labels.view(), shares.view()) {
        Ok(metrics) => Some(metrics),
        Err(MetricsError::NoRows) => None,
        Err(error) => unreachable!("predictions have probabilities of their labels: {error}"),
    }
}
