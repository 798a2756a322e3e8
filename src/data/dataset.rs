//! The trait of data sets.

use std::sync::Arc;

use super::error::DataError;

/// The labels of rows.
///
/// ```
/// use unisono::data::{Dataset, Labels, digits, synthetic_tokens};
/// assert_eq!(digits().0.labels(), Labels::Classes(10));
/// let text = synthetic_tokens([10, 16], 65, 7);
/// assert_eq!(text.labels(), Labels::Sequence { classes: 65, len: 16 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Labels {
    /// One class, a number below this.
    Classes(usize),
    /// A class below `classes` for each of `len` positions of the row.
    Sequence {
        /// Classes below this number.
        classes: usize,
        /// Positions of a row.
        len: usize,
    },
    /// So many values.
    Values(usize),
    /// Nothing: rows to classify, not to train on.
    None,
}

/// Rows of equal width, each with a label. Workers call it at the same time, each for its own rows.
///
/// Row numbers count from 0 to below [`Dataset::len`], which is at most `u32::MAX`. A buffer to
/// gather into is exactly as long as what is asked for.
///
/// Workers may be pinned to cores, and a thread inherits the core of the one that starts it.
/// Rayon's global pool is started before the workers are; threads of your own are to be started
/// before the training too, not in here.
///
/// ```
/// use unisono::data::{Dataset, digits};
/// let (train, _) = digits();
/// let (mut inputs, mut classes) = (vec![0.0; 2 * train.input_len()], [0; 2]);
/// train.gather_inputs(&[7, 0], &mut inputs);
/// train.gather_classes(&[7, 0], &mut classes);
/// assert_eq!(inputs[train.input_len()..], train.inputs().row(0).to_vec());
/// assert_eq!(classes[1], train.class_labels().unwrap()[0]);
/// ```
pub trait Dataset: Send + Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values in a row's input, at least 1.
    fn input_len(&self) -> usize;

    /// The shape of a row's input: images (H, W, C), else one axis.
    fn input_shape(&self) -> Vec<usize> {
        vec![self.input_len()]
    }

    /// What rows are labelled with.
    fn labels(&self) -> Labels;

    /// Writes the inputs of `rows` one after another, [`Dataset::input_len`] values each.
    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]);

    /// Writes the classes of `rows`, for sequences all positions of a row after another. Called
    /// only if [`Dataset::labels`] says classes or sequence.
    fn gather_classes(&self, _rows: &[u32], _classes: &mut [u32]) {
        unreachable!("rows are labelled with {:?}", self.labels())
    }

    /// Writes the label values of `rows` one after another. Called only if [`Dataset::labels`] says
    /// values.
    fn gather_values(&self, _rows: &[u32], _values: &mut [f32]) {
        unreachable!("rows are labelled with {:?}", self.labels())
    }

    /// Whether rows have weights ([`Dataset::gather_weights`]).
    fn has_weights(&self) -> bool {
        false
    }

    /// Writes how much each of `rows` counts in the loss and its gradient, at least 0: 1 by default.
    /// The mean divides by their sum. Called only if [`Dataset::has_weights`] says so.
    fn gather_weights(&self, _rows: &[u32], weights: &mut [f32]) {
        weights.fill(1.0);
    }

    /// That these rows are wanted soon: those of the next batch. Called on a worker's thread, so it
    /// must be quick; by default nothing.
    fn prefetch(&self, _rows: &[u32]) {}

    /// Writes `rows` as epoch `epoch` of a training sees them: by default as they are. What is
    /// random in it is a function of the data set's own seed, the epoch and the row, so that it is
    /// the same for any number of workers. Evaluation does not call it.
    fn draw(&self, _epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        self.gather_inputs(rows, inputs);
        labels.gather(self, rows);
    }

    /// What a training and its evaluations call: [`Dataset::draw`] as an epoch sees the rows, and
    /// without an epoch the rows as they are. For a data set whose rows may turn out to be
    /// unreadable: its error ends the training, with the weights of the last whole step.
    ///
    /// ```
    /// use unisono::{Trainer, nn::{Loss, MseConvention, Sequential}};
    /// use unisono::data::{DataError, Dataset, Labels, LabelsMut};
    /// /// Numbers to be halved, of which the last cannot be read.
    /// struct Halves;
    /// impl Dataset for Halves {
    ///     fn len(&self) -> usize {
    ///         8
    ///     }
    ///     fn input_len(&self) -> usize {
    ///         1
    ///     }
    ///     fn labels(&self) -> Labels {
    ///         Labels::Values(1)
    ///     }
    ///     fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
    ///         rows.iter().zip(inputs).for_each(|(&row, input)| *input = row as f32);
    ///     }
    ///     fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
    ///         rows.iter().zip(values).for_each(|(&row, value)| *value = row as f32 / 2.0);
    ///     }
    ///     fn try_draw(&self, _: Option<u32>, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) -> Result<(), DataError> {
    ///         if rows.contains(&7) {
    ///             return Err(DataError::row(7, "the disk is gone"));
    ///         }
    ///         Ok(self.draw(0, rows, inputs, labels))
    ///     }
    /// }
    /// let mut trainer = Trainer::new(Sequential::new(1).dense(1), Loss::Mse(MseConvention::MeanOverAll));
    /// let error = trainer.fit(&Halves, &Halves).unwrap_err();
    /// assert!(error.to_string().contains("row 7 cannot be read: the disk is gone"));
    /// ```
    ///
    /// # Errors
    /// Whatever hinders it; [`DataError::row`] makes one.
    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        if let Some(epoch) = epoch {
            self.draw(epoch, rows, inputs, labels);
            return Ok(());
        }
        self.gather_inputs(rows, inputs);
        labels.gather(self, rows);
        Ok(())
    }
}

impl DataError {
    /// The error of a row that a data set of one's own cannot read, for any reason.
    ///
    /// ```
    /// use unisono::data::DataError;
    /// let error = DataError::row(7, "the server does not answer");
    /// assert_eq!(error.to_string(), "row 7 cannot be read: the server does not answer");
    /// ```
    pub fn row(row: u32, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        DataError::Row {
            row,
            source: std::io::Error::other(reason),
        }
    }
}

/// What was read, for methods that return no error.
///
/// # Panics
/// With the error, if there is one: the engine makes it an error of the training.
pub(super) fn expect_read<T>(read: Result<T, DataError>) -> T {
    read.unwrap_or_else(|error| panic!("{error}"))
}

/// Every method of the data set that `$inner` leads to.
macro_rules! forward {
    ($inner:expr) => {
        fn len(&self) -> usize {
            $inner(self).len()
        }

        fn is_empty(&self) -> bool {
            $inner(self).is_empty()
        }

        fn input_len(&self) -> usize {
            $inner(self).input_len()
        }

        fn input_shape(&self) -> Vec<usize> {
            $inner(self).input_shape()
        }

        fn labels(&self) -> Labels {
            $inner(self).labels()
        }

        fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
            $inner(self).gather_inputs(rows, inputs);
        }

        fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
            $inner(self).gather_classes(rows, classes);
        }

        fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
            $inner(self).gather_values(rows, values);
        }

        fn has_weights(&self) -> bool {
            $inner(self).has_weights()
        }

        fn gather_weights(&self, rows: &[u32], weights: &mut [f32]) {
            $inner(self).gather_weights(rows, weights);
        }

        fn prefetch(&self, rows: &[u32]) {
            $inner(self).prefetch(rows);
        }

        fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
            $inner(self).draw(epoch, rows, inputs, labels);
        }

        fn try_draw(
            &self,
            epoch: Option<u32>,
            rows: &[u32],
            inputs: &mut [f32],
            labels: LabelsMut<'_>,
        ) -> Result<(), DataError> {
            $inner(self).try_draw(epoch, rows, inputs, labels)
        }
    };
}

impl<D: Dataset + ?Sized> Dataset for &D {
    forward!(|data: &Self| -> &D { data });
}

impl<D: Dataset + ?Sized> Dataset for Box<D> {
    forward!(Self::as_ref);
}

impl<D: Dataset + ?Sized> Dataset for Arc<D> {
    forward!(Self::as_ref);
}

/// Where labels are written to.
///
/// ```
/// use unisono::data::{Dataset, LabelsMut, digits};
/// let (train, _) = digits();
/// // A row of 64 pixels and its class, as epoch 0 sees them.
/// let (mut pixels, mut classes) = ([0.0; 64], [99]);
/// train.draw(0, &[5], &mut pixels, LabelsMut::Classes(&mut classes));
/// assert_eq!(classes[0], train.class_labels().unwrap()[5]);
/// ```
#[derive(Debug)]
pub enum LabelsMut<'a> {
    /// One class a row, or a position.
    Classes(&'a mut [u32]),
    /// The values of the rows, one after another.
    Values(&'a mut [f32]),
}

impl LabelsMut<'_> {
    /// Writes those of `rows` of `data`.
    pub(super) fn gather<D: Dataset + ?Sized>(self, data: &D, rows: &[u32]) {
        match self {
            LabelsMut::Classes(classes) => data.gather_classes(rows, classes),
            LabelsMut::Values(values) => data.gather_values(rows, values),
        }
    }
}
