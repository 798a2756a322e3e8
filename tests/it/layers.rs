//! Every layer and preset: the same bits for any number of threads, no allocation in
//! a steady step, refusal of shapes that do not fit; and a layer written by a user.

use std::sync::Arc;

use crate::gradient::{Place, loss_and_gradient};
use ndarray::{Array2, s};
use unisono::Trainer;
use unisono::data::{ArrayDataset, synthetic_classes};
use unisono::engine::{EngineConfig, Shards, Threads, UpdateMode, all_reduce};
use unisono::nn::Isa;
use unisono::nn::presets;
use unisono::nn::{
    Activation, Attention, BatchNorm, Conv, Dense, Dropout, Embedding, Init, Loss, Network, Norm,
    Parallel, Pool, Positions, Recurrent, Reshape, Residual, Sequential, Spec, Targets,
    check_gradient,
};
use unisono::optim::Optimizer;
use unisono::study::Bench;

#[test]
fn every_preset_trains_to_the_same_bits_for_any_number_of_threads() {
    for name in presets::NAMES.iter().copied() {
        let mut expected = None;
        for (at, threads) in [1, 2, 3, 5, 8].into_iter().enumerate() {
            let bench = Bench {
                preset: presets::by_name(name).unwrap(),
                batch_size: 10,
                steps: 2,
                warmup: 0,
                seed: 5,
                engine: EngineConfig {
                    threads: Threads::Fixed(threads),
                    shards: Shards::Fixed(7),
                    all_reduce: Arc::new(all_reduce::ALL[at % 3]),
                    update: UpdateMode::ALL[at % 2],
                    ..EngineConfig::default()
                },
            };
            let report = bench.run().unwrap();
            let first = expected.get_or_insert(report.weights_sha256.clone());
            assert_eq!(*first, report.weights_sha256, "{name}, {threads} threads");
        }
    }
}

/// A model with one of everything that is random or looks at other rows.
fn of_many_parts(norm: BatchNorm) -> Sequential {
    let branches = [
        Sequential::part().layer(Conv::d2(4, 3).padding(1)),
        Sequential::part()
            .layer(Dropout::new(0.3))
            .layer(Dense::new(6)),
    ];
    Sequential::new([6, 5, 2])
        .layer(Parallel::concat(branches))
        .layer(norm)
        .relu()
        .layer(Dropout::new(0.25))
        .layer(Norm::group(2))
        .layer(Pool::average(2))
        .layer(Reshape::to([6, 10]))
        .layer(Recurrent::gru(7).bidirectional())
        .layer(Residual::new(
            Sequential::part().layer(Attention::new(2)).tanh(),
        ))
        .flatten()
        .dense(3)
}

#[test]
fn dropout_and_batch_norm_do_not_depend_on_the_number_of_threads_or_the_instruction_set() {
    let data = synthetic_classes([40, 60], 3, 1);
    for norm in [BatchNorm::new(), BatchNorm::new().over_batch()] {
        let mut expected = None;
        for threads in [1, 2, 3, 5, 8, 13] {
            let mut trainer = Trainer::new(of_many_parts(norm), Loss::SoftmaxCrossEntropy)
                .threads(threads)
                .shards(Shards::Fixed(5))
                .batch_size(17)
                .optimizer(Optimizer::adam_w(0.01))
                .epochs(2)
                .seed(9);
            let report = trainer.fit(&data, &data).unwrap();
            let outcome = (trainer.network().unwrap(), report.test_loss());
            let first = expected.get_or_insert(outcome.clone());
            assert!(*first == outcome, "{norm:?}, {threads} threads");
        }
        let network = expected.unwrap().0;
        let gradients = Isa::available().into_iter().map(|isa| {
            let place = Place {
                threads: 2,
                shards: 5,
                isa,
            };
            loss_and_gradient(&network, &Loss::SoftmaxCrossEntropy, &data, place)
        });
        let gradients: Vec<_> = gradients.collect();
        assert!(gradients.iter().all(|other| *other == gradients[0]));
    }
}

#[test]
fn dropout_drops_its_share_anew_in_every_step_and_nothing_in_evaluation() {
    let model = Sequential::new(400)
        .layer(Dropout::new(0.25))
        .layer(Dense::new(1).weight(Init::Constant(1.0)));
    let network = Network::new(model, 1).unwrap();
    let ones = Array2::ones((50, 400));
    let y = network.predict(ones.view()).unwrap();
    assert!(y.iter().all(|&y| y == 400.0), "nothing is dropped");
    let data = ArrayDataset::values(ones, Array2::zeros((50, 1))).unwrap();
    let place = Place {
        threads: 1,
        shards: 1,
        isa: Isa::detect(),
    };
    // The loss is the mean of squares of 400 x a share whose mean is 1 and deviation sqrt(1/3) /
    // 20.
    let loss = Loss::Mse(unisono::nn::MseConvention::SumOverOutputs);
    let (sums, grad) = loss_and_gradient(&network, &loss, &data, place);
    let root = sums.mean_loss().sqrt() / 400.0;
    assert!((root - 1.0).abs() < 0.02, "{root}");
    // The gradient of a weight is 2 y summed over the rows that kept its input, times 4/3.
    let kept = grad[..400].iter().filter(|g| **g > 0.0).count();
    assert_eq!(kept, 400, "an input that is always dropped is no chance");
    let (least, most) = grad[..400]
        .iter()
        .fold((f32::MAX, 0.0_f32), |(a, b), &g| (a.min(g), b.max(g)));
    assert!(most / least > 1.2, "rows must have masks of their own");
}

fn assert_refused(cases: Vec<(Sequential, &str)>) {
    for (model, expected) in cases {
        let message = model.layout().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn shapes_that_no_convolution_or_pooling_can_take_are_refused_with_name_and_place() {
    let image = || Sequential::new([4, 4, 3]);
    assert_refused(vec![
        (
            Sequential::new(16).layer(Conv::d2(8, 3)),
            "layer 0 (conv2d) expects rows of shape HxWxC, got 16",
        ),
        (
            image().relu().layer(Conv::d2(8, 5)),
            "layer 1 (conv2d) expects a padded input of at least the kernel's reach 5, got 4",
        ),
        (
            image().layer(Conv::d2(8, 3).groups(2)),
            "layer 0 (conv2d) expects input and output channels in 2 equal groups, got 3 and 8",
        ),
        (
            image().layer(Conv::d2(8, 3).padding(3)),
            "layer 0 (conv2d) expects padding below the kernel's reach 3, got 3",
        ),
        (
            image().layer(Conv::d1(8, 3)),
            "layer 0 (conv1d) expects rows of shape TxC, got 4x4x3",
        ),
        (
            image().layer(Pool::max(5)),
            "layer 0 (max_pool) expects a padded input of at least the kernel's 5, got 4",
        ),
    ]);
}

#[test]
fn shapes_that_no_other_layer_can_take_are_refused_with_name_and_place() {
    let image = || Sequential::new([4, 4, 3]);
    assert_refused(vec![
        (
            Sequential::new([8, 6]).layer(Attention::new(4)),
            "layer 0 (attention) expects channels in 4 equal heads, got 6",
        ),
        (
            Sequential::new(6).layer(Recurrent::lstm(4)),
            "layer 0 (lstm) expects rows of shape TxC, got 6",
        ),
        (
            image().layer(Norm::group(2)),
            "layer 0 (group_norm) expects channels in 2 equal groups, got 3",
        ),
        (
            image().layer(Embedding::new(10, 4)),
            "layer 0 (embedding) expects rows of shape T, a token a position, got 4x4x3",
        ),
        (
            image().layer(Positions::new()),
            "layer 0 (positions) expects rows of shape TxC, got 4x4x3",
        ),
        (
            Sequential::new(6).layer(Residual::new(Sequential::part().dense(5))),
            "layer 0 (residual) expects branches that agree in shape 5, got 6",
        ),
        (
            Sequential::new(6)
                .dense(4)
                .layer(Residual::new(Sequential::part().layer(Conv::d2(2, 3)))),
            "layer 1 (residual), 0 (conv2d) expects rows of shape HxWxC, got 4",
        ),
        (
            Sequential::new(6).dense(4).layer(Dropout::new(1.5)),
            "layer 1 (dropout) expects a rate of at least 0 and below 1, got 1.5",
        ),
        (
            Sequential::new(6).dense(4).layer(Activation::Elu(-1.0)),
            "layer 1 (elu) expects a positive slope below 0, got -1",
        ),
    ]);
}

#[test]
fn a_token_outside_the_vocabulary_is_named_with_its_row_and_position() {
    let model = Sequential::new([4]).layer(Embedding::new(5, 3)).dense(5);
    let mut tokens = Array2::<u32>::zeros((6, 4));
    tokens[[2, 3]] = 7;
    let data = ArrayDataset::sequences(&tokens, Array2::zeros((6, 4)), 5).unwrap();
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .threads(2)
        .batch_size(6);
    let error = trainer.fit(&data, &data).unwrap_err().to_string();
    assert!(error.contains("token 7 of row"), "{error}");
    assert!(
        error.contains("position 3 is not below the vocabulary's 5"),
        "{error}"
    );
}

#[test]
fn names_of_layers_and_parameters_read_well() {
    let layout = of_many_parts(BatchNorm::new()).layout().unwrap();
    let names: Vec<_> = layout.tensors().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names[0], "parallel0.branch0.conv2d0.weight");
    assert!(names.contains(&"batch_norm1.running_mean"));
    assert!(names.contains(&"gru7.parallel0.branch1.gru0.hidden_bias"));
    assert_eq!(Conv::d2(1, 1).name(), "conv2d");
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn a_convolution_of_one_channel_to_one_is_the_sum_over_its_window() {
    let image = Array2::from_shape_fn((2, 16), |(row, at)| (row * 5 + at * at % 7) as f32);
    let weights: Vec<f32> = (0..9).map(|at| at as f32 - 4.0).collect();
    let params: Vec<f32> = weights.iter().copied().chain([0.5]).collect();
    let model = Sequential::new([4, 4, 1]).layer(Conv::d2(1, 3)).flatten();
    let network = Network::with_params(model, params).unwrap();
    let outputs = network.predict(image.view()).unwrap();
    for row in 0..2 {
        for (at, &output) in outputs.row(row).iter().enumerate() {
            let pixel = |tap: usize| image[[row, (at / 2 + tap / 3) * 4 + at % 2 + tap % 3]];
            let sum: f32 = (0..9).map(|tap| weights[tap] * pixel(tap)).sum();
            assert_eq!(output, sum + 0.5, "row {row}, output {at}");
        }
    }
    // And backward; the dense layer before it wants the gradient of its inputs.
    let before = Sequential::new(5).dense(16).layer(Reshape::to([4, 4, 1]));
    let model = before.layer(Conv::d2(1, 3)).flatten().dense(2);
    let network = Network::new(model, 7).unwrap();
    let inputs = image.mapv(|value| value / 8.0);
    let inputs = inputs.slice(s![.., ..5]);
    let classes = Targets::Classes(&[0, 1]);
    let check = check_gradient(&network, Loss::SoftmaxCrossEntropy, inputs, classes);
    assert!(check.unwrap().compared > 100);
}
