//! Which algorithm a convolution runs by: `winograd` where it can, else `layer`.

use super::layer::ConvLayer;
use super::spec::Conv;
use super::winograd::{self, WinogradLayer};
use crate::nn::core::{Build, Layer, Op, Spec, layer_json};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

impl Spec for Conv {
    fn name(&self) -> &'static str {
        if self.is_sequence { "conv1d" } else { "conv2d" }
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let image = self.check(input, build)?;
        let axes = self.axes_of(image.rows, image.columns);
        let (spec, channels) = (self.clone(), image.channels);
        Ok(match winograd::tile_of(self, axes, channels) {
            Some(tile) => Box::new(WinogradLayer::new(
                spec,
                axes,
                channels,
                tile,
                build.arithmetic.isa,
            )),
            None => Box::new(ConvLayer::new(spec, axes, channels, build.arithmetic.isa)),
        })
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Conv {
            is_sequence: self.is_sequence,
            kernel: self.kernel,
            stride: self.stride,
            padding: (self.padding.0, self.column_padding().before),
            is_causal: self.is_causal,
            dilation: self.dilation,
            groups: self.groups,
            has_bias: self.bias.is_some(),
        })
    }

    fn to_json(&self) -> Option<String> {
        layer_json("conv", self)
    }
}
