//! Layers as text: `conv 8 3 pad 1, batch-norm, relu`, or
//! `embedding 64, residual(layer-norm, attention 4 causal)`.
//!
//! Layers stand one after another with commas between them. A residual holds layers of its own in
//! parentheses, and behind a `|` its shortcut, if that is not the identity.
//! [`LAYERS`](super::LAYERS) lists all words.

use super::layer_syntax::{expected, meant};
use crate::nn::core::Activation;
use crate::nn::error::NnError;
use crate::nn::layers::{
    Attention, BatchNorm, Conv, Dropout, Embedding, Norm, Pool, Positions, Recurrent, Residual,
    Sequential,
};

/// How deep residuals may lie in each other.
const DEEPEST: usize = 16;

impl Sequential {
    /// With the layers of `text` added, from the first to the last.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let model = Sequential::new([28, 28, 1]).parse_layers("conv 8 3 pad 1, batch-norm, relu, max-pool 2, flatten, dense 10")?;
    /// assert_eq!(model.output_shape()?.axes(), [10]);
    /// let model = Sequential::new([20, 8]).parse_layers("residual(layer-norm, attention 2), gru 16")?;
    /// assert_eq!(model.output_shape()?.axes(), [20, 16]);
    /// let error = Sequential::new(64).parse_layers("dense 32, rleu").unwrap_err();
    /// assert!(error.to_string().starts_with("layer 1 (`rleu`) must be one of dense N"));
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Text`] for a layer that there is not, or a number that is none;
    /// [`NnError::Layer`] for an embedding, which takes tokens.
    pub fn parse_layers(self, text: &str) -> Result<Self, NnError> {
        let shape = self.input_shape().to_string();
        Words { vocabulary: None }
            .add(self, text, 0)
            .map_err(|odd| odd.error(&shape))
    }

    /// The same for rows of tokens below `vocabulary`, which embeddings take.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let text = "embedding 16, positions, residual(layer-norm, attention 4 causal), lstm 32";
    /// let model = Sequential::new([64]).parse_layers_for_tokens(text, 100)?.dense(100);
    /// assert_eq!(model.output_shape()?.axes(), [64, 100]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Text`] for a layer that there is not, or a number that is none.
    pub fn parse_layers_for_tokens(self, text: &str, vocabulary: usize) -> Result<Self, NnError> {
        let shape = self.input_shape().to_string();
        let words = Words {
            vocabulary: Some(vocabulary),
        };
        words.add(self, text, 0).map_err(|odd| odd.error(&shape))
    }
}

/// What is wrong with a layer of a text.
enum Odd {
    /// It is not written so.
    Text {
        place: usize,
        layer: String,
        expected: String,
    },
    /// An embedding where there are no tokens.
    NoTokens { place: usize },
}

impl Odd {
    fn error(self, shape: &str) -> NnError {
        match self {
            Odd::Text {
                place,
                layer,
                expected,
            } => NnError::Text {
                meant: meant(&layer),
                place,
                layer,
                expected,
            },
            Odd::NoTokens { place } => NnError::Layer {
                place: format!("{place} (embedding)"),
                expected: "the tokens of a text".to_owned(),
                got: if shape.is_empty() {
                    "rows of numbers".to_owned()
                } else {
                    format!("rows of {shape} numbers")
                },
            },
        }
    }

    /// The same, at a place of the outer text.
    fn at(mut self, outer: usize) -> Self {
        match &mut self {
            Odd::Text { place, .. } | Odd::NoTokens { place } => *place = outer,
        }
        self
    }
}

/// Reads words.
#[derive(Clone, Copy)]
struct Words {
    vocabulary: Option<usize>,
}

impl Words {
    fn add(self, mut model: Sequential, text: &str, depth: usize) -> Result<Sequential, Odd> {
        for (place, layer) in parts(text, ',').into_iter().enumerate() {
            let odd = |expected: String| Odd::Text {
                place,
                layer: layer.to_owned(),
                expected,
            };
            // A residual: layers within layers.
            if let Some(inside) = layer.strip_prefix("residual") {
                let inside = inside.trim().strip_prefix('(');
                let inside = inside.and_then(|rest| rest.strip_suffix(')'));
                let inside = inside.ok_or_else(|| odd(expected(layer)))?;
                if depth == DEEPEST {
                    return Err(odd(format!("at most {DEEPEST} deep in others")));
                }
                let part = |text: &str| {
                    self.add(Sequential::part(), text, depth + 1)
                        .map_err(|odd| odd.at(place))
                };
                let residual = match *parts(inside, '|').as_slice() {
                    [body] => Residual::new(part(body)?),
                    [body, shortcut] => Residual::with_shortcut(part(body)?, part(shortcut)?),
                    _ => return Err(odd(expected(layer))),
                };
                model = model.layer(residual);
                continue;
            }
            // An embedding, of so many tokens as there are; or any other layer.
            check_numbers(place, layer)?;
            let words: Vec<&str> = layer.split_whitespace().collect();
            if let ["embedding", channels] = *words.as_slice() {
                let channels = count(channels).ok_or_else(|| odd(expected(layer)))?;
                let vocabulary = self.vocabulary.ok_or(Odd::NoTokens { place })?;
                model = model.layer(Embedding::new(vocabulary, channels));
                continue;
            }
            model = layer_of(model, &words).ok_or_else(|| odd(expected(layer)))?;
        }
        Ok(model)
    }
}

/// The parts of a text between separators that stand in no parentheses.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut first, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, sign) in text.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            sign if sign == separator && depth == 0 => {
                parts.push(text[first..at].trim());
                first = at + sign.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[first..].trim());
    parts
}

fn count(word: &str) -> Option<usize> {
    word.parse().ok().filter(|&count| count > 0)
}

/// With one more layer; `None` if the words are none.
fn layer_of(model: Sequential, words: &[&str]) -> Option<Sequential> {
    Some(match *words {
        ["dense", outputs] => model.dense(count(outputs)?),
        ["relu"] => model.relu(),
        ["leaky-relu"] => model.layer(Activation::LeakyRelu(0.01)),
        ["tanh"] => model.tanh(),
        ["sigmoid"] => model.sigmoid(),
        ["elu"] => model.layer(Activation::Elu(1.0)),
        ["gelu"] => model.layer(Activation::Gelu),
        ["silu"] => model.layer(Activation::Silu),
        ["softplus"] => model.layer(Activation::Softplus),
        ["flatten"] => model.flatten(),
        ["batch-norm"] => model.layer(BatchNorm::new()),
        ["layer-norm"] => model.layer(Norm::layer()),
        ["rms-norm"] => model.layer(Norm::rms()),
        ["group-norm", groups] => model.layer(Norm::group(count(groups)?)),
        ["dropout", rate] => {
            let rate = rate.parse().ok().filter(|rate| (0.0..1.0).contains(rate))?;
            model.layer(Dropout::new(rate))
        }
        ["max-pool", size] => model.layer(Pool::max(count(size)?)),
        ["average-pool", size] => model.layer(Pool::average(count(size)?)),
        ["global-average-pool"] => model.layer(Pool::global_average()),
        ["positions"] => model.layer(Positions::new()),
        ["attention", heads] => model.layer(Attention::new(count(heads)?)),
        ["attention", heads, "causal"] => model.layer(Attention::new(count(heads)?).causal()),
        [cell @ ("lstm" | "gru" | "rnn"), hidden, ref settings @ ..] => {
            let hidden = count(hidden)?;
            let layer = match cell {
                "lstm" => Recurrent::lstm(hidden),
                "gru" => Recurrent::gru(hidden),
                _ => Recurrent::tanh(hidden),
            };
            model.layer(recurrent_with(layer, settings)?)
        }
        [
            name @ ("conv" | "conv1d"),
            channels,
            kernel,
            ref settings @ ..,
        ] => {
            let (channels, kernel) = (count(channels)?, count(kernel)?);
            let is_sequence = name == "conv1d";
            let conv = if is_sequence {
                Conv::d1(channels, kernel)
            } else {
                Conv::d2(channels, kernel)
            };
            model.layer(conv_with(conv, settings, is_sequence)?)
        }
        _ => return None,
    })
}

/// Refuses numbers that no layer has: their products would not be numbers of this machine.
fn check_numbers(place: usize, layer: &str) -> Result<(), Odd> {
    /// Outputs of a layer, channels of a convolution, and edges, strides and the like of windows.
    const MOST: [usize; 3] = [1 << 24, 1 << 16, 1 << 12];
    let [outputs, channels, window] = MOST;
    let mut words = layer.split_whitespace();
    let has_windows = words
        .next()
        .is_some_and(|name| name.starts_with("conv") || name.ends_with("-pool"));
    for (at, word) in words.enumerate() {
        let most = match (has_windows, at) {
            (false, _) => outputs,
            (true, 0) => channels,
            (true, _) => window,
        };
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !word.parse().is_ok_and(|number: usize| number <= most) {
            return Err(Odd::Text {
                place,
                layer: layer.to_owned(),
                expected: format!("written with a number of at most {most} for {word}"),
            });
        }
    }
    Ok(())
}

fn recurrent_with(mut layer: Recurrent, settings: &[&str]) -> Option<Recurrent> {
    let mut settings = settings.iter();
    let mut has_direction = false;
    while let Some(&name) = settings.next() {
        layer = match name {
            "layers" => layer.layers(count(settings.next()?).filter(|&layers| layers <= 64)?),
            "reversed" if !has_direction => layer.reversed(),
            "bidirectional" if !has_direction => layer.bidirectional(),
            _ => return None,
        };
        has_direction |= name != "layers";
    }
    Some(layer)
}

fn conv_with(mut conv: Conv, settings: &[&str], is_sequence: bool) -> Option<Conv> {
    let mut settings = settings.iter();
    while let Some(&name) = settings.next() {
        conv = match name {
            "direct" => conv.direct(),
            "causal" if is_sequence => conv.causal(),
            "pad" => match *settings.next()? {
                "0" => conv.padding(0),
                zeros => conv.padding(count(zeros)?),
            },
            "stride" => conv.stride(count(settings.next()?)?),
            "groups" => conv.groups(count(settings.next()?)?),
            "dilation" if is_sequence => conv.dilation(count(settings.next()?)?),
            _ => return None,
        };
    }
    Some(conv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::LAYERS;

    #[test]
    fn every_layer_can_be_written_and_what_is_none_is_named() {
        let text = "conv 4 3 stride 2 direct pad 1 groups 1, batch-norm, elu, average-pool 2, max-pool 2, dropout 0.5, \
                    layer-norm, rms-norm, group-norm 2, residual(conv 8 1 | conv 8 1 pad 0), leaky-relu, softplus, \
                    global-average-pool, dense 8, gelu, dense 8, silu, dense 8, tanh, dense 8, sigmoid, dense 8, relu";
        let model = Sequential::new([32, 32, 1]).parse_layers(text).unwrap();
        assert_eq!(model.output_shape().unwrap().axes(), [8]);
        let sequences = "conv1d 4 3 causal dilation 2, lstm 8 layers 2 bidirectional, gru 8 reversed, rnn 8, positions, \
                         residual(layer-norm, attention 2, residual(attention 4 causal)), flatten, dense 2";
        let model = Sequential::new([16, 3]).parse_layers(sequences).unwrap();
        assert_eq!(model.output_shape().unwrap().axes(), [2]);
        for (syntax, _) in LAYERS {
            let word = syntax.split([' ', '(']).next().unwrap();
            let all = format!("{text}, {sequences}, embedding 8");
            let is_written = all.split([' ', ',', '(']).any(|known| known == word);
            assert!(is_written, "{syntax}");
        }
    }

    #[test]
    fn what_is_no_layer_is_named() {
        let refused = |odd: &str| {
            Sequential::new(8)
                .parse_layers(odd)
                .unwrap_err()
                .to_string()
        };
        for odd in ["", "dens 3", "dense 4,", "attention-4", "residuals(relu)"] {
            let error = refused(odd);
            assert!(error.contains("must be one of dense N"), "{odd}: {error}");
        }
        for (odd, expected) in [
            ("dense", "must be dense N"),
            ("dense 0", "must be dense N"),
            ("dense x", "must be dense N"),
            ("conv 4", "must be conv C K"),
            ("conv 4 3 pad", "must be conv C K"),
            ("conv 4 3 dad 1", "must be conv C K"),
            ("conv 4 3 causal", "must be conv C K"),
            ("conv 4 3 direct 1", "must be conv C K"),
            ("conv 4 3 stride 0", "must be conv C K"),
            ("conv1d 4 3 causal 1", "must be conv1d C K"),
            ("dropout 1", "must be dropout RATE"),
            ("dropout nan", "must be dropout RATE"),
            ("lstm 8 reversed bidirectional", "must be lstm N"),
            ("lstm 8 layers 1000000", "must be lstm N"),
            ("attention 4 casual", "must be attention HEADS"),
            ("residual", "must be residual(LAYERS)"),
            ("residual(dense 8", "must be residual(LAYERS)"),
            ("residual dense 8", "must be residual(LAYERS)"),
            ("residual(relu | relu | relu)", "must be residual(LAYERS)"),
            ("relu, residual(relu, dens 8)", "layer 1 (`dens 8`) must be"),
            ("residual()", "layer 0 (``) must be one of"),
            ("embedding x", "must be embedding N"),
            (
                "embedding 8",
                "layer 0 (embedding) expects the tokens of a text, got rows of 8 numbers",
            ),
        ] {
            let error = refused(odd);
            assert!(error.contains(expected), "{odd}: {error}");
        }
        for (odd, most) in [
            ("dense 9223372036854775807", "at most 16777216"),
            ("dense 99999999999999999999", "at most 16777216"),
            ("lstm 16777217", "at most 16777216"),
            ("conv 65537 3", "at most 65536"),
            ("conv 4 4097", "at most 4096"),
            ("conv1d 4 3 pad 4294967296", "at most 4096"),
        ] {
            let error = Sequential::new(8)
                .parse_layers(odd)
                .unwrap_err()
                .to_string();
            assert!(error.contains(most), "{odd}: {error}");
        }
        let deep = "residual(".repeat(20_000) + "relu" + &")".repeat(20_000);
        assert!(refused(&deep).contains("at most 16 deep"));
    }
}
