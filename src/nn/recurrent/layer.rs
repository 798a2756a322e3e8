//! A recurrent layer at work: the loop over positions, the products, the gradients.

use std::ops::Range;
use std::sync::Arc;

use super::cell::{Backward, Cell, Forward};
use crate::nn::Init;
use crate::nn::dense::{Weight, positions};
use crate::nn::kernel::{Bias, Isa, Ones, Out, Rows};
use crate::nn::layer::{Grads, Layer, Pass, Tape, TensorSpec, grow};
use crate::nn::params::Role;
use crate::nn::shape::Shape;

/// The sizes of a recurrent layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// T.
    pub(super) length: usize,
    /// C.
    pub(super) channels: usize,
    /// H.
    pub(super) hidden: usize,
    /// G H.
    pub(super) gates: usize,
}

impl Sizes {
    /// Parameters of the input's part, and of all.
    fn params(self) -> (usize, usize) {
        let input = (self.channels + 1) * self.gates;
        (input, input + (self.hidden + 1) * self.gates)
    }
}

/// A recurrent layer at work.
#[derive(Debug)]
pub(super) struct RecurrentLayer {
    cell: Arc<dyn Cell>,
    sizes: Sizes,
    init: Init,
    is_reversed: bool,
    input: Weight,
    hidden: Weight,
    output: Shape,
    /// (B, T, G H): the gates' arguments, then what backward needs, then their gradients.
    gates: Vec<f32>,
    /// The hidden part of the same, where it is separate.
    hidden_gates: Vec<f32>,
    /// (B, T, H): the cell's inner state.
    c: Vec<f32>,
    /// (B, T, H): the state before each position.
    h_before: Vec<f32>,
    /// (B, H).
    dh: Vec<f32>,
    dc: Vec<f32>,
    zeros: Vec<f32>,
    biases: Vec<f32>,
    shards: Vec<Range<usize>>,
}

impl RecurrentLayer {
    pub(super) fn new(
        cell: Arc<dyn Cell>,
        sizes: Sizes,
        (init, is_reversed, isa): (Init, bool, Isa),
    ) -> Self {
        Self {
            cell,
            sizes,
            init,
            is_reversed,
            input: Weight::new((sizes.channels, sizes.gates), isa),
            hidden: Weight::new((sizes.hidden, sizes.gates), isa),
            output: Shape::from([sizes.length, sizes.hidden]),
            gates: Vec::new(),
            hidden_gates: Vec::new(),
            c: Vec::new(),
            h_before: Vec::new(),
            dh: Vec::new(),
            dc: Vec::new(),
            zeros: vec![0.0; sizes.hidden],
            biases: Vec::new(),
            shards: Vec::new(),
        }
    }

    /// The position of step `step`, and the one before it in the layer's direction.
    fn position(&self, step: usize) -> (usize, Option<usize>) {
        if self.is_reversed {
            let position = self.sizes.length - 1 - step;
            (position, (step > 0).then_some(position + 1))
        } else {
            (step, step.checked_sub(1))
        }
    }

    /// The cell at one position of every row.
    fn step(
        &self,
        (rows, position, before): (usize, usize, Option<usize>),
        (gates, hidden_gates): (&mut [f32], &mut [f32]),
        (inner, y): (&mut [f32], &mut [f32]),
    ) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let is_separate = self.cell.has_separate_hidden_gates();
        for row in 0..rows {
            let at = row * length + position;
            let own = at * hidden..(at + 1) * hidden;
            let before = before.map(|before| (row * length + before) * hidden);
            let (h_before, h) = with_before(y, own.clone(), before);
            let (c_before, c) = with_before(inner, own, before);
            let hidden_at = if is_separate {
                at * width..(at + 1) * width
            } else {
                0..0
            };
            self.cell.forward(Forward {
                gates: &mut gates[at * width..(at + 1) * width],
                hidden_gates: &mut hidden_gates[hidden_at],
                h_before: h_before.unwrap_or(&self.zeros),
                c_before: c_before.unwrap_or(&self.zeros),
                h,
                c,
            });
        }
    }

    /// Input weights and biases, hidden weights and biases.
    fn split<'p>(&self, params: &'p [f32]) -> [&'p [f32]; 4] {
        let (input, hidden) = params.split_at(self.sizes.params().0);
        let (w, b) = input.split_at(self.input.len());
        let (u, c) = hidden.split_at(self.hidden.len());
        [w, b, u, c]
    }
}

/// Position `position` of every row of (B, T, width), as a matrix of B rows.
fn rows_at(
    data: &[f32],
    (rows, length, width): (usize, usize, usize),
    position: usize,
) -> Rows<'_> {
    Rows {
        data: &data[position * width..],
        count: rows,
        depth: width,
        stride: length * width,
    }
}

impl Layer for RecurrentLayer {
    fn output(&self) -> &Shape {
        &self.output
    }

    fn tensors(&self) -> Vec<TensorSpec> {
        let Sizes {
            channels,
            hidden,
            gates,
            ..
        } = self.sizes;
        let one =
            |name, shape: &[usize]| TensorSpec::weight(name, shape, self.init, (shape[0], hidden));
        vec![
            one("input_weight", &[channels, gates]),
            one("input_bias", &[gates]).role(Role::Bias),
            one("hidden_weight", &[hidden, gates]),
            one("hidden_bias", &[gates]).role(Role::Bias),
        ]
    }

    fn forward(&mut self, pass: &Pass<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let rows = pass.rows;
        let [w, b, u, c] = self.split(params);
        let is_separate = self.cell.has_separate_hidden_gates();
        let mut gates = std::mem::take(&mut self.gates);
        let mut hidden_gates = std::mem::take(&mut self.hidden_gates);
        let mut inner = std::mem::take(&mut self.c);
        let all = grow(&mut gates, rows * length * width);
        let inner_all = grow(&mut inner, rows * length * hidden);
        let separate = if is_separate {
            rows * length * width
        } else {
            0
        };
        let hidden_all = grow(&mut hidden_gates, separate);
        self.biases.clear();
        self.biases.extend_from_slice(b);
        if !is_separate {
            crate::nn::kernel::elementwise::add(&mut self.biases, c);
        }
        self.input.forward(w, x, all, Bias::Columns(&self.biases));
        if is_separate {
            hidden_all
                .chunks_exact_mut(width)
                .for_each(|gates| gates.copy_from_slice(c));
        }
        for step in 0..length {
            let (position, before) = self.position(step);
            if let Some(before) = before {
                let target = if is_separate {
                    &mut *hidden_all
                } else {
                    &mut *all
                };
                let out = Out {
                    data: &mut target[position * width..],
                    stride: length * width,
                };
                let h = rows_at(y, (rows, length, hidden), before);
                self.hidden.forward_strided(u, h, out, Bias::Stored);
            }
            self.step(
                (rows, position, before),
                (&mut *all, &mut *hidden_all),
                (&mut *inner_all, &mut *y),
            );
        }
        (self.gates, self.hidden_gates, self.c) = (gates, hidden_gates, inner);
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        self.backward_through_time(pass.rows, &tape);
        let Sizes { length, .. } = self.sizes;
        let len = pass.rows * length * self.sizes.gates;
        let dgates = &self.gates[..len];
        let dhidden = if self.cell.has_separate_hidden_gates() {
            &self.hidden_gates[..len]
        } else {
            dgates
        };
        positions(pass.shards, length, &mut self.shards);
        let (input, all) = self.sizes.params();
        let parts = (Ones::Row, pass, &self.shards[..]);
        self.input
            .gradient((tape.x, dgates), parts, &mut grads.part(0..input));
        let h_before = &self.h_before[..pass.rows * length * self.sizes.hidden];
        self.hidden
            .gradient((h_before, dhidden), parts, &mut grads.part(input..all));
        if let Some(dx) = tape.dx {
            let weight = &tape.params[..self.input.len()];
            self.input.backward(weight, dgates, dx, Bias::Zero);
        }
    }

    fn params_changed(&mut self) {
        self.input.params_changed();
        self.hidden.params_changed();
    }

    fn flops(&self) -> u64 {
        2 * (self.sizes.length * (self.input.len() + self.hidden.len())) as u64
    }

    fn needs_output(&self) -> bool {
        true
    }

    fn bytes_per_row(&self) -> usize {
        let gates = 1 + usize::from(self.cell.has_separate_hidden_gates());
        4 * self.sizes.length * (gates * self.sizes.gates + 2 * self.sizes.hidden)
    }
}

impl RecurrentLayer {
    /// From the last position to the first: turns the gates into the gradients of their arguments.
    fn backward_through_time(&mut self, rows: usize, tape: &Tape<'_>) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let [_, _, u, _] = self.split(tape.params);
        let is_separate = self.cell.has_separate_hidden_gates();
        let mut dh = std::mem::take(&mut self.dh);
        let mut dc = std::mem::take(&mut self.dc);
        let dh_all = grow(&mut dh, rows * hidden);
        let dc_all = grow(&mut dc, rows * hidden);
        dh_all.fill(0.0);
        dc_all.fill(0.0);
        grow(&mut self.h_before, rows * length * hidden);
        for step in (0..length).rev() {
            let (position, before) = self.position(step);
            if step + 1 < length {
                let (after, _) = self.position(step + 1);
                let source = if is_separate {
                    &self.hidden_gates
                } else {
                    &self.gates
                };
                let d = rows_at(source, (rows, length, width), after);
                let out = Out::dense(dh_all, hidden);
                self.hidden.backward_strided(u, d, out, Bias::Stored);
            }
            for row in 0..rows {
                let at = row * length + position;
                let own = at * hidden..(at + 1) * hidden;
                let earlier = before.map(|b| (row * length + b) * hidden);
                let earlier = earlier.map(|start| start..start + hidden);
                let at_row = row * hidden..(row + 1) * hidden;
                let dh = &mut dh_all[at_row.clone()];
                crate::nn::kernel::elementwise::add(dh, &tape.dy[own.clone()]);
                let h_before = earlier.clone().map_or(&self.zeros[..], |e| &tape.y[e]);
                let c_before = earlier.map_or(&self.zeros[..], |e| &self.c[e]);
                self.h_before[own.clone()].copy_from_slice(h_before);
                let hidden_at = if is_separate {
                    at * width..(at + 1) * width
                } else {
                    0..0
                };
                self.cell.backward(Backward {
                    gates: &mut self.gates[at * width..(at + 1) * width],
                    hidden_gates: &mut self.hidden_gates[hidden_at],
                    h_before,
                    c_before,
                    h: &tape.y[own.clone()],
                    c: &self.c[own],
                    dh,
                    dc: &mut dc_all[at_row],
                });
            }
        }
        (self.dh, self.dc) = (dh, dc);
    }
}

/// The slice `own`, to be written, and the slice of the same length at `before`, to be read.
fn with_before(
    data: &mut [f32],
    own: Range<usize>,
    before: Option<usize>,
) -> (Option<&[f32]>, &mut [f32]) {
    let len = own.len();
    match before {
        None => (None, &mut data[own]),
        Some(before) if before < own.start => {
            let (left, right) = data.split_at_mut(own.start);
            (Some(&left[before..before + len]), &mut right[..len])
        }
        Some(before) => {
            let (left, right) = data.split_at_mut(before);
            (Some(&right[..len]), &mut left[own])
        }
    }
}
