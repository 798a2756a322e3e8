//! A replica's model at work, and the buffers around it.

use std::ops::Range;

use crate::engine::Sums;
use crate::nn::core::{BackwardArgs, BlockContext, Destinations, Grads, Layer, Workspace};
use crate::nn::kernel::Buffer;
use crate::nn::layers::{Sequential, SequentialLayer};
use crate::nn::loss::{Criterion, TargetKind, Targets};

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
    /// How much each row counts in the loss, where rows have weights.
    pub(super) weights: Vec<f32>,
    pub(super) is_weighted: bool,
    /// The model's own rule for padding, and where it applies in the block.
    pub(super) model: Sequential,
    pub(super) mask: Vec<bool>,
}

impl ModelState {
    /// The targets of some rows of the block.
    fn targets(&self, rows: &Range<usize>) -> Targets<'_> {
        match self.kind {
            TargetKind::Classes { per_row, .. } => {
                Targets::Classes(&self.classes[rows.start * per_row..rows.end * per_row])
            }
            TargetKind::Values(width) => {
                Targets::Values(&self.values[rows.start * width..rows.end * width])
            }
        }
    }

    /// The loss of some rows of the block, each times its weight; with `Gradient::Wanted` its
    /// gradient is left in `dy`.
    ///
    /// Rows, correct ones and errors are counted without the weights: they are metrics.
    pub(super) fn loss(
        &mut self,
        criterion: &dyn Criterion,
        rows: Range<usize>,
        gradient: Gradient,
    ) -> Sums {
        let mut dy = std::mem::take(&mut self.dy);
        let len = self.y.len();
        let mut of = |rows: Range<usize>| {
            let outputs = rows.start * self.widths.1..rows.end * self.widths.1;
            let mut grad = match gradient {
                Gradient::Wanted => Some(&mut dy.grow(len)[outputs.clone()]),
                Gradient::No => None,
            };
            if let (Some(grad), false) = (&mut grad, criterion.fills_gradient()) {
                grad.fill(0.0);
            }
            let (targets, shape) = (self.targets(&rows), self.layer.output());
            let sums = criterion.sums(&self.y[outputs], shape, targets, grad.as_deref_mut());
            let weight = self.weights.get(rows.start).filter(|_| self.is_weighted);
            match weight {
                Some(&weight) => weighted(sums, weight, grad),
                None => sums,
            }
        };
        let sums = match self.is_weighted {
            true => rows.map(|row| of(row..row + 1)).sum(),
            false => of(rows),
        };
        self.dy = dy;
        sums
    }

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

/// Whether the loss's gradient is computed too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gradient {
    Wanted,
    No,
}

/// What a row of this weight adds to loss and gradient; one of weight 0 nothing, whatever it is.
fn weighted(sums: Sums, weight: f32, grad: Option<&mut [f32]>) -> Sums {
    if let Some(grad) = grad {
        match weight {
            0.0 => grad.fill(0.0),
            weight => grad.iter_mut().for_each(|g| *g *= weight),
        }
    }
    let times = |value: f64| match weight {
        0.0 => 0.0,
        weight => value * f64::from(weight),
    };
    Sums {
        loss: times(sums.loss),
        weight: times(sums.weight),
        ..sums
    }
}
