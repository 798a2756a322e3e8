//! Weights that PyTorch wrote, by a map of names.
//!
//! | tensor | PyTorch | here |
//! |---|---|---|
//! | weight of a linear layer | (O, I) | (I, O) |
//! | kernel of `Conv2d` | (O, C / groups, KH, KW) | (KH, KW, C / groups, O) |
//! | kernel of `Conv1d` | (O, C / groups, K) | (1, K, C / groups, O) |
//! | embeddings, positions, vectors | as here | |
//!
//! A linear layer behind a flattened image wants its inputs in the order (C, H, W) there, (H, W, C) here: pool before it, or permute its weight.

use std::path::Path;

use crate::nn::{Network, Sequential, Tensor};

use super::error::ExportError;
use super::safetensors::WeightsFile;

/// `model` with the weights of a safetensors file whose names are PyTorch's: `names` holds, for each tensor of the model, its name in the file.
///
/// ```no_run
/// use unisono::{export::read_torch, nn::Sequential};
/// let model = Sequential::new(784).dense(128).relu().dense(10);
/// let names = [
///     ("dense0.weight", "fc1.weight"), ("dense0.bias", "fc1.bias"),
///     ("dense2.weight", "fc2.weight"), ("dense2.bias", "fc2.bias"),
/// ];
/// let network = read_torch("mlp.safetensors".as_ref(), model, &names)?;
/// # Ok::<(), unisono::export::ExportError>(())
/// ```
///
/// # Errors
/// [`ExportError::Read`]; [`ExportError::Weights`] if a tensor of the model has no name in the map, or none of that name and shape is in the file.
pub fn read_torch(
    path: &Path,
    model: Sequential,
    names: &[(&str, &str)],
) -> Result<Network, ExportError> {
    let file = WeightsFile::read(path)?;
    let tensors = file.tensors()?;
    let layout = model.layout()?;
    let mut params = Vec::with_capacity(layout.len());
    for tensor in layout.tensors() {
        let known = names.iter().find(|(ours, _)| *ours == tensor.name);
        let Some((_, theirs)) = known else {
            let expected = format!("a name in the map for {}", tensor.name);
            return Err(file.odd(expected, "none".to_owned()));
        };
        let order = Order::of(tensor);
        let there = (*theirs, order.shape(&tensor.shape));
        let whose = format!(", for {}", tensor.name);
        let values = file.values(&tensors, (there.0, &there.1), &whose)?;
        order.turn(&tensor.shape, &values, &mut params);
    }
    Ok(Network::with_params(model, params)?)
}

/// How a tensor lies in PyTorch's file.
#[derive(Clone, Copy, Debug)]
enum Order {
    Same,
    /// Rows and columns changed.
    Matrix,
    /// Outputs first, windows last.
    Kernel,
    /// The same without the height.
    SequenceKernel,
}

impl Order {
    fn of(tensor: &Tensor) -> Self {
        let keeps = ["embedding", "positions"];
        let layer = tensor.name.rsplit('.').nth(1).unwrap_or_default();
        match tensor.shape.len() {
            4 if layer.contains("conv1d") => Order::SequenceKernel,
            4 => Order::Kernel,
            2 if !keeps.iter().any(|kept| layer.contains(kept)) => Order::Matrix,
            _ => Order::Same,
        }
    }

    /// The shape there of what is `shape` here.
    fn shape(self, shape: &[usize]) -> Vec<usize> {
        match (self, shape) {
            (Order::Matrix, &[inputs, outputs]) => vec![outputs, inputs],
            (Order::SequenceKernel, &[_, width, inputs, outputs]) => vec![outputs, inputs, width],
            (Order::Kernel, &[height, width, inputs, outputs]) => {
                vec![outputs, inputs, height, width]
            }
            _ => shape.to_vec(),
        }
    }

    /// Adds `values`, which lie as there, in the order of here.
    fn turn(self, shape: &[usize], values: &[f32], to: &mut Vec<f32>) {
        let turned = |rows: usize, columns: usize| {
            // There (columns, rows), here (rows, columns).
            (0..rows * columns).map(move |at| values[(at % columns) * rows + at / columns])
        };
        match (self, shape) {
            (Order::Matrix, &[inputs, outputs]) => to.extend(turned(inputs, outputs)),
            (Order::Kernel | Order::SequenceKernel, &[height, width, inputs, outputs]) => {
                let window = height * width;
                for place in 0..window {
                    for input in 0..inputs {
                        let from = |output: usize| (output * inputs + input) * window + place;
                        to.extend((0..outputs).map(|output| values[from(output)]));
                    }
                }
            }
            _ => to.extend_from_slice(values),
        }
    }
}
