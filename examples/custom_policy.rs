//! A batch policy written by hand: the batch doubles where the training loss has stopped falling,
//! and the learning rate stays with the schedule.
//!
//! What a policy sees is the same for any number of threads, so the bits are too: `cargo run
//! --release --example custom_policy`.

use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::optim::{BatchBounds, BatchPolicy, CustomPolicy, PlanContext, StepOutcome, StepPlan};
use unisono::{TrainError, Trainer};

const MOST: usize = 512;

/// Doubles where a slow mean of the loss is no longer above a fast one by a hundredth.
#[derive(Debug)]
struct Stalling {
    rows: usize,
    fast: f64,
    slow: f64,
}

impl BatchPolicy for Stalling {
    fn plan(&mut self, context: &PlanContext<'_>) -> StepPlan {
        let has_stalled = context.progress.step > 20 && self.slow < 1.01 * self.fast;
        if has_stalled && self.rows < MOST {
            self.rows = (2 * self.rows).min(MOST);
            self.slow = 2.0 * self.fast;
        }
        StepPlan {
            batch_size: self.rows,
            lr: context.scheduled(),
        }
    }

    fn observe(&mut self, outcome: &StepOutcome) {
        self.fast += 0.2 * (outcome.loss - self.fast);
        self.slow += 0.02 * (outcome.loss - self.slow);
    }

    /// What a checkpoint keeps.
    fn state(&self) -> Vec<f64> {
        vec![self.rows as f64, self.fast, self.slow]
    }

    fn restore(&mut self, state: &[f64]) -> bool {
        let &[rows, fast, slow] = state else {
            return false;
        };
        (self.rows, self.fast, self.slow) = (rows as usize, fast, slow);
        true
    }
}

fn main() -> Result<(), TrainError> {
    let (train, test) = digits();
    let bounds = BatchBounds {
        least: 1,
        most: MOST,
    };
    let policy = CustomPolicy::new("stalling", bounds, |rows| {
        Box::new(Stalling {
            rows,
            fast: 2.3,
            slow: 2.3,
        })
    });
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(16)
        .batch_policy(policy.into())
        .epochs(8);
    for epoch in trainer.fit(&train, &test)?.epochs {
        let (rows, loss) = (epoch.batch_size, epoch.test_loss);
        println!("epoch {}: {rows} rows, test loss {loss:.4}", epoch.epoch);
    }
    Ok(())
}
