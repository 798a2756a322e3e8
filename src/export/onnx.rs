//! Whole models as ONNX, for onnxruntime and others.
//!
//! # How
//! Values keep the crate's order, rows (N, H, W, C) or (N, T, C); convolutions and pools have
//! transpositions around them, which runtimes take out again. Batch norm becomes a factor and a
//! summand for each channel. Opset 17.

use std::sync::Arc;

use crate::nn::{Activation, Op, Sequential, Shape, Spec};

use super::error::ExportError;
use super::onnx_format::Attribute;
use super::onnx_graph::Graph;

/// A value of the graph.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) name: String,
    /// The shape of its rows.
    pub(super) shape: Shape,
}

impl Graph<'_> {
    pub(super) fn layers(
        &mut self,
        layers: &[Arc<dyn Spec>],
        mut value: Value,
        within: &str,
    ) -> Result<Value, ExportError> {
        for (index, spec) in layers.iter().enumerate() {
            let place = format!("{within}{index}");
            let odd = || ExportError::Layer {
                place: place.clone(),
                layer: spec.name(),
            };
            let op = spec.op().ok_or_else(odd)?;
            // The shape behind the layer, and what the layer becomes.
            let output = Sequential::new(value.shape.clone())
                .with_layer(spec)
                .output_shape()?;
            let name = match op {
                Op::Sum => self.branches(&spec.branches(), &value, &place, "Add")?,
                Op::Concat => self.branches(&spec.branches(), &value, &place, "Concat")?,
                Op::Chain => {
                    let (layers, within) = (spec.branches().concat(), format!("{place}."));
                    self.layers(&layers, value, &within)?.name
                }
                Op::TiedEmbedding => self.tied(&spec.branches().concat(), &value, &place)?,
                op => {
                    let Value { name, shape } = &value;
                    self.op(&op, name, shape, &output).ok_or_else(odd)?
                }
            };
            value = Value {
                name,
                shape: output,
            };
        }
        Ok(value)
    }

    fn branches(
        &mut self,
        branches: &[Vec<Arc<dyn Spec>>],
        value: &Value,
        place: &str,
        join: &str,
    ) -> Result<String, ExportError> {
        let mut names = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let within = format!("{place}.{index}.");
            names.push(self.layers(branch, value.clone(), &within)?.name);
        }
        if join == "Concat" {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Ok(self.add(join, &names, vec![Attribute::int("axis", -1)]));
        }
        let mut names = names.into_iter();
        let first = names.next().unwrap_or_else(|| value.name.clone());
        Ok(names.fold(first, |sum, name| {
            self.add("Add", &[&sum, &name], Vec::new())
        }))
    }

    fn op(&mut self, op: &Op, x: &str, shape: &Shape, output: &Shape) -> Option<String> {
        Some(match *op {
            Op::Identity => x.to_owned(),
            Op::Dense { has_bias } => {
                let weight = self.weight();
                let y = self.add("MatMul", &[x, &weight], Vec::new());
                self.plus_bias(y, has_bias)
            }
            Op::Conv { .. } => self.conv(op, x, shape)?,
            Op::Pool { .. } => self.pool(op, x, shape)?,
            Op::GlobalAverage => {
                let axes: Vec<usize> = (1..shape.axes().len()).collect();
                let attributes = vec![
                    Attribute::ints("axes", &axes),
                    Attribute::int("keepdims", 0),
                ];
                self.add("ReduceMean", &[x], attributes)
            }
            Op::BatchNorm { eps } => self.batch_norm(x, eps),
            Op::LayerNorm { eps, has_bias } => {
                let weight = self.weight();
                let mut inputs = vec![x.to_owned(), weight];
                if has_bias {
                    inputs.push(self.weight());
                }
                let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
                let attributes = vec![Attribute::int("axis", -1), Attribute::float("epsilon", eps)];
                self.add("LayerNormalization", &inputs, attributes)
            }
            Op::RmsNorm { eps, has_bias } => self.rms_norm(x, shape, eps, has_bias),
            Op::GroupNorm { .. } => self.group_norm(op, x, shape)?,
            Op::AdaptiveAverage { height, width } => self.averages(x, shape, height, width),
            Op::Embedding => {
                let table = self.weight();
                self.rows_of(&table, x)
            }
            Op::Positions => {
                let positions = self.weight();
                self.add("Add", &[x, &positions], Vec::new())
            }
            Op::Attention { .. } => self.attention(op, x, shape)?,
            Op::Recurrent { cell, is_reversed } => self.recurrent(x, cell, is_reversed),
            Op::Activation(activation) => self.activation(activation, x),
            Op::Softmax => self.add("Softmax", &[x], vec![Attribute::int("axis", -1)]),
            Op::Reshape(_) => {
                let axes = output.axes().iter().map(|&axis| axis as i64);
                let to = self.integers([-1].into_iter().chain(axes).collect());
                self.add("Reshape", &[x, &to], Vec::new())
            }
            Op::Subsample { stride, padding } => self.subsample(x, stride, padding),
            _ => return None,
        })
    }

    fn conv(&mut self, op: &Op, x: &str, shape: &Shape) -> Option<String> {
        let Op::Conv {
            is_sequence,
            kernel,
            stride,
            padding,
            is_causal,
            dilation,
            groups,
            has_bias,
        } = *op
        else {
            return None;
        };
        // Kernel and bias, in ONNX's order.
        let per_group = shape.channels() / groups;
        let weight = self.kernel(is_sequence, kernel.0, kernel.1, per_group);
        let mut inputs = vec![self.channels_first(x, is_sequence), weight];
        if has_bias {
            inputs.push(self.weight());
        }
        // Attributes: one number an axis.
        let pair = |(height, width): (usize, usize)| {
            if is_sequence {
                vec![width]
            } else {
                vec![height, width]
            }
        };
        let behind = if is_causal { (0, 0) } else { padding };
        let pads = [pair(padding), pair(behind)].concat();
        let attributes = vec![
            Attribute::ints("kernel_shape", &pair(kernel)),
            Attribute::ints("strides", &pair(stride)),
            Attribute::ints("pads", &pads),
            Attribute::ints("dilations", &pair(dilation)),
            Attribute::int("group", groups as i64),
        ];
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let y = self.add("Conv", &inputs, attributes);
        Some(self.channels_last(&y, is_sequence))
    }

    fn pool(&mut self, op: &Op, x: &str, shape: &Shape) -> Option<String> {
        let Op::Pool {
            is_max,
            kernel,
            stride,
            padding,
        } = *op
        else {
            return None;
        };
        let axes = shape.axes().len() - 1;
        let is_sequence = axes == 1;
        let mut attributes = vec![
            Attribute::ints("kernel_shape", &vec![kernel; axes]),
            Attribute::ints("strides", &vec![stride; axes]),
            Attribute::ints("pads", &vec![padding; 2 * axes]),
        ];
        if !is_max {
            attributes.push(Attribute::int("count_include_pad", 1));
        }
        let first = self.channels_first(x, is_sequence);
        let kind = if is_max { "MaxPool" } else { "AveragePool" };
        let y = self.add(kind, &[&first], attributes);
        Some(self.channels_last(&y, is_sequence))
    }

    /// x (weight / sqrt(variance + eps)) + (bias - mean weight / sqrt(variance + eps)), the factors
    /// in f64.
    fn batch_norm(&mut self, x: &str, eps: f32) -> String {
        let [weight, bias, mean, variance] = [(); 4].map(|()| self.values());
        let factor =
            |c: usize| f64::from(weight[c]) / (f64::from(variance[c]) + f64::from(eps)).sqrt();
        let channels = 0..weight.len();
        let factors: Vec<f32> = channels.clone().map(|c| factor(c) as f32).collect();
        let shifts = channels.map(|c| (f64::from(bias[c]) - f64::from(mean[c]) * factor(c)) as f32);
        let shifts: Vec<f32> = shifts.collect();
        let factors = self.floats(&[factors.len()], &factors);
        let shifts = self.floats(&[shifts.len()], &shifts);
        let scaled = self.add("Mul", &[x, &factors], Vec::new());
        self.add("Add", &[&scaled, &shifts], Vec::new())
    }

    fn activation(&mut self, activation: Activation, x: &str) -> String {
        match activation {
            Activation::Relu => self.add("Relu", &[x], Vec::new()),
            Activation::LeakyRelu(slope) => {
                self.add("LeakyRelu", &[x], vec![Attribute::float("alpha", slope)])
            }
            Activation::Elu(a) => self.add("Elu", &[x], vec![Attribute::float("alpha", a)]),
            Activation::Tanh => self.add("Tanh", &[x], Vec::new()),
            Activation::Sigmoid => self.add("Sigmoid", &[x], Vec::new()),
            Activation::Softplus => self.add("Softplus", &[x], Vec::new()),
            Activation::Silu => {
                let sigmoid = self.add("Sigmoid", &[x], Vec::new());
                self.add("Mul", &[x, &sigmoid], Vec::new())
            }
            Activation::Gelu => {
                let root = self.floats(&[], &[std::f32::consts::FRAC_1_SQRT_2]);
                let scaled = self.add("Mul", &[x, &root], Vec::new());
                let erf = self.add("Erf", &[&scaled], Vec::new());
                self.half_of_one_plus(x, &erf)
            }
            Activation::GeluTanh => {
                let (cubed, linear) = (0.044_715, (2.0 / std::f32::consts::PI).sqrt());
                let [cubed, linear] = [cubed, linear].map(|value| self.floats(&[], &[value]));
                let square = self.add("Mul", &[x, x], Vec::new());
                let cube = self.add("Mul", &[&square, x], Vec::new());
                let cube = self.add("Mul", &[&cube, &cubed], Vec::new());
                let sum = self.add("Add", &[x, &cube], Vec::new());
                let scaled = self.add("Mul", &[&sum, &linear], Vec::new());
                let tanh = self.add("Tanh", &[&scaled], Vec::new());
                self.half_of_one_plus(x, &tanh)
            }
        }
    }

    /// x (1 + y) / 2.
    fn half_of_one_plus(&mut self, x: &str, y: &str) -> String {
        let [one, half] = [1.0, 0.5].map(|value| self.floats(&[], &[value]));
        let sum = self.add("Add", &[y, &one], Vec::new());
        let product = self.add("Mul", &[x, &sum], Vec::new());
        self.add("Mul", &[&product, &half], Vec::new())
    }

    /// Every `stride`-th pixel, with `padding` channels of zeros on each side.
    fn subsample(&mut self, x: &str, stride: usize, padding: usize) -> String {
        let (stride, padding) = (stride as i64, padding as i64);
        let starts = self.integers(vec![0, 0]);
        let ends = self.integers(vec![i64::MAX, i64::MAX]);
        let axes = self.integers(vec![1, 2]);
        let steps = self.integers(vec![stride, stride]);
        let kept = self.add("Slice", &[x, &starts, &ends, &axes, &steps], Vec::new());
        let pads = self.integers(vec![0, 0, 0, padding, 0, 0, 0, padding]);
        self.add("Pad", &[&kept, &pads], Vec::new())
    }

    pub(super) fn plus_bias(&mut self, y: String, has_bias: bool) -> String {
        if !has_bias {
            return y;
        }
        let bias = self.weight();
        self.add("Add", &[&y, &bias], Vec::new())
    }

    fn channels_first(&mut self, x: &str, is_sequence: bool) -> String {
        let order: &[usize] = if is_sequence {
            &[0, 2, 1]
        } else {
            &[0, 3, 1, 2]
        };
        self.transposed(x, order)
    }

    fn channels_last(&mut self, x: &str, is_sequence: bool) -> String {
        let order: &[usize] = if is_sequence {
            &[0, 2, 1]
        } else {
            &[0, 2, 3, 1]
        };
        self.transposed(x, order)
    }
}
