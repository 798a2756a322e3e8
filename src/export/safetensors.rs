//! Named tensors in a file of the safetensors format.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::input;
use crate::meant::nearest;
use crate::nn::{Difference, Network, Sequential};
use crate::output;

use super::error::ExportError;

/// What the files say of who wrote them.
pub(super) const PRODUCER: &str = "unisono";

/// Writes the weights by name, with `metadata`, the weights' fingerprint (`weights_sha256`) and the
/// model ([`Sequential::to_json`], as `architecture`), at once or not at all; what is no plain file is written through, and `-` is stdout.
///
/// Example: [`read_safetensors`].
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
    let (sha256, model) = (network.weights_sha256(), network.model().to_json());
    let metadata = metadata.iter().copied();
    let metadata: HashMap<String, String> = metadata
        .chain([
            ("producer", PRODUCER),
            (ExportError::HASH, &*sha256),
            (ExportError::ARCHITECTURE, &*model),
        ])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| failed(std::io::Error::other(error)))?;
    output::write(path, in_order(bytes)).map_err(failed)
}

/// The same file with its head's entries in order: the same weights are the same bytes each time.
fn in_order(mut file: Vec<u8>) -> Vec<u8> {
    type Head = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    let len = u64::from_le_bytes(*file.first_chunk().expect("a file begins with a length"));
    let head = &mut file[8..8 + len as usize];
    let entries: Head = serde_json::from_slice(head).expect("it was written just now");
    let text = serde_json::to_vec(&entries).expect("entries are plain values");
    // As long as before, but for the spaces at its end.
    let (front, end) = head.split_at_mut(text.len());
    front.copy_from_slice(&text);
    end.fill(b' ');
    file
}

/// A network of `model` with the weights in a file: one tensor of the same name and shape for each
/// of the model's, in f32, or in f16, bf16 or f64, which become f32.
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
/// [`ExportError::Read`]; [`ExportError::Weights`] if a tensor is missing, of another shape or
/// type, or too many, or the file says that they are of a model that computes something else, such
/// as another activation; [`ExportError::Hash`] if it has a fingerprint that is not that of its
/// weights.
pub fn read_safetensors(path: &Path, model: Sequential) -> Result<Network, ExportError> {
    WeightsFile::read(path)?.network(model)
}

/// The network in a file that says which model it is of, as those of [`write_safetensors`] do.
///
/// ```
/// use unisono::export::{read_network, write_safetensors};
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(3).dense(2), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-network-{}.safetensors", std::process::id()));
/// write_safetensors(&file, &network, &[])?;
/// assert_eq!(read_network(&file)?, network);
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`read_safetensors`]; [`ExportError::Weights`] for a file that does not say it.
pub fn read_network(path: &Path) -> Result<Network, ExportError> {
    let file = WeightsFile::read(path)?;
    file.tensors()?;
    let metadata = metadata(&file.bytes);
    let Some(model) = metadata.get(ExportError::ARCHITECTURE) else {
        let expected = "a file that says its model, as this crate writes it".to_owned();
        return Err(file.odd(expected, "one that does not".to_owned()));
    };
    file.network(Sequential::from_json(model)?)
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
    let mut file = input::open(path).map_err(failed)?;
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
        let bytes = input::read(path).map_err(ExportError::read(path))?;
        Ok(Self { path, bytes })
    }

    pub(super) fn tensors(&self) -> Result<SafeTensors<'_>, ExportError> {
        SafeTensors::deserialize(&self.bytes)
            .map_err(|error| self.odd("a file of safetensors".to_owned(), error.to_string()))
    }

    /// A network of `model` with its weights.
    fn network(&self, model: Sequential) -> Result<Network, ExportError> {
        let tensors = self.tensors()?;
        let metadata = metadata(&self.bytes);
        if let Some(written) = metadata.get(ExportError::ARCHITECTURE)
            && let Some(Difference { expected, got }) = model.difference(written)?
        {
            return Err(self.odd(format!("weights of a model with {expected}"), got));
        }
        let layout = model.layout()?;
        let mut params = Vec::with_capacity(layout.len());
        for tensor in layout.tensors() {
            params.extend(self.values(&tensors, &tensor.name, &tensor.shape, "")?);
        }
        if tensors.len() != layout.tensors().len() {
            let count = |len: usize| format!("{len} tensors");
            return Err(self.odd(count(layout.tensors().len()), count(tensors.len())));
        }
        let network = Network::with_params(model, params)?;
        if let Some(expected) = metadata.get(ExportError::HASH) {
            let got = network.weights_sha256();
            if *expected != got {
                return Err(ExportError::Hash {
                    path: self.path.to_owned(),
                    expected: expected.clone(),
                    got,
                });
            }
        }
        Ok(network)
    }

    /// The values of a tensor of this shape; `whose` is added to what was expected of it.
    pub(super) fn values(
        &self,
        tensors: &SafeTensors<'_>,
        name: &str,
        shape: &[usize],
        whose: &str,
    ) -> Result<Vec<f32>, ExportError> {
        let expected = || format!("{name} of shape {shape:?}{whose}");
        // A tensor of this name,
        let Ok(found) = tensors.tensor(name) else {
            let names = tensors.names();
            let got = match nearest(name, names.iter().copied()) {
                Some(meant) => format!("no tensor of that name (is {meant} meant?)"),
                None => format!("no tensor of that name, only {}", sorted(names)),
            };
            return Err(self.odd(expected(), got));
        };
        // of this shape,
        if found.shape() != shape {
            return Err(self.odd(expected(), format!("shape {:?}", found.shape())));
        }
        // and of numbers that f32 can hold.
        let values = floats(found.dtype(), found.data()).ok_or_else(|| {
            let expected = format!("{} in f32, f16, bf16 or f64", expected());
            self.odd(expected, format!("{:?}", found.dtype()))
        })?;
        let is_lost = |value: &&f32| found.dtype() == Dtype::F64 && value.is_infinite();
        match values.iter().find(is_lost) {
            Some(_) => {
                let expected = format!("{} of numbers that f32 can hold", expected());
                Err(self.odd(expected, "larger ones".to_owned()))
            }
            None => Ok(values),
        }
    }

    pub(super) fn odd(&self, expected: String, got: String) -> ExportError {
        ExportError::Weights {
            path: self.path.to_owned(),
            expected,
            got,
        }
    }
}

/// As `f32`; `None` for what are no floating-point numbers of 2, 4 or 8 bytes.
fn floats(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let halves = || {
        let pairs = bytes.as_chunks::<2>().0.iter();
        pairs.map(|&pair| u16::from_le_bytes(pair))
    };
    Some(match dtype {
        Dtype::F32 => {
            let values = bytes.as_chunks::<4>().0.iter();
            values.map(|&value| f32::from_le_bytes(value)).collect()
        }
        Dtype::F64 => {
            let values = bytes.as_chunks::<8>().0.iter();
            values
                .map(|&value| f64::from_le_bytes(value) as f32)
                .collect()
        }
        Dtype::BF16 => halves()
            .map(|half| f32::from_bits(u32::from(half) << 16))
            .collect(),
        Dtype::F16 => halves().map(half).collect(),
        _ => return None,
    })
}

/// The value of a half-precision number (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = ((bits >> 10) & 0x1f, f32::from(bits & 0x3ff));
    let size = match exponent {
        // 2^-24 a step.
        0 => fraction * f32::from_bits((127 - 24) << 23),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * f32::from_bits((u32::from(exponent) + 127 - 15) << 23),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn sorted(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    listed(names.into_iter())
}

/// The first of them, and how many there are.
pub(super) fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const MOST: usize = 12;
    let count = names.len();
    let first: Vec<&str> = names.take(MOST).collect();
    if count > MOST {
        format!("{} and {} more", first.join(", "), count - MOST)
    } else {
        first.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_numbers_that_they_stand_for() {
        // numpy: np.array([...], "f2").view("u2")
        let known = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x83ff, -6.097_555e-5),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
        let bf16 = floats(Dtype::BF16, &[0x80, 0x3f, 0x49, 0xc0]);
        assert_eq!(bf16, Some(vec![1.0, -3.140_625]));
        assert_eq!(floats(Dtype::I64, &[0; 8]), None);
    }
}
