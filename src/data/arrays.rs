//! Data sets of arrays in memory.

use ndarray::{Array2, ArrayView2, Axis};

use super::dataset::{Dataset, Labels};
use super::error::DataError;

/// A data set in memory, checked when it is built: finite values, labels in range, as many labels
/// as rows.
///
/// ```
/// use ndarray::array;
/// use unisono::data::{ArrayDataset, DataError, Dataset};
/// let xor = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let data = ArrayDataset::classes(xor.clone(), &[0, 1, 1, 0], 2)?;
/// assert_eq!((data.len(), data.input_len()), (4, 2));
/// assert!(ArrayDataset::classes(xor, &[0, 1, 1, 2], 2).is_err());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayDataset {
    inputs: Array2<f32>,
    /// The shape of a row, where it is not flat.
    shape: Option<Vec<usize>>,
    labels: Stored,
}

#[derive(Clone, Debug, PartialEq)]
enum Stored {
    Classes(Vec<u32>, usize),
    Sequence(Array2<u32>, usize),
    Values(Array2<f32>),
}

impl ArrayDataset {
    /// Rows of `inputs`, (rows, values), each with a class below `num_classes`.
    ///
    /// # Errors
    /// [`DataError`] if there are no rows or values, labels are missing or out of range, or a value
    /// is not finite.
    pub fn classes(
        inputs: Array2<f32>,
        classes: &[u32],
        num_classes: usize,
    ) -> Result<Self, DataError> {
        let inputs = checked(inputs, classes.len())?;
        DataError::check_classes(classes, num_classes)?;
        Ok(Self {
            inputs,
            shape: None,
            labels: Stored::Classes(classes.to_vec(), num_classes),
        })
    }

    /// Rows of `inputs`, (rows, values), each with a row of `values`.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::data::{ArrayDataset, Dataset, Labels};
    /// let data = ArrayDataset::values(array![[0.0], [1.0], [2.0]], array![[1.0], [3.0], [5.0]])?;
    /// assert_eq!((data.len(), data.labels()), (3, Labels::Values(1)));
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError`] if there are no rows or values, labels are missing, or a value is not finite.
    pub fn values(inputs: Array2<f32>, values: Array2<f32>) -> Result<Self, DataError> {
        let inputs = checked(inputs, values.nrows())?;
        let values = values.as_standard_layout().into_owned();
        finite("label", values.view())?;
        Ok(Self {
            inputs,
            shape: None,
            labels: Stored::Values(values),
        })
    }

    /// Sequences of tokens, (rows, positions), each position with a class below `num_classes`.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::data::{ArrayDataset, Dataset, Labels};
    /// let data = ArrayDataset::sequences(&array![[0, 1, 2], [1, 2, 0]], array![[1, 2, 0], [2, 0, 1]], 3)?;
    /// assert_eq!(data.labels(), Labels::Sequence { classes: 3, len: 3 });
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ArrayDataset::classes`]; [`DataError::RowLength`] if labels are longer or shorter than
    /// tokens.
    pub fn sequences(
        tokens: &Array2<u32>,
        classes: Array2<u32>,
        num_classes: usize,
    ) -> Result<Self, DataError> {
        let inputs = checked(tokens.mapv(|token| token as f32), classes.nrows())?;
        if classes.ncols() != tokens.ncols() {
            return Err(DataError::RowLength {
                row: 0,
                expected: tokens.ncols(),
                got: classes.ncols(),
            });
        }
        let classes = classes.as_standard_layout().into_owned();
        let odd = classes
            .indexed_iter()
            .find(|(_, class)| **class as usize >= num_classes);
        if let Some(((row, _), &class)) = odd {
            return Err(DataError::ClassOutOfRange {
                row,
                class,
                num_classes,
            });
        }
        Ok(Self {
            inputs,
            shape: None,
            labels: Stored::Sequence(classes, num_classes),
        })
    }

    /// The same rows, of this shape.
    ///
    /// ```
    /// use ndarray::Array2;
    /// use unisono::data::{ArrayDataset, Dataset};
    /// let data = ArrayDataset::classes(Array2::zeros((2, 12)), &[0, 1], 2)?.shaped([2, 2, 3])?;
    /// assert_eq!(data.input_shape(), [2, 2, 3]);
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::RowLength`] if rows have another number of values.
    pub fn shaped(self, shape: impl Into<Vec<usize>>) -> Result<Self, DataError> {
        let shape = shape.into();
        let expected = shape.iter().product();
        if self.inputs.ncols() != expected {
            return Err(DataError::RowLength {
                row: 0,
                expected,
                got: self.inputs.ncols(),
            });
        }
        Ok(Self {
            shape: Some(shape),
            ..self
        })
    }

    /// Makes an array of rows that came as vectors.
    ///
    /// ```
    /// use unisono::data::ArrayDataset;
    /// let inputs = ArrayDataset::matrix(&[vec![0.0, 1.0], vec![2.0, 3.0], vec![4.0, 5.0]])?;
    /// assert_eq!(inputs.dim(), (3, 2));
    /// assert!(ArrayDataset::matrix(&[vec![0.0, 1.0], vec![2.0]]).is_err());
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::RowLength`] if a row has another length than the first, [`DataError::Empty`]
    /// without rows.
    pub fn matrix(rows: &[Vec<f32>]) -> Result<Array2<f32>, DataError> {
        let expected = rows.first().ok_or(DataError::Empty)?.len();
        if let Some(row) = rows.iter().position(|row| row.len() != expected) {
            return Err(DataError::RowLength {
                row,
                expected,
                got: rows[row].len(),
            });
        }
        Ok(
            Array2::from_shape_vec((rows.len(), expected), rows.concat())
                .expect("all rows have this length"),
        )
    }

    /// The inputs, (rows, values).
    pub fn inputs(&self) -> ArrayView2<'_, f32> {
        self.inputs.view()
    }

    /// The classes, one a row; `None` if rows are sequences or labelled with values.
    pub fn class_labels(&self) -> Option<&[u32]> {
        match &self.labels {
            Stored::Classes(classes, _) => Some(classes),
            Stored::Sequence(..) | Stored::Values(_) => None,
        }
    }

    /// The rows numbered by `rows`, as a data set of their own.
    ///
    /// ```
    /// use unisono::data::digits;
    /// let (train, _) = digits();
    /// let part = train.subset(&[5, 3]);
    /// assert_eq!(part.inputs().row(1), train.inputs().row(3));
    /// ```
    ///
    /// # Panics
    /// If a row number is not below the number of rows.
    pub fn subset(&self, rows: &[usize]) -> Self {
        let labels = match &self.labels {
            Stored::Classes(classes, num) => {
                Stored::Classes(rows.iter().map(|&row| classes[row]).collect(), *num)
            }
            Stored::Sequence(classes, num) => Stored::Sequence(classes.select(Axis(0), rows), *num),
            Stored::Values(values) => Stored::Values(values.select(Axis(0), rows)),
        };
        Self {
            inputs: self.inputs.select(Axis(0), rows),
            shape: self.shape.clone(),
            labels,
        }
    }
}

fn checked(inputs: Array2<f32>, labels: usize) -> Result<Array2<f32>, DataError> {
    let (rows, width) = inputs.dim();
    if rows == 0 {
        return Err(DataError::Empty);
    }
    if width == 0 {
        return Err(DataError::NoInputs);
    }
    if u32::try_from(rows).is_err() {
        return Err(DataError::TooManyRows { rows });
    }
    if rows != labels {
        return Err(DataError::LabelCount { rows, labels });
    }
    let inputs = inputs.as_standard_layout().into_owned();
    finite("input", inputs.view())?;
    Ok(inputs)
}

fn finite(what: &'static str, values: ArrayView2<'_, f32>) -> Result<(), DataError> {
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &got)) => Err(DataError::NotFinite {
            what,
            row,
            column,
            got,
        }),
        None => Ok(()),
    }
}

fn gather<T: Copy>(from: &Array2<T>, rows: &[u32], to: &mut [T]) {
    let all = from
        .as_slice()
        .expect("arrays are stored in standard layout");
    let width = from.ncols();
    for (&row, to) in rows.iter().zip(to.chunks_exact_mut(width)) {
        to.copy_from_slice(&all[row as usize * width..][..width]);
    }
}

impl Dataset for ArrayDataset {
    fn len(&self) -> usize {
        self.inputs.nrows()
    }

    fn input_len(&self) -> usize {
        self.inputs.ncols()
    }

    fn input_shape(&self) -> Vec<usize> {
        let shape = self.shape.clone();
        shape.unwrap_or_else(|| vec![self.input_len()])
    }

    fn labels(&self) -> Labels {
        match &self.labels {
            Stored::Classes(_, num_classes) => Labels::Classes(*num_classes),
            Stored::Sequence(rows, classes) => Labels::Sequence {
                classes: *classes,
                len: rows.ncols(),
            },
            Stored::Values(values) => Labels::Values(values.ncols()),
        }
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        gather(&self.inputs, rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], to: &mut [u32]) {
        match &self.labels {
            Stored::Classes(classes, _) => rows
                .iter()
                .zip(to)
                .for_each(|(&row, to)| *to = classes[row as usize]),
            Stored::Sequence(classes, _) => gather(classes, rows, to),
            Stored::Values(_) => panic!("this data set is labelled with values, not with classes"),
        }
    }

    fn gather_values(&self, rows: &[u32], to: &mut [f32]) {
        let Stored::Values(values) = &self.labels else {
            panic!("this data set is labelled with classes, not with values");
        };
        gather(values, rows, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_are_gathered_in_any_order_and_layout() {
        let transposed = array![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]].reversed_axes();
        let data = ArrayDataset::values(transposed, array![[10.0], [30.0], [50.0]]).unwrap();
        let (mut inputs, mut values) = ([0.0; 4], [0.0; 2]);
        data.gather_inputs(&[2, 0], &mut inputs);
        data.gather_values(&[2, 0], &mut values);
        assert_eq!((inputs, values), ([5.0, 6.0, 1.0, 2.0], [50.0, 10.0]));
        assert_eq!(data.subset(&[1]).inputs(), array![[3.0, 4.0]]);
    }

    #[test]
    fn bad_data_is_refused_by_name() {
        let two = || array![[1.0, 2.0], [3.0, 4.0]];
        assert!(matches!(
            ArrayDataset::classes(Array2::zeros((0, 2)), &[], 2),
            Err(DataError::Empty)
        ));
        assert!(matches!(
            ArrayDataset::classes(Array2::zeros((1, 0)), &[0], 2),
            Err(DataError::NoInputs)
        ));
        let count = ArrayDataset::classes(two(), &[0], 2);
        assert!(matches!(
            count,
            Err(DataError::LabelCount { rows: 2, labels: 1 })
        ));
        let class = ArrayDataset::classes(two(), &[0, 2], 2);
        assert!(matches!(
            class,
            Err(DataError::ClassOutOfRange {
                row: 1,
                class: 2,
                num_classes: 2
            })
        ));
        let nan = ArrayDataset::classes(array![[1.0, 2.0], [3.0, f32::NAN]], &[0, 1], 2);
        assert!(matches!(
            nan,
            Err(DataError::NotFinite {
                what: "input",
                row: 1,
                column: 1,
                ..
            })
        ));
        let infinite = ArrayDataset::values(two(), array![[1.0], [f32::INFINITY]]);
        assert!(matches!(
            infinite,
            Err(DataError::NotFinite {
                what: "label",
                row: 1,
                column: 0,
                ..
            })
        ));
        let ragged = ArrayDataset::matrix(&[vec![1.0, 2.0], vec![3.0]]);
        assert!(matches!(
            ragged,
            Err(DataError::RowLength {
                row: 1,
                expected: 2,
                got: 1
            })
        ));
        assert!(matches!(ArrayDataset::matrix(&[]), Err(DataError::Empty)));
    }
}
