//! A training that stops anywhere and goes on, with any number of threads, gives the bits of an
//! unbroken one; damaged files are refused.

use std::ops::ControlFlow;

use crate::files::Folder;
use unisono::data::{ArrayDataset, digits};
use unisono::nn::{BatchNorm, Dropout, Loss, Sequential};
use unisono::optim::{Optimizer, Plateau};
use unisono::train::{Checkpoint, Checkpoints, EarlyStopping, Event};
use unisono::{TrainError, Trainer};

fn data() -> (ArrayDataset, ArrayDataset) {
    let (train, test) = digits();
    let rows: Vec<usize> = (0..300).collect();
    (train.subset(&rows), test)
}

/// With everything that has a memory: moments, an average, batch norm, dropout, plateau, a policy
/// that watches the noise scale.
fn trainer() -> Trainer {
    let model = Sequential::new(64)
        .dense(16)
        .layer(BatchNorm::new())
        .relu()
        .layer(Dropout::new(0.2))
        .dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(64)
        .optimizer(
            Optimizer::adam_w(0.01)
                .with_average(0.9)
                .with_clip_norm(1.0),
        )
        .schedule(
            "warmup 3 steps, cosine to 0.1 over 6 epochs"
                .parse()
                .unwrap(),
        )
        .batch_policy("noise 32..128 every 3 steps lr sqrt".parse().unwrap())
        .plateau(Plateau {
            patience: 1,
            ..Plateau::default()
        })
        .early_stopping(EarlyStopping {
            patience: 20,
            ..EarlyStopping::default()
        })
        .epochs(5)
}

/// Trains until so many steps were made.
fn stopped_after(steps: u32, mut trainer: Trainer) -> Trainer {
    let ((train, test), mut made) = (data(), 0);
    let report = trainer.fit_observed(&train, &test, |event| {
        made += u32::from(matches!(event, Event::Step { .. }));
        if made == steps {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(report.unwrap().is_stopped);
    trainer
}

fn finished(mut trainer: Trainer) -> String {
    let (train, test) = data();
    assert!(!trainer.fit(&train, &test).unwrap().is_stopped);
    trainer.network().unwrap().weights_sha256()
}

#[test]
fn a_training_that_stops_at_any_step_ends_with_the_same_bits_on_any_number_of_threads() {
    let folder = Folder::new("resume");
    let unbroken = finished(trainer().threads(2));
    for (steps, [before, after]) in [
        (1, [3, 1]),
        (4, [1, 3]),
        (5, [2, 5]),
        (9, [5, 2]),
        (14, [1, 8]),
    ] {
        let stopped = stopped_after(steps, trainer().threads(before));
        let file = folder.0.join(format!("step-{steps}.json"));
        stopped.checkpoint().unwrap().write(&file).unwrap();
        let read = Checkpoint::read(&file).unwrap();
        assert_eq!(read, stopped.checkpoint().unwrap());
        assert_eq!(read.step(), u64::from(steps));
        let mut resumed = trainer().threads(after);
        resumed.resume(read).unwrap();
        assert_eq!(finished(resumed), unbroken, "after {steps} steps");
        // Without a file, too.
        assert_eq!(finished(stopped), unbroken, "after {steps} steps");
    }
}

#[test]
fn a_training_cut_at_any_step_goes_on_within_its_epoch_from_its_checkpoint_with_the_same_bits() {
    let folder = Folder::new("cut");
    let (train, test) = data();
    let unbroken = finished(trainer().threads(2));
    for (steps, [before, after]) in [(1, [3, 1]), (4, [1, 3]), (7, [2, 5]), (12, [5, 2])] {
        let rule = Checkpoints::in_folder(folder.0.join(steps.to_string()));
        let mut cut = trainer()
            .threads(before)
            .max_steps(steps)
            .checkpoints(rule.clone());
        let report = cut.fit(&train, &test).unwrap();
        let last = report.epochs.last().unwrap();
        assert_eq!((report.steps, last.step), (steps, steps));
        // What is kept has the numbers that are told of it.
        let (loss, accuracy) = cut.evaluate(&test).unwrap();
        assert_eq!(
            (report.test_loss(), report.test_accuracy()),
            (loss, accuracy)
        );
        let file = Checkpoints::latest(&rule.folder).unwrap().unwrap();
        let made = Checkpoint::read(&file).unwrap();
        assert_eq!(made.step(), steps);
        if !last.is_whole {
            assert_eq!(made.epochs() + 1, last.epoch);
            // The cut decides nothing: it is no epoch that early stopping looks at.
            assert!(report.best_epoch.is_none_or(|best| best < last.epoch));
        }
        for checkpoint in [made, cut.checkpoint().unwrap()] {
            let mut resumed = trainer().threads(after);
            resumed.resume(checkpoint).unwrap();
            assert_eq!(finished(resumed), unbroken, "cut after {steps} steps");
        }
    }
}

#[test]
fn calls_of_so_many_steps_each_go_through_the_epochs_row_by_row() {
    let (train, test) = data();
    let plain = || {
        Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
            .batch_size(64)
            .epochs(1)
    };
    // Five steps an epoch; a call ends after its steps, or with the epoch that it began in.
    let mut pieces = plain().max_steps(3);
    let made: Vec<u64> = (0..4)
        .map(|_| pieces.fit(&train, &test).unwrap().steps)
        .collect();
    assert_eq!(made, [3, 5, 8, 10]);
    let mut whole = plain().epochs(2);
    whole.fit(&train, &test).unwrap();
    assert_eq!(pieces.network().unwrap(), whole.network().unwrap());
}

#[test]
fn checkpoints_are_made_while_training_and_the_last_ones_and_the_best_stay() {
    let folder = Folder::new("kept");
    let rule = Checkpoints {
        every_steps: 2,
        keep: 2,
        ..Checkpoints::in_folder(&folder.0)
    };
    let unbroken = finished(trainer().threads(2));
    assert_eq!(finished(trainer().threads(3).checkpoints(rule)), unbroken);
    let all = Checkpoints::all(&folder.0).unwrap();
    assert!(all.len() == 2 || all.len() == 3, "{all:?}");
    for file in all {
        let mut resumed = trainer().threads(1);
        resumed.resume(Checkpoint::read(&file).unwrap()).unwrap();
        assert_eq!(finished(resumed), unbroken, "{}", file.display());
    }
}

#[test]
fn other_settings_and_other_models_are_refused_by_name() {
    let (train, test) = data();
    let checkpoint = stopped_after(3, trainer()).checkpoint().unwrap();
    let mut other = trainer().seed(7).batch_size(32);
    other.resume(checkpoint.clone()).unwrap();
    let error = other.fit(&train, &test).unwrap_err().to_string();
    assert!(
        error.contains("seed was 42, is 7") && error.contains("batch size was 64, is 32"),
        "{error}"
    );
    // What the text of an optimiser leaves out, and what a caller names.
    let same = || {
        let rule = Optimizer::adam_w(0.01).with_average(0.9);
        rule.with_clip_norm(1.0)
    };
    let slower = same().with_layer_lr("dense0.", 0.5);
    for other in [same().with_eps(1e-3), slower] {
        let mut other = trainer().optimizer(other);
        other.resume(checkpoint.clone()).unwrap();
        let error = other.fit(&train, &test).unwrap_err().to_string();
        assert!(error.contains("optimizer's details was Adam"), "{error}");
    }
    let named = |data: &str| trainer().depends_on("data", data);
    let of_others = stopped_after(3, named("theirs")).checkpoint().unwrap();
    let mut ours = named("ours");
    ours.resume(of_others).unwrap();
    let error = ours.fit(&train, &test).unwrap_err().to_string();
    assert!(error.contains("data was theirs, is ours"), "{error}");
    let mut unnamed = named("ours");
    unnamed.resume(checkpoint.clone()).unwrap();
    unnamed.fit(&train, &test).unwrap();
    let mut allowed = trainer().seed(7).allow_changes();
    allowed.resume(checkpoint.clone()).unwrap();
    allowed.fit(&train, &test).unwrap();
    let mut plain = trainer().optimizer(Optimizer::sgd(0.1));
    let error = plain.resume(checkpoint.clone()).unwrap_err().to_string();
    assert!(
        error.contains("the optimizer has no state, the checkpoint first moment, second moment, average of the weights"),
        "{error}"
    );
    let mut wide = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
    let error = wide.resume(checkpoint).unwrap_err().to_string();
    assert!(
        error.contains("the model has") && error.contains("dense0.weight"),
        "{error}"
    );
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused_by_the_name_of_its_file() {
    let folder = Folder::new("damaged");
    let file = folder.0.join("step-3.json");
    stopped_after(3, trainer())
        .checkpoint()
        .unwrap()
        .write(&file)
        .unwrap();
    for name in [
        "step-3.json",
        "step-3.safetensors",
        "step-3.state.safetensors",
    ] {
        let path = folder.0.join(name);
        let good = std::fs::read(&path).unwrap();
        let flips = (0..good.len()).step_by(97).map(|at| {
            let mut odd = good.clone();
            odd[at] ^= 1 << (at % 8);
            odd
        });
        let cuts = (0..good.len()).step_by(1000).map(|at| good[..at].to_vec());
        for odd in flips.chain(cuts) {
            std::fs::write(&path, odd).unwrap();
            let error = Checkpoint::read(&file).unwrap_err();
            assert!(matches!(error, TrainError::Checkpoint { .. }), "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        std::fs::write(&path, good).unwrap();
    }
    Checkpoint::read(&file).unwrap();
}

#[test]
fn values_in_files_are_little_endian() {
    let folder = Folder::new("endian");
    let stopped = stopped_after(3, trainer());
    let checkpoint = stopped.checkpoint().unwrap();
    checkpoint.write(&folder.0.join("step-3.json")).unwrap();
    let bytes = std::fs::read(folder.0.join("step-3.safetensors")).unwrap();
    let parts = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = parts.tensor("dense0.weight").unwrap();
    let values: Vec<f32> = weight
        .data()
        .as_chunks::<4>()
        .0
        .iter()
        .copied()
        .map(f32::from_le_bytes)
        .collect();
    let params = stopped.last_network().unwrap().params().to_vec();
    assert_eq!(values.len(), 64 * 16);
    assert_eq!(params[..values.len()], values);
    assert_eq!(
        Checkpoint::read(&folder.0.join("step-3.json")).unwrap(),
        checkpoint
    );
}

#[test]
fn a_place_that_cannot_be_written_is_an_error_and_the_training_is_kept() {
    let folder = Folder::new("no-place");
    let file = folder.file("file", b"not a folder");
    let (train, test) = data();
    let mut trainer = trainer().checkpoints(Checkpoints::in_folder(file.join("inside")));
    let error = trainer.fit(&train, &test).unwrap_err();
    assert!(matches!(error, TrainError::Write { .. }), "{error}");
}

#[test]
fn a_stopped_training_survives_a_call_that_cannot_begin() {
    let folder = Folder::new("no-begin");
    let file = folder.file("file", b"not a folder");
    let (train, test) = data();
    let nowhere = Checkpoints::in_folder(file.join("inside"));
    let mut stopped = stopped_after(4, trainer()).checkpoints(nowhere);
    assert!(stopped.fit(&train, &test).is_err());
    let good = Checkpoints::in_folder(folder.0.join("good"));
    assert_eq!(finished(stopped.checkpoints(good)), finished(trainer()));
}
