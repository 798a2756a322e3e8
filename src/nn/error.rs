//! What can be wrong with a model.

use thiserror::Error;

/// An error of a model's description or use.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NnError {
    /// A model without inputs, or a layer without outputs.
    #[error(
        "layer {index} ({layer}) has {got} outputs, expected at least 1; give every layer a positive size"
    )]
    EmptyLayer {
        /// Position of the layer, from 0; the input counts as layer 0 of an empty model.
        index: usize,
        /// Its name.
        layer: &'static str,
        /// Its number of outputs.
        got: usize,
    },
    /// A model without parameters cannot be trained.
    #[error("the model has no layer with parameters; add a dense layer")]
    NoParams,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_was_expected_and_what_came() {
        let empty = NnError::EmptyLayer {
            index: 2,
            layer: "dense",
            got: 0,
        };
        assert!(
            empty
                .to_string()
                .contains("layer 2 (dense) has 0 outputs, expected at least 1")
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
