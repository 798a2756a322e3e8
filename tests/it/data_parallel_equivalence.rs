//! The promise through the library: the same bits for any number of threads.

use crate::support::{class_data, value_data};
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::all_reduce::ALL;
use unisono::engine::{Shards, UpdateMode};
use unisono::nn::{Dropout, Loss, MseConvention, Network, Sequential};
use unisono::optim::Optimizer;

fn three_layers() -> Sequential {
    Sequential::new(19)
        .dense(37)
        .relu()
        .dense(23)
        .tanh()
        .dense(5)
}

fn trained(trainer: Trainer, data: &ArrayDataset) -> Network {
    let mut trainer = trainer
        .epochs(2)
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9));
    trainer.fit(data, data).unwrap();
    trainer.network().unwrap()
}

#[test]
fn shards_of_unequal_size_give_the_same_bits_for_any_number_of_threads() {
    // 230 rows: the last batch of 100 is short as well.
    let data = class_data(230, 19, 5);
    for (batch_size, shards) in [(100, 7), (5, 16), (64, 1)] {
        let mut expected = None;
        for threads in [1, 2, 3, 5, 8, 13] {
            let all_reduce = ALL[threads % 3];
            let update = UpdateMode::ALL[threads % 2];
            let trainer = Trainer::new(three_layers(), Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .shards(Shards::Fixed(shards))
                .batch_size(batch_size)
                .all_reduce(all_reduce)
                .update(update);
            let network = trained(trainer, &data);
            let first = expected.get_or_insert_with(|| network.clone());
            assert_eq!(
                *first, network,
                "{threads} threads, batch {batch_size}, {shards} shards"
            );
        }
    }
}

#[test]
fn blocks_smaller_than_a_workers_rows_change_no_bit() {
    // 9,000 rows in 3 shards: a worker computes block by block, and shards are chains of blocks.
    let data = value_data(9_000, 6, 2);
    let mut expected = None;
    for threads in [1, 2, 3, 5] {
        // Dropout, since its masks go by the row's position in the batch.
        let model = Sequential::new(6)
            .dense(9)
            .sigmoid()
            .layer(Dropout::new(0.2))
            .dense(2);
        let trainer = Trainer::new(model, Loss::Mse(MseConvention::MeanOverAll))
            .threads(threads)
            .shards(Shards::Fixed(3))
            .batch_size(9_000);
        let network = trained(trainer, &data);
        assert_eq!(
            *expected.get_or_insert_with(|| network.clone()),
            network,
            "{threads} threads"
        );
    }
}

#[test]
fn one_shard_a_worker_trains_too_and_differs_between_thread_counts() {
    let data = class_data(200, 19, 5);
    let run = |threads: usize| {
        let trainer = Trainer::new(three_layers(), Loss::SoftmaxCrossEntropy)
            .threads(threads)
            .shards(Shards::PerWorker)
            .batch_size(50);
        trained(trainer, &data)
    };
    assert_eq!(run(3), run(3));
    assert_ne!(
        run(1),
        run(3),
        "one chain over 50 rows and three chains added cannot have the same bits"
    );
}

#[test]
fn seeds_differ_and_two_runs_agree() {
    let data = class_data(100, 19, 5);
    let run = |seed| {
        trained(
            Trainer::new(three_layers(), Loss::SoftmaxCrossEntropy)
                .threads(2)
                .seed(seed),
            &data,
        )
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn two_calls_of_fit_are_one_longer_call() {
    let data = class_data(90, 19, 5);
    let new = |threads: usize| {
        let optimizer = Optimizer::sgd(0.05).with_ema_momentum(0.9).with_nesterov();
        Trainer::new(three_layers(), Loss::SoftmaxCrossEntropy)
            .threads(threads)
            .optimizer(optimizer)
    };
    let mut whole = new(1).epochs(4);
    whole.fit(&data, &data).unwrap();
    let mut parts = new(3).epochs(2);
    parts.fit(&data, &data).unwrap();
    parts.fit(&data, &data).unwrap();
    assert_eq!(whole.network().unwrap(), parts.network().unwrap());
}

#[test]
fn metrics_do_not_depend_on_threads_and_evaluation_divides_by_all_rows() {
    let data = class_data(103, 19, 5);
    let run = |threads: usize| {
        let mut trainer = Trainer::new(three_layers(), Loss::SoftmaxCrossEntropy)
            .threads(threads)
            .epochs(2);
        let report = trainer.fit(&data, &data).unwrap();
        let last = report.epochs[1];
        let classes = trainer.network().unwrap().classify(data.inputs()).unwrap();
        let labels = data.class_labels().unwrap();
        let correct = classes
            .iter()
            .zip(labels)
            .filter(|(c, l)| **c == **l as usize)
            .count();
        assert_eq!(last.test_accuracy, correct as f64 / 103.0);
        (last.train_loss, last.test_loss, last.grad_norm)
    };
    assert_eq!(run(1), run(5));
}
