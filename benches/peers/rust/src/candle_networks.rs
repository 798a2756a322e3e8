//! The workloads' networks in candle: each maps a batch to logits of shape (rows, classes).

use candle_core::{Result, Tensor};
use candle_nn::{
    Conv2d, Conv2dConfig, Embedding, LSTM, LSTMConfig, Linear, Module, RNN, VarBuilder, conv2d,
    embedding, linear, lstm,
};

use crate::workload::{CLASSES, LSTM_EMBEDDING, LSTM_HIDDEN, VOCAB};

/// Linear layers with ReLU between them.
pub struct Mlp {
    layers: Vec<Linear>,
}

/// Two convolutions and two linear layers.
pub struct Lenet {
    conv1: Conv2d,
    conv2: Conv2d,
    linear1: Linear,
    linear2: Linear,
}

/// candle-nn's LSTM between an embedding and a head.
pub struct CharLstm {
    embedding: Embedding,
    lstm: LSTM,
    head: Linear,
}

impl Mlp {
    pub fn new(widths: &[usize], vars: &VarBuilder<'_>) -> Result<Self> {
        let pairs = widths.windows(2).enumerate();
        let layers = pairs
            .map(|(i, w)| linear(w[0], w[1], vars.pp(i)))
            .collect::<Result<_>>()?;
        Ok(Self { layers })
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (last, hidden) = self
            .layers
            .split_last()
            .expect("an MLP has at least one layer");
        let mut x = x.clone();
        for layer in hidden {
            x = layer.forward(&x)?.relu()?;
        }
        last.forward(&x)
    }
}

impl Lenet {
    pub fn new(vars: &VarBuilder<'_>) -> Result<Self> {
        let config = Conv2dConfig {
            padding: 2,
            ..Conv2dConfig::default()
        };
        Ok(Self {
            conv1: conv2d(1, 32, 5, config, vars.pp("conv1"))?,
            conv2: conv2d(32, 64, 5, config, vars.pp("conv2"))?,
            linear1: linear(64 * 7 * 7, 1024, vars.pp("linear1"))?,
            linear2: linear(1024, CLASSES, vars.pp("linear2"))?,
        })
    }
}

impl Module for Lenet {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.conv1.forward(x)?.relu()?.max_pool2d(2)?;
        let x = self.conv2.forward(&x)?.relu()?.max_pool2d(2)?;
        let x = self.linear1.forward(&x.flatten_from(1)?)?.relu()?;
        self.linear2.forward(&x)
    }
}

impl CharLstm {
    pub fn new(vars: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            embedding: embedding(VOCAB, LSTM_EMBEDDING, vars.pp("embedding"))?,
            lstm: lstm(
                LSTM_EMBEDDING,
                LSTM_HIDDEN,
                LSTMConfig::default(),
                vars.pp("lstm"),
            )?,
            head: linear(LSTM_HIDDEN, VOCAB, vars.pp("head"))?,
        })
    }
}

impl Module for CharLstm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let states = self.lstm.seq(&self.embedding.forward(x)?)?;
        let hidden = self.lstm.states_to_tensor(&states)?;
        self.head.forward(&hidden.flatten_to(1)?)
    }
}
