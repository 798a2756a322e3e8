//! A loss of one's own behind the trait `Criterion`: the focal loss, `-(1 - p)^gamma ln p` for the
//! probability p of the row's class.
//!
//! `cargo run --release --example own_loss`. Its gradient is compared with difference quotients,
//! then it trains: shards, threads and all-reduce need nothing more than this.
//!
//! Lin, Goyal, Girshick, He, Dollár: "Focal loss for dense object detection", 2017.

use unisono::Trainer;
use unisono::data::digits;
use unisono::engine::Sums;
use unisono::nn::{Criterion, Sequential, Shape, TargetKind, Targets, check_criterion};

#[derive(Debug)]
struct Focal {
    gamma: f32,
}

impl Criterion for Focal {
    fn target_kind(&self, outputs: &Shape) -> TargetKind {
        let (classes, per_row) = (outputs.channels(), outputs.positions());
        TargetKind::Classes { classes, per_row }
    }

    fn problem(&self, _outputs: &Shape) -> Option<String> {
        let gamma = self.gamma;
        let problem = || format!("gamma of the focal loss must be at least 1, got {gamma}");
        (!(1.0..f32::INFINITY).contains(&gamma)).then(problem)
    }

    fn sums(
        &self,
        outputs: &[f32],
        shape: &Shape,
        targets: Targets<'_>,
        mut gradient: Option<&mut [f32]>,
    ) -> Sums {
        let (classes, mut sums) = (shape.channels(), Sums::default());
        let rows = outputs.chunks_exact(classes).zip(targets.classes());
        for (row, (logits, &class)) in rows.enumerate() {
            // The logarithm of the softmax, and the class's probability.
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f32 = logits.iter().map(|z| (z - max).exp()).sum();
            let log_p = |class: usize| logits[class] - max - total.ln();
            let (class, ln_p) = (class as usize, log_p(class as usize));
            let (p, miss) = (ln_p.exp(), 1.0 - ln_p.exp());
            sums.loss -= f64::from(miss.powf(self.gamma) * ln_p);
            sums.weight += 1.0;
            sums.rows += 1.0;
            sums.correct += f64::from(u8::from(logits[class] == max));
            // d loss / d z = (onehot - softmax) (gamma p (1 - p)^(gamma - 1) ln p - (1 - p)^gamma).
            if let Some(gradient) = gradient.as_deref_mut() {
                let slope = self.gamma * p * miss.powf(self.gamma - 1.0) * ln_p;
                let slope = slope - miss.powf(self.gamma);
                for (at, g) in gradient[row * classes..][..classes].iter_mut().enumerate() {
                    *g = (f32::from(u8::from(at == class)) - log_p(at).exp()) * slope;
                }
            }
        }
        sums
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outputs = [0.3, -1.2, 2.0, 0.0, 0.5, 0.4];
    let (focal, classes) = (Focal { gamma: 2.0 }, Targets::Classes(&[1, 2]));
    let check = check_criterion(&focal, &outputs, &3.into(), classes)?;
    println!("{} derivatives are right", check.compared);
    let (train, test) = digits();
    for threads in [1, 2, 3] {
        let model = Sequential::new(64).dense(32).relu().dense(10);
        let mut trainer = Trainer::new(model, Focal { gamma: 2.0 }).threads(threads);
        let accuracy = 100.0 * trainer.fit(&train, &test)?.test_accuracy();
        let hash = trainer.network()?.weights_sha256();
        println!("{threads} threads: {accuracy:.2} %, weights {hash}");
    }
    Ok(())
}
