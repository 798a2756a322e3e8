//! A replica's model at work, and the buffers around it.

use crate::nn::core::{BackwardArgs, BlockContext, Destinations, Grads, Layer, Workspace};
use crate::nn::kernel::Buffer;
use crate::nn::layers::{Sequential, SequentialLayer};
use crate::nn::loss::TargetKind;

/// The model and the buffers around it.
#[derive(Debug)]
pub(super) struct ModelState {
    pub(super) layer: SequentialLayer,
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

impl ModelState {
    /// Writes the gradient of each of `context.nodes`.
    pub(super) fn backward(
        &mut self,
        params: &[f32],
        context: &BlockContext<'_>,
        to: &mut dyn Destinations,
    ) {
        let (x, y) = (context.rows * self.widths.0, context.rows * self.widths.1);
        let args = BackwardArgs {
            params,
            x: &self.x[..x],
            y: &self.y[..y],
            dy: &mut self.dy[..y],
            dx: None,
        };
        let mut grads = Grads::new(to, 0..params.len(), &mut self.workspace);
        let context = BlockContext {
            mask: self.model.has_padding().then_some(&self.mask),
            ..*context
        };
        self.layer.backward(&context, args, &mut grads);
    }
}
