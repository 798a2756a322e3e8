//! Outputs of an ONNX model in the units of a regression's targets.

use crate::nn::Shape;

use super::onnx_graph::Graph;

/// What a model's outputs are multiplied by and added to, one of each for an output.
///
/// Example: [`write_onnx_scaled`](super::write_onnx_scaled).
#[derive(Clone, Debug, PartialEq)]
pub struct OutputScale {
    /// What they are multiplied by: the deviations of the targets, say.
    pub factors: Vec<f32>,
    /// What is added then: the means of the targets, say.
    pub summands: Vec<f32>,
}

impl Graph<'_> {
    /// The model's output `y`: the value `name`, whose rows have this shape, scaled.
    pub(super) fn scaled(&mut self, scale: &OutputScale, name: &str, shape: &Shape) {
        let OutputScale { factors, summands } = scale;
        let (len, axes) = (shape.len(), shape.axes());
        let counts = (factors.len(), summands.len());
        assert_eq!(counts, (len, len), "a factor and a summand for each output");
        let factor = self.floats(axes, factors);
        let summand = self.floats(axes, summands);
        let scaled = self.add("Mul", &[name, &factor], Vec::new());
        self.node("Add", &[&scaled, &summand], "y", Vec::new());
    }
}
