//! A model at work: its stages, its activations, forward and backward over a block of rows.
//!
//! # Buffers
//! Each dense layer writes a buffer of its own. An activation works in place, on the output of the dense layer before
//! it (which does not need its own output for backward); only after another activation, or on the input, it gets a copy.

use std::ops::Range;

use super::kernel::Isa;
use super::spec::{LayerSpec, Sequential};
use super::{Activation, Dense};

/// One stage; the numbers are those of the buffers read and written.
#[derive(Debug)]
enum Stage {
    Dense {
        layer: Box<Dense>,
        params: Range<usize>,
        buffers: (usize, usize),
    },
    Activation {
        function: Activation,
        buffers: (usize, usize),
    },
}

/// Where gradients of tree nodes go.
pub(super) trait Destinations {
    /// The whole gradient buffer of node `which`.
    fn grad(&mut self, which: usize) -> &mut [f32];
}

/// The stages of a model with their activations.
#[derive(Debug)]
pub(super) struct Stages {
    stages: Vec<Stage>,
    /// Values a row in each buffer; buffer 0 is the input.
    widths: Vec<usize>,
    buffers: Vec<Vec<f32>>,
    /// Gradients with respect to the buffer at work, and to the one before it.
    grads: [Vec<f32>; 2],
    rows: usize,
}

impl Stages {
    pub(super) fn new(model: &Sequential, isa: Isa) -> Self {
        let mut stages = Vec::new();
        let mut widths = vec![model.inputs()];
        let mut start = 0;
        let mut after_dense = false;
        for layer in model.layers() {
            let from = widths.len() - 1;
            let inputs = widths[from];
            match *layer {
                LayerSpec::Dense { outputs, .. } => {
                    let layer = Box::new(Dense::new(inputs, outputs, isa));
                    let params = start..start + layer.num_params();
                    start = params.end;
                    widths.push(outputs);
                    stages.push(Stage::Dense {
                        layer,
                        params,
                        buffers: (from, from + 1),
                    });
                    after_dense = true;
                }
                LayerSpec::Activation(function) => {
                    let to = if after_dense { from } else { from + 1 };
                    if !after_dense {
                        widths.push(inputs);
                    }
                    stages.push(Stage::Activation {
                        function,
                        buffers: (from, to),
                    });
                    after_dense = false;
                }
            }
        }
        let buffers = widths.iter().map(|_| Vec::new()).collect();
        Self {
            stages,
            widths,
            buffers,
            grads: [Vec::new(), Vec::new()],
            rows: 0,
        }
    }

    /// Makes room for `rows` rows and returns the input buffer to fill.
    pub(super) fn input(&mut self, rows: usize) -> &mut [f32] {
        self.rows = rows;
        for (buffer, width) in self.buffers.iter_mut().zip(&self.widths) {
            grow(buffer, rows * width);
        }
        &mut self.buffers[0][..rows * self.widths[0]]
    }

    /// The model's outputs, after [`Stages::forward`].
    pub(super) fn output(&self) -> &[f32] {
        let last = self.widths.len() - 1;
        &self.buffers[last][..self.rows * self.widths[last]]
    }

    /// The outputs, and the gradient with respect to them, to be filled by the loss before [`Stages::backward`].
    pub(super) fn output_and_grad(&mut self) -> (&[f32], &mut [f32]) {
        let widest = self.widths.iter().copied().max().unwrap_or(0);
        self.grads
            .iter_mut()
            .for_each(|grad| grow(grad, self.rows * widest));
        let last = self.widths.len() - 1;
        let len = self.rows * self.widths[last];
        (&self.buffers[last][..len], &mut self.grads[0][..len])
    }

    /// Tells every layer that the parameters have changed.
    pub(super) fn params_changed(&mut self) {
        for stage in &mut self.stages {
            if let Stage::Dense { layer, .. } = stage {
                layer.params_changed();
            }
        }
    }

    /// Computes the outputs from the inputs.
    pub(super) fn forward(&mut self, all_params: &[f32]) {
        let rows = self.rows;
        for stage in &mut self.stages {
            let (Stage::Dense { buffers, .. } | Stage::Activation { buffers, .. }) = &*stage;
            let (from, to) = *buffers;
            let (before, after) = self.buffers.split_at_mut(from + 1);
            let x = &mut before[from][..rows * self.widths[from]];
            match stage {
                Stage::Dense { layer, params, .. } => {
                    layer.forward(
                        &all_params[params.clone()],
                        x,
                        &mut after[0][..rows * self.widths[to]],
                    );
                }
                Stage::Activation { function, .. } if from == to => function.forward(x),
                Stage::Activation { function, .. } => {
                    let y = &mut after[0][..x.len()];
                    y.copy_from_slice(x);
                    function.forward(y);
                }
            }
        }
    }

    /// Computes the gradient of each node from that of the outputs. `nodes` are ranges of `shards`, and `shards`
    /// ranges of the block's rows.
    pub(super) fn backward(
        &mut self,
        all_params: &[f32],
        (shards, nodes): (&[Range<usize>], &[Range<usize>]),
        to: &mut impl Destinations,
    ) {
        let rows = self.rows;
        let first_dense = self
            .stages
            .iter()
            .position(|stage| matches!(stage, Stage::Dense { .. }));
        for (position, stage) in self.stages.iter_mut().enumerate().rev() {
            let [grad, next] = &mut self.grads;
            match stage {
                Stage::Activation {
                    function,
                    buffers: (_, y),
                } => {
                    let len = rows * self.widths[*y];
                    function.backward(&self.buffers[*y][..len], &mut grad[..len]);
                }
                Stage::Dense {
                    layer,
                    params,
                    buffers: (x, y),
                } => {
                    let dy = &grad[..rows * self.widths[*y]];
                    layer.pack_gradient(&self.buffers[*x][..rows * self.widths[*x]], dy);
                    for (which, node) in nodes.iter().enumerate() {
                        layer.gradient(&shards[node.clone()], &mut to.grad(which)[params.clone()]);
                    }
                    if first_dense == Some(position) {
                        return;
                    }
                    layer.backward(
                        &all_params[params.clone()],
                        dy,
                        &mut next[..rows * self.widths[*x]],
                    );
                    self.grads.swap(0, 1);
                }
            }
        }
    }
}

fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}
