//! Files of whole models as ONNX: the graph, and what is said of it.

use std::path::Path;

use prost::Message;

use crate::nn::Network;
use crate::output;

use super::error::ExportError;
use super::onnx::Value;
use super::onnx_format::{Element, GraphProto, ModelProto, OperatorSet, Property, ValueInfo};
use super::onnx_graph::Graph;
use super::onnx_rows::RawRows;
use super::onnx_scale::OutputScale;
use super::safetensors::PRODUCER;

/// The versions of the operators: ONNX's own, and those of classical machine learning.
const OPSETS: [(&str, i64); 2] = [("", 17), ("ai.onnx.ml", 3)];

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
    let parts = OnnxParts {
        rows: None,
        scale,
        metadata,
    };
    write_onnx_whole(path, network, &parts)
}

/// What stands around a model in a file.
///
/// Example: [`RawRows`].
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxParts<'a> {
    /// How rows of files become rows of the model; without it those go in.
    pub rows: Option<&'a RawRows>,
    /// What outputs are scaled with.
    pub scale: Option<&'a OutputScale>,
    /// Texts by name that say more of the model.
    pub metadata: &'a [(&'a str, &'a str)],
}

/// The same with nodes that prepare rows as files have them.
///
/// Example: [`RawRows`].
///
/// # Errors
/// As [`write_onnx`].
///
/// # Panics
/// If there is a scale without one factor and one summand for each output, or rows that have not as
/// many inputs as the model.
pub fn write_onnx_whole(
    path: &Path,
    network: &Network,
    parts: &OnnxParts<'_>,
) -> Result<(), ExportError> {
    let model = network.model();
    if model.has_padding() {
        return Err(ExportError::Padding);
    }
    // Nodes and constants, layer by layer.
    let mut graph = Graph::new(network);
    let shape = model.input_shape();
    let (inputs, input) = match parts.rows {
        Some(rows) => (rows.inputs(), graph.prepared(rows, shape)),
        None => {
            let plain = ValueInfo::rows("x", Element::Single, shape.axes());
            let (name, shape) = ("x".to_owned(), shape.clone());
            (vec![plain], Value { name, shape })
        }
    };
    let output = graph.layers(model.layers(), input, "")?;
    match parts.scale {
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
            input: inputs,
            output: vec![ValueInfo::rows("y", Element::Single, output.shape.axes())],
        }),
        opset_import: OPSETS
            .iter()
            .map(|&(domain, version)| OperatorSet {
                domain: domain.to_owned(),
                version,
            })
            .collect(),
        metadata_props: parts
            .metadata
            .iter()
            .map(|(key, value)| Property::new(key, value))
            .collect(),
    };
    output::write(path, file.encode_to_vec()).map_err(ExportError::write(path))
}
