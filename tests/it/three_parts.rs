//! Training, validation and test part: what chooses, what is read, and when.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use unisono::Trainer;
use unisono::data::{
    ArrayDataset, Dataset, Labels, MapDataset, PartRows, Shares, Subset, digits, group_parts,
    last_parts, random_parts, stratified_parts,
};
#[cfg(feature = "files")]
use unisono::data::{DataOptions, Split, open};
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::train::{EarlyStopping, EvaluatedPart, Event, KeptWeights, Parts, Report};

#[cfg(feature = "files")]
use crate::files::Folder;

/// Rows that count how often they are read.
struct Counted<'d> {
    data: &'d dyn Dataset,
    reads: AtomicUsize,
}

impl<'d> Counted<'d> {
    fn new(data: &'d dyn Dataset) -> Self {
        Self {
            data,
            reads: AtomicUsize::new(0),
        }
    }

    fn reads(&self) -> usize {
        // A count, which publishes nothing: `fit` has returned, or waits for its observer.
        self.reads.load(Ordering::Relaxed)
    }
}

impl Dataset for Counted<'_> {
    fn len(&self) -> usize {
        self.data.len()
    }

    fn input_len(&self) -> usize {
        self.data.input_len()
    }

    fn labels(&self) -> Labels {
        self.data.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        // A count, which publishes nothing.
        self.reads.fetch_add(rows.len(), Ordering::Relaxed);
        self.data.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.data.gather_classes(rows, classes);
    }
}

/// The digits in three parts.
fn parts() -> [Subset<ArrayDataset>; 3] {
    let (all, test) = digits();
    let rows = |range: std::ops::Range<u32>| range.collect::<Vec<_>>();
    let tests = test.len() as u32;
    [
        Subset::new(all.clone(), rows(0..400)).unwrap(),
        Subset::new(all, rows(400..600)).unwrap(),
        Subset::new(test, rows(0..tests)).unwrap(),
    ]
}

/// A training that overfits soon, and stops.
fn trainer() -> Trainer {
    let model = Sequential::new(64).dense(48).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::sgd(0.2).with_momentum(0.9))
        .early_stopping(EarlyStopping {
            patience: 2,
            ..EarlyStopping::default()
        })
        .epochs(40)
}

fn hash(trainer: &Trainer) -> String {
    trainer.network().unwrap().weights_sha256()
}

/// Validation and test scores, and where they were reached.
fn scores(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    let kept = report.kept;
    (
        kept.weights,
        kept.epoch,
        kept.chosen_on,
        kept.valid,
        kept.test,
    )
}

#[test]
fn the_test_part_is_read_once_at_the_end_and_chooses_nothing() {
    let [train, valid, test] = parts();
    let counted = Counted::new(&test);
    let mut reads = Vec::new();
    let mut one = trainer();
    let report = one
        .fit_parts_observed(Parts::new(&train).valid(&valid).test(&counted), |event| {
            if let Event::Epoch(metrics) = event {
                assert!(metrics.test_loss.is_nan() && metrics.test_accuracy.is_nan());
                reads.push(counted.reads());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(reads.len() < 40 && reads.iter().all(|&reads| reads == 0));
    assert_eq!(counted.reads(), test.len());
    // The kept epoch is the best by validation, and the numbers are those of its weights.
    let kept = report.kept;
    let best = report
        .epochs
        .iter()
        .min_by(|one, other| one.valid_loss.total_cmp(&other.valid_loss))
        .unwrap();
    assert_eq!(
        (kept.weights, kept.epoch),
        (KeptWeights::BestEpoch, best.epoch)
    );
    assert_eq!(kept.chosen_on, Some(EvaluatedPart::Validation));
    assert_eq!(kept.valid.unwrap().loss, best.valid_loss);
    assert_eq!(one.evaluate(&valid).unwrap().0, best.valid_loss);
    assert_eq!(one.evaluate(&test).unwrap().0, report.test_loss());
    // Another test part leaves every bit as it is; another validation part does not.
    let reversed = |inputs: &[f32], to: &mut [f32]| {
        let inputs = inputs.iter().rev();
        to.iter_mut().zip(inputs).for_each(|(to, from)| *to = *from);
    };
    let wrong = MapDataset::new(&test, [64], reversed).unwrap();
    let mut other = trainer();
    let with_wrong = Parts::new(&train).valid(&valid).test(&wrong);
    let changed = other.fit_parts(with_wrong).unwrap();
    assert_eq!((hash(&other), changed.kept.valid), (hash(&one), kept.valid));
    assert_ne!(changed.test_loss(), report.test_loss());
}

#[test]
fn without_a_validation_part_what_is_chosen_is_said_to_be_chosen_on_the_test_part() {
    let [train, _, test] = parts();
    let report = trainer().fit(&train, &test).unwrap();
    assert_eq!(report.kept.chosen_on, Some(EvaluatedPart::Test));
    assert!(report.valid().is_none() && report.epochs[0].valid_loss.is_nan());
    let plain = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
    let report = plain.epochs(1).fit(&train, &test).unwrap();
    assert_eq!(report.kept.chosen_on, None);
}

#[test]
fn three_parts_give_the_same_bits_for_any_number_of_threads_and_after_resuming() {
    let [train, valid, test] = parts();
    let parts = Parts::new(&train).valid(&valid).test(&test);
    let mut unbroken = trainer().threads(1);
    let expected = unbroken.fit_parts(parts).unwrap();
    for threads in [2, 3, 5] {
        let mut other = trainer().threads(threads);
        let report = other.fit_parts(parts).unwrap();
        assert_eq!(scores(&report), scores(&expected));
        assert_eq!(hash(&other), hash(&unbroken));
    }
    // Stopped in its third epoch, and resumed from a checkpoint.
    let mut stopped = trainer();
    let report = stopped.fit_parts_observed(parts, |event| match event {
        Event::Step { step: 30, .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let kept = report.unwrap().kept;
    assert_eq!((kept.valid, kept.test), (None, None));
    let mut resumed = trainer().threads(2);
    resumed.resume(stopped.checkpoint().unwrap()).unwrap();
    let report = resumed.fit_parts(parts).unwrap();
    assert_eq!(scores(&report), scores(&expected));
    assert_eq!(hash(&resumed), hash(&unbroken));
}

#[test]
fn a_validation_part_takes_rows_from_training_alone() {
    let classes: Vec<u32> = (0..301).map(|row| u32::from(row % 3 == 0)).collect();
    let groups: Vec<u32> = (0..301).map(|row| row / 7).collect();
    let shares = Shares {
        valid: 0.15,
        test: 0.2,
    };
    let made: [&dyn Fn(Shares) -> PartRows; 4] = [
        &|shares| stratified_parts(&classes, shares, 7),
        &|shares| random_parts(301, shares, 7),
        &|shares| group_parts(&groups, shares, 7),
        &|shares| last_parts(301, shares),
    ];
    for make in made {
        let (two, three) = (make(Shares::test(0.2)), make(shares));
        assert_eq!(three.test, two.test);
        assert!(two.valid.is_empty() && (40..=52).contains(&three.valid.len()));
        let mut rest = [three.train, three.valid].concat();
        rest.sort_unstable();
        assert_eq!(rest, two.train);
    }
    let drawn = stratified_parts(&classes, shares, 7);
    let ones = |rows: &[usize]| rows.iter().filter(|&&row| classes[row] == 1).count();
    assert_eq!((drawn.valid.len(), ones(&drawn.valid)), (45, 15));
    let last = last_parts(301, shares);
    assert!(last.train.last() < last.valid.first() && last.valid.last() < last.test.first());
    // A class of few rows keeps one for training.
    let rare = stratified_parts(
        &[0, 0],
        Shares {
            valid: 0.9,
            test: 0.0,
        },
        1,
    );
    assert_eq!((rare.train.len(), rare.valid.len()), (1, 1));
}

#[cfg(feature = "files")]
#[test]
fn a_table_is_standardised_by_its_training_rows_alone() {
    let folder = Folder::new("three-parts");
    let rows: String = (0..100)
        .map(|row| format!("{},{}\n", row * row, ["a", "b"][row % 2]))
        .collect();
    let path = folder.file("days.csv", rows.as_bytes());
    let options = DataOptions {
        split: Some(Split::Last),
        valid_share: Some(0.2),
        ..DataOptions::default()
    };
    let opened = open(&path, &options).unwrap();
    let valid = opened.valid.unwrap();
    let lens = (opened.train.len(), valid.len(), opened.test.len());
    assert_eq!(lens, (70, 20, 10));
    // Rows 0 to 69 have mean 0 and deviation 1; those behind them do not.
    let mean = |part: &dyn Dataset| {
        let all: Vec<u32> = (0..part.len() as u32).collect();
        let mut values = vec![0.0; all.len()];
        part.gather_inputs(&all, &mut values);
        values.iter().sum::<f32>() / values.len() as f32
    };
    assert!(mean(&*opened.train).abs() < 1e-5);
    assert!(mean(&*valid) > 2.0 && mean(&*opened.test) > mean(&*valid));
}
