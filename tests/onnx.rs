//! Models as ONNX: what cannot be written is named; what can is left in `target/onnx` with inputs and outputs, for `tests/parity/check_onnx.py` to run.

use std::path::Path;

use ndarray::Array2;
use unisono::export::{ExportError, write_onnx};
use unisono::nn::{
    Activation, BatchNorm, Conv, Dense, Dropout, Network, Norm, Parallel, Pool, Residual,
    Sequential, Softmax, presets,
};
use unisono::seed::{Purpose, Stream};

/// Rows of a case.
const ROWS: usize = 3;

fn uniform(stream: &mut Stream) -> f32 {
    stream.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
}

/// A network whose every parameter is drawn anew, so that none is a 0 or a 1 by chance; variances are positive.
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx");
    std::fs::create_dir_all(&folder).unwrap();
    let network = network(model);
    write_onnx(&folder.join(format!("{name}.onnx")), &network).unwrap();
    let mut stream = Stream::new(2, Purpose::Synthetic, 0, 0);
    let inputs = network.model().inputs();
    let x = Array2::from_shape_fn((ROWS, inputs), |_| uniform(&mut stream));
    let y = network.predict(x.view()).unwrap();
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
fn a_layer_that_cannot_be_written_is_named_and_leaves_no_file() {
    let path = std::env::temp_dir().join(format!("unisono-{}-gpt.onnx", std::process::id()));
    let gpt = Network::new(presets::by_name("gpt").unwrap().model, 1).unwrap();
    let error = write_onnx(&path, &gpt).unwrap_err();
    assert!(matches!(error, ExportError::Layer { .. }));
    let expected = "layer 0 (tied_embedding) cannot be written as ONNX; export the weights as safetensors or npz";
    assert_eq!(error.to_string(), expected);
    let model =
        Sequential::new([4, 4, 6]).layer(Residual::new(Sequential::part().layer(Norm::group(2))));
    let error = write_onnx(&path, &Network::new(model, 1).unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("layer 0.0.0 (group_norm)"), "{error}");
    assert!(!path.exists());
}
