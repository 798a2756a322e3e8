//! Export of weights and models for other programs, and import of weights.
//!
//! | file | what |
//! |---|---|
//! | `safetensors` | named tensors, as PyTorch, JAX and others read them; [`read_safetensors`] takes them back |
//! | `npz` | the same for NumPy |
//! | `torch`, `torch_order` | weights that PyTorch wrote, by a map of names; where its channels come first |
//! | `onnx`, `onnx_sequence`, `onnx_graph`, `onnx_format`, `onnx_file` | whole models, for onnxruntime |
//! | `onnx_rows`, `onnx_scale` | rows as files have them, and outputs in the units of targets |

mod error;
mod npz;
mod onnx;
mod onnx_file;
mod onnx_format;
mod onnx_graph;
mod onnx_rows;
mod onnx_scale;
mod onnx_sequence;
mod safetensors;
mod torch;
mod torch_order;

pub use error::ExportError;
pub use npz::write_npz;
pub use onnx_file::{
    OnnxParts, write_onnx, write_onnx_described, write_onnx_scaled, write_onnx_whole,
};
pub use onnx_rows::{RawCells, RawColumn, RawNumbers, RawRows};
pub use onnx_scale::OutputScale;
pub use safetensors::{read_metadata, read_network, read_safetensors, write_safetensors};
pub use torch::{read_torch, read_torch_body};
