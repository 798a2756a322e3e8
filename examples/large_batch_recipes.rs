//! Recipes for large batches side by side:
//! `cargo run --release --example large_batch_recipes [REPORT.html]`.
//!
//! Handwritten digits, batches of 512 rows against 32, five seeds each: what scaling rules,
//! warm-up, LARS, LAMB and longer training are worth.

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::nn::Sequential;
use unisono::optim::Optimizer;
use unisono::study::batch_size::{
    BatchPair, Comparison, Store, comparison_charts, comparison_report, large_batches,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let base = Optimizer::sgd(0.05).with_momentum(0.9);
    let batches = BatchPair {
        small: 32,
        large: 512,
    };
    let comparison =
        Comparison::new(&train, &test, large_batches(&model, &base, batches, 20)?).seeds(5);
    let outcomes = comparison.run(&mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
    let summary = Comparison::summary(&outcomes, 42);
    for recipe in &summary {
        let accuracy = 100.0 * recipe.accuracy.value;
        println!(
            "{}: {accuracy:.2} % in {:.0} updates",
            recipe.recipe, recipe.updates.value
        );
    }
    if let Some(path) = std::env::args().nth(1) {
        let page = comparison_report(
            "Recipes for large batches",
            "large_batch_recipes",
            &summary,
            &[],
            &comparison_charts(&summary),
        );
        std::fs::write(&path, page.html())?;
        println!("report: {path}");
    }
    Ok(())
}
