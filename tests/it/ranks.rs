//! Several ranks in one process: the bits of one, for any grid of ranks and threads.

use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::Array2;

use crate::files::Folder;
use crate::support::{Descent, RowGradients, class_data, on_ranks};
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::all_reduce::ALL;
use unisono::engine::{
    Assignment, BLOCK, Balance, Batch, Decision, Engine, EngineConfig, Shards, Threads, UpdateMode,
};
use unisono::nn::{BatchNorm, Dropout, Embedding, Loss, Network, Recurrent, Sequential};
use unisono::optim::Optimizer;
use unisono::train::{Checkpoint, Checkpoints, EarlyStopping, Event, View};

/// Ranks and threads of each.
const GRIDS: [(usize, usize); 5] = [(2, 1), (2, 2), (3, 1), (3, 2), (4, 1)];

fn trained(trainer: Trainer, data: &ArrayDataset) -> Network {
    let mut trainer = trainer.epochs(2);
    trainer.fit(data, data).unwrap();
    trainer.network().unwrap()
}

#[test]
fn any_grid_of_ranks_and_threads_gives_the_bits_of_one_process() {
    // Some 30,000 parameters: eight blocks, of which the last is short.
    let model = || {
        Sequential::new(19)
            .dense(237)
            .relu()
            .dense(101)
            .tanh()
            .dense(5)
    };
    let data = class_data(230, 19, 5);
    let trainer = |shards| {
        Trainer::new(model(), Loss::SoftmaxCrossEntropy)
            .optimizer(Optimizer::adam_w(1e-3))
            .shards(Shards::Fixed(shards))
            .balance(Balance::Even)
            .batch_size(100)
    };
    for (at, shards) in [1, 7, 16, 24].into_iter().enumerate() {
        let alone = trained(trainer(shards).threads(1), &data);
        for num_ranks in (1..=4).filter(|&ranks| ranks <= shards) {
            for threads in [1, 2, 3] {
                let all_reduce = ALL[(at + threads) % 3];
                let update = UpdateMode::ALL[(num_ranks + threads) % 2];
                let networks = on_ranks(num_ranks, |ranks| {
                    let trainer = trainer(shards).threads(threads).ranks(ranks);
                    trained(trainer.all_reduce(all_reduce).update(update), &data)
                });
                for network in networks {
                    assert_eq!(network, alone, "{num_ranks} x {threads}, {shards} shards");
                }
            }
        }
    }
}

#[test]
fn the_first_of_several_ranks_give_the_bits_of_one_process_in_groups_of_any_size() {
    let data = class_data(120, 19, 5);
    let new = |threads| {
        let model = Sequential::new(19).dense(133).tanh().dense(5);
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .shards(Shards::Fixed(12))
            .batch_size(48)
            .threads(threads)
    };
    let alone = trained(new(1), &data);
    let sizes = [1, 3, 2, 4, 2];
    let on_each = on_ranks(4, |ranks| {
        sizes.map(|size| {
            let group = ranks.first(size)?;
            Some(trained(new(1 + size % 2).ranks(group), &data))
        })
    });
    for (rank, networks) in on_each.iter().enumerate() {
        for (size, network) in sizes.into_iter().zip(networks) {
            let expected = (rank < size).then_some(&alone);
            assert_eq!(network.as_ref(), expected, "rank {rank} of {size}");
        }
    }
}

/// What a training ends with on one process, and on each rank of every grid.
fn assert_same_everywhere(name: &str, new: impl Fn() -> Trainer + Sync, data: &ArrayDataset) {
    let alone = trained(new().threads(2), data);
    for (num_ranks, threads) in GRIDS {
        let networks = on_ranks(num_ranks, |ranks| {
            trained(new().threads(threads).ranks(ranks), data)
        });
        for network in networks {
            assert!(network == alone, "{name}: {num_ranks} x {threads}");
        }
    }
}

#[test]
fn models_that_meet_drop_out_exchange_factors_or_carry_state_give_the_same_bits() {
    let data = class_data(100, 300, 5);
    let normed = Sequential::new(300)
        .dense(20)
        .layer(BatchNorm::new().over_batch())
        .relu()
        .dense(12)
        .layer(BatchNorm::new().over_batch());
    let models = [
        ("factors", Sequential::new(300).dense(301).relu().dense(300)),
        ("batch norm over the batch", normed),
        (
            "dropout",
            Sequential::new(300).dense(30).layer(Dropout::new(0.3)),
        ),
    ];
    for (name, model) in models {
        let new = || {
            Trainer::new(model.clone().dense(5), Loss::SoftmaxCrossEntropy)
                .shards(Shards::Fixed(7))
                .batch_size(40)
        };
        assert_same_everywhere(name, new, &data);
    }
    let tokens = Array2::from_shape_fn((30, 4), |(row, at)| ((row * 7 + at * 5) % 9) as u32);
    let next = tokens.mapv(|token| (token * 2 + 1) % 9);
    let texts = ArrayDataset::sequences(&tokens, next, 9).unwrap();
    for layer in [Recurrent::tanh, Recurrent::gru, Recurrent::lstm] {
        let new = || {
            let model = Sequential::new([4])
                .layer(Embedding::new(9, 5))
                .layer(layer(6).carry_state())
                .dense(9);
            Trainer::new(model, Loss::SoftmaxCrossEntropy)
                .shards(Shards::Fixed(5))
                .batch_size(5)
        };
        assert_same_everywhere("carried state", new, &texts);
    }
}

#[test]
fn whatever_is_decided_is_decided_alike_on_every_rank() {
    let data = class_data(200, 19, 5);
    let new = |optimizer: Optimizer| {
        let model = Sequential::new(19).dense(133).tanh().dense(5);
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .optimizer(optimizer)
            .shards(Shards::Fixed(16))
            .batch_size(64)
    };
    let lamb = || Optimizer::lamb(0.01);
    assert_same_everywhere("LAMB", || new(lamb()), &data);
    let clipped = || Optimizer::sgd(0.5).with_clip_norm(0.1);
    assert_same_everywhere("clipping", || new(clipped()).track_layer_norms(), &data);
    let policies = ["noise 32..128 every 3 steps lr sqrt", "adascale from 16"];
    for policy in policies {
        let new = || new(Optimizer::sgd(0.1)).batch_policy(policy.parse().unwrap());
        assert_same_everywhere(policy, new, &data);
    }
    let averaged = || {
        new(Optimizer::adam_w(0.01).with_average(0.9)).early_stopping(EarlyStopping {
            patience: 1,
            ..EarlyStopping::default()
        })
    };
    assert_same_everywhere("average and early stopping", averaged, &data);
}

/// Some way to share out `shards` shards.
fn some_assignment(seed: usize, shards: usize, workers: usize) -> Assignment {
    let mut counts = vec![0; workers];
    (0..shards).for_each(|shard| counts[(shard * (seed + 1) / shards) % workers] += 1);
    Assignment::from_counts(&counts)
}

#[test]
fn shards_move_between_the_workers_of_a_rank_and_the_optimisers_state_is_whole() {
    let len = 7 * BLOCK + 7;
    let descended = |ranks, threads, all_reduce, update| {
        let config = EngineConfig {
            threads: Threads::Fixed(threads),
            shards: Shards::Fixed(16),
            balance: Balance::Even,
            all_reduce: Arc::new(all_reduce),
            update,
            ranks,
            ..EngineConfig::default()
        };
        let start: Vec<f32> = (0..len).map(|at| (at % 13) as f32).collect();
        let mut engine = Engine::new(config, &start, Descent, |_| RowGradients::new(len)).unwrap();
        let norms: Vec<f64> = engine
            .run(|session| {
                let step = |step: u64| {
                    let batch = Batch::whole((0..29).collect(), step);
                    let own = session.assignment();
                    let next = some_assignment(step as usize, own.num_shards(), threads);
                    session.assign(next.clone()).unwrap();
                    let reduced = session.step(&batch, |_| Decision::Apply(0.01)).unwrap();
                    assert_eq!(*session.assignment(), next);
                    reduced.grad_norm
                };
                (0..6).map(step).collect()
            })
            .unwrap();
        (engine.params(), engine.state().unwrap(), norms)
    };
    for all_reduce in ALL {
        for update in UpdateMode::ALL.iter().copied() {
            let alone = descended(None, 1, all_reduce, update);
            for (num_ranks, threads) in [(2, 3), (3, 2)] {
                let all = on_ranks(num_ranks, |ranks| {
                    descended(Some(ranks), threads, all_reduce, update)
                });
                assert!(
                    all.iter().all(|one| *one == alone),
                    "{num_ranks} x {threads}"
                );
            }
        }
    }
}

#[test]
fn checkpoints_of_some_ranks_go_on_with_others() {
    let data = class_data(200, 19, 5);
    let folder = Folder::new("ranks-resume");
    let new = || {
        let model = Sequential::new(19).dense(133).tanh().dense(5);
        Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .optimizer(Optimizer::adam_w(0.01).with_average(0.9))
            .shards(Shards::Fixed(16))
            .batch_size(64)
            .epochs(4)
    };
    let fit = |mut trainer: Trainer| {
        trainer.fit(&data, &data).unwrap();
        trainer.network().unwrap().weights_sha256()
    };
    let unbroken = fit(new().threads(2));
    for (at, (before, after)) in [(4, 1), (1, 3), (2, 4)].into_iter().enumerate() {
        let path = folder.0.join(at.to_string());
        let rule = Checkpoints {
            every_epochs: 0,
            ..Checkpoints::in_folder(&path)
        };
        // One rank alone asks for a checkpoint and an end; all follow.
        let stopped = on_ranks(before, |ranks| {
            let (rank, mut steps) = (ranks.rank(), 0);
            let mut trainer = new().threads(1).ranks(ranks).checkpoints(rule.clone());
            let mut asks = |event: &Event<'_>, view: &View<'_>| {
                steps += usize::from(matches!(event, Event::Step { .. }));
                if rank == before - 1 && steps == 6 {
                    assert!(view.request_checkpoint());
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let report = trainer.fit_with(&data, &data, &mut asks);
            assert!(report.unwrap().is_stopped);
            steps
        });
        assert!(
            stopped.iter().all(|&steps| steps == stopped[0]),
            "{stopped:?}"
        );
        let files = Checkpoints::all(&path).unwrap();
        assert_eq!(files.len(), 1, "one rank writes");
        let resumed = on_ranks(after, |ranks| {
            let mut trainer = new().threads(2).ranks(ranks);
            trainer
                .resume(Checkpoint::read(&files[0]).unwrap())
                .unwrap();
            fit(trainer)
        });
        assert!(
            resumed.iter().all(|hash| *hash == unbroken),
            "{before} to {after}"
        );
    }
}
