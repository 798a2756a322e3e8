//! The gradient of a convolution's input: the transposed convolution, without the zeros that a
//! stride would spread between.
//!
//! Input i meets output o through kernel value u where `i + p = s o + d u`. So inputs that are s
//! apart see the same kernel values, and for each such *phase* of rows and of columns the gradient
//! is a convolution of the output's gradient at stride 1: s² of them, which together cost as much
//! as forward.

use super::padded_input::{Axis, Channels, ImageShape, PaddedInput, Padding, PerAxis, Taps};
use super::spec::Conv;
use crate::nn::kernel::{
    Bias, Buffer, Isa, Ones, Out, PackedOnce, Side, Strided, Windows, convolve,
};

/// Inputs of one axis that are a stride apart.
#[derive(Clone, Debug)]
struct AxisPhase {
    first: usize,
    count: usize,
    /// The kernel values that they meet, in the order of the outputs.
    taps: Vec<usize>,
    /// The first input's output at the first of them; it may lie before the first there is.
    origin: isize,
    /// Outputs between the neighbours of `taps`.
    step: usize,
}

impl AxisPhase {
    /// The phase of the input `first`.
    fn new(axis: Axis, first: usize) -> Self {
        let signed = |value: usize| value.cast_signed();
        let (stride, place) = (signed(axis.stride), signed(first + axis.padding.before));
        let distance = |tap: usize| place - signed(axis.dilation * tap);
        let meets = |tap: &usize| distance(*tap) % stride == 0;
        let taps: Vec<usize> = (0..axis.kernel).rev().filter(meets).collect();
        let step = taps
            .windows(2)
            .next()
            .map(|pair| axis.dilation * (pair[0] - pair[1]));
        Self {
            first,
            count: (axis.size - first).div_ceil(axis.stride),
            origin: taps.first().map_or(0, |&tap| distance(tap) / stride),
            step: step.unwrap_or(axis.stride) / axis.stride,
            taps,
        }
    }

    fn all(axis: Axis) -> Vec<Self> {
        let phases = 0..axis.stride.min(axis.size);
        phases.map(|first| Self::new(axis, first)).collect()
    }

    /// Zeros that the outputs need on either side.
    fn padding(&self, outputs: usize) -> Padding {
        let reach = self.taps.len().saturating_sub(1) * self.step + self.count;
        let beyond = self.origin + reach.cast_signed() - outputs.cast_signed();
        Padding {
            before: (-self.origin).max(0).cast_unsigned(),
            behind: beyond.max(0).cast_unsigned(),
        }
    }

    fn taps(&self) -> Taps {
        Taps {
            count: self.taps.len(),
            step: self.step,
        }
    }
}

/// One phase of rows and of columns.
#[derive(Debug)]
struct Phase {
    rows: AxisPhase,
    columns: AxisPhase,
    /// Of a row of inputs, or of all where they lie side by side.
    windows: Windows,
    /// One kernel a group.
    kernels: Vec<PackedOnce>,
}

/// The gradient of the input at work.
#[derive(Debug)]
pub(super) struct InputGradient {
    /// The gradients of the outputs among zeros.
    pub(super) padded: PaddedInput,
    phases: Vec<Phase>,
    /// Of the input.
    sides: PerAxis<usize>,
    per_group: Channels,
    flipped: Buffer,
}

impl InputGradient {
    pub(super) fn new(spec: &Conv, axes: PerAxis<Axis>, per_group: Channels, isa: Isa) -> Self {
        let phases = axes.map(AxisPhase::all);
        let outputs = axes.map(Axis::outputs);
        // The widest padding that a phase needs: all read the same padded gradient.
        let padding = PerAxis {
            rows: widest(&phases.rows, outputs.rows),
            columns: widest(&phases.columns, outputs.columns),
        };
        let values = ImageShape {
            rows: outputs.rows,
            columns: outputs.columns,
            channels: spec.channels,
        };
        let padded = PaddedInput::new(values, padding);
        // A phase of each row with each column.
        let is_whole = phases.rows.len() * phases.columns.len() == 1;
        let mut all = Vec::new();
        for rows in &phases.rows {
            for columns in &phases.columns {
                all.push(Phase {
                    windows: windows(&padded, rows, columns, per_group.outputs, is_whole),
                    kernels: vec![PackedOnce::new(isa); spec.groups],
                    rows: rows.clone(),
                    columns: columns.clone(),
                });
            }
        }
        Self {
            phases: all,
            padded,
            sides: axes.map(|axis| axis.size),
            per_group,
            flipped: Buffer::default(),
        }
    }

    pub(super) fn outdate(&mut self) {
        let kernels = self.phases.iter_mut().flat_map(|phase| &mut phase.kernels);
        kernels.for_each(PackedOnce::outdate);
    }

    /// Of `count` images whose outputs' gradients lie among their zeros.
    pub(super) fn run(&mut self, count: usize, spec: &Conv, weight: &[f32], dx: &mut [f32]) {
        let Channels { inputs, outputs } = self.per_group;
        let channels = inputs * spec.groups;
        let (height, width) = (self.sides.rows, self.sides.columns);
        let is_whole = self.phases.len() == 1;
        for phase in &mut self.phases {
            let (rows, columns) = (&phase.rows, &phase.columns);
            let places = || {
                let of_row = |&u: &usize| columns.taps.iter().map(move |&v| (u, v));
                rows.taps.iter().flat_map(of_row)
            };
            // A convolution a group, with the phase's part of the kernel, flipped.
            let positions = phase.windows.offsets.len();
            for (group, kernel) in phase.kernels.iter_mut().enumerate() {
                let kernel = kernel.get(|packed| {
                    let (per_group, to) = (self.per_group, &mut self.flipped);
                    let flipped = flip(weight, spec, per_group, group, places(), to);
                    packed.pack(Side::Right, flipped, Ones::None);
                });
                let dy = &self.padded.data[group * outputs..];
                let mut run = |first: usize, stride: usize, dy: &[f32], positions: usize| {
                    let out = Out {
                        data: &mut dx[first * channels + group * inputs..],
                        stride: stride * channels,
                    };
                    convolve(out, dy, &phase.windows, positions, kernel, Bias::Zero);
                };
                if is_whole {
                    run(0, 1, dy, count * positions);
                    continue;
                }
                // Inputs of a phase lie a stride apart: a row at a time.
                let stride = spec.stride;
                for image in 0..count {
                    for row in 0..rows.count {
                        let first = image * height + rows.first + row * stride.0;
                        let at = image * self.padded.windows.image + row * self.padded.steps.rows;
                        run(
                            first * width + columns.first,
                            stride.1,
                            &dy[at..],
                            positions,
                        );
                    }
                }
            }
        }
    }
}

/// The widest padding that one of the phases needs.
fn widest(phases: &[AxisPhase], outputs: usize) -> Padding {
    let none = Padding {
        before: 0,
        behind: 0,
    };
    let all = phases.iter().map(|phase| phase.padding(outputs));
    all.fold(none, |widest, one| Padding {
        before: widest.before.max(one.before),
        behind: widest.behind.max(one.behind),
    })
}

/// The windows of a phase: of a row of inputs, or of all.
fn windows(
    padded: &PaddedInput,
    rows: &AxisPhase,
    columns: &AxisPhase,
    per_group: usize,
    is_whole: bool,
) -> Windows {
    let (line, channels) = (padded.steps.rows, padded.steps.columns);
    let first = padded.first.cast_signed()
        + rows.origin * line.cast_signed()
        + columns.origin * channels.cast_signed();
    // A window for each input of the phase, of a row or of all.
    let counts = PerAxis {
        rows: if is_whole { rows.count } else { 1 },
        columns: columns.count,
    };
    let next = PerAxis {
        rows: 1,
        columns: 1,
    };
    let mut offsets = padded.grid(counts, next);
    offsets
        .iter_mut()
        .for_each(|at| *at += first.cast_unsigned());
    let taps = PerAxis {
        rows: rows.taps(),
        columns: columns.taps(),
    };
    Windows {
        image: padded.windows.image,
        offsets,
        runs: padded.runs(taps, per_group),
    }
}

/// A group's kernel at `places`, transposed: (places, O / groups) by C / groups.
pub(super) fn flip<'f>(
    weight: &[f32],
    spec: &Conv,
    per_group: Channels,
    group: usize,
    places: impl Iterator<Item = (usize, usize)>,
    flipped: &'f mut Buffer,
) -> Strided<'f> {
    let Channels { inputs, outputs } = per_group;
    let all = spec.channels;
    let mut depth = 0;
    for (u, v) in places {
        let to = &mut flipped.grow((depth + outputs) * inputs)[depth * inputs..];
        let from = &weight[(u * spec.kernel.1 + v) * inputs * all..][..inputs * all];
        for (c, from) in from.chunks_exact(all).enumerate() {
            let from = &from[group * outputs..][..outputs];
            for (to, value) in to.chunks_exact_mut(inputs).zip(from) {
                to[c] = *value;
            }
        }
        depth += outputs;
    }
    Strided::across(&flipped[..depth * inputs], depth, inputs)
}
