//! Warnings are true: each where it holds, and none where it does not.

use std::ops::ControlFlow;

use crate::support::class_data;
use unisono::data::{ArrayDataset, digits};
use unisono::engine::Shards;
use unisono::nn::{BatchNorm, Conv, Loss, Recurrent, Sequential};
use unisono::optim::{BatchRule, Optimizer};
use unisono::train::Event;
use unisono::{TrainError, Trainer};

/// The warnings that a call of `fit` begins with; it is ended after `epochs` epochs.
fn begun(trainer: &mut Trainer, data: &ArrayDataset, epochs: u32) -> Vec<String> {
    let mut found = Vec::new();
    let fitted = trainer.fit_observed(data, data, |event| {
        if let Event::Started(setup) = event {
            found.clone_from(&setup.warnings);
        }
        match event {
            Event::Epoch(metrics) if metrics.epoch == epochs => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    fitted.unwrap();
    found
}

fn scheduled(schedule: &str, epochs: u32) -> Trainer {
    Trainer::new(Sequential::new(4).dense(3), Loss::SoftmaxCrossEntropy)
        .schedule(schedule.parse().unwrap())
        .threads(1)
        .batch_size(16)
        .epochs(epochs)
}

#[test]
fn a_call_that_goes_on_in_its_middle_ends_where_the_unbroken_one_does() {
    let data = class_data(64, 4, 3);
    for schedule in [
        "cosine over 4 epochs",
        "linear over 16 steps",
        "cosine over 256 examples",
    ] {
        let mut trainer = scheduled(schedule, 4);
        for ends_after in [1, 3, 9] {
            let warnings = begun(&mut trainer, &data, ends_after);
            assert!(warnings.is_empty(), "{schedule}: {warnings:?}");
        }
        // The next call trains for another four epochs, and says so.
        let warnings = begun(&mut trainer, &data, 9);
        assert!(
            warnings[0].contains("the schedule ends after"),
            "{schedule}"
        );
    }
    let mut short = scheduled("cosine over 3 epochs", 4);
    for ends_after in [1, 9] {
        let warnings = begun(&mut short, &data, ends_after);
        assert!(warnings[0].contains("after 3 of 4 epochs"), "{warnings:?}");
    }
    // AdaScale's clock is its own.
    let mut scaled = scheduled("cosine over 3 epochs", 4)
        .batch_policy(BatchRule::AdaScale { base: 8 })
        .shards(Shards::Fixed(2));
    assert!(begun(&mut scaled, &data, 9).is_empty());
}

fn normed(over_batch: bool) -> Sequential {
    let norm = match over_batch {
        true => BatchNorm::new().over_batch(),
        false => BatchNorm::new(),
    };
    Sequential::new(4).dense(8).layer(norm).relu().dense(3)
}

#[test]
fn batch_norm_over_single_rows_is_refused_or_warned_of() {
    let trainer = |model, batch: usize, shards| {
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .threads(1)
            .shards(Shards::Fixed(shards))
            .batch_size(batch)
            .epochs(1)
    };
    let data = class_data(64, 4, 3);
    for (batch, shards) in [(16, 16), (16, 9), (31, 16), (1, 1)] {
        let error = trainer(normed(false), batch, shards).fit(&data, &data);
        let error = error.unwrap_err();
        assert!(matches!(error, TrainError::SingleRows { .. }), "{error}");
        assert!(error.to_string().contains("use at most"), "{error}");
    }
    let alone = trainer(normed(true), 1, 1).fit(&data, &data);
    assert!(matches!(alone, Err(TrainError::SingleRows { .. })));
    // Two rows a shard, the rows of all shards together, and positions of an image are more than
    // one.
    let image = Sequential::new([2, 2, 1]).layer(Conv::d2(3, 1));
    let image = image.layer(BatchNorm::new()).flatten().dense(3);
    for (model, batch, shards) in [
        (normed(false), 16, 8),
        (normed(true), 16, 16),
        (image, 16, 16),
    ] {
        let warnings = begun(&mut trainer(model, batch, shards), &data, 9);
        assert!(warnings.is_empty(), "{warnings:?}");
    }
    let uneven = class_data(65, 4, 3);
    for (over_batch, batch, expected) in [(false, 16, 1), (true, 16, 1), (false, 13, 0)] {
        let warnings = begun(&mut trainer(normed(over_batch), batch, 2), &uneven, 9);
        assert_eq!(warnings.len(), expected, "{warnings:?}");
        let says = |warning: &String| warning.contains("the last batch of an epoch has 1 rows");
        assert!(warnings.iter().all(says), "{warnings:?}");
    }
}

#[test]
fn a_training_that_came_to_nothing_says_so_and_one_that_learned_does_not() {
    let (train, test) = digits();
    let fit = |lr: f32, epochs| {
        let model = Sequential::new(64).dense(32).relu().dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .optimizer(Optimizer::sgd(lr))
            .epochs(epochs);
        let report = trainer.fit(&train, &test).unwrap();
        (report.warnings(&test), report)
    };
    for epochs in [1, 3] {
        let (warnings, report) = fit(0.1, epochs);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert!(report.test_accuracy() > 0.5);
        let (warnings, report) = fit(1e6, epochs);
        assert!(report.test_loss().is_finite() && report.epochs[0].train_loss > 100.0);
        assert!(
            warnings[0].contains("the training has diverged"),
            "{warnings:?}"
        );
    }
    // What never moves answers like a guess; the most frequent class is as good.
    let (warnings, report) = fit(1e-30, 1);
    assert!(report.test_accuracy() < 0.2);
    let says_so = warnings
        .iter()
        .any(|warning| warning.contains("most frequent class"));
    let labels = test.class_labels().unwrap();
    let most = (0..10).map(|class| labels.iter().filter(|label| **label == class).count());
    let share = most.max().unwrap() as f64 / labels.len() as f64;
    assert_eq!(says_so, report.test_accuracy() <= share);
    assert!(!warnings.iter().any(|warning| warning.contains("diverged")));
    // Losses of values have no guess to compare with, but their own first epoch.
    let rising = ArrayDataset::values(
        ndarray::Array2::from_elem((8, 1), 1.0),
        ndarray::Array2::from_elem((8, 1), 1.0),
    );
    let (rising, model) = (rising.unwrap(), Sequential::new(1).dense(1));
    let loss = Loss::Mse(unisono::nn::MseConvention::MeanOverAll);
    let mut trainer = Trainer::new(model, loss)
        .optimizer(Optimizer::sgd(1.0))
        .epochs(8);
    let report = trainer.fit(&rising, &rising).unwrap();
    let warnings = report.warnings(&rising);
    assert!(warnings[0].contains("that of epoch 1 was"), "{warnings:?}");
}

#[test]
fn states_that_are_carried_are_lost_within_an_epoch_and_want_batches_of_one_size() {
    let data = class_data(64, 4, 3);
    let trainer = || {
        let model = Sequential::new([4, 1]).layer(Recurrent::lstm(3).carry_state());
        Trainer::new(model.flatten().dense(3), Loss::SoftmaxCrossEntropy)
            .optimizer(Optimizer::sgd(0.5))
            .threads(1)
            .batch_size(16)
            .epochs(2)
    };
    let weights = |trainer: &Trainer| trainer.network().unwrap().weights_sha256();
    let mut unbroken = trainer();
    assert!(begun(&mut unbroken, &data, 9).is_empty());
    // Ended after an epoch, nothing is lost.
    let mut at_its_end = trainer();
    begun(&mut at_its_end, &data, 1);
    assert!(begun(&mut at_its_end, &data, 9).is_empty());
    assert_eq!(weights(&at_its_end), weights(&unbroken));
    // Ended within one, it is, and said.
    let mut within = trainer();
    let ended = within.fit_observed(&data, &data, |event| match event {
        Event::Step { step: 2, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    ended.unwrap();
    let warnings = begun(&mut within, &data, 9);
    assert!(warnings[0].contains("begin with zeros"), "{warnings:?}");
    assert_ne!(weights(&within), weights(&unbroken));
    // Batches of other sizes would be cut elsewhere, so that another worker had the row's state.
    let growing = trainer().batch_policy(BatchRule::Staged { most: 32 });
    for mut odd in [growing, trainer().batch_size(15)] {
        let refused = odd.fit(&data, &data).unwrap_err();
        let is_named = matches!(refused, TrainError::CarriedState { .. });
        assert!(is_named, "{refused}");
    }
    let mut alone = trainer().batch_size(15).shards(Shards::Fixed(1));
    alone.fit(&data, &data).unwrap();
}
