//! A convolution by `kernel::winograd`: forward, both gradients.
//!
//! ```text
//! for each block of tiles                their points stay in L2
//!   inputs of the tiles to points        36 matrices: tiles x channels
//!   for each point: z = v u              matrix products over channels
//!   points to outputs
//! ```
//!
//! The input's gradient is the same convolution of the gradient with the flipped kernel. The
//! kernel's gradient is one chain over the tiles of a shard at each point, then one transform a
//! shard. It takes the inputs to points again: kept from forward, they would be 2.25 times the
//! input (9 with 5 x 5 kernels), in far memory.

use std::ops::Range;

use super::input_gradient::flip;
use super::layer::{of_images, parameters};
use super::padded_input::{Axis, Channels, PaddedInput, PerAxis};
use super::spec::Conv;
use crate::nn::core::{
    BackwardArgs, BlockContext, Flops, Grads, Layer, Properties, TensorSpec, blocks,
};
use crate::nn::kernel::columns::add_rows;
use crate::nn::kernel::winograd::{POINTS, Runs, SIDE, Square, SquarePair, Transform, transform};
use crate::nn::kernel::{
    Bias, Buffer, Isa, Ones, Out, Packed, PackedOnce, Rows, Side, Strided, product_of_rows,
    product_transposed,
};
use crate::nn::shape::Shape;

/// Values of the points of a block of tiles, inputs' and outputs': 384 KiB.
const BLOCK: usize = 96 << 10;

/// Values between the matrices of two points beyond their own: without, all 36 meet in the same
/// sets of the caches.
const GAP: usize = 16;

/// A convolution at work.
#[derive(Debug)]
pub(super) struct WinogradLayer {
    spec: Conv,
    output: Shape,
    forward: Direction,
    backward: Direction,
    kernel: PackedOnce,
    flipped_kernel: PackedOnce,
    scratch: Scratch,
}

/// What lies at the points, for a moment.
#[derive(Debug, Default)]
struct Scratch {
    /// Of a block of tiles.
    inputs: Buffer,
    outputs: Buffer,
    /// A kernel, or a shard's gradient of it.
    weights: Buffer,
    /// A flipped kernel before it is transformed.
    flipped: Buffer,
}

/// Outputs of a tile's side, where Winograd's algorithm computes this convolution: kernels of 3 x 3
/// or 5 x 5 at stride 1, from and to multiples of 16 channels.
pub(super) fn tile_of(spec: &Conv, axes: PerAxis<Axis>, channels: usize) -> Option<usize> {
    let is_plain = spec.stride == (1, 1) && spec.dilation == (1, 1) && spec.groups == 1;
    let has_channels = channels.is_multiple_of(16) && spec.channels.is_multiple_of(16);
    let outputs = match spec.kernel {
        (3, 3) => 4,
        (5, 5) => 2,
        _ => return None,
    };
    let fills_tiles = axes.rows.outputs().min(axes.columns.outputs()) >= outputs;
    (is_plain && has_channels && fills_tiles && !spec.is_direct).then_some(outputs)
}

impl WinogradLayer {
    pub(super) fn new(
        spec: Conv,
        axes: PerAxis<Axis>,
        channels: usize,
        tile: usize,
        isa: Isa,
    ) -> Self {
        let outputs = axes.map(Axis::outputs);
        let forward = Channels {
            inputs: channels,
            outputs: spec.channels,
        };
        let backward = Channels {
            inputs: forward.outputs,
            outputs: forward.inputs,
        };
        Self {
            output: Shape::from([outputs.rows, outputs.columns, spec.channels]),
            forward: Direction::new(axes, forward, tile, isa),
            backward: Direction::new(axes.map(Axis::reversed), backward, tile, isa),
            kernel: PackedOnce::new(isa),
            flipped_kernel: PackedOnce::new(isa),
            scratch: Scratch::default(),
            spec,
        }
    }

    fn num_weights(&self) -> usize {
        let Channels { inputs, outputs } = self.forward.channels;
        self.forward.kernel * self.forward.kernel * inputs * outputs
    }

    /// One shard's gradient of weights and biases, added to zeros.
    fn leaf(&mut self, images: Range<usize>, dy: &[f32], leaf: &mut [f32]) {
        if images.is_empty() {
            return;
        }
        let (direction, scratch) = (&self.forward, &mut self.scratch);
        let Channels { inputs, outputs } = direction.channels;
        let (run, plane) = (inputs * outputs, inputs * outputs + GAP);
        scratch.weights.grow(POINTS * plane);
        // At each point, one chain over the tiles of all images.
        for (block, tiles) in direction.blocks(&images).enumerate() {
            direction.to_points(&tiles, &mut scratch.inputs);
            direction.gradient_to_points(&tiles, dy, &mut scratch.outputs);
            for point in 0..POINTS {
                let out = Out::dense(&mut scratch.weights[point * plane..][..run], outputs);
                let x = direction.rows(&scratch.inputs, tiles.len(), inputs, point);
                let dy = direction.rows(&scratch.outputs, tiles.len(), outputs, point);
                product_transposed(direction.isa, out, x, dy, block > 0);
            }
        }
        // From points to kernel values.
        let (weight, bias) = leaf.split_at_mut(run * direction.kernel * direction.kernel);
        let places = kernel_places(direction.kernel, run, plane);
        transform(
            direction.isa,
            Transform::KernelGradient(direction.kernel),
            weight,
            &scratch.weights,
            &mut std::iter::once(places),
            Runs::of(run),
        );
        if !bias.is_empty() {
            let len = self.output.len();
            add_rows(bias, &dy[images.start * len..images.end * len]);
        }
    }

    /// The gradients of the inputs.
    fn backward_data(&mut self, weight: &[f32], dy: &[f32], dx: &mut [f32], rows: usize) {
        let (kernel, scratch) = (self.forward.kernel, &mut self.scratch);
        let packed = self.flipped_kernel.get(|packed| {
            let places = (0..kernel * kernel).rev();
            let places = places.map(|at| (at / kernel, at % kernel));
            let (channels, to) = (self.forward.channels, &mut scratch.flipped);
            let flipped = flip(weight, &self.spec, channels, 0, places, to);
            self.backward
                .pack(flipped.data, packed, &mut scratch.weights);
        });
        for images in self.backward.padded.blocks(rows) {
            let own = of_images(dy, rows, &images);
            let len = dx.len() / rows;
            self.backward.padded.fill(0, own);
            let dx = &mut dx[images.start * len..images.end * len];
            self.backward
                .convolve(&(0..images.len()), packed, &[], dx, scratch);
        }
    }
}

impl Layer for WinogradLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        parameters(&self.spec, self.forward.channels)
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (weight, bias) = params.split_at(self.num_weights());
        let (direction, scratch) = (&mut self.forward, &mut self.scratch);
        let pack = |packed: &mut Packed| direction.pack(weight, packed, &mut scratch.weights);
        let packed = self.kernel.get(pack);
        for images in direction.padded.blocks(context.rows) {
            let own = of_images(x, context.rows, &images);
            direction.padded.fill(images.start, own);
            direction.convolve(&images, packed, bias, y, scratch);
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
        if let Some(dx) = args.dx {
            let weight = &args.params[..self.num_weights()];
            self.backward_data(weight, dy, dx, context.rows);
        }
    }

    fn params_changed(&mut self) {
        self.kernel.outdate();
        self.flipped_kernel.outdate();
    }

    fn properties(&self) -> Properties {
        let Channels { inputs, outputs } = self.forward.channels;
        let positions = self.output.len() / outputs;
        let tiles = self.forward.padded.windows.offsets.len();
        Properties {
            flops: Flops {
                counted: 2 * (positions * self.num_weights()) as u64,
                executed: 2 * (tiles * POINTS * inputs * outputs) as u64,
            },
            overwrites_gradient: false,
            bytes_per_row: 4 * self.forward.padded.windows.image,
            ..Properties::default()
        }
    }
}

/// A convolution of images that lie among their zeros.
#[derive(Debug)]
struct Direction {
    isa: Isa,
    padded: PaddedInput,
    channels: Channels,
    kernel: usize,
    /// Outputs of a tile's side.
    tile: usize,
    /// Of the outputs.
    sides: PerAxis<usize>,
    /// Tiles of a block.
    block: usize,
}

impl Direction {
    fn new(axes: PerAxis<Axis>, channels: Channels, tile: usize, isa: Isa) -> Self {
        let point_values = POINTS * (channels.inputs + channels.outputs);
        Self {
            isa,
            padded: PaddedInput::tiled(axes, channels.inputs, tile),
            channels,
            kernel: axes.rows.kernel,
            tile,
            sides: axes.map(Axis::outputs),
            block: (BLOCK / point_values).max(SIDE),
        }
    }

    /// Blocks of the tiles of `images`.
    fn blocks(&self, images: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let tiles = self.padded.windows.offsets.len();
        let first = images.start * tiles;
        blocks(images.len() * tiles, self.block)
            .map(move |tiles| first + tiles.start..first + tiles.end)
    }

    /// The outputs of `images`, which lie among their zeros.
    fn convolve(
        &self,
        images: &Range<usize>,
        kernel: &Packed,
        bias: &[f32],
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Channels { inputs, outputs } = self.channels;
        let plane = self.block * outputs + GAP;
        for tiles in self.blocks(images) {
            // Inputs to points, a product at each, points to outputs.
            self.to_points(&tiles, &mut scratch.inputs);
            let products = scratch.outputs.grow(POINTS * plane);
            for point in 0..POINTS {
                let products = &mut products[point * plane..][..tiles.len() * outputs];
                let x = self.rows(&scratch.inputs, tiles.len(), inputs, point);
                let first = point * (inputs + 1);
                let kernel = kernel.part(0..outputs, first..first + inputs);
                product_of_rows(Out::dense(products, outputs), x, kernel, Bias::Zero);
            }
            let mut places = tiles.clone().map(|tile| {
                let points = point_square(tile - tiles.start, outputs, plane);
                SquarePair {
                    to: self.output_square(tile),
                    from: points,
                }
            });
            let runs = Runs { len: outputs, bias };
            let what = Transform::Outputs(self.tile);
            transform(self.isa, what, y, products, &mut places, runs);
        }
    }

    /// Packs the kernel at the points, one matrix below the other with a row between them.
    fn pack(&self, weight: &[f32], packed: &mut Packed, points: &mut Buffer) {
        let Channels { inputs, outputs } = self.channels;
        let (run, plane) = (inputs * outputs, (inputs + 1) * outputs);
        let points = points.grow(POINTS * plane);
        let SquarePair { to, from } = kernel_places(self.kernel, run, plane);
        let mut places = std::iter::once(SquarePair { to: from, from: to });
        let what = Transform::Kernel(self.kernel);
        transform(self.isa, what, points, weight, &mut places, Runs::of(run));
        let matrix = Strided::across(points, POINTS * (inputs + 1), outputs);
        packed.pack(Side::Right, matrix, Ones::None);
    }

    /// The inputs of a block of tiles to points.
    fn to_points(&self, tiles: &Range<usize>, points: &mut Buffer) {
        let (channels, windows) = (self.channels.inputs, &self.padded.windows);
        let plane = self.block * channels + GAP;
        let mut places = tiles.clone().map(|tile| {
            let (image, at) = (tile / windows.offsets.len(), tile % windows.offsets.len());
            let own = Square {
                first: image * windows.image + windows.offsets[at],
                row_step: self.padded.steps.rows,
                column_step: self.padded.steps.columns,
                rows: SIDE,
                columns: SIDE,
            };
            SquarePair {
                to: point_square(tile - tiles.start, channels, plane),
                from: own,
            }
        });
        let (points, padded) = (points.grow(POINTS * plane), &self.padded.data);
        let (what, runs) = (Transform::Inputs, Runs::of(channels));
        transform(self.isa, what, points, padded, &mut places, runs);
    }

    /// The gradients of a block of tiles of outputs to points.
    fn gradient_to_points(&self, tiles: &Range<usize>, dy: &[f32], points: &mut Buffer) {
        let channels = self.channels.outputs;
        let plane = self.block * channels + GAP;
        let mut places = tiles.clone().map(|tile| SquarePair {
            to: point_square(tile - tiles.start, channels, plane),
            from: self.output_square(tile),
        });
        let what = Transform::OutputGradients(self.tile);
        let (points, runs) = (points.grow(POINTS * plane), Runs::of(channels));
        transform(self.isa, what, points, dy, &mut places, runs);
    }

    /// Where the outputs of a tile, counted over all images, lie.
    fn output_square(&self, tile: usize) -> Square {
        let PerAxis { rows, columns } = self.sides;
        let across = columns.div_ceil(self.tile);
        let tiles = self.padded.windows.offsets.len();
        let (image, at) = (tile / tiles, tile % tiles);
        let (i, j) = (at / across * self.tile, at % across * self.tile);
        Square {
            first: ((image * rows + i) * columns + j) * self.channels.outputs,
            row_step: columns * self.channels.outputs,
            column_step: self.channels.outputs,
            rows: self.tile.min(rows - i),
            columns: self.tile.min(columns - j),
        }
    }

    /// The matrix at a point of a block of so many tiles.
    fn rows<'v>(&self, points: &'v [f32], tiles: usize, channels: usize, point: usize) -> Rows<'v> {
        let first = point * (self.block * channels + GAP);
        Rows::dense(&points[first..][..tiles * channels], channels)
    }
}

/// Where a tile's values at the points lie, in matrices of `channels` columns that are `plane`
/// values apart.
fn point_square(tile: usize, channels: usize, plane: usize) -> Square {
    Square {
        first: tile * channels,
        row_step: SIDE * plane,
        column_step: plane,
        rows: SIDE,
        columns: SIDE,
    }
}

/// Where a kernel lies whose places have `run` weights each, and where its points do.
fn kernel_places(kernel: usize, run: usize, plane: usize) -> SquarePair {
    let own = Square {
        first: 0,
        row_step: kernel * run,
        column_step: run,
        rows: kernel,
        columns: kernel,
    };
    SquarePair {
        to: own,
        from: point_square(0, 0, plane),
    }
}
