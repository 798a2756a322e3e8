//! A data set of one's own, of which any row may fail, and data sets made of it.
//!
//! `cargo run --release --example custom_dataset` learns how far apart two numbers are.

use std::collections::BTreeMap;

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
        let values = &mut vec![0.0; rows.len()];
        let read = self.try_draw(None, rows, inputs, LabelsMut::Values(values));
        read.expect("every row can be read");
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
            unreachable!()
        };
        for ((&row, input), value) in rows.iter().zip(inputs.chunks_exact_mut(2)).zip(values) {
            let (a, b) = self.row(row)?;
            (input[0], input[1], *value) = (a, b, (a - b).abs());
        }
        Ok(())
    }
}

fn main() -> Result<(), DataError> {
    let text = |row: u32| format!("0.{:02} 0.{:02}", row * 37 % 100, row * 59 % 100);
    let mut texts = Texts((0..200).map(|row| (row, text(row))).collect());
    let model = Sequential::new(1).dense(16).relu().dense(1);
    let mut trainer =
        Trainer::new(model, Loss::Mse(MseConvention::MeanOverAll)).optimizer(Optimizer::adam(0.01));
    let (held_out, rest): (Vec<u32>, Vec<u32>) = (0..200).partition(|row| row % 5 == 0);
    for _ in 0..2 {
        let difference = |from: &[f32], to: &mut [f32]| to[0] = from[0] - from[1];
        let data = MapDataset::new(&texts, [1], difference)?;
        let (train, test) = (Subset::new(&data, &*rest)?, Subset::new(&data, &*held_out)?);
        match trainer.fit(&train, &test) {
            Ok(report) => println!("test loss {:.5}", report.test_loss()),
            Err(error) => println!("a row is gone: {error}"),
        }
        texts.0.remove(&7);
    }
    Ok(())
}
