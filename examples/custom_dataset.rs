//! A data set of one's own, of which any row may fail, and data sets made of it.
//!
//! `cargo run --release --example custom_dataset`. Learned is the greater of two numbers.

use std::collections::BTreeMap;
use std::error::Error;

use unisono::Trainer;
use unisono::data::{DataError, Dataset, Labels, LabelsMut, MapDataset, Subset};
use unisono::nn::{Loss, MseConvention, Sequential};
use unisono::optim::Optimizer;

/// Rows as somebody else keeps them: a text each.
struct Texts(BTreeMap<u32, String>);

impl Texts {
    fn row(&self, row: u32) -> Result<(f32, f32), DataError> {
        let two = self.0.get(&row).and_then(|text| text.split_once(' '));
        let (a, b) = two.ok_or_else(|| DataError::row(row, "it has not 2 numbers"))?;
        let number = |text: &str| text.parse().map_err(|error| DataError::row(row, error));
        Ok((number(a)?, number(b)?))
    }
}

impl Dataset for Texts {
    fn len(&self) -> usize {
        200
    }

    fn input_len(&self) -> usize {
        2
    }

    fn labels(&self) -> Labels {
        Labels::Values(1)
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let labels = &mut vec![0.0; rows.len()];
        self.try_draw(None, rows, inputs, LabelsMut::Values(labels))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Training and evaluation call this alone: an error ends them, with its text.
    fn try_draw(
        &self,
        _epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        let LabelsMut::Values(values) = labels else {
            unreachable!("labels are values")
        };
        for ((&row, input), value) in rows.iter().zip(inputs.chunks_exact_mut(2)).zip(values) {
            let (a, b) = self.row(row)?;
            (input[0], input[1], *value) = (a, b, a.max(b));
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |row: u32, factor: u32| f64::from(row * factor % 100) / 100.0;
    let rows = (0..200).map(|row| (row, format!("{} {}", number(row, 37), number(row, 59))));
    let mut texts = Texts(rows.collect());
    // Sum and difference of the numbers; every fifth row is for the test.
    let (held_out, rest): (Vec<u32>, Vec<u32>) = (0..200).partition(|row| row % 5 == 0);
    let model = Sequential::new(2).dense(16).relu().dense(1);
    let mut trainer = Trainer::new(model, Loss::Mse(MseConvention::MeanOverAll))
        .optimizer(Optimizer::adam(0.01))
        .epochs(20);
    for _ in 0..2 {
        let both = |from: &[f32], to: &mut [f32]| {
            to.copy_from_slice(&[from[0] + from[1], from[0] - from[1]])
        };
        let data = MapDataset::new(&texts, [2], both)?;
        let (train, test) = (Subset::new(&data, &*rest)?, Subset::new(&data, &*held_out)?);
        match trainer.fit(&train, &test) {
            Ok(report) => println!("test loss {:.5}", report.test_loss()),
            Err(error) => println!("a row is gone: {error}"),
        }
        texts.0.remove(&7);
    }
    Ok(())
}
