//! Rows without labels.

use super::dataset::{Dataset, Labels};

/// Rows without labels.
pub struct PredictInput {
    /// The rows.
    pub data: Box<dyn Dataset>,
    /// The file of each row, or its text, where rows have one.
    pub names: Vec<String>,
}

impl std::fmt::Debug for PredictInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.data.len();
        f.debug_tuple("PredictInput").field(&rows).finish()
    }
}

impl PredictInput {
    pub(super) fn of(data: impl Dataset + 'static, names: Vec<String>) -> Self {
        Self {
            data: Box::new(Unlabelled(data)),
            names,
        }
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
