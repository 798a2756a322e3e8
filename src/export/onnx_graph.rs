//! The nodes and constants of an ONNX graph.

use crate::nn::Network;

use super::onnx_format::{Attribute, NodeProto, TensorProto};

/// A graph in the making: nodes, constants, and the next tensor of the network.
pub(super) struct Graph<'n> {
    network: &'n Network,
    next_tensor: usize,
    pub(super) nodes: Vec<NodeProto>,
    pub(super) constants: Vec<TensorProto>,
}

impl<'n> Graph<'n> {
    pub(super) fn new(network: &'n Network) -> Self {
        Self {
            network,
            next_tensor: 0,
            nodes: Vec::new(),
            constants: Vec::new(),
        }
    }

    /// A node with a fresh output, whose name it gives.
    pub(super) fn add(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        self.add_from("", kind, inputs, attributes)
    }

    /// The same by an operator of other ones than ONNX's own.
    pub(super) fn add_from(
        &mut self,
        domain: &str,
        kind: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) -> String {
        let output = format!("v{}", self.nodes.len());
        self.node(kind, inputs, &output, attributes);
        if let Some(node) = self.nodes.last_mut() {
            node.domain = domain.to_owned();
        }
        output
    }

    pub(super) fn node(
        &mut self,
        kind: &str,
        inputs: &[&str],
        output: &str,
        attributes: Vec<Attribute>,
    ) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.to_owned()],
            name: format!("n{}", self.nodes.len()),
            op_type: kind.to_owned(),
            attribute: attributes,
            domain: String::new(),
        });
    }

    /// The values of the next tensor of the model.
    pub(super) fn values(&mut self) -> Vec<f32> {
        let range = self.network.layout().tensors()[self.next_tensor]
            .range
            .clone();
        self.next_tensor += 1;
        self.network.params()[range].to_vec()
    }

    /// The shape of the next tensor of the model.
    pub(super) fn next_shape(&self) -> Vec<usize> {
        self.network.layout().tensors()[self.next_tensor]
            .shape
            .clone()
    }

    /// The next tensor of the model as it is.
    pub(super) fn weight(&mut self) -> String {
        let shape = self.next_shape();
        let values = self.values();
        self.floats(&shape, &values)
    }

    /// The next tensor, a kernel (KH, KW, C / groups, O), as (O, C / groups, KH, KW), or without KH
    /// for sequences; `channels` are those of a group.
    pub(super) fn kernel(
        &mut self,
        is_sequence: bool,
        height: usize,
        width: usize,
        channels: usize,
    ) -> String {
        let values = self.values();
        let window = height * width;
        let outputs = values.len() / (window * channels);
        let mut turned = Vec::with_capacity(values.len());
        for output in 0..outputs {
            for channel in 0..channels {
                let places = (0..window).map(|at| (at * channels + channel) * outputs + output);
                turned.extend(places.map(|place| values[place]));
            }
        }
        if is_sequence {
            self.floats(&[outputs, channels, width], &turned)
        } else {
            self.floats(&[outputs, channels, height, width], &turned)
        }
    }

    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(shape, 1, bytes)
    }

    pub(super) fn integers(&mut self, values: Vec<i64>) -> String {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(&[values.len()], 7, bytes)
    }

    pub(super) fn constant(
        &mut self,
        shape: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> String {
        let name = format!("c{}", self.constants.len());
        self.constants.push(TensorProto {
            dims: shape.iter().map(|&axis| axis as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data,
        });
        name
    }
}
