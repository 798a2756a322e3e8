//! Batches that grow against batches that stay:
//! `cargo run --release --example adaptive_batch [REPORT.html]`.
//!
//! Handwritten digits to 6 % errors, batches between 8 and 256 rows, five seeds each: updates and
//! rows that every policy needs.

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::nn::Sequential;
use unisono::study::batch_size::{
    Arms, BatchPair, Store, Target, adaptive_batches, arm_charts, arms_page,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let batches = BatchPair {
        small: 8,
        large: 256,
    };
    let arms = adaptive_batches(&model, 0.05, batches, 30)?;
    let arms = Arms::new(&train, &test, arms)
        .seeds(5)
        .target(Some(Target::Error(0.06)));
    let outcomes = arms.run(&mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
    let summary = Arms::summary(&outcomes, 42);
    for arm in &summary {
        match arm.to_target {
            Some([updates, rows, _]) => {
                println!(
                    "{}: {:.0} updates, {:.0} rows",
                    arm.arm, updates.value, rows.value
                );
            }
            None => println!("{}: {} of 5 got there", arm.arm, arm.reached),
        }
    }
    if let Some(path) = std::env::args().nth(1) {
        let figures = arm_charts(&summary);
        let page = arms_page(
            "Adaptive batches",
            "adaptive_batch",
            &summary,
            &[],
            &figures,
        );
        std::fs::write(&path, page.html())?;
        println!("report: {path}");
    }
    Ok(())
}
