//! Files of whole models as ONNX: the graph, and what is said of it.

use std::path::Path;

use prost::Message;

use crate::nn::Network;
use crate::output;

use super::error::ExportError;
use super::onnx::Value;
use super::onnx_format::{GraphProto, ModelProto, OperatorSet, Property, ValueInfo};
use super::onnx_graph::Graph;
use super::onnx_scale::OutputScale;
use super::safetensors::PRODUCER;

/// The version of the operators.
const OPSET: i64 = 17;

/// Writes the model with its weights, at once or not at all (what is no plain file is written
/// through, and `-` is stdout): input `x` of shape (rows, ...), output `y`.
///
/// ```
/// use unisono::{export::write_onnx, nn::{Network, Sequential}};
/// let network = Network::new(Sequential::new(3).dense(2).relu(), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-{}.onnx", std::process::id()));
/// write_onnx(&file, &network)?;
/// assert!(std::fs::read(&file)?.windows(6).any(|bytes| bytes == b"MatMul"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ExportError::Layer`] for a layer without a formula (a user's own may have none);
/// [`ExportError::Padding`] for a model that passes over padding; [`ExportError::Write`].
pub fn write_onnx(path: &Path, network: &Network) -> Result<(), ExportError> {
    write_onnx_described(path, network, None, &[])
}

/// The same, with outputs in other units: those of a regression's targets, which were standardised
/// for the training.
///
/// ```
/// use unisono::export::{OutputScale, write_onnx_scaled};
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(3).dense(1), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-scaled-{}.onnx", std::process::id()));
/// let scale = OutputScale { factors: vec![1000.0], summands: vec![250_000.0] };
/// write_onnx_scaled(&file, &network, &scale)?;
/// assert!(std::fs::read(&file)?.windows(3).any(|bytes| bytes == b"Mul"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_onnx`].
///
/// # Panics
/// If there is not one factor and one summand for each output.
pub fn write_onnx_scaled(
    path: &Path,
    network: &Network,
    scale: &OutputScale,
) -> Result<(), ExportError> {
    write_onnx_described(path, network, Some(scale), &[])
}

/// The same, with a scale or without, and with texts by name that say more of the model: its
/// `metadata_props`.
///
/// ```
/// use unisono::{export::write_onnx_described, nn::{Network, Sequential}};
/// let network = Network::new(Sequential::new(3).dense(2), 42)?;
/// let file = std::env::temp_dir().join(format!("unisono-described-{}.onnx", std::process::id()));
/// write_onnx_described(&file, &network, None, &[("class_names", "[\"no\", \"yes\"]")])?;
/// assert!(std::fs::read(&file)?.windows(11).any(|bytes| bytes == b"class_names"));
/// # std::fs::remove_file(file)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_onnx`].
///
/// # Panics
/// If there is a scale without one factor and one summand for each output.
pub fn write_onnx_described(
    path: &Path,
    network: &Network,
    scale: Option<&OutputScale>,
    metadata: &[(&str, &str)],
) -> Result<(), ExportError> {
    let model = network.model();
    if model.has_padding() {
        return Err(ExportError::Padding);
    }
    // Nodes and constants, layer by layer.
    let mut graph = Graph::new(network);
    let input = Value {
        name: String::from("x"),
        shape: model.input_shape().clone(),
    };
    let output = graph.layers(model.layers(), input, "")?;
    match scale {
        None => graph.node("Identity", &[&output.name], "y", Vec::new()),
        Some(scale) => graph.scaled(scale, &output.name, &output.shape),
    }
    // Their file.
    let file = ModelProto {
        ir_version: 8,
        producer_name: PRODUCER.to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(GraphProto {
            node: graph.nodes,
            name: "model".to_owned(),
            initializer: graph.constants,
            input: vec![ValueInfo::rows("x", model.input_shape().axes())],
            output: vec![ValueInfo::rows("y", output.shape.axes())],
        }),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: metadata
            .iter()
            .map(|(key, value)| Property::new(key, value))
            .collect(),
    };
    output::write(path, file.encode_to_vec()).map_err(ExportError::write(path))
}
