//! Mistakes of a classifier: the confusion matrix, and misclassified rows as pictures.

use ndarray::Array2;

use crate::data::Dataset;
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
/// let mistakes = Mistakes::of(&untrained, &test)?.unwrap();
/// assert_eq!(mistakes.confusion.sum(), 360);
/// assert!(mistakes.wrong.iter().all(|row| row.class != row.predicted));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mistakes {
    /// Rows of class i (down) that were taken for class j (across).
    pub confusion: Array2<usize>,
    /// The first rows that were wrong.
    pub wrong: Vec<WrongRow>,
}

/// A row that was taken for another class than its own.
///
/// ```
/// # use unisono::{data::digits, nn::{Network, Sequential}, run::Mistakes};
/// # let network = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&network, &digits().1)?.unwrap();
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
    /// Classifies every row of `data`; `None` where rows have no class of their own.
    ///
    /// # Errors
    /// [`NnError`] if the network takes other rows.
    pub fn of(network: &Network, data: &dyn Dataset) -> Result<Option<Self>, NnError> {
        let Some(rows) = predictions(network, data)? else {
            return Ok(None);
        };
        // The confusion of all rows that have a class.
        let classes = network.model().output_shape()?.len();
        let mut confusion = Array2::zeros((classes, classes));
        let known = |row: &Predicted| Some((row.row, row.class?, row.predicted));
        let rows: Vec<(usize, usize, usize)> = rows.iter().filter_map(known).collect();
        for &(_, class, predicted) in &rows {
            confusion[[class, predicted]] += 1;
        }
        // The first wrong ones, as pictures.
        let wrong = rows.into_iter().filter(|row| row.1 != row.2);
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
            confusion,
            wrong: wrong.collect(),
        }))
    }
}
