//! Layers as text.
//!
//! ```text
//! dense N                                   conv CHANNELS KERNEL [stride N] [pad N] [groups N] [direct]
//! relu | tanh | sigmoid | elu | gelu | silu conv1d CHANNELS KERNEL [stride N] [pad N] [groups N] [direct]
//! dropout RATE                              max-pool N | average-pool N | global-average-pool
//! batch-norm | layer-norm                   lstm N | gru N | rnn N
//! flatten
//! ```
//! with commas between them; [`Conv::d2`] and the others say what each is. Residuals, attention and the like are for code.

use super::error::NnError;
use super::{Activation, BatchNorm, Conv, Dropout, Norm, Pool, Recurrent, Sequential};

/// What a text of layers is made of.
const LAYERS: &str = "dense N, conv C K [stride N] [pad N] [groups N] [direct], conv1d, max-pool N, average-pool N, global-average-pool, \
                      batch-norm, layer-norm, dropout RATE, lstm N, gru N, rnn N, flatten, relu, tanh, sigmoid, elu, gelu or silu";

impl Sequential {
    /// With the layers of `text` added, from the first to the last.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let model = Sequential::new([28, 28, 1]).written("conv 8 3 pad 1, batch-norm, relu, max-pool 2, flatten, dense 10")?;
    /// assert_eq!(model.output_shape()?.axes(), [10]);
    /// let error = Sequential::new(64).written("dense 32, rleu").unwrap_err();
    /// assert!(error.to_string().starts_with("layer 1 (`rleu`) must be one of dense N"));
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Text`] for a layer that there is not, or a number that is none.
    pub fn written(mut self, text: &str) -> Result<Self, NnError> {
        for (place, layer) in text.split(',').map(str::trim).enumerate() {
            let odd = || NnError::Text {
                place,
                layer: layer.to_owned(),
                expected: LAYERS.to_owned(),
            };
            check_numbers(place, layer)?;
            self = self.layer_of(layer).ok_or_else(odd)?;
        }
        Ok(self)
    }

    /// With one more layer; `None` if `text` is none.
    fn layer_of(self, text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let count = |word: &str| word.parse::<usize>().ok().filter(|&count| count > 0);
        Some(match *words.as_slice() {
            ["dense", outputs] => self.dense(count(outputs)?),
            ["relu"] => self.relu(),
            ["tanh"] => self.tanh(),
            ["sigmoid"] => self.sigmoid(),
            ["elu"] => self.layer(Activation::Elu(1.0)),
            ["gelu"] => self.layer(Activation::Gelu),
            ["silu"] => self.layer(Activation::Silu),
            ["flatten"] => self.flatten(),
            ["batch-norm"] => self.layer(BatchNorm::new()),
            ["layer-norm"] => self.layer(Norm::layer()),
            ["dropout", rate] => {
                let rate = rate.parse().ok()?;
                (0.0..1.0)
                    .contains(&rate)
                    .then(|| self.layer(Dropout::new(rate)))?
            }
            ["max-pool", size] => self.layer(Pool::max(count(size)?)),
            ["average-pool", size] => self.layer(Pool::average(count(size)?)),
            ["global-average-pool"] => self.layer(Pool::global_average()),
            ["lstm", hidden] => self.layer(Recurrent::lstm(count(hidden)?)),
            ["gru", hidden] => self.layer(Recurrent::gru(count(hidden)?)),
            ["rnn", hidden] => self.layer(Recurrent::tanh(count(hidden)?)),
            ["conv", channels, kernel, ref settings @ ..] => {
                let conv = Conv::d2(count(channels)?, count(kernel)?);
                self.layer(conv_with(conv, settings)?)
            }
            ["conv1d", channels, kernel, ref settings @ ..] => {
                let conv = Conv::d1(count(channels)?, count(kernel)?);
                self.layer(conv_with(conv, settings)?)
            }
            _ => return None,
        })
    }
}

/// Refuses numbers that no layer has: their products would not be numbers of this machine.
fn check_numbers(place: usize, layer: &str) -> Result<(), NnError> {
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
            return Err(NnError::Text {
                place,
                layer: layer.to_owned(),
                expected: format!("those with {word} replaced by a number of at most {most}"),
            });
        }
    }
    Ok(())
}

fn conv_with(mut conv: Conv, settings: &[&str]) -> Option<Conv> {
    let mut settings = settings.iter();
    while let Some(&name) = settings.next() {
        if name == "direct" {
            conv = conv.direct();
            continue;
        }
        let value: usize = settings.next()?.parse().ok()?;
        conv = match name {
            "stride" if value > 0 => conv.stride(value),
            "pad" => conv.padding(value),
            "groups" if value > 0 => conv.groups(value),
            _ => return None,
        };
    }
    Some(conv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_can_be_written_and_what_is_none_is_named() {
        let text = "conv 4 3 stride 2 direct pad 1 groups 1, batch-norm, elu, average-pool 2, max-pool 2, dropout 0.5, \
                    layer-norm, global-average-pool, dense 8, gelu, dense 8, silu, dense 8, tanh, dense 8, sigmoid, dense 8, relu";
        let model = Sequential::new([32, 32, 1]).written(text).unwrap();
        assert_eq!(model.output_shape().unwrap().axes(), [8]);
        let text = "conv1d 4 3, lstm 8, gru 8, rnn 8, flatten, dense 2";
        let model = Sequential::new([16, 3]).written(text).unwrap();
        assert_eq!(model.output_shape().unwrap().axes(), [2]);
        for (odd, most) in [
            ("dense 9223372036854775807", "at most 16777216"),
            ("dense 99999999999999999999", "at most 16777216"),
            ("lstm 16777217", "at most 16777216"),
            ("conv 65537 3", "at most 65536"),
            ("conv 4 4097", "at most 4096"),
            ("conv1d 4 3 pad 4294967296", "at most 4096"),
        ] {
            let error = Sequential::new(8).written(odd).unwrap_err().to_string();
            assert!(error.contains(most), "{odd}: {error}");
        }
        for odd in [
            "",
            "dense",
            "dense 0",
            "dense x",
            "conv 4",
            "conv 4 3 pad",
            "conv 4 3 dad 1",
            "conv 4 3 direct 1",
            "dropout 1",
            "dense 4,",
            "conv 4 3 stride 0",
        ] {
            let error = Sequential::new(8).written(odd).unwrap_err().to_string();
            assert!(error.contains("must be one of dense N"), "{odd}: {error}");
        }
    }
}
