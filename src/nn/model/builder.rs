//! Sequential's shorthand for its most frequent layers.

use crate::nn::core::Activation;
use crate::nn::layers::{Dense, Reshape, Sequential};

impl Sequential {
    /// A model for rows of shape `axes`, flattened if they have several.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// assert_eq!(Sequential::flat(&[28, 28, 1]).dense(10).output_shape()?.axes(), [10]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn flat(axes: &[usize]) -> Self {
        let input = Self::new(axes.to_vec());
        if axes.len() > 1 {
            input.flatten()
        } else {
            input
        }
    }

    /// Adds a dense layer; weights Xavier-uniform, biases zero.
    pub fn dense(self, outputs: usize) -> Self {
        self.layer(Dense::new(outputs))
    }

    /// Adds max(x, 0).
    pub fn relu(self) -> Self {
        self.layer(Activation::Relu)
    }

    /// Adds the hyperbolic tangent.
    pub fn tanh(self) -> Self {
        self.layer(Activation::Tanh)
    }

    /// Adds 1 / (1 + exp(-x)).
    pub fn sigmoid(self) -> Self {
        self.layer(Activation::Sigmoid)
    }

    /// Turns all axes into one.
    pub fn flatten(self) -> Self {
        self.layer(Reshape::flatten())
    }
}
