//! A model written by hand, without this crate's layers: logistic regression behind the `Replica`
//! trait.
//!
//! The trainer gives it pinned workers, sharding, the all-reduce, optimisers, schedules, early
//! stopping, checkpoints, and the same bits for any number of threads: `cargo run --release
//! --example custom_replica`.

use std::error::Error;

use unisono::Trainer;
use unisono::engine::{Replica, Shard, Sums};
use unisono::optim::Optimizer;
use unisono::train::{ReplicaModel, RowCounts};

/// P(label = 1) = sigmoid(w x + b), for rows x = (sin r, cos r) with label 1 where sin r > 0.3.
struct Logistic;

/// Adds the gradient of a row's loss, and returns its sums.
fn row(params: &[f32], row: u32, grad: &mut [f32]) -> Sums {
    let x = [(row as f32).sin(), (row as f32).cos(), 1.0];
    let z: f32 = x.iter().zip(params).map(|(x, p)| x * p).sum();
    let label = f32::from(u8::from(x[0] > 0.3));
    let error = 1.0 / (1.0 + (-z).exp()) - label;
    grad.iter_mut().zip(x).for_each(|(g, x)| *g += error * x);
    let loss = f64::from((1.0 + z.exp()).ln() - label * z);
    let correct = f64::from(u8::from(error.abs() < 0.5));
    #[rustfmt::skip]
    let sums = Sums { loss, weight: 1.0, rows: 1.0, correct, ..Sums::default() };
    sums
}

impl Replica for Logistic {
    fn num_params(&self) -> usize {
        3
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        shard.rows.iter().map(|&at| row(params, at, grad)).sum()
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.add_loss_and_grad(params, shard, &mut [0.0; 3])
    }
}

fn train(threads: usize) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut trainer = Trainer::of_replicas(ReplicaModel::new("logistic", vec![0.0; 3]))
        .optimizer(Optimizer::sgd(1.0).with_momentum(0.9))
        .schedule("cosine to 0.01 over 40 epochs".parse()?)
        .batch_size(200)
        .threads(threads)
        .epochs(40);
    let rows = RowCounts {
        train: 1000,
        test: 300,
    };
    let report = trainer.fit_replicas(rows, |_worker| Logistic)?;
    for epoch in report.epochs.iter().step_by(13) {
        println!(
            "epoch {}: loss {:.4}, accuracy {:.3}",
            epoch.epoch, epoch.test_loss, epoch.test_accuracy
        );
    }
    Ok(trainer.kept_params()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (one, three) = (train(1)?, train(3)?);
    println!("w, b: {one:?}");
    assert_eq!(one, three, "one thread and three give the same bits");
    Ok(())
}
