//! Optimisers against PyTorch's; the same bits for any number of threads; settings that are
//! refused.

use crate::support::class_data;
use ndarray::Array2;
use safetensors::SafeTensors;
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset};
use unisono::engine::{Shards, UpdateMode};
use unisono::nn::{Loss, Network, Sequential};
use unisono::optim::{BatchRule, OptimError, Optimizer, ScalingRule};

const FIXTURES: &[u8] = include_bytes!("../parity/optim.safetensors");

fn floats(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let view = file.tensor(name).unwrap();
    let words = view.data().chunks_exact(4);
    words
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// The fixtures' net, data and initial parameters.
fn small_net(file: &SafeTensors<'_>) -> (Network, ArrayDataset) {
    let x = Array2::from_shape_vec((16, 5), floats(file, "x")).unwrap();
    let t = file.tensor("t").unwrap();
    let t = t.data().chunks_exact(8);
    let t: Vec<u32> = t
        .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32)
        .collect();
    let model = Sequential::new(5).dense(7).tanh().dense(3);
    let network = Network::with_params(model, floats(file, "start")).unwrap();
    (network, ArrayDataset::classes(x, &t, 3).unwrap())
}

/// Fifty steps on the whole batch.
fn fifty_steps(network: &Network, data: &ArrayDataset, optimizer: &Optimizer) -> Trainer {
    let mut trainer = Trainer::from_network(network.clone(), Loss::SoftmaxCrossEntropy)
        .threads(2)
        .shards(Shards::Fixed(3))
        .batch_size(data.len())
        .optimizer(optimizer.clone())
        .epochs(50);
    trainer.fit(data, data).unwrap();
    trainer
}

fn pytorchs() -> Vec<(&'static str, Optimizer)> {
    let sgd = Optimizer::sgd;
    let momentum = sgd(0.05).with_momentum(0.9);
    vec![
        ("sgd", sgd(0.1)),
        ("sgd_l2", sgd(0.1).with_l2(0.01).decay_all()),
        ("sgd_l2_weights", sgd(0.1).with_l2(0.01)),
        ("momentum", momentum.clone()),
        ("momentum", momentum.to_ema()),
        ("nesterov", momentum.clone().with_nesterov()),
        ("nesterov", momentum.clone().with_nesterov().to_ema()),
        ("momentum_l2", momentum.with_l2(0.01).decay_all()),
        ("adagrad", Optimizer::adagrad(0.05)),
        (
            "adagrad_initial",
            Optimizer::adagrad(0.05).with_initial_squares(0.1),
        ),
        ("rmsprop", Optimizer::rms_prop(0.005)),
        ("rmsprop_centred", Optimizer::rms_prop(0.005).centred()),
        (
            "rmsprop_momentum",
            Optimizer::rms_prop(0.002).with_momentum(0.9),
        ),
        ("adam", Optimizer::adam(0.01)),
        ("adam_l2", Optimizer::adam(0.01).with_l2(0.01).decay_all()),
        (
            "adamw",
            Optimizer::adam_w(0.01).with_weight_decay(0.1).decay_all(),
        ),
        (
            "adamw_weights",
            Optimizer::adam_w(0.01).with_weight_decay(0.1),
        ),
        ("clip_norm", sgd(0.1).with_momentum(0.9).with_clip_norm(0.2)),
        (
            "clip_value",
            sgd(0.1).with_momentum(0.9).with_clip_value(0.02),
        ),
        ("layer_lr", sgd(0.1).with_layer_lr("dense0.", 0.1)),
        ("average", sgd(0.1).with_momentum(0.9).with_average(0.9)),
    ]
}

/// Relative to the largest element.
fn assert_near(got: &[f32], expected: &[f32], what: &str) {
    let scale = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let error = got.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let error = error.fold(0.0, f32::max) / scale;
    assert!(error <= 1e-5, "{what}: relative error {error}");
}

#[test]
fn fifty_steps_end_where_pytorchs_end() {
    let file = SafeTensors::deserialize(FIXTURES).unwrap();
    let (network, data) = small_net(&file);
    for (name, optimizer) in pytorchs() {
        let trainer = fifty_steps(&network, &data, &optimizer);
        let expected = floats(&file, &format!("opt.{name}"));
        let what = format!("{name}: {optimizer}");
        assert_near(trainer.last_network().unwrap().params(), &expected, &what);
        if name == "average" {
            let average = trainer.average().unwrap().expect("it keeps one");
            assert_near(
                average.params(),
                &floats(&file, "opt.average.ema"),
                "average",
            );
        }
    }
}

/// One of every kind.
fn every() -> Vec<Optimizer> {
    let mut all: Vec<Optimizer> = pytorchs()
        .into_iter()
        .map(|(_, optimizer)| optimizer)
        .collect();
    all.extend([
        Optimizer::sgdw(0.1, 0.01).with_momentum(0.9),
        Optimizer::lars(1.0).with_weight_decay(0.01),
        Optimizer::lamb(0.01).with_clip_norm(0.5),
        Optimizer::lion(0.001).with_weight_decay(0.1),
        Optimizer::sgd(0.1).with_l1(0.001).with_proximal_l1(0.001),
        Optimizer::adam_w(0.01)
            .with_average(0.9)
            .with_clip_value(0.1),
    ]);
    all
}

fn trained(
    optimizer: &Optimizer,
    data: &ArrayDataset,
    threads: usize,
    mode: UpdateMode,
) -> Trainer {
    // More than a block of parameters, tensors across blocks, biases apart.
    let model = Sequential::new(19)
        .dense(150)
        .relu()
        .dense(33)
        .tanh()
        .dense(5);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(threads)
        .update(mode)
        .batch_size(20)
        .shards(Shards::Fixed(5))
        .optimizer(optimizer.clone())
        .epochs(2);
    trainer.fit(data, data).unwrap();
    trainer
}

#[test]
fn every_optimiser_gives_the_same_bits_for_any_number_of_threads_and_either_update() {
    let data = class_data(50, 19, 5);
    let renamed = |optimizer: Optimizer| optimizer;
    for optimizer in every().into_iter().map(renamed) {
        let first = trained(&optimizer, &data, 1, UpdateMode::Fused);
        let first = (first.last_network().unwrap(), first.average().unwrap());
        for threads in [1, 2, 3, 5, 8] {
            for mode in UpdateMode::ALL.iter().copied() {
                let again = trained(&optimizer, &data, threads, mode);
                let again = (again.last_network().unwrap(), again.average().unwrap());
                assert!(
                    again == first,
                    "{optimizer}, {threads} threads, {}",
                    mode.name()
                );
            }
        }
    }
}

#[test]
fn state_that_is_taken_out_and_put_back_is_the_same_bit_for_bit() {
    let data = class_data(50, 19, 5);
    for optimizer in every() {
        let whole = {
            let mut trainer = trained(&optimizer, &data, 2, UpdateMode::Fused);
            trainer.fit(&data, &data).unwrap();
            trainer.network().unwrap()
        };
        // Each call of `fit` builds an engine of its own from the state of the last.
        let longer = {
            let model = Sequential::new(19)
                .dense(150)
                .relu()
                .dense(33)
                .tanh()
                .dense(5);
            let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
                .threads(3)
                .batch_size(20)
                .shards(Shards::Fixed(5))
                .optimizer(optimizer.clone())
                .epochs(4);
            trainer.fit(&data, &data).unwrap();
            trainer.network().unwrap()
        };
        assert!(whole == longer, "{optimizer}");
    }
}

#[test]
fn proximal_l1_gives_exact_zeros_and_the_subgradient_none() {
    let data = class_data(50, 19, 5);
    let zeros = |optimizer: &Optimizer| {
        let network = trained(optimizer, &data, 2, UpdateMode::Fused)
            .network()
            .unwrap();
        let weights = network.layout().tensors().iter();
        let weights = weights.filter(|tensor| tensor.name.ends_with("weight"));
        let values = weights.flat_map(|tensor| network.params()[tensor.range.clone()].to_vec());
        values.filter(|&value| value == 0.0).count()
    };
    assert!(zeros(&Optimizer::sgd(0.1).with_proximal_l1(0.05)) > 100);
    assert_eq!(zeros(&Optimizer::sgd(0.1).with_l1(0.05)), 0);
}

#[test]
fn settings_out_of_range_and_of_other_optimisers_are_named() {
    let message = |optimizer: Optimizer| optimizer.build().unwrap_err().to_string();
    for (optimizer, expected) in [
        (
            Optimizer::adam(-1.0),
            "the learning rate must be finite and at least 0, got -1",
        ),
        (
            Optimizer::adam(0.1).with_betas(1.0, 0.9),
            "beta1 must be at least 0 and below 1, got 1",
        ),
        (
            Optimizer::adam(0.1).with_eps(0.0),
            "eps must be finite and above 0, got 0",
        ),
        (
            Optimizer::sgd(0.1).with_l2(-0.1),
            "l2 must be finite and at least 0, got -0.1",
        ),
        (
            Optimizer::sgd(0.1).with_clip_norm(0.0),
            "the limit of clipping by norm must be finite and above 0, got 0",
        ),
        (
            Optimizer::sgd(0.1).with_average(1.5),
            "the decay of the average must be at least 0 and below 1, got 1.5",
        ),
        (
            Optimizer::lars(0.1).with_trust_coefficient(0.0),
            "the trust coefficient must be finite and above 0, got 0",
        ),
        (
            Optimizer::sgd(0.1).with_betas(0.9, 0.99),
            "betas does not apply to sgd; leave it out, or take an optimiser that has it",
        ),
        (
            Optimizer::adam(0.1).with_momentum(0.9),
            "a momentum does not apply to adam; leave it out, or take an optimiser that has it",
        ),
    ] {
        let got = message(optimizer);
        let got = got.replace("-0.10000000149011612", "-0.1");
        assert_eq!(got, expected);
    }
    let data = class_data(20, 19, 5);
    let mut trainer = Trainer::new(Sequential::new(19).dense(5), Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::sgd(0.1).with_layer_lr("conv7.", 0.1));
    let error = trainer.fit(&data, &data).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no tensor's name begins with \"conv7.\"; names are such as dense0.weight"
        ),
        "{error}"
    );
}

#[test]
fn scaling_rules_are_the_papers() {
    let momentum = Optimizer::sgd(0.1).with_momentum(0.9);
    let scaled = |rule: ScalingRule, k| rule.optimizer(&momentum, k).unwrap();
    assert_eq!(scaled(ScalingRule::None, 8.0), momentum);
    assert_eq!(scaled(ScalingRule::Linear, 8.0).lr(), 0.8);
    assert!((scaled(ScalingRule::SquareRoot, 8.0).lr() - 0.282_842_7).abs() < 1e-6);
    let error = ScalingRule::Adam.optimizer(&momentum, 2.0).unwrap_err();
    assert!(matches!(error, OptimError::NotApplicable { .. }));
    let error = ScalingRule::Adam
        .optimizer(&Optimizer::adam(0.1).with_betas(0.875, 0.9375), 16.0)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "beta1 must be at least 0 and below 1, got -1"
    );
    assert_eq!(BatchRule::default(), BatchRule::Fixed);
}
