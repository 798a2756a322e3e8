//! Products in bfloat16: the same bits everywhere, gradients near those of `f32`, and a part of what
//! a training is.

use std::ops::ControlFlow;

use crate::gradient::{Place, loss_and_gradient};
use crate::support::{class_data, on_ranks};
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::engine::all_reduce::ALL;
use unisono::engine::{EngineConfig, Shards, Track, UpdateMode};
use unisono::nn::{
    Attention, Conv, Embedding, Isa, Loss, Network, Norm, Precision, Recurrent, Reshape, Residual,
    Sequential,
};
use unisono::optim::Optimizer;
use unisono::train::Event;

/// Models of every layer with products, of awkward sizes, on rows of 15 values.
fn models() -> Vec<Sequential> {
    let on = |shape: &[usize]| Sequential::new(15).layer(Reshape::to(shape.to_vec()));
    let head = |model: Sequential| model.layer(Reshape::flatten()).dense(4);
    let all = [
        Sequential::new(15)
            .dense(37)
            .relu()
            .dense(21)
            .tanh()
            .dense(4),
        head(on(&[5, 3]).layer(Recurrent::lstm(7).bidirectional())),
        head(on(&[5, 3]).layer(Recurrent::gru(6))),
        head(
            on(&[5, 3]).dense(6).layer(Residual::new(
                Sequential::part()
                    .layer(Norm::layer())
                    .layer(Attention::new(3).causal()),
            )),
        ),
        head(on(&[5, 3, 1]).layer(Conv::d2(3, 3).padding(1)).relu()),
    ];
    all.map(|model| model.precision(Precision::Bf16)).into()
}

fn data(rows: usize) -> ArrayDataset {
    class_data(rows, 15, 4)
}

fn trainer(model: Sequential) -> Trainer {
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .batch_size(45)
        .shards(Shards::Fixed(7))
        .epochs(2)
        .optimizer(Optimizer::adam(0.01))
}

fn trained(mut trainer: Trainer, data: &ArrayDataset) -> Network {
    trainer.fit(data, data).unwrap();
    trainer.network().unwrap()
}

#[test]
fn any_number_of_threads_and_ranks_gives_the_same_bits() {
    // Shards of odd length: none of their pairs has rows of two.
    let data = data(103);
    for model in models() {
        let expected = trained(trainer(model.clone()).threads(1), &data);
        for threads in [2, 3, 5, 8, 13] {
            let other = trainer(model.clone())
                .threads(threads)
                .all_reduce(ALL[threads % 3])
                .update(UpdateMode::ALL[threads % 2]);
            assert_eq!(
                trained(other, &data),
                expected,
                "{threads} threads, {model}"
            );
        }
        let on_rank = |ranks| trained(trainer(model.clone()).threads(2).ranks(ranks), &data);
        for network in on_ranks(2, on_rank) {
            assert_eq!(network, expected, "2 ranks, {model}");
        }
        let plain = trainer(model.clone().precision(Precision::F32)).threads(2);
        assert_ne!(trained(plain, &data).params(), expected.params(), "{model}");
    }
}

#[test]
fn factored_gradients_have_the_bits_of_folded_ones() {
    // Two layers whose gradients are larger than their rows, in shards of odd length.
    let data = class_data(40, 300, 5);
    let model = Sequential::new(300)
        .dense(301)
        .relu()
        .dense(303)
        .tanh()
        .dense(5);
    let new = |threads: usize| {
        let model = model.clone().precision(Precision::Bf16);
        trainer(model)
            .batch_size(40)
            .shards(Shards::Fixed(8))
            .threads(threads)
    };
    let expected = trained(new(1), &data);
    for threads in [2, 3, 5] {
        assert_eq!(trained(new(threads), &data), expected, "{threads} threads");
    }
}

#[test]
fn every_instruction_set_gives_the_same_gradient() {
    let data = data(61);
    for model in models() {
        let network = Network::new(model, 5).unwrap();
        let of = |isa| {
            let place = Place {
                threads: 2,
                shards: 5,
                isa,
            };
            loss_and_gradient(&network, &Loss::SoftmaxCrossEntropy, &data, place).1
        };
        let expected = of(Isa::Portable);
        for isa in Isa::available() {
            assert!(of(isa) == expected, "{isa:?}, {}", network.model());
        }
    }
}

/// A tied embedding, whose head is a product, too; of tokens.
#[test]
fn tied_embeddings_take_part() {
    let tokens = ndarray::Array2::from_shape_fn((24, 6), |(r, c)| ((r * 7 + c * 5) % 11) as f32);
    let labels = ndarray::Array2::from_shape_fn((24, 66), |(r, c)| ((r + c) % 5) as f32 / 4.0);
    let data = ArrayDataset::values(tokens, labels).unwrap();
    let body = Sequential::part().dense(9).tanh();
    let model = Sequential::new([6]).layer(Embedding::tied(11, 9, body));
    let loss = Loss::Mse(unisono::nn::MseConvention::MeanOverAll);
    let gradient = |precision, isa| {
        let network = Network::new(model.clone().precision(precision), 5).unwrap();
        let place = Place {
            threads: 2,
            shards: 3,
            isa,
        };
        loss_and_gradient(&network, &loss, &data, place).1
    };
    let expected = gradient(Precision::Bf16, Isa::Portable);
    assert!(gradient(Precision::F32, Isa::Portable) != expected);
    for isa in Isa::available() {
        assert!(gradient(Precision::Bf16, isa) == expected, "{isa:?}");
    }
}

#[test]
fn gradients_are_those_of_f32_but_for_the_rounding_of_operands() {
    let data = data(64);
    for model in models() {
        let gradient = |precision| {
            let network = Network::new(model.clone().precision(precision), 5).unwrap();
            let place = Place {
                threads: 1,
                shards: 4,
                isa: Isa::detect(),
            };
            loss_and_gradient(&network, &Loss::SoftmaxCrossEntropy, &data, place).1
        };
        let (exact, rounded) = (gradient(Precision::F32), gradient(Precision::Bf16));
        let norm = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
        };
        let error = norm(&mut exact.iter().zip(&rounded).map(|(a, b)| a - b));
        let share = error / norm(&mut exact.iter().copied());
        // Each operand is off by at most 2^-8 of itself; a chain of a few products by a few times that.
        assert!(share > 0.0 && share < 0.02, "{share}, {model}");
    }
}

/// What is exported multiplies in f32.
#[test]
fn outputs_are_those_of_f32_within_two_per_cent() {
    let data = data(103);
    for model in models() {
        let network = trained(trainer(model.clone()), &data);
        let exported = model.precision(Precision::F32);
        let exported = Network::with_params(exported, network.params().to_vec()).unwrap();
        let of = |network: &Network| network.predict(data.inputs()).unwrap();
        let (own, other) = (of(&network), of(&exported));
        let largest = other
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        let error = own.iter().zip(&other).map(|(a, b)| (a - b).abs());
        let error = error.fold(0.0_f32, f32::max);
        assert!(
            error > 0.0 && error < 0.02 * largest,
            "{error} of {largest}, {}",
            network.model()
        );
    }
}

#[test]
fn noise_scale_clipping_averages_and_trust_ratios_work_as_in_f32() {
    let data = data(90);
    let model = models().remove(0);
    for optimizer in [
        Optimizer::lamb(0.01),
        Optimizer::lars(0.1).with_momentum(0.9),
        Optimizer::sgd(0.1).with_clip_norm(0.1).with_average(0.9),
    ] {
        let new = |threads: usize| {
            let engine = EngineConfig {
                shards: Shards::Fixed(7),
                track: Track::ShardNorms,
                ..EngineConfig::default()
            };
            let trainer = trainer(model.clone()).engine(engine);
            trainer.optimizer(optimizer.clone()).threads(threads)
        };
        assert_eq!(
            trained(new(1), &data),
            trained(new(3), &data),
            "{optimizer}"
        );
    }
}

#[test]
fn a_resumed_training_has_the_bits_of_an_unbroken_one_and_another_precision_is_refused() {
    let data = data(103);
    let model = models().remove(1);
    let expected = trained(trainer(model.clone()).threads(2), &data);
    let mut broken = trainer(model.clone()).threads(3);
    let mut steps = 0;
    let observer = |event: &Event<'_>| match event {
        Event::Step { .. } if steps == 2 => ControlFlow::Break(()),
        Event::Step { .. } => {
            steps += 1;
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Continue(()),
    };
    broken.fit_observed(&data, &data, observer).unwrap();
    let checkpoint = broken.checkpoint().unwrap();
    let mut resumed = trainer(model.clone()).threads(1);
    resumed.resume(checkpoint.clone()).unwrap();
    assert_eq!(trained(resumed, &data), expected);
    // In f32 it would be another training.
    let mut other = trainer(model.clone()).precision(Precision::F32);
    other.resume(checkpoint.clone()).unwrap();
    let error = other.fit(&data, &data).unwrap_err().to_string();
    assert!(error.contains("precision was bf16, is f32"), "{error}");
    let mut allowed = trainer(model).precision(Precision::F32).allow_changes();
    allowed.resume(checkpoint).unwrap();
    allowed.fit(&data, &data).unwrap();
}

#[test]
fn a_model_in_bf16_is_written_and_read_as_such() {
    let model = models().remove(0);
    assert!(model.to_json().contains(r#""precision":"bf16""#));
    assert_eq!(Sequential::from_json(&model.to_json()).unwrap(), model);
    let text = model.to_json().replace("bf16", "fp8");
    let error = Sequential::from_json(&text).unwrap_err().to_string();
    assert!(error.contains("fp8") && error.contains("bf16"), "{error}");
    assert!(
        !model
            .precision(Precision::F32)
            .to_json()
            .contains("precision")
    );
}
