//! Attention at work: the heads' small products, softmax, and the way back.

use std::ops::Range;

use super::head::{Head, View};
use super::spec::{Attention, Reach};
use crate::nn::core::{
    BackwardArgs, BlockContext, Fans, Flops, Grads, Init, Layer, Properties, Role, TensorSpec,
    positions,
};
use crate::nn::kernel::softmax::{Scores, softmax_columns, softmax_columns_backward};
use crate::nn::kernel::{Arithmetic, Bias, Buffer, Ones, Out, Packed, Rounding};
use crate::nn::layers::weight::Weight;
use crate::nn::shape::Shape;

/// Attention at work.
#[derive(Debug)]
pub(super) struct AttentionLayer {
    spec: Attention,
    length: usize,
    channels: usize,
    shape: Shape,
    qkv: Weight,
    out: Weight,
    left: Packed,
    right: Packed,
    rounding: Rounding,
    /// (B, T, 3 C): q, k, v.
    values: Buffer,
    /// (B, heads, T, T'): P, a row a key.
    weights: Buffer,
    /// (B, T, C): P v.
    mixed: Buffer,
    /// (T, T'), of one head.
    d_weights: Buffer,
    shards: Vec<Range<usize>>,
}

impl AttentionLayer {
    pub(super) fn new(
        spec: Attention,
        length: usize,
        channels: usize,
        arithmetic: Arithmetic,
    ) -> Self {
        let new = || Packed::new(arithmetic);
        Self {
            spec,
            length,
            channels,
            shape: Shape::from([length, channels]),
            qkv: Weight::new(channels, 3 * channels, arithmetic),
            out: Weight::new(channels, channels, arithmetic),
            left: new(),
            right: new(),
            rounding: Rounding::new(arithmetic),
            values: Buffer::default(),
            weights: Buffer::default(),
            mixed: Buffer::default(),
            d_weights: Buffer::default(),
            shards: Vec::new(),
        }
    }

    fn num_qkv(&self) -> usize {
        self.qkv.len() + usize::from(self.spec.has_bias) * 3 * self.channels
    }

    /// How a head's scores lie.
    fn scores(&self) -> Scores {
        let width = self.channels / self.spec.heads;
        Scores {
            length: self.length,
            is_causal: self.spec.reach == Reach::Causal,
            scale: 1.0 / (width as f32).sqrt(),
        }
    }

    /// The weights of one row's head.
    fn weights_of(&self, row: usize, head: usize) -> Range<usize> {
        let len = self.length * self.scores().stride();
        let first = (row * self.spec.heads + head) * len;
        first..first + len
    }

    /// One head of one row, forward.
    fn attend(&mut self, row: usize, head: usize, mask: Option<&[bool]>) {
        let (t, c, scores) = (self.length, self.channels, self.scores());
        let d = c / self.spec.heads;
        let weights = self.weights_of(row, head);
        let qkv = &self.values[row * t * 3 * c..][..t * 3 * c];
        let part = |which: usize| View {
            data: qkv,
            first: which * c + head * d,
            stride: 3 * c,
        };
        let p = &mut self.weights[weights];
        let mut products = Head {
            left: &mut self.left,
            right: &mut self.right,
            rounding: &mut self.rounding,
            scores,
            width: d,
        };
        products.scores(part(1), part(0), p);
        if let Some(mask) = mask {
            hide(p, scores.stride(), mask);
        }
        softmax_columns(p, scores);
        let to = columns(&mut self.mixed[row * t * c..], head * d, c);
        products.mix(p, part(2), to);
    }

    /// One head of one row, backward: from the gradient of what is mixed to that of q, k and v.
    fn attend_backward(&mut self, row: usize, head: usize, d_mixed: &[f32], d_values: &mut [f32]) {
        let (t, c, scores) = (self.length, self.channels, self.scores());
        let d = c / self.spec.heads;
        let weights = self.weights_of(row, head);
        let qkv = &self.values[row * t * 3 * c..][..t * 3 * c];
        let part = |which: usize| View {
            data: qkv,
            first: which * c + head * d,
            stride: 3 * c,
        };
        let p = &self.weights[weights];
        let d_out = View {
            data: &d_mixed[row * t * c..][..t * c],
            first: head * d,
            stride: c,
        };
        let mut products = Head {
            left: &mut self.left,
            right: &mut self.right,
            rounding: &mut self.rounding,
            scores,
            width: d,
        };
        // dP = do v', then dS.
        let ds = self.d_weights.grow(p.len());
        products.scores(part(2), d_out, ds);
        softmax_columns_backward(ds, p, scores);
        // dv = P' do, dq = dS k, dk = dS' q.
        let d_qkv = &mut d_values[row * t * 3 * c..][..t * 3 * c];
        let first = |which: usize| which * c + head * d;
        products.mix_back(p, d_out, columns(d_qkv, first(2), 3 * c));
        products.mix(ds, part(1), columns(d_qkv, first(0), 3 * c));
        products.mix_back(ds, part(0), columns(d_qkv, first(1), 3 * c));
    }
}

impl Layer for AttentionLayer {
    fn output(&self) -> &Shape {
        &self.shape
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let c = self.channels;
        let weight = |name, n| TensorSpec::weight(name, &[c, n], self.spec.weight, Fans::equal(c));
        let bias = |name, n| {
            let spec = TensorSpec::weight(name, &[n], Init::Zeros, Fans::equal(c)).role(Role::Bias);
            self.spec.has_bias.then_some(spec)
        };
        let all = [
            Some(weight("qkv_weight", 3 * c)),
            bias("qkv_bias", 3 * c),
            Some(weight("out_weight", c)),
            bias("out_bias", c),
        ];
        all.into_iter().flatten().collect()
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (t, c) = (self.length, self.channels);
        let (qkv, out) = params.split_at(self.num_qkv());
        let (w, b) = qkv.split_at(self.qkv.len());
        let values = self.values.grow(context.rows * t * 3 * c);
        self.qkv.forward(w, x, values, Bias::columns(b));
        self.weights.grow(self.weights_of(context.rows, 0).start);
        self.mixed.grow(context.rows * t * c);
        for row in 0..context.rows {
            let mask = context.mask_of(t).map(|mask| &mask[row * t..][..t]);
            (0..self.spec.heads).for_each(|head| self.attend(row, head, mask));
        }
        let (w, b) = out.split_at(self.out.len());
        let mixed = &self.mixed[..context.rows * t * c];
        self.out.forward(w, mixed, y, Bias::columns(b));
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let (t, c) = (self.length, self.channels);
        let len = context.rows * t * c;
        let (num_qkv, all) = (self.num_qkv(), args.params.len());
        let ones = if self.spec.has_bias {
            Ones::Row
        } else {
            Ones::None
        };
        positions(context.shards, t, &mut self.shards);
        // The output's projection.
        let mut own = grads.part(num_qkv..all);
        let mixed = &self.mixed[..len];
        self.out
            .gradient(mixed, args.dy, ones, context, &self.shards, &mut own);
        let w = &args.params[num_qkv..][..self.out.len()];
        let [mut d_mixed, mut d_values] = [len, 3 * len].map(|len| grads.workspace().take(len));
        let (mixed, values) = (&mut d_mixed[..len], &mut d_values[..3 * len]);
        self.out.backward(w, args.dy, mixed, Bias::Zero);
        // Each head of each row.
        for row in 0..context.rows {
            (0..self.spec.heads).for_each(|head| self.attend_backward(row, head, mixed, values));
        }
        // The projections to queries, keys and values.
        let mut own = grads.part(0..num_qkv);
        self.qkv
            .gradient(args.x, values, ones, context, &self.shards, &mut own);
        if let Some(dx) = args.dx {
            let w = &args.params[..self.qkv.len()];
            self.qkv.backward(w, values, dx, Bias::Zero);
        }
        grads.workspace().put_back([d_mixed, d_values]);
    }

    fn params_changed(&mut self) {
        self.qkv.params_changed();
        self.out.params_changed();
    }

    fn properties(&self) -> Properties {
        let (t, c) = (self.length, self.channels);
        let products = self.qkv.workspace_per_row();
        Properties {
            // As if all positions saw each other, which is how others count.
            flops: Flops::from(2 * (t * (self.qkv.len() + self.out.len()) + 2 * t * t * c) as u64),
            overwrites_gradient: false,
            bytes_per_row: 4 * (4 * t * c + self.weights_of(1, 0).start),
            workspace_per_row: self.length * (4 * 4 * self.channels + products),
            ..Properties::default()
        }
    }
}

/// Columns of rows of `stride` values, from the `first` on.
fn columns(values: &mut [f32], first: usize, stride: usize) -> Out<'_> {
    Out {
        data: &mut values[first..],
        stride,
    }
}

/// Makes all queries blind for the keys of the mask.
fn hide(scores: &mut [f32], stride: usize, mask: &[bool]) {
    for (row, is_hidden) in scores.chunks_exact_mut(stride).zip(mask) {
        if *is_hidden {
            row.fill(f32::NEG_INFINITY);
        }
    }
}
