//! Import of weights that PyTorch wrote, by a map of names.
//!
//! | tensor | PyTorch | here |
//! |---|---|---|
//! | weight of a linear layer | (O, I) | (I, O) |
//! | kernel of `Conv2d` | (O, C / groups, KH, KW) | (KH, KW, C / groups, O) |
//! | kernel of `Conv1d` | (O, C / groups, K) | (1, K, C / groups, O) |
//! | embeddings, positions, vectors | as here | |
//!
//! A linear layer behind a flattened image has its inputs in the order (C, H, W) there and (H, W,
//! C) here. The shape before the flatten is known, so its weights are put in order: PyTorch's model
//! is to flatten images (and sequences between convolutions) as it holds them. So are norms of
//! flattened rows, and the outputs of a linear layer that are reshaped to an image. Values in f16,
//! bf16 and f64 become f32.

use std::path::Path;

use crate::meant::{did_you_mean, nearest};
use crate::nn::{Network, Sequential, Tensor};

use super::error::ExportError;
use super::safetensors::{WeightsFile, listed};
use super::torch_order::axes;

/// `model` with the weights of a safetensors file whose names are PyTorch's: `names` holds, for
/// each tensor of the model, its name in the file.
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
/// [`ExportError::Read`]; [`ExportError::MapLine`] for a name that is no tensor of the model, or
/// comes twice; [`ExportError::Unmapped`] if a tensor of the model has no name in the map;
/// [`ExportError::Weights`] if none of that name and shape is in the file; [`ExportError::Order`]
/// for a model whose values may lie elsewhere in PyTorch.
pub fn read_torch(
    path: &Path,
    model: Sequential,
    names: &[(&str, &str)],
) -> Result<Network, ExportError> {
    read(path, model, names, None)
}

/// The same for all layers but the last that has weights, the head ([`Sequential::head`]), which is
/// drawn from `seed`: what fine-tuning starts from. `names` hold none of the head's tensors.
///
/// ```no_run
/// use unisono::{export::read_torch_body, nn::Sequential};
/// let three_classes = Sequential::new(784).dense(128).relu().dense(3);
/// let names = [("dense0.weight", "fc1.weight"), ("dense0.bias", "fc1.bias")];
/// let network = read_torch_body("mlp.safetensors".as_ref(), three_classes, &names, 42)?;
/// # Ok::<(), unisono::export::ExportError>(())
/// ```
///
/// # Errors
/// As [`read_torch`]; [`ExportError::MapLine`] for a name of the head's.
pub fn read_torch_body(
    path: &Path,
    model: Sequential,
    names: &[(&str, &str)],
    seed: u64,
) -> Result<Network, ExportError> {
    let head = model.head()?;
    if let Some((name, _)) = names.iter().find(|(name, _)| name.starts_with(&head)) {
        return Err(ExportError::MapLine {
            name: (*name).to_owned(),
            problem: "of the head, which is drawn anew; leave the line out".to_owned(),
        });
    }
    read(path, model, names, Some((head, seed)))
}

/// The weights in a file; of a head that is drawn, not its own.
fn read(
    path: &Path,
    model: Sequential,
    names: &[(&str, &str)],
    head: Option<(String, u64)>,
) -> Result<Network, ExportError> {
    let file = WeightsFile::read(path)?;
    let tensors = file.tensors()?;
    let layout = model.layout()?;
    let (head, drawn) = match head {
        Some((head, seed)) => (Some(head), layout.init(seed)),
        None => (None, Vec::new()),
    };
    let is_drawn = |tensor: &Tensor| {
        let mut head = head.iter();
        head.any(|head| tensor.name.starts_with(head))
    };
    let mut wanted = layout.tensors().to_vec();
    wanted.retain(|tensor| !is_drawn(tensor));
    check_names(&wanted, names, &tensors.names())?;
    let axes = axes(&model)?;
    // Each tensor of the model, turned from PyTorch's order.
    let mut params = Vec::with_capacity(layout.len());
    for (tensor, axes) in layout.tensors().iter().zip(axes) {
        if is_drawn(tensor) {
            params.extend(&drawn[tensor.range.clone()]);
            continue;
        }
        let theirs = names.iter().find(|(ours, _)| *ours == tensor.name);
        let (_, theirs) = theirs.expect("every tensor has a name in the map");
        let order = Order::of(tensor);
        let shape = order.shape(&tensor.shape);
        let whose = match order {
            Order::Same => format!(", for {}", tensor.name),
            _ => format!(", for {} of shape {:?} here", tensor.name, tensor.shape),
        };
        let values = file.values(&tensors, theirs, &shape, &whose)?;
        let mut turned = Vec::with_capacity(values.len());
        order.turn(&tensor.shape, &values, &mut turned);
        let last = tensor.shape.last().copied().unwrap_or(1);
        params.extend(axes.apply(last, turned));
    }
    Ok(Network::with_params(model, params)?)
}

/// Refuses names that are not the model's, and a map that does not name all of them.
fn check_names(
    tensors: &[Tensor],
    names: &[(&str, &str)],
    theirs: &[&str],
) -> Result<(), ExportError> {
    // Names on the left that the model does not have, or that come twice.
    let ours: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    for (at, (name, _)) in names.iter().enumerate() {
        let problem = if !ours.contains(name) {
            let meant = nearest(name, ours.iter().copied());
            let known = format!(
                "and the model has no such tensor, only {}",
                listed(ours.iter().copied())
            );
            known + &did_you_mean(meant)
        } else if names[..at].iter().any(|(before, _)| before == name) {
            "twice; leave one of the lines out".to_owned()
        } else {
            continue;
        };
        let name = (*name).to_owned();
        return Err(ExportError::MapLine { name, problem });
    }
    // Tensors of the model that no line names.
    let is_named = |name: &&str| !names.iter().any(|(ours, _)| ours == name);
    let missing: Vec<&str> = ours.into_iter().filter(is_named).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut unused: Vec<&str> = theirs.to_vec();
    unused.retain(|name| !names.iter().any(|(_, theirs)| theirs == name));
    unused.sort_unstable();
    Err(ExportError::Unmapped {
        missing: listed(missing.into_iter()),
        unused: if unused.is_empty() {
            "the lines name all that the file has".to_owned()
        } else {
            format!("no line names the file's {}", listed(unused.into_iter()))
        },
    })
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
