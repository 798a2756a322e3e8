//! Trust ratios of LARS and LAMB: how long a tensor's step is, measured by the tensor's own length.
//!
//! | rule | factor of a tensor | of what |
//! |---|---|---|
//! | LARS | `eta norm(w) / (norm(g) + decay norm(w))` | of `lr (g + decay w)`, before momentum |
//! | LAMB | `norm(w) / norm(r)`, `r` Adam's direction with decay | of `r` |
//!
//! It is 1 where a norm is 0, and for tensors that do not adapt (biases and norms by default).
//! Norms are sums over parts of blocks of the flat vector in ascending order, so they do not depend
//! on the number of workers.
//!
//! # References
//! You, Gitman, Ginsburg: "Large batch training of convolutional networks", 2017, algorithm 1
//! (LARS); You et al.: "Large batch optimization for deep learning: training BERT in 76 minutes",
//! ICLR 2020, algorithm 2 (LAMB, with phi the identity).

use multiversion::multiversion;

use super::transform::{Transform, UpdateContext};

/// How the factor of a tensor comes about.
///
/// ```
/// use unisono::optim::TrustRatio;
/// let lars = TrustRatio::Lars { coefficient: 0.5, decay: 0.25 };
/// assert_eq!(lars.ratio(4.0, 3.0, 1.0), 0.5); // 0.5 * 4 / (3 + 0.25 * 4)
/// assert_eq!(lars.ratio(0.0, 3.0, 1.0), 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrustRatio {
    /// LARS.
    Lars {
        /// The trust coefficient eta, positive.
        coefficient: f32,
        /// The weight decay in the denominator, at least 0.
        decay: f32,
    },
    /// LAMB.
    Lamb,
}

impl TrustRatio {
    /// The factor of a tensor from the norms of its parameters and of its update so far;
    /// `decay_scale` is the tensor's own share of the decay.
    ///
    /// ```
    /// use unisono::optim::TrustRatio;
    /// assert_eq!(TrustRatio::Lamb.ratio(3.0, 1.5, 1.0), 2.0);
    /// assert_eq!(TrustRatio::Lamb.ratio(0.0, 1.5, 1.0), 1.0);
    /// ```
    pub fn ratio(&self, params: f64, update: f64, decay_scale: f32) -> f32 {
        let (numerator, denominator) = match *self {
            TrustRatio::Lars { coefficient, decay } => (
                f64::from(coefficient) * params,
                update + f64::from(decay * decay_scale) * params,
            ),
            TrustRatio::Lamb => (params, update),
        };
        if params > 0.0 && update > 0.0 {
            (numerator / denominator) as f32
        } else {
            1.0
        }
    }
}

/// Multiplies each tensor's update by its factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ApplyTrustRatios {
    /// Whether the learning rate comes with it, as it stands inside LARS's velocity.
    pub(super) with_lr: bool,
}

impl Transform for ApplyTrustRatios {
    fn apply(&self, context: &UpdateContext<'_>, update: &mut [f32], _state: &mut [f32]) {
        let lr = if self.with_lr {
            context.scalars.lr
        } else {
            1.0
        };
        for part in context.parts {
            let ratio = context
                .trust_ratios
                .get(part.tensor)
                .copied()
                .unwrap_or(1.0);
            multiply(&mut update[part.range.clone()], ratio * lr);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn multiply(update: &mut [f32], factor: f32) {
    update.iter_mut().for_each(|u| *u *= factor);
}
