//! A model as data: what it is made of, before it has parameters.

use super::params::ParamLayout;
use super::{Activation, Init, NnError};

/// One layer of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerSpec {
    /// `y = x W + b`, W of shape (inputs, outputs).
    Dense {
        /// Outputs a row.
        outputs: usize,
        /// Initial weights.
        weight: Init,
        /// Initial biases.
        bias: Init,
    },
    /// An elementwise function.
    Activation(Activation),
}

/// Layers one after another.
///
/// ```
/// use unisono::nn::Sequential;
/// let model = Sequential::new(64).dense(32).relu().dense(10);
/// assert_eq!(model.layout()?.num_params(), 2410);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sequential {
    inputs: usize,
    layers: Vec<LayerSpec>,
}

impl Sequential {
    /// A model that takes `inputs` values a row.
    pub fn new(inputs: usize) -> Self {
        Self {
            inputs,
            layers: Vec::new(),
        }
    }

    /// Adds a dense layer; weights Xavier-uniform, biases zero.
    pub fn dense(self, outputs: usize) -> Self {
        self.layer(LayerSpec::Dense {
            outputs,
            weight: Init::XavierUniform,
            bias: Init::Zeros,
        })
    }

    /// Adds max(x, 0).
    pub fn relu(self) -> Self {
        self.layer(LayerSpec::Activation(Activation::Relu))
    }

    /// Adds the hyperbolic tangent.
    pub fn tanh(self) -> Self {
        self.layer(LayerSpec::Activation(Activation::Tanh))
    }

    /// Adds 1 / (1 + exp(-x)).
    pub fn sigmoid(self) -> Self {
        self.layer(LayerSpec::Activation(Activation::Sigmoid))
    }

    /// Adds any layer.
    pub fn layer(mut self, layer: LayerSpec) -> Self {
        self.layers.push(layer);
        self
    }

    /// Values a row that the model takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values a row that the model gives.
    pub fn outputs(&self) -> usize {
        let sizes = self.layers.iter().rev().find_map(|layer| match layer {
            LayerSpec::Dense { outputs, .. } => Some(*outputs),
            LayerSpec::Activation(_) => None,
        });
        sizes.unwrap_or(self.inputs)
    }

    /// The layers.
    pub fn layers(&self) -> &[LayerSpec] {
        &self.layers
    }

    /// The layout of its parameters.
    ///
    /// # Errors
    /// [`NnError::EmptyLayer`] if a size is 0, [`NnError::NoParams`] if there is nothing to train.
    pub fn layout(&self) -> Result<ParamLayout, NnError> {
        if self.inputs == 0 {
            return Err(NnError::EmptyLayer {
                index: 0,
                layer: "input",
                got: 0,
            });
        }
        let mut layout = ParamLayout::default();
        let mut inputs = self.inputs;
        for (index, layer) in self.layers.iter().enumerate() {
            if let LayerSpec::Dense {
                outputs,
                weight,
                bias,
            } = *layer
            {
                if outputs == 0 {
                    return Err(NnError::EmptyLayer {
                        index,
                        layer: "dense",
                        got: 0,
                    });
                }
                layout.push(
                    format!("dense{index}.weight"),
                    &[inputs, outputs],
                    (weight, (inputs, outputs)),
                );
                layout.push(
                    format!("dense{index}.bias"),
                    &[outputs],
                    (bias, (inputs, outputs)),
                );
                inputs = outputs;
            }
        }
        if layout.num_params() == 0 {
            Err(NnError::NoParams)
        } else {
            Ok(layout)
        }
    }
}

impl std::fmt::Display for Sequential {
    /// `64-32-relu-10`: sizes of dense layers, names of activations.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.inputs)?;
        self.layers.iter().try_for_each(|layer| match layer {
            LayerSpec::Dense { outputs, .. } => write!(f, "-{outputs}"),
            LayerSpec::Activation(activation) => write!(f, "-{}", activation.name()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_models_are_refused() {
        let refused = |model: Sequential| model.layout().unwrap_err();
        assert_eq!(
            refused(Sequential::new(0).dense(1)),
            NnError::EmptyLayer {
                index: 0,
                layer: "input",
                got: 0
            }
        );
        let empty = NnError::EmptyLayer {
            index: 2,
            layer: "dense",
            got: 0,
        };
        assert_eq!(refused(Sequential::new(3).dense(4).relu().dense(0)), empty);
        assert_eq!(refused(Sequential::new(3).relu()), NnError::NoParams);
    }

    #[test]
    fn the_layout_has_no_gaps_and_the_name_reads_well() {
        let model = Sequential::new(784)
            .dense(1024)
            .relu()
            .dense(1024)
            .relu()
            .dense(10);
        let layout = model.layout().unwrap();
        assert_eq!(layout.num_params(), 1_863_690);
        assert!(
            layout
                .tensors()
                .windows(2)
                .all(|pair| pair[0].range.end == pair[1].range.start)
        );
        assert_eq!(model.to_string(), "784-1024-relu-1024-relu-10");
    }
}
