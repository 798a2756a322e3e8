//! An evaluation that a stop comes into ends within it, and is made anew by a further call.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::class_data;
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset, Labels};
use unisono::nn::{Loss, Sequential};
use unisono::train::{Event, Report, StopHandle};

/// Rows of a test set: blocks of 2,048 of them are evaluated at once.
const ROWS: usize = 40_000;

/// Rows whose first that are asked for use a handle.
struct Stopping {
    rows: ArrayDataset,
    handle: Mutex<Option<StopHandle>>,
    gathered: AtomicUsize,
}

impl Dataset for Stopping {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn input_len(&self) -> usize {
        self.rows.input_len()
    }

    fn labels(&self) -> Labels {
        self.rows.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        // Relaxed: a counter that publishes nothing.
        self.gathered.fetch_add(rows.len(), Ordering::Relaxed);
        if let Some(handle) = self.handle.lock().unwrap().take() {
            handle.stop();
        }
        self.rows.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.rows.gather_classes(rows, classes);
    }
}

fn trainer(threads: usize) -> Trainer {
    let model = Sequential::new(4).dense(3);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(threads)
        .batch_size(16)
        .epochs(2)
}

fn bits(trainer: &Trainer) -> Vec<u32> {
    let params = trainer.kept_params().unwrap();
    params.iter().map(|value| value.to_bits()).collect()
}

/// Trains until the evaluation stops it, and then to the end: both are told.
fn stopped_and_ended(trainer: &mut Trainer, train: &dyn Dataset) -> [Report; 2] {
    let test = Stopping {
        rows: class_data(ROWS, 4, 3),
        handle: Mutex::new(Some(trainer.stop_handle())),
        gathered: AtomicUsize::new(0),
    };
    let mut epochs = 0;
    let stopped = trainer.fit_observed(train, &test, |event| {
        epochs += usize::from(matches!(event, Event::Epoch(_)));
        std::ops::ControlFlow::Continue(())
    });
    let stopped = stopped.unwrap();
    assert!(stopped.is_stopped && epochs == 0 && stopped.epochs.is_empty());
    // Relaxed: a counter that publishes nothing; the workers have ended.
    let gathered = test.gathered.load(Ordering::Relaxed);
    assert!(gathered < ROWS / 2, "{gathered} rows were evaluated");
    let ended = trainer.fit(train, &test).unwrap();
    assert!(!ended.is_stopped);
    [stopped, ended]
}

#[test]
fn a_stop_ends_an_evaluation_and_the_next_call_makes_it_to_the_same_bits() {
    let train = class_data(100, 4, 3);
    let mut whole = trainer(1);
    let expected = whole.fit(&train, &class_data(ROWS, 4, 3)).unwrap();
    for threads in [1, 2] {
        let mut broken = trainer(threads);
        let [stopped, ended] = stopped_and_ended(&mut broken, &train);
        assert_eq!((stopped.steps, ended.steps), (7, 14));
        assert_eq!(ended.epochs.len(), 2);
        assert_eq!(bits(&broken), bits(&whole));
        assert_eq!(ended.test_loss(), expected.test_loss());
    }
}

#[test]
fn the_evaluation_of_an_epoch_that_is_cut_is_made_by_the_next_call() {
    let train = class_data(100, 4, 3);
    let mut whole = trainer(1).max_steps(3);
    let expected = whole.fit(&train, &class_data(ROWS, 4, 3)).unwrap();
    let mut broken = trainer(2).max_steps(3);
    let [stopped, ended] = stopped_and_ended(&mut broken, &train);
    assert_eq!((stopped.steps, ended.steps), (3, 3));
    assert_eq!(bits(&broken), bits(&whole));
    assert_eq!(ended.test_loss(), expected.test_loss());
    assert!(expected.test_loss().is_finite());
}
