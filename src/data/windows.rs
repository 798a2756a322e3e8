//! Windows over a series: some rows of a table behind one another, and values of a later row as
//! target.
//!
//! # Layout
//! ```text
//! rows     0  1  2  3  4  5  6  7      window 0: rows 0 to 2, target in row 4
//!         [------]     t               window 1: rows 1 to 3, target in row 5
//!            [------]     t            length 3, horizon 2
//! ```

use std::path::Path;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Labels};
use super::error::DataError;

/// Windows over a series.
///
/// ```
/// use unisono::data::Windows;
/// let windows = Windows { length: 3, horizon: 2 };
/// assert_eq!((windows.count(8), windows.count(4)), (4, 0));
/// assert_eq!(windows.target_row(1), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// Rows of a window, at least 1.
    pub length: usize,
    /// How many rows behind the last one of a window its target lies, at least 1.
    pub horizon: usize,
}

impl Windows {
    /// How many windows of so many rows have a target.
    pub fn count(self, rows: usize) -> usize {
        (rows + 1).saturating_sub(self.rows())
    }

    /// The row of a window's target; windows count from 0, as rows do.
    pub fn target_row(self, window: usize) -> usize {
        window + self.length - 1 + self.horizon
    }

    /// From the first row of a window to its target, both counted.
    pub(super) fn rows(self) -> usize {
        self.length.saturating_add(self.horizon)
    }

    /// Whether there can be such windows.
    pub(super) fn fits(self) -> bool {
        self.length > 0 && self.horizon > 0
    }

    /// The windows without their targets of rows of `inputs`, (rows, channels).
    ///
    /// # Errors
    /// [`DataError::Unfit`] for fewer rows than those of a window.
    pub(super) fn unlabelled(
        self,
        inputs: Array2<f32>,
        path: &Path,
    ) -> Result<Windowed, DataError> {
        let rows = inputs.nrows();
        if rows < self.length {
            let expected = format!("at least {} rows, those of a window", self.length);
            let remedy = "give more rows of the series, those before the ones to be predicted";
            return Err(DataError::unfit(path, expected, rows.to_string(), remedy));
        }
        self.over(inputs, None)
    }

    /// The windows with their targets: `values`, (rows, targets), of the same rows as `inputs`.
    ///
    /// # Errors
    /// [`DataError::Unfit`] for fewer rows than those of a window and its target.
    #[cfg(any(test, feature = "files"))]
    pub(super) fn labelled(
        self,
        inputs: Array2<f32>,
        values: Array2<f32>,
        path: &Path,
    ) -> Result<Windowed, DataError> {
        let rows = inputs.nrows();
        if self.count(rows) == 0 {
            let remedy = "give more rows of the series";
            let expected = self.expected("");
            return Err(DataError::unfit(path, expected, rows.to_string(), remedy));
        }
        self.over(inputs, Some(values))
    }

    /// What is expected of the rows of a series, or of the part of one that `of` names.
    #[cfg(any(test, feature = "files"))]
    pub(super) fn expected(self, of: &str) -> String {
        let Self { length, horizon } = self;
        format!(
            "at least {} rows{of}, a window of {length} and the target {horizon} behind it",
            self.rows()
        )
    }

    fn over(self, inputs: Array2<f32>, values: Option<Array2<f32>>) -> Result<Windowed, DataError> {
        let rows = inputs.nrows();
        if u32::try_from(rows).is_err() {
            return Err(DataError::TooManyRows { rows });
        }
        let standard = |values: Array2<f32>| values.as_standard_layout().into_owned();
        Ok(Windowed {
            inputs: standard(inputs),
            values: values.map(standard),
            windows: self,
        })
    }
}

/// The windows of a series, or of a part of one. The rows lie in memory once, in however many
/// windows they are.
#[derive(Clone, Debug)]
pub(super) struct Windowed {
    /// (rows, channels)
    inputs: Array2<f32>,
    /// (rows, targets); without them no row is left for the targets.
    values: Option<Array2<f32>>,
    windows: Windows,
}

impl Dataset for Windowed {
    fn len(&self) -> usize {
        let rows = self.inputs.nrows();
        match self.values {
            Some(_) => self.windows.count(rows),
            None => (rows + 1).saturating_sub(self.windows.length),
        }
    }

    fn input_len(&self) -> usize {
        self.windows.length * self.inputs.ncols()
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![self.windows.length, self.inputs.ncols()]
    }

    fn labels(&self) -> Labels {
        match &self.values {
            Some(values) => Labels::Values(values.ncols()),
            None => Labels::None,
        }
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let (width, channels) = (self.input_len(), self.inputs.ncols());
        let all = self.inputs.as_slice().expect("in standard layout");
        for (&window, to) in rows.iter().zip(inputs.chunks_exact_mut(width)) {
            to.copy_from_slice(&all[window as usize * channels..][..width]);
        }
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        let own = self.values.as_ref().expect("asked for what `labels` names");
        let all = own.as_slice().expect("in standard layout");
        let width = own.ncols();
        for (&window, to) in rows.iter().zip(values.chunks_exact_mut(width)) {
            let row = self.windows.target_row(window as usize);
            to.copy_from_slice(&all[row * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const PATH: &str = "series.csv";

    #[test]
    fn each_window_has_its_rows_in_order_and_the_target_of_a_later_one() {
        let inputs = Array2::from_shape_fn((6, 2), |(row, channel)| (10 * row + channel) as f32);
        let values = Array2::from_shape_fn((6, 1), |(row, _)| -(row as f32));
        for (length, horizon) in [(1, 1), (1, 3), (2, 1), (3, 2), (5, 1), (1, 5)] {
            let windows = Windows { length, horizon };
            let data = windows
                .labelled(inputs.clone(), values.clone(), PATH.as_ref())
                .unwrap();
            assert_eq!(data.len(), 6 - length - horizon + 1);
            assert_eq!(data.input_shape(), [length, 2]);
            assert_eq!(data.labels(), Labels::Values(1));
            // Backwards, so that places are those of the rows that are asked for.
            let rows: Vec<u32> = (0..data.len() as u32).rev().collect();
            let mut found = vec![0.0; rows.len() * data.input_len()];
            let mut targets = vec![0.0; rows.len()];
            data.gather_inputs(&rows, &mut found);
            data.gather_values(&rows, &mut targets);
            for (at, &row) in rows.iter().enumerate() {
                let row = row as usize;
                let expected: Vec<f32> = (row..row + length)
                    .flat_map(|step| [(10 * step) as f32, (10 * step + 1) as f32])
                    .collect();
                assert_eq!(found[at * 2 * length..][..2 * length], expected);
                assert_eq!(targets[at], -((row + length - 1 + horizon) as f32));
            }
        }
    }

    #[test]
    fn windows_without_targets_reach_to_the_last_row() {
        let windows = Windows {
            length: 2,
            horizon: 9,
        };
        let inputs = array![[1.0], [2.0], [3.0]];
        let data = windows.unlabelled(inputs.clone(), PATH.as_ref()).unwrap();
        assert_eq!((data.len(), data.labels()), (2, Labels::None));
        let mut last = [0.0; 2];
        data.gather_inputs(&[1], &mut last);
        assert_eq!((last, windows.target_row(1)), ([2.0, 3.0], 11));
        let values = Array2::zeros((3, 1));
        let error = windows
            .labelled(inputs, values, PATH.as_ref())
            .unwrap_err()
            .to_string();
        assert!(error.contains("at least 11 rows, a window of 2"), "{error}");
        let error = windows
            .unlabelled(array![[1.0]], PATH.as_ref())
            .unwrap_err()
            .to_string();
        assert!(error.contains("at least 2 rows"), "{error}");
    }

    #[test]
    fn windows_longer_than_every_series_have_no_count() {
        let windows = Windows {
            length: usize::MAX,
            horizon: 2,
        };
        assert_eq!((windows.count(10), windows.count(0)), (0, 0));
        assert!(
            windows.fits()
                && !Windows {
                    length: 0,
                    horizon: 1
                }
                .fits()
        );
    }
}
