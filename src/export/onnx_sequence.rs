//! Norms within rows, adaptive pools and the layers of sequences in ONNX's words.

use std::ops::Range;
use std::sync::Arc;

use crate::nn::{Op, RecurrentCell, Shape, Spec};

use super::error::ExportError;
use super::onnx::Value;
use super::onnx_format::Attribute;
use super::onnx_graph::Graph;

impl Graph<'_> {
    /// Rows of a table by whole numbers, which come as f32.
    pub(super) fn rows_of(&mut self, table: &str, x: &str) -> String {
        let tokens = self.add("Cast", &[x], vec![Attribute::int("to", 7)]);
        self.add("Gather", &[table, &tokens], Vec::new())
    }

    /// An embedding, a body, and the embedding's own table as the head.
    pub(super) fn tied(
        &mut self,
        body: &[Arc<dyn Spec>],
        value: &Value,
        place: &str,
    ) -> Result<String, ExportError> {
        let channels = self.next_shape()[1];
        let table = self.weight();
        let embedded = Value {
            name: self.rows_of(&table, &value.name),
            shape: Shape::from([value.shape.len(), channels]),
        };
        let hidden = self.layers(body, embedded, &format!("{place}."))?;
        let head = self.transposed(&table, &[1, 0]);
        Ok(self.add("MatMul", &[&hidden.name, &head], Vec::new()))
    }

    pub(super) fn rms_norm(&mut self, x: &str, shape: &Shape, eps: f32, has_bias: bool) -> String {
        let square = self.add("Mul", &[x, x], Vec::new());
        let last = Attribute::ints("axes", &[shape.axes().len()]);
        let mean = self.add("ReduceMean", &[&square], vec![last]);
        let eps = self.floats(&[], &[eps]);
        let mean = self.add("Add", &[&mean, &eps], Vec::new());
        let root = self.add("Sqrt", &[&mean], Vec::new());
        let y = self.add("Div", &[x, &root], Vec::new());
        self.gained(&y, has_bias)
    }

    /// Groups of channels as the channels of an instance norm over all that lies in them.
    pub(super) fn group_norm(&mut self, op: &Op, x: &str, shape: &Shape) -> Option<String> {
        let Op::GroupNorm {
            groups,
            eps,
            has_bias,
        } = *op
        else {
            return None;
        };
        let axes = shape.axes().len();
        let first: Vec<usize> = [0, axes].into_iter().chain(1..axes).collect();
        let last: Vec<usize> = [0].into_iter().chain(2..=axes).chain([1]).collect();
        // Gain and bias come later: of a group's channels each has its own.
        let (ones, zeros) = (vec![1.0; groups], vec![0.0; groups]);
        let (ones, zeros) = (
            self.floats(&[groups], &ones),
            self.floats(&[groups], &zeros),
        );
        let to = self.integers(vec![0, groups as i64, -1]);
        let mut back = vec![-1, shape.channels() as i64];
        back.extend(shape.axes()[..axes - 1].iter().map(|&axis| axis as i64));
        let back = self.integers(back);
        // Channels first, groups in place of channels, the norm, and back.
        let turned = self.transposed(x, &first);
        let grouped = self.add("Reshape", &[&turned, &to], Vec::new());
        let attributes = vec![Attribute::float("epsilon", eps)];
        let y = self.add(
            "InstanceNormalization",
            &[&grouped, &ones, &zeros],
            attributes,
        );
        let y = self.add("Reshape", &[&y, &back], Vec::new());
        let y = self.transposed(&y, &last);
        Some(self.gained(&y, has_bias))
    }

    /// y times the next tensor, plus the one after it.
    fn gained(&mut self, y: &str, has_bias: bool) -> String {
        let gain = self.weight();
        let y = self.add("Mul", &[y, &gain], Vec::new());
        self.plus_bias(y, has_bias)
    }

    /// Each axis of positions by itself: an average of averages, for windows of a row are equally
    /// many.
    pub(super) fn averages(
        &mut self,
        x: &str,
        shape: &Shape,
        height: usize,
        width: usize,
    ) -> String {
        match *shape.axes() {
            [rows, columns, _] => {
                let y = self.axis_averages(x, 1, rows, height);
                self.axis_averages(&y, 2, columns, width)
            }
            [positions, _] => self.axis_averages(x, 1, positions, width),
            _ => x.to_owned(),
        }
    }

    /// Averages of an axis of `len` positions, so that `outputs` are left of it.
    fn axis_averages(&mut self, x: &str, axis: usize, len: usize, outputs: usize) -> String {
        let mut parts = Vec::new();
        for output in 0..outputs {
            let (start, end) = (
                output * len / outputs,
                ((output + 1) * len).div_ceil(outputs),
            );
            let part = self.cut(x, axis, start..end);
            let attributes = vec![Attribute::ints("axes", &[axis])];
            parts.push(self.add("ReduceMean", &[&part], attributes));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let axis = Attribute::int("axis", axis as i64);
        self.add("Concat", &parts, vec![axis])
    }

    fn cut(&mut self, x: &str, axis: usize, range: Range<usize>) -> String {
        let [start, end, axis] = [range.start, range.end, axis].map(|value| {
            let value = value as i64;
            self.integers(vec![value])
        });
        self.add("Slice", &[x, &start, &end, &axis], Vec::new())
    }

    pub(super) fn attention(&mut self, op: &Op, x: &str, shape: &Shape) -> Option<String> {
        let Op::Attention {
            heads,
            is_causal,
            has_bias,
        } = *op
        else {
            return None;
        };
        let &[length, channels] = shape.axes() else {
            return None;
        };
        let depth = channels / heads;
        let weight = self.weight();
        let all = self.add("MatMul", &[x, &weight], Vec::new());
        let all = self.plus_bias(all, has_bias);
        // Queries, keys and values, a head each.
        // (rows, T, C) to (rows, heads, T, D).
        let split = self.integers(vec![0, 0, heads as i64, depth as i64]);
        let [q, k, v] = [0, 1, 2].map(|which| {
            let part = self.cut(&all, 2, which * channels..(which + 1) * channels);
            let part = self.add("Reshape", &[&part, &split], Vec::new());
            self.transposed(&part, &[0, 2, 1, 3])
        });
        // Scores of every position for every other; what lies ahead is masked.
        let k = self.transposed(&k, &[0, 1, 3, 2]);
        let scores = self.add("MatMul", &[&q, &k], Vec::new());
        let scale = self.floats(&[], &[1.0 / (depth as f32).sqrt()]);
        let mut scores = self.add("Mul", &[&scores, &scale], Vec::new());
        if is_causal {
            let mask = |at: usize| {
                let looks_ahead = at % length > at / length;
                if looks_ahead { f32::NEG_INFINITY } else { 0.0 }
            };
            let mask: Vec<f32> = (0..length * length).map(mask).collect();
            let mask = self.floats(&[length, length], &mask);
            scores = self.add("Add", &[&scores, &mask], Vec::new());
        }
        // Values mixed by them, heads joined.
        let weights = self.add("Softmax", &[&scores], vec![Attribute::int("axis", -1)]);
        let mixed = self.add("MatMul", &[&weights, &v], Vec::new());
        let mixed = self.transposed(&mixed, &[0, 2, 1, 3]);
        let join = self.integers(vec![0, 0, channels as i64]);
        let mixed = self.add("Reshape", &[&mixed, &join], Vec::new());
        let out = self.weight();
        let y = self.add("MatMul", &[&mixed, &out], Vec::new());
        Some(self.plus_bias(y, has_bias))
    }

    /// ONNX has positions first, and gates in an order of its own.
    pub(super) fn recurrent(&mut self, x: &str, cell: RecurrentCell, is_reversed: bool) -> String {
        let (kind, order): (_, &[usize]) = match cell {
            RecurrentCell::Tanh | RecurrentCell::Relu => ("RNN", &[0]),
            RecurrentCell::Gru => ("GRU", &[1, 0, 2]),
            RecurrentCell::Lstm => ("LSTM", &[0, 3, 1, 2]),
        };
        // Weights and biases with the gates in ONNX's order.
        let gates = self.next_shape()[1];
        let hidden = gates / order.len();
        let input = self.gates(order, hidden);
        let input_bias = self.gates(order, hidden);
        let state = self.gates(order, hidden);
        let state_bias = self.gates(order, hidden);
        let weights = self.floats(&[1, gates, input.len() / gates], &input);
        let states = self.floats(&[1, gates, hidden], &state);
        let biases = self.floats(&[1, 2 * gates], &[input_bias, state_bias].concat());
        let mut attributes = vec![Attribute::int("hidden_size", hidden as i64)];
        if is_reversed {
            attributes.push(Attribute::text("direction", "reverse"));
        }
        match cell {
            RecurrentCell::Relu => attributes.push(Attribute::texts("activations", &["Relu"])),
            RecurrentCell::Gru => attributes.push(Attribute::int("linear_before_reset", 1)),
            RecurrentCell::Tanh | RecurrentCell::Lstm => {}
        }
        // Positions first, one direction, and back.
        let first = self.transposed(x, &[1, 0, 2]);
        let y = self.add(kind, &[&first, &weights, &states, &biases], attributes);
        let direction = self.integers(vec![1]);
        let y = self.add("Squeeze", &[&y, &direction], Vec::new());
        self.transposed(&y, &[1, 0, 2])
    }

    /// The next tensor, of (inputs, gates), as (gates, inputs) with the gates in another order.
    fn gates(&mut self, order: &[usize], hidden: usize) -> Vec<f32> {
        let values = self.values();
        let gates = order.len() * hidden;
        let columns = order
            .iter()
            .flat_map(|gate| gate * hidden..(gate + 1) * hidden);
        let column = |at: usize| values.chunks_exact(gates).map(move |row| row[at]);
        columns.flat_map(column).collect()
    }

    pub(super) fn transposed(&mut self, x: &str, order: &[usize]) -> String {
        self.add("Transpose", &[x], vec![Attribute::ints("perm", order)])
    }
}
