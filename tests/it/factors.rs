//! Gradients that owners make from everyone's rows: the bits of those that are folded and added,
//! for any number of threads, and no step hangs on a worker that failed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{class_data, replica};
use unisono::engine::all_reduce::{ALL, Segmented};
use unisono::engine::{
    Assignment, BLOCK, Batch, Combination, Decision, Engine, EngineConfig, EngineError, Fold,
    Phase, Replica, Shard, Shards, StepShape, Sums, Threads, Track, UpdateMode,
};
use unisono::nn::{Dense, Network, NetworkReplica, Sequential};
use unisono::optim::{Optimizer, StepScalars};
use unisono::train::{ChainUpdate, Sources};

const ROWS: usize = 40;

/// Two large layers, of 90,601 and 91,203 parameters, and a small one.
fn model() -> Sequential {
    Sequential::new(300)
        .dense(301)
        .relu()
        .layer(Dense::new(303).without_bias())
        .tanh()
        .dense(5)
}

/// A replica that counts what it combines, and panics in shard 5 of step 2, before or after its
/// fold.
struct Watched<'d> {
    inner: NetworkReplica<Sources<'d>>,
    combined: &'d AtomicUsize,
    panics: Option<When>,
}

#[derive(Clone, Copy, PartialEq)]
enum When {
    Before,
    After,
}

impl Watched<'_> {
    fn panic_if(&self, when: When, fold: &Fold<'_>) {
        let is_here = fold.batch().step == 2 && fold.shards().contains(&5);
        assert!(!is_here || self.panics != Some(when), "a cosmic ray");
    }
}

impl Replica for Watched<'_> {
    fn num_params(&self) -> usize {
        self.inner.num_params()
    }

    fn params_changed(&mut self) {
        self.inner.params_changed();
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        self.inner.add_loss_and_grad(params, shard, grad)
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.inner.evaluate(params, shard)
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        self.panic_if(When::Before, fold);
        self.inner.fold(fold);
        self.panic_if(When::After, fold);
    }

    fn factored(&mut self, shape: StepShape<'_>) -> &[Range<usize>] {
        self.inner.factored(shape)
    }

    fn combine(&mut self, part: &Combination<'_>, grad: &mut [f32]) {
        // Relaxed: a counter that publishes nothing; it is read once all workers have ended.
        self.combined.fetch_add(grad.len(), Ordering::Relaxed);
        self.inner.combine(part, grad);
    }
}

/// Three steps, of 40 rows, 3 and 39; the parameters, and how many of them were combined.
fn trained(config: EngineConfig, panics: Option<When>) -> (Vec<f32>, usize) {
    let (model, data) = (model(), class_data(82, 300, 5));
    let network = Network::new(model.clone(), 3).unwrap();
    let combined = AtomicUsize::new(0);
    let watched = |_| Watched {
        inner: replica(&model, &data),
        combined: &combined,
        panics,
    };
    let optimizer = Optimizer::sgd(0.05).with_momentum(0.9);
    let update = ChainUpdate::for_model(&optimizer, network.layout()).unwrap();
    let mut engine = Engine::new(config, network.params(), update, watched).unwrap();
    let steps = engine.run(|session| -> Vec<Result<(), EngineError>> {
        let mut step = |rows: Range<u32>, step| {
            let batch = Batch::whole(rows.collect(), step);
            let apply = |weight| Decision::Apply(StepScalars::plain(0.05, weight, step));
            session
                .step(&batch, |reduced| apply(reduced.sums.weight))
                .map(drop)
        };
        let steps = [step(0..40, 0), step(40..43, 1), step(43..82, 2)];
        let again = step(43..82, 3);
        steps.into_iter().chain([again]).collect()
    });
    for (at, step) in steps.unwrap().into_iter().enumerate() {
        match step {
            Err(EngineError::WorkerPanicked { message, step, .. }) if panics.is_some() => {
                assert_eq!((message.as_str(), step, at), ("a cosmic ray", 2, 2));
            }
            other => {
                other.unwrap();
                assert!(panics.is_none() || at != 2);
            }
        }
    }
    (engine.params(), combined.into_inner())
}

fn config(threads: usize, shards: usize) -> EngineConfig {
    EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(shards),
        ..EngineConfig::default()
    }
}

#[test]
fn large_layers_that_meet_few_rows_are_factored_on_several_workers() {
    let (model, data) = (model(), class_data(1, 300, 5));
    let mut replica = replica(&model, &data);
    let mut factored = |rows, shards, workers| {
        let assignment = &Assignment::even(shards, workers);
        let shape = StepShape { rows, assignment };
        replica.factored(shape).to_vec()
    };
    let both = [0..90_601, 90_601..90_601 + 91_203];
    assert_eq!(factored(ROWS, 16, 2), both);
    assert_eq!(factored(ROWS, 16, 13), both);
    assert!(factored(76, 7, 3).is_empty());
    // Nobody would compute the gradients of the others meanwhile, a sixth of all.
    let mixed = Sequential::new(300).dense(300).dense(60);
    let shape = StepShape {
        rows: 2,
        assignment: &Assignment::even(2, 2),
    };
    assert!(self::replica(&mixed, &data).factored(shape).is_empty());
}

#[test]
fn gradients_from_factors_have_the_bits_of_those_that_are_added() {
    for shards in [1, 7, 16] {
        let (expected, combined) = trained(config(1, shards), None);
        assert_eq!(combined, 0);
        for threads in [2, 3, 5, 8, 13] {
            let (params, combined) = trained(config(threads, shards), None);
            assert!(params == expected, "{threads} threads, {shards} shards");
            assert_eq!(combined, 4 * (90_601 + 91_203), "{threads} threads");
        }
    }
}

#[test]
fn what_rules_factors_out_changes_no_bit() {
    let (expected, _) = trained(config(2, 7), None);
    let others = [
        EngineConfig {
            track: Track::ShardNorms,
            ..config(3, 7)
        },
        EngineConfig {
            update: UpdateMode::Master,
            ..config(2, 7)
        },
        EngineConfig {
            all_reduce: Arc::new(ALL[0]),
            ..config(3, 7)
        },
    ];
    for other in others {
        let (params, combined) = trained(other.clone(), None);
        assert!(params == expected && combined == 0, "{other:?}");
    }
}

#[test]
fn a_worker_that_fails_keeps_nobody_waiting_for_its_factors() {
    // Without step 2, which fails: the same rows come again as step 3.
    for threads in [2, 3, 8] {
        for when in [When::Before, When::After] {
            let (params, _) = trained(config(threads, 7), Some(when));
            let (one, _) = trained(config(1, 7), Some(when));
            assert!(params == one, "{threads} threads");
        }
    }
}

/// Of two blocks, so that both workers own some.
const PARAMS: usize = 2 * BLOCK;

const ALL_PARAMS: Range<usize> = 0..PARAMS;

/// Calls its parameters factored, and folds as if they were not.
struct Forgetful;

impl Replica for Forgetful {
    fn num_params(&self) -> usize {
        PARAMS
    }

    fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, _: &mut [f32]) -> Sums {
        Sums::default()
    }

    fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }

    fn factored(&mut self, _: StepShape<'_>) -> &[Range<usize>] {
        std::slice::from_ref(&ALL_PARAMS)
    }
}

#[test]
fn a_replica_that_forgets_to_publish_is_told_so() {
    let update = ChainUpdate::new(&Optimizer::sgd(0.1), PARAMS).unwrap();
    let mut engine = Engine::new(config(2, 4), &[0.0; PARAMS], update, |_| Forgetful).unwrap();
    let batch = Batch::whole((0..8).collect(), 0);
    let step = engine.run(|session| session.step(&batch, |_| Decision::Skip).map(drop));
    let error = step.unwrap().unwrap_err().to_string();
    assert!(error.contains("call Fold::publish"), "{error}");
}

/// Publishes what it calls factored, and does not combine it.
struct Careless;

impl Replica for Careless {
    fn num_params(&self) -> usize {
        PARAMS
    }

    fn add_loss_and_grad(&mut self, _: &[f32], _: &Shard<'_>, _: &mut [f32]) -> Sums {
        Sums::default()
    }

    fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
        Sums::default()
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        assert!(fold.publish(&ALL_PARAMS, &[&[1.0]]));
        assert!(!fold.publish(&(1..2), &[&[1.0]]));
    }

    fn factored(&mut self, _: StepShape<'_>) -> &[Range<usize>] {
        std::slice::from_ref(&ALL_PARAMS)
    }
}

#[test]
fn a_panic_while_factors_are_combined_fails_the_step_and_not_the_engine() {
    let update = ChainUpdate::new(&Optimizer::sgd(0.1), PARAMS).unwrap();
    let mut engine = Engine::new(config(2, 4), &[0.5; PARAMS], update, |_| Careless).unwrap();
    let batch = Batch::whole((0..8).collect(), 0);
    for _ in 0..2 {
        let apply = |_: &_| Decision::Apply(StepScalars::plain(0.1, 8.0, 0));
        let step = engine.run(|session| session.step(&batch, apply).map(drop));
        let error = step.unwrap().unwrap_err();
        assert!(matches!(error, EngineError::WorkerPanicked { .. }));
        assert!(
            error.to_string().contains("implement Replica::combine"),
            "{error}"
        );
    }
    assert_eq!(engine.params(), [0.5; PARAMS]);
}

#[test]
fn the_time_of_combining_is_booked_to_the_fold() {
    let (model, data) = (model(), class_data(ROWS, 300, 5));
    let network = Network::new(model.clone(), 3).unwrap();
    let update = ChainUpdate::for_model(&Optimizer::sgd(0.05), network.layout()).unwrap();
    let config = EngineConfig {
        all_reduce: Arc::new(Segmented),
        ..config(2, 16)
    };
    let mut engine =
        Engine::new(config, network.params(), update, |_| replica(&model, &data)).unwrap();
    let batch = Batch::whole((0..ROWS as u32).collect(), 0);
    let step = engine.run(|session| session.step(&batch, |_| Decision::Skip).map(drop));
    step.unwrap().unwrap();
    let times = engine.phase_times();
    assert!(times.iter().all(|worker| !worker.of(Phase::Fold).is_zero()));
}
