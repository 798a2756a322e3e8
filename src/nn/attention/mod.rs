//! Multi-head attention over the positions of a row, causal or not.
//!
//! `q, k, v = x A + a`, cut into heads of D = C / heads; for each head
//! `P = softmax(q k' / sqrt(D))`, over the positions up to its own if causal, never over padding
//! ([`Sequential::padding`](super::Sequential::padding)); `y = [P v, head by head] O + o`.
//!
//! # Shapes
//! X, Y: (B, T, C); A: (C, 3 C), columns q then k then v, each head by head; O: (C, C); P is kept:
//! (B, heads, T, T'), a row a key, so that what queries look at lies side by side, T' the next
//! multiple of 16.
//!
//! Backward: `dv = P' do`, `dP = do v'`, `dS = P (dP - rowsum(P dP)) / sqrt(D)`, `dq = dS k`,
//! `dk = dS' q`.
//!
//! # References
//! Vaswani et al.: "Attention is all you need", 2017, eq. 1.

mod head;
mod layer;

use super::Init;
use super::error::NnError;
use super::layer::{Build, Layer, Spec};
use super::op::Op;
use super::shape::Shape;

use layer::AttentionLayer;

/// Multi-head self-attention with its projections, over rows (T, C) to rows (T, C).
///
/// ```
/// use unisono::nn::{Attention, Sequential};
/// let model = Sequential::new([16, 32]).layer(Attention::new(4).causal());
/// assert_eq!(model.layout()?.num_params(), 4 * (32 * 32 + 32));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    heads: usize,
    reach: Reach,
    weight: Init,
    has_bias: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reach {
    All,
    Causal,
}

impl Attention {
    /// With `heads` heads of equal size, so a divisor of the channels; every position sees every
    /// other.
    pub fn new(heads: usize) -> Self {
        Self {
            heads,
            reach: Reach::All,
            weight: Init::XavierUniform,
            has_bias: true,
        }
    }

    /// A position sees itself and those before it.
    pub fn causal(self) -> Self {
        Self {
            reach: Reach::Causal,
            ..self
        }
    }

    /// With other initial weights.
    pub fn weight(self, init: Init) -> Self {
        Self {
            weight: init,
            ..self
        }
    }

    /// Without biases.
    pub fn without_bias(self) -> Self {
        Self {
            has_bias: false,
            ..self
        }
    }
}

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
            (length, channels),
            build.isa,
        )))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::Attention {
            heads: self.heads,
            is_causal: self.reach == Reach::Causal,
            has_bias: self.has_bias,
        })
    }
}
