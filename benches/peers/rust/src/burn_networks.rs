//! The workloads' networks in burn: each maps a batch to logits of shape (rows, classes).

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    Embedding, EmbeddingConfig, Linear, LinearConfig, Lstm, LstmConfig, PaddingConfig2d,
};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};

use crate::workload::{CLASSES, LSTM_EMBEDDING, LSTM_HIDDEN, VOCAB};

/// A network whose loss is a cross-entropy over rows.
pub trait Network: Module {
    /// One batch.
    type Input: Clone;

    /// Logits of shape (rows, classes).
    fn logits(&self, x: Self::Input) -> Tensor<2>;
}

/// Linear layers with ReLU between them.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

/// Two convolutions and two linear layers.
#[derive(Module, Debug)]
pub struct Lenet {
    conv1: Conv2d,
    conv2: Conv2d,
    pool: MaxPool2d,
    linear1: Linear,
    linear2: Linear,
}

/// burn-nn's LSTM between an embedding and a head.
#[derive(Module, Debug)]
pub struct CharLstm {
    embedding: Embedding,
    lstm: Lstm,
    head: Linear,
}

impl Mlp {
    pub fn new(widths: &[usize], device: &Device) -> Self {
        let layer = |w: &[usize]| LinearConfig::new(w[0], w[1]).init(device);
        Self {
            layers: widths.windows(2).map(layer).collect(),
        }
    }
}

impl Network for Mlp {
    type Input = Tensor<2>;

    fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = self
            .layers
            .split_last()
            .expect("an MLP has at least one layer");
        last.forward(hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

impl Lenet {
    pub fn new(device: &Device) -> Self {
        let conv = |channels| {
            Conv2dConfig::new(channels, [5, 5])
                .with_padding(PaddingConfig2d::Explicit(2, 2, 2, 2))
                .init(device)
        };
        Self {
            conv1: conv([1, 32]),
            conv2: conv([32, 64]),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            linear1: LinearConfig::new(64 * 7 * 7, 1024).init(device),
            linear2: LinearConfig::new(1024, CLASSES).init(device),
        }
    }
}

impl Network for Lenet {
    type Input = Tensor<4>;

    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.conv1.forward(x)));
        let x = self.pool.forward(relu(self.conv2.forward(x)));
        self.linear2
            .forward(relu(self.linear1.forward(x.flatten(1, 3))))
    }
}

impl CharLstm {
    pub fn new(device: &Device) -> Self {
        let has_bias = true;
        Self {
            embedding: EmbeddingConfig::new(VOCAB, LSTM_EMBEDDING).init(device),
            lstm: LstmConfig::new(LSTM_EMBEDDING, LSTM_HIDDEN, has_bias).init(device),
            head: LinearConfig::new(LSTM_HIDDEN, VOCAB).init(device),
        }
    }
}

impl Network for CharLstm {
    type Input = Tensor<2, Int>;

    fn logits(&self, x: Tensor<2, Int>) -> Tensor<2> {
        let (hidden, _) = self.lstm.forward(self.embedding.forward(x), None);
        self.head.forward(hidden.flatten(0, 1))
    }
}
