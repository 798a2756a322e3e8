//! New heads: a trained network's layers under a last layer that is drawn anew.

use crate::nn::core::{ParamLayout, Role};
use crate::nn::error::NnError;
use crate::nn::layers::Sequential;

use super::network::Network;

impl Sequential {
    /// The names' beginning of the head's tensors: of the last layer that has weights.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let model = Sequential::new(64).dense(32).relu().dense(10);
    /// assert_eq!(model.head()?, "dense2.");
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Sequential::layout`].
    pub fn head(&self) -> Result<String, NnError> {
        head_of(&self.layout()?)
    }
}

fn head_of(layout: &ParamLayout) -> Result<String, NnError> {
    let mut tensors = layout.tensors().iter().rev();
    let last = tensors.find(|tensor| tensor.role == Role::Weight);
    let name = &last.ok_or(NnError::NoParams)?.name;
    let end = name.rfind('.').map_or(name.len(), |dot| dot + 1);
    Ok(name[..end].to_owned())
}

/// Of the outermost layer to which a tensor belongs, its place in the model.
fn place(name: &str) -> Option<usize> {
    let layer = name.split('.').next().unwrap_or_default();
    let kind = layer.trim_end_matches(|c: char| c.is_ascii_digit());
    layer[kind.len()..].parse().ok()
}

impl Network {
    /// A network of `model` for other classes or values than `trained` is for: its last layer with
    /// weights, the head ([`Sequential::head`]), is drawn from `seed` and may have another width;
    /// all other layers must be `trained`'s, and begin with its weights. What fine-tuning starts
    /// from; [`crate::optim::Optimizer::with_frozen`] keeps layers as they are.
    ///
    /// ```
    /// use unisono::nn::{Network, Sequential};
    /// let model = |classes| Sequential::new(64).dense(32).relu().dense(classes);
    /// let trained = Network::new(model(10), 42)?;
    /// let tuned = Network::with_new_head(model(3), &trained, 7)?;
    /// let body = 64 * 32 + 32;
    /// assert_eq!(tuned.params()[..body], trained.params()[..body]);
    /// assert_eq!(tuned.params()[body..], Network::new(model(3), 7)?.params()[body..]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Body`] if a layer before or behind the head is not `trained`'s; those of
    /// [`Sequential::layout`].
    pub fn with_new_head(
        model: Sequential,
        trained: &Network,
        seed: u64,
    ) -> Result<Network, NnError> {
        let drawn = Network::new(model, seed)?;
        let head = head_of(drawn.layout())?;
        let (layout, theirs) = (drawn.layout(), trained.layout());
        if let Some(other) = drawn
            .model()
            .body_difference(trained.model(), place(&head))?
        {
            return Err(NnError::Body {
                expected: other.got,
                got: other.expected,
            });
        }
        let mut params = drawn.params().to_vec();
        for tensor in layout.tensors() {
            if tensor.name.starts_with(&head) {
                continue;
            }
            match theirs.tensors().iter().find(|one| one.name == tensor.name) {
                Some(found) if found.shape == tensor.shape => {
                    params[tensor.range.clone()]
                        .copy_from_slice(&trained.params()[found.range.clone()]);
                }
                other => {
                    let shape =
                        other.map(|other| format!("{} of shape {:?}", other.name, other.shape));
                    return Err(NnError::Body {
                        expected: shape.unwrap_or_else(|| format!("no {}", tensor.name)),
                        got: format!("{} of shape {:?}", tensor.name, tensor.shape),
                    });
                }
            }
        }
        Network::with_params(drawn.model().clone(), params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::presets;

    #[test]
    fn every_preset_has_a_head_whose_place_is_known() {
        for name in presets::NAMES {
            let model = presets::by_name(name).unwrap().model;
            let head = model.head().unwrap();
            let at = place(&head).unwrap();
            let layout = model.layout().unwrap();
            let places = layout.tensors().iter().map(|tensor| place(&tensor.name));
            assert_eq!(places.max().flatten(), Some(at), "{name}: {head}");
        }
        assert_eq!(place("conv1d12.weight"), Some(12));
        assert_eq!(place("residual3.dense0.bias"), Some(3));
    }

    #[test]
    fn another_body_is_refused_by_its_layer() {
        let trained = Network::new(Sequential::new(4).dense(3).relu().dense(2), 1).unwrap();
        let refused = |model| {
            Network::with_new_head(model, &trained, 1)
                .unwrap_err()
                .to_string()
        };
        let other = refused(Sequential::new(4).dense(3).tanh().dense(2));
        assert!(other.contains("activation relu as layer 1"), "{other}");
        let wider = refused(Sequential::new(4).dense(5).relu().dense(2));
        assert!(wider.contains("outputs 3 as layer 0"), "{wider}");
        let deeper = refused(Sequential::new(4).dense(3).relu().dense(2).relu().dense(2));
        assert!(deeper.contains("no layer 3"), "{deeper}");
        let inputs = refused(Sequential::new(5).dense(3).relu().dense(2));
        assert!(inputs.contains("input"), "{inputs}");
    }
}
