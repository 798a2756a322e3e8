//! Shared by several test files: small data sets, a network's replica, and one with synthetic
//! gradients.

#![allow(dead_code, reason = "each test file uses its own part")]

use ndarray::Array2;
use unisono::data::ArrayDataset;
use unisono::engine::{Ranks, Replica, Shard, Sums, Update, UpdateBlock};
use unisono::nn::Isa;
use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential};
use unisono::train::Sources;

/// `rows` x `width` values in -1..1, with a class below `classes`.
pub(crate) fn class_data(rows: usize, width: usize, classes: usize) -> ArrayDataset {
    let inputs = Array2::from_shape_fn((rows, width), |(r, c)| {
        ((r * 7919 + c * 104_729) % 2003) as f32 / 1001.5 - 1.0
    });
    let labels: Vec<u32> = (0..rows)
        .map(|r| ((r * 31 + r / 7) % classes) as u32)
        .collect();
    ArrayDataset::classes(inputs, &labels, classes).unwrap()
}

/// `rows` x `width` values in -1..1, each row with `outputs` label values.
pub(crate) fn value_data(rows: usize, width: usize, outputs: usize) -> ArrayDataset {
    let value = |r: usize, c: usize| ((r * 7919 + c * 104_729) % 2003) as f32 / 1001.5 - 1.0;
    let inputs = Array2::from_shape_fn((rows, width), |(r, c)| value(r, c));
    let labels = Array2::from_shape_fn((rows, outputs), |(r, c)| value(r + 13, c + 5));
    ArrayDataset::values(inputs, labels).unwrap()
}

/// A replica of `model` on `data`, with softmax and cross-entropy.
pub(crate) fn replica<'d>(
    model: &Sequential,
    data: &'d ArrayDataset,
) -> NetworkReplica<Sources<'d>> {
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy.into(),
        isa: Isa::chosen().unwrap(),
        seed: 3,
    };
    NetworkReplica::new(model, settings, Sources([data, data])).unwrap()
}

/// What each rank of a group gives; each runs `part` on a thread of its own.
pub(crate) fn on_ranks<T: Send>(num_ranks: usize, part: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let part = &part;
        let ranks = Ranks::in_process(num_ranks).into_iter();
        let threads = ranks.map(|ranks| scope.spawn(move || part(ranks)));
        let threads: Vec<_> = threads.collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.collect()
    })
}

/// A replica whose gradient is a pseudo-random function of row and element, by no means exact to
/// add.
#[derive(Debug)]
pub(crate) struct RowGradients {
    num_params: usize,
}

impl RowGradients {
    pub(crate) fn new(num_params: usize) -> Self {
        Self { num_params }
    }
}

impl Replica for RowGradients {
    fn num_params(&self) -> usize {
        self.num_params
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
        for &row in shard.rows {
            for (at, (g, p)) in grad.iter_mut().zip(params).enumerate() {
                *g += ((row as usize * 7919 + at * 31) % 1009) as f32 / 1009.0 + 0.125 * p;
            }
        }
        Sums {
            loss: shard.rows.len() as f64,
            weight: shard.rows.len() as f64,
            rows: shard.rows.len() as f64,
            correct: 0.0,
            ..Sums::default()
        }
    }

    fn evaluate(&mut self, _params: &[f32], shard: &Shard<'_>) -> Sums {
        let loss = shard.rows.iter().map(|&row| f64::from(row)).sum();
        Sums {
            loss,
            weight: shard.rows.len() as f64,
            rows: shard.rows.len() as f64,
            correct: 0.0,
            ..Sums::default()
        }
    }
}

/// `w -= rate * g`, with one state buffer that sums up the gradients.
#[derive(Debug)]
pub(crate) struct Descent;

impl Update for Descent {
    type Scalars = f32;

    fn num_state_buffers(&self) -> usize {
        1
    }

    fn apply(&self, rate: &f32, block: UpdateBlock<'_>) {
        for ((p, g), s) in block.params.iter_mut().zip(block.grad).zip(block.state) {
            *s += g;
            *p -= rate * *s;
        }
    }
}
