//! Named tensors in a file of the safetensors format.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::nn::{Network, Sequential};
use crate::output;

use super::error::ExportError;

/// What the files say of who wrote them.
pub(super) const PRODUCER: &str = "unisono";

/// Writes the weights by name, with `metadata` and the weights' fingerprint (`weights_sha256`), at once or not at all; what is no plain file is written through, and `-` is stdout.
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
    let sha256 = network.weights_sha256();
    let metadata = metadata.iter().copied();
    let metadata: HashMap<String, String> = metadata
        .chain([("producer", PRODUCER), (ExportError::HASH, &*sha256)])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    output::write(path, bytes).map_err(failed)
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
/// [`ExportError::Read`]; [`ExportError::Weights`] if a tensor is missing, of another shape or type, or too many; [`ExportError::Hash`] if the file
/// has a fingerprint that is not that of its weights.
pub fn read_safetensors(path: &Path, model: Sequential) -> Result<Network, ExportError> {
    let file = WeightsFile::read(path)?;
    let tensors = file.tensors()?;
    let layout = model.layout()?;
    let mut params = Vec::with_capacity(layout.len());
    for tensor in layout.tensors() {
        params.extend(file.values(&tensors, (&tensor.name, &tensor.shape), "")?);
    }
    if tensors.len() != layout.tensors().len() {
        let count = |len: usize| format!("{len} tensors");
        return Err(file.odd(count(layout.tensors().len()), count(tensors.len())));
    }
    let metadata = metadata(&file.bytes);
    let network = Network::with_params(model, params)?;
    if let Some(expected) = metadata.get(ExportError::HASH) {
        let got = network.weights_sha256();
        if *expected != got {
            return Err(ExportError::Hash {
                path: path.to_owned(),
                expected: expected.clone(),
                got,
            });
        }
    }
    Ok(network)
}

/// What a file says of itself: the texts of its `__metadata__`.
///
/// ```
/// use unisono::export::{read_metadata, write_safetensors};
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(3).dense(2), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-metadata-{}.safetensors", std::process::id()));
/// write_safetensors(&file, &network, &[("format", "pt")])?;
/// let metadata = read_metadata(&file)?;
/// assert_eq!((&*metadata["format"], metadata["weights_sha256"].clone()), ("pt", network.weights_sha256()));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError::Read`].
pub fn read_metadata(path: &Path) -> Result<HashMap<String, String>, ExportError> {
    let failed = ExportError::read(path);
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    let taken = Read::by_ref(&mut file).take(8).read_to_end(&mut head);
    taken.map_err(failed)?;
    let len = head.first_chunk().map_or(0, |len| u64::from_le_bytes(*len));
    // No more than there is, whatever the length says.
    file.take(len).read_to_end(&mut head).map_err(failed)?;
    Ok(metadata(&head))
}

/// The texts in the head of a file; none where there is no head.
fn metadata(bytes: &[u8]) -> HashMap<String, String> {
    let head = || {
        let len = u64::from_le_bytes(*bytes.first_chunk()?);
        let end = usize::try_from(len).ok()?.checked_add(8)?;
        let head: serde_json::Value = serde_json::from_slice(bytes.get(8..end)?).ok()?;
        serde_json::from_value(head["__metadata__"].clone()).ok()
    };
    head().unwrap_or_default()
}

/// A file of safetensors, read.
pub(super) struct WeightsFile<'p> {
    path: &'p Path,
    bytes: Vec<u8>,
}

impl<'p> WeightsFile<'p> {
    pub(super) fn read(path: &'p Path) -> Result<Self, ExportError> {
        let bytes = std::fs::read(path).map_err(ExportError::read(path))?;
        Ok(Self { path, bytes })
    }

    pub(super) fn tensors(&self) -> Result<SafeTensors<'_>, ExportError> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| self.odd("a file of safetensors".to_owned(), error.to_string()))
    }

    /// The values of a tensor of this shape; `whose` is added to what was expected of it.
    pub(super) fn values(
        &self,
        tensors: &SafeTensors<'_>,
        (name, shape): (&str, &[usize]),
        whose: &str,
    ) -> Result<Vec<f32>, ExportError> {
        let expected = || format!("{name} of shape {shape:?} in f32{whose}");
        let found = tensors
            .tensor(name)
            .map_err(|_| self.odd(expected(), "no tensor of that name".to_owned()))?;
        if found.shape() != shape || found.dtype() != Dtype::F32 {
            let got = format!("shape {:?} in {:?}", found.shape(), found.dtype());
            return Err(self.odd(expected(), got));
        }
        let values = found.data().as_chunks::<4>().0.iter();
        Ok(values.map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    pub(super) fn odd(&self, expected: String, got: String) -> ExportError {
        ExportError::Weights {
            path: self.path.to_owned(),
            expected,
            got,
        }
    }
}
