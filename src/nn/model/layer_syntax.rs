//! The syntax of layers as text: how each is written, and what it does.

use crate::meant::nearest;

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

/// Layers by the names that they have elsewhere, where those are not alike.
const ELSEWHERE: [(&str, &str); 8] = [
    ("linear", "dense"),
    ("fc", "dense"),
    ("conv2d", "conv"),
    ("bn", "batch-norm"),
    ("ln", "layer-norm"),
    ("avg-pool", "average-pool"),
    ("swish", "silu"),
    ("skip", "residual"),
];

/// The name of a layer: its first word.
fn name(layer: &str) -> &str {
    let end = layer.find(|sign: char| sign.is_whitespace() || sign == '(');
    &layer[..end.unwrap_or(layer.len())]
}

/// How a layer of this name is written, if there is one.
fn syntax(layer: &str) -> Option<&'static str> {
    let found = LAYERS.iter().find(|known| name(known.0) == name(layer));
    found.map(|(syntax, _)| *syntax)
}

/// The word that was probably meant: the layer's name, or that of a setting of it.
pub(super) fn meant(layer: &str) -> Option<&'static str> {
    let Some(syntax) = syntax(layer) else {
        let of_elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name(layer));
        let names = LAYERS.iter().map(|(syntax, _)| name(syntax));
        return match of_elsewhere {
            Some((_, ours)) => Some(*ours),
            None => nearest(name(layer), names),
        };
    };
    // Words stand in small letters where they are to be written as they are.
    let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
    let words = syntax.split([' ', '[', ']', '|']).skip(1).filter(is_word);
    let words: Vec<&'static str> = words.collect();
    let given = layer.split_whitespace().skip(1);
    let odd = |word: &&str| !words.contains(word) && word.parse::<f64>().is_err();
    nearest(given.into_iter().find(odd)?, words.iter().copied())
}

/// How a layer is written, or all of them where its name is none.
pub(super) fn expected(layer: &str) -> String {
    match syntax(layer) {
        Some(syntax) => syntax.to_owned(),
        None => {
            let all: Vec<&str> = LAYERS.iter().map(|known| known.0).collect();
            format!("one of {}", all.join(", "))
        }
    }
}
