//! Errors of models: layers that do not fit, inputs that do not, texts that are none.

use thiserror::Error;

use crate::meant::did_you_mean;
use crate::nn::shape::Shape;

/// An error of a model's description or use.
///
/// ```
/// use unisono::nn::{Conv, NnError, Sequential};
/// let error = Sequential::new(784).layer(Conv::d2(8, 3)).layout().unwrap_err();
/// assert!(matches!(error, NnError::Layer { .. }));
/// assert!(error.to_string().starts_with("layer 0 (conv2d) expects rows of shape HxWxC, got 784"));
/// ```
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NnError {
    /// A layer that cannot be built for the rows it would get.
    #[error(
        "layer {place} expects {expected}, got {got}; change its settings or the layer before it"
    )]
    Layer {
        /// Position from 0 and name, such as `2 (conv2d)`; inside a composite,
        /// `4 (residual), 1 (batch_norm)`.
        place: String,
        /// What it needs.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A text of layers with one that there is not.
    #[error("layer {place} (`{layer}`) must be {expected}{}", did_you_mean(*meant))]
    Text {
        /// Its place, from 0.
        place: usize,
        /// Its text.
        layer: String,
        /// What there is.
        expected: String,
        /// The word that was probably meant by one that there is not.
        meant: Option<&'static str>,
    },
    /// A text that is no model as JSON.
    #[error(
        "the text is no model as `Sequential::to_json` writes one: {problem}; check where it comes from"
    )]
    Json {
        /// What is wrong with it.
        problem: String,
    },
    /// A layer of somebody's own in a model that is to be read from a file.
    #[error(
        "layer {place} ({name}) is code of its author's own, which no file holds; build the model in code, and give it"
    )]
    OwnLayer {
        /// Its place, from 0; inside a composite that of each layer around it too.
        place: String,
        /// Its name.
        name: String,
    },
    /// A layer by which a position sees those behind it, where the next one is to be predicted.
    #[error(
        "layer {place} lets a position see what lies behind it, and a language model predicts just that; {remedy}"
    )]
    LooksAhead {
        /// Position from 0 and name, such as `2 (attention)`.
        place: String,
        /// What to do.
        remedy: String,
    },
    /// An instruction set that there is not, or that this CPU lacks.
    #[error(
        "UNISONO_ISA must be one of {available} on this machine, or unset, got {got:?}{}",
        did_you_mean(*meant)
    )]
    Isa {
        /// Those that this CPU can run.
        available: String,
        /// What was asked for.
        got: String,
        /// The one that was probably meant.
        meant: Option<&'static str>,
    },
    /// An instruction set that this CPU lacks, given to a trainer.
    #[error("the trainer's instruction set must be one of {available} on this machine, got {got}")]
    IsaGiven {
        /// Those that this CPU can run.
        available: String,
        /// What was given.
        got: String,
    },
    /// An instruction set of other processors.
    #[error(
        "UNISONO_ISA names kernels of {processor} processors, {got:?}; on this machine expected one of {available}, or unset"
    )]
    IsaElsewhere {
        /// Those that this CPU can run.
        available: String,
        /// The architecture that has it.
        processor: &'static str,
        /// What was asked for.
        got: String,
    },
    /// A precision that there is not.
    #[error("the precision must be {expected}, got {got:?}{}", did_you_mean(*meant))]
    Precision {
        /// Those that there are.
        expected: String,
        /// What was asked for.
        got: String,
        /// The one that was probably meant.
        meant: Option<&'static str>,
    },
    /// A model without parameters cannot be trained.
    #[error("the model has no layer with parameters; add a dense layer")]
    NoParams,
    /// A model of more parameters than there may be.
    #[error("the model has {params} parameters, expected at most {most}; make its layers smaller")]
    TooLarge {
        /// The model's.
        params: usize,
        /// The bound.
        most: usize,
    },
    /// A network that is to go on under a new head, of another model.
    #[error(
        "the trained network has {expected}, and the model {got}: under a new head all other layers must be its own"
    )]
    Body {
        /// The trained network's layer or tensor.
        expected: String,
        /// The model's.
        got: String,
    },
    /// Parameters for another model.
    #[error(
        "the model has {expected} parameters, got {got}; use the parameters of the same architecture"
    )]
    ParamCount {
        /// The model's.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// Rows of another width.
    #[error(
        "the model takes {expected} inputs a row, got {got}; reshape the data or the model's first layer"
    )]
    InputWidth {
        /// The model's.
        expected: usize,
        /// The data's.
        got: usize,
    },
    /// A token that the model's embedding does not know.
    #[error(
        "row {row} has {got} at place {place}, expected a token: a whole number below the vocabulary's {vocabulary}; use the vocabulary that the model was trained with"
    )]
    Token {
        /// The row, from 0.
        row: usize,
        /// Its place in the row, from 0.
        place: usize,
        /// What stands there.
        got: f32,
        /// Tokens that there are.
        vocabulary: usize,
    },
    /// An output of which no class or token can be told.
    #[error(
        "an output of row {row} is not a number, so it has no largest; check the row for values that are not finite, and the network for a training that diverged"
    )]
    NotANumber {
        /// The row, from 0.
        row: usize,
    },
    /// A derivative that is another than a difference quotient of the loss.
    #[error(
        "the gradient of {of} is wrong: {got} for {place}, where difference quotients of its loss give {expected}; check the derivative"
    )]
    Gradient {
        /// The loss's name, or the model.
        of: String,
        /// Which value it is the derivative by.
        place: String,
        /// What the quotients give.
        expected: f64,
        /// What was computed.
        got: f32,
    },
    /// A loss that cannot be used as it is, or gave what is no sum of a loss.
    #[error("the loss {name} {problem}; check its criterion and the targets")]
    Criterion {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A model that does not say what follows each token.
    #[error(
        "the model gives {output} a row, expected logits of the vocabulary for each position; take a language model, such as gpt or lstm"
    )]
    NotText {
        /// The shape of its output.
        output: Shape,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_was_expected_and_what_came() {
        let odd = NnError::Layer {
            place: "2 (conv2d)".into(),
            expected: "rows of shape HxWxC".into(),
            got: "784".into(),
        };
        assert!(
            odd.to_string()
                .contains("layer 2 (conv2d) expects rows of shape HxWxC, got 784")
        );
        assert!(NnError::NoParams.to_string().contains("add a dense layer"));
        assert!(
            NnError::ParamCount {
                expected: 5,
                got: 4
            }
            .to_string()
            .contains("5 parameters, got 4")
        );
        assert!(
            NnError::InputWidth {
                expected: 5,
                got: 4
            }
            .to_string()
            .contains("5 inputs a row, got 4")
        );
    }
}
