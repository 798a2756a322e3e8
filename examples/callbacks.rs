//! A callback that sees the weights: it prints how far each layer has moved, asks for a checkpoint
//! where the test loss is the least so far, and ends the training at 95 %.
//!
//! `cargo run --release --example callbacks`

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::train::{Callback, Checkpoint, Checkpoints, Event, View};
use unisono::{TrainError, Trainer};

struct Watch {
    /// The weights that the training began with.
    first: Vec<f32>,
    least: f64,
}

impl Callback for Watch {
    fn on(&mut self, event: &Event<'_>, view: &View<'_>) -> ControlFlow<()> {
        let Event::Epoch(epoch) = event else {
            return ControlFlow::Continue(());
        };
        // How far each tensor is from where it began.
        print!("epoch {}, loss {:.4}:", epoch.epoch, epoch.test_loss);
        for tensor in view.layout().tensors() {
            let (now, then) = (
                &view.params()[tensor.range.clone()],
                &self.first[tensor.range.clone()],
            );
            let square: f32 = now
                .iter()
                .zip(then)
                .map(|(now, then)| (now - then).powi(2))
                .sum();
            print!(" {} {:.2}", tensor.name, square.sqrt());
        }
        println!();
        // The best so far is worth a checkpoint.
        if epoch.test_loss < self.least {
            self.least = epoch.test_loss;
            assert!(view.request_checkpoint(), "the trainer keeps checkpoints");
        }
        if epoch.test_accuracy > 0.95 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), TrainError> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let folder = std::env::temp_dir().join(format!("unisono-callbacks-{}", std::process::id()));
    let mut trainer = Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy)
        .checkpoints(Checkpoints {
            every_epochs: 0,
            ..Checkpoints::in_folder(&folder)
        })
        .epochs(50);
    let first = trainer.network()?.params().to_vec();
    let mut watch = Watch {
        first,
        least: f64::INFINITY,
    };
    let report = trainer.fit_with(&train, &test, &mut watch)?;
    println!("ended after {} steps: {}", report.steps, report.is_stopped);
    let file = Checkpoints::latest(&folder)?.expect("the first epoch was the best so far");
    let network = Checkpoint::network(&file, model)?;
    println!(
        "{}: weights {}",
        file.display(),
        &network.weights_sha256()[..8]
    );
    std::fs::remove_dir_all(&folder).map_err(|source| TrainError::Write {
        path: folder,
        source,
    })
}
