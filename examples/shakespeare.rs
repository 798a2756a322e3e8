//! A character-level language model: nanoGPT's setting for a CPU, or an LSTM beside it, then some
//! text of its own.
//!
//! `cargo run --release --example shakespeare -- FILE [gpt|lstm] [SEED]`; 2,000 steps of 12 windows
//! of 64 characters.

use std::error::Error;
use std::path::Path;

use unisono::Trainer;
use unisono::data::TextDataset;
use unisono::nn::{Loss, presets};
use unisono::optim::Optimizer;
use unisono::run::Generation;

const CONTEXT: usize = 64;

/// Characters of its own.
const WRITTEN: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("give a text file")?;
    let name = args.next().unwrap_or_else(|| "gpt".to_owned());
    let seed = args.next().map_or(Ok(1337), |seed| seed.parse())?;
    let lr = if name == "lstm" { 4e-3 } else { 2e-3 };
    let (train, test, vocabulary) = TextDataset::from_file(Path::new(&file), CONTEXT, 0.1, seed)?;
    let preset = presets::fitted(&name, &[CONTEXT], vocabulary.len());
    let model = preset.ok_or("give gpt or lstm before the seed")?.model;
    let adam = Optimizer::adam_w(lr).with_betas(0.9, 0.99);
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
    let how = Generation {
        seed,
        ..Generation::default()
    };
    // It begins with a line's end, the first of the characters.
    let text = how.continued(&trainer.network()?, &[0], WRITTEN, |_| ())?;
    println!("{}", vocabulary.decode(&text));
    Ok(())
}
