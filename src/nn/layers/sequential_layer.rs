//! Layers one after another, at work: their activations, forward and backward over a block of rows.
//!
//! # Buffers
//! A layer writes a buffer of its own; the first reads the block's input and the last writes the
//! block's output. An in-place layer overwrites the buffer of the layer before it, if that one does
//! not need its own output for backward; else a copy goes before it. A view (reshape) does nothing
//! at all. Gradients alternate between two buffers, which are borrowed.
//!
//! A block without rows (fewer rows than shards, or more workers than shards) runs no layer, except
//! those that meet the other workers.

use std::ops::Range;

use super::reshape::Copy;
use crate::nn::core::{
    BackwardArgs, BlockContext, Build, FactorShape, Flops, Grads, Layer, Properties, Spec,
    TensorSpec,
};
use crate::nn::error::NnError;
use crate::nn::kernel::Buffer;
use crate::nn::shape::Shape;

/// A buffer of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Input,
    Own(usize),
    Output,
}

#[derive(Debug)]
struct Stage {
    layer: Box<dyn Layer>,
    /// The layer's, but that one in place reads its output and overwrites the gradient.
    properties: Properties,
    name: String,
    params: Range<usize>,
    /// Buffers and values a row, in and out.
    from: (Place, usize),
    to: (Place, usize),
}

impl Stage {
    fn is_in_place(&self) -> bool {
        self.from.0 == self.to.0
    }
}

/// Layers with their activations.
#[derive(Debug)]
pub(in crate::nn) struct SequentialLayer {
    stages: Vec<Stage>,
    output: Shape,
    properties: Properties,
    own: Vec<Buffer>,
    widest: usize,
    /// Before this stage nobody has parameters: backward may end here.
    first_trained: usize,
    /// Before this stage are views alone: it gives the gradient of the input.
    first_writer: usize,
}

impl SequentialLayer {
    /// Builds `specs` for rows of shape `input`.
    pub(in crate::nn) fn new(
        specs: &[std::sync::Arc<dyn Spec>],
        input: &Shape,
        build: &mut Build,
    ) -> Result<Self, NnError> {
        let outer = std::mem::take(&mut build.place);
        let mut layers: Vec<(Box<dyn Layer>, String)> = Vec::new();
        let mut shape = input.clone();
        for (index, spec) in specs.iter().enumerate() {
            let comma = if outer.is_empty() { "" } else { ", " };
            build.place = format!("{outer}{comma}{index} ({})", spec.name());
            if shape.is_empty() {
                return Err(build.refuse("rows with at least 1 value", shape));
            }
            let layer = spec.build(&shape, build)?;
            shape = layer.output().clone();
            layers.push((layer, format!("{}{index}", spec.name())));
        }
        build.place = outer;
        Ok(Self::plan(layers, input, shape))
    }

    /// Decides who reads and writes which buffer.
    fn plan(mut layers: Vec<(Box<dyn Layer>, String)>, input: &Shape, output: Shape) -> Self {
        let writes =
            |layer: &mut Box<dyn Layer>| !layer.properties().is_view && layer.in_place().is_none();
        if !layers.iter_mut().any(|(layer, _)| writes(layer)) {
            layers.insert(0, (Box::new(Copy::new(input.clone())), String::new()));
        }
        // A buffer for each layer that needs one.
        let mut plan = Plan {
            stages: Vec::new(),
            at: (Place::Input, input.len()),
            own: 0,
            params: 0,
            is_needed: true,
        };
        for (layer, name) in layers {
            plan.push(layer, name);
        }
        // The last buffer is the caller's.
        let last = plan.at.0;
        let mut stages = plan.stages;
        for stage in &mut stages {
            for at in [&mut stage.from.0, &mut stage.to.0] {
                if *at == last {
                    *at = Place::Output;
                }
            }
        }
        // How far back backward goes, and what it borrows.
        let trained = |stage: &Stage| !stage.params.is_empty();
        let writes = |stage: &Stage| !stage.properties.is_view && !stage.is_in_place();
        let first_trained = stages.iter().position(trained).unwrap_or(stages.len());
        let widest = stages.iter().map(|stage| stage.to.1).max().unwrap_or(0);
        Self {
            properties: properties(&stages, first_trained, widest),
            first_trained,
            first_writer: stages.iter().position(writes).unwrap_or(0),
            widest,
            stages,
            output,
            own: vec![Buffer::default(); plan.own],
        }
    }

    /// The parameters of each layer that has factors, and their shape.
    pub(in crate::nn) fn factors(&self) -> Vec<(Range<usize>, FactorShape)> {
        let of = |stage: &Stage| Some((stage.params.clone(), stage.properties.factors?));
        self.stages.iter().filter_map(of).collect()
    }

    /// Every dense or convolving layer's work but the first's input gradient: what a training step
    /// computes, in multiplications and additions a row.
    pub(in crate::nn) fn training_flops(&self) -> Flops {
        let all = self.properties.flops;
        let spared = self.properties.input_gradient_flops.unwrap_or(all);
        Flops {
            counted: 3 * all.counted - spared.counted,
            executed: 3 * all.executed - spared.executed,
        }
    }
}

/// A sequential layer in the making.
struct Plan {
    stages: Vec<Stage>,
    /// The buffer at hand, and its values a row.
    at: (Place, usize),
    /// Own buffers so far.
    own: usize,
    /// Parameters so far.
    params: usize,
    /// Whether the buffer at hand must stay as it is.
    is_needed: bool,
}

impl Plan {
    fn push(&mut self, mut layer: Box<dyn Layer>, name: String) {
        let is_in_place = layer.in_place().is_some();
        let mut properties = layer.properties();
        if is_in_place && self.is_needed {
            self.push(Box::new(Copy::new(self.at.1.into())), String::new());
        }
        // Where its parameters, its input and its output lie.
        let params = layer.tensors().iter().map(TensorSpec::len).sum::<usize>();
        let params = self.params..self.params + params;
        self.params = params.end;
        let from = self.at;
        self.at.1 = layer.output().len();
        if is_in_place {
            self.is_needed = true;
            properties.needs_output |= !properties.is_view;
            properties.overwrites_gradient = true;
        } else if !properties.is_view {
            self.at.0 = Place::Own(self.own);
            self.own += 1;
            self.is_needed = properties.needs_output;
        }
        self.stages.push(Stage {
            layer,
            properties,
            name,
            params,
            from,
            to: self.at,
        });
    }
}

impl Layer for SequentialLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let mut all = Vec::new();
        for stage in &self.stages {
            for mut tensor in stage.layer.tensors() {
                tensor.name = format!("{}.{}", stage.name, tensor.name);
                all.push(tensor);
            }
        }
        all
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let rows = context.rows;
        for stage in &mut self.stages {
            if stage.properties.is_view || (rows == 0 && !stage.properties.has_batch_stats) {
                continue;
            }
            let (from, to) = (stage.from, stage.to);
            // In place: the buffer is both input and output.
            if stage.is_in_place() {
                let values = match to.0 {
                    Place::Own(at) => &mut self.own[at][..rows * to.1],
                    _ => &mut y[..rows * to.1],
                };
                let layer = stage.layer.in_place().expect("it was planned in place");
                layer.forward(context, values);
                continue;
            }
            // From one buffer to another, which leaves its place while it is written.
            let mut target = match to.0 {
                Place::Own(at) => std::mem::take(&mut self.own[at]),
                _ => Buffer::default(),
            };
            let out = match to.0 {
                Place::Own(_) => target.grow(rows * to.1),
                _ => &mut y[..rows * to.1],
            };
            let input = match from.0 {
                Place::Own(at) => &self.own[at][..rows * from.1],
                _ => &x[..rows * from.1],
            };
            let own = &params[stage.params.clone()];
            stage.layer.forward(context, own, input, out);
            if let Place::Own(at) = to.0 {
                self.own[at] = target;
            }
        }
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (rows, params, x, y) = (context.rows, args.params, args.x, args.y);
        let (dy, mut dx) = (args.dy, args.dx);
        let end = if dx.is_some() { 0 } else { self.first_trained };
        let mut spare = [(); 2].map(|()| grads.workspace().take(rows * self.widest));
        // The gradient at hand: the caller's, or one of the spare ones.
        let mut at: Option<usize> = None;
        for (index, stage) in self.stages.iter_mut().enumerate().skip(end).rev() {
            if stage.properties.is_view {
                continue;
            }
            if rows == 0 && !stage.properties.has_batch_stats {
                grads.part(stage.params.clone()).clear(context);
                continue;
            }
            let (from, to) = (stage.from, stage.to);
            let values = |place: Place| match place {
                Place::Input => x,
                Place::Own(own) => &self.own[own][..],
                Place::Output => y,
            };
            // What forward left, and the gradient of the output, which the stage after has written.
            let output = &values(to.0)[..rows * to.1];
            let [left, right] = &mut spare;
            let (grad, next) = match at {
                None => (&mut *dy, left),
                Some(0) => (&mut left[..], right),
                Some(_) => (&mut right[..], left),
            };
            let grad = &mut grad[..rows * to.1];
            if stage.is_in_place() {
                let layer = stage.layer.in_place().expect("it was planned in place");
                layer.backward(context, output, grad);
                continue;
            }
            // The first that writes has the caller's; nobody wants what the last one here would give.
            let wanted = if index == self.first_writer {
                dx.take()
            } else if index == end {
                None
            } else {
                Some(&mut next[..rows * from.1])
            };
            let args = BackwardArgs {
                params: &params[stage.params.clone()],
                x: &values(from.0)[..rows * from.1],
                y: output,
                dy: grad,
                dx: wanted,
            };
            let mut own = grads.part(stage.params.clone());
            stage.layer.backward(context, args, &mut own);
            at = Some(if at == Some(0) { 1 } else { 0 });
        }
        grads.workspace().put_back(spare);
    }

    fn params_changed(&mut self) {
        self.stages
            .iter_mut()
            .for_each(|stage| stage.layer.params_changed());
    }

    fn properties(&self) -> Properties {
        self.properties
    }
}

/// Properties of stages with the buffers between them, of which the widest holds `widest` values a
/// row.
fn properties(stages: &[Stage], first_trained: usize, widest: usize) -> Properties {
    let layers: Vec<Properties> = stages.iter().map(|stage| stage.properties).collect();
    let chain = Properties::chain(&layers);
    let trained = layers.get(first_trained).copied().unwrap_or_default();
    let reads_output = |stage: &Stage| stage.to.0 == Place::Output && stage.properties.needs_output;
    let own_values = |stage: &Stage| match stage.to {
        (Place::Own(_), values) if !stage.is_in_place() => values,
        _ => 0,
    };
    let values: usize = stages.iter().map(own_values).sum();
    Properties {
        input_gradient_flops: Some(trained.input_gradient_flops.unwrap_or(trained.flops)),
        needs_output: stages.iter().any(reads_output),
        bytes_per_row: 4 * values + chain.bytes_per_row,
        // Two gradients, which alternate.
        workspace_per_row: 8 * widest + chain.workspace_per_row,
        ..chain
    }
}
