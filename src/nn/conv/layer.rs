//! A convolution at work: kernels packed once a step, forward, both gradients.

use std::ops::Range;

use super::field::{Axis, Field};
use super::{Conv, depthwise};
use crate::nn::grads::Grads;
use crate::nn::kernel::elementwise::add;
use crate::nn::kernel::{
    Bias, Isa, Ones, Out, Packed, PackedOnce, Side, Strided, add_kernel_gradient, convolve,
};
use crate::nn::layer::{Layer, Pass, Tape, TensorSpec, grow};
use crate::nn::params::Role;
use crate::nn::shape::Shape;

/// A convolution at work.
#[derive(Debug)]
pub(super) struct ConvLayer {
    spec: Conv,
    channels: usize,
    /// Input and output channels of a group.
    per_group: (usize, usize),
    output: Shape,
    forward: Field,
    backward: Field,
    /// One kernel a group.
    kernels: Vec<PackedOnce>,
    flipped_kernels: Vec<PackedOnce>,
    /// A flipped kernel before it is packed.
    flipped: Vec<f32>,
    dy: Packed,
    levels: Vec<Vec<f32>>,
}

impl ConvLayer {
    pub(super) fn new(
        spec: Conv,
        (rows, columns): (Axis, Axis),
        channels: usize,
        isa: Isa,
    ) -> Self {
        let output = if spec.is_sequence {
            Shape::from([columns.outputs(), spec.channels])
        } else {
            Shape::from([rows.outputs(), columns.outputs(), spec.channels])
        };
        let per_group = (channels / spec.groups, spec.channels / spec.groups);
        Self {
            channels,
            per_group,
            output,
            forward: Field::forward((rows, columns), channels, per_group.0),
            backward: Field::backward((rows, columns), spec.channels, per_group.1),
            kernels: vec![PackedOnce::new(isa); spec.groups],
            flipped_kernels: vec![PackedOnce::new(isa); spec.groups],
            flipped: Vec::new(),
            dy: Packed::new(isa),
            levels: Vec::new(),
            spec,
        }
    }

    /// Values of a kernel for one output channel.
    fn depth(&self) -> usize {
        self.spec.kernel.0 * self.spec.kernel.1 * self.per_group.0
    }

    fn num_weights(&self) -> usize {
        self.depth() * self.spec.channels
    }

    fn is_depthwise(&self) -> bool {
        self.per_group == (1, 1)
    }

    /// The outputs of images that lie among their zeros.
    fn convolve_block(
        &mut self,
        images: Range<usize>,
        (weight, bias): (&[f32], &[f32]),
        y: &mut [f32],
    ) {
        let depth = self.depth();
        let windows = &self.forward.windows;
        let positions = images.len() * windows.offsets.len();
        for (group, kernel) in self.kernels.iter_mut().enumerate() {
            let first = group * self.per_group.1;
            let matrix = Strided {
                data: &weight[first..],
                lanes: self.per_group.1,
                depth,
                lane_stride: 1,
                depth_stride: self.spec.channels,
            };
            let kernel = kernel.get(|packed| packed.pack(Side::Right, matrix, Ones::None));
            let own = first.min(bias.len())..(first + self.per_group.1).min(bias.len());
            let bias = Bias::columns(&bias[own]);
            let out = Out {
                data: &mut y[first..],
                stride: self.spec.channels,
            };
            let at = images.start * windows.image + group * self.per_group.0;
            let x = &self.forward.padded[at..];
            convolve(out, (x, windows, positions), kernel, bias);
        }
    }

    /// The gradients of the first `count` images whose outputs' gradients lie among their zeros.
    fn convolve_back(&mut self, count: usize, weight: &[f32], dx: &mut [f32]) {
        let windows = &self.backward.windows;
        let positions = count * windows.offsets.len();
        for (group, kernel) in self.flipped_kernels.iter_mut().enumerate() {
            let kernel = kernel.get(|packed| {
                let parts = (&self.spec, self.per_group);
                let flipped = flip(weight, group, parts, &mut self.flipped);
                packed.pack(Side::Right, flipped, Ones::None);
            });
            let out = Out {
                data: &mut dx[group * self.per_group.0..],
                stride: self.channels,
            };
            let dy = &self.backward.padded[group * self.per_group.1..];
            convolve(out, (dy, windows, positions), kernel, Bias::Zero);
        }
    }

    /// One shard's gradient of weights and biases, added to zeros.
    fn leaf(&mut self, images: Range<usize>, dy: &[f32], leaf: &mut [f32]) {
        let (weights, outputs) = (self.num_weights(), self.spec.channels);
        let (weight, bias) = leaf.split_at_mut(weights);
        let positions = self.forward.windows.offsets.len();
        for image in images {
            let dy = &dy[image * positions * outputs..][..positions * outputs];
            let x = &self.forward.padded[image * self.forward.windows.image..]
                [..self.forward.windows.image];
            if self.is_depthwise() {
                depthwise::add_gradient(weight, x, &self.forward.windows, dy);
            } else {
                for group in 0..self.spec.groups {
                    let first = group * self.per_group.1;
                    let matrix = Strided {
                        data: &dy[first..],
                        lanes: self.per_group.1,
                        depth: positions,
                        lane_stride: 1,
                        depth_stride: outputs,
                    };
                    self.dy.pack(Side::Right, matrix, Ones::None);
                    let out = Out {
                        data: &mut weight[first..],
                        stride: outputs,
                    };
                    let x = &x[group * self.per_group.0..];
                    add_kernel_gradient(out, (x, &self.forward.windows), &self.dy);
                }
            }
            if !bias.is_empty() {
                dy.chunks_exact(outputs).for_each(|dy| add(bias, dy));
            }
        }
    }
}

impl Layer for ConvLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let (kernel, outputs) = (self.spec.kernel, self.spec.channels);
        let fan = (self.depth(), kernel.0 * kernel.1 * self.per_group.1);
        let shape = [kernel.0, kernel.1, self.per_group.0, outputs];
        let weight = TensorSpec::weight("weight", &shape, self.spec.weight, fan);
        let bias = self
            .spec
            .bias
            .map(|init| TensorSpec::weight("bias", &[outputs], init, fan).role(Role::Bias));
        [Some(weight), bias].into_iter().flatten().collect()
    }

    fn forward(&mut self, pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.num_weights());
        if self.is_depthwise() {
            self.forward.fill(0, x);
            let (padded, windows) = (&self.forward.padded, &self.forward.windows);
            depthwise::forward(y, padded, windows, (weight, bias));
            return;
        }
        for images in self.forward.blocks(pass.rows) {
            self.forward
                .fill(images.start, of_images(x, pass.rows, &images));
            let len = self.output.len();
            let y = &mut y[images.start * len..images.end * len];
            self.convolve_block(images, (weight, bias), y);
        }
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        let mut levels = std::mem::take(&mut self.levels);
        let dy = &*tape.dy;
        grads.fold(pass, &mut levels, |images, leaf| {
            self.leaf(images, dy, leaf)
        });
        self.levels = levels;
        let Some(dx) = tape.dx else { return };
        let weight = &tape.params[..self.num_weights()];
        if self.is_depthwise() {
            let image = self.channels * self.forward.values.0 * self.forward.values.1;
            depthwise::backward(dx, &mut self.forward, (weight, tape.dy), image);
            return;
        }
        for images in self.backward.blocks(pass.rows) {
            self.backward.fill(0, of_images(dy, pass.rows, &images));
            let len = dx.len() / pass.rows;
            let dx = &mut dx[images.start * len..images.end * len];
            self.convolve_back(images.len(), weight, dx);
        }
    }

    fn overwrites_gradient(&self) -> bool {
        false
    }

    fn params_changed(&mut self) {
        let kernels = self.kernels.iter_mut().chain(&mut self.flipped_kernels);
        kernels.for_each(PackedOnce::outdate);
    }

    fn flops(&self) -> u64 {
        2 * (self.forward.windows.offsets.len() * self.num_weights()) as u64
    }

    fn bytes_per_row(&self) -> usize {
        4 * self.forward.windows.image
    }
}

/// The values of `images` among those of `rows` images.
fn of_images<'v>(values: &'v [f32], rows: usize, images: &Range<usize>) -> &'v [f32] {
    let len = values.len() / rows;
    &values[images.start * len..images.end * len]
}

/// The flipped kernel of a group: (KH, KW, O / groups) by C / groups.
fn flip<'f>(
    weight: &[f32],
    group: usize,
    (spec, (inputs, outputs)): (&Conv, (usize, usize)),
    flipped: &'f mut Vec<f32>,
) -> Strided<'f> {
    let (window, all) = (spec.kernel.0 * spec.kernel.1, spec.channels);
    let flipped = grow(flipped, window * outputs * inputs);
    for (at, to) in flipped.chunks_exact_mut(outputs * inputs).enumerate() {
        let from = &weight[(window - 1 - at) * inputs * all..][..inputs * all];
        for (c, from) in from.chunks_exact(all).enumerate() {
            let from = &from[group * outputs..][..outputs];
            for (to, value) in to.chunks_exact_mut(inputs).zip(from) {
                to[c] = *value;
            }
        }
    }
    Strided::across(flipped, window * outputs, inputs)
}
