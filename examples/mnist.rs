//! Handwritten digits from their files: LeNet on augmented images, or a dense net.
//!
//! `cargo run --release --example mnist -- FOLDER [lenet|dense] [SEED]`, with the four IDX files of
//! MNIST in FOLDER, gzipped or not.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use unisono::Trainer;
use unisono::data::{Augmentation, Augmented, ImageDataset};
use unisono::nn::{Loss, Sequential, presets};
use unisono::optim::Optimizer;
use unisono::train::Event;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("give the folder with MNIST's files")?;
    let net = args.next().unwrap_or_else(|| "lenet".into());
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let part = |name| ImageDataset::from_idx_folder(Path::new(&folder), name);
    let (train, test) = (part("train")?, part("t10k")?);
    let statistics = train.statistics()?;
    let augmentation = Augmentation {
        shift: 2.0,
        rotate: 10.0,
        scale: 0.1,
        ..Augmentation::default()
    };
    let (model, augmentation, epochs): (Sequential, _, _) = match net.as_str() {
        "lenet" => {
            let lenet = presets::by_name("lenet").expect("there is one");
            (lenet.model, augmentation, 10)
        }
        "dense" => {
            let hidden = Sequential::new([28, 28, 1]).flatten().dense(512).relu();
            let model = hidden.dense(256).relu().dense(10);
            let shifts = Augmentation {
                shift: 1.0,
                ..Augmentation::default()
            };
            (model, shifts, 15)
        }
        other => return Err(format!("the net must be lenet or dense, got {other}").into()),
    };
    let train = Augmented::new(train.standardised(&statistics), augmentation, seed)?;
    let test = test.standardised(&statistics);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(128)
        .optimizer(
            Optimizer::sgd(0.08)
                .with_momentum(0.9)
                .with_weight_decay(1e-3),
        )
        .schedule(format!("onecycle over {epochs} epochs").parse()?)
        .epochs(epochs)
        .seed(seed);
    let report = trainer.fit_observed(&train, &test, |event| {
        if let Event::Epoch(at) = event {
            let accuracy = 100.0 * at.test_accuracy;
            println!("epoch {:>2}: test accuracy {accuracy:.2} %", at.epoch);
        }
        ControlFlow::Continue(())
    })?;
    println!(
        "{net}, seed {seed}: test accuracy {:.2} % after {:.0} s",
        100.0 * report.test_accuracy(),
        report.wall_time.as_secs_f64()
    );
    Ok(())
}
