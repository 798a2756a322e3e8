//! Labels of other rows, by the classes or the targets of a training.

use ndarray::Array2;

use crate::data::arrays::ArrayDataset;
use crate::data::error::DataError;
use crate::data::preparation::Preparation;

/// Labels of all rows.
pub(super) enum OtherLabels {
    /// A class of the training each.
    Classes(Vec<u32>),
    /// Values of its targets in their units, (rows, targets).
    Values(Array2<f64>),
}

impl OtherLabels {
    /// Rows of these inputs, (rows, values), with the labels.
    pub(super) fn with(
        self,
        inputs: Array2<f32>,
        preparation: &Preparation,
    ) -> Result<ArrayDataset, DataError> {
        match (self, &preparation.targets) {
            (OtherLabels::Values(values), Some(targets)) => {
                targets.scale.check(values.view(), &targets.names)?;
                ArrayDataset::values(inputs, targets.scale.apply(values.view()))
            }
            (OtherLabels::Classes(classes), _) => {
                ArrayDataset::classes(inputs, &classes, preparation.num_classes)
            }
            (OtherLabels::Values(_), None) => {
                unreachable!("values are read where there are targets")
            }
        }
    }
}
