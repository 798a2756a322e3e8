//! Data sets one after another.

use std::convert::Infallible as Sure;

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::scratch::{ROWS, with_scratch};

/// Data sets one after another (PyTorch's `ConcatDataset`), of one kind of rows and labels.
///
/// ```
/// use unisono::data::{ConcatDataset, DataError, Dataset, digits};
/// let (train, test) = digits();
/// let all = ConcatDataset::new([&train, &test])?;
/// let mut class = [0];
/// all.gather_classes(&[train.len() as u32], &mut class);
/// assert_eq!((all.len(), class[0]), (train.len() + test.len(), test.class_labels().unwrap()[0]));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConcatDataset<D> {
    parts: Vec<D>,
    /// Where each part ends.
    ends: Vec<u32>,
}

impl<D: Dataset> ConcatDataset<D> {
    /// The rows of all `parts`.
    ///
    /// # Errors
    /// [`DataError::Empty`] for none; [`DataError::Combination`] for parts that differ in the shape of
    /// their rows or in their labels; [`DataError::TooManyRows`].
    pub fn new(parts: impl Into<Vec<D>>) -> Result<Self, DataError> {
        let parts = parts.into();
        let first = parts.first().ok_or(DataError::Empty)?;
        let expected = kind(first);
        for (part, data) in parts.iter().enumerate() {
            let got = kind(data);
            if got != expected {
                return Err(DataError::Combination {
                    what: "data sets one after another",
                    expected: format!("{expected} like part 0"),
                    got: format!("{got} in part {part}"),
                });
            }
        }
        // Where each of them ends.
        let mut rows = 0;
        let mut ends = Vec::with_capacity(parts.len());
        for part in &parts {
            rows += part.len();
            ends.push(u32::try_from(rows).map_err(|_| DataError::TooManyRows { rows })?);
        }
        Ok(Self { parts, ends })
    }

    /// Calls `each` with a part and its own numbers of rows, for every run of rows of one part.
    fn runs<E>(
        &self,
        rows: &[u32],
        mut each: impl FnMut(&D, &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let part_of = |row: u32| self.ends.partition_point(|&end| end <= row);
        for run in rows.chunk_by(|&one, &next| part_of(one) == part_of(next)) {
            let part = part_of(run[0]);
            let start = if part == 0 { 0 } else { self.ends[part - 1] };
            with_scratch(&ROWS, |own| {
                own.extend(run.iter().map(|row| row - start));
                each(&self.parts[part], own)
            })?;
        }
        Ok(())
    }
}

impl<D: Dataset> Dataset for ConcatDataset<D> {
    fn len(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    fn input_len(&self) -> usize {
        self.parts[0].input_len()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.parts[0].input_shape()
    }

    fn labels(&self) -> Labels {
        self.parts[0].labels()
    }

    fn gather_inputs(&self, rows: &[u32], mut inputs: &mut [f32]) {
        let len = self.input_len();
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            let to = inputs.split_off_mut(..rows.len() * len);
            part.gather_inputs(rows, to.expect("there is room for every row"));
            Ok(())
        });
    }

    fn gather_classes(&self, rows: &[u32], mut classes: &mut [u32]) {
        let len = classes.len() / rows.len().max(1);
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            let to = classes.split_off_mut(..rows.len() * len);
            part.gather_classes(rows, to.expect("there is room for every row"));
            Ok(())
        });
    }

    fn gather_values(&self, rows: &[u32], mut values: &mut [f32]) {
        let len = values.len() / rows.len().max(1);
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            let to = values.split_off_mut(..rows.len() * len);
            part.gather_values(rows, to.expect("there is room for every row"));
            Ok(())
        });
    }

    fn has_weights(&self) -> bool {
        self.parts.iter().any(Dataset::has_weights)
    }

    fn gather_weights(&self, rows: &[u32], mut weights: &mut [f32]) {
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            let to = weights.split_off_mut(..rows.len());
            part.gather_weights(rows, to.expect("there is room for every row"));
            Ok(())
        });
    }

    fn prefetch(&self, rows: &[u32]) {
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            part.prefetch(rows);
            Ok(())
        });
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        let mut rest = Rest::new(rows.len(), inputs, labels);
        let Ok(()) = self.runs::<Sure>(rows, |part, rows| {
            let (inputs, labels) = rest.take(rows.len());
            part.draw(epoch, rows, inputs, labels);
            Ok(())
        });
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        let mut rest = Rest::new(rows.len(), inputs, labels);
        self.runs(rows, |part, rows| {
            let (inputs, labels) = rest.take(rows.len());
            part.try_draw(epoch, rows, inputs, labels)
        })
    }
}

/// What the rows of a data set are, in words.
fn kind(data: &impl Dataset) -> String {
    let labels = match data.labels() {
        Labels::Classes(classes) => format!("classes below {classes}"),
        Labels::Sequence { classes, len } => format!("classes below {classes} at {len} positions"),
        Labels::Values(count) => format!("{count} values as labels"),
        Labels::None => "no labels".to_owned(),
    };
    format!("rows of shape {:?} with {labels}", data.input_shape())
}

/// What is left to be written.
struct Rest<'a> {
    inputs: &'a mut [f32],
    labels: LabelsMut<'a>,
    /// Inputs and labels of a row.
    widths: (usize, usize),
}

impl<'a> Rest<'a> {
    fn new(rows: usize, inputs: &'a mut [f32], labels: LabelsMut<'a>) -> Self {
        let rows = rows.max(1);
        let count = match &labels {
            LabelsMut::Classes(classes) => classes.len(),
            LabelsMut::Values(values) => values.len(),
        };
        Self {
            widths: (inputs.len() / rows, count / rows),
            inputs,
            labels,
        }
    }

    /// The place of the next rows.
    fn take(&mut self, rows: usize) -> (&'a mut [f32], LabelsMut<'a>) {
        let (inputs, labels) = (rows * self.widths.0, rows * self.widths.1);
        let room = "there is room for every row";
        let taken = match &mut self.labels {
            LabelsMut::Classes(rest) => {
                LabelsMut::Classes(rest.split_off_mut(..labels).expect(room))
            }
            LabelsMut::Values(rest) => LabelsMut::Values(rest.split_off_mut(..labels).expect(room)),
        };
        (self.inputs.split_off_mut(..inputs).expect(room), taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ArrayDataset, MapDataset, Subset};
    use ndarray::{Array2, array};
    use std::sync::Arc;

    /// Rows 0, 10, 20, ... from `first` on, labelled with their halves.
    fn values(first: usize, rows: usize) -> ArrayDataset {
        let inputs = Array2::from_shape_fn((rows, 1), |(row, _)| 10.0 * (first + row) as f32);
        let halves = inputs.mapv(|input| input / 2.0);
        ArrayDataset::values(inputs, halves).unwrap()
    }

    fn drawn(data: &dyn Dataset, rows: &[u32]) -> (Vec<f32>, Vec<f32>) {
        let (mut inputs, mut labels) = (
            vec![0.0; rows.len() * data.input_len()],
            vec![0.0; rows.len()],
        );
        let drawn = data.try_draw(Some(0), rows, &mut inputs, LabelsMut::Values(&mut labels));
        drawn.unwrap();
        let (mut same, mut same_labels) = (vec![0.0; inputs.len()], vec![0.0; labels.len()]);
        data.gather_inputs(rows, &mut same);
        data.gather_values(rows, &mut same_labels);
        assert_eq!((&same, &same_labels), (&inputs, &labels));
        data.draw(3, rows, &mut same, LabelsMut::Values(&mut same_labels));
        assert_eq!((same, same_labels), (inputs.clone(), labels.clone()));
        data.prefetch(rows);
        (inputs, labels)
    }

    #[test]
    fn data_sets_made_of_others_of_every_kind_of_pointer_give_the_rows_of_these() {
        let first: Arc<dyn Dataset> = Arc::new(values(0, 3));
        let second: Arc<dyn Dataset> = Arc::new(Box::new(values(3, 4)));
        let all = ConcatDataset::new([first, second]).unwrap();
        assert_eq!(
            (all.len(), all.is_empty(), all.labels()),
            (7, false, Labels::Values(1))
        );
        let halves = |row: f32| row / 2.0;
        let (inputs, labels) = drawn(&all, &[6, 0, 2, 3, 3]);
        assert_eq!(inputs, [60.0, 0.0, 20.0, 30.0, 30.0]);
        assert_eq!(
            labels,
            inputs.iter().copied().map(halves).collect::<Vec<_>>()
        );
        // Of these some rows, mapped to two values, and mapped again.
        let some = Subset::new(&all, [5, 1, 4]).unwrap();
        let twice = |from: &[f32], to: &mut [f32]| to.copy_from_slice(&[from[0], -from[0]]);
        let pairs = MapDataset::new(some, [2], twice).unwrap();
        let sums = |from: &[f32], to: &mut [f32]| to[0] = 2.0 * from[0] + from[1];
        let sums = MapDataset::new(&pairs, [1, 1], sums).unwrap();
        assert_eq!((sums.len(), sums.input_shape()), (3, vec![1, 1]));
        assert_eq!(drawn(&pairs, &[2, 0]).0, [40.0, -40.0, 50.0, -50.0]);
        assert_eq!(drawn(&sums, &[1, 1]), (vec![10.0; 2], vec![5.0; 2]));
    }

    #[test]
    fn classes_and_sequences_are_put_together_too() {
        let part = |class: u32| {
            let classes = array![[class, 1], [0, class]];
            ArrayDataset::sequences(&array![[0, 1], [2, 0]], classes, 3).unwrap()
        };
        let all = ConcatDataset::new([part(1), part(2)]).unwrap();
        let mut classes = [0; 6];
        all.gather_classes(&[3, 0, 2], &mut classes);
        assert_eq!(classes, [0, 2, 1, 1, 2, 1]);
    }

    #[test]
    fn what_makes_no_data_set_is_refused() {
        let none = ConcatDataset::new(Vec::<ArrayDataset>::new()).unwrap_err();
        assert!(matches!(none, DataError::Empty));
        let wide = ArrayDataset::values(Array2::zeros((1, 2)), Array2::zeros((1, 1))).unwrap();
        let error = ConcatDataset::new([values(0, 1), wide])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "data sets one after another: expected rows of shape [1] with 1 values as labels like part 0, \
             got rows of shape [2] with 1 values as labels in part 1"
        );
        let error = Subset::new(values(0, 2), [0, 2]).unwrap_err().to_string();
        assert_eq!(error, "a subset: expected rows below 2, got row 2");
        assert!(matches!(
            Subset::new(values(0, 2), []),
            Err(DataError::Empty)
        ));
        let nothing = MapDataset::new(values(0, 2), [2, 0], |_: &[f32], _: &mut [f32]| ());
        assert!(matches!(nothing, Err(DataError::NoInputs)));
    }
}
