//! A convolution at work: kernels packed once a step, forward, both gradients.

use std::ops::Range;

use super::depthwise;
use super::input_gradient::InputGradient;
use super::padded_input::{Axis, Channels, PaddedInput, PerAxis};
use super::spec::Conv;
use crate::nn::core::{
    BackwardArgs, BlockContext, Fans, Flops, Grads, Layer, Properties, Role, TensorSpec,
};
use crate::nn::kernel::columns::add_rows;
use crate::nn::kernel::{
    Bias, Isa, Ones, Out, Packed, PackedOnce, Side, Strided, add_kernel_gradient, convolve,
};
use crate::nn::shape::Shape;

/// A convolution at work.
#[derive(Debug)]
pub(super) struct ConvLayer {
    spec: Conv,
    channels: usize,
    per_group: Channels,
    output: Shape,
    forward: PaddedInput,
    backward: InputGradient,
    /// One kernel a group.
    kernels: Vec<PackedOnce>,
    dy: Packed,
}

impl ConvLayer {
    pub(super) fn new(spec: Conv, axes: PerAxis<Axis>, channels: usize, isa: Isa) -> Self {
        let outputs = axes.map(Axis::outputs);
        let output = if spec.is_sequence {
            Shape::from([outputs.columns, spec.channels])
        } else {
            Shape::from([outputs.rows, outputs.columns, spec.channels])
        };
        let per_group = Channels {
            inputs: channels / spec.groups,
            outputs: spec.channels / spec.groups,
        };
        Self {
            channels,
            per_group,
            output,
            forward: PaddedInput::forward(axes, channels, per_group.inputs),
            backward: InputGradient::new(&spec, axes, per_group, isa),
            kernels: vec![PackedOnce::new(isa); spec.groups],
            dy: Packed::new(isa),
            spec,
        }
    }

    /// Values of a kernel for one output channel.
    fn depth(&self) -> usize {
        self.spec.kernel.0 * self.spec.kernel.1 * self.per_group.inputs
    }

    fn num_weights(&self) -> usize {
        self.depth() * self.spec.channels
    }

    /// Whether channels do not mix, and windows are taken element by element: of one channel in one
    /// group whole rows of a window lie side by side.
    fn is_depthwise(&self) -> bool {
        let elements = self.spec.kernel.0 * self.spec.kernel.1;
        let is_apart = self.forward.windows.runs.len() == elements;
        self.per_group.inputs == 1 && self.per_group.outputs == 1 && is_apart
    }

    /// The outputs of images that lie among their zeros.
    fn convolve_block(
        &mut self,
        images: Range<usize>,
        weight: &[f32],
        bias: &[f32],
        y: &mut [f32],
    ) {
        let depth = self.depth();
        let windows = &self.forward.windows;
        let positions = images.len() * windows.offsets.len();
        for (group, kernel) in self.kernels.iter_mut().enumerate() {
            let first = group * self.per_group.outputs;
            let matrix = Strided {
                data: &weight[first..],
                lanes: self.per_group.outputs,
                depth,
                lane_stride: 1,
                depth_stride: self.spec.channels,
            };
            // Packed once a step.
            let kernel = kernel.get(|packed| packed.pack(Side::Right, matrix, Ones::None));
            let own = first.min(bias.len())..(first + self.per_group.outputs).min(bias.len());
            let bias = Bias::columns(&bias[own]);
            // The group's channels of input and output.
            let out = Out {
                data: &mut y[first..],
                stride: self.spec.channels,
            };
            let at = images.start * windows.image + group * self.per_group.inputs;
            let x = &self.forward.data[at..];
            convolve(out, x, windows, positions, kernel, bias);
        }
    }

    /// One shard's gradient of weights and biases, added to zeros.
    fn leaf(&mut self, images: Range<usize>, dy: &[f32], leaf: &mut [f32]) {
        let (weights, outputs) = (self.num_weights(), self.spec.channels);
        let (weight, bias) = leaf.split_at_mut(weights);
        let positions = self.forward.windows.offsets.len();
        // Image by image: one chain for each weight.
        for image in images {
            let dy = &dy[image * positions * outputs..][..positions * outputs];
            let x = &self.forward.data[image * self.forward.windows.image..]
                [..self.forward.windows.image];
            if self.is_depthwise() {
                depthwise::add_gradient(weight, x, &self.forward.windows, dy);
            } else {
                for group in 0..self.spec.groups {
                    let first = group * self.per_group.outputs;
                    let matrix = Strided {
                        data: &dy[first..],
                        lanes: self.per_group.outputs,
                        depth: positions,
                        lane_stride: 1,
                        depth_stride: outputs,
                    };
                    self.dy.pack(Side::Right, matrix, Ones::None);
                    let out = Out {
                        data: &mut weight[first..],
                        stride: outputs,
                    };
                    let x = &x[group * self.per_group.inputs..];
                    add_kernel_gradient(out, x, &self.forward.windows, &self.dy);
                }
            }
            if !bias.is_empty() {
                add_rows(bias, dy);
            }
        }
    }
}

impl Layer for ConvLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        parameters(&self.spec, self.per_group)
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.num_weights());
        if self.is_depthwise() {
            self.forward.fill(0, x);
            let (padded, windows) = (&self.forward.data, &self.forward.windows);
            depthwise::forward(y, padded, windows, weight, bias);
            return;
        }
        for images in self.forward.blocks(context.rows) {
            self.forward
                .fill(images.start, of_images(x, context.rows, &images));
            let len = self.output.len();
            let y = &mut y[images.start * len..images.end * len];
            self.convolve_block(images, weight, bias, y);
        }
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let dy = &*args.dy;
        grads.fold(context, |images, leaf| self.leaf(images, dy, leaf));
        let Some(dx) = args.dx else { return };
        let weight = &args.params[..self.num_weights()];
        if self.is_depthwise() {
            let values = self.forward.values;
            let image = self.channels * values.rows * values.columns;
            depthwise::backward(dx, &mut self.forward, weight, args.dy, image);
            return;
        }
        for images in self.backward.padded.blocks(context.rows) {
            let own = of_images(dy, context.rows, &images);
            let len = dx.len() / context.rows;
            self.backward.padded.fill(0, own);
            let dx = &mut dx[images.start * len..images.end * len];
            self.backward.run(images.len(), &self.spec, weight, dx);
        }
    }

    fn params_changed(&mut self) {
        self.kernels.iter_mut().for_each(PackedOnce::outdate);
        self.backward.outdate();
    }

    fn properties(&self) -> Properties {
        Properties {
            flops: Flops::from(
                2 * (self.forward.windows.offsets.len() * self.num_weights()) as u64,
            ),
            overwrites_gradient: false,
            bytes_per_row: 4 * self.forward.windows.image,
            ..Properties::default()
        }
    }
}

/// The parameters of a convolution with such channels a group.
pub(super) fn parameters(spec: &Conv, per_group: Channels) -> Vec<TensorSpec> {
    let window = spec.kernel.0 * spec.kernel.1;
    let fan = Fans {
        inputs: window * per_group.inputs,
        outputs: window * per_group.outputs,
    };
    let shape = [
        spec.kernel.0,
        spec.kernel.1,
        per_group.inputs,
        spec.channels,
    ];
    let weight = TensorSpec::weight("weight", &shape, spec.weight, fan);
    let bias = |init| TensorSpec::weight("bias", &[spec.channels], init, fan).role(Role::Bias);
    std::iter::once(weight).chain(spec.bias.map(bias)).collect()
}

/// The values of `images` among those of `rows` images.
pub(super) fn of_images<'v>(values: &'v [f32], rows: usize, images: &Range<usize>) -> &'v [f32] {
    let len = values.len() / rows;
    &values[images.start * len..images.end * len]
}
