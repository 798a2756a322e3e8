//! The gradient noise scale while a network learns: `cargo run --release --example noise_scale [FIGURE.svg]`.
//!
//! The noise scale is the batch size at which gradients are half signal, half noise (McCandlish et al. 2018); it comes from the norms of the shards'
//! gradients and costs nothing. It grows while the loss falls: larger batches pay late, not early.

use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::study::{Chart, LineChart};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let mut chart = LineChart::new("Gradient noise scale", ("epochs", "rows")).log_y();
    for batch_size in [32, 128] {
        let model = Sequential::new(64).dense(64).relu().dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .optimizer(Optimizer::sgd(0.1))
            .batch_size(batch_size)
            .track_noise_scale()
            .epochs(30);
        let report = trainer.fit(&train, &test)?;
        let scales = report
            .epochs
            .iter()
            .filter_map(|epoch| Some((epoch.epoch, epoch.test_loss, epoch.noise_scale?)));
        let scales: Vec<(u32, f64, f64)> = scales.collect();
        for (epoch, loss, scale) in scales.iter().filter(|known| known.0 % 10 == 1) {
            println!(
                "batch {batch_size}, epoch {epoch}: loss {loss:.3}, noise scale {scale:.0} rows"
            );
        }
        let points = scales.iter().map(|known| (f64::from(known.0), known.2));
        chart = chart.line(format!("batches of {batch_size}"), points.collect());
    }
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, chart.svg())?;
        println!("figure: {path}");
    }
    Ok(())
}
