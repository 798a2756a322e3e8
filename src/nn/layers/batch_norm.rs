//! Batch normalisation, over the rows of a shard (ghost batch norm) or of the whole batch.
//!
//! `y = g (x - mean) / sqrt(var + eps) + b`, mean and biased variance over all positions of the
//! rows while training, running statistics otherwise. The running statistics follow as PyTorch's:
//! `r += m (s - r)` with the unbiased variance, where s is the mean of the shards' statistics,
//! weighted by their rows.
//!
//! # Shapes
//! X, Y: (B, ..., C); weight, bias, running_mean, running_variance: (C).
//!
//! # Over what
//! By default over a shard: shards belong to the configuration, so the result does not depend on
//! the number of threads, and no worker waits for another inside a pass; large-batch training wants
//! small groups of rows anyway (Hoffer). [`BatchNorm::over_batch`] gives PyTorch's statistics of
//! one process: the workers meet twice a step and layer, and each puts the shards' statistics
//! together in the order of the tree (Chan's formula), so this is invariant too. A worker then
//! takes all its rows at once.
//!
//! # References
//! Ioffe, Szegedy: "Batch normalization", 2015; Chan, Golub, LeVeque: "Updating formulae and a
//! pairwise algorithm for computing sample variances", 1979; Hoffer, Hubara, Soudry: "Train longer,
//! generalize better", 2017.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::engine::split_point;
use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Fans, Grads, Init, Layer, Mode, Op, Properties, Role, Spec,
    TensorSpec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::shape::Shape;

use crate::nn::kernel::Buffer;
use crate::nn::kernel::columns::{
    Affine, GradientTerms, Moments, column_products, column_squares, column_sums, input_gradient,
    scale_and_shift,
};
use crate::nn::kernel::elementwise::add;

/// Batch norm over the rows of a shard, for rows (..., C): each channel is normalised over all its
/// positions and rows.
///
/// ```
/// use unisono::nn::{BatchNorm, Sequential};
/// let model = Sequential::new([8, 8, 16]).layer(BatchNorm::new()).flatten().dense(1);
/// let layout = model.layout()?;
/// assert_eq!((layout.num_params(), layout.len()), (32 + 1025, 64 + 1025));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    momentum: f32,
    eps: f32,
    over: Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Over {
    Shard,
    Batch,
}

impl BatchNorm {
    /// Momentum 0.1 of the running statistics, eps 1e-5.
    #[expect(
        clippy::new_without_default,
        reason = "layers are named, not defaulted"
    )]
    pub fn new() -> Self {
        Self {
            momentum: 0.1,
            eps: 1e-5,
            over: Over::Shard,
        }
    }

    /// With statistics of the whole batch: those of PyTorch in one process. The workers then meet
    /// twice a step and layer.
    pub fn over_batch(self) -> Self {
        Self {
            over: Over::Batch,
            ..self
        }
    }

    /// With another weight of the newest statistics, in 0..=1.
    pub fn momentum(self, momentum: f32) -> Self {
        Self { momentum, ..self }
    }

    /// With another `eps`, which must be positive.
    pub fn eps(self, eps: f32) -> Self {
        Self { eps, ..self }
    }
}

impl Spec for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(build.refuse("a positive eps", self.eps));
        }
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(build.refuse("a momentum in 0..=1", self.momentum));
        }
        Ok(Box::new(BatchNormLayer {
            spec: *self,
            shape: input.clone(),
            saved: Vec::new(),
            sums: Vec::new(),
            all: Vec::new(),
            wide: Buffer::default(),
        }))
    }

    fn op(&self) -> Option<Op> {
        Some(Op::BatchNorm { eps: self.eps })
    }

    fn to_json(&self) -> Option<String> {
        layer_json("batch_norm", self)
    }
}

/// Batch norm at work.
#[derive(Debug)]
struct BatchNormLayer {
    spec: BatchNorm,
    shape: Shape,
    /// For each shard: count, means, sums of squares around them; then made into count, mean,
    /// variance, reciprocal deviation of the rows that it is normalised with.
    saved: Vec<f32>,
    /// For each shard: sums of dy xhat, then of dy.
    sums: Vec<f32>,
    /// What the other shards of the batch have.
    all: Vec<f32>,
    /// Partial sums of several positions side by side.
    wide: Buffer,
}

impl BatchNormLayer {
    fn values(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.shape.len()..rows.end * self.shape.len()
    }

    /// Values that a shard's statistics take in `saved`.
    fn stride(&self) -> usize {
        1 + 3 * self.shape.channels()
    }

    /// Count, means and sums of squares of each shard, then of what it is normalised with.
    fn statistics(&mut self, context: &BlockContext<'_>, x: &[f32]) {
        let (c, stride) = (self.shape.channels(), self.stride());
        let mut saved = std::mem::take(&mut self.saved);
        saved.clear();
        saved.resize(stride * context.shards.len(), 0.0);
        // Of each shard by itself.
        for (saved, rows) in saved.chunks_exact_mut(stride).zip(context.shards) {
            let x = &x[self.values(rows)];
            let (count, rest) = saved.split_at_mut(1);
            let (mean, rest) = rest.split_at_mut(c);
            count[0] = (x.len() / c) as f32;
            column_sums(x, mean, &mut self.wide);
            mean.iter_mut().for_each(|m| *m /= count[0].max(1.0));
            column_squares(x, mean, &mut rest[..c], &mut self.wide);
        }
        // Over the batch: all shards have the same, put together in the order of the tree.
        if let (Over::Batch, Some(all_gather)) = (self.spec.over, context.all_gather) {
            all_gather.all_gather(&saved, stride, &mut self.all);
            combine(&mut self.all, stride, join_moments);
            saved
                .chunks_exact_mut(stride)
                .for_each(|saved| saved.copy_from_slice(&self.all[..stride]));
        }
        // From sums of squares to variances.
        for saved in saved.chunks_exact_mut(stride) {
            let (count, rest) = saved.split_at_mut(1);
            let (variance, inverse) = rest[c..].split_at_mut(c);
            for (v, i) in variance.iter_mut().zip(inverse) {
                *v /= count[0].max(1.0);
                *i = 1.0 / (*v + self.spec.eps).sqrt();
            }
        }
        self.saved = saved;
    }

    /// Sums of dy xhat and of dy, of each shard; and those that dx needs, in `all`, if they are of
    /// the batch.
    fn gradient_sums(&mut self, context: &BlockContext<'_>, x: &[f32], dy: &[f32]) {
        let (c, stride) = (self.shape.channels(), self.stride());
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        sums.resize(2 * c * context.shards.len(), 0.0);
        let shards = sums.chunks_exact_mut(2 * c).zip(context.shards);
        for ((sums, rows), saved) in shards.zip(self.saved.chunks_exact(stride)) {
            let (x, dy) = (&x[self.values(rows)], &dy[self.values(rows)]);
            let (dgain, dbias) = sums.split_at_mut(c);
            let moments = moments(saved, c);
            column_sums(dy, dbias, &mut self.wide);
            column_products(x, dy, moments, dgain, &mut self.wide);
        }
        if let (Over::Batch, Some(all_gather)) = (self.spec.over, context.all_gather) {
            all_gather.all_gather(&sums, 2 * c, &mut self.all);
            combine(&mut self.all, 2 * c, add);
        } else {
            self.all.clear();
        }
        self.sums = sums;
    }
}

/// What a shard's values are normalised with, of its saved statistics of `c` columns.
fn moments(saved: &[f32], c: usize) -> Moments<'_> {
    Moments {
        mean: &saved[1..=c],
        inverse: &saved[1 + 2 * c..],
    }
}

/// Adds up the parts of `stride` values in the order of the tree; the result is left in the first.
fn combine(parts: &mut [f32], stride: usize, join: fn(&mut [f32], &[f32])) {
    let count = parts.len() / stride;
    if count > 1 {
        let (left, right) = parts.split_at_mut(split_point(count) * stride);
        combine(left, stride, join);
        combine(right, stride, join);
        join(&mut left[..stride], &right[..stride]);
    }
}

/// Count, means, sums of squares around them, of both parts together.
fn join_moments(left: &mut [f32], right: &[f32]) {
    let (a, b) = (left[0], right[0]);
    if b == 0.0 {
        return;
    }
    if a == 0.0 {
        left.copy_from_slice(right);
        return;
    }
    let n = a + b;
    left[0] = n;
    // Means, squares, and room for the reciprocal deviations.
    let c = left.len() / 3;
    for k in 1..=c {
        let delta = right[k] - left[k];
        left[k] += delta * (b / n);
        left[c + k] += right[c + k] + delta * delta * (a * b / n);
    }
}

impl Layer for BatchNormLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let c = self.shape.channels();
        let one =
            |name, init, role| TensorSpec::weight(name, &[c], init, Fans::equal(c)).role(role);
        vec![
            one("weight", Init::Constant(1.0), Role::Norm),
            one("bias", Init::Zeros, Role::Norm),
            one("running_mean", Init::Zeros, Role::Statistic),
            one("running_variance", Init::Constant(1.0), Role::Statistic),
        ]
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let c = self.shape.channels();
        let affine = Affine {
            gain: &params[..c],
            bias: &params[c..2 * c],
        };
        // By the running statistics.
        if context.mode == Mode::Evaluate {
            let inverse = params[3 * c..].iter();
            self.saved.clear();
            self.saved
                .extend(inverse.map(|v| 1.0 / (v + self.spec.eps).sqrt()));
            let moments = Moments {
                mean: &params[2 * c..3 * c],
                inverse: &self.saved,
            };
            scale_and_shift(y, x, moments, affine, &mut self.wide);
            return;
        }
        // Each shard by the statistics that it has, of its own or of the batch.
        self.statistics(context, x);
        let mut wide = std::mem::take(&mut self.wide);
        for (rows, saved) in context
            .shards
            .iter()
            .zip(self.saved.chunks_exact(self.stride()))
        {
            let range = self.values(rows);
            let y = &mut y[range.clone()];
            scale_and_shift(y, &x[range], moments(saved, c), affine, &mut wide);
        }
        self.wide = wide;
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        mut args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (c, stride) = (self.shape.channels(), self.stride());
        let (x, dy, params) = (args.x, &*args.dy, args.params);
        if let (Mode::Evaluate, Some(dx)) = (context.mode, &mut args.dx) {
            // Running statistics are constants; forward left the reciprocals of their deviations.
            for (dx, dy) in dx.chunks_exact_mut(c).zip(dy.chunks_exact(c)) {
                let factors = params.iter().zip(&self.saved).map(|(gain, s)| gain * s);
                let values = dx.iter_mut().zip(dy).zip(factors);
                values.for_each(|((dx, dy), factor)| *dx = dy * factor);
            }
            return;
        }
        self.gradient_sums(context, x, dy);
        let mut wide = std::mem::take(&mut self.wide);
        let mut dx = args.dx;
        let m = self.spec.momentum;
        let mut shard = 0;
        // Nodes hold their shards in order, so this sees each shard once, in order.
        grads.fold_trained(context, 2 * c, |rows, leaf| {
            let range = self.values(&rows);
            let saved = &self.saved[stride * shard..][..stride];
            let sums = &self.sums[2 * c * shard..][..2 * c];
            shard += 1;
            // Exact zeros, not a zero times something negative.
            if rows.is_empty() {
                return;
            }
            leaf[..2 * c].copy_from_slice(sums);
            let (n, weight) = (saved[0], rows.len() as f32 * m);
            let (mean, variance) = (&saved[1..=c], &saved[1 + c..1 + 2 * c]);
            let unbiased = n / (n - 1.0).max(1.0);
            for k in 0..c {
                leaf[2 * c + k] = weight * (params[2 * c + k] - mean[k]);
                leaf[3 * c + k] = weight * (params[3 * c + k] - variance[k] * unbiased);
            }
            if let Some(dx) = &mut dx {
                let all = if self.all.is_empty() {
                    sums
                } else {
                    &self.all[..2 * c]
                };
                let terms = GradientTerms {
                    moments: moments(saved, c),
                    gain: &params[..c],
                    sums: all,
                    count: n,
                };
                let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
                input_gradient(&mut dx[range], x, dy, terms, &mut wide);
            }
        });
        self.wide = wide;
    }

    fn properties(&self) -> Properties {
        Properties {
            overwrites_gradient: false,
            has_cross_row_stats: self.spec.over == Over::Shard,
            has_batch_stats: self.spec.over == Over::Batch,
            needs_several_rows: self.shape.positions() == 1,
            ..Properties::default()
        }
    }
}
