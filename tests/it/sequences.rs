//! Sequences: padding changes nothing but itself, carried state goes on where the batch before
//! ended.

use std::sync::Arc;

use crate::gradient::{Place, loss_and_gradient};
use ndarray::{Array2, s};
use unisono::data::{ArrayDataset, Dataset, synthetic_tokens};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Shards, Threads, Update, UpdateBlock,
};
use unisono::nn::kernel::Isa;
use unisono::nn::{
    Attention, CrossEntropy, Embedding, Loss, Network, NetworkReplica, Recurrent, ReplicaSettings,
    Sequential,
};
use unisono::train::Sources;

/// Token 0 is padding, class 0 is ignored.
fn model(length: usize) -> Sequential {
    Sequential::new([length])
        .padding(0.0)
        .layer(Embedding::new(7, 6))
        .layer(Attention::new(2))
        .layer(Recurrent::gru(5).bidirectional())
        .layer(Recurrent::lstm(4).layers(2))
        .layer(Recurrent::tanh(3).reversed())
        .dense(7)
}

/// Rows of `length` tokens from 1 to 6, of which the first `used` are filled.
fn rows(length: usize, used: usize) -> Array2<u32> {
    Array2::from_shape_fn((4, length), |(r, t)| {
        if t < used {
            1 + ((r * 5 + t * 3 + r * t) % 6) as u32
        } else {
            0
        }
    })
}

#[test]
fn padding_changes_no_output_and_no_gradient_of_what_is_not_padding() {
    let loss = Loss::CrossEntropy(CrossEntropy::default().ignore(0));
    let place = Place {
        threads: 2,
        shards: 2,
        isa: Isa::detect(),
    };
    let run = |length: usize| {
        let network = Network::new(model(length), 3).unwrap();
        let tokens = rows(length, 5);
        let data = ArrayDataset::sequences(&tokens, tokens.clone(), 7).unwrap();
        let y = network.predict(data.inputs()).unwrap();
        let y = y.slice(s![.., ..5 * 7]).to_owned();
        (y, loss_and_gradient(&network, &loss, &data, place))
    };
    let (short, (short_sums, short_grad)) = run(5);
    let (long, (long_sums, long_grad)) = run(9);
    // The outputs to the last bit; sums over rows have more (zero) terms, so gradients to rounding.
    assert_eq!(short, long);
    assert_eq!(short_sums.weight, 20.0);
    assert_eq!(
        (short_sums.loss, short_sums.weight),
        (long_sums.loss, long_sums.weight)
    );
    let largest = short_grad.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
    for (at, (a, b)) in short_grad.iter().zip(&long_grad).enumerate() {
        assert!((a - b).abs() <= 1e-5 * largest, "{at}: {a} and {b}");
    }
}

#[test]
fn a_row_of_nothing_but_padding_is_harmless() {
    let network = Network::new(model(6), 3).unwrap();
    let mut tokens = rows(6, 6);
    tokens.row_mut(2).fill(0);
    let data = ArrayDataset::sequences(&tokens, tokens.clone(), 7).unwrap();
    let loss = Loss::CrossEntropy(CrossEntropy::default().ignore(0));
    let place = Place {
        threads: 3,
        shards: 4,
        isa: Isa::detect(),
    };
    let (sums, grad) = loss_and_gradient(&network, &loss, &data, place);
    assert!(sums.loss.is_finite() && grad.iter().all(|g| g.is_finite()));
    assert_eq!(sums.weight, 18.0);
}

/// Never applied.
struct Frozen;

impl Update for Frozen {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {}
}

/// The loss of each batch of `rows` rows, in order, as (epoch, first row).
fn losses(
    model: &Sequential,
    data: &ArrayDataset,
    (threads, rows): (usize, usize),
    batches: &[(u32, usize)],
) -> Vec<f64> {
    let network = Network::new(model.clone(), 4).unwrap();
    let config = EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(3),
        ..EngineConfig::default()
    };
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy.into(),
        isa: Isa::detect(),
        seed: 0,
    };
    let sources = Sources([data, data]);
    let replica = |_| NetworkReplica::new(model, settings.clone(), sources).unwrap();
    let mut engine = Engine::new(config, network.params(), Frozen, replica).unwrap();
    let order: Arc<[u32]> = (0..data.len() as u32).collect();
    engine
        .run(|session| {
            let step = |(step, &(epoch, first)): (usize, &(u32, usize))| {
                let batch = Batch {
                    epoch,
                    range: first..first + rows,
                    ..Batch::whole(Arc::clone(&order), step as u64)
                };
                let reduced = session.step(&batch, |_| Decision::Skip).unwrap();
                reduced.sums.loss
            };
            batches.iter().enumerate().map(step).collect()
        })
        .unwrap()
}

#[test]
fn carried_state_goes_on_where_the_batch_before_ended_and_starts_anew_with_an_epoch() {
    let recurrent = |length: usize, layer: fn(usize) -> Recurrent, carries: bool| {
        let layer = if carries {
            layer(6).carry_state()
        } else {
            layer(6)
        };
        Sequential::new([length])
            .layer(Embedding::new(9, 5))
            .layer(layer)
            .dense(9)
    };
    // Five sequences of 8, and the same as ten halves: the first halves of all, then the second
    // ones.
    let whole = synthetic_tokens([5, 8], 9, 2);
    let inputs = whole.inputs().mapv(|token| token as u32);
    let mut classes = vec![0; 40];
    whole.gather_classes(&[0, 1, 2, 3, 4], &mut classes);
    let classes = Array2::from_shape_vec((5, 8), classes).unwrap();
    let halves = |all: &Array2<u32>| {
        ndarray::concatenate![
            ndarray::Axis(0),
            all.slice(s![.., ..4]),
            all.slice(s![.., 4..])
        ]
    };
    let halved = ArrayDataset::sequences(&halves(&inputs), halves(&classes), 9).unwrap();
    for layer in [Recurrent::tanh, Recurrent::gru, Recurrent::lstm] {
        let full = losses(&recurrent(8, layer, false), &whole, (1, 5), &[(0, 0)])[0];
        for threads in [1, 2, 3, 5] {
            let batches = [(0, 0), (0, 5), (1, 0), (1, 5)];
            let parts = losses(&recurrent(4, layer, true), &halved, (threads, 5), &batches);
            assert!(
                (parts[0] + parts[1] - full).abs() < 1e-5 * full,
                "{parts:?}, {full}"
            );
            assert_eq!(parts[..2], parts[2..], "a new epoch starts from zeros");
            let apart = losses(&recurrent(4, layer, false), &halved, (threads, 5), &batches);
            assert_eq!(parts[0], apart[0]);
            assert_ne!(parts[1], apart[1], "state must have been carried");
        }
    }
}
