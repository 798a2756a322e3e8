//! Models as ONNX: what cannot be written is named; what can is left in `target/onnx` with inputs
//! and outputs, for `tests/parity/check_onnx.py` to run.

use std::path::Path;

use ndarray::Array2;
use unisono::export::{ExportError, OutputScale, write_onnx, write_onnx_scaled};
use unisono::nn::{
    Activation, Attention, BatchNorm, Build, Conv, Dense, Dropout, Embedding, Layer, Network,
    NnError, Norm, Parallel, Pool, Positions, Recurrent, Residual, Sequential, Shape, Softmax,
    Spec, presets,
};
use unisono::seed::{Purpose, Stream};

/// Rows of a case.
const ROWS: usize = 3;

/// Tokens below this, where a model takes some.
const TOKENS: usize = 7;

fn uniform(stream: &mut Stream) -> f32 {
    stream.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
}

/// A network whose every parameter is drawn anew, so that none is a 0 or a 1 by chance; variances
/// are positive.
fn network(model: Sequential) -> Network {
    let drawn = Network::new(model.clone(), 1).unwrap();
    let mut params = drawn.params().to_vec();
    let mut stream = Stream::new(1, Purpose::Synthetic, 0, 0);
    for tensor in drawn.layout().tensors() {
        for value in &mut params[tensor.range.clone()] {
            let noise = uniform(&mut stream);
            *value = match tensor.name.rsplit('.').next().unwrap() {
                "running_variance" => 1.0 + 0.5 * noise,
                "weight" => *value + 0.05 * noise,
                _ => 0.3 * noise,
            };
        }
    }
    Network::with_params(model, params).unwrap()
}

fn write(name: &str, model: Sequential) {
    write_scaled(name, model, None);
}

/// With outputs in other units, if there is a scale.
fn write_scaled(name: &str, model: Sequential, scale: Option<&OutputScale>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx");
    std::fs::create_dir_all(&folder).unwrap();
    let network = network(model);
    let file = folder.join(format!("{name}.onnx"));
    match scale {
        None => write_onnx(&file, &network).unwrap(),
        Some(scale) => write_onnx_scaled(&file, &network, scale).unwrap(),
    }
    let mut stream = Stream::new(2, Purpose::Synthetic, 0, 0);
    let inputs = network.model().inputs();
    let first = network
        .model()
        .layers()
        .iter()
        .next()
        .map(|layer| layer.name());
    let takes_tokens = first.is_some_and(|name| name.ends_with("embedding"));
    let x = Array2::from_shape_fn((ROWS, inputs), |_| match takes_tokens {
        true => stream.below(TOKENS as u32) as f32,
        false => uniform(&mut stream),
    });
    let mut y = network.predict(x.view()).unwrap();
    for ((_, output), value) in y.indexed_iter_mut() {
        *value = scale.map_or(*value, |scale| {
            *value * scale.factors[output] + scale.summands[output]
        });
    }
    let case = serde_json::json!({
        "shape": network.model().input_shape().axes(),
        "x": x.iter().collect::<Vec<_>>(),
        "y": y.iter().collect::<Vec<_>>(),
    });
    std::fs::write(folder.join(format!("{name}.json")), case.to_string()).unwrap();
}

#[test]
fn presets_of_images_and_features_are_written() {
    write("mlp_small", presets::by_name("mlp_small").unwrap().model);
    write("mlp", presets::fitted("mlp", &[12], 3).unwrap().model);
    write(
        "lenet",
        presets::fitted("lenet", &[16, 12, 2], 5).unwrap().model,
    );
    write(
        "resnet20",
        presets::fitted("resnet20", &[16, 16, 3], 4).unwrap().model,
    );
}

#[test]
fn outputs_of_a_regression_are_written_in_their_units() {
    let scale = OutputScale {
        factors: vec![120.0, 0.5],
        summands: vec![-30.0, 4000.0],
    };
    let model = Sequential::new(5).dense(7).relu().dense(2);
    write_scaled("regression", model, Some(&scale));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx");
    let file = std::fs::read(folder.join("regression.onnx")).unwrap();
    for value in scale.factors.iter().chain(&scale.summands) {
        let bytes = value.to_le_bytes();
        assert!(file.windows(4).any(|window| window == bytes), "{value}");
    }
}

#[test]
fn every_layer_that_has_a_formula_is_written() {
    let activations = [
        Activation::Relu,
        Activation::LeakyRelu(0.1),
        Activation::Elu(0.7),
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Silu,
        Activation::Gelu,
        Activation::GeluTanh,
    ];
    let dense = |model: Sequential, activation| model.dense(8).layer(activation);
    let all = activations.into_iter().fold(Sequential::new(6), dense);
    write(
        "activations",
        all.layer(Dense::new(4).without_bias()).layer(Softmax),
    );
    let branch = || Sequential::part().layer(Norm::layer()).dense(5);
    let sequence = Sequential::new([9, 4])
        .layer(Conv::d1(6, 3).padding(1).stride(2).groups(2))
        .layer(Norm::layer().without_bias())
        .layer(Dropout::new(0.3))
        .layer(Parallel::concat([branch(), branch(), Sequential::part()]))
        .layer(Residual::new(Sequential::part().dense(16).relu().dense(16)))
        .layer(Pool::average(2))
        .flatten()
        .dense(3);
    write("sequence", sequence);
    let image = Sequential::new([11, 10, 4])
        .layer(Conv::d2(8, 3).dilation(2).padding(2).without_bias())
        .layer(BatchNorm::new().eps(1e-3))
        .relu()
        .layer(Conv::d2(8, 3).groups(8))
        .layer(Pool::max(3).stride(2).padding(1))
        .layer(Pool::average(2).stride(1).padding(1))
        .layer(Pool::global_average())
        .dense(3);
    write("image", image);
}

#[test]
fn presets_of_sequences_are_written() {
    write("lstm", presets::fitted("lstm", &[9], 7).unwrap().model);
    write("gpt", presets::fitted("gpt", &[8], 7).unwrap().model);
}

#[test]
fn the_layers_of_sequences_and_norms_within_rows_are_written() {
    let embedded = Sequential::new([6])
        .layer(Embedding::new(TOKENS, 8))
        .layer(Positions::new());
    let recurrent = embedded
        .clone()
        .layer(Recurrent::tanh(5))
        .layer(Recurrent::relu(6).reversed())
        .layer(Recurrent::gru(4).bidirectional().layers(2))
        .layer(Recurrent::lstm(6).reversed())
        .layer(Recurrent::lstm(3).bidirectional());
    write("recurrent", recurrent.flatten().dense(3));
    let attention = embedded
        .layer(Attention::new(2))
        .layer(Norm::rms())
        .layer(Attention::new(4).causal().without_bias())
        .layer(Norm::group(2))
        .layer(Pool::adaptive_average(1, 4));
    write("attention", attention.flatten().dense(3));
    let causal = Sequential::new([7, 4])
        .layer(Conv::d1(5, 3).dilation(2).causal())
        .layer(Conv::d1(4, 2).stride(2).causal());
    write("causal", causal.flatten().dense(3));
    let image = Sequential::new([7, 6, 4])
        .layer(Norm::group(2).eps(1e-3))
        .layer(Pool::adaptive_average(3, 4))
        .layer(Norm::group(4).without_bias());
    write("norms", image);
}

/// A layer without a formula.
#[derive(Debug)]
struct Own;

impl Spec for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        Dense::new(2).build(input, build)
    }
}

#[test]
fn what_cannot_be_written_is_named_and_leaves_no_file() {
    let path = std::env::temp_dir().join(format!("unisono-{}-own.onnx", std::process::id()));
    let error = |model| write_onnx(&path, &Network::new(model, 1).unwrap()).unwrap_err();
    let own = Residual::new(Sequential::part().layer(Own));
    let own = error(Sequential::new([2]).layer(own));
    assert!(matches!(own, ExportError::Layer { .. }));
    let expected =
        "layer 0.0.0 (own) cannot be written as ONNX; export the weights as safetensors or npz";
    assert_eq!(own.to_string(), expected);
    let padded = Sequential::new([6])
        .padding(0.0)
        .layer(Embedding::new(TOKENS, 4))
        .layer(Recurrent::gru(3));
    assert!(matches!(error(padded), ExportError::Padding));
    assert!(!path.exists());
}
