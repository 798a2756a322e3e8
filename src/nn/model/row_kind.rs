//! Whether a model takes sequences or images.

use std::sync::Arc;

use crate::nn::core::{Op, Spec};
use crate::nn::layers::Sequential;

impl Sequential {
    /// Whether the first of its layers that takes only sequences (T, C) or only images (H, W, C)
    /// takes sequences; `None` if all take both.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let takes_sequences = |text| Sequential::part().parse_layers(text).map(|part| part.takes_sequences());
    /// assert_eq!(takes_sequences("layer-norm, lstm 8")?, Some(true));
    /// assert_eq!(takes_sequences("residual(conv 8 3 pad 1), relu")?, Some(false));
    /// assert_eq!(takes_sequences("max-pool 2, dense 8")?, None);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn takes_sequences(&self) -> Option<bool> {
        takes_sequences(self.layers())
    }
}

fn takes_sequences(layers: &[Arc<dyn Spec>]) -> Option<bool> {
    layers.iter().find_map(|layer| match layer.op()? {
        Op::Conv { is_sequence, .. } => Some(is_sequence),
        Op::Recurrent { .. } | Op::Attention { .. } | Op::Positions => Some(true),
        Op::Subsample { .. } => Some(false),
        Op::Chain | Op::Sum | Op::Concat => {
            let branches = layer.branches();
            branches.iter().find_map(|branch| takes_sequences(branch))
        }
        _ => None,
    })
}
