//! Ranks that fail, leave, differ or are too many: an error that names the rank, on every rank, and
//! nobody waits for ever.

use crate::support::{Descent, RowGradients, class_data, on_ranks};
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, EngineError, Fold, Ranks, Replica, Shard, Shards, Sums,
    Threads, Update, UpdateBlock,
};
use unisono::nn::{Loss, Sequential};

fn config(ranks: Ranks, threads: usize) -> EngineConfig {
    EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(7),
        ranks: Some(ranks),
        ..EngineConfig::default()
    }
}

fn batch(step: u64) -> Batch {
    Batch::whole((0..21).collect(), step)
}

/// A phase of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    BeforeMeeting,
    BetweenMeetings,
    AfterMeetings,
    Evaluation,
}

/// Meets twice in a pass, and panics in step 2 in the worker that has shard 5.
struct Fragile {
    inner: RowGradients,
    phase: Phase,
}

impl Fragile {
    fn panic_if(&self, phase: Phase, fold: &Fold<'_>) {
        let is_here = fold.batch().step == 2 && fold.shards().contains(&5);
        assert!(!is_here || self.phase != phase, "a cosmic ray");
    }
}

impl Replica for Fragile {
    fn num_params(&self) -> usize {
        self.inner.num_params()
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        self.panic_if(Phase::BeforeMeeting, fold);
        let own = vec![1.0; 3 * fold.shards().len()];
        let mut all = Vec::new();
        fold.all_gather().all_gather(&own, 3, &mut all);
        assert_eq!(all, [1.0; 21]);
        self.panic_if(Phase::BetweenMeetings, fold);
        fold.all_gather().all_gather(&own, 3, &mut all);
        self.panic_if(Phase::AfterMeetings, fold);
        fold.shard_by_shard(&mut self.inner);
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        self.inner.add_loss_and_grad(params, shard, grad)
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        let is_here = shard.batch.step == 2 && shard.index == 5;
        assert!(!is_here || self.phase != Phase::Evaluation, "a cosmic ray");
        self.inner.evaluate(params, shard)
    }
}

/// The first error of four steps and an evaluation of each, and the parameters after it.
fn tried(engine: &mut Engine<Fragile, Descent>) -> (Option<EngineError>, Vec<f32>) {
    let error = engine.run(|session| {
        for step in 0..4 {
            if let Err(error) = session.step(&batch(step), |_| Decision::Apply(0.1)) {
                return Some(error);
            }
            if let Err(error) = session.evaluate(&batch(step)) {
                return Some(error);
            }
        }
        None
    });
    (error.unwrap(), engine.params())
}

#[test]
fn a_panic_in_any_phase_on_any_rank_is_named_on_every_rank_and_all_go_on() {
    use Phase::*;
    for (num_ranks, threads) in [(2, 1), (2, 3), (3, 2), (4, 1)] {
        for phase in [BeforeMeeting, BetweenMeetings, AfterMeetings, Evaluation] {
            let errors = on_ranks(num_ranks, |ranks| {
                let new = |_| Fragile {
                    inner: RowGradients::new(9000),
                    phase,
                };
                let config = config(ranks, threads);
                let mut engine = Engine::new(config, &[1.0; 9000], Descent, new).unwrap();
                let (error, params) = tried(&mut engine);
                // The step that failed was not applied, and the next one goes on from there.
                let next = engine.run(|session| {
                    let apply = |_: &_| Decision::Apply(0.1);
                    session.step(&batch(3), apply).unwrap().grad_norm
                });
                (error.unwrap().to_string(), params, next.unwrap())
            });
            let (first, params, next) = &errors[0];
            let rank = (0..num_ranks)
                .find(|&rank| unisono::engine::part(7, num_ranks, rank).contains(&5))
                .unwrap();
            assert!(first.contains("a cosmic ray"), "{first}");
            assert!(first.contains(&format!("(rank {rank})")), "{first}");
            for other in &errors {
                assert_eq!(other, &(first.clone(), params.clone(), *next), "{phase:?}");
            }
        }
    }
}

/// Panics on the rank that has it.
struct BadUpdate(bool);

impl Update for BadUpdate {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {
        assert!(!self.0, "a bad update");
    }
}

#[test]
fn a_rank_that_breaks_ends_all_of_them_with_its_reason() {
    for threads in [1, 2] {
        let errors = on_ranks(3, |ranks| {
            let update = BadUpdate(ranks.rank() == 1);
            let replica = |_| RowGradients::new(30_000);
            let config = config(ranks, threads);
            let mut engine = Engine::new(config, &[1.0; 30_000], update, replica).unwrap();
            let outcome = engine.run(|session| {
                (0..9).try_for_each(|step| {
                    let stepped = session.step(&batch(step), |_| Decision::Apply(()));
                    stepped.map(|_| ())
                })
            });
            outcome.and_then(|inner| inner).unwrap_err().to_string()
        });
        assert!(
            errors.iter().all(|error| error.contains("a bad update")),
            "{errors:?}"
        );
        assert!(
            errors[0].contains("rank 1 has ended the training"),
            "{errors:?}"
        );
    }
}

#[test]
fn a_rank_that_ends_before_the_others_is_named_where_they_wait_for_it() {
    let errors = on_ranks(2, |ranks| {
        let steps = 3 + ranks.rank() as u64;
        let replica = |_| RowGradients::new(50);
        let mut engine = Engine::new(config(ranks, 2), &[1.0; 50], Descent, replica).unwrap();
        let outcome = engine.run(|session| {
            (0..steps).try_for_each(|step| {
                let stepped = session.step(&batch(step), |_| Decision::Apply(0.1));
                stepped.map(|_| ())
            })
        });
        outcome
            .and_then(|inner| inner)
            .err()
            .map(|error| error.to_string())
    });
    assert_eq!(errors[0], None, "it has ended as it meant to");
    let error = errors[1].as_ref().unwrap();
    assert!(error.contains("rank 0 has ended its training"), "{error}");
    assert!(
        error.contains("all ranks must run the same program"),
        "{error}"
    );
}

#[test]
fn ranks_that_work_on_other_rows_or_build_another_engine_are_named() {
    let errors = on_ranks(2, |ranks| {
        let first = ranks.rank() as u32;
        let replica = |_| RowGradients::new(50);
        let mut engine = Engine::new(config(ranks, 1), &[1.0; 50], Descent, replica).unwrap();
        let batch = Batch::whole((first..first + 21).collect(), 0);
        let outcome = engine.run(|session| session.step(&batch, |_| Decision::Skip).map(|_| ()));
        outcome.and_then(|inner| inner).unwrap_err().to_string()
    });
    // Whoever sees it first tells the other.
    let expected = "works on other rows than this rank in step 0";
    assert!(
        errors.iter().all(|error| error.contains(expected)),
        "{errors:?}"
    );
    let errors = on_ranks(3, |ranks| {
        let len = if ranks.rank() == 2 { 51 } else { 50 };
        let replica = |_| RowGradients::new(len);
        let engine = Engine::new(config(ranks, 1), &vec![1.0; len], Descent, replica);
        engine.unwrap_err().to_string()
    });
    assert!(
        errors[0].starts_with("rank 2 has a number of parameters of 51"),
        "{errors:?}"
    );
    assert!(
        errors[2].starts_with("rank 0 has a number of parameters of 50"),
        "{errors:?}"
    );
}

#[test]
fn fewer_shards_than_ranks_are_refused() {
    let data: ArrayDataset = class_data(100, 19, 5);
    let errors = on_ranks(3, |ranks| {
        let model = Sequential::new(19).dense(5);
        let trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy).ranks(ranks);
        let mut trainer = trainer.shards(Shards::Fixed(2)).threads(1);
        trainer.fit(&data, &data).unwrap_err().to_string()
    });
    let expected = "2 shards are too few for 3 ranks";
    assert!(
        errors.iter().all(|error| error.contains(expected)),
        "{errors:?}"
    );
}
