//! The reference models: exactly those that PyTorch, JAX, burn and candle are measured with.
//!
//! | name | model | parameters |
//! |---|---|---|
//! | `mlp_small` | 64-32-10 | 2,410 |
//! | `mlp` | 784-1024-1024-10 | 1,863,690 |
//! | `lenet` | 28x28x1, two 5x5 convolutions with pooling, dense 1024 | 3,274,634 |
//! | `resnet20` | He et al. for CIFAR, 16/32/64 channels, parameter-free shortcuts | 269,722 |
//! | `lstm` | characters, embedding 128, LSTM 256, sequences of 64 | 420,289 |
//! | `gpt` | characters, 4 layers, 4 heads, width 128, context 64, tied head, no biases | 804,096 |
//!
//! Dense, convolution and recurrent parameters start as PyTorch's do, the GPT's as nanoGPT's.
//!
//! # References
//! LeCun et al. 1998; He, Zhang, Ren, Sun: "Deep residual learning for image recognition", 2016,
//! section 4.2.

use serde::{Deserialize, Serialize};

use crate::nn::core::{
    Activation, BackwardArgs, BlockContext, Build, Grads, Init, Layer, Op, Spec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::layers::{
    Attention, BatchNorm, Conv, Dense, Embedding, Norm, Pool, Positions, Recurrent, Residual,
    Sequential,
};
use crate::nn::shape::Shape;

/// A reference model.
///
/// ```
/// use unisono::nn::presets;
/// let lenet = presets::by_name("lenet").unwrap();
/// assert_eq!((lenet.name, lenet.model.inputs()), ("lenet", 28 * 28));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// The model.
    pub model: Sequential,
    /// What its inputs are.
    pub inputs: Inputs,
}

/// What a preset is fed with.
///
/// ```
/// use unisono::nn::presets::{self, Inputs};
/// assert_eq!(presets::by_name("resnet20").unwrap().inputs, Inputs::Values);
/// assert_eq!(presets::by_name("gpt").unwrap().inputs, Inputs::Tokens(65));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inputs {
    /// Real values, one class a row.
    Values,
    /// Tokens below this number, the next token a position as class.
    Tokens(usize),
}

/// Names of all presets.
///
/// ```
/// use unisono::nn::presets::{NAMES, by_name};
/// assert!(NAMES.iter().all(|name| by_name(name).is_some()));
/// assert!(by_name("vgg").is_none());
/// ```
pub const NAMES: &[&str] = &["mlp_small", "mlp", "lenet", "resnet20", "lstm", "gpt"];

const VOCABULARY: usize = 65;
const CONTEXT: usize = 64;

/// The preset called `name`.
///
/// ```
/// use unisono::nn::presets;
/// let gpt = presets::by_name("gpt").unwrap();
/// assert_eq!(gpt.model.layout()?.num_params(), 804_096);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
pub fn by_name(name: &str) -> Option<Preset> {
    let (axes, classes): (&[usize], usize) = match name {
        "mlp_small" => (&[64], 10),
        "mlp" => (&[784], 10),
        "lenet" => (&[28, 28, 1], 10),
        "resnet20" => (&[32, 32, 3], 10),
        "lstm" | "gpt" => (&[CONTEXT], VOCABULARY),
        _ => return None,
    };
    fitted(name, axes, classes)
}

/// The same model for rows of shape `axes` and so many classes: images (H, W, C) for `lenet` and
/// `resnet20`, any shape for the dense nets, and for `lstm` and `gpt` sequences of tokens below
/// `classes`. `None` for another name or a shape that the model cannot take.
///
/// ```
/// use unisono::nn::presets;
/// let lenet = presets::fitted("lenet", &[32, 32, 3], 100).unwrap();
/// assert_eq!(lenet.model.output_shape()?.axes(), [100]);
/// assert!(presets::fitted("lenet", &[784], 10).is_none());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
pub fn fitted(name: &str, axes: &[usize], classes: usize) -> Option<Preset> {
    let (model, inputs) = match (name, axes) {
        ("mlp_small", _) => (mlp(axes, &[32], classes), Inputs::Values),
        ("mlp", _) => (mlp(axes, &[1024, 1024], classes), Inputs::Values),
        ("lenet", &[_, _, _]) => (lenet(axes, classes), Inputs::Values),
        ("resnet20", &[_, _, _]) => (resnet20(axes, classes), Inputs::Values),
        ("lstm", &[_]) => (lstm(axes, classes), Inputs::Tokens(classes)),
        ("gpt", &[_]) => (gpt(axes, classes), Inputs::Tokens(classes)),
        _ => return None,
    };
    let name = NAMES.iter().copied().find(|known| *known == name)?;
    Some(Preset {
        name,
        model,
        inputs,
    })
}

fn dense(outputs: usize) -> Dense {
    Dense::new(outputs).weight(Init::Torch).bias(Init::Torch)
}

/// Dense layers with ReLU between them.
fn mlp(axes: &[usize], hidden: &[usize], classes: usize) -> Sequential {
    let add = |model: Sequential, &outputs: &usize| model.layer(dense(outputs)).relu();
    hidden
        .iter()
        .fold(Sequential::flat(axes), add)
        .layer(dense(classes))
}

fn lenet(axes: &[usize], classes: usize) -> Sequential {
    let conv = |channels| {
        Conv::d2(channels, 5)
            .padding(2)
            .weight(Init::Torch)
            .bias(Init::Torch)
    };
    Sequential::new(axes.to_vec())
        .layer(conv(32))
        .relu()
        .layer(Pool::max(2))
        .layer(conv(64))
        .relu()
        .layer(Pool::max(2))
        .flatten()
        .layer(dense(1024))
        .relu()
        .layer(dense(classes))
}

fn resnet20(axes: &[usize], classes: usize) -> Sequential {
    let conv = |channels, stride| {
        Conv::d2(channels, 3)
            .padding(1)
            .stride(stride)
            .weight(Init::Torch)
            .without_bias()
    };
    let mut model = Sequential::new(axes.to_vec())
        .layer(conv(16, 1))
        .layer(BatchNorm::new())
        .relu();
    let mut before = 16;
    for channels in [16, 32, 64] {
        for block in 0..3 {
            let stride = if block == 0 && channels != 16 { 2 } else { 1 };
            let body = Sequential::part()
                .layer(conv(channels, stride))
                .layer(BatchNorm::new())
                .relu()
                .layer(conv(channels, 1))
                .layer(BatchNorm::new());
            let shortcut = if stride == 1 {
                Sequential::part()
            } else {
                Sequential::part().layer(Subsample {
                    stride,
                    padding: (channels - before) / 2,
                })
            };
            model = model.layer(Residual::with_shortcut(body, shortcut)).relu();
            before = channels;
        }
    }
    model.layer(Pool::global_average()).layer(dense(classes))
}

fn lstm(axes: &[usize], vocabulary: usize) -> Sequential {
    Sequential::new(axes.to_vec())
        .layer(Embedding::new(vocabulary, 128))
        .layer(Recurrent::lstm(256))
        .layer(dense(vocabulary))
}

fn gpt(axes: &[usize], vocabulary: usize) -> Sequential {
    let (width, heads) = (128, 4);
    let init = Init::Normal(0.02);
    let dense = |outputs| Dense::new(outputs).weight(init).without_bias();
    let mut body = Sequential::part().layer(Positions::new().weight(init));
    for _ in 0..4 {
        let attention = Sequential::part()
            .layer(Norm::layer().without_bias())
            .layer(Attention::new(heads).causal().weight(init).without_bias());
        let mlp = Sequential::part()
            .layer(Norm::layer().without_bias())
            .layer(dense(4 * width))
            .layer(Activation::Gelu)
            .layer(dense(width));
        body = body
            .layer(Residual::new(attention))
            .layer(Residual::new(mlp));
    }
    body = body.layer(Norm::layer().without_bias());
    Sequential::new(axes.to_vec()).layer(Embedding::tied(vocabulary, width, body).weight(init))
}

/// ResNet's shortcut without parameters (option A): every `stride`-th position, channels padded
/// with zeros. Rows (H, W, C) become (ceil(H / stride), ceil(W / stride), C + 2 padding).
///
/// ```
/// use unisono::nn::{Sequential, presets::Subsample};
/// let model = Sequential::new([32, 32, 16]).layer(Subsample { stride: 2, padding: 8 });
/// assert_eq!(model.output_shape()?.axes(), [16, 16, 32]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subsample {
    /// Steps between the positions that are kept, at least 1.
    pub stride: usize,
    /// Zero channels before and after the input's.
    pub padding: usize,
}

impl Spec for Subsample {
    fn name(&self) -> &'static str {
        "subsample"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let &[height, width, channels] = input.axes() else {
            return Err(build.refuse("rows of shape HxWxC", input));
        };
        if self.stride == 0 {
            return Err(build.refuse("a stride of at least 1", self.stride));
        }
        let kept = |len: usize| len.div_ceil(self.stride);
        Ok(Box::new(SubsampleLayer {
            spec: *self,
            input: (height, width, channels),
            output: Shape::from([kept(height), kept(width), channels + 2 * self.padding]),
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Subsample {
            stride: self.stride,
            padding: self.padding,
        })
    }

    fn to_json(&self) -> Option<String> {
        layer_json("subsample", self)
    }
}

#[derive(Debug)]
struct SubsampleLayer {
    spec: Subsample,
    input: (usize, usize, usize),
    output: Shape,
}

impl SubsampleLayer {
    /// Where the kept values begin: in the input, and in the output.
    fn places(&self, rows: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (height, width, channels) = self.input;
        let kept = (self.output.axes()[0], self.output.axes()[1]);
        let outputs = channels + 2 * self.spec.padding;
        (0..rows * kept.0 * kept.1).map(move |at| {
            let (row, position) = (at / (kept.0 * kept.1), at % (kept.0 * kept.1));
            let (i, j) = (position / kept.1, position % kept.1);
            let from = (row * height + i * self.spec.stride) * width + j * self.spec.stride;
            (from * channels, at * outputs + self.spec.padding)
        })
    }
}

impl Layer for SubsampleLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn forward(&mut self, context: &BlockContext<'_>, _params: &[f32], x: &[f32], y: &mut [f32]) {
        let channels = self.input.2;
        y.fill(0.0);
        for (from, to) in self.places(context.rows) {
            y[to..to + channels].copy_from_slice(&x[from..from + channels]);
        }
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        _grads: &mut Grads<'_>,
    ) {
        let Some(dx) = args.dx else { return };
        let channels = self.input.2;
        dx.fill(0.0);
        for (to, from) in self.places(context.rows) {
            dx[to..to + channels].copy_from_slice(&args.dy[from..from + channels]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_peers_parameter_counts() {
        let count = |name: &&str| by_name(name).unwrap().model.layout().unwrap().num_params();
        let counts: Vec<usize> = NAMES.iter().map(count).collect();
        assert_eq!(
            counts,
            [2_410, 1_863_690, 3_274_634, 269_722, 420_289, 804_096]
        );
        assert_eq!(by_name("alexnet"), None);
    }

    #[test]
    fn presets_cost_what_the_peers_count() {
        // MFLOP a sample, from the shapes: 3 x forward products, without the first layer's input
        // gradient.
        let flops = |name| {
            by_name(name)
                .unwrap()
                .model
                .training_flops()
                .unwrap()
                .counted as f64
                / 1e6
        };
        for (name, expected) in [("mlp_small", 0.0101), ("mlp", 9.564), ("lenet", 82.05)] {
            assert!(
                (flops(name) / expected - 1.0).abs() < 0.01,
                "{name}: {}",
                flops(name)
            );
        }
        for (name, expected) in [("resnet20", 242.4), ("lstm", 157.4), ("gpt", 330.4)] {
            assert!(
                (flops(name) / expected - 1.0).abs() < 0.02,
                "{name}: {}",
                flops(name)
            );
        }
    }
}
