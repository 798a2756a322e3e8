//! Gradients of whole networks against finite differences of a reference in f64.

use crate::gradient::{Place, loss_and_gradient};
use crate::support::{class_data, value_data};
use unisono::data::{ArrayDataset, Dataset};
use unisono::nn::Isa;
use unisono::nn::{Activation, Loss, MseConvention, Network, Sequential};

fn gradient(
    network: &Network,
    loss: &Loss,
    data: &ArrayDataset,
    threads: usize,
    isa: Isa,
) -> Vec<f32> {
    let place = Place {
        threads,
        shards: 3,
        isa,
    };
    loss_and_gradient(network, loss, data, place).1
}

/// A layer that the reference knows.
#[derive(Clone, Copy)]
enum Known {
    Dense(usize),
    Function(Activation),
}

const RELU: Known = Known::Function(Activation::Relu);
const TANH: Known = Known::Function(Activation::Tanh);
const SIGMOID: Known = Known::Function(Activation::Sigmoid);

fn model(layers: &[Known]) -> Sequential {
    let add = |model: Sequential, layer: &Known| match *layer {
        Known::Dense(outputs) => model.dense(outputs),
        Known::Function(function) => model.layer(function),
    };
    layers.iter().fold(Sequential::new(4), add)
}

/// The loss of a row of outputs and targets.
fn values_loss(loss: &Loss, pairs: &[(f64, f64)]) -> f64 {
    let mean = 1.0 / pairs.len() as f64;
    let pairs = pairs.iter().copied();
    let squares: f64 = pairs.clone().map(|(y, t)| (y - t).powi(2)).sum();
    match loss {
        Loss::Mse(MseConvention::MeanOverAll) => squares * mean,
        Loss::Mse(MseConvention::SumOverOutputs) => squares,
        Loss::Mse(MseConvention::HalfSumOverOutputs) => squares / 2.0,
        Loss::L1 => pairs.map(|(y, t)| (y - t).abs()).sum::<f64>() * mean,
        Loss::Huber(bound) => {
            let bound = f64::from(*bound);
            let term = |e: f64| match e {
                e if e <= bound => e * e / 2.0,
                e => bound * (e - bound / 2.0),
            };
            pairs.map(|(y, t)| term((y - t).abs())).sum::<f64>() * mean
        }
        Loss::BinaryCrossEntropy => {
            let term = |(y, t): (f64, f64)| y.exp().ln_1p() - y * t;
            pairs.map(term).sum::<f64>() * mean
        }
        other => panic!("the reference does not know {other:?}"),
    }
}

/// The summed loss, all in f64.
fn reference(layers: &[Known], params: &[f64], loss: &Loss, data: &ArrayDataset) -> f64 {
    let mut total = 0.0;
    for row in 0..data.len() {
        let mut x: Vec<f64> = data
            .inputs()
            .row(row)
            .iter()
            .map(|&v| f64::from(v))
            .collect();
        let mut start = 0;
        for layer in layers {
            x = match *layer {
                Known::Dense(outputs) => {
                    let (weight, bias) = (&params[start..], &params[start + x.len() * outputs..]);
                    start += (x.len() + 1) * outputs;
                    let sum = |o: usize| {
                        x.iter()
                            .enumerate()
                            .map(|(i, v)| v * weight[i * outputs + o])
                            .sum::<f64>()
                    };
                    (0..outputs).map(|o| bias[o] + sum(o)).collect()
                }
                Known::Function(Activation::Relu) => x.iter().map(|v| v.max(0.0)).collect(),
                Known::Function(Activation::Tanh) => x.iter().map(|v| v.tanh()).collect(),
                Known::Function(Activation::Sigmoid) => {
                    x.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect()
                }
                Known::Function(other) => panic!("the reference does not know {other:?}"),
            };
        }
        let mut values = vec![0.0; x.len()];
        total += match loss {
            Loss::SoftmaxCrossEntropy => {
                let class = data.class_labels().unwrap()[row] as usize;
                x.iter().map(|v| v.exp()).sum::<f64>().ln() - x[class]
            }
            of_values => {
                data.gather_values(&[row as u32], &mut values);
                let pairs = x.iter().zip(&values).map(|(&y, &t)| (y, f64::from(t)));
                values_loss(of_values, &pairs.collect::<Vec<_>>())
            }
        };
    }
    total
}

#[test]
fn every_layer_and_loss_agrees_with_finite_differences_in_f64() {
    let classes = class_data(11, 4, 3);
    let values = value_data(11, 4, 3);
    let bodies: [&[Known]; 4] = [
        &[],
        &[Known::Dense(7), RELU],
        &[Known::Dense(5), TANH, Known::Dense(6), SIGMOID],
        // Activations on the input, and one after another.
        &[TANH, SIGMOID, Known::Dense(5), RELU, TANH],
    ];
    for loss in Loss::ALL.iter().cloned() {
        let data = if loss == Loss::SoftmaxCrossEntropy {
            &classes
        } else {
            &values
        };
        for body in bodies {
            let layers = [body, &[Known::Dense(3)]].concat();
            let network = Network::new(model(&layers), 3).unwrap();
            let grad = gradient(&network, &loss, data, 2, Isa::detect());
            let params: Vec<f64> = network.params().iter().map(|&p| f64::from(p)).collect();
            let scale = grad.iter().fold(0.0_f32, |m, g| m.max(g.abs())).max(1e-3);
            for at in 0..params.len() {
                let nudged = |by: f64| {
                    let mut params = params.clone();
                    params[at] += by;
                    reference(&layers, &params, &loss, data)
                };
                let expected = (nudged(1e-6) - nudged(-1e-6)) / 2e-6;
                let error = (f64::from(grad[at]) - expected).abs()
                    / expected.abs().max(0.01 * f64::from(scale));
                assert!(
                    error < 1e-3,
                    "{} {loss:?}, parameter {at}: {} expected {expected}",
                    network.model(),
                    grad[at]
                );
            }
        }
    }
}

#[test]
fn the_gradient_of_k_workers_on_any_instruction_set_is_that_of_one_bit_for_bit() {
    let data = class_data(100, 33, 10);
    let network = Network::new(Sequential::new(33).dense(40).relu().dense(10), 5).unwrap();
    let one = gradient(
        &network,
        &Loss::SoftmaxCrossEntropy,
        &data,
        1,
        Isa::Portable,
    );
    for threads in [1, 2, 3, 5, 8, 13] {
        for isa in Isa::available() {
            let other = gradient(&network, &Loss::SoftmaxCrossEntropy, &data, threads, isa);
            assert_eq!(one, other, "{threads} workers, {isa:?}");
        }
    }
}
