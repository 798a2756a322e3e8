//! A NumPy array too large for memory: its rows stay in the file until they are gathered.

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

#[cfg(feature = "files")]
use ndarray::Array2;

use crate::input;

use super::dataset::{Dataset, Labels, LabelsMut, expect_read};
use super::error::DataError;
use super::fortran_order::in_rows;
use super::images::{ImageDataset, ImageShape};
use super::npy::head_of;
use super::npy_values::{Element, Kind};
#[cfg(feature = "files")]
use super::precision::{self, Integer};
use super::scale::{Fitting, Standardizer};
use super::stored::Stored;

/// Values that are looked at for what single precision does not keep.
#[cfg(feature = "files")]
const LOOKED_AT: usize = 1 << 22;

/// Rows of a `.npy` file of any type of numbers, each with a class.
///
/// The first axis counts the rows; what follows is a row's shape. With
/// [`crate::data::Sampling::Windows`] the file is read in stretches; the system is told which rows
/// the next batch wants. An array in Fortran's order, whose rows do not lie together, is read into
/// memory.
///
/// ```
/// use unisono::data::{ArrayFile, DataError, Dataset};
/// let path = std::env::temp_dir().join(format!("unisono-rows-{}.npy", std::process::id()));
/// let mut file = b"\x93NUMPY\x01\x00\x3d\x00".to_vec();
/// file.extend(format!("{:<61}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }").bytes());
/// [1.0_f32, 2.0, 3.0, 4.0].iter().for_each(|value| file.extend(value.to_le_bytes()));
/// std::fs::write(&path, file).unwrap();
/// let data = ArrayFile::open(&path, vec![0, 1], 2)?;
/// let mut row = [0.0; 2];
/// data.gather_inputs(&[1], &mut row);
/// assert_eq!(row, [3.0, 4.0]);
/// let scale = data.scale()?;
/// data.standardised(scale).gather_inputs(&[1], &mut row);
/// assert_eq!(row, [1.0, 1.0]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayFile {
    rows: Stored,
    path: PathBuf,
    shape: Vec<usize>,
    element: Element,
    /// Of each row, where it lies.
    places: Vec<u32>,
    classes: Vec<u32>,
    num_classes: usize,
    scale: Option<Standardizer>,
}

impl ArrayFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for what is no such array, or a file that is
    /// shorter or longer than its head says; [`DataError::Unfit`] for values that are no numbers,
    /// or an array without an axis of rows; [`DataError::LabelCount`],
    /// [`DataError::ClassOutOfRange`], [`DataError::Empty`], [`DataError::NoInputs`].
    pub fn open(path: &Path, classes: Vec<u32>, num_classes: usize) -> Result<Self, DataError> {
        let failed = DataError::io(path);
        let mut file = input::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        // A head is shorter than 2^16 bytes in version 1, and in practice in all.
        let mut start = Vec::new();
        Read::by_ref(&mut file)
            .take(1 << 16)
            .read_to_end(&mut start)
            .map_err(failed)?;
        file.rewind().map_err(failed)?;
        // The head says what must follow: rows of one length, as many as the file has bytes for.
        let (head, begin) = head_of(&start, path)?;
        let element = head.element(path)?;
        let &[rows, ref shape @ ..] = &head.shape[..] else {
            let remedy = "save rows of values";
            return Err(DataError::unfit(
                path,
                "an axis of rows",
                "a number",
                remedy,
            ));
        };
        let size = element.size();
        let row = shape.iter().try_fold(size, |n, &axis| n.checked_mul(axis));
        let all = row.and_then(|row| row.checked_mul(rows));
        let fits = all.is_some_and(|all| all as u64 == len - begin as u64);
        let (Some(row), true) = (row, fits) else {
            let expected = format!("{rows} rows of shape {shape:?}, type {}", head.descr);
            return Err(DataError::format(path, expected, format!("{len} bytes")));
        };
        check(rows, row, &classes, num_classes)?;
        // Rows that do not lie together are read at once, others when they are gathered.
        let stored = if head.is_fortran && !shape.is_empty() {
            Stored::Memory(in_rows(path, begin, &head, size)?.into())
        } else {
            Stored::in_file(file, path, begin as u64, row)?
        };
        Ok(Self {
            rows: stored,
            path: path.to_owned(),
            shape: if shape.is_empty() {
                vec![1]
            } else {
                shape.to_vec()
            },
            element,
            places: (0..rows as u32).collect(),
            classes,
            num_classes,
            scale: None,
        })
    }

    /// Some of the rows, in this order.
    ///
    /// # Panics
    /// If a row is not one of them.
    pub fn subset(&self, rows: &[usize]) -> Self {
        Self {
            places: rows.iter().map(|&row| self.places[row]).collect(),
            classes: rows.iter().map(|&row| self.classes[row]).collect(),
            ..self.clone()
        }
    }

    /// What the rows can be standardised with, read in two passes over them: the same numbers as of
    /// an array in memory.
    ///
    /// # Errors
    /// [`DataError::NotFinite`]; [`DataError::Row`] if the file has changed since it was opened.
    pub fn scale(&self) -> Result<Standardizer, DataError> {
        let mut fitting = Fitting::new(self.input_len());
        let mut values = Vec::with_capacity(self.input_len());
        for row in 0..self.len() {
            self.read(row, &mut values)?;
            self.check(row, &values)?;
            fitting.add(values.iter().copied());
        }
        fitting.end_first_pass();
        for row in 0..self.len() {
            self.read(row, &mut values)?;
            fitting.add_squares(values.iter().copied());
        }
        Ok(fitting.finished())
    }

    /// Refuses values that are not finite, before they are gathered.
    ///
    /// # Errors
    /// [`DataError::NotFinite`]; [`DataError::Row`] if the file has changed since it was opened.
    pub fn check_finite(&self) -> Result<(), DataError> {
        let mut values = Vec::with_capacity(self.input_len());
        (0..self.len()).try_for_each(|row| {
            self.read(row, &mut values)?;
            self.check(row, &values)
        })
    }

    /// Refuses values that are not finite, or lie too far from the means of `scale`.
    #[cfg(feature = "files")]
    pub(crate) fn check_within(&self, scale: &Standardizer) -> Result<(), DataError> {
        let mut values = Vec::with_capacity(self.input_len());
        (0..self.len()).try_for_each(|row| {
            self.read(row, &mut values)?;
            let place = self.places[row] as usize;
            let mut cells = values.iter().enumerate();
            let checked = cells
                .try_for_each(|(column, &value)| scale.check_value(place, column, value, None));
            checked.map_err(|error| error.within(&self.path))
        })
    }

    /// Lines about whole numbers that become one when they are standardised, as far as the first
    /// rows show it.
    ///
    /// # Errors
    /// [`DataError::Row`] if the file has changed since it was opened.
    #[cfg(feature = "files")]
    pub(crate) fn rounded(&self, scale: &Standardizer) -> Result<Vec<String>, DataError> {
        let len = self.input_len();
        let rows = self.len().min(LOOKED_AT / len).max(1);
        let of = match rows < self.len() {
            true => format!(" of the first {rows} rows"),
            false => String::new(),
        };
        let name = |column: usize| format!("input {column}");
        // Integers to their last digit, others as they are.
        if self.element.exact(&[]).is_some() {
            let mut values = Vec::with_capacity(rows * len);
            for &place in &self.places[..rows] {
                let bytes = len * self.element.size();
                self.rows.with_row(place as usize, bytes, |bytes| {
                    let exact = self.element.exact(bytes).unwrap_or_default();
                    values.extend(exact.into_iter().map(Integer));
                })?;
            }
            let values = Array2::from_shape_vec((rows, len), values);
            let lines = values.map(|values| precision::lines(values.view(), scale, name, &of));
            return Ok(lines.unwrap_or_default());
        }
        let (mut values, mut cells) = (Vec::with_capacity(rows * len), Vec::with_capacity(len));
        for row in 0..rows {
            self.read(row, &mut cells)?;
            values.extend_from_slice(&cells);
        }
        let values = Array2::from_shape_vec((rows, len), values).expect("rows of one length");
        Ok(precision::lines(values.view(), scale, name, &of))
    }

    /// The same rows, standardised.
    ///
    /// # Panics
    /// If there is not a mean for each value of a row.
    pub fn standardised(self, scale: Standardizer) -> Self {
        assert_eq!(
            scale.means.len(),
            self.input_len(),
            "a standardiser works on as many columns as it was fitted on"
        );
        let scale = Some(scale);
        Self { scale, ..self }
    }

    /// The same rows as images, if they are bytes of such a shape.
    ///
    /// # Errors
    /// As [`ImageDataset::new`].
    pub fn images(&self) -> Result<Option<ImageDataset>, DataError> {
        let (Kind::U1, Some(shape)) = (self.element.kind(), ImageShape::of_rows(&self.shape))
        else {
            return Ok(None);
        };
        let (rows, classes) = (self.rows.clone(), self.classes.clone());
        ImageDataset::stored(rows, shape, classes, self.num_classes).map(Some)
    }

    /// The values of a row.
    fn read(&self, row: usize, values: &mut Vec<f64>) -> Result<(), DataError> {
        values.clear();
        let len = self.input_len() * self.element.size();
        self.rows.with_row(self.places[row] as usize, len, |bytes| {
            self.element.values(bytes, |value| values.push(value));
        })
    }

    /// Writes the inputs of `rows`.
    fn convert(&self, rows: &[u32], inputs: &mut [f32]) -> Result<(), DataError> {
        let len = self.input_len();
        for (&row, to) in rows.iter().zip(inputs.chunks_exact_mut(len)) {
            let place = self.places[row as usize] as usize;
            let bytes = len * self.element.size();
            self.rows.with_row(place, bytes, |bytes| {
                let mut at = 0;
                match &self.scale {
                    Some(scale) => self.element.values(bytes, |value| {
                        to[at] = scale.value(at, value);
                        at += 1;
                    }),
                    None if self.element.kind() == Kind::U1 => {
                        let pairs = to.iter_mut().zip(bytes);
                        pairs.for_each(|(to, &byte)| *to = f32::from(byte) / 255.0);
                    }
                    None => self.element.values(bytes, |value| {
                        to[at] = value as f32;
                        at += 1;
                    }),
                }
            })?;
            // It was checked to be finite only where the rows were read before, all of them.
            if let Some(column) = to.iter().position(|value| !value.is_finite()) {
                let (row, mut values) = (row as usize, Vec::new());
                self.read(row, &mut values)?;
                return Err(self.unfit(row, column, values[column]));
            }
        }
        self.rows.check_unchanged()
    }

    fn check(&self, row: usize, values: &[f64]) -> Result<(), DataError> {
        match values.iter().position(|value| !value.is_finite()) {
            Some(column) => Err(self.unfit(row, column, values[column])),
            None => Ok(()),
        }
    }

    /// The error of a value that single precision does not hold.
    fn unfit(&self, row: usize, column: usize, got: f64) -> DataError {
        let (what, row) = ("input", self.places[row] as usize);
        let error = if got.is_finite() {
            let expected = "a value that single precision holds".to_owned();
            let place = format!("{what} {column}");
            DataError::OutOfReach {
                place,
                row,
                got,
                expected,
            }
        } else {
            let got = got as f32;
            DataError::NotFinite {
                what,
                row,
                column,
                got,
            }
        };
        error.within(&self.path)
    }
}

/// Refuses rows without values, and classes that do not fit them.
fn check(
    rows: usize,
    row_len: usize,
    classes: &[u32],
    num_classes: usize,
) -> Result<(), DataError> {
    if rows == 0 || classes.is_empty() {
        return Err(DataError::Empty);
    }
    if row_len == 0 {
        return Err(DataError::NoInputs);
    }
    if u32::try_from(rows).is_err() {
        return Err(DataError::TooManyRows { rows });
    }
    if rows != classes.len() {
        let labels = classes.len();
        return Err(DataError::LabelCount { rows, labels });
    }
    DataError::check_classes(classes, num_classes)
}

impl Dataset for ArrayFile {
    fn len(&self) -> usize {
        self.classes.len()
    }

    fn input_len(&self) -> usize {
        self.shape.iter().product()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    fn labels(&self) -> Labels {
        Labels::Classes(self.num_classes)
    }

    /// Where they are not standardised bytes become 0..=1, and all others stay as they are.
    ///
    /// # Panics
    /// If a value is not finite, or the file has changed since it was opened;
    /// [`Dataset::try_draw`], which a training calls, returns the error.
    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        expect_read(self.convert(rows, inputs));
    }

    fn try_draw(
        &self,
        _: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        self.convert(rows, inputs)?;
        labels.gather(self, rows);
        Ok(())
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        let pairs = rows.iter().zip(classes);
        pairs.for_each(|(&row, class)| *class = self.classes[row as usize]);
    }

    fn prefetch(&self, rows: &[u32]) {
        let places = rows.iter().map(|&row| self.places[row as usize]);
        self.rows.prefetch(places);
    }
}
