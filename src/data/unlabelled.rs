//! Rows of other files than those of a training, without labels or with them.

use ndarray::Array2;

use super::dataset::{Dataset, Labels};

/// Rows of other files: without labels those of predictions, with labels those of an evaluation.
///
/// Example: [`PredictInput::inputs`].
#[non_exhaustive]
pub struct PredictInput {
    /// The rows.
    pub data: Box<dyn Dataset>,
    /// The file of each row, or its text, where rows have one.
    pub names: Vec<String>,
    /// What there is to say of them: gaps that were filled, and values that the training had not.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for PredictInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.data.len();
        f.debug_tuple("PredictInput").field(&rows).finish()
    }
}

impl PredictInput {
    /// All rows as one array, (rows, values), as a network takes them.
    ///
    /// ```
    /// use unisono::data::{ImageShape, Preparation, RowKind};
    /// let shape = ImageShape { height: 1, width: 2, channels: 1 };
    /// let rows = RowKind::Images { shape, statistics: shape.plain() };
    /// let preparation = Preparation { rows, num_classes: 2, class_names: Vec::new(), targets: None, is_multi_label: false };
    /// let rows = preparation.rows_of_pixels(&[0, 255, 255, 0])?;
    /// assert_eq!(rows.inputs(), ndarray::array![[0.0, 1.0], [1.0, 0.0]]);
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    pub fn inputs(&self) -> Array2<f32> {
        let (rows, width) = (self.data.len(), self.data.input_len());
        let mut inputs = Array2::zeros((rows, width));
        let all: Vec<u32> = (0..rows as u32).collect();
        let to = inputs.as_slice_mut().expect("a new array is contiguous");
        self.data.gather_inputs(&all, to);
        inputs
    }

    pub(super) fn of(data: impl Dataset + 'static, names: Vec<String>) -> Self {
        Self {
            data: Box::new(Unlabelled(data)),
            names,
            notes: Vec::new(),
        }
    }

    /// Rows that have their labels.
    #[cfg(feature = "files")]
    pub(super) fn labelled(data: impl Dataset + 'static, notes: Vec<String>) -> Self {
        Self {
            data: Box::new(data),
            names: Vec::new(),
            notes,
        }
    }

    pub(super) fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }
}

/// Rows that have no label.
struct Unlabelled<D>(D);

impl<D: Dataset> Dataset for Unlabelled<D> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_len(&self) -> usize {
        self.0.input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.0.input_shape()
    }

    fn labels(&self) -> Labels {
        Labels::None
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.0.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, _rows: &[u32], _classes: &mut [u32]) {
        unreachable!("rows have no labels")
    }
}
