//! Optimisers, schedules, batch policies, callbacks and models of one's own, in the trainer's loop.

use std::ops::ControlFlow;

use crate::files::Folder;
use unisono::data::{ArrayDataset, digits};
use unisono::engine::{Replica, Shard, Sums};
use unisono::nn::{Loss, Role, Sequential};
use unisono::optim::{
    Adam, BatchBounds, BatchPolicy, Chain, CustomPolicy, CustomShape, Optimizer, PlanContext,
    Schedule, StepPlan, Unit,
};
use unisono::train::{
    Checkpoint, Checkpoints, EarlyStopping, Event, ReplicaModel, RowCounts, View,
};
use unisono::{TrainError, Trainer};

const ADAM: Adam = Adam {
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
};

fn new(threads: usize) -> Trainer {
    let model = Sequential::new(64).dense(16).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(threads)
        .epochs(2)
}

fn data() -> (ArrayDataset, ArrayDataset) {
    let (train, test) = digits();
    (train.subset(&(0..400).collect::<Vec<_>>()), test)
}

fn hash(mut trainer: Trainer) -> String {
    let (train, test) = data();
    trainer.fit(&train, &test).unwrap();
    trainer.network().unwrap().weights_sha256()
}

fn own_adam() -> Optimizer {
    Optimizer::custom("own adam", 0.01, || Chain::new(vec![Box::new(ADAM)]))
}

#[test]
fn an_optimiser_of_ones_own_gives_the_bits_of_the_same_built_in_one() {
    let around = |optimizer: Optimizer| {
        optimizer
            .with_clip_value(0.5)
            .with_l2(1e-4)
            .with_weight_decay(0.01)
            .with_clip_norm(1.0)
            .with_average(0.9)
    };
    let built_in = hash(new(2).optimizer(around(Optimizer::adam(0.01))));
    for threads in [1, 2, 3, 5] {
        let own = hash(new(threads).optimizer(around(own_adam())));
        assert_eq!(own, built_in, "{threads} threads");
    }
}

#[test]
fn a_schedule_of_ones_own_gives_the_bits_of_the_same_built_in_one() {
    let line = CustomShape::new("own line", 20, |share| 1.0 - share.min(1.0));
    let own = Schedule::new(line.into(), Unit::Steps).warmed_up(3, Unit::Steps);
    let built_in = "warmup 3 steps, linear to 0 over 20 steps".parse().unwrap();
    assert_eq!(hash(new(2).schedule(own)), hash(new(1).schedule(built_in)));
}

/// A policy that asks for the rows that it is told, at a rate.
#[derive(Debug)]
struct Asks(usize, f32);

impl BatchPolicy for Asks {
    fn plan(&mut self, _: &PlanContext<'_>) -> StepPlan {
        StepPlan {
            batch_size: self.0,
            lr: self.1,
        }
    }
}

#[test]
fn impossible_plans_of_policies_and_schedules_are_errors_that_name_them() {
    let (train, test) = data();
    let bounds = BatchBounds { least: 8, most: 64 };
    for (rows, lr) in [(0, 0.1), (65, 0.1), (32, f32::NAN), (32, -0.1)] {
        let policy = CustomPolicy::new("asks", bounds, move |_| Box::new(Asks(rows, lr)));
        let error = new(1).batch_policy(policy.into()).fit(&train, &test);
        let error = error.unwrap_err();
        assert!(matches!(error, TrainError::Plan { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("\"asks\"") && text.contains("expected 8 to 64 rows"),
            "{text}"
        );
    }
    let shape = CustomShape::new("broken", 5, |_| f64::INFINITY);
    let broken = Schedule::new(shape.into(), Unit::Steps);
    let error = new(1).schedule(broken).fit(&train, &test).unwrap_err();
    assert!(
        error.to_string().contains("\"broken over 5 steps\""),
        "{error}"
    );
}

#[test]
fn what_is_of_ones_own_resumes_by_its_name() {
    let (train, test) = data();
    let trainer = |name: &str| {
        let optimizer = Optimizer::custom(name, 0.01, || Chain::new(vec![Box::new(ADAM)]));
        let bounds = BatchBounds { least: 8, most: 64 };
        let policy = CustomPolicy::new("asks", bounds, |_| Box::new(Asks(40, 0.01)));
        new(2).optimizer(optimizer).batch_policy(policy.into())
    };
    let unbroken = hash(trainer("one"));
    let mut cut = trainer("one").max_steps(7);
    cut.fit(&train, &test).unwrap();
    let checkpoint = cut.checkpoint().unwrap();
    let mut resumed = trainer("one");
    resumed.resume(checkpoint.clone()).unwrap();
    assert_eq!(hash(resumed), unbroken);
    let mut other = trainer("other");
    other.resume(checkpoint).unwrap();
    let error = other.fit(&train, &test).unwrap_err().to_string();
    assert!(
        error.contains("optimizer was one (lr 0.01), is other (lr 0.01)"),
        "{error}"
    );
}

#[test]
fn callbacks_see_the_weights_after_each_step_on_any_number_of_threads() {
    let (train, test) = data();
    let seen = |threads: usize| {
        let mut trainer = new(threads).optimizer(Optimizer::adam(0.01).with_average(0.9));
        let (mut steps, mut last) = (Vec::new(), Vec::new());
        trainer
            .fit_with(&train, &test, &mut |event: &Event<'_>, view: &View<'_>| {
                if let Event::Step { step, .. } = event {
                    assert_eq!(view.progress().step, *step);
                    assert_eq!(view.layout().len(), view.params().len());
                    steps.push(view.params()[3]);
                }
                last = view.params().to_vec();
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(last, trainer.last_network().unwrap().params());
        steps
    };
    let one = seen(1);
    assert_eq!(one.len(), 26);
    for threads in [2, 3, 5] {
        assert_eq!(seen(threads), one);
    }
}

#[test]
fn a_checkpoint_that_a_callback_asks_for_resumes_and_none_is_made_where_none_are_kept() {
    let (folder, (train, test)) = (Folder::new("asked"), data());
    let rule = Checkpoints {
        every_epochs: 0,
        ..Checkpoints::in_folder(&folder.0)
    };
    let mut trainer = new(2).checkpoints(rule);
    let mut ask = |event: &Event<'_>, view: &View<'_>| {
        if matches!(event, Event::Step { step: 5, .. }) {
            assert!(view.request_checkpoint());
        }
        ControlFlow::Continue(())
    };
    trainer.fit_with(&train, &test, &mut ask).unwrap();
    let all = Checkpoints::all(&folder.0).unwrap();
    assert_eq!(all.len(), 1);
    let mut resumed = new(3);
    resumed.resume(Checkpoint::read(&all[0]).unwrap()).unwrap();
    assert_eq!(hash(resumed), trainer.network().unwrap().weights_sha256());
    let mut refused = |_: &Event<'_>, view: &View<'_>| {
        assert!(!view.request_checkpoint());
        ControlFlow::Continue(())
    };
    new(1).fit_with(&train, &test, &mut refused).unwrap();
}

#[test]
fn without_a_test_set_the_weights_are_the_same_and_what_follows_it_is_refused() {
    let (train, test) = data();
    let mut without = new(3);
    let report = without.fit_without_test(&train).unwrap();
    assert!(report.kept.test.is_none() && report.test_loss().is_nan());
    assert_eq!(report.setup.test_rows, 0);
    let mut with = new(1);
    with.fit(&train, &test).unwrap();
    assert_eq!(without.network().unwrap(), with.network().unwrap());
    let follows = new(1).early_stopping(EarlyStopping::default());
    let error = { follows }.fit_without_test(&train).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("early stopping follows the loss on test data")
    );
}

#[test]
fn a_clone_of_a_trainer_goes_on_like_the_trainer() {
    let (train, test) = data();
    let policy = "noise 16..64 every 3 steps lr sqrt".parse().unwrap();
    let mut trainer = new(2).batch_policy(policy).max_steps(9);
    trainer.fit(&train, &test).unwrap();
    let mut twin = trainer.clone();
    assert_eq!(
        trainer.fit(&train, &test).unwrap().epochs.len(),
        twin.fit(&train, &test).unwrap().epochs.len()
    );
    assert_eq!(trainer.network().unwrap(), twin.network().unwrap());
}

/// y = w x + b, for x = row / 50 and y = 3 x - 1, by least squares.
struct Line;

impl Replica for Line {
    fn num_params(&self) -> usize {
        2
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        let mut sums = Sums::default();
        for &row in shard.rows {
            let x = row as f32 / 50.0;
            let error = params[0] * x + params[1] - (3.0 * x - 1.0);
            grad[0] += error * x;
            grad[1] += error;
            sums.loss += f64::from(0.5 * error * error);
            sums.weight += 1.0;
            sums.rows += 1.0;
        }
        sums
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.add_loss_and_grad(params, shard, &mut [0.0; 2])
    }
}

fn line() -> Trainer<ReplicaModel> {
    named("line")
}

fn named(name: &str) -> Trainer<ReplicaModel> {
    let tensors = [
        ("weight", vec![1], Role::Weight),
        ("bias", vec![1], Role::Bias),
    ];
    let model = ReplicaModel::new(name, vec![0.0; 2]);
    Trainer::of_replicas(model.with_tensors(tensors).unwrap())
        .optimizer(Optimizer::adam_w(0.05).with_average(0.5))
        .schedule("cosine to 0.1 over 40 epochs".parse().unwrap())
        .early_stopping(EarlyStopping {
            patience: 30,
            ..EarlyStopping::default()
        })
        .batch_size(16)
        .epochs(40)
}

const ROWS: RowCounts = RowCounts {
    train: 100,
    test: 40,
};

#[test]
fn a_replica_of_ones_own_has_the_whole_loop_with_the_same_bits_for_any_threads() {
    let mut one = line().threads(1);
    let report = one.fit_replicas(ROWS, |_| Line).unwrap();
    assert_eq!((report.steps, report.epochs.len()), (280, 40));
    assert!(report.test_loss() < report.epochs[0].test_loss / 2.0);
    assert!(report.best_epoch.is_some());
    for threads in [2, 3, 5, 8] {
        let mut other = line().threads(threads);
        other.fit_replicas(ROWS, |_| Line).unwrap();
        assert_eq!(other.kept_params().unwrap(), one.kept_params().unwrap());
    }
    // Cut within an epoch, written, read, resumed.
    let folder = Folder::new("line");
    let rule = Checkpoints::in_folder(&folder.0);
    let mut cut = line().threads(3).max_steps(101).checkpoints(rule);
    cut.fit_replicas(ROWS, |_| Line).unwrap();
    let file = Checkpoints::latest(&folder.0).unwrap().unwrap();
    let checkpoint = Checkpoint::read(&file).unwrap();
    let mut resumed = line().threads(2);
    resumed.resume(checkpoint.clone()).unwrap();
    resumed.fit_replicas(ROWS, |_| Line).unwrap();
    assert_eq!(resumed.kept_params().unwrap(), one.kept_params().unwrap());
    // Another model with the same tensors is refused by its name.
    let mut other = named("curve");
    other.resume(checkpoint).unwrap();
    let error = other.fit_replicas(ROWS, |_| Line).unwrap_err().to_string();
    assert!(error.contains("architecture was "), "{error}");
}

#[test]
fn what_a_replica_of_ones_own_cannot_have_is_refused_by_name() {
    let error = |rows| line().fit_replicas(rows, |_| Line).unwrap_err().to_string();
    assert!(error(RowCounts::training(10)).starts_with("early stopping follows"));
    let none = RowCounts { train: 0, test: 3 };
    assert!(!error(none).is_empty());
    /// One parameter more than the model.
    struct Wide(Line);
    impl Replica for Wide {
        fn num_params(&self) -> usize {
            3
        }
        fn add_loss_and_grad(
            &mut self,
            params: &[f32],
            shard: &Shard<'_>,
            grad: &mut [f32],
        ) -> Sums {
            self.0.add_loss_and_grad(params, shard, grad)
        }
        fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
            self.0.evaluate(params, shard)
        }
    }
    let error = line().fit_replicas(ROWS, |_| Wide(Line)).unwrap_err();
    assert!(matches!(error, TrainError::Engine(_)), "{error}");
}
