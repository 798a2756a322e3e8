//! Rows with values in the place of the classes that their own data set gives them; rows with
//! weights.

use std::path::Path;

use ndarray::{Array2, Axis};

use crate::data::dataset::{Dataset, Labels, LabelsMut};
use crate::data::error::DataError;
use crate::data::row_labels::RowLabels;
use crate::data::row_weights::RowWeights;
use crate::data::scratch::{ROWS, with_scratch};
use crate::data::split::PartRows;
use crate::data::weighted::Weighted;

use super::opened::ReadParts;
use super::tables::real_targets;

/// The rows of a data set, with values of their own.
struct Valued {
    rows: Box<dyn Dataset>,
    /// (rows, targets), standardised.
    values: Array2<f32>,
}

impl Dataset for Valued {
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
        Labels::Values(self.values.ncols())
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.rows.gather_inputs(rows, inputs);
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        let width = self.values.ncols();
        for (&row, to) in rows.iter().zip(values.chunks_exact_mut(width)) {
            for (to, value) in to.iter_mut().zip(self.values.row(row as usize)) {
                *to = *value;
            }
        }
    }

    fn prefetch(&self, rows: &[u32]) {
        self.rows.prefetch(rows);
    }

    /// The inner rows are not drawn: what they would change with their classes is refused.
    fn draw(&self, _: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        self.gather_inputs(rows, inputs);
        if let LabelsMut::Values(values) = labels {
            self.gather_values(rows, values);
        }
    }

    fn try_draw(
        &self,
        _: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        // Inner rows that lie in a file may turn out to be unreadable; their classes are not wanted.
        match self.rows.labels() {
            Labels::Classes(_) => with_scratch(&ROWS, |classes| {
                classes.resize(rows.len(), 0);
                let classes = LabelsMut::Classes(classes);
                self.rows.try_draw(None, rows, inputs, classes)
            })?,
            _ => self.rows.gather_inputs(rows, inputs),
        }
        if let LabelsMut::Values(values) = labels {
            self.gather_values(rows, values);
        }
        Ok(())
    }
}

impl ReadParts {
    /// The same rows with weights; `parts` says which row is in which part.
    pub(super) fn with_weights(
        self,
        weights: &RowWeights,
        parts: &PartRows,
        path: &Path,
    ) -> Result<Self, DataError> {
        let weighted = |rows: Box<dyn Dataset>, part: &str, places: &[usize]| {
            let rows = Weighted::new(rows, weights.of_part(path, part, places)?)?;
            Ok::<Box<dyn Dataset>, DataError>(Box::new(rows))
        };
        let valid = self.valid;
        let valid = valid.map(|rows| weighted(rows, "validation", &parts.valid));
        let test = self.test;
        let test = test.map(|rows| weighted(rows, "test", &parts.test));
        Ok(Self {
            train: weighted(self.train, "training", &parts.train)?,
            valid: valid.transpose()?,
            test: test.transpose()?,
            ..self
        })
    }

    /// The same rows with values or label sets in the place of classes; `parts` says which row
    /// is in which part.
    pub(super) fn with_values(
        self,
        labels: &RowLabels,
        parts: &PartRows,
    ) -> Result<Self, DataError> {
        let Some((values, names)) = labels.values() else {
            return Ok(self);
        };
        // Label sets are as they are.
        let targets = match labels {
            RowLabels::Sets { .. } => None,
            _ => Some(real_targets(values, names, parts)?),
        };
        let valued = |rows: Box<dyn Dataset>, places: &[usize]| -> Box<dyn Dataset> {
            let values = values.select(Axis(0), places);
            let values = match &targets {
                Some(targets) => targets.scale.apply(values.view()),
                None => values.mapv(|value| value as f32),
            };
            Box::new(Valued { rows, values })
        };
        Ok(Self {
            train: valued(self.train, &parts.train),
            valid: self.valid.map(|rows| valued(rows, &parts.valid)),
            test: self.test.map(|rows| valued(rows, &parts.test)),
            class_names: labels.classes().1.to_vec(),
            train_classes: None,
            targets,
            ..self
        })
    }
}
