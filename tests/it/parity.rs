//! Parity with PyTorch: outputs, loss, gradients and ten steps of training, on the fixtures of
//! `tests/parity/make_fixtures.py`.

use crate::gradient::{Place, loss_and_gradient};
use ndarray::Array2;
use safetensors::{Dtype, SafeTensors};
use unisono::Trainer;
use unisono::data::{ArrayDataset, Dataset};
use unisono::engine::Shards;
use unisono::nn::Isa;
use unisono::nn::presets::Subsample;
use unisono::nn::{
    Activation, Attention, BatchNorm, Conv, Dense, Embedding, Loss, MseConvention, Network, Norm,
    Pool, Positions, Recurrent, Reshape, Residual, Role, Sequential,
};
use unisono::optim::Optimizer;

const FIXTURES: &[u8] = include_bytes!("../parity/fixtures.safetensors");

type Case = (&'static str, Sequential);

/// The cases, each with its model.
fn cases() -> Vec<Case> {
    let mut cases = activations();
    cases.extend(on_images());
    cases.extend(on_sequences());
    cases.extend(small_presets());
    cases
}

fn activations() -> Vec<Case> {
    let functions = [
        ("relu", Activation::Relu),
        ("leaky_relu", Activation::LeakyRelu(0.01)),
        ("elu", Activation::Elu(1.0)),
        ("tanh", Activation::Tanh),
        ("sigmoid", Activation::Sigmoid),
        ("softplus", Activation::Softplus),
        ("silu", Activation::Silu),
        ("gelu", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
    ];
    let model = |function| Sequential::new(5).dense(7).layer(function).dense(3);
    functions
        .map(|(name, function)| (name, model(function)))
        .into()
}

fn on_images() -> Vec<Case> {
    let image = || Sequential::new([7, 6, 2]).layer(Conv::d2(4, 3).padding(1));
    let layers = [
        ("conv_valid", image().layer(Conv::d2(5, 3))),
        (
            "conv_stride",
            image().layer(Conv::d2(5, 3).stride(2).padding(1)),
        ),
        ("conv_stride_over", image().layer(Conv::d2(6, 2).stride(3))),
        (
            "conv_dilation",
            image().layer(Conv::d2(5, 3).dilation(2).padding(2)),
        ),
        (
            "conv_groups",
            image().layer(Conv::d2(6, 3).groups(2).padding(1)),
        ),
        (
            "conv_depthwise",
            image().layer(Conv::d2(4, 3).groups(4).padding(1).stride(2)),
        ),
        (
            "conv_wide",
            image().layer(Conv::d2(37, 3).kernel(1, 3).without_bias()),
        ),
        ("max_pool", image().layer(Pool::max(3).stride(2).padding(1))),
        (
            "average_pool",
            image().layer(Pool::average(3).stride(2).padding(1)),
        ),
        ("adaptive_pool", image().layer(Pool::adaptive_average(3, 4))),
        ("global_pool", image().layer(Pool::global_average())),
        ("batch_norm", image().layer(BatchNorm::new().over_batch())),
        ("group_norm", image().layer(Norm::group(2))),
    ];
    let mut cases: Vec<Case> = layers
        .map(|(name, model)| (name, model.flatten().dense(3)))
        .into();
    let conv1d = Sequential::new([9, 3])
        .layer(Conv::d1(4, 3).padding(1))
        .layer(Conv::d1(5, 3).stride(2));
    cases.push(("conv1d", conv1d.flatten().dense(3)));
    cases
}

fn on_sequences() -> Vec<Case> {
    let sequence = || Sequential::new(15).layer(Reshape::to([5, 3])).dense(4);
    let layers = [
        ("layer_norm", sequence().layer(Norm::layer())),
        ("rms_norm", sequence().layer(Norm::rms())),
        ("rnn_tanh", sequence().layer(Recurrent::tanh(6))),
        ("rnn_relu", sequence().layer(Recurrent::relu(6))),
        ("gru", sequence().layer(Recurrent::gru(6))),
        ("lstm", sequence().layer(Recurrent::lstm(6))),
        (
            "lstm_deep",
            sequence().layer(Recurrent::lstm(5).layers(2).bidirectional()),
        ),
        ("attention", sequence().layer(Attention::new(2))),
        (
            "attention_causal",
            sequence().layer(Attention::new(2).causal()),
        ),
    ];
    layers
        .map(|(name, model)| (name, model.flatten().dense(3)))
        .into()
}

fn small_presets() -> Vec<Case> {
    let mlp = Sequential::new(12)
        .dense(20)
        .relu()
        .dense(20)
        .relu()
        .dense(4);
    let lstm = Sequential::new([7])
        .layer(Embedding::new(11, 6))
        .layer(Recurrent::lstm(8))
        .dense(11);
    vec![
        ("small_mlp", mlp),
        ("small_lenet", small_lenet()),
        ("small_resnet", small_resnet()),
        ("small_lstm", lstm),
        ("small_gpt", small_gpt(7)),
    ]
}

fn small_lenet() -> Sequential {
    let conv = |channels| Conv::d2(channels, 5).padding(2);
    Sequential::new([8, 8, 1])
        .layer(conv(4))
        .relu()
        .layer(Pool::max(2))
        .layer(conv(8))
        .relu()
        .layer(Pool::max(2))
        .flatten()
        .dense(16)
        .relu()
        .dense(4)
}

fn small_resnet() -> Sequential {
    let conv = |channels, stride| {
        Conv::d2(channels, 3)
            .padding(1)
            .stride(stride)
            .without_bias()
    };
    let block = |channels, stride| {
        Sequential::part()
            .layer(conv(channels, stride))
            .layer(BatchNorm::new().over_batch())
            .relu()
            .layer(conv(channels, 1))
            .layer(BatchNorm::new().over_batch())
    };
    let shortcut = Sequential::part().layer(Subsample {
        stride: 2,
        padding: 2,
    });
    Sequential::new([8, 8, 3])
        .layer(conv(4, 1))
        .layer(BatchNorm::new().over_batch())
        .relu()
        .layer(Residual::new(block(4, 1)))
        .relu()
        .layer(Residual::with_shortcut(block(8, 2), shortcut))
        .relu()
        .layer(Pool::global_average())
        .dense(4)
}

/// A GPT of two blocks, over sequences of this length.
pub(crate) fn small_gpt(length: usize) -> Sequential {
    let mut body = Sequential::part().layer(Positions::new());
    for _ in 0..2 {
        let attention = Sequential::part()
            .layer(Norm::layer().without_bias())
            .layer(Attention::new(2).causal().without_bias());
        let mlp = Sequential::part()
            .layer(Norm::layer().without_bias())
            .layer(Dense::new(32).without_bias())
            .layer(Activation::Gelu)
            .layer(Dense::new(8).without_bias());
        body = body
            .layer(Residual::new(attention))
            .layer(Residual::new(mlp));
    }
    body = body.layer(Norm::layer().without_bias());
    Sequential::new([length]).layer(Embedding::tied(11, 8, body))
}

/// A tensor of the fixtures, its rows and its values.
fn tensor(file: &SafeTensors<'_>, name: &str) -> (usize, Vec<f64>) {
    let view = file.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
    let values = match view.dtype() {
        Dtype::F32 => view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f64::from(f32::from_le_bytes(*bytes)))
            .collect(),
        Dtype::F64 => view
            .data()
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes))
            .collect(),
        other => panic!("{name} is {other:?}"),
    };
    (view.shape()[0], values)
}

fn matrix<T>(file: &SafeTensors<'_>, name: &str, convert: impl Fn(f64) -> T) -> Array2<T> {
    let (rows, values) = tensor(file, name);
    let shape = (rows, values.len() / rows);
    Array2::from_shape_vec(shape, values.into_iter().map(convert).collect()).unwrap()
}

fn params(file: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    tensor(file, name).1.iter().map(|&v| v as f32).collect()
}

/// Relative to the larger of the value and a hundredth of the largest.
fn assert_near(got: &[f32], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    for (at, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(got) - expected).abs() / expected.abs().max(0.01 * scale).max(1e-6);
        assert!(
            error <= TOLERANCE,
            "{what}, {at}: {got}, PyTorch has {expected}"
        );
    }
}

const TOLERANCE: f64 = 1e-4;

/// The data, and the loss that goes with it.
fn data(file: &SafeTensors<'_>, name: &str, model: &Sequential) -> (ArrayDataset, Loss) {
    let x = matrix(file, &format!("{name}.x"), |v| v as f32);
    let outputs = model.output_shape().unwrap();
    let t = format!("{name}.t");
    if outputs.axes().len() == 2 {
        let x = x.mapv(|token| token as u32);
        let classes = matrix(file, &t, |v| v as u32);
        let data = ArrayDataset::sequences(&x, classes, outputs.channels()).unwrap();
        (data, Loss::SoftmaxCrossEntropy)
    } else if outputs.channels() == 3 {
        let data = ArrayDataset::values(x, matrix(file, &t, |v| v as f32)).unwrap();
        (data, Loss::Mse(MseConvention::MeanOverAll))
    } else {
        let classes = matrix(file, &t, |v| v as u32);
        let classes = classes.into_raw_vec_and_offset().0;
        let data = ArrayDataset::classes(x, &classes, outputs.channels()).unwrap();
        (data, Loss::SoftmaxCrossEntropy)
    }
}

#[test]
fn every_case_of_the_fixtures_is_compared() {
    let file = SafeTensors::deserialize(FIXTURES).unwrap();
    let mut names: Vec<_> = file
        .names()
        .into_iter()
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut compared: Vec<_> = cases().iter().map(|case| case.0.to_owned()).collect();
    compared.sort_unstable();
    assert_eq!(names, compared);
}

#[test]
fn outputs_losses_and_gradients_are_pytorchs() {
    let file = SafeTensors::deserialize(FIXTURES).unwrap();
    for (name, model) in cases() {
        let (data, loss) = data(&file, name, &model);
        let network =
            Network::with_params(model.clone(), params(&file, &format!("{name}.params"))).unwrap();
        let y = network.predict(data.inputs()).unwrap();
        let expected = tensor(&file, &format!("{name}.y")).1;
        assert_near(y.as_slice().unwrap(), &expected, &format!("{name}: output"));
        for isa in Isa::available() {
            let place = Place {
                threads: 2,
                shards: 3,
                isa,
            };
            let (sums, grad) = loss_and_gradient(&network, &loss, &data, place);
            let mean: Vec<f32> = grad.iter().map(|g| g / sums.weight as f32).collect();
            let value = tensor(&file, &format!("{name}.loss")).1;
            assert_near(&[sums.mean_loss() as f32], &value, &format!("{name}: loss"));
            let expected = tensor(&file, &format!("{name}.grad")).1;
            for tensor in network.layout().tensors() {
                if tensor.role != Role::Statistic {
                    let (got, expected) =
                        (&mean[tensor.range.clone()], &expected[tensor.range.clone()]);
                    // A gradient that is zero by symmetry is rounding noise in both.
                    if expected.iter().any(|v| v.abs() > 1e-6) {
                        assert_near(
                            got,
                            expected,
                            &format!("{name}: gradient of {}", tensor.name),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn ten_steps_of_momentum_end_where_pytorchs_end() {
    let file = SafeTensors::deserialize(FIXTURES).unwrap();
    for (name, model) in cases() {
        let (data, loss) = data(&file, name, &model);
        let network =
            Network::with_params(model, params(&file, &format!("{name}.params"))).unwrap();
        let lr = tensor(&file, &format!("{name}.lr")).1[0] as f32;
        let mut trainer = Trainer::from_network(network, loss)
            .threads(2)
            .shards(Shards::Fixed(3))
            .batch_size(data.len())
            .optimizer(Optimizer::sgd(lr).with_momentum(0.9))
            .epochs(10);
        trainer.fit(&data, &data).unwrap();
        let network = trainer.network().unwrap();
        let expected = tensor(&file, &format!("{name}.after")).1;
        for tensor in network.layout().tensors() {
            let (got, expected) = (
                &network.params()[tensor.range.clone()],
                &expected[tensor.range.clone()],
            );
            assert_near(
                got,
                expected,
                &format!("{name}: {} after ten steps", tensor.name),
            );
        }
    }
}
