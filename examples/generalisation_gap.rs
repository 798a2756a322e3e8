//! The generalisation gap: `cargo run --release --example generalisation_gap [REPORT.html]`.
//!
//! Handwritten digits with a small batch, a large one for as many epochs, and a large one that is
//! adapted (Hoffer et al. 2017: the learning rate times the root of the ratio, clipping, as many
//! updates); five seeds each, and how sharp the minima are.

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::nn::Loss;
use unisono::nn::Sequential;
use unisono::optim::Optimizer;
use unisono::study::batch_size::{
    BatchPair, Comparison, Direction, Sharpness, Store, comparison_charts, comparison_report,
    generalisation_gap,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let base = Optimizer::sgd(0.05).with_momentum(0.9);
    let batches = BatchPair {
        small: 32,
        large: 512,
    };
    let comparison = generalisation_gap(&model, &base, batches, 20)?;
    let loss = Loss::SoftmaxCrossEntropy;
    let comparison = Comparison::new(&train, &test, comparison)
        .seeds(5)
        .measure(|network| {
            let sharpness = Sharpness {
                rows: train.inputs().nrows(),
                eps: 5e-4,
                direction: Direction::Worst,
            };
            let value = sharpness.of(network, loss.clone(), &train)?;
            Ok(vec![("sharpness, eps 5e-4".to_owned(), value)])
        });
    let outcomes = comparison.run(&mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
    let summary = Comparison::summary(&outcomes, 42);
    for recipe in &summary {
        let (accuracy, sharpness) = (100.0 * recipe.accuracy.value, recipe.measured[0].1.value);
        println!(
            "{}: {accuracy:.2} %, sharpness {sharpness:.3} %",
            recipe.recipe
        );
    }
    println!("sharpness is not invariant under rescaling of the weights (Dinh et al. 2017)");
    if let Some(path) = std::env::args().nth(1) {
        let page = comparison_report(
            "The generalisation gap",
            "generalisation_gap",
            &summary,
            &[],
            &comparison_charts(&summary),
        );
        std::fs::write(&path, page.html())?;
        println!("report: {path}");
    }
    Ok(())
}
