//! A model written by hand, without this crate's layers: logistic regression behind the `Replica`
//! trait.
//!
//! The engine gives it pinned workers, sharding, the all-reduce, the update and the same bits for
//! any number of threads: `cargo run --release --example custom_replica`.

use std::error::Error;

use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, EngineError, Replica, Shard, Sums, Threads,
};
use unisono::optim::{Optimizer, StepScalars};
use unisono::train::ChainUpdate;

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
    let sums = Sums { loss, weight: 1.0, rows: 1.0, correct };
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
    let config = EngineConfig {
        threads: Threads::Fixed(threads),
        ..EngineConfig::default()
    };
    let update = ChainUpdate::new(&Optimizer::sgd(1.0).with_momentum(0.9), 3)?;
    let mut engine = Engine::new(config, &[0.0; 3], update, |_| Logistic)?;
    let rows: std::sync::Arc<[u32]> = (0..1000).collect();
    engine.run(|session| -> Result<(), EngineError> {
        for step in 0..200 {
            let reduced = session.step(&Batch::whole(rows.clone(), step), |reduced| {
                Decision::Apply(StepScalars::plain(1.0, reduced.sums.weight, step))
            })?;
            if step % 50 == 49 {
                println!("step {step}: loss {:.4}", reduced.sums.mean_loss());
            }
        }
        Ok(())
    })??;
    Ok(engine.params())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (one, three) = (train(1)?, train(3)?);
    println!("w, b: {one:?}");
    assert_eq!(one, three, "one thread and three give the same bits");
    Ok(())
}
