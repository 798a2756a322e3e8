//! A replica's model at work, and the buffers around it.

use crate::nn::core::{Destinations, Grads, Layer, Pass, Tape, Workspace};
use crate::nn::kernel::Buffer;
use crate::nn::layers::{Sequential, Stages};
use crate::nn::loss::TargetKind;

/// The model and the buffers around it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) stages: Stages,
    pub(super) workspace: Workspace,
    pub(super) kind: TargetKind,
    /// Values a row, in and out.
    pub(super) widths: (usize, usize),
    pub(super) x: Buffer,
    pub(super) y: Buffer,
    pub(super) dy: Buffer,
    pub(super) classes: Vec<u32>,
    pub(super) values: Buffer,
    /// The model's own rule for padding, and where it applies in the block.
    pub(super) model: Sequential,
    pub(super) mask: Vec<bool>,
}

impl Work {
    /// Writes the gradient of each of `pass.nodes`.
    pub(super) fn backward(&mut self, params: &[f32], pass: &Pass<'_>, to: &mut dyn Destinations) {
        let (x, y) = (pass.rows * self.widths.0, pass.rows * self.widths.1);
        let tape = Tape {
            params,
            x: &self.x[..x],
            y: &self.y[..y],
            dy: &mut self.dy[..y],
            dx: None,
        };
        let mut grads = Grads::new(to, 0..params.len(), &mut self.workspace);
        let pass = Pass {
            mask: self.model.has_padding().then_some(&self.mask),
            ..*pass
        };
        self.stages.backward(&pass, tape, &mut grads);
    }
}
