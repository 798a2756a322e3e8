//! Named tensors in a file of the safetensors format.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::nn::{Network, Sequential};

use super::error::ExportError;

/// Writes the weights by name, with `metadata`, at once or not at all.
///
/// # Errors
/// [`ExportError::Write`].
pub fn write_safetensors(
    path: &Path,
    network: &Network,
    metadata: &[(&str, &str)],
) -> Result<(), ExportError> {
    let failed = ExportError::write(path);
    let mut at = 0;
    let mut tensors = Vec::new();
    for tensor in network.layout().tensors() {
        let len: usize = tensor.shape.iter().product();
        let bytes = bytemuck::cast_slice(&network.params()[at..at + len]);
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
            .expect("a tensor has as many values as its shape says");
        tensors.push((tensor.name.clone(), view));
        at += len;
    }
    let metadata = metadata.iter().copied();
    let metadata: HashMap<String, String> = metadata
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    let write = || {
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(&bytes)?;
        file.commit()
    };
    write().map_err(failed)
}

/// A network of `model` with the weights in a file: one `f32` tensor of the same name and shape for each of the model's.
///
/// ```
/// use unisono::export::{read_safetensors, write_safetensors};
/// use unisono::nn::{Network, Sequential};
/// let model = Sequential::new(3).dense(2);
/// let network = Network::new(model.clone(), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-{}.safetensors", std::process::id()));
/// write_safetensors(&file, &network, &[("format", "pt")])?;
/// assert_eq!(read_safetensors(&file, model)?.params(), network.params());
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError::Read`]; [`ExportError::Weights`] if a tensor is missing, of another shape or type, or too many.
pub fn read_safetensors(path: &Path, model: Sequential) -> Result<Network, ExportError> {
    let odd = |expected: String, got: String| ExportError::Weights {
        path: path.to_owned(),
        expected,
        got,
    };
    let bytes = std::fs::read(path).map_err(ExportError::read(path))?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| odd("a file of safetensors".to_owned(), error.to_string()))?;
    let layout = model.layout()?;
    let mut params = Vec::with_capacity(layout.num_params());
    for tensor in layout.tensors() {
        let expected = || format!("{} of shape {:?} in f32", tensor.name, tensor.shape);
        let found = tensors
            .tensor(&tensor.name)
            .map_err(|_| odd(expected(), "no tensor of that name".to_owned()))?;
        if found.shape() != tensor.shape || found.dtype() != Dtype::F32 {
            let got = format!("shape {:?} in {:?}", found.shape(), found.dtype());
            return Err(odd(expected(), got));
        }
        let values = found.data().as_chunks::<4>().0.iter();
        params.extend(values.map(|&bytes| f32::from_le_bytes(bytes)));
    }
    if tensors.len() != layout.tensors().len() {
        let count = |len: usize| format!("{len} tensors");
        return Err(odd(count(layout.tensors().len()), count(tensors.len())));
    }
    Ok(Network::with_params(model, params)?)
}
