//! A replica of one's own that trains over ranks: those that mpirun has started, or two within this
//! process.
//!
//! `mpirun -n 2 target/release/examples/ranks` gives the bits of `target/release/examples/ranks`.

use unisono::engine::{Ranks, Replica, Shard, Sums};
use unisono::optim::Optimizer;
use unisono::train::{ReplicaModel, RowCounts};
use unisono::{TrainError, Trainer};

/// A line through points: row `r` is the point (r / 100, 1 + r / 50).
#[derive(Debug)]
struct Line;

impl Replica for Line {
    fn num_params(&self) -> usize {
        2
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        let mut loss = 0.0;
        for &row in shard.rows {
            let x = row as f32 / 100.0;
            let error = params[0] + params[1] * x - (1.0 + 2.0 * x);
            grad[0] += error;
            grad[1] += error * x;
            loss += f64::from(0.5 * error * error);
        }
        let rows = shard.rows.len() as f64;
        Sums {
            loss,
            weight: rows,
            rows,
            correct: 0.0,
            ..Sums::default()
        }
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.add_loss_and_grad(params, shard, &mut [0.0; 2])
    }
}

/// The parameters after 200 epochs.
fn fitted(ranks: Option<Ranks>) -> Result<Vec<f32>, TrainError> {
    let mut trainer = Trainer::of_replicas(ReplicaModel::new("line", vec![0.0; 2]))
        .optimizer(Optimizer::sgd(0.5))
        .batch_size(25)
        .threads(1)
        .epochs(200);
    if let Some(ranks) = ranks {
        trainer = trainer.ranks(ranks);
    }
    trainer.fit_replicas(RowCounts::training(100), |_worker| Line)?;
    Ok(trainer.kept_params()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Started by mpirun: this process is one of the ranks.
    if let Some(ranks) = Ranks::of_launcher(|reason| eprintln!("{reason}"))? {
        let params = fitted(Some(ranks.clone()))?;
        println!("rank {}: {params:?}", ranks.rank());
        return Ok(ranks.finish()?);
    }
    // Alone: two ranks on threads give what one process does.
    let alone = fitted(None)?;
    std::thread::scope(|scope| {
        for ranks in Ranks::in_process(2) {
            let alone = &alone;
            scope.spawn(move || assert_eq!(fitted(Some(ranks)).unwrap(), *alone));
        }
    });
    println!("{alone:?}");
    Ok(())
}
