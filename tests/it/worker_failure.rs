//! A worker that panics ends the step with an error; nobody hangs, and the parameters are those of
//! the last whole step.

use crate::support::{Descent, RowGradients, class_data};
use ndarray::{Array2, array};
use unisono::data::{ArrayDataset, DataError, Dataset, Labels, LabelsMut};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, EngineError, Replica, Shard, Shards, Sums, Threads,
    Update, UpdateBlock,
};
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::train::OnNonFinite;
use unisono::{TrainError, Trainer};

/// Panics in shard 5 of step 2.
struct Fragile(RowGradients);

impl Replica for Fragile {
    fn num_params(&self) -> usize {
        self.0.num_params()
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        assert!(shard.batch.step != 2 || shard.index != 5, "a cosmic ray");
        self.0.add_loss_and_grad(params, shard, grad)
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        assert!(shard.index != 5, "a cosmic ray");
        self.0.evaluate(params, shard)
    }
}

fn config(threads: usize) -> EngineConfig {
    EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(7),
        ..EngineConfig::default()
    }
}

fn batch(step: u64) -> Batch {
    Batch::whole((0..21).collect(), step)
}

#[test]
fn a_panic_names_worker_shard_step_and_message_and_keeps_the_last_whole_step() {
    for threads in [1, 2, 3, 8] {
        let mut healthy = Engine::new(config(threads), &[1.0; 50], Descent, |_| {
            RowGradients::new(50)
        })
        .unwrap();
        let apply = |_: &_| Decision::Apply(0.1_f32);
        healthy
            .run(|s| (0..2).for_each(|step| assert!(s.step(&batch(step), apply).is_ok())))
            .unwrap();

        let mut engine = Engine::new(config(threads), &[1.0; 50], Descent, |_| {
            Fragile(RowGradients::new(50))
        })
        .unwrap();
        let error = engine
            .run(|s| (0..3).find_map(|step| s.step(&batch(step), apply).err()))
            .unwrap()
            .unwrap();
        let expected_worker = (0..threads)
            .find(|&w| unisono::engine::part(7, threads, w).contains(&5))
            .unwrap();
        match error {
            EngineError::WorkerPanicked {
                worker,
                shards,
                step,
                message,
            } => {
                assert_eq!(
                    (worker, shards, step),
                    (expected_worker, 5..6, 2),
                    "{threads} threads"
                );
                assert_eq!(message, "a cosmic ray");
            }
            other => panic!("{other}"),
        }
        assert_eq!(engine.params(), healthy.params(), "{threads} threads");
        // The engine goes on.
        engine.run(|s| s.step(&batch(3), apply).unwrap()).unwrap();
        let evaluated = engine.run(|s| s.evaluate(&batch(4))).unwrap();
        assert!(
            matches!(evaluated, Err(EngineError::EvaluationPanicked { shards, .. }) if shards == (5..6))
        );
    }
}

/// An update that panics: the engine's state is no longer whole, and it says so.
struct BadUpdate;

impl Update for BadUpdate {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {
        panic!("a bad update");
    }
}

#[test]
fn a_panic_outside_the_replica_breaks_the_engine_but_hangs_nobody() {
    for threads in [1, 2, 5] {
        let mut engine = Engine::new(config(threads), &[1.0; 50], BadUpdate, |_| {
            RowGradients::new(50)
        })
        .unwrap();
        let error = engine
            .run(|s| s.step(&batch(0), |_| Decision::Apply(())).map(|_| ()))
            .unwrap_err();
        assert!(error.to_string().contains("a bad update"), "{error}");
        assert!(matches!(
            engine.run(|_| ()),
            Err(EngineError::Broken { .. })
        ));
    }
}

#[test]
fn a_panic_of_the_driver_reaches_the_caller_and_the_engine_goes_on() {
    let mut engine =
        Engine::new(config(3), &[1.0; 50], Descent, |_| RowGradients::new(50)).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        engine.run(|_| panic!("the driver"))
    }));
    assert_eq!(
        *caught.unwrap_err().downcast::<&str>().unwrap(),
        "the driver"
    );
    engine
        .run(|s| s.step(&batch(0), |_| Decision::Apply(0.1)).unwrap())
        .unwrap();
}

/// A data set of which row 77 cannot be read.
struct Unreadable(ArrayDataset);

impl Dataset for Unreadable {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_len(&self) -> usize {
        self.0.input_len()
    }

    fn labels(&self) -> Labels {
        self.0.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        assert!(!rows.contains(&77), "row 77 cannot be read");
        self.0.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.0.gather_classes(rows, classes);
    }

    fn gather_values(&self, rows: &[u32], values: &mut [f32]) {
        self.0.gather_values(rows, values);
    }
}

#[test]
fn a_data_set_that_panics_ends_fit_with_an_error() {
    let data = Unreadable(class_data(100, 4, 3));
    let mut trainer =
        Trainer::new(Sequential::new(4).dense(3), Loss::SoftmaxCrossEntropy).threads(2);
    let error = trainer.fit(&data, &data).unwrap_err();
    assert!(matches!(
        error,
        TrainError::Engine(EngineError::WorkerPanicked { .. })
    ));
    assert!(
        error.to_string().contains("row 77 cannot be read"),
        "{error}"
    );
}

/// A data set of which the test's row 3, or row 77, cannot be read, and says so.
struct Reporting(ArrayDataset, u32);

impl Dataset for Reporting {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn input_len(&self) -> usize {
        self.0.input_len()
    }

    fn labels(&self) -> Labels {
        self.0.labels()
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        self.0.gather_inputs(rows, inputs);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        self.0.gather_classes(rows, classes);
    }

    fn try_draw(
        &self,
        epoch: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        if rows.contains(&self.1) {
            return Err(DataError::row(self.1, "the disk is gone"));
        }
        self.0.try_draw(epoch, rows, inputs, labels)
    }
}

#[test]
fn an_error_of_a_data_set_ends_fit_with_its_text_and_the_weights_of_the_last_whole_step() {
    let whole = class_data(100, 4, 3);
    let new = || {
        let model = Sequential::new(4).dense(3);
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .threads(2)
            .batch_size(10)
            .epochs(1)
    };
    // While it trains,
    let mut trainer = new();
    let error = trainer
        .fit(&Reporting(whole.clone(), 77), &whole)
        .unwrap_err();
    let is_reported = matches!(error, TrainError::Engine(EngineError::WorkerFailed { .. }));
    assert!(is_reported, "{error}");
    assert!(
        error
            .to_string()
            .contains("row 77 cannot be read: the disk is gone"),
        "{error}"
    );
    assert!(!error.to_string().contains("panicked"), "{error}");
    // in an evaluation, and by way of other data sets; the trainer goes on afterwards.
    let test = unisono::data::Subset::new(Box::new(Reporting(whole.clone(), 3)), [2, 3]).unwrap();
    let error = trainer.fit(&whole, &test).unwrap_err();
    let is_reported = matches!(
        error,
        TrainError::Engine(EngineError::EvaluationFailed { .. })
    );
    assert!(is_reported, "{error}");
    assert!(
        error
            .to_string()
            .contains("row 3 cannot be read: the disk is gone"),
        "{error}"
    );
    trainer.fit(&whole, &whole).unwrap();
}

#[test]
fn a_loss_that_is_not_finite_stops_before_the_step_or_skips_it() {
    let huge = ArrayDataset::values(array![[1e30_f32], [1.0]], array![[1e30_f32], [1.0]]).unwrap();
    let model = || Sequential::new(1).dense(1);
    let loss = Loss::Mse(unisono::nn::MseConvention::MeanOverAll);
    let new = || {
        Trainer::new(model(), loss.clone())
            .threads(2)
            .optimizer(Optimizer::sgd(1.0))
            .batch_size(2)
            .epochs(3)
    };
    let mut trainer = new();
    let before = trainer.network().unwrap();
    let error = trainer.fit(&huge, &huge).unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::NonFinite {
                step: 0,
                epoch: 1,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        trainer.network().unwrap(),
        before,
        "the step must not have been applied"
    );
    let mut skipping = new().on_non_finite(OnNonFinite::Skip);
    let report = skipping.fit(&huge, &huge).unwrap();
    assert_eq!((report.skipped_steps, report.steps), (3, 3));
    assert_eq!(skipping.network().unwrap(), before);
}

#[test]
fn impossible_settings_are_refused_before_anything_runs() {
    let data = class_data(10, 4, 3);
    let new = || {
        Trainer::new(Sequential::new(4).dense(3), Loss::SoftmaxCrossEntropy)
            .threads(1)
            .epochs(1)
    };
    let refused = |mut trainer: Trainer| trainer.fit(&data, &data).unwrap_err().to_string();
    assert!(refused(new().threads(0)).starts_with("threads must be at least 1, got 0"));
    assert!(refused(new().batch_size(0)).starts_with("batch size must be at least 1, got 0"));
    assert!(
        refused(new().shards(Shards::Fixed(0))).starts_with("shards must be at least 1, got 0")
    );
    assert!(
        refused(new().optimizer(Optimizer::sgd(f32::NAN))).starts_with("the learning rate must be")
    );
    let wide = Trainer::new(Sequential::new(5).dense(3), Loss::SoftmaxCrossEntropy).threads(1);
    assert!(refused(wide).starts_with("the training data has 4 values a row, the model takes 5"));
    let few = Trainer::new(Sequential::new(4).dense(2), Loss::SoftmaxCrossEntropy).threads(1);
    assert!(refused(few).contains("labelled with classes below 3"));
    let values = ArrayDataset::values(Array2::zeros((2, 4)), Array2::zeros((2, 3))).unwrap();
    assert!(
        new()
            .fit(&data, &values)
            .unwrap_err()
            .to_string()
            .starts_with("the test data is labelled with 3 values")
    );
}

#[test]
fn a_batch_larger_than_the_data_is_one_short_batch_and_said() {
    let data = class_data(10, 4, 3);
    let mut trainer = Trainer::new(Sequential::new(4).dense(3), Loss::SoftmaxCrossEntropy)
        .threads(13)
        .batch_size(64)
        .epochs(1);
    let report = trainer.fit(&data, &data).unwrap();
    assert_eq!(report.steps, 1);
    let warnings = report.setup.warnings.join("\n");
    assert!(
        warnings.contains("batch of 64 rows is larger than the 10 rows"),
        "{warnings}"
    );
    assert!(
        warnings.contains("of 13 threads have no shard to work on: use 13 shards"),
        "{warnings}"
    );
}
