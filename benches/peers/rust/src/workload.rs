//! The reference workloads: names and sizes, shared by both frameworks.

use clap::ValueEnum;

/// Characters of the language models.
pub const VOCAB: usize = 65;
/// Characters in one sample of the language models.
pub const SEQ: usize = 64;
/// Classes of the classifiers.
pub const CLASSES: usize = 10;
/// Width of the LSTM's embedding.
pub const LSTM_EMBEDDING: usize = 128;
/// Width of the LSTM's state.
pub const LSTM_HIDDEN: usize = 256;

/// What is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// 64-32-10 perceptron.
    MlpSmall,
    /// 784-1024-1024-10 perceptron.
    Mlp,
    /// Two 5x5 convolutions (32, 64 channels), each pooled by 2, then 3136-1024-10.
    Lenet,
    /// Embedding, one LSTM layer and a head over characters.
    Lstm,
}

impl Workload {
    /// The name on the command line and in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::MlpSmall => "mlp_small",
            Self::Mlp => "mlp",
            Self::Lenet => "lenet",
            Self::Lstm => "lstm",
        }
    }
}

/// Widths of a perceptron, input first.
pub const MLP_SMALL_WIDTHS: &[usize] = &[64, 32, CLASSES];
/// Widths of a perceptron, input first.
pub const MLP_WIDTHS: &[usize] = &[784, 1024, 1024, CLASSES];
/// Height and width of a one-channel picture.
pub const LENET_SIDE: usize = 28;
