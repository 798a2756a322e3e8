//! Rules that act during a training: averages, plateaus, early stopping, schedules that end,
//! range tests.

use std::ops::ControlFlow;

use crate::support::class_data;
use unisono::Trainer;
use unisono::data::{ArrayDataset, digits};
use unisono::nn::{Loss, Network, Sequential};
use unisono::optim::{Optimizer, Plateau};
use unisono::train::{EarlyStopping, EpochMetrics, Event, LrRange};

fn new(threads: usize) -> Trainer {
    let model = Sequential::new(64).dense(20).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy).threads(threads)
}

/// The test loss of a network: a training without a step.
fn loss(network: Network, data: &ArrayDataset) -> f64 {
    let mut trainer = Trainer::from_network(network, Loss::SoftmaxCrossEntropy)
        .threads(1)
        .batch_size(100_000)
        .optimizer(Optimizer::sgd(0.0))
        .epochs(1);
    trainer.fit(data, data).unwrap().test_loss()
}

#[test]
fn evaluation_uses_the_average_of_the_weights_and_training_does_not() {
    let (train, test) = digits();
    let run = |optimizer: Optimizer| {
        let mut trainer = new(3).optimizer(optimizer).epochs(2);
        let report = trainer.fit(&train, &test).unwrap();
        (trainer, report)
    };
    let plain = Optimizer::sgd(0.1).with_momentum(0.9);
    let (averaging, report) = run(plain.clone().with_average(0.95));
    let (alone, _) = run(plain);
    let last = averaging.last_network().unwrap();
    assert_eq!(last, alone.network().unwrap());
    assert!(alone.average().unwrap().is_none());
    let average = averaging.average().unwrap().expect("it keeps one");
    assert_ne!(average, last);
    assert_eq!(average, averaging.network().unwrap());
    assert!((loss(average, &test) - report.test_loss()).abs() < 1e-6);
}

#[test]
fn a_plateau_cuts_the_rate_after_evaluations_that_are_no_better() {
    let data = class_data(40, 64, 10);
    let rule = Plateau {
        factor: 0.5,
        patience: 1,
        ..Plateau::default()
    };
    // A rate so small that nothing gets better after the first evaluation.
    let mut trainer = new(2)
        .optimizer(Optimizer::sgd(1e-30))
        .plateau(rule)
        .epochs(8);
    let report = trainer.fit(&data, &data).unwrap();
    let rates: Vec<f32> = report.epochs.iter().map(|epoch| epoch.lr / 1e-30).collect();
    assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]);
    let wrong = Plateau {
        factor: 1.5,
        ..rule
    };
    let error = new(1)
        .plateau(wrong)
        .fit(&data, &data)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "the plateau's factor must be above 0 and below 1, got 1.5"
    );
}

#[test]
fn early_stopping_ends_training_and_keeps_the_best_network() {
    let (train, test) = digits();
    // A rate so large that the test loss is least after a few epochs.
    let run = |restore_best| {
        let rule = EarlyStopping {
            patience: 3,
            restore_best,
            ..EarlyStopping::default()
        };
        let mut trainer = new(2)
            .optimizer(Optimizer::sgd(0.6).with_momentum(0.9))
            .early_stopping(rule)
            .epochs(60);
        let report = trainer.fit(&train, &test).unwrap();
        (trainer.network().unwrap(), report)
    };
    let (best, report) = run(true);
    let losses: Vec<f64> = report.epochs.iter().map(|epoch| epoch.test_loss).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let at = losses.iter().position(|&loss| loss == least).unwrap();
    assert!(losses.len() < 60 && losses.len() == at + 4, "{losses:?}");
    assert_eq!(report.best_epoch, Some(at as u32 + 1));
    assert_eq!(
        (report.kept.epoch, report.test_loss()),
        (at as u32 + 1, least)
    );
    assert!((loss(best, &test) - least).abs() < 1e-6);
    let (last, report) = run(false);
    assert!((loss(last, &test) - report.test_loss()).abs() < 1e-6);
    let none = EarlyStopping {
        patience: 0,
        ..EarlyStopping::default()
    };
    let error = new(1).early_stopping(none).fit(&train, &test).unwrap_err();
    assert!(error.to_string().contains("at least 1, got 0"), "{error}");
}

#[test]
fn a_schedule_that_ends_before_the_training_says_what_follows() {
    let data = class_data(40, 64, 10);
    let warnings = |schedule: &str, epochs: u32| {
        let mut found = Vec::new();
        let mut trainer = new(1)
            .schedule(schedule.parse().unwrap())
            .batch_size(20)
            .epochs(epochs);
        let fitted = trainer.fit_observed(&data, &data, |event| {
            if let Event::Started(setup) = event {
                found.clone_from(&setup.warnings);
            }
            ControlFlow::Break(())
        });
        fitted.unwrap();
        found
    };
    let ends = "the schedule ends after 3 of 4 epochs: the learning rate stays at 0.1 of its base";
    assert_eq!(warnings("cosine to 0.1 over 3 epochs", 4), [ends]);
    let ends = "the schedule ends after 6 of 8 steps: the learning rate stays at 0 of its base";
    assert_eq!(warnings("linear over 6 steps", 4), [ends]);
    assert!(warnings("cosine over 3 epochs", 3).is_empty());
    let mut limited = new(1)
        .schedule("linear over 6 steps".parse().unwrap())
        .batch_size(20)
        .max_steps(6)
        .epochs(4);
    let report = limited.fit(&data, &data).unwrap();
    assert!(
        report.setup.warnings.is_empty(),
        "{:?}",
        report.setup.warnings
    );
    assert!(warnings("step 0.5 every 1 epochs", 3).is_empty());
}

#[test]
fn schedules_and_the_noise_scale_show_in_the_metrics() {
    let data = class_data(64, 64, 10);
    let mut trainer = new(2)
        .optimizer(Optimizer::sgd(0.4))
        .schedule("warmup 2 epochs, step 0.5 every 3 epochs".parse().unwrap())
        .batch_size(16)
        .track_noise_scale()
        .epochs(4);
    let epochs: Vec<EpochMetrics> = trainer.fit(&data, &data).unwrap().epochs;
    // The last of four batches of an epoch.
    let rates: Vec<f32> = epochs.iter().map(|epoch| epoch.lr).collect();
    assert_eq!(rates, [0.4 * 0.375, 0.4 * 0.875, 0.4, 0.2]);
    assert!(
        epochs
            .iter()
            .all(|epoch| epoch.noise_scale.is_some_and(|scale| scale > 0.0))
    );
}

#[test]
fn a_range_test_leaves_the_trainer_alone_and_refuses_ranges_that_do_not_rise() {
    let (train, _) = digits();
    let trainer = new(2).optimizer(Optimizer::sgd(0.1));
    let before = trainer.network().unwrap();
    let range = LrRange {
        from: 1e-4,
        to: 1e30,
        steps: 60,
    };
    let curve = trainer.lr_range_test(&train, range).unwrap();
    assert_eq!(trainer.network().unwrap(), before);
    let again = new(5).optimizer(Optimizer::sgd(0.1));
    assert_eq!(again.lr_range_test(&train, range).unwrap(), curve);
    assert!(curve.points.len() < 60, "a rate of 1e30 diverges");
    // Clipping is part of the optimiser: with it the steps are shorter.
    let clipped = new(2).optimizer(Optimizer::sgd(0.1).with_clip_norm(1e-3));
    assert_ne!(clipped.lr_range_test(&train, range).unwrap(), curve);
    let suggestion = curve.suggestion().unwrap();
    assert!(suggestion > 0.001 && suggestion < 5.0, "{suggestion}");
    for (from, to, steps) in [
        (0.0, 1.0, 9),
        (1.0, 0.5, 9),
        (0.1, 1.0, 1),
        (0.1, f32::NAN, 9),
    ] {
        let range = LrRange { from, to, steps };
        let error = trainer
            .lr_range_test(&train, range)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("a range test needs rates that rise"),
            "{error}"
        );
    }
}
