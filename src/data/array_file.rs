//! A NumPy array too large for memory: its rows stay in the file until they are gathered.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::dataset::{Dataset, Labels};
use super::error::DataError;
use super::npy::{Head, head_of};
use super::stored::Stored;

/// Rows of a `.npy` file of `float32` or `uint8`, each with a class.
///
/// The first axis counts the rows; what follows is a row's shape. With [`crate::data::Sampling::Windows`] the file is read in stretches; the
/// system is told which rows the next batch wants.
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
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayFile {
    rows: Stored,
    path: std::path::PathBuf,
    shape: Vec<usize>,
    /// Bytes of a value: 1 or 4.
    size: usize,
    classes: Vec<u32>,
    num_classes: usize,
}

impl ArrayFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for what is no such array, one in Fortran's order, or a file that is shorter or longer than
    /// its head says; [`DataError::LabelCount`], [`DataError::ClassOutOfRange`], [`DataError::Empty`], [`DataError::NoInputs`].
    pub fn open(path: &Path, classes: Vec<u32>, num_classes: usize) -> Result<Self, DataError> {
        let failed = DataError::io(path);
        let mut file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        // A head is shorter than 2^16 bytes in version 1, and in practice in all.
        let mut start = Vec::new();
        Read::by_ref(&mut file)
            .take(1 << 16)
            .read_to_end(&mut start)
            .map_err(failed)?;
        file.rewind().map_err(failed)?;
        let (head, begin) = head_of(&start, path)?;
        let size: usize = match head.descr.as_str() {
            "<f4" => 4,
            "|u1" => 1,
            _ => 0,
        };
        let Head {
            shape, is_fortran, ..
        } = head;
        let refuse = |expected: &str, got: String| DataError::format(path, expected, got);
        let (&[rows, ref shape @ ..], false) = (&shape[..], is_fortran || size == 0) else {
            let expected = "an array of float32 or uint8 in C's order, with an axis of rows";
            return Err(refuse(expected, format!("{}, shape {shape:?}", head.descr)));
        };
        let row = shape.iter().try_fold(size, |n, &axis| n.checked_mul(axis));
        let all = row.and_then(|row| row.checked_mul(rows));
        let fits = all.is_some_and(|all| all as u64 == len - begin as u64);
        let (Some(row), true) = (row, fits) else {
            let expected = format!("{rows} rows of shape {shape:?}");
            return Err(refuse(&expected, format!("{len} bytes")));
        };
        check(rows, row, (&classes, num_classes))?;
        Ok(Self {
            rows: Stored::in_file(file, path, (begin as u64, row)),
            path: path.to_owned(),
            shape: shape.to_vec(),
            size,
            classes,
            num_classes,
        })
    }
}

/// Refuses rows without values, and classes that do not fit them.
fn check(
    rows: usize,
    row_len: usize,
    (classes, num_classes): (&[u32], usize),
) -> Result<(), DataError> {
    if rows == 0 || classes.is_empty() {
        return Err(DataError::Empty);
    }
    if row_len == 0 {
        return Err(DataError::NoInputs);
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

    /// Bytes become 0..=1, reals stay as they are.
    ///
    /// # Panics
    /// If a value is not finite: the engine makes it an error of the training.
    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let len = self.input_len();
        for (&row, to) in rows.iter().zip(inputs.chunks_exact_mut(len)) {
            self.rows.with_row(row as usize, len * self.size, |bytes| {
                if self.size == 1 {
                    let pairs = to.iter_mut().zip(bytes);
                    pairs.for_each(|(to, &byte)| *to = f32::from(byte) / 255.0);
                } else {
                    let pairs = to.iter_mut().zip(bytes.as_chunks::<4>().0);
                    pairs.for_each(|(to, &bytes)| *to = f32::from_le_bytes(bytes));
                    assert!(
                        to.iter().all(|value| value.is_finite()),
                        "row {row} of {} holds a value that is not finite; clean or drop the row",
                        self.path.display()
                    );
                }
            });
        }
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        let pairs = rows.iter().zip(classes);
        pairs.for_each(|(&row, class)| *class = self.classes[row as usize]);
    }

    fn prefetch(&self, rows: &[u32]) {
        self.rows.prefetch(rows.iter().copied());
    }
}
