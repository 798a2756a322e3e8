//! Several ranks in one process: the bits of one, for any grid of ranks and threads.

use crate::support::class_data;
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::all_reduce::ALL;
use unisono::engine::{Balance, Ranks, Shards, UpdateMode};
use unisono::nn::{Loss, Network, Sequential};
use unisono::optim::Optimizer;

/// What each rank of a group gives; each runs `part` on a thread of its own.
fn on_ranks<T: Send>(num_ranks: usize, part: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let part = &part;
        let ranks = Ranks::in_process(num_ranks).into_iter();
        let threads: Vec<_> = ranks
            .map(|ranks| scope.spawn(move || part(ranks)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

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
