//! Mistakes of a classifier: its metrics, and misclassified rows as pictures.

use ndarray::Array2;

use crate::data::Dataset;
use crate::metrics::{Classification, MetricsError};
use crate::nn::{Network, NnError};

use super::picture::picture;
use super::predictions::{Predicted, predictions};

/// Rows that are shown.
const SHOWN: usize = 36;

/// How a classifier did on rows it was not trained on.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::Mistakes};
/// let (_, test) = digits();
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&untrained, &test, None)?.unwrap();
/// assert_eq!(mistakes.metrics.confusion.sum(), 360);
/// assert!(mistakes.wrong.iter().all(|row| row.class != row.predicted));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mistakes {
    /// How good its probabilities are, of all rows and by class.
    pub metrics: Classification,
    /// The first rows that were wrong.
    pub wrong: Vec<WrongRow>,
}

/// A row that was taken for another class than its own.
///
/// ```
/// # use unisono::{data::digits, nn::{Network, Sequential}, run::Mistakes};
/// # let network = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&network, &digits().1, None)?.unwrap();
/// assert!(mistakes.wrong[0].row < 360 && mistakes.wrong[0].picture.is_some());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WrongRow {
    /// Its number.
    pub row: usize,
    /// Its class.
    pub class: usize,
    /// What it was taken for.
    pub predicted: usize,
    /// It as a PNG file, if it is an image.
    pub picture: Option<Vec<u8>>,
}

impl Mistakes {
    /// Classifies every row of `data`, of which those of class `ignored` count for nothing; `None`
    /// where rows have no class of their own, or none counts.
    ///
    /// # Errors
    /// [`NnError`] if the network takes other rows, or an output is NaN.
    pub fn of(
        network: &Network,
        data: &dyn Dataset,
        ignored: Option<usize>,
    ) -> Result<Option<Self>, NnError> {
        let Some(rows) = predictions(network, data)? else {
            return Ok(None);
        };
        let Some(metrics) = classification(&rows, ignored) else {
            return Ok(None);
        };
        // The first wrong ones, as pictures.
        let counts = |row: &&Predicted| row.class != ignored;
        let known = |row: &Predicted| Some((row.row, row.class?, row.predicted));
        let wrong = rows.iter().filter(counts).filter_map(known);
        let wrong = wrong.filter(|row| row.1 != row.2);
        let wrong = wrong.take(SHOWN).map(|(row, class, predicted)| {
            let mut values = vec![0.0; data.input_len()];
            data.gather_inputs(&[row as u32], &mut values);
            WrongRow {
                row,
                class,
                predicted,
                picture: picture(&data.input_shape(), &values),
            }
        });
        Ok(Some(Self {
            metrics,
            wrong: wrong.collect(),
        }))
    }
}

/// The metrics of the rows that have a class other than `ignored`; `None` where none has.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::{classification, predictions}};
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let rows = predictions(&untrained, &digits().1)?.unwrap();
/// assert_eq!(classification(&rows, None).unwrap().rows, 360);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Panics
/// If rows have other classes than the first, as rows of two networks may.
pub fn classification(rows: &[Predicted], ignored: Option<usize>) -> Option<Classification> {
    let labelled = rows.iter().filter_map(|row| Some((row.class?, row)));
    let labelled = labelled.filter(|(class, _)| Some(*class) != ignored);
    let (classes, rows): (Vec<usize>, Vec<&Predicted>) = labelled.unzip();
    let width = rows.first()?.probabilities.len();
    let probabilities = rows
        .iter()
        .flat_map(|row| row.probabilities.iter().copied());
    let probabilities = Array2::from_shape_vec((rows.len(), width), probabilities.collect())
        .expect("rows of the same classes");
    match Classification::of(&classes, probabilities.view()) {
        Ok(metrics) => Some(metrics),
        Err(MetricsError::NoRows) => None,
        Err(error) => unreachable!("predictions have a class and probabilities: {error}"),
    }
}
