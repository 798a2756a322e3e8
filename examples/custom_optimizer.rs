//! An optimiser and a schedule written by hand, in the trainer's loop.
//!
//! The optimiser is Adafactor's idea in its plainest form: an update is never longer than its
//! block's root mean square times a limit. The bits are the same for any number of threads:
//! `cargo run --release --example custom_optimizer`.

use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::optim::{Chain, CustomShape, Optimizer, Schedule, Transform, Unit, UpdateContext};
use unisono::{TrainError, Trainer};

/// Divides by the square root of a running mean of squares, then squashes what sticks out.
#[derive(Debug)]
struct Squash {
    decay: f32,
    limit: f32,
}

impl Transform for Squash {
    fn state_names(&self) -> &'static [&'static str] {
        &["mean of squares"]
    }

    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], squares: &mut [f32]) {
        // Like Adam's, the mean starts from 0 and is corrected for it.
        let steps = context.scalars.step as i32 + 1;
        let correction = 1.0 - self.decay.powi(steps);
        for (value, square) in update.iter_mut().zip(squares) {
            *square = self.decay * *square + (1.0 - self.decay) * *value * *value;
            let scaled = *value / ((*square / correction).sqrt() + 1e-8);
            *value = scaled.clamp(-self.limit, self.limit);
        }
    }
}

fn train(threads: usize) -> Result<(String, f64), TrainError> {
    let (train, test) = digits();
    let squash = || {
        Chain::new(vec![Box::new(Squash {
            decay: 0.99,
            limit: 2.0,
        })])
    };
    let optimizer = Optimizer::custom("squash 0.99 limit 2", 0.003, squash).with_weight_decay(0.01);
    let shape = CustomShape::new("1 / (1 + t)", 2, |share| 1.0 / (1.0 + share));
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .optimizer(optimizer)
        .schedule(Schedule::new(shape.into(), Unit::Epochs))
        .threads(threads)
        .epochs(6);
    let report = trainer.fit(&train, &test)?;
    Ok((trainer.network()?.weights_sha256(), report.test_accuracy()))
}

fn main() -> Result<(), TrainError> {
    let (hash, accuracy) = train(1)?;
    println!(
        "test accuracy {:.2} %, weights {}",
        100.0 * accuracy,
        &hash[..8]
    );
    assert_eq!(train(3)?.0, hash, "one thread and three give the same bits");
    Ok(())
}
