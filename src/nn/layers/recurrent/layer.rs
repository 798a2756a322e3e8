//! A recurrent layer at work: the loop over positions, the products, the gradients.

use std::ops::Range;
use std::sync::Arc;

use super::cell::{Backward, Cell, Forward, with_before};
use super::state::{Start, State};
use crate::nn::core::{
    Flops, Grads, Init, Layer, Pass, Properties, Role, Tape, TensorSpec, positions,
};
use crate::nn::kernel::elementwise::add;
use crate::nn::kernel::{Bias, Buffer, Isa, Ones, Out, Rows};
use crate::nn::layers::weight::Weight;
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
    /// Parameters of the input's part; the hidden states' follow.
    fn input_params(self) -> usize {
        (self.channels + 1) * self.gates
    }
}

/// A recurrent layer at work.
#[derive(Debug)]
pub(super) struct RecurrentLayer {
    cell: Arc<dyn Cell>,
    sizes: Sizes,
    init: Init,
    is_reversed: bool,
    /// The state before the first position.
    state: State,
    input: Weight,
    hidden: Weight,
    output: Shape,
    /// (B, T, G H): the gates' arguments, then what backward needs, then their gradients.
    gates: Buffer,
    /// The hidden part of the same, where it is separate.
    hidden_gates: Buffer,
    /// (B, T, H): the cell's inner state.
    c: Buffer,
    biases: Buffer,
    shards: Vec<Range<usize>>,
}

impl RecurrentLayer {
    pub(super) fn new(
        cell: Arc<dyn Cell>,
        sizes: Sizes,
        (init, (is_reversed, start), isa): (Init, (bool, Start), Isa),
    ) -> Self {
        Self {
            cell,
            sizes,
            init,
            is_reversed,
            state: State::new(start, sizes.hidden),
            input: Weight::new((sizes.channels, sizes.gates), isa),
            hidden: Weight::new((sizes.hidden, sizes.gates), isa),
            output: Shape::from([sizes.length, sizes.hidden]),
            gates: Buffer::default(),
            hidden_gates: Buffer::default(),
            c: Buffer::default(),
            biases: Buffer::default(),
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
        pass: &Pass<'_>,
        (position, before): (usize, Option<usize>),
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
        let mask = pass.mask_of(length);
        for row in 0..pass.rows {
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
            let h_before = h_before.unwrap_or_else(|| self.state.h(row));
            let c_before = c_before.unwrap_or_else(|| self.state.c(row));
            if mask.is_some_and(|mask| mask[at]) {
                h.copy_from_slice(h_before);
                c.copy_from_slice(c_before);
                continue;
            }
            self.cell.forward(Forward {
                gates: &mut gates[at * width..(at + 1) * width],
                hidden_gates: &mut hidden_gates[hidden_at],
                h_before,
                c_before,
                h,
                c,
            });
        }
    }

    /// Input weights and biases, hidden weights and biases.
    fn split<'p>(&self, params: &'p [f32]) -> [&'p [f32]; 4] {
        let (input, hidden) = params.split_at(self.sizes.input_params());
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
        self.state.begin(pass);
        let [w, b, u, c] = self.split(params);
        let is_separate = self.cell.has_separate_hidden_gates();
        let mut gates = std::mem::take(&mut self.gates);
        let mut hidden_gates = std::mem::take(&mut self.hidden_gates);
        let mut inner = std::mem::take(&mut self.c);
        let all = gates.grow(rows * length * width);
        let inner_all = inner.grow(rows * length * hidden);
        let separate = if is_separate {
            rows * length * width
        } else {
            0
        };
        let hidden_all = hidden_gates.grow(separate);
        let biases = self.biases.grow(width);
        biases.copy_from_slice(b);
        if !is_separate {
            add(biases, c);
        }
        self.input.forward(w, x, all, Bias::Columns(biases));
        if is_separate {
            hidden_all
                .chunks_exact_mut(width)
                .for_each(|gates| gates.copy_from_slice(c));
        }
        for step in 0..length {
            let (position, before) = self.position(step);
            if before.is_some() || self.state.is_carried() {
                let target = if is_separate {
                    &mut *hidden_all
                } else {
                    &mut *all
                };
                let out = Out {
                    data: &mut target[position * width..],
                    stride: length * width,
                };
                let h = match before {
                    Some(before) => rows_at(y, (rows, length, hidden), before),
                    None => Rows::dense(self.state.all_h(rows), hidden),
                };
                self.hidden.forward_strided(u, h, out, Bias::Stored);
            }
            self.step(
                pass,
                (position, before),
                (&mut *all, &mut *hidden_all),
                (&mut *inner_all, &mut *y),
            );
        }
        (self.gates, self.hidden_gates, self.c) = (gates, hidden_gates, inner);
        self.state.carry(pass, length, (y, &self.c));
    }

    fn backward(&mut self, pass: &Pass<'_>, tape: Tape<'_>, grads: &mut Grads<'_>) {
        let Sizes { length, hidden, .. } = self.sizes;
        let (states, state) = (pass.rows * length * hidden, pass.rows * hidden);
        let [mut before, mut dh, mut dc] =
            [states, state, state].map(|len| grads.workspace().take(len));
        let h_before = &mut before[..states];
        let gradients = (&mut dh[..state], &mut dc[..state]);
        self.backward_through_time(pass, &tape, gradients, h_before);
        let len = pass.rows * length * self.sizes.gates;
        let dgates = &self.gates[..len];
        let dhidden = if self.cell.has_separate_hidden_gates() {
            &self.hidden_gates[..len]
        } else {
            dgates
        };
        positions(pass.shards, length, &mut self.shards);
        let input = self.input.product(tape.x, dgates);
        let hidden = self.hidden.product(h_before, dhidden);
        grads.fold_products(&[input, hidden], (Ones::Row, pass, &self.shards));
        grads.workspace().put_back([before, dh, dc]);
        if let Some(dx) = tape.dx {
            let weight = &tape.params[..self.input.len()];
            self.input.backward(weight, dgates, dx, Bias::Zero);
        }
    }

    fn params_changed(&mut self) {
        self.input.params_changed();
        self.hidden.params_changed();
    }

    fn properties(&self) -> Properties {
        let gates = 1 + usize::from(self.cell.has_separate_hidden_gates());
        let products = self.input.workspace_per_row();
        let products = products.max(self.hidden.workspace_per_row());
        Properties {
            flops: Flops::from(
                2 * (self.sizes.length * (self.input.len() + self.hidden.len())) as u64,
            ),
            needs_output: true,
            carries_rows: self.state.is_carried(),
            fewest_rows: 8,
            bytes_per_row: 4 * self.sizes.length * (gates * self.sizes.gates + self.sizes.hidden),
            workspace_per_row: self.sizes.length * (4 * self.sizes.hidden + products),
            ..Properties::default()
        }
    }
}

impl RecurrentLayer {
    /// From the last position to the first: turns the gates into the gradients of their arguments,
    /// and leaves in `h_before`, (B, T, H), the state before each position.
    fn backward_through_time(
        &mut self,
        pass: &Pass<'_>,
        tape: &Tape<'_>,
        (dh, dc): (&mut [f32], &mut [f32]),
        h_before: &mut [f32],
    ) {
        let rows = pass.rows;
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let [_, _, u, _] = self.split(tape.params);
        let is_separate = self.cell.has_separate_hidden_gates();
        dh.fill(0.0);
        dc.fill(0.0);
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
                let out = Out::dense(dh, hidden);
                self.hidden.backward_strided(u, d, out, Bias::Stored);
            }
            let gradients = (&mut *dh, &mut *dc, &mut *h_before);
            self.step_back(pass, tape, (position, before), gradients);
        }
    }

    /// One position of every row, backward.
    fn step_back(
        &mut self,
        pass: &Pass<'_>,
        tape: &Tape<'_>,
        (position, before): (usize, Option<usize>),
        (dh_all, dc_all, h_all): (&mut [f32], &mut [f32], &mut [f32]),
    ) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let is_separate = self.cell.has_separate_hidden_gates();
        let mask = pass.mask_of(length);
        for row in 0..pass.rows {
            let at = row * length + position;
            let own = at * hidden..(at + 1) * hidden;
            let earlier = before.map(|b| (row * length + b) * hidden);
            let earlier = earlier.map(|start| start..start + hidden);
            let at_row = row * hidden..(row + 1) * hidden;
            let dh = &mut dh_all[at_row.clone()];
            add(dh, &tape.dy[own.clone()]);
            let (h_before, c_before) = match earlier {
                Some(earlier) => (&tape.y[earlier.clone()], &self.c[earlier]),
                None => (self.state.h(row), self.state.c(row)),
            };
            h_all[own.clone()].copy_from_slice(h_before);
            let gates_at = at * width..(at + 1) * width;
            let hidden_at = if is_separate {
                at * width..(at + 1) * width
            } else {
                0..0
            };
            // At padding h and c are those before: their gradients pass on, and the gates have
            // none.
            if mask.is_some_and(|mask| mask[at]) {
                self.gates[gates_at].fill(0.0);
                self.hidden_gates[hidden_at].fill(0.0);
                continue;
            }
            self.cell.backward(Backward {
                gates: &mut self.gates[gates_at],
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
}
