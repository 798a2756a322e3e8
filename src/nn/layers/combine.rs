//! Combinators: `residual` (a body plus a shortcut) and `parallel` (branches, summed or side by
//! side).

use std::ops::Range;
use std::sync::Arc;

use super::sequential::Sequential;
use super::stages::Stages;
use crate::nn::core::{Build, Grads, Layer, Op, Pass, Properties, Spec, Tape, TensorSpec};
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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Join {
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
            let stages = branch.build_part(input, build)?;
            let len: usize = stages.tensors().iter().map(TensorSpec::len).sum();
            if let Some(first) = branches.first() {
                let channels = match self.join {
                    Join::Sum => first.stages.output().channels(),
                    Join::Concat => stages.output().channels(),
                };
                let expected = first.stages.output().with_channels(channels);
                if *stages.output() != expected {
                    let expected = format!("branches that agree in shape {expected}");
                    return Err(build.refuse(expected, stages.output()));
                }
            }
            // Where its output and its parameters lie.
            let (is_identity, is_first) = (branch.layers().is_empty(), branches.is_empty());
            let sums_first = self.join == Join::Sum && is_first;
            branches.push(Branch {
                is_identity,
                is_in_sum: sums_first && !is_identity && !stages.properties().needs_output,
                stages,
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
            .map(|branch| branch.stages.output().channels());
        let output = match self.join {
            Join::Sum => first.stages.output().clone(),
            Join::Concat => first.stages.output().with_channels(channels.sum()),
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
}

#[derive(Debug)]
struct Branch {
    stages: Stages,
    is_identity: bool,
    /// Its output is written where the sum will stand: nobody needs it afterwards.
    is_in_sum: bool,
    params: Range<usize>,
    y: Buffer,
}

impl Branch {
    /// Backward, with the sum of all branches as `tape.y`; the gradient of the input is written if
    /// this branch is the first, and added if not.
    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>, is_first: bool) {
        let y = if self.is_in_sum {
            tape.y
        } else {
            &self.y[..tape.dy.len()]
        };
        match tape.dx {
            Some(dx) if !is_first => {
                let mut own = grads.workspace().take(dx.len());
                let inner = Tape {
                    y,
                    dx: Some(&mut own[..dx.len()]),
                    ..tape
                };
                self.stages.backward(pass, inner, grads);
                add(dx, &own[..dx.len()]);
                grads.workspace().put_back([own]);
            }
            dx => self.stages.backward(pass, Tape { y, dx, ..tape }, grads),
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
            for mut tensor in branch.stages.tensors() {
                tensor.name = format!("branch{index}.{}", tensor.name);
                all.push(tensor);
            }
        }
        all
    }

    fn forward(&mut self, pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let total = self.output.channels();
        let mut first = 0;
        for (index, branch) in self.branches.iter_mut().enumerate() {
            let (len, channels) = (
                pass.rows * branch.stages.output().len(),
                branch.stages.output().channels(),
            );
            // Straight into the sum.
            if branch.is_in_sum {
                let params = &params[branch.params.clone()];
                branch.stages.forward(pass, params, x, y);
                continue;
            }
            // Or by way of a buffer, that of an identity being the input itself.
            let own = if branch.is_identity && self.join == Join::Sum {
                x
            } else {
                let own = branch.y.grow(len);
                branch
                    .stages
                    .forward(pass, &params[branch.params.clone()], x, own);
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

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        let total = self.output.channels();
        let (mut first, mut is_first) = (0, true);
        let mut dx = tape.dx;
        for branch in &mut self.branches {
            let channels = branch.stages.output().channels();
            let len = pass.rows * branch.stages.output().len();
            // Nobody overwrites what an identity gets.
            let shares = self.join == Join::Sum
                && (branch.is_identity || !branch.stages.properties().overwrites_gradient);
            let mut copy = (!shares).then(|| grads.workspace().take(len));
            let dy = match (&mut copy, self.join) {
                (None, _) => &mut *tape.dy,
                (Some(copy), Join::Sum) => {
                    copy[..len].copy_from_slice(tape.dy);
                    &mut copy[..len]
                }
                (Some(copy), Join::Concat) => {
                    columns(tape.dy, total, first..first + channels, &mut copy[..len]);
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
                let tape = Tape {
                    params: &tape.params[branch.params.clone()],
                    x: tape.x,
                    y: tape.y,
                    dy,
                    dx: dx.as_deref_mut(),
                };
                let mut own = grads.part(branch.params.clone());
                branch.backward(pass, tape, &mut own, is_first);
            }
            is_first = false;
            grads.workspace().put_back(copy);
        }
    }

    fn params_changed(&mut self) {
        self.branches
            .iter_mut()
            .for_each(|branch| branch.stages.params_changed());
    }

    fn properties(&self) -> Properties {
        let with_output = |branch: &Branch| {
            let own = branch.stages.properties();
            let output_bytes = 4 * branch.stages.output().len();
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
