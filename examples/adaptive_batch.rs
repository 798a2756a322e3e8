//! Batches that grow against batches that stay:
//! `cargo run --release --example adaptive_batch [REPORT.html]`.
//!
//! Handwritten digits to 6 % errors, batches between 8 and 256 rows, five seeds each: updates and
//! rows that every policy needs.

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::nn::Sequential;
use unisono::study::batch_size::{
    BatchPair, Comparison, Store, Target, adaptive_batches, comparison_charts, comparison_report,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let batches = BatchPair {
        small: 8,
        large: 256,
    };
    let comparison = adaptive_batches(&model, 0.05, batches, 30)?;
    let comparison = Comparison::new(&train, &test, comparison)
        .seeds(5)
        .target(Some(Target::Error(0.06)));
    let outcomes = comparison.run(&mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
    let summary = Comparison::summary(&outcomes, 42);
    for recipe in &summary {
        match recipe.to_target {
            Some([updates, rows, _]) => {
                println!(
                    "{}: {:.0} updates, {:.0} rows",
                    recipe.recipe, updates.value, rows.value
                );
            }
            None => println!("{}: {} of 5 got there", recipe.recipe, recipe.reached),
        }
    }
    if let Some(path) = std::env::args().nth(1) {
        let figures = comparison_charts(&summary);
        let page = comparison_report(
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
