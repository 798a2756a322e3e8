//! The norms of the shards' gradients, tracked while they are in cache, are those of the shards'
//! gradients: for every kind of layer, the same bits for any number of threads and any instruction
//! set.

use crate::support::{RowGradients, class_data};
use unisono::data::{ArrayDataset, Dataset};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Replica, ShardNorms, Shards, Threads, Track, Update,
    UpdateBlock, UpdateMode,
};
use unisono::nn::Isa;
use unisono::nn::{
    Activation, Attention, BatchNorm, Conv, Loss, Network, NetworkReplica, Norm, Pool, Positions,
    Recurrent, ReplicaSettings, Reshape, Role, Sequential,
};
use unisono::optim::Optimizer;
use unisono::train::{ChainUpdate, Event, Sources, Trainer};

/// Leaves the parameters alone.
struct Stay;

impl Update for Stay {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), _block: UpdateBlock<'_>) {}
}

const ROWS: usize = 23;

/// More than a replica computes at once.
const MANY_ROWS: usize = 4500;

fn models() -> Vec<(&'static str, Sequential)> {
    let image = || Sequential::new(60).layer(Reshape::to([5, 6, 2]));
    let sequence = || Sequential::new(60).layer(Reshape::to([10, 6]));
    vec![
        ("dense", Sequential::new(60).dense(70).relu().dense(5)),
        (
            "conv",
            image()
                .layer(Conv::d2(19, 3).padding(1))
                .layer(BatchNorm::new())
                .relu()
                .layer(Pool::max(2))
                .flatten()
                .dense(5),
        ),
        (
            "norms",
            image()
                .layer(Conv::d2(4, 3).groups(2))
                .layer(Norm::group(2))
                .flatten()
                .dense(5),
        ),
        (
            "lstm",
            sequence().layer(Recurrent::lstm(7)).flatten().dense(5),
        ),
        (
            "attention",
            sequence()
                .layer(Positions::new())
                .layer(Attention::new(2))
                .layer(Norm::layer())
                .layer(Activation::Gelu)
                .flatten()
                .dense(5),
        ),
    ]
}

struct Place {
    threads: usize,
    shards: usize,
    isa: Isa,
}

fn tracked(model: &Sequential, data: &ArrayDataset, place: &Place) -> ShardNorms {
    let config = EngineConfig {
        threads: Threads::Fixed(place.threads),
        shards: Shards::Fixed(place.shards),
        track: Track::ShardNorms,
        ..EngineConfig::default()
    };
    let network = Network::new(model.clone(), 3).unwrap();
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy.into(),
        isa: place.isa,
        seed: 3,
    };
    let sources = Sources([data, data]);
    let replica = |_| NetworkReplica::new(model, settings.clone(), sources).unwrap();
    let update = ChainUpdate::for_model(&Optimizer::sgd(0.1), network.layout()).unwrap();
    let mut engine = Engine::new(config, network.params(), update, replica).unwrap();
    let batch = Batch::whole((0..data.len() as u32).collect(), 0);
    let step = engine.run(|session| session.step(&batch, |_| Decision::Skip));
    step.unwrap().unwrap().shards.expect("they are tracked")
}

/// The same, shard by shard, from whole gradients in f64.
fn by_hand(model: &Sequential, data: &ArrayDataset, shards: usize) -> ShardNorms {
    let network = Network::new(model.clone(), 3).unwrap();
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy.into(),
        isa: Isa::Portable,
        seed: 3,
    };
    let mut replica = NetworkReplica::new(model, settings, Sources([data, data])).unwrap();
    let batch = Batch::whole((0..data.len() as u32).collect(), 0);
    let mut norms = ShardNorms::default();
    let mut whole = vec![0.0; network.params().len()];
    let square = |grad: &[f32]| -> f64 {
        let tensors = network.layout().tensors().iter();
        let trained = tensors.filter(|tensor| tensor.role != Role::Statistic);
        let values = trained.flat_map(|tensor| &grad[tensor.range.clone()]);
        values.map(|&g| f64::from(g) * f64::from(g)).sum()
    };
    for index in 0..shards {
        let mut grad = vec![0.0; whole.len()];
        let sums =
            replica.add_loss_and_grad(network.params(), &batch.shard(shards, index), &mut grad);
        norms.count += usize::from(sums.rows > 0.0);
        norms.squares += square(&grad);
        norms.row_squares += sums.rows * sums.rows;
        whole.iter_mut().zip(&grad).for_each(|(w, g)| *w += g);
    }
    norms.whole = square(&whole);
    norms
}

#[test]
fn tracked_norms_are_those_of_the_shards_gradients() {
    let data = class_data(ROWS, 60, 5);
    for (name, model) in models() {
        for shards in [1, 2, 5, 8] {
            let expected = by_hand(&model, &data, shards);
            let place = |threads, isa| Place {
                threads,
                shards,
                isa,
            };
            let first = tracked(&model, &data, &place(1, Isa::Portable));
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b;
            assert!(
                near(first.squares, expected.squares) && near(first.whole, expected.whole),
                "{name}, {shards} shards: {first:?}, expected {expected:?}"
            );
            let counts = |norms: &ShardNorms| (norms.count, norms.row_squares);
            assert_eq!(counts(&first), counts(&expected));
            for threads in [1, 2, 3, 5, 8] {
                for isa in Isa::available() {
                    let again = tracked(&model, &data, &place(threads, isa));
                    assert_eq!(
                        again, first,
                        "{name}, {shards} shards, {threads} threads, {isa:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_replica_of_ones_own_is_tracked_too() {
    let square_of = |grad: &[f32]| -> f64 { grad.iter().map(|&g| f64::from(g * g)).sum() };
    for threads in [1, 2, 3, 5] {
        let config = EngineConfig {
            threads: Threads::Fixed(threads),
            shards: Shards::Fixed(5),
            track: Track::ShardNorms,
            ..EngineConfig::default()
        };
        let mut engine = Engine::new(config, &[0.0; 37], Stay, |_| RowGradients::new(37)).unwrap();
        let batch = Batch::whole((0..12).collect(), 0);
        let step = engine.run(|session| session.step(&batch, |_| Decision::Apply(())));
        let norms = step.unwrap().unwrap().shards.unwrap();
        let mut replica = RowGradients::new(37);
        let squares: f64 = (0..5)
            .map(|index| {
                let mut grad = [0.0; 37];
                replica.add_loss_and_grad(&[0.0; 37], &batch.shard(5, index), &mut grad);
                square_of(&grad)
            })
            .sum();
        assert!((norms.squares / squares - 1.0).abs() < 1e-6);
        assert_eq!(norms.count, 5);
    }
}

#[test]
fn nothing_is_tracked_unless_asked_for() {
    let config = EngineConfig {
        threads: Threads::Fixed(2),
        ..EngineConfig::default()
    };
    let mut engine = Engine::new(config, &[0.0; 9], Stay, |_| RowGradients::new(9)).unwrap();
    let batch = Batch::whole((0..12).collect(), 0);
    let step = engine.run(|session| session.step(&batch, |_| Decision::Apply(())));
    assert_eq!(step.unwrap().unwrap().shards, None);
}

#[test]
fn shards_larger_than_a_block_are_tracked_too() {
    let data = class_data(MANY_ROWS, 60, 5);
    let (_, model) = models().remove(0);
    for shards in [2, 4] {
        let expected = by_hand(&model, &data, shards);
        let at = |threads| {
            let isa = Isa::detect();
            let place = Place {
                threads,
                shards,
                isa,
            };
            tracked(&model, &data, &place)
        };
        let first = at(1);
        assert!((first.squares / expected.squares - 1.0).abs() < 1e-4);
        assert!([2, 3, 5].iter().all(|&threads| at(threads) == first));
    }
}

/// The norms of every step, layer by layer, and the weights at the end.
fn layer_norms(threads: usize, update: UpdateMode, tracks: bool) -> (Vec<Vec<f64>>, String) {
    let data = class_data(48, 60, 5);
    let model = Sequential::new(60)
        .dense(90)
        .layer(BatchNorm::new())
        .relu()
        .dense(5);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(16)
        .shards(Shards::Fixed(8))
        .epochs(2)
        .threads(threads)
        .update(update);
    if tracks {
        trainer = trainer.track_layer_norms();
    }
    let mut all = Vec::new();
    let observe = |event: &Event<'_>| {
        if let Event::Step {
            layer_norms,
            grad_norm,
            ..
        } = event
        {
            let square: f64 = layer_norms.iter().map(|norm| norm * norm).sum();
            let error = (square.sqrt() - grad_norm).abs();
            assert!(!tracks || error < 1e-9 * grad_norm, "{square}, {grad_norm}");
            all.push(layer_norms.to_vec());
        }
        std::ops::ControlFlow::Continue(())
    };
    let report = trainer.fit_observed(&data, &data, observe).unwrap();
    let names: &[&str] = if tracks {
        &["dense0", "batch_norm1", "dense3"]
    } else {
        &[]
    };
    assert_eq!(report.setup.layers, names);
    (all, trainer.network().unwrap().weights_sha256())
}

#[test]
fn layers_norms_make_up_the_whole_and_are_the_same_bits_for_any_number_of_threads() {
    let (expected, hash) = layer_norms(1, UpdateMode::Fused, true);
    assert_eq!((expected.len(), expected[0].len()), (6, 3));
    for threads in [2, 3, 5, 8, 13] {
        for update in UpdateMode::ALL.iter().copied() {
            let (norms, weights) = layer_norms(threads, update, true);
            assert_eq!(norms, expected, "{threads} threads");
            assert_eq!(weights, hash);
        }
    }
    let (none, weights) = layer_norms(2, UpdateMode::Fused, false);
    assert_eq!((none[0].len(), weights), (0, hash));
}
