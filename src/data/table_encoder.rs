//! Encoder of a table: the inputs of the cells of all columns.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::column_encoder::ColumnEncoder;
use super::error::DataError;
use super::memory_budget::MemoryBudget;
use super::scale::Standardizer;

/// Rows that a thread encodes at a time.
const BLOCK: usize = 1024;

/// The encoders of a table's columns, and what their inputs are standardised with.
#[derive(Clone, Debug)]
pub(super) struct TableEncoder {
    pub(super) encoders: Vec<ColumnEncoder>,
    /// A mean and a deviation for each input; 0 and 1 for those that are 0 or 1.
    pub(super) scale: Standardizer,
}

impl TableEncoder {
    /// One as it is kept; without encoders, of columns of numbers.
    pub(super) fn kept(columns: usize, encoders: &[ColumnEncoder], scale: &Standardizer) -> Self {
        let encoders = match encoders {
            [] => vec![ColumnEncoder::of_numbers(); columns],
            all => all.to_vec(),
        };
        let scale = scale.clone();
        Self { encoders, scale }
    }

    /// Inputs of a row.
    pub(super) fn width(&self) -> usize {
        self.encoders.iter().map(ColumnEncoder::width).sum()
    }

    /// The names of the inputs of columns with these names.
    pub(super) fn input_names(&self, names: &[String]) -> Vec<String> {
        let pairs = self.encoders.iter().zip(names);
        pairs
            .flat_map(|(encoder, name)| encoder.input_names(name))
            .collect()
    }

    /// The inputs of a row of codes, before standardisation.
    pub(super) fn write(&self, codes: ndarray::ArrayView1<'_, f64>, mut to: &mut [f64]) {
        for (encoder, &code) in self.encoders.iter().zip(codes) {
            let (inputs, rest) = to.split_at_mut(encoder.width());
            encoder.write(code, inputs);
            to = rest;
        }
    }

    /// Refuses rows with a value that nothing could be computed with; `names` are those of the
    /// columns.
    pub(super) fn check(
        &self,
        codes: ArrayView2<'_, f64>,
        names: &[String],
    ) -> Result<(), DataError> {
        let names = self.input_names(names);
        let blocks = codes.nrows().div_ceil(BLOCK);
        let check = |block: usize| {
            let mut inputs = vec![0.0; self.width()];
            for at in block * BLOCK..codes.nrows().min((block + 1) * BLOCK) {
                self.write(codes.row(at), &mut inputs);
                for (input, &value) in inputs.iter().enumerate() {
                    let name = names.get(input).map(String::as_str);
                    self.scale.check_value(at, input, value, name)?;
                }
            }
            Ok(())
        };
        let checked: Vec<Result<(), DataError>> = (0..blocks).into_par_iter().map(check).collect();
        checked.into_iter().collect()
    }

    /// The inputs of some rows of codes.
    pub(super) fn apply(
        &self,
        codes: ArrayView2<'_, f64>,
        rows: &[usize],
        path: &Path,
    ) -> Result<Array2<f32>, DataError> {
        let width = self.width();
        let count = rows.len() * width;
        MemoryBudget::new(path).check((count * size_of::<f32>()) as u64)?;
        let mut inputs = vec![0.0_f32; count];
        let encode = |(rows, inputs): (&[usize], &mut [f32])| {
            let mut row = vec![0.0; width];
            for (&at, to) in rows.iter().zip(inputs.chunks_exact_mut(width)) {
                self.write(codes.row(at), &mut row);
                for (input, to) in to.iter_mut().enumerate() {
                    *to = self.scale.value(input, row[input]);
                }
            }
        };
        let blocks = rows.par_chunks(BLOCK);
        let blocks = blocks.zip(inputs.par_chunks_mut(BLOCK * width.max(1)));
        blocks.for_each(encode);
        Ok(Array2::from_shape_vec((rows.len(), width), inputs).expect("a value an input"))
    }
}
