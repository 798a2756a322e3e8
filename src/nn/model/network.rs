//! A model with its parameters.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::nn::core::ParamLayout;
use crate::nn::error::NnError;
use crate::nn::layers::Sequential;

/// A model with its parameters: what training starts from and gives back. A clone shares the
/// parameters.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(2).dense(3).relu().dense(1), 42)?;
/// let outputs = network.predict(array![[0.0, 1.0], [1.0, 0.0]].view())?;
/// assert_eq!(outputs.dim(), (2, 1));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Network(Arc<Parts>);

#[derive(Debug, PartialEq)]
struct Parts {
    model: Sequential,
    layout: ParamLayout,
    params: Vec<f32>,
}

impl Network {
    /// A model with initial parameters drawn from `seed`.
    ///
    /// # Errors
    /// Those of [`Sequential::layout`].
    pub fn new(model: Sequential, seed: u64) -> Result<Self, NnError> {
        let layout = model.layout()?;
        let params = layout.init(seed);
        Ok(Self(Arc::new(Parts {
            model,
            layout,
            params,
        })))
    }

    /// A model with the given parameters, in the order of its layout.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::nn::{Network, Sequential};
    /// let network = Network::with_params(Sequential::new(2).dense(1), vec![1.0, 2.0, 0.5])?;
    /// assert_eq!(network.predict(array![[3.0, 4.0]].view())?, array![[11.5]]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::ParamCount`] if there are too few or too many, and those of
    /// [`Sequential::layout`].
    pub fn with_params(model: Sequential, params: Vec<f32>) -> Result<Self, NnError> {
        let layout = model.layout()?;
        if params.len() != layout.len() {
            return Err(NnError::ParamCount {
                expected: layout.len(),
                got: params.len(),
            });
        }
        Ok(Self(Arc::new(Parts {
            model,
            layout,
            params,
        })))
    }

    /// The model's architecture.
    pub fn model(&self) -> &Sequential {
        &self.0.model
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &ParamLayout {
        &self.0.layout
    }

    /// The parameters, in the order of the layout.
    pub fn params(&self) -> &[f32] {
        &self.0.params
    }

    /// The parameters, taken out; copied where a clone of the network lives on.
    ///
    /// ```
    /// use unisono::nn::{Network, Sequential};
    /// let network = Network::with_params(Sequential::new(2).dense(1), vec![1.0, 2.0, 0.5])?;
    /// assert_eq!(network.into_params(), [1.0, 2.0, 0.5]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn into_params(self) -> Vec<f32> {
        match Arc::try_unwrap(self.0) {
            Ok(parts) => parts.params,
            Err(shared) => shared.params.clone(),
        }
    }

    /// SHA-256 of the parameters as little-endian `f32`, in the order of the layout: the
    /// fingerprint of a training.
    ///
    /// ```
    /// use unisono::nn::{Network, Sequential};
    /// let sha256 = |seed| Network::new(Sequential::new(2).dense(3), seed).map(|network| network.weights_sha256());
    /// assert_eq!((sha256(1)?.len(), sha256(1)?), (64, sha256(1)?));
    /// assert_ne!(sha256(1)?, sha256(2)?);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn weights_sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.params()
            .iter()
            .for_each(|value| hash.update(value.to_le_bytes()));
        format!("{:x}", hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn tokens_that_there_are_not_and_outputs_that_are_no_numbers_are_named() {
        use crate::nn::Embedding;
        let model = Sequential::new(3).layer(Embedding::new(5, 2)).dense(2);
        let network = Network::new(model, 1).unwrap();
        for got in [5.0, -1.0, 1.5, f32::NAN, f32::INFINITY, 1e20] {
            let mut tokens = Array2::zeros((600, 3));
            tokens[[400, 2]] = got;
            let error = network.predict(tokens.view()).unwrap_err();
            let NnError::Token {
                row,
                place,
                got: told,
                vocabulary,
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!((row, place, vocabulary), (400, 2, 5));
            assert!(told == got || got.is_nan());
        }
        let network = Network::new(Sequential::new(1).dense(2), 1).unwrap();
        let inputs = array![[1.0], [f32::NAN]];
        let error = network.classify(inputs.view()).unwrap_err();
        assert_eq!(error, NnError::NotANumber { row: 1 });
        assert!(network.predict(inputs.view()).is_ok());
    }

    #[test]
    fn predictions_are_those_of_the_formula() {
        let model = Sequential::new(2).dense(2).relu().tanh().dense(1).sigmoid();
        let params = vec![1.0, -1.0, 0.5, 2.0, 0.0, 0.25, 2.0, -1.0, 0.125];
        let network = Network::with_params(model, params).unwrap();
        let x = array![[1.0_f32, 2.0], [-1.0, 0.5]];
        let outputs = network.predict(x.view()).unwrap();
        for (row, y) in x.rows().into_iter().zip(&outputs) {
            let hidden =
                [row[0] + 0.5 * row[1], -row[0] + 2.0 * row[1] + 0.25].map(|h| h.max(0.0).tanh());
            let z = 2.0 * hidden[0] - hidden[1] + 0.125;
            assert!((y - 1.0 / (1.0 + (-z).exp())).abs() < 1e-6);
        }
    }

    #[test]
    fn the_hash_is_that_of_the_little_endian_bytes() {
        let network = Network::with_params(Sequential::new(1).dense(1), vec![1.0, 0.0]).unwrap();
        // python3 -c "import hashlib,struct; print(hashlib.sha256(struct.pack('<2f', 1,
        // 0)).hexdigest())"
        assert_eq!(network.weights_sha256(), HASH_OF_ONE_AND_ZERO);
    }

    const HASH_OF_ONE_AND_ZERO: &str =
        "434b26042aff3fb844a4c4c6be0d81a079b0ce84cfb8190679024404e5dc4822";

    #[test]
    fn the_wrong_number_of_parameters_or_inputs_is_refused() {
        let model = Sequential::new(2).dense(1);
        let wrong = Network::with_params(model.clone(), vec![0.0; 4]);
        assert_eq!(
            wrong.unwrap_err(),
            NnError::ParamCount {
                expected: 3,
                got: 4
            }
        );
        let network = Network::new(model, 1).unwrap();
        let wide = network.predict(Array2::zeros((1, 3)).view());
        assert_eq!(
            wide.unwrap_err(),
            NnError::InputWidth {
                expected: 2,
                got: 3
            }
        );
        assert_eq!(
            network.predict(Array2::zeros((0, 2)).view()).unwrap().dim(),
            (0, 1)
        );
    }
}
