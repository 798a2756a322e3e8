//! Whether a position of a sequence sees only itself and those before it, as a model that predicts
//! the next token must.

use std::sync::Arc;

use crate::nn::core::{Build, Op, Spec};
use crate::nn::error::NnError;
use crate::nn::kernel::Isa;
use crate::nn::layers::Sequential;
use crate::nn::shape::Shape;

impl Sequential {
    /// That no position sees those behind it, and every position of the input has one of the
    /// output.
    ///
    /// Batch norm is allowed: in evaluation it takes each position by itself. In training its
    /// statistics are of all positions of the batch.
    ///
    /// ```
    /// use unisono::nn::{Attention, Embedding, Sequential};
    /// let model = |attention| Sequential::new([16]).layer(Embedding::new(65, 8)).layer(attention);
    /// assert!(model(Attention::new(2).causal()).check_causal().is_ok());
    /// let error = model(Attention::new(2)).check_causal().unwrap_err().to_string();
    /// assert!(error.starts_with("layer 1 (attention) lets a position see what lies behind it"));
    /// ```
    ///
    /// # Errors
    /// [`NnError::LooksAhead`] for the first layer of which that is not known; [`NnError::Layer`]
    /// if a layer cannot take what it gets.
    pub fn check_causal(&self) -> Result<(), NnError> {
        // What cannot be built is named with its place in the whole model.
        self.output_shape()?;
        check_causal(self.layers(), self.input_shape(), "").map(drop)
    }
}

/// The same of `layers`, for rows of shape `input`; gives the shape of the output.
fn check_causal(layers: &[Arc<dyn Spec>], input: &Shape, within: &str) -> Result<Shape, NnError> {
    let mut shape = input.clone();
    for (index, layer) in layers.iter().enumerate() {
        let place = format!("{within}{index} ({})", layer.name());
        let inner = format!("{place}, ");
        let op = layer.op();
        // The layers within, for the rows that these get.
        let rows = match op {
            Some(Op::TiedEmbedding) => embedded(layer.as_ref(), &shape)?,
            _ => shape.clone(),
        };
        for branch in layer.branches() {
            check_causal(&branch, &rows, &inner)?;
        }
        // The layer itself.
        let output = Sequential::new(shape.clone())
            .with_layer(layer)
            .output_shape()?;
        let remedy = match &op {
            Some(Op::TiedEmbedding) if shape.axes().len() == 1 => None,
            Some(op) => remedy(op, &shape, &output),
            None => Some("take layers whose formula is known".to_owned()),
        };
        if let Some(remedy) = remedy {
            return Err(NnError::LooksAhead { place, remedy });
        }
        shape = output;
    }
    Ok(shape)
}

/// The rows that the body of a tied embedding gets.
fn embedded(layer: &dyn Spec, tokens: &Shape) -> Result<Shape, NnError> {
    // The table is the first tensor: a row a token.
    let built = layer.build(tokens, &mut Build::new(Isa::detect()))?;
    Ok(Shape::from([tokens.len(), built.tensors()[0].shape[1]]))
}

/// What to do about a layer that looks ahead; `None` if it does not.
fn remedy(op: &Op, input: &Shape, output: &Shape) -> Option<String> {
    let has_channels = input.axes().len() == 2;
    let is_causal = match *op {
        Op::Embedding => input.axes().len() == 1,
        _ if !has_channels => return Some("begin with `embedding N`".to_owned()),
        Op::Identity
        | Op::Dense { .. }
        | Op::LayerNorm { .. }
        | Op::RmsNorm { .. }
        | Op::BatchNorm { .. }
        | Op::Positions
        | Op::Activation(_)
        | Op::Softmax
        | Op::Chain
        | Op::Sum
        | Op::Concat => true,
        Op::Attention { is_causal, .. } if !is_causal => {
            return Some("write `attention HEADS causal`".to_owned());
        }
        Op::Attention { .. } => true,
        Op::Recurrent { is_reversed, .. } if is_reversed => {
            return Some("leave out reversed and bidirectional".to_owned());
        }
        Op::Recurrent { .. } => true,
        Op::Conv {
            is_causal, kernel, ..
        } => {
            if !is_causal && kernel.1 > 1 {
                return Some("write `conv1d C K causal`".to_owned());
            }
            true
        }
        _ => false,
    };
    // Where a position keeps to those before it, it must still be the same position.
    let keeps_positions = input.axes()[0] == output.axes()[0];
    match (is_causal, keeps_positions) {
        (true, true) => None,
        (true, false) => Some("let every position have an output, by a stride of 1".to_owned()),
        (false, _) => Some("leave it out, or take layer-norm, dense, causal attention or the like, which keep positions apart".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::{Attention, Embedding, Network, Sequential, presets};
    use ndarray::Array2;

    const TOKENS: usize = 11;
    const LENGTH: usize = 9;

    fn model(text: &str) -> Sequential {
        Sequential::new([LENGTH])
            .parse_layers_for_tokens(text, TOKENS)
            .unwrap()
    }

    #[test]
    fn what_is_said_to_be_causal_is_so_to_the_bit() {
        for text in [
            "embedding 8, positions, dense 6, gelu",
            "embedding 8, layer-norm, residual(rms-norm, attention 2 causal), batch-norm",
            "embedding 8, lstm 5, gru 4 layers 2, rnn 6, dropout 0.5",
            "embedding 8, conv1d 6 3 causal, relu, conv1d 6 3 causal dilation 2 groups 2, conv1d 5 1",
            "embedding 8, conv1d 8 4 causal groups 8",
        ] {
            let model = model(text);
            model.check_causal().unwrap();
            let network = Network::new(model.dense(TOKENS), 3).unwrap();
            let token = |row: usize, at: usize| ((7 * row + 3 * at + at * at) % TOKENS) as f32;
            let before = Array2::from_shape_fn((2, LENGTH), |(row, at)| token(row, at));
            let y = network.predict(before.view()).unwrap();
            for changed in 0..LENGTH {
                let mut after = before.clone();
                after
                    .column_mut(changed)
                    .mapv_inplace(|token| (token + 4.0) % TOKENS as f32);
                let other = network.predict(after.view()).unwrap();
                let seen = ndarray::s![.., ..changed * TOKENS];
                assert_eq!(y.slice(seen), other.slice(seen), "{text}, token {changed}");
                assert_ne!(y, other, "{text}, token {changed}");
            }
        }
    }

    #[test]
    fn what_looks_ahead_is_named_with_what_to_do() {
        for (text, expected) in [
            ("dense 8", "layer 0 (dense) lets a position see"),
            ("relu", "begin with `embedding N`"),
            ("embedding 8, attention 2", "layer 1 (attention)"),
            (
                "embedding 8, residual(attention 2)",
                "layer 1 (residual), 0 (attention)",
            ),
            ("embedding 8, gru 4 reversed", "leave out reversed"),
            ("embedding 8, lstm 4 bidirectional", "leave out reversed"),
            ("embedding 8, conv1d 4 3 pad 1", "write `conv1d C K causal`"),
            (
                "embedding 8, conv1d 4 3 causal stride 2",
                "by a stride of 1",
            ),
            ("embedding 8, conv1d 4 1 stride 2", "by a stride of 1"),
            ("embedding 8, group-norm 2", "leave it out"),
            ("embedding 8, max-pool 2", "leave it out"),
            ("embedding 8, global-average-pool", "leave it out"),
            ("embedding 8, flatten", "leave it out"),
        ] {
            let error = model(text).check_causal().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let tied = |body| Sequential::new([LENGTH]).layer(Embedding::tied(TOKENS, 4, body));
        let body = Sequential::part().layer(Attention::new(2));
        assert!(tied(body).check_causal().is_err());
        for name in ["gpt", "lstm"] {
            let preset = presets::by_name(name).unwrap();
            preset.model.check_causal().unwrap();
        }
    }
}
