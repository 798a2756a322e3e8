//! `Trainer::watch`: a metric of the evaluated part chooses epoch, end, rate and best checkpoint,
//! with the same bits for any number of threads, and after resuming.

use std::ops::ControlFlow;

use ndarray::Array2;
use unisono::data::{ArrayDataset, Dataset, Subset, digits};
#[cfg(feature = "run")]
use unisono::metrics::{Classification, MultiLabel};
use unisono::nn::{Loss, MseConvention, Sequential};
use unisono::optim::{Optimizer, Plateau};
#[cfg(feature = "run")]
use unisono::run::{classification, label_sets_of, multi_label, predictions};
use unisono::train::{
    Checkpoint, Checkpoints, EarlyStopping, Event, Metric, Parts, Report, TrainError,
};
use unisono::{Trainer, seed::Stream};

use crate::files::Folder;

/// Rows of some classes alone, so that those left are unequally many.
fn uneven(data: ArrayDataset, rows: std::ops::Range<u32>) -> Subset<ArrayDataset> {
    let class = data.class_labels().unwrap().to_vec();
    let keeps = |row: &u32| class[*row as usize] < 4 || row.is_multiple_of(5);
    Subset::new(data, rows.filter(keeps).collect::<Vec<_>>()).unwrap()
}

fn parts() -> [Subset<ArrayDataset>; 2] {
    let (all, _) = digits();
    [uneven(all.clone(), 0..400), uneven(all, 400..800)]
}

/// A training that overfits soon.
fn trainer(metric: Metric) -> Trainer {
    let model = Sequential::new(64).dense(24).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::sgd(0.15).with_momentum(0.9))
        .early_stopping(EarlyStopping {
            patience: 3,
            ..EarlyStopping::default()
        })
        .watch(metric)
        .epochs(12)
}

fn hash(trainer: &Trainer) -> String {
    trainer.network().unwrap().weights_sha256()
}

/// The value after each epoch.
#[cfg(feature = "run")]
fn values(report: &Report) -> Vec<f64> {
    let epochs = report.epochs.iter();
    epochs.map(|epoch| epoch.watched.unwrap().value).collect()
}

/// What is kept, and the value of its metric.
fn kept(report: &Report) -> (u32, String, Option<f64>) {
    let kept = report.kept;
    let value = kept.valid.unwrap().watched.map(|watched| watched.value);
    (kept.epoch, kept.weights_text(), value)
}

/// A metric's value.
#[cfg(feature = "run")]
type Of<T> = fn(&T) -> f64;

#[cfg(feature = "run")]
#[test]
fn every_metric_of_classes_chooses_its_best_epoch_and_is_that_of_eval() {
    let [train, valid] = parts();
    let of: [(Metric, Of<Classification>); 9] = [
        (Metric::Accuracy, |found| found.accuracy),
        (Metric::Top5, |found| found.top_5.unwrap()),
        (Metric::BalancedAccuracy, |found| found.balanced_accuracy),
        (Metric::Precision, |found| found.precision),
        (Metric::Recall, |found| found.recall),
        (Metric::F1, |found| found.f1),
        (Metric::RocAuc, |found| found.roc_auc.unwrap()),
        (Metric::AveragePrecision, |found| {
            found.average_precision.unwrap()
        }),
        (Metric::LogLoss, |found| found.log_loss),
    ];
    let mut chosen = std::collections::BTreeSet::new();
    for (metric, value) in of {
        let mut one = trainer(metric).threads(1);
        let report = one.fit_parts(Parts::new(&train).valid(&valid)).unwrap();
        let values = values(&report);
        let badness = |at: usize| metric.badness(values[at]);
        // The first of the best ones.
        let best = (0..values.len()).min_by(|&a, &b| badness(a).total_cmp(&badness(b)));
        assert_eq!(
            report.best_epoch,
            Some(best.unwrap() as u32 + 1),
            "{metric}"
        );
        let rows = predictions(&one.network().unwrap(), &valid)
            .unwrap()
            .unwrap();
        let found = value(&classification(&rows, None).unwrap());
        assert_eq!(values[best.unwrap()], found, "{metric}");
        chosen.insert(report.best_epoch);
        for threads in [2, 3, 5] {
            let mut other = trainer(metric).threads(threads);
            let again = other.fit_parts(Parts::new(&train).valid(&valid)).unwrap();
            assert_eq!((hash(&other), kept(&again)), (hash(&one), kept(&report)));
        }
    }
    // They do not all choose the same.
    assert!(chosen.len() > 1, "{chosen:?}");
}

#[test]
fn what_a_metric_chooses_is_the_same_after_resuming_and_another_metric_is_refused() {
    let [train, valid] = parts();
    let parts = Parts::new(&train).valid(&valid);
    let mut unbroken = trainer(Metric::F1);
    let expected = unbroken.fit_parts(parts).unwrap();
    assert!(
        expected
            .kept
            .weights_text()
            .ends_with("with the largest validation F1")
    );
    let mut stopped = trainer(Metric::F1);
    let flow = |event: &Event<'_>| match event {
        Event::Step { step: 20, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    stopped.fit_parts_observed(parts, flow).unwrap();
    let checkpoint = stopped.checkpoint().unwrap();
    let mut resumed = trainer(Metric::F1).threads(2);
    resumed.resume(checkpoint.clone()).unwrap();
    let report = resumed.fit_parts(parts).unwrap();
    assert_eq!(
        (kept(&report), hash(&resumed)),
        (kept(&expected), hash(&unbroken))
    );
    // By another metric only where changes are allowed, and then as if nothing had been chosen.
    let mut other = trainer(Metric::Accuracy);
    other.resume(checkpoint.clone()).unwrap();
    let error = other.fit_parts(parts).unwrap_err().to_string();
    assert!(
        error.contains("metric to watch was f1, is accuracy"),
        "{error}"
    );
    let mut other = trainer(Metric::Accuracy).allow_changes();
    other.resume(checkpoint).unwrap();
    let report = other.fit_parts(parts).unwrap();
    assert_eq!(report.kept.watch, Metric::Accuracy);
    assert_eq!(Some(report.kept.epoch), report.best_epoch);
}

#[test]
fn a_plateau_follows_a_metric_of_which_more_is_better() {
    let [train, valid] = parts();
    let rates = |metric| {
        let rule = Plateau {
            factor: 0.5,
            patience: 0,
            ..Plateau::default()
        };
        let model = Sequential::new(64).dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .plateau(rule)
            .watch(metric)
            .epochs(12);
        let report = trainer.fit_parts(Parts::new(&train).valid(&valid)).unwrap();
        let rates: Vec<f32> = report.epochs.iter().map(|epoch| epoch.lr).collect();
        (rates, values_or_losses(&report))
    };
    for metric in [Metric::Accuracy, Metric::Loss] {
        let (rates, values) = rates(metric);
        // A rate is halved after each epoch that is not better than the best by the threshold.
        let (mut best, mut expected) = (f64::INFINITY, 0.1_f32);
        for (rate, value) in rates.iter().zip(values) {
            assert_eq!(*rate, expected, "{metric}");
            let badness = metric.badness(value);
            let limit = best - best.abs() * 1e-4;
            if best.is_infinite() || badness < limit {
                best = badness;
            } else {
                expected *= 0.5;
            }
        }
        // The loss of a linear model may fall all the time.
        assert!(expected < 0.1 || metric == Metric::Loss, "{metric}");
    }
}

fn values_or_losses(report: &Report) -> Vec<f64> {
    let epochs = report.epochs.iter();
    let value = |epoch: &unisono::train::EpochMetrics| match epoch.watched {
        Some(watched) => watched.value,
        None => epoch.valid_loss,
    };
    epochs.map(value).collect()
}

/// Rows of two columns, labelled by `of`.
fn labelled(rows: usize, of: impl Fn(f32, f32) -> Vec<f32>) -> ArrayDataset {
    let mut draws = Stream::new(3, unisono::seed::Purpose::Synthetic, 0, 0);
    let mut value = || 2.0 * draws.uniform_f32() - 1.0;
    let inputs: Vec<f32> = (0..2 * rows).map(|_| value()).collect();
    let labels: Vec<Vec<f32>> = inputs.chunks(2).map(|row| of(row[0], row[1])).collect();
    let width = labels[0].len();
    ArrayDataset::values(
        Array2::from_shape_vec((rows, 2), inputs).unwrap(),
        Array2::from_shape_vec((rows, width), labels.concat()).unwrap(),
    )
    .unwrap()
}

fn of_values(data: &ArrayDataset, loss: Loss, metric: Metric) -> (Trainer, Report) {
    let width = match data.labels() {
        unisono::data::Labels::Values(width) => width,
        _ => unreachable!("they are values"),
    };
    let mut trainer = Trainer::new(Sequential::new(2).dense(8).relu().dense(width), loss)
        .early_stopping(EarlyStopping::default())
        .watch(metric)
        .epochs(6);
    let report = trainer.fit_parts(Parts::new(data).valid(data)).unwrap();
    (trainer, report)
}

#[test]
fn errors_of_values_choose_too() {
    let data = labelled(60, |a, b| vec![a - b, a * b]);
    let mse = Loss::Mse(MseConvention::MeanOverAll);
    for metric in [Metric::Mae, Metric::Rmse, Metric::R2] {
        let (_, report) = of_values(&data, mse.clone(), metric);
        let errors = report.kept.valid.unwrap().errors.unwrap();
        let (epoch, _, value) = kept(&report);
        assert_eq!(Some(epoch), report.best_epoch);
        match metric {
            Metric::Mae => assert_eq!(value, Some(errors.absolute)),
            Metric::Rmse => assert_eq!(value, Some(errors.squared.sqrt())),
            _ => assert!(value.unwrap() > 0.0 && value.unwrap() < 1.0),
        }
    }
}

#[cfg(feature = "run")]
#[test]
fn metrics_of_labels_in_any_number_choose_too() {
    let data = labelled(80, |a, b| {
        vec![f32::from(a > 0.3), f32::from(a > b), f32::from(b > 0.8)]
    });
    let of: [(Metric, Of<MultiLabel>); 5] = [
        (Metric::F1, |found| found.macro_.f1),
        (Metric::F1Micro, |found| found.micro.f1),
        (Metric::RocAuc, |found| found.macro_.roc_auc.unwrap()),
        (Metric::WrongLabels, |found| found.hamming_loss),
        (Metric::Accuracy, |found| found.subset_accuracy),
    ];
    for (metric, value) in of {
        let (trainer, report) = of_values(&data, Loss::BinaryCrossEntropy, metric);
        let rows = label_sets_of(&trainer.network().unwrap(), &data)
            .unwrap()
            .unwrap();
        let found = value(&multi_label(&rows).unwrap());
        assert_eq!(kept(&report).2, Some(found), "{metric}");
    }
}

#[test]
fn metrics_that_the_rows_have_not_are_refused_with_those_that_they_have() {
    let (train, test) = digits();
    let refused = |metric| {
        let mut trainer = trainer(metric).epochs(1);
        trainer.fit(&train, &test).unwrap_err().to_string()
    };
    for metric in [Metric::R2, Metric::Perplexity, Metric::F1Micro] {
        let error = refused(metric);
        assert!(error.starts_with("the metric to watch must be one of loss, accuracy, top_5, "));
        assert!(error.ends_with(&format!("got {}", metric.key())), "{error}");
    }
    // A ranking needs rows of two kinds.
    let zeros: Vec<u32> = (0..360)
        .filter(|row| test.class_labels().unwrap()[*row] == 0)
        .map(|row| row as u32)
        .collect();
    let alone = Subset::new(&test, zeros).unwrap();
    let error = trainer(Metric::RocAuc).fit(&train, &alone).unwrap_err();
    assert!(matches!(
        error,
        TrainError::NoValue {
            metric: Metric::RocAuc,
            part: "test"
        }
    ));
    assert!(
        error
            .to_string()
            .starts_with("ROC AUC has no value on the test part")
    );
    let mut trainer = trainer(Metric::F1);
    let error = trainer.fit_without_test(&train).unwrap_err().to_string();
    assert!(error.contains("follows the loss on test data"), "{error}");
}

#[test]
fn the_best_checkpoint_is_that_of_the_metric() {
    let folder = Folder::new("watched-best");
    let [train, valid] = parts();
    let rule = Checkpoints {
        keep: 1,
        ..Checkpoints::in_folder(folder.0.join("checkpoints"))
    };
    let patient = EarlyStopping {
        patience: 99,
        ..EarlyStopping::default()
    };
    let mut one = trainer(Metric::BalancedAccuracy)
        .early_stopping(patient)
        .checkpoints(rule.clone());
    let report = one.fit_parts(Parts::new(&train).valid(&valid)).unwrap();
    let best = Checkpoints::best(&rule.folder).unwrap().unwrap();
    let scores = Checkpoint::read(&best).unwrap();
    assert_eq!(Some(scores.epochs()), report.best_epoch);
    assert_eq!(
        scores.valid().unwrap().watched,
        report.kept.valid.unwrap().watched
    );
    assert!(Checkpoints::all(&rule.folder).unwrap().len() <= 2);
    let by_loss = report
        .epochs
        .iter()
        .min_by(|one, other| one.valid_loss.total_cmp(&other.valid_loss));
    assert_ne!(
        by_loss.unwrap().epoch,
        scores.epochs(),
        "loss and metric choose alike"
    );
}
