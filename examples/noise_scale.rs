//! The gradient noise scale and the critical batch size while a network learns:
//! `cargo run --release --example noise_scale [FIGURE.svg]`.
//!
//! The noise scale is the batch size at which gradients are half signal, half noise (McCandlish et
//! al. 2018); it comes from the norms of the shards' gradients and costs nothing. The critical
//! batch is measured: the training is branched, and each branch goes on with a larger batch
//! (Merrill et al. 2025). Both grow while the loss falls: larger batches pay late, not early.

use std::ops::ControlFlow;

use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::optim::{Optimizer, ScalingRule};
use unisono::report::Chart;
use unisono::study::batch_size::{BranchPlan, BranchPoint, Branches, Store, branch_charts};

/// How much larger than the smallest batch's the loss at the end of a branch may be.
const TOLERANCE: f64 = 0.1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let branches = Branches::new([&train, &test], Optimizer::sgd(0.1), || {
        Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy)
    });
    let plan = BranchPlan {
        batch_sizes: vec![16, 32, 64, 128, 256, 512, 1024],
        at: vec![0.25, 1.0, 4.0, 16.0, 32.0],
        window: 2.0,
        rule: ScalingRule::SquareRoot,
        seeds: 5,
        seed: 1,
    };
    let outcomes = branches.run(
        &plan,
        &mut Store::in_memory(),
        |_| ControlFlow::Continue(()),
    )?;
    let points = BranchPoint::of(&outcomes, TOLERANCE, plan.seed);
    for point in &points {
        let scale = point.noise_scale.map_or(f64::NAN, |scale| scale.value);
        let bound = if point.is_open { "at least " } else { "" };
        println!(
            "after epoch {}: loss {:.3}, noise scale {scale:.0} rows, critical batch {bound}{} rows",
            point.at, point.loss.value, point.critical_batch.value
        );
    }
    if let Some(path) = std::env::args().nth(1) {
        let (_, chart, _) = &branch_charts(&points, TOLERANCE)[0];
        std::fs::write(&path, chart.svg())?;
        println!("figure: {path}");
    }
    Ok(())
}
