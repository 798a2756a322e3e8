//! A data set of one's own: rows in files, of which any may fail, and data sets made of it.
//!
//! `cargo run --release --example own_dataset`. What is learned: to tell the greater of two numbers.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use unisono::Trainer;
use unisono::data::{DataError, Dataset, Labels, LabelsMut, MapDataset, Subset};
use unisono::nn::{Loss, MseConvention, Sequential};
use unisono::optim::Optimizer;

const ROWS: usize = 200;

/// A row a file: two numbers, and the greater one.
struct Files(PathBuf);

impl Files {
    fn write(folder: PathBuf) -> std::io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for row in 0..ROWS {
            let (a, b) = (
                (row * 37 % 100) as f32 / 100.0,
                (row * 59 % 100) as f32 / 100.0,
            );
            fs::write(
                folder.join(row.to_string()),
                format!("{a} {b} {}", a.max(b)),
            )?;
        }
        Ok(Self(folder))
    }

    fn row(&self, row: u32) -> Result<[f32; 3], DataError> {
        let text = fs::read_to_string(self.0.join(row.to_string()))
            .map_err(|error| DataError::row(row, error))?;
        let numbers: Result<Vec<f32>, _> = text.split(' ').map(str::parse).collect();
        let numbers = numbers.map_err(|error| DataError::row(row, error))?;
        numbers
            .try_into()
            .map_err(|_| DataError::row(row, "it has not 3 numbers"))
    }
}

impl Dataset for Files {
    fn len(&self) -> usize {
        ROWS
    }

    fn input_len(&self) -> usize {
        2
    }

    fn labels(&self) -> Labels {
        Labels::Values(1)
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let labels = &mut vec![0.0; rows.len()];
        let read = self.try_draw(None, rows, inputs, LabelsMut::Values(labels));
        read.unwrap_or_else(|error| panic!("{error}"));
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
            return Ok(());
        };
        for ((&row, inputs), value) in rows.iter().zip(inputs.chunks_exact_mut(2)).zip(values) {
            let [a, b, greater] = self.row(row)?;
            (inputs[0], inputs[1], *value) = (a, b, greater);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("own-dataset-{}", std::process::id()));
    // Sum and difference of the numbers; every fifth row is for the test.
    let files = Arc::new(Files::write(folder.clone())?);
    let data = MapDataset::new(files, [2], |from, to| {
        to.copy_from_slice(&[from[0] + from[1], from[0] - from[1]])
    })?;
    let (test, train): (Vec<u32>, Vec<u32>) = (0..ROWS as u32).partition(|row| row % 5 == 0);
    let (train, test) = (Subset::new(&data, train)?, Subset::new(&data, test)?);
    let model = Sequential::new(2).dense(16).relu().dense(1);
    let mut trainer = Trainer::new(model, Loss::Mse(MseConvention::MeanOverAll))
        .optimizer(Optimizer::adam(0.01))
        .epochs(20);
    println!("test loss {:.5}", trainer.fit(&train, &test)?.test_loss());
    fs::remove_file(folder.join("7"))?;
    println!(
        "without a file: {}",
        trainer.fit(&train, &test).expect_err("row 7 is gone")
    );
    Ok(fs::remove_dir_all(folder)?)
}
