//! Errors of files of weights.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::nn::NnError;

/// Why weights cannot be written or read.
///
/// ```
/// use unisono::export::{ExportError, read_safetensors};
/// use unisono::nn::Sequential;
/// let error = read_safetensors("no.safetensors".as_ref(), Sequential::new(2).dense(1)).unwrap_err();
/// assert!(matches!(error, ExportError::Read { .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}; make room, or choose another place", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file holds other weights than the model has, or none.
    #[error("{}: expected {expected}, got {got}; give the weights of this model", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What the model needs.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A map of names with a line that is no tensor of the model's, or two for the same.
    #[error("the map names {name:?}, {problem}")]
    MapLine {
        /// The tensor, as the map names it.
        name: String,
        /// What is wrong with it, and what may be meant.
        problem: String,
    },
    /// Tensors of the model that a map of names leaves out.
    #[error("the map has no line for {missing} of the model; {unused}")]
    Unmapped {
        /// Their names.
        missing: String,
        /// What the file has that no line names.
        unused: String,
    },
    /// A layer behind which nobody knows where PyTorch's values lie.
    #[error(
        "layer {place} mixes channels and positions in an order that PyTorch's model may not share; flatten before it, or give weights in \
         this crate's own order, without a map"
    )]
    Order {
        /// Its place in the model.
        place: String,
    },
    /// Weights that are not those which the file was written with.
    #[error("{} holds weights with sha256 {got}, it was written with {expected}: it was changed or damaged; take a copy that is whole, or leave out {HASH} from its metadata if the change was meant", path.display(), HASH = ExportError::HASH)]
    Hash {
        /// The file.
        path: PathBuf,
        /// The fingerprint that it was written with.
        expected: String,
        /// That of its weights.
        got: String,
    },
    /// A layer that the format has no words for here.
    #[error(
        "layer {place} ({layer}) cannot be written as ONNX; export the weights as safetensors or npz"
    )]
    Layer {
        /// Its place, from 0.
        place: String,
        /// Its name.
        layer: &'static str,
    },
    /// A model that passes over padding.
    #[error(
        "a model that passes over padding cannot be written as ONNX; export the weights as safetensors or npz, or build the model without"
    )]
    Padding,
    /// The model cannot be built.
    #[error(transparent)]
    Model(#[from] NnError),
}

impl ExportError {
    /// The name of the weights' fingerprint in a file's metadata.
    pub(crate) const HASH: &str = "weights_sha256";

    /// The name of the model that the weights are of, in the same place.
    pub(crate) const ARCHITECTURE: &str = "architecture";

    pub(super) fn read(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| ExportError::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + Copy + '_ {
        |source| ExportError::Write {
            path: path.to_owned(),
            source,
        }
    }
}
