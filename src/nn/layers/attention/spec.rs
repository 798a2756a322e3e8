//! Attention as data: its settings.

use serde::{Deserialize, Serialize};

use crate::nn::core::Init;

/// Multi-head self-attention with its projections, over rows (T, C) to rows (T, C).
///
/// ```
/// use unisono::nn::{Attention, Sequential};
/// let model = Sequential::new([16, 32]).layer(Attention::new(4).causal());
/// assert_eq!(model.layout()?.num_params(), 4 * (32 * 32 + 32));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    pub(super) heads: usize,
    pub(super) reach: Reach,
    pub(super) weight: Init,
    pub(super) has_bias: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reach {
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
