//! A character-level language model: nanoGPT's setting for a CPU, then some text of its own.
//!
//! `cargo run --release --example shakespeare -- FILE [SEED]`; 2,000 steps of 12 windows of 64 characters.

use std::error::Error;
use std::path::Path;

use ndarray::Array2;
use unisono::Trainer;
use unisono::data::TextDataset;
use unisono::nn::{Loss, Network, presets};
use unisono::optim::Optimizer;
use unisono::seed::{Purpose, Stream};

const CONTEXT: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("give a text file")?;
    let seed = args.next().map_or(Ok(1337), |seed| seed.parse())?;
    let (train, test, vocabulary) = TextDataset::from_file(Path::new(&file), CONTEXT, (0.1, seed))?;
    let model = presets::by_name("gpt").expect("there is one").model;
    let adam = Optimizer::adam_w(2e-3).with_betas(0.9, 0.99);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(12)
        .optimizer(adam.with_weight_decay(0.1).with_clip_norm(1.0))
        .schedule("warmup 100 steps, cosine to 0.1 over 2000 steps".parse()?)
        .max_steps(2000)
        .epochs(2)
        .seed(seed);
    let report = trainer.fit(&train, &test)?;
    println!("validation loss {:.4} nats a character", report.test_loss());
    println!(
        "{} steps in {:.0} s",
        report.steps,
        report.wall_time.as_secs_f64()
    );
    let network = trainer.network()?;
    let text = vocabulary.decode(&sample(&network, (vocabulary.len(), 400), seed)?);
    println!("\n{text}");
    Ok(())
}

/// Draws token after token from the distribution that the model gives for the next one.
fn sample(
    network: &Network,
    (vocabulary, count): (usize, usize),
    seed: u64,
) -> Result<Vec<u32>, Box<dyn Error>> {
    let mut random = Stream::new(seed, Purpose::Synthetic, 0, 0);
    // Begins with a line's end, token 0, and fills the window up behind the text: attention does not look ahead.
    let mut text = vec![0_u32];
    while text.len() < count {
        let seen = &text[text.len().saturating_sub(CONTEXT)..];
        let mut window = Array2::zeros((1, CONTEXT));
        window
            .iter_mut()
            .zip(seen)
            .for_each(|(to, &token)| *to = token as f32);
        let logits = network.predict(window.view())?;
        let logits = logits.row(0);
        let logits = logits
            .iter()
            .skip((seen.len() - 1) * vocabulary)
            .take(vocabulary);
        let weights: Vec<f64> = logits.map(|&logit| f64::from(logit).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut left = total * f64::from(random.below(1 << 24)) / f64::from(1 << 24);
        let next = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        text.push(next.unwrap_or(weights.len() - 1) as u32);
    }
    Ok(text)
}
