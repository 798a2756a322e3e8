//! Normalisation within a row: layer norm, RMS norm, group norm.
//!
//! | name | over | formula |
//! |---|---|---|
//! | `layer_norm` | the channels of each position | g (x - mean) / sqrt(var + eps) + b |
//! | `rms_norm` | the channels of each position | g x / sqrt(mean(x²) + eps) |
//! | `group_norm` | all positions of a group of channels, in each row | as layer norm |
//!
//! Variances are biased. Sums run in 16 lanes, added pairwise: one fixed order.
//!
//! # References
//! Ba, Kiros, Hinton: "Layer normalization", 2016; Zhang, Sennrich: "Root mean square layer
//! normalization", 2019; Wu, He: "Group normalization", 2018.

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::nn::core::{
    BackwardArgs, BlockContext, Build, Fans, Grads, Init, Layer, Op, Properties, Role, Spec,
    TensorSpec, layer_json,
};
use crate::nn::error::NnError;
use crate::nn::kernel::Buffer;
use crate::nn::kernel::elementwise::{add, centred_squares, dot, sum};
use crate::nn::shape::Shape;

/// A normalisation within rows (..., C), which keep their shape; gain and bias are one a channel.
///
/// ```
/// use unisono::nn::{Norm, Sequential};
/// let model = Sequential::new([16, 32]).layer(Norm::layer().without_bias());
/// assert_eq!(model.layout()?.num_params(), 32);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norm {
    kind: Kind,
    eps: f32,
    has_bias: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Layer,
    Rms,
    Group(usize),
}

impl Norm {
    /// Layer norm over the last axis; eps 1e-5.
    pub fn layer() -> Self {
        Self {
            kind: Kind::Layer,
            eps: 1e-5,
            has_bias: true,
        }
    }

    /// RMS norm over the last axis, without biases; eps 1e-5.
    pub fn rms() -> Self {
        Self {
            kind: Kind::Rms,
            has_bias: false,
            ..Self::layer()
        }
    }

    /// Group norm over all positions of each of `groups` groups of channels, which it must divide;
    /// eps 1e-5.
    ///
    /// ```
    /// use unisono::nn::{Norm, Sequential};
    /// let model = |groups| Sequential::new([8, 8, 16]).layer(Norm::group(groups).eps(1e-6));
    /// assert_eq!(model(4).layout()?.num_params(), 2 * 16);
    /// assert!(model(5).layout().is_err());
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn group(groups: usize) -> Self {
        Self {
            kind: Kind::Group(groups),
            ..Self::layer()
        }
    }

    /// With another `eps`, which must be positive.
    pub fn eps(self, eps: f32) -> Self {
        Self { eps, ..self }
    }

    /// Without biases.
    pub fn without_bias(self) -> Self {
        Self {
            has_bias: false,
            ..self
        }
    }
}

impl Spec for Norm {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Layer => "layer_norm",
            Kind::Rms => "rms_norm",
            Kind::Group(_) => "group_norm",
        }
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(build.refuse("a positive eps", self.eps));
        }
        let channels = input.channels();
        // A group's values lie apart; normalised are `parts` parts a row, each of `positions` runs
        // of `run` values.
        let (groups, positions) = match self.kind {
            Kind::Group(groups) if groups == 0 || !channels.is_multiple_of(groups) => {
                let expected = format!("channels in {groups} equal groups");
                return Err(build.refuse(expected, channels));
            }
            Kind::Group(groups) => (groups, input.positions()),
            _ => (1, 1),
        };
        Ok(Box::new(NormLayer {
            spec: *self,
            shape: input.clone(),
            groups,
            positions,
            part: Buffer::default(),
            dpart: Buffer::default(),
            saved: Vec::new(),
        }))
    }

    fn op(&self) -> Option<Op> {
        match self.kind {
            Kind::Layer => Some(Op::LayerNorm {
                eps: self.eps,
                has_bias: self.has_bias,
            }),
            Kind::Rms => Some(Op::RmsNorm {
                eps: self.eps,
                has_bias: self.has_bias,
            }),
            Kind::Group(groups) => Some(Op::GroupNorm {
                groups,
                eps: self.eps,
                has_bias: self.has_bias,
            }),
        }
    }

    fn to_json(&self) -> Option<String> {
        layer_json("norm", self)
    }
}

/// A normalisation at work.
#[derive(Debug)]
struct NormLayer {
    spec: Norm,
    shape: Shape,
    groups: usize,
    /// Positions that are normalised together.
    positions: usize,
    /// One part's values, and their gradients.
    part: Buffer,
    dpart: Buffer,
    /// Of each part.
    saved: Vec<Moments>,
}

/// What the values of a part are normalised by.
#[derive(Clone, Copy, Debug)]
struct Moments {
    mean: f32,
    /// Reciprocal deviation.
    inverse: f32,
}

impl NormLayer {
    /// Values of a stretch that is cut into the groups' parts.
    fn stretch(&self) -> usize {
        self.positions * self.shape.channels()
    }

    fn moments(&self, values: &[f32]) -> Moments {
        let n = values.len() as f32;
        let mean = match self.spec.kind {
            Kind::Rms => 0.0,
            _ => sum(values) / n,
        };
        let variance = centred_squares(values, mean) / n;
        Moments {
            mean,
            inverse: 1.0 / (variance + self.spec.eps).sqrt(),
        }
    }

    fn input_gradients(&mut self, gain: &[f32], x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let (c, stretch) = (self.shape.channels(), self.stretch());
        let run = c / self.groups;
        let (mut xs, mut ds) = (
            std::mem::take(&mut self.part),
            std::mem::take(&mut self.dpart),
        );
        let stretches = x.chunks_exact(stretch).zip(dy.chunks_exact(stretch));
        for (at, ((x, dy), dx)) in stretches.zip(dx.chunks_exact_mut(stretch)).enumerate() {
            for group in 0..self.groups {
                // x and g dy of the part, side by side.
                let n = stretch / self.groups;
                let (part, d) = (xs.grow(n), ds.grow(n));
                for p in 0..self.positions {
                    let from = p * c + group * run..p * c + (group + 1) * run;
                    let to = p * run..(p + 1) * run;
                    part[to.clone()].copy_from_slice(&x[from.clone()]);
                    multiply(&mut d[to], &dy[from], &gain[group * run..][..run]);
                }
                let saved = self.saved[at * self.groups + group];
                // Their gradient, and back to where they lie.
                input_gradient(part, d, saved, self.spec.kind == Kind::Rms);
                for p in 0..self.positions {
                    let to = p * c + group * run..p * c + (group + 1) * run;
                    dx[to].copy_from_slice(&d[p * run..(p + 1) * run]);
                }
            }
        }
        (self.part, self.dpart) = (xs, ds);
    }
}

impl Layer for NormLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let c = self.shape.channels();
        let one =
            |name, init| TensorSpec::weight(name, &[c], init, Fans::equal(c)).role(Role::Norm);
        let bias = self.spec.has_bias.then(|| one("bias", Init::Zeros));
        let gain = one("weight", Init::Constant(1.0));
        [Some(gain), bias].into_iter().flatten().collect()
    }

    fn forward(&mut self, _context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (c, stretch) = (self.shape.channels(), self.stretch());
        let (gain, bias) = params.split_at(c);
        self.saved.clear();
        let mut part = std::mem::take(&mut self.part);
        for (x, y) in x.chunks_exact(stretch).zip(y.chunks_exact_mut(stretch)) {
            let run = c / self.groups;
            for group in 0..self.groups {
                // Of the values side by side: a copy, where they lie apart.
                let moments = if self.groups == 1 {
                    self.moments(x)
                } else {
                    let part = part.grow(stretch / self.groups);
                    for (part, x) in part.chunks_exact_mut(run).zip(x.chunks_exact(c)) {
                        part.copy_from_slice(&x[group * run..][..run]);
                    }
                    self.moments(part)
                };
                self.saved.push(moments);
                // Each position's run of them.
                for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
                    let at = group * run..(group + 1) * run;
                    let bias = if bias.is_empty() {
                        bias
                    } else {
                        &bias[at.clone()]
                    };
                    normalise(&mut y[at.clone()], &x[at.clone()], &gain[at], bias, moments);
                }
            }
        }
        self.part = part;
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (c, stretch, run) = (
            self.shape.channels(),
            self.stretch(),
            self.shape.channels() / self.groups,
        );
        let (x, dy) = (args.x, &*args.dy);
        let per_row = self.shape.len() / stretch * self.groups;
        let len = self.shape.len();
        // Gain and bias: sums over the positions of a shard.
        grads.fold(context, |rows, leaf| {
            let (dgain, dbias) = leaf.split_at_mut(c);
            let range = rows.start * len..rows.end * len;
            let saved = &self.saved[rows.start * per_row..];
            let stretches = x[range.clone()]
                .chunks_exact(stretch)
                .zip(dy[range].chunks_exact(stretch));
            for (at, (x, dy)) in stretches.enumerate() {
                for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                    for group in 0..self.groups {
                        let moments = saved[at * self.groups + group];
                        let at = group * run..(group + 1) * run;
                        add_gain_gradient(&mut dgain[at.clone()], &x[at.clone()], &dy[at], moments);
                    }
                    if !dbias.is_empty() {
                        add(dbias, dy);
                    }
                }
            }
        });
        if let Some(dx) = args.dx {
            self.input_gradients(&args.params[..c], x, dy, dx);
        }
    }

    fn properties(&self) -> Properties {
        Properties {
            overwrites_gradient: false,
            ..Properties::default()
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn normalise(y: &mut [f32], x: &[f32], gain: &[f32], bias: &[f32], moments: Moments) {
    let Moments { mean, inverse } = moments;
    for ((y, x), g) in y.iter_mut().zip(x).zip(gain) {
        *y = (x - mean) * inverse * g;
    }
    if !bias.is_empty() {
        y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn add_gain_gradient(to: &mut [f32], x: &[f32], dy: &[f32], moments: Moments) {
    let Moments { mean, inverse } = moments;
    for ((to, x), dy) in to.iter_mut().zip(x).zip(dy) {
        *to += dy * ((x - mean) * inverse);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn multiply(to: &mut [f32], left: &[f32], right: &[f32]) {
    for ((to, l), r) in to.iter_mut().zip(left).zip(right) {
        *to = l * r;
    }
}

/// `d = (d - mean(d) - xhat mean(d xhat)) inverse`, with `d = g dy` and
/// `xhat = (x - mean) inverse`; `x` becomes xhat. RMS norm has no mean to take off.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn input_gradient(x: &mut [f32], d: &mut [f32], moments: Moments, is_rms: bool) {
    let Moments { mean, inverse } = moments;
    x.iter_mut().for_each(|x| *x = (*x - mean) * inverse);
    let n = x.len() as f32;
    let along = dot(d, x) / n;
    let mean = if is_rms { 0.0 } else { sum(d) / n };
    for (d, x) in d.iter_mut().zip(x) {
        *d = (*d - mean - *x * along) * inverse;
    }
}
