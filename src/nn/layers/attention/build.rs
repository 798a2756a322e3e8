//! Which rows attention takes, and the layer for them.

use super::layer::AttentionLayer;
use super::spec::{Attention, Reach};
use crate::nn::core::{Build, Layer, Op, Spec, layer_json};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

impl Spec for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let &[length, channels] = input.axes() else {
            return Err(build.refuse("rows of shape TxC", input));
        };
        if self.heads == 0 || channels % self.heads != 0 {
            let expected = format!("channels in {} equal heads", self.heads);
            return Err(build.refuse(expected, channels));
        }
        Ok(Box::new(AttentionLayer::new(
            *self,
            length,
            channels,
            build.arithmetic,
        )))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Attention {
            heads: self.heads,
            is_causal: self.reach == Reach::Causal,
            has_bias: self.has_bias,
        })
    }

    fn to_json(&self) -> Option<String> {
        layer_json("attention", self)
    }
}
