//! The syntax of layers as text: how each is written, and what it does.

/// The layers that can be written, and what each is.
///
/// ```
/// use unisono::nn::LAYERS;
/// assert!(LAYERS.iter().any(|(syntax, _)| syntax.starts_with("dense ")));
/// ```
pub const LAYERS: &[(&str, &str)] = &[
    ("dense N", "a dense layer with N outputs, at every position"),
    (
        "conv C K [stride N] [pad N] [groups N] [direct]",
        "images: C channels, kernel K x K",
    ),
    (
        "conv1d C K [stride N] [pad N] [groups N] [dilation N] [causal]",
        "sequences: C channels, kernel K",
    ),
    ("max-pool N", "the maximum of every N (x N) positions"),
    ("average-pool N", "their average"),
    ("global-average-pool", "the average over all positions"),
    ("batch-norm", "batch normalisation"),
    ("layer-norm", "layer normalisation of the channels"),
    ("rms-norm", "RMS normalisation of the channels"),
    (
        "group-norm N",
        "group normalisation, in N groups of channels",
    ),
    ("dropout RATE", "dropout, RATE from 0 to below 1"),
    (
        "lstm N [layers N] [reversed | bidirectional]",
        "sequences: LSTM, N hidden values",
    ),
    ("gru N [layers N] [reversed | bidirectional]", "GRU"),
    (
        "rnn N [layers N] [reversed | bidirectional]",
        "a recurrent layer with tanh",
    ),
    (
        "attention HEADS [causal]",
        "sequences: multi-head self-attention",
    ),
    ("embedding N", "texts: a vector of N values for every token"),
    ("positions", "adds a learned vector to every position"),
    (
        "residual(LAYERS) or residual(LAYERS | LAYERS)",
        "adds the input, or the shortcut behind |",
    ),
    ("flatten", "all positions side by side"),
    ("relu", "max(x, 0)"),
    ("leaky-relu", "x, or 0.01 x below 0"),
    ("tanh", "hyperbolic tangent"),
    ("sigmoid", "1 / (1 + exp(-x))"),
    ("elu", "x, or exp(x) - 1 below 0"),
    ("gelu", "x times the normal distribution function"),
    ("silu", "x times sigmoid(x)"),
    ("softplus", "ln(1 + exp(x))"),
];

/// How a layer is written, or all of them where its name is none.
pub(super) fn expected(layer: &str) -> String {
    let name = |text: &str| {
        let end = text.find(|sign: char| sign.is_whitespace() || sign == '(');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    match LAYERS.iter().find(|known| name(known.0) == name(layer)) {
        Some((syntax, _)) => (*syntax).to_owned(),
        None => {
            let all: Vec<&str> = LAYERS.iter().map(|known| known.0).collect();
            format!("one of {}", all.join(", "))
        }
    }
}
