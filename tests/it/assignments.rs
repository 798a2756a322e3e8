//! Shards that move between workers from one step to the next: the same bits, whoever computes
//! them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{Descent, RowGradients, class_data, replica};
use unisono::data::ArrayDataset;
use unisono::engine::all_reduce::ALL;
use unisono::engine::{
    Assignment, BLOCK, Balance, Batch, Combination, Decision, Engine, EngineConfig, EngineError,
    Fold, Replica, Shard, Shards, StepShape, Sums, Threads, Track, UpdateMode, Waiting,
};
use unisono::nn::{BatchNorm, Dropout, Network, NetworkReplica, Recurrent, Sequential};
use unisono::optim::{Optimizer, StepScalars};
use unisono::train::{ChainUpdate, Sources};

fn config(threads: usize, shards: usize) -> EngineConfig {
    EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(shards),
        balance: Balance::Even,
        ..EngineConfig::default()
    }
}

/// Some way to give `shards` shards to `workers` workers; many leave a worker without any.
fn some_assignment(seed: u64, shards: usize, workers: usize) -> Assignment {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut counts = vec![0; workers];
    let mut worker = 0;
    for _ in 0..shards {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        worker = match (state >> 33) % 3 {
            0 => (state >> 40) as usize % workers,
            _ => worker,
        };
        counts[worker] += 1;
    }
    Assignment::from_counts(&counts)
}

/// Parameters, state and norms after six steps, each with shards assigned anew if `moving`.
fn descended(config: EngineConfig, moving: bool) -> (Vec<f32>, Vec<Vec<f32>>, Vec<f64>) {
    let len = 2 * BLOCK + 7;
    let start: Vec<f32> = (0..len).map(|at| (at % 13) as f32).collect();
    let mut engine = Engine::new(config, &start, Descent, |_| RowGradients::new(len)).unwrap();
    let (shards, workers) = (engine.num_shards(), engine.placement().num_threads);
    let norms = engine.run(|session| {
        let step = |step: u64| {
            let batch = Batch::whole((0..29).collect(), step);
            if moving {
                let next = some_assignment(step + 100 * workers as u64, shards, workers);
                session.assign(next.clone()).unwrap();
                let reduced = session.step(&batch, |_| Decision::Apply(0.01)).unwrap();
                assert_eq!(*session.assignment(), next);
                return reduced.grad_norm;
            }
            let reduced = session.step(&batch, |_| Decision::Apply(0.01));
            reduced.unwrap().grad_norm
        };
        (0..6).map(step).collect()
    });
    assert_eq!(engine.moves() > 0, moving);
    (engine.params(), engine.state().unwrap(), norms.unwrap())
}

#[test]
fn every_algorithm_and_mode_keeps_its_bits_while_shards_move() {
    for shards in [5, 16, 23] {
        let expected = descended(config(1, shards), false);
        for all_reduce in ALL {
            for update in UpdateMode::ALL.iter().copied() {
                for threads in [2, 3, 8] {
                    let config = EngineConfig {
                        all_reduce: Arc::new(all_reduce),
                        update,
                        ..config(threads, shards)
                    };
                    let name = all_reduce.name();
                    assert!(
                        descended(config, true) == expected,
                        "{name}, {threads} threads"
                    );
                }
            }
        }
    }
}

/// A model that exchanges factors, one that meets in the middle of a pass, and one of which neither
/// is true.
fn models() -> [Sequential; 3] {
    let dense = Sequential::new(300).dense(301).relu().dense(300).tanh();
    let normed = Sequential::new(300)
        .dense(20)
        .layer(BatchNorm::new().over_batch())
        .relu();
    let dropped = Sequential::new(300)
        .dense(30)
        .relu()
        .layer(Dropout::new(0.3));
    [dense.dense(5), normed.dense(5), dropped.dense(5)]
}

/// Parameters and losses, the last one of an evaluation, after five steps of 40 rows and fewer.
fn trained(config: EngineConfig, model: &Sequential, moving: bool) -> (Vec<f32>, Vec<f64>) {
    let data = class_data(50, 300, 5);
    let network = Network::new(model.clone(), 3).unwrap();
    let optimizer = Optimizer::sgd(0.05).with_momentum(0.9);
    let update = ChainUpdate::for_model(&optimizer, network.layout()).unwrap();
    let new = |_| replica(model, &data);
    let mut engine = Engine::new(config, network.params(), update, new).unwrap();
    let workers = engine.placement().num_threads;
    let losses = engine.run(|session| {
        let mut losses = Vec::new();
        for (step, rows) in [0..40, 3..43, 10..50, 0..9, 5..45].into_iter().enumerate() {
            let batch = Batch::whole(rows.collect(), step as u64);
            if moving {
                let next = some_assignment(7 * step as u64 + workers as u64, 11, workers);
                session.assign(next).unwrap();
            }
            let apply = |weight| Decision::Apply(StepScalars::plain(0.05, weight, step as u64));
            let reduced = session.step(&batch, |reduced| apply(reduced.sums.weight));
            losses.push(reduced.unwrap().sums.loss);
        }
        let batch = Batch::whole((0..50).collect(), 5);
        losses.push(session.evaluate(&batch).unwrap().loss);
        losses
    });
    (engine.params(), losses.unwrap())
}

#[test]
fn networks_train_to_the_same_bits_while_shards_move() {
    for (which, model) in models().iter().enumerate() {
        for track in [Track::Nothing, Track::ShardNorms] {
            let with = |threads| EngineConfig {
                track,
                ..config(threads, 11)
            };
            let expected = trained(with(1), model, false);
            for threads in [2, 3, 5, 13] {
                let moved = trained(with(threads), model, true);
                assert!(
                    moved == expected,
                    "model {which}, {threads} threads, {track:?}"
                );
            }
        }
    }
}

/// On worker 1 every shard takes two milliseconds more.
struct Slow(NetworkReplica<Sources<'static>>, bool);

impl Replica for Slow {
    fn num_params(&self) -> usize {
        self.0.num_params()
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        self.0.add_loss_and_grad(params, shard, grad)
    }

    fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
        self.0.evaluate(params, shard)
    }

    fn fold(&mut self, fold: &mut Fold<'_>) {
        if self.1 {
            std::thread::sleep(Duration::from_millis(2) * fold.shards().len() as u32);
        }
        self.0.fold(fold);
    }

    fn params_changed(&mut self) {
        self.0.params_changed();
    }

    fn is_stateful(&self) -> bool {
        self.0.is_stateful()
    }

    fn factored(&mut self, shape: StepShape<'_>) -> &[Range<usize>] {
        self.0.factored(shape)
    }

    fn combine(&mut self, part: &Combination<'_>, grad: &mut [f32]) {
        self.0.combine(part, grad);
    }
}

#[test]
fn a_slow_worker_gets_fewer_shards_even_if_the_others_wait_for_it_in_the_midst_of_a_pass() {
    let data: &'static ArrayDataset = Box::leak(Box::new(class_data(64, 300, 5)));
    for model in models() {
        let network = Network::new(model.clone(), 3).unwrap();
        let config = EngineConfig {
            balance: Balance::Measured,
            ..config(2, 16)
        };
        let update = ChainUpdate::for_model(&Optimizer::sgd(0.01), network.layout()).unwrap();
        let new = |worker| Slow(replica(&model, data), worker == 1);
        let mut engine = Engine::new(config, network.params(), update, new).unwrap();
        if engine.placement().waiting == Waiting::Block {
            println!("skipped: there is no core for each of two workers");
            return;
        }
        let order: Arc<[u32]> = (0..64).collect();
        let counts = engine.run(|session| {
            for step in 0..1000 {
                let batch = Batch::whole(Arc::clone(&order), step);
                let apply = |_: &_| Decision::Apply(StepScalars::plain(0.01, 64.0, step));
                session.step(&batch, apply).unwrap();
                let counts: Vec<usize> = session.assignment().counts().collect();
                if counts[1] < 5 {
                    return counts;
                }
            }
            session.assignment().counts().collect()
        });
        let counts = counts.unwrap();
        assert!(counts[1] < 5 && counts[0] + counts[1] == 16, "{counts:?}");
        assert!(engine.moves() > 0);
    }
}

#[test]
fn a_panic_after_shards_have_moved_names_the_worker_that_has_them_now() {
    struct Fragile(RowGradients);

    impl Replica for Fragile {
        fn num_params(&self) -> usize {
            self.0.num_params()
        }

        fn add_loss_and_grad(
            &mut self,
            params: &[f32],
            shard: &Shard<'_>,
            grad: &mut [f32],
        ) -> Sums {
            let strikes = shard.batch.step == 1 && shard.index == 5;
            assert!(!strikes, "a cosmic ray");
            self.0.add_loss_and_grad(params, shard, grad)
        }

        fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
            self.0.evaluate(params, shard)
        }
    }

    let new = |_| Fragile(RowGradients::new(50));
    let mut engine = Engine::new(config(3, 7), &[1.0; 50], Descent, new).unwrap();
    let step = |step| Batch::whole((0..21).collect(), step);
    let apply = |_: &_| Decision::Apply(0.1_f32);
    let ran = engine.run(|session| {
        session.step(&step(0), apply)?;
        session.assign(Assignment::from_counts(&[6, 0, 1]))?;
        let failed = session.step(&step(1), apply);
        assert!(matches!(
            failed,
            Err(EngineError::WorkerPanicked { worker: 0, shards, .. }) if shards == (5..6)
        ));
        session.assign(Assignment::from_counts(&[1, 1, 5]))?;
        session.step(&step(2), apply)
    });
    ran.unwrap().unwrap();
}

/// Sequences whose states go on from batch to batch.
#[test]
fn shards_of_a_model_that_carries_a_state_of_its_rows_stay_where_they_are() {
    let data: &'static ArrayDataset = Box::leak(Box::new(class_data(64, 12, 5)));
    let layer = Recurrent::lstm(6).carry_state();
    let model = Sequential::new([4, 3]).layer(layer).flatten().dense(5);
    let network = Network::new(model.clone(), 3).unwrap();
    let trained = |threads| {
        let config = EngineConfig {
            balance: Balance::Measured,
            ..config(threads, 16)
        };
        let update = ChainUpdate::for_model(&Optimizer::sgd(0.1), network.layout()).unwrap();
        let new = |worker| Slow(replica(&model, data), worker == 1);
        let mut engine = Engine::new(config, network.params(), update, new).unwrap();
        let ran = engine.run(|session| {
            if threads == 2 {
                let assigned = session.assign(Assignment::from_counts(&[9, 7]));
                assert!(matches!(assigned, Err(EngineError::StatefulModel)));
            }
            for step in 0..12 {
                let batch = Batch::whole((0..64).collect(), step);
                let apply = |_: &_| Decision::Apply(StepScalars::plain(0.1, 64.0, step));
                session.step(&batch, apply)?;
            }
            Ok::<(), EngineError>(())
        });
        ran.unwrap().unwrap();
        assert_eq!(engine.moves(), 0);
        engine.params()
    };
    assert!(trained(2) == trained(1));
}

#[test]
fn an_assignment_for_another_engine_is_refused() {
    let new = |_| RowGradients::new(50);
    let mut engine = Engine::new(config(2, 7), &[1.0; 50], Descent, new).unwrap();
    for (counts, got) in [
        (&[8][..], "8 shards to 1 workers"),
        (&[3, 3], "6 shards to 2 workers"),
    ] {
        let assigned = engine.run(|session| session.assign(Assignment::from_counts(counts)));
        let message = assigned.unwrap().unwrap_err().to_string();
        assert!(
            message.contains(got) && message.contains("7 shards and 2 workers"),
            "{message}"
        );
    }
}
