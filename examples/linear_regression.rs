//! A textbook's worked example, step by step: linear regression, one step of gradient descent,
//! NumPy's numbers.
//!
//! `cargo run --release --example linear_regression`. Rows X are 3 x 2, targets y 3 x 1, broadcast
//! over three outputs; the gradient is that of the squares summed over outputs and averaged over
//! rows. The constants below come from:
//!
//! ```python
//! import numpy as np
//! np.random.seed(42)
//! W = np.random.randn(2, 3); b = np.random.randn(3)          # WEIGHT, BIAS
//! X = np.array([[1, 2], [2, 3], [3, 4]], float); y = np.array([[1], [2], [3]], float)
//! dZ = 2 * (X @ W + b - y)
//! W -= 0.01 * X.T @ dZ / 3; b -= 0.01 * dZ.mean(axis=0)      # WEIGHT_AFTER, BIAS_AFTER
//! ```

use ndarray::array;
use unisono::Trainer;
use unisono::data::ArrayDataset;
use unisono::nn::{Loss, MseConvention, Network, Sequential};
use unisono::optim::Optimizer;

const WEIGHT: [f32; 6] = [
    0.496_714_14,
    -0.138_264_3,
    0.647_688_57,
    1.523_029_9,
    -0.234_153_38,
    -0.234_136_95,
];
const BIAS: [f32; 3] = [1.579_212_8, 0.767_434_7, -0.469_474_38];
const WEIGHT_AFTER: [f32; 6] = [
    0.277_448_33,
    -0.031_503_24,
    0.730_568_2,
    1.200_929_4,
    -0.083_161_23,
    -0.113_727_15,
];
const BIAS_AFTER: [f32; 3] = [1.476_378_2, 0.811_665_8, -0.431_944_22];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = array![[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]];
    let y = array![[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]];
    let data = ArrayDataset::values(x.clone(), y)?;
    let model = Sequential::new(2).dense(3);
    let network = Network::with_params(model, [&WEIGHT[..], &BIAS].concat())?;
    println!("predictions before: {:.4}", network.predict(x.view())?);

    let mut trainer = Trainer::from_network(network, Loss::Mse(MseConvention::SumOverOutputs))
        .optimizer(Optimizer::sgd(0.01))
        .batch_size(3)
        .epochs(1);
    let report = trainer.fit(&data, &data)?;
    let network = trainer.network()?;
    println!(
        "loss: {:.4}, after the step {:.4}",
        report.epochs[0].train_loss,
        report.test_loss()
    );

    let expected = [&WEIGHT_AFTER[..], &BIAS_AFTER].concat();
    for (tensor, name) in network.layout().tensors().iter().zip(["W", "b"]) {
        println!(
            "{name} after the step: {:?}",
            &network.params()[tensor.range.clone()]
        );
    }
    let furthest = network
        .params()
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    println!("largest difference from NumPy: {furthest:.1e}");
    assert!(furthest <= 1e-6);
    Ok(())
}
