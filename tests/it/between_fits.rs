//! Between two calls of `fit`: changed settings act, another optimiser's state is not adopted, and
//! a panic or an error leaves the last whole step.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::class_data;
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset, Labels};
use unisono::nn::{Loss, Sequential};
use unisono::optim::{BatchRule, Optimizer, Plateau};
use unisono::train::{EarlyStopping, Event, Report};

fn new() -> Trainer {
    let model = Sequential::new(64).dense(12).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(2)
        .batch_size(16)
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
        .epochs(2)
        .seed(3)
}

fn data() -> ArrayDataset {
    class_data(96, 64, 10)
}

fn hash(trainer: &Trainer) -> String {
    trainer.network().unwrap().weights_sha256()
}

/// A first call, and a second one with other settings.
fn again(change: impl FnOnce(Trainer) -> Trainer) -> (Trainer, Report) {
    let data = data();
    let mut trainer = new();
    trainer.fit(&data, &data).unwrap();
    let mut trainer = change(trainer);
    let report = trainer.fit(&data, &data).unwrap();
    (trainer, report)
}

#[test]
fn settings_that_are_changed_between_two_calls_act() {
    let (_, larger) = again(|trainer| trainer.batch_size(48));
    assert_eq!(
        (larger.setup.batch_size, larger.epochs[0].batch_size),
        (48, 48)
    );
    assert_eq!(larger.steps, 2 * 6 + 2 * 2);
    let staged: BatchRule = "adabatch 2 every 1 epochs lr 1 to 64".parse().unwrap();
    let (_, grown) = again(|trainer| trainer.batch_policy(staged));
    assert!(
        grown.epochs.iter().any(|epoch| epoch.batch_size > 16),
        "{:?}",
        grown.epochs
    );
    let never_better = Plateau {
        factor: 0.5,
        patience: 1,
        threshold: 0.999_999,
        ..Plateau::default()
    };
    let (_, cut) = again(|trainer| trainer.plateau(never_better).epochs(4));
    assert!(cut.epochs[3].lr < cut.epochs[0].lr, "{:?}", cut.epochs);
    let rule = EarlyStopping {
        patience: 1,
        min_delta: 1e9,
        ..EarlyStopping::default()
    };
    let (_, stopped) = again(|trainer| trainer.early_stopping(rule).epochs(9));
    assert!(stopped.epochs.len() <= 2, "{}", stopped.epochs.len());
    // One that is taken up in the middle of a call follows the new rule as well.
    let data = data();
    let mut trainer = new().epochs(9);
    let at_first_epoch = |event: &Event<'_>| match event {
        Event::Epoch(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    trainer.fit_observed(&data, &data, at_first_epoch).unwrap();
    let mut trainer = trainer.early_stopping(rule);
    assert!(trainer.fit(&data, &data).unwrap().epochs.len() <= 2);
}

#[test]
fn two_calls_with_the_same_settings_are_one_training() {
    let data = data();
    let mut whole = new().epochs(4);
    whole.fit(&data, &data).unwrap();
    assert_eq!(hash(&again(|trainer| trainer).0), hash(&whole));
}

#[test]
fn an_optimiser_never_goes_on_from_the_state_of_another() {
    let data = data();
    let momentum = Optimizer::sgd(0.05).with_momentum(0.9);
    for other in [
        Optimizer::rms_prop(0.001),
        Optimizer::adagrad(0.01),
        Optimizer::lion(0.001),
        Optimizer::adam(0.001),
        Optimizer::lars(0.1).with_momentum(0.9),
        Optimizer::sgd(0.05).with_ema_momentum(0.9),
        Optimizer::sgd(0.05),
        momentum.clone().with_average(0.9),
    ] {
        let (changed, report) = again(|trainer| trainer.optimizer(other.clone()));
        let warning = report.setup.warnings.join("; ");
        assert!(warning.contains("it begins anew"), "{other}: {warning}");
        // The same as a trainer that begins with the other one at these weights.
        let (by_hand, quiet) = again(|mut trainer| {
            trainer.reset_optimizer();
            trainer.optimizer(other.clone())
        });
        assert!(
            quiet.setup.warnings.is_empty(),
            "{:?}",
            quiet.setup.warnings
        );
        assert_eq!(hash(&changed), hash(&by_hand), "{other}");
        assert!(report.test_loss().is_finite(), "{other}");
        // Its bias correction begins anew, too: its first steps are those of a new training.
        let (first, _) = again(|trainer| trainer.epochs(0));
        let mut fresh =
            Trainer::from_network(first.last_network().unwrap(), Loss::SoftmaxCrossEntropy)
                .optimizer(other.clone());
        let steps = |trainer: &mut Trainer| {
            let mut norms = Vec::new();
            let observe = |event: &Event<'_>| {
                if let Event::Step { grad_norm, .. } = event {
                    norms.push(*grad_norm);
                }
                ControlFlow::Continue(())
            };
            trainer.fit_observed(&data, &data, observe).unwrap();
            norms
        };
        assert_eq!(
            steps(&mut fresh).len(),
            3 * 10,
            "10 epochs of 3 batches of 32"
        );
    }
    // Another learning rate or momentum is no other optimiser.
    let (_, same) = again(|trainer| trainer.optimizer(Optimizer::sgd(0.01).with_momentum(0.5)));
    assert!(same.setup.warnings.is_empty(), "{:?}", same.setup.warnings);
}

#[test]
fn a_checkpoint_of_another_optimiser_is_refused_by_the_names_of_its_state() {
    let data = data();
    let mut trainer = new();
    trainer.fit(&data, &data).unwrap();
    let checkpoint = trainer.checkpoint().unwrap();
    let mut other = new().optimizer(Optimizer::rms_prop(0.001));
    let error = other.resume(checkpoint.clone()).unwrap_err().to_string();
    assert!(
        error.contains("the optimizer has mean of squares, the checkpoint velocity"),
        "{error}"
    );
    let mut allowed = new().optimizer(Optimizer::rms_prop(0.001)).allow_changes();
    allowed.resume(checkpoint).unwrap();
    let report = allowed.fit(&data, &data).unwrap();
    assert!(report.setup.warnings[0].contains("it begins anew"));
}

#[test]
fn a_panic_of_the_observer_leaves_the_last_whole_step() {
    let data = data();
    let mut whole = new().epochs(3);
    whole.fit(&data, &data).unwrap();
    for panics_at in [1, 5, 6, 11] {
        let mut trainer = new().epochs(3);
        let mut steps = 0;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            trainer.fit_observed(&data, &data, |event| {
                steps += usize::from(matches!(event, Event::Step { .. }));
                assert!(steps < panics_at, "the observer has had enough");
                ControlFlow::Continue(())
            })
        }));
        let payload = panicked.unwrap_err();
        let message = payload.downcast_ref::<&str>().copied().unwrap_or("another");
        assert_eq!(message, "the observer has had enough");
        let checkpoint = trainer.checkpoint().unwrap();
        assert_eq!(checkpoint.step(), panics_at as u64);
        trainer.fit(&data, &data).unwrap();
        assert_eq!(hash(&trainer), hash(&whole), "at step {panics_at}");
        // What was written then goes on, too.
        let mut resumed = new().epochs(3).threads(1);
        resumed.resume(checkpoint).unwrap();
        resumed.fit(&data, &data).unwrap();
        assert_eq!(
            hash(&resumed),
            hash(&whole),
            "from a checkpoint at {panics_at}"
        );
    }
}

/// Data that cannot be read once.
#[derive(Debug)]
struct Unsteady {
    data: ArrayDataset,
    reads: AtomicUsize,
    fails_at: usize,
    has_failed: AtomicBool,
}

impl Unsteady {
    fn new(fails_at: usize) -> Self {
        Self {
            data: data(),
            reads: AtomicUsize::new(0),
            fails_at,
            has_failed: AtomicBool::new(false),
        }
    }
}

impl Dataset for Unsteady {
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
        // Relaxed: a counter and a flag that publish nothing.
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        let fails = reads >= self.fails_at && !self.has_failed.swap(true, Ordering::Relaxed);
        assert!(!fails, "the disk is away for a moment");
        self.data.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.data.gather_classes(rows, classes);
    }
}

#[test]
fn data_that_fail_once_cost_no_step_and_no_place_in_the_epoch() {
    let data = data();
    for optimizer in [
        Optimizer::sgd(0.05).with_momentum(0.9),
        Optimizer::adam(0.01).with_average(0.9),
    ] {
        let new = || new().optimizer(optimizer.clone()).epochs(3);
        let mut whole = new();
        whole.fit(&data, &data).unwrap();
        for fails_at in [3, 9, 20] {
            let train = Unsteady::new(fails_at);
            let mut trainer = new();
            trainer.fit(&train, &data).unwrap_err();
            trainer.fit(&train, &data).unwrap();
            assert_eq!(hash(&trainer), hash(&whole), "read {fails_at}");
            // The same of the test part: the evaluation is made again.
            let test = Unsteady::new(fails_at / 9);
            let mut trainer = new();
            trainer.fit(&data, &test).unwrap_err();
            let report = trainer.fit(&data, &test).unwrap();
            assert_eq!(hash(&trainer), hash(&whole), "test read {fails_at}");
            assert_eq!(report.epochs.last().unwrap().epoch, 3);
        }
    }
}
