//! Every layer against difference quotients, over odd shapes: ones, primes, strides beyond the
//! kernel, a batch of one.

use crate::gradient::{Place, loss_and_gradient};
use ndarray::Array2;
use unisono::data::{ArrayDataset, Dataset};
use unisono::nn::Isa;
use unisono::nn::{
    Activation, Attention, BatchNorm, Conv, Embedding, Loss, MseConvention, Network, Norm,
    Parallel, Pool, Positions, Recurrent, Reshape, Residual, Sequential, Softmax,
};

/// A dense layer first, so that the layer's input gradient is part of what is checked.
fn on(shape: &[usize]) -> Sequential {
    let len: usize = shape.iter().product();
    Sequential::new(3)
        .dense(len)
        .layer(Reshape::to(shape.to_vec()))
}

fn cases() -> Vec<Sequential> {
    let conv = |channels, kernel| Conv::d2(channels, kernel);
    let branch = || Sequential::part().dense(4).tanh();
    let mut cases = vec![
        on(&[1, 1, 1]).layer(conv(1, 1)),
        on(&[5, 7, 3]).layer(conv(2, 3).stride(4).padding(1)),
        on(&[3, 5, 2]).layer(conv(3, 1).stride(3)),
        on(&[7, 5, 2]).layer(conv(3, 3).dilation(2).stride(2)),
        on(&[4, 3, 6]).layer(conv(9, 3).groups(3).padding(2)),
        on(&[5, 5, 5]).layer(conv(5, 3).groups(5).stride(2).padding(1)),
        on(&[7, 3]).layer(Conv::d1(5, 3).stride(2).padding(2)),
        on(&[7, 3]).layer(Conv::d1(4, 3).dilation(2).causal()),
        on(&[6, 2]).layer(Conv::d1(3, 3).stride(2).causal()),
        on(&[5, 7, 3]).layer(Pool::average(3).stride(2).padding(1)),
        on(&[5, 7, 3]).layer(Pool::adaptive_average(2, 3)),
        on(&[7, 2]).layer(Pool::average(2)),
        on(&[5, 3]).layer(Pool::global_average()),
        on(&[3, 2, 5]).layer(BatchNorm::new()),
        on(&[5]).layer(BatchNorm::new().over_batch()),
        on(&[3, 5]).layer(Norm::layer()),
        on(&[7]).layer(Norm::rms()),
        on(&[3, 2, 6]).layer(Norm::group(3)),
        on(&[1, 3]).layer(Recurrent::lstm(2)),
        on(&[5, 3]).layer(Recurrent::lstm(3).layers(2).bidirectional()),
        on(&[5, 3]).layer(Recurrent::gru(4).reversed()),
        on(&[3, 2]).layer(Recurrent::tanh(5)),
        on(&[5, 6]).layer(Attention::new(3)),
        on(&[7, 2]).layer(Attention::new(1).causal()),
        on(&[5, 3]).layer(Positions::new()),
        on(&[2, 5]).layer(Softmax),
        on(&[4]).layer(Residual::new(branch())),
        on(&[3, 2]).layer(Parallel::concat([branch(), Sequential::part().dense(1)])),
    ];
    for function in Activation::ALL.iter().copied() {
        // Their corners are no place for a quotient.
        if !matches!(function, Activation::Relu | Activation::LeakyRelu(_)) {
            cases.push(on(&[5]).layer(function));
        }
    }
    cases
}

/// Checks a derivative, among others of size `scale`, against what nudges by so much give.
fn agree((got, scale): (f32, f32), nudged: impl Fn(f32) -> f64, what: &str) {
    // Of fourth order, so that the step may be large enough for f32.
    let h = 0.015_625;
    let (one, two) = (nudged(h) - nudged(-h), nudged(2.0 * h) - nudged(-2.0 * h));
    let expected = (8.0 * one - two) / (12.0 * f64::from(h));
    let error = (f64::from(got) - expected).abs();
    assert!(
        error <= 1e-3 * f64::from(scale) + 2e-4,
        "{what}: {got}, expected {expected}"
    );
}

/// Checks every parameter's gradient of a loss that is smooth in the outputs.
fn check(model: &Sequential, data: &ArrayDataset, shards: usize) {
    let loss = Loss::Mse(MseConvention::HalfSumOverOutputs);
    let network = Network::new(model.clone(), 5).unwrap();
    let place = Place {
        threads: 2,
        shards,
        isa: Isa::detect(),
    };
    let mut targets = Array2::zeros((data.len(), model.output_shape().unwrap().len()));
    let all: Vec<u32> = (0..data.len() as u32).collect();
    data.gather_values(&all, targets.as_slice_mut().unwrap());
    let at = |params: Vec<f32>| {
        let network = Network::with_params(model.clone(), params).unwrap();
        // Batch norm must be in training mode, which an engine alone is; all others can do without
        // one.
        if network.layout().statistics().next().is_some() {
            return loss_and_gradient(&network, &loss, data, place).0.loss;
        }
        let y = network.predict(data.inputs()).unwrap();
        let errors = y.iter().zip(&targets).map(|(y, t)| f64::from(y - t));
        0.5 * errors.map(|e| e * e).sum::<f64>()
    };
    let grad = loss_and_gradient(&network, &loss, data, place).1;
    let scale = grad.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
    let statistics: Vec<_> = network.layout().statistics().collect();
    for (index, got) in grad.iter().enumerate() {
        if statistics.iter().any(|range| range.contains(&index)) {
            continue;
        }
        let nudged = |by: f32| {
            let mut params = network.params().to_vec();
            params[index] += by;
            at(params)
        };
        agree(
            (*got, scale),
            nudged,
            &format!("{model}, parameter {index}"),
        );
    }
}

#[test]
fn every_layer_agrees_with_difference_quotients_over_odd_shapes() {
    for model in cases() {
        let outputs = model.output_shape().unwrap().len();
        // Batch norm of a single row is constant: it needs more.
        let rows = if model.has_cross_row_stats() {
            [4, 6]
        } else {
            [1, 5]
        };
        for rows in rows {
            let value = |r: usize, c: usize| ((r * 7 + c * 3) % 11) as f32 / 11.0 - 0.4;
            let inputs = Array2::from_shape_fn((rows, 3), |(r, c)| value(r, c));
            let targets = Array2::from_shape_fn((rows, outputs), |(r, c)| value(c, r));
            let data = ArrayDataset::values(inputs, targets).unwrap();
            check(&model, &data, 2);
        }
    }
}

#[test]
fn embeddings_agree_with_difference_quotients() {
    let body = Sequential::part().dense(3).tanh();
    let models = [
        Sequential::new([5]).layer(Embedding::new(7, 3)),
        Sequential::new([5]).layer(Embedding::tied(7, 3, body)),
    ];
    for model in models {
        let outputs = model.output_shape().unwrap().len();
        let tokens = Array2::from_shape_fn((3, 5), |(r, t)| ((r * 4 + t * 2) % 7) as f32);
        let targets = Array2::from_shape_fn((3, outputs), |(r, c)| ((r + c) % 5) as f32 / 5.0);
        let data = ArrayDataset::values(tokens, targets).unwrap();
        check(&model, &data, 2);
    }
}

#[test]
fn in_evaluation_the_gradient_of_the_inputs_agrees_with_difference_quotients() {
    for model in cases() {
        let network = Network::new(model.clone(), 5).unwrap();
        let mut params = network.params().to_vec();
        for range in network.layout().statistics() {
            let values = params[range].iter_mut().enumerate();
            values.for_each(|(at, value)| *value += 0.25 + 0.125 * at as f32);
        }
        let network = Network::with_params(model.clone(), params).unwrap();
        let value = |r: usize, c: usize| ((r * 7 + c * 3) % 11) as f32 / 11.0 - 0.4;
        let inputs = Array2::from_shape_fn((2, 3), |(r, c)| value(r, c));
        let outputs = model.output_shape().unwrap().len();
        let weights = Array2::from_shape_fn((2, outputs), |(r, c)| value(c, r));
        let predictor = network.predictor().unwrap();
        let gradient = predictor.input_gradients(inputs.view(), weights.view());
        let gradient = gradient.unwrap();
        let scale = gradient.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for ((row, column), got) in gradient.indexed_iter() {
            let nudged = |by: f32| {
                let mut inputs = inputs.clone();
                inputs[[row, column]] += by;
                let y = network.predict(inputs.view()).unwrap();
                let terms = y.iter().zip(&weights);
                terms
                    .map(|(y, w)| f64::from(*y) * f64::from(*w))
                    .sum::<f64>()
            };
            let what = format!("{model}, input {column} of row {row}");
            agree((*got, scale), nudged, &what);
        }
    }
}
