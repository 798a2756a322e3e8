//! Combinators: `residual` (a body plus a shortcut) and `parallel` (branches, summed or side by
//! side).

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::sequential::Sequential;
use super::sequential_layer::SequentialLayer;
use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Grads, Layer, Op, Properties, Spec, TensorSpec,
    branches_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::{Buffer, elementwise::add};
use crate::nn::shape::Shape;

/// `y = body(x) + shortcut(x)`.
///
/// ```
/// use unisono::nn::{Residual, Sequential};
/// let body = Sequential::part().dense(8).relu().dense(8);
/// let model = Sequential::new(8).layer(Residual::new(body)).dense(2);
/// assert_eq!(model.layout()?.num_params(), 2 * (8 * 8 + 8) + 8 * 2 + 2);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Residual(Parallel);

impl Residual {
    /// The body with the identity beside it.
    pub fn new(body: Sequential) -> Self {
        Self::with_shortcut(body, Sequential::part())
    }

    /// The body with `shortcut` beside it, which must give the body's shape: else building the
    /// model is an error.
    ///
    /// ```
    /// use unisono::nn::{Residual, Sequential};
    /// let (body, shortcut) = (Sequential::part().dense(4).relu(), Sequential::part().dense(4));
    /// let model = Sequential::new(8).layer(Residual::with_shortcut(body.clone(), shortcut));
    /// assert_eq!(model.output_shape()?.axes(), [4]);
    /// assert!(Sequential::new(8).layer(Residual::new(body)).layout().is_err());
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn with_shortcut(body: Sequential, shortcut: Sequential) -> Self {
        Self(Parallel::sum([body, shortcut]))
    }
}

impl Spec for Residual {
    fn name(&self) -> &'static str {
        "residual"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        self.0.build(input, build)
    }

    fn op(&self) -> Option<Op> {
        self.0.op()
    }

    fn branches(&self) -> Vec<Vec<Arc<dyn Spec>>> {
        self.0.branches()
    }

    fn to_json(&self) -> Option<String> {
        branches_json("residual", &self.0.join, &self.branches())
    }
}

/// Branches that all get the same input.
///
/// ```
/// use unisono::nn::{Parallel, Sequential};
/// let branches = [Sequential::part().dense(3), Sequential::part().dense(5).tanh()];
/// let model = Sequential::new(4).layer(Parallel::concat(branches));
/// assert_eq!(model.output_shape()?.axes(), [8]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    branches: Vec<Sequential>,
    join: Join,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::nn) enum Join {
    Sum,
    Concat,
}

impl Parallel {
    /// The sum of the branches' outputs, which must have the same shape.
    pub fn sum(branches: impl Into<Vec<Sequential>>) -> Self {
        Self {
            branches: branches.into(),
            join: Join::Sum,
        }
    }

    /// The branches, joined so.
    pub(in crate::nn) fn joined(branches: Vec<Sequential>, join: Join) -> Self {
        Self { branches, join }
    }

    /// The branches' outputs side by side on the last axis; the other axes must agree.
    pub fn concat(branches: impl Into<Vec<Sequential>>) -> Self {
        Self {
            branches: branches.into(),
            join: Join::Concat,
        }
    }
}

impl Spec for Parallel {
    fn name(&self) -> &'static str {
        "parallel"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let mut branches: Vec<Branch> = Vec::new();
        let mut start = 0;
        for branch in &self.branches {
            // Its shape must fit to the first one's.
            let layer = branch.build_part(input, build)?;
            let len: usize = layer.tensors().iter().map(TensorSpec::len).sum();
            if let Some(first) = branches.first() {
                let channels = match self.join {
                    Join::Sum => first.layer.output().channels(),
                    Join::Concat => layer.output().channels(),
                };
                let expected = first.layer.output().with_channels(channels);
                if *layer.output() != expected {
                    let expected = format!("branches that agree in shape {expected}");
                    return Err(build.refuse(expected, layer.output()));
                }
            }
            // Where its output and its parameters lie.
            let (is_identity, is_first) = (branch.layers().is_empty(), branches.is_empty());
            let sums_first = self.join == Join::Sum && is_first;
            branches.push(Branch {
                is_identity,
                is_in_sum: sums_first && !is_identity && !layer.properties().needs_output,
                layer,
                params: start..start + len,
                y: Buffer::default(),
            });
            start += len;
        }
        let Some(first) = branches.first() else {
            return Err(build.refuse("at least 1 branch", 0));
        };
        let channels = branches
            .iter()
            .map(|branch| branch.layer.output().channels());
        let output = match self.join {
            Join::Sum => first.layer.output().clone(),
            Join::Concat => first.layer.output().with_channels(channels.sum()),
        };
        Ok(Box::new(Branches {
            join: self.join,
            branches,
            output,
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(match self.join {
            Join::Sum => Op::Sum,
            Join::Concat => Op::Concat,
        })
    }

    fn branches(&self) -> Vec<Vec<Arc<dyn Spec>>> {
        let branches = self.branches.iter();
        branches.map(|branch| branch.layers().to_vec()).collect()
    }

    fn to_json(&self) -> Option<String> {
        branches_json("parallel", &self.join, &self.branches())
    }
}

#[derive(Debug)]
struct Branch {
    layer: SequentialLayer,
    is_identity: bool,
    /// Its output is written where the sum will stand: nobody needs it afterwards.
    is_in_sum: bool,
    params: Range<usize>,
    y: Buffer,
}

impl Branch {
    /// Backward, with the sum of all branches as `args.y`; the gradient of the input is written if
    /// this branch is the first, and added if not.
    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
        is_first: bool,
    ) {
        let y = if self.is_in_sum {
            args.y
        } else {
            &self.y[..args.dy.len()]
        };
        match args.dx {
            Some(dx) if !is_first => {
                let mut own = grads.workspace().take(dx.len());
                let inner = BackwardArgs {
                    y,
                    dx: Some(&mut own[..dx.len()]),
                    ..args
                };
                self.layer.backward(context, inner, grads);
                add(dx, &own[..dx.len()]);
                grads.workspace().put_back([own]);
            }
            dx => self
                .layer
                .backward(context, BackwardArgs { y, dx, ..args }, grads),
        }
    }
}

/// Copies columns `range` of rows of `width` values.
fn columns(from: &[f32], width: usize, range: Range<usize>, to: &mut [f32]) {
    let rows = to.chunks_exact_mut(range.len());
    for (to, from) in rows.zip(from.chunks_exact(width)) {
        to.copy_from_slice(&from[range.clone()]);
    }
}

/// Branches at work.
#[derive(Debug)]
struct Branches {
    join: Join,
    branches: Vec<Branch>,
    output: Shape,
}

impl Layer for Branches {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let mut all = Vec::new();
        for (index, branch) in self.branches.iter().enumerate() {
            for mut tensor in branch.layer.tensors() {
                tensor.name = format!("branch{index}.{}", tensor.name);
                all.push(tensor);
            }
        }
        all
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let total = self.output.channels();
        let mut first = 0;
        for (index, branch) in self.branches.iter_mut().enumerate() {
            let (len, channels) = (
                context.rows * branch.layer.output().len(),
                branch.layer.output().channels(),
            );
            // Straight into the sum.
            if branch.is_in_sum {
                let params = &params[branch.params.clone()];
                branch.layer.forward(context, params, x, y);
                continue;
            }
            // Or by way of a buffer, that of an identity being the input itself.
            let own = if branch.is_identity && self.join == Join::Sum {
                x
            } else {
                let own = branch.y.grow(len);
                branch
                    .layer
                    .forward(context, &params[branch.params.clone()], x, own);
                &*own
            };
            match self.join {
                Join::Sum if index == 0 => y.copy_from_slice(own),
                Join::Sum => add(y, own),
                Join::Concat => {
                    for (y, own) in y.chunks_exact_mut(total).zip(own.chunks_exact(channels)) {
                        y[first..first + channels].copy_from_slice(own);
                    }
                }
            }
            first += channels;
        }
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let total = self.output.channels();
        let (mut first, mut is_first) = (0, true);
        let mut dx = args.dx;
        for branch in &mut self.branches {
            let channels = branch.layer.output().channels();
            let len = context.rows * branch.layer.output().len();
            // Nobody overwrites what an identity gets.
            let shares = self.join == Join::Sum
                && (branch.is_identity || !branch.layer.properties().overwrites_gradient);
            let mut copy = (!shares).then(|| grads.workspace().take(len));
            let dy = match (&mut copy, self.join) {
                (None, _) => &mut *args.dy,
                (Some(copy), Join::Sum) => {
                    copy[..len].copy_from_slice(args.dy);
                    &mut copy[..len]
                }
                (Some(copy), Join::Concat) => {
                    columns(args.dy, total, first..first + channels, &mut copy[..len]);
                    &mut copy[..len]
                }
            };
            first += channels;
            // The input's gradient: the first branch writes it, the others add to it.
            if let (true, Some(dx)) = (branch.is_identity, &mut dx) {
                if is_first {
                    dx.copy_from_slice(dy);
                } else {
                    add(dx, dy);
                }
            } else if !branch.is_identity {
                let args = BackwardArgs {
                    params: &args.params[branch.params.clone()],
                    x: args.x,
                    y: args.y,
                    dy,
                    dx: dx.as_deref_mut(),
                };
                let mut own = grads.part(branch.params.clone());
                branch.backward(context, args, &mut own, is_first);
            }
            is_first = false;
            grads.workspace().put_back(copy);
        }
    }

    fn params_changed(&mut self) {
        self.branches
            .iter_mut()
            .for_each(|branch| branch.layer.params_changed());
    }

    fn properties(&self) -> Properties {
        let with_output = |branch: &Branch| {
            let own = branch.layer.properties();
            let output_bytes = 4 * branch.layer.output().len();
            Properties {
                bytes_per_row: output_bytes + own.bytes_per_row,
                workspace_per_row: output_bytes + own.workspace_per_row,
                ..own
            }
        };
        let branches: Vec<Properties> = self.branches.iter().map(with_output).collect();
        Properties::parallel(&branches)
    }
}
