//! A recurrent layer at work: the loop over positions, the products, the gradients.

use std::ops::Range;
use std::sync::Arc;

use super::cell::{Backward, Cell, Forward, with_before};
use super::sizes::{Activations, Sequences, Settings, Sizes, Step};
use super::state::State;
use crate::nn::core::{
    BackwardArgs, BlockContext, Fans, Flops, Grads, Init, Layer, Properties, Role, TensorSpec,
    positions,
};
use crate::nn::kernel::elementwise::add;
use crate::nn::kernel::{Arithmetic, Bias, Buffer, Ones, Out, Rows};
use crate::nn::layers::weight::Weight;
use crate::nn::shape::Shape;

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
        settings: Settings,
        arithmetic: Arithmetic,
    ) -> Self {
        let Settings {
            init,
            is_reversed,
            start,
        } = settings;
        Self {
            cell,
            sizes,
            init,
            is_reversed,
            state: State::new(start, sizes.hidden),
            input: Weight::new(sizes.channels, sizes.gates, arithmetic),
            hidden: Weight::new(sizes.hidden, sizes.gates, arithmetic),
            output: Shape::from([sizes.length, sizes.hidden]),
            gates: Buffer::default(),
            hidden_gates: Buffer::default(),
            c: Buffer::default(),
            biases: Buffer::default(),
            shards: Vec::new(),
        }
    }

    /// Step number `index`.
    fn step(&self, index: usize) -> Step {
        Step::new(index, self.sizes.length, self.is_reversed)
    }

    /// The gates' arguments but for the hidden states' part: `x W`, and the biases. Hidden biases
    /// go where the hidden part is, if that is kept apart.
    fn start_gates(&mut self, params: &[f32], x: &[f32], gates: &mut [f32], hidden: &mut [f32]) {
        let [w, b, _, c] = self.split(params);
        let biases = self.biases.grow(b.len());
        biases.copy_from_slice(b);
        if !self.cell.has_separate_hidden_gates() {
            add(biases, c);
        }
        self.input.forward(w, x, gates, Bias::Columns(biases));
        for gates in hidden.chunks_exact_mut(c.len()) {
            gates.copy_from_slice(c);
        }
    }

    /// Adds the hidden states' part of a step to `gates`, by the states `h` of all positions.
    fn add_hidden(
        &mut self,
        params: &[f32],
        h: &[f32],
        step: Step,
        rows: usize,
        gates: &mut [f32],
    ) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let before = match step.before {
            Some(before) => {
                let states = Sequences {
                    data: h,
                    rows,
                    length,
                    width: hidden,
                };
                states.at(before)
            }
            None if self.state.is_carried() => Rows::dense(self.state.all_h(rows), hidden),
            // From zeros: there is nothing to add.
            None => return,
        };
        let out = Out {
            data: &mut gates[step.position * width..],
            stride: length * width,
        };
        let [_, _, u, _] = self.split(params);
        self.hidden
            .forward_strided(u, before, out, Bias::Accumulate);
    }

    /// The cell at one position of every row.
    fn step_forward(&self, context: &BlockContext<'_>, step: Step, all: Activations<'_>) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let is_separate = self.cell.has_separate_hidden_gates();
        let mask = context.mask_of(length);
        for row in 0..context.rows {
            let at = row * length + step.position;
            let own = at * hidden..(at + 1) * hidden;
            let before = step.before;
            let before = before.map(|before| (row * length + before) * hidden);
            let (h_before, h) = with_before(all.h, own.clone(), before);
            let (c_before, c) = with_before(all.c, own, before);
            let hidden_at = if is_separate {
                at * width..(at + 1) * width
            } else {
                0..0
            };
            // Before the first position stands the initial state.
            let h_before = h_before.unwrap_or_else(|| self.state.h(row));
            let c_before = c_before.unwrap_or_else(|| self.state.c(row));
            // At padding the state stays as it is.
            if mask.is_some_and(|mask| mask[at]) {
                h.copy_from_slice(h_before);
                c.copy_from_slice(c_before);
                continue;
            }
            self.cell.forward(Forward {
                gates: &mut all.gates[at * width..(at + 1) * width],
                hidden_gates: &mut all.hidden_gates[hidden_at],
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
        let one = |name, shape: &[usize]| {
            let fan = Fans {
                inputs: shape[0],
                outputs: hidden,
            };
            TensorSpec::weight(name, shape, self.init, fan)
        };
        vec![
            one("input_weight", &[channels, gates]),
            one("input_bias", &[gates]).role(Role::Bias),
            one("hidden_weight", &[hidden, gates]),
            one("hidden_bias", &[gates]).role(Role::Bias),
        ]
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32], x: &[f32], y: &mut [f32]) {
        let (hidden, width) = (self.sizes.hidden, self.sizes.gates);
        let positions = context.rows * self.sizes.length;
        let is_separate = self.cell.has_separate_hidden_gates();
        self.state.begin(context);
        // Kept for backward; taken while the layer works on them.
        let mut gates = std::mem::take(&mut self.gates);
        let mut hidden_gates = std::mem::take(&mut self.hidden_gates);
        let mut c = std::mem::take(&mut self.c);
        let all = gates.grow(positions * width);
        let hidden_all = hidden_gates.grow(if is_separate { positions * width } else { 0 });
        let c_all = c.grow(positions * hidden);
        // The input's part of all positions is one product.
        self.start_gates(params, x, all, hidden_all);
        // The hidden part is a product over all rows at each position, then comes the cell.
        for index in 0..self.sizes.length {
            let step = self.step(index);
            let target = if is_separate {
                &mut *hidden_all
            } else {
                &mut *all
            };
            self.add_hidden(params, y, step, context.rows, target);
            let activations = Activations {
                gates: &mut *all,
                hidden_gates: &mut *hidden_all,
                c: &mut *c_all,
                h: &mut *y,
            };
            self.step_forward(context, step, activations);
        }
        (self.gates, self.hidden_gates, self.c) = (gates, hidden_gates, c);
        self.state.carry(context, self.sizes.length, y, &self.c);
    }

    fn backward(
        &mut self,
        context: &BlockContext<'_>,
        args: BackwardArgs<'_>,
        grads: &mut Grads<'_>,
    ) {
        let Sizes { length, hidden, .. } = self.sizes;
        let (states, state) = (context.rows * length * hidden, context.rows * hidden);
        let [mut before, mut dh, mut dc] =
            [states, state, state].map(|len| grads.workspace().take(len));
        let h_before = &mut before[..states];
        let (own_dh, own_dc) = (&mut dh[..state], &mut dc[..state]);
        self.backward_through_time(context, &args, own_dh, own_dc, h_before);
        // The gates hold their gradients now: weights and biases of the input's and hidden part.
        let len = context.rows * length * self.sizes.gates;
        let dgates = &self.gates[..len];
        let dhidden = if self.cell.has_separate_hidden_gates() {
            &self.hidden_gates[..len]
        } else {
            dgates
        };
        positions(context.shards, length, &mut self.shards);
        let input = self.input.product(args.x, dgates);
        let hidden = self.hidden.product(h_before, dhidden);
        grads.fold_products(&[input, hidden], Ones::Row, context, &self.shards);
        grads.workspace().put_back([before, dh, dc]);
        if let Some(dx) = args.dx {
            let weight = &args.params[..self.input.len()];
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
            is_stateful: self.state.is_carried(),
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
        context: &BlockContext<'_>,
        args: &BackwardArgs<'_>,
        dh: &mut [f32],
        dc: &mut [f32],
        h_before: &mut [f32],
    ) {
        let rows = context.rows;
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let [_, _, u, _] = self.split(args.params);
        let is_separate = self.cell.has_separate_hidden_gates();
        dh.fill(0.0);
        dc.fill(0.0);
        for index in (0..length).rev() {
            // What the position after makes of h, by the hidden weights.
            if index + 1 < length {
                let after = self.step(index + 1).position;
                let source = if is_separate {
                    &self.hidden_gates
                } else {
                    &self.gates
                };
                let d = Sequences {
                    data: source,
                    rows,
                    length,
                    width,
                };
                let out = Out::dense(dh, hidden);
                self.hidden
                    .backward_strided(u, d.at(after), out, Bias::Accumulate);
            }
            self.step_backward(context, args, self.step(index), dh, dc, h_before);
        }
    }

    /// One position of every row, backward.
    fn step_backward(
        &mut self,
        context: &BlockContext<'_>,
        args: &BackwardArgs<'_>,
        step: Step,
        dh_all: &mut [f32],
        dc_all: &mut [f32],
        h_all: &mut [f32],
    ) {
        let Sizes {
            length,
            hidden,
            gates: width,
            ..
        } = self.sizes;
        let is_separate = self.cell.has_separate_hidden_gates();
        let mask = context.mask_of(length);
        for row in 0..context.rows {
            let at = row * length + step.position;
            let own = at * hidden..(at + 1) * hidden;
            let earlier = step.before.map(|before| {
                let start = (row * length + before) * hidden;
                start..start + hidden
            });
            let at_row = row * hidden..(row + 1) * hidden;
            // From the output at this position, besides that from the position after.
            let dh = &mut dh_all[at_row.clone()];
            add(dh, &args.dy[own.clone()]);
            let (h_before, c_before) = match earlier {
                Some(earlier) => (&args.y[earlier.clone()], &self.c[earlier]),
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
                h: &args.y[own.clone()],
                c: &self.c[own],
                dh,
                dc: &mut dc_all[at_row],
            });
        }
    }
}
