//! Batch normalisation over the rows of a shard (ghost batch norm).
//!
//! `y = g (x - mean) / sqrt(var + eps) + b`, mean and biased variance over all positions of a shard's rows while
//! training, running statistics otherwise. The running statistics follow as PyTorch's: `r += m (s - r)` with the
//! unbiased variance, where s is the mean of the shards' statistics, weighted by their rows.
//!
//! # Shapes
//! X, Y: (B, ..., C); weight, bias, running_mean, running_variance: (C).
//!
//! # Why over a shard
//! Shards belong to the configuration, so the result does not depend on the number of threads, and no worker waits for
//! another inside a pass. Large-batch training wants small groups of rows anyway (Hoffer). With one shard a batch it is
//! the textbook's batch norm, on one worker.
//!
//! # References
//! Ioffe, Szegedy: "Batch normalization", 2015; Hoffer, Hubara, Soudry: "Train longer, generalize better", 2017.

use std::ops::Range;

use multiversion::multiversion;

use super::Init;
use super::error::NnError;
use super::layer::{Build, Grads, Layer, Mode, Pass, Spec, Tape, TensorSpec};
use super::params::Role;
use super::shape::Shape;

/// Batch norm over shards.
///
/// ```
/// use unisono::nn::{BatchNorm, Sequential};
/// let model = Sequential::new([8, 8, 16]).layer(BatchNorm::new()).flatten().dense(1);
/// let layout = model.layout()?;
/// assert_eq!((layout.num_params(), layout.len()), (32 + 1025, 64 + 1025));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    momentum: f32,
    eps: f32,
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
            wide: Vec::new(),
            levels: Vec::new(),
        }))
    }
}

/// Batch norm at work.
#[derive(Debug)]
struct BatchNormLayer {
    spec: BatchNorm,
    shape: Shape,
    /// For each shard: means, then variances, then reciprocal deviations of the channels.
    saved: Vec<f32>,
    /// Partial sums of several positions side by side.
    wide: Vec<f32>,
    levels: Vec<Vec<f32>>,
}

/// Positions whose partial sums run side by side.
const WIDE: usize = 8;

impl BatchNormLayer {
    fn values(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start * self.shape.len()..rows.end * self.shape.len()
    }

    fn train(&mut self, pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let c = self.shape.channels();
        self.saved.clear();
        self.saved.resize(3 * c * pass.shards.len(), 0.0);
        for (shard, rows) in pass.shards.iter().enumerate() {
            let range = self.values(rows);
            let (x, y) = (&x[range.clone()], &mut y[range]);
            let n = (x.len() / c).max(1) as f32;
            let saved = &mut self.saved[3 * c * shard..][..3 * c];
            let (mean, rest) = saved.split_at_mut(c);
            let (variance, inverse) = rest.split_at_mut(c);
            column_sums(x, mean, &mut self.wide);
            mean.iter_mut().for_each(|m| *m /= n);
            column_squares(x, (mean, variance), &mut self.wide);
            for (v, i) in variance.iter_mut().zip(inverse.iter_mut()) {
                *v /= n;
                *i = 1.0 / (*v + self.spec.eps).sqrt();
            }
            scale_and_shift(y, x, (mean, inverse), (&params[..c], &params[c..2 * c]));
        }
    }
}

impl Layer for BatchNormLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let c = self.shape.channels();
        let one = |name, init, role| TensorSpec::weight(name, &[c], init, (c, c)).role(role);
        vec![
            one("weight", Init::Constant(1.0), Role::Norm),
            one("bias", Init::Zeros, Role::Norm),
            one("running_mean", Init::Zeros, Role::Statistic),
            one("running_variance", Init::Constant(1.0), Role::Statistic),
        ]
    }

    fn forward(&mut self, pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let c = self.shape.channels();
        match pass.mode {
            Mode::Train => self.train(pass, params, x, y),
            Mode::Evaluate => {
                let inverse = params[3 * c..].iter();
                self.saved.clear();
                self.saved
                    .extend(inverse.map(|v| 1.0 / (v + self.spec.eps).sqrt()));
                let statistics = (&params[2 * c..3 * c], &self.saved[..]);
                scale_and_shift(y, x, statistics, (&params[..c], &params[c..2 * c]));
            }
        }
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        let c = self.shape.channels();
        let mut levels = std::mem::take(&mut self.levels);
        let (x, dy, params) = (tape.x, &*tape.dy, tape.params);
        let mut dx = tape.dx;
        let m = self.spec.momentum;
        let mut shard = 0;
        // Nodes hold their shards in order, so this sees each shard once, in order.
        grads.fold(pass, &mut levels, |rows, leaf| {
            let range = self.values(&rows);
            let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
            let n = x.len() / c;
            let saved = &self.saved[3 * c * shard..][..3 * c];
            let (mean, variance, inverse) = (&saved[..c], &saved[c..2 * c], &saved[2 * c..]);
            shard += 1;
            if n == 0 {
                return;
            }
            let (dgain, rest) = leaf.split_at_mut(c);
            let (dbias, statistics) = rest.split_at_mut(c);
            column_sums(dy, dbias, &mut self.wide);
            column_products((x, dy), (mean, inverse), dgain, &mut self.wide);
            let weight = rows.len() as f32 * m;
            let unbiased = n as f32 / (n as f32 - 1.0).max(1.0);
            for k in 0..c {
                statistics[k] = weight * (params[2 * c + k] - mean[k]);
                statistics[c + k] = weight * (params[3 * c + k] - variance[k] * unbiased);
            }
            if let Some(dx) = &mut dx {
                let sums = (&*dgain, &*dbias);
                input_gradient(&mut dx[range], (x, dy), (mean, inverse, &params[..c]), sums);
            }
        });
        self.levels = levels;
    }

    fn couples_rows(&self) -> bool {
        true
    }
}

/// Sums of the columns of `x`, several positions side by side.
fn column_sums(x: &[f32], sums: &mut [f32], wide: &mut Vec<f32>) {
    let len = WIDE * sums.len();
    wide.clear();
    wide.resize(len, 0.0);
    for chunk in x.chunks(len) {
        super::kernel::elementwise::add(wide, chunk);
    }
    fold_wide(wide, sums);
}

/// The side by side sums, added pairwise.
fn fold_wide(wide: &mut [f32], sums: &mut [f32]) {
    let mut half = wide.len() / 2;
    while half >= sums.len() {
        let (left, right) = wide.split_at_mut(half);
        super::kernel::elementwise::add(left, &right[..half]);
        half /= 2;
    }
    sums.copy_from_slice(&wide[..sums.len()]);
}

/// Sums of (x - mean)² of the columns of `x`.
fn column_squares(x: &[f32], (mean, sums): (&[f32], &mut [f32]), wide: &mut Vec<f32>) {
    let c = sums.len();
    wide.clear();
    wide.resize(WIDE * c, 0.0);
    for chunk in x.chunks(WIDE * c) {
        for (wide, x) in wide.chunks_exact_mut(c).zip(chunk.chunks_exact(c)) {
            add_squares(wide, x, mean);
        }
    }
    fold_wide(wide, sums);
}

/// Sums of dy (x - mean) inverse of the columns.
fn column_products(
    (x, dy): (&[f32], &[f32]),
    (mean, inverse): (&[f32], &[f32]),
    sums: &mut [f32],
    wide: &mut Vec<f32>,
) {
    let c = sums.len();
    wide.clear();
    wide.resize(WIDE * c, 0.0);
    for (x, dy) in x.chunks(WIDE * c).zip(dy.chunks(WIDE * c)) {
        let positions = x.chunks_exact(c).zip(dy.chunks_exact(c));
        for (wide, (x, dy)) in wide.chunks_exact_mut(c).zip(positions) {
            add_products(wide, (x, dy), mean);
        }
    }
    fold_wide(wide, sums);
    sums.iter_mut().zip(inverse).for_each(|(s, i)| *s *= i);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_squares(to: &mut [f32], x: &[f32], mean: &[f32]) {
    for ((to, x), m) in to.iter_mut().zip(x).zip(mean) {
        *to += (x - m) * (x - m);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_products(to: &mut [f32], (x, dy): (&[f32], &[f32]), mean: &[f32]) {
    for (((to, x), dy), m) in to.iter_mut().zip(x).zip(dy).zip(mean) {
        *to += dy * (x - m);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn scale_and_shift(
    y: &mut [f32],
    x: &[f32],
    (mean, inverse): (&[f32], &[f32]),
    (gain, bias): (&[f32], &[f32]),
) {
    let c = mean.len();
    let (inverse, gain, bias) = (&inverse[..c], &gain[..c], &bias[..c]);
    for (y, x) in y.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
        for k in 0..c {
            y[k] = (x[k] - mean[k]) * inverse[k] * gain[k] + bias[k];
        }
    }
}

/// `dx = gain inverse (dy - mean(dy) - xhat mean(dy xhat))`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn input_gradient(
    dx: &mut [f32],
    (x, dy): (&[f32], &[f32]),
    (mean, inverse, gain): (&[f32], &[f32], &[f32]),
    (dgain, dbias): (&[f32], &[f32]),
) {
    let c = mean.len();
    let n = (x.len() / c) as f32;
    let (mean, inverse, gain) = (&mean[..c], &inverse[..c], &gain[..c]);
    let (dgain, dbias) = (&dgain[..c], &dbias[..c]);
    for ((dx, x), dy) in dx
        .chunks_exact_mut(c)
        .zip(x.chunks_exact(c))
        .zip(dy.chunks_exact(c))
    {
        for k in 0..c {
            let normal = (x[k] - mean[k]) * inverse[k];
            dx[k] = gain[k] * inverse[k] * (dy[k] - dbias[k] / n - normal * (dgain[k] / n));
        }
    }
}
