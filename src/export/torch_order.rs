//! Order of the values of a row in PyTorch, whose images are (C, H, W) and whose convolutions take
//! sequences as (C, T).
//!
//! Inside of convolutions this does not show: each channel is known by its number. It shows where
//! axes become one, or one becomes several: the inputs of a dense layer behind `flatten` come in
//! the order (C, H, W) there and (H, W, C) here, and so do the vectors of a norm in between, and
//! the outputs of a dense layer that are then reshaped to an image.
//!
//! | row | lies there as |
//! |---|---|
//! | (H, W, C) | (C, H, W) |
//! | (T, C) from or into a convolution, a pool, batch or group norm | (C, T) |
//! | (T, C) from or into anything else (embedding, attention, recurrent or dense layer) | (T, C) |
//!
//! What has more than one reading, such as a reshape of an image to other channels, is refused.

use std::sync::Arc;

use crate::nn::{Build, Op, Sequential, Shape, Spec, kernel::Isa};

use super::error::ExportError;

/// Of each index here, the index there.
type Places = Arc<[usize]>;

/// How a tensor's outermost and last axis are ordered there, where that differs.
#[derive(Clone, Debug, Default)]
pub(super) struct Axes {
    rows: Option<Places>,
    /// The only axis of a vector.
    columns: Option<Places>,
}

impl Axes {
    /// `values` (outer, last) in the order of here.
    pub(super) fn apply(&self, last: usize, values: Vec<f32>) -> Vec<f32> {
        if self.rows.is_none() && self.columns.is_none() {
            return values;
        }
        let place = |places: &Option<Places>, at: usize| places.as_ref().map_or(at, |all| all[at]);
        let value = |at: usize| {
            let (row, column) = (at / last, at % last);
            values[place(&self.rows, row) * last + place(&self.columns, column)]
        };
        (0..values.len()).map(value).collect()
    }
}

/// The axes of each tensor of a model, in the order of its layout.
pub(super) fn axes(model: &Sequential) -> Result<Vec<Axes>, ExportError> {
    let mut walk = Walk::default();
    let shape = model.input_shape().clone();
    let is_image = shape.axes().len() == 3;
    let input = Row {
        shape,
        order: if is_image { Order::First } else { Order::Same },
        makers: None,
    };
    walk.layers(model.layers(), input, "")?;
    Ok(walk.axes)
}

/// How a row lies there.
#[derive(Clone, Debug, PartialEq)]
enum Order {
    /// As here.
    Same,
    /// Channels first, of several axes.
    First,
    /// A sequence that was made from features: the next layer says how it lies there.
    Open,
    /// One axis, which was several.
    Mixed(Places),
}

/// A row on its way through the model.
#[derive(Clone, Debug)]
struct Row {
    shape: Shape,
    order: Order,
    /// The tensors whose last axis these features are, if no others depend on their order.
    makers: Option<Vec<usize>>,
}

impl Row {
    fn new(shape: &Shape, order: Order) -> Self {
        Self {
            shape: shape.clone(),
            order,
            makers: None,
        }
    }

    fn is_flat(&self) -> bool {
        self.shape.axes().len() == 1
    }
}

/// Where each value of a row of `shape` lies with channels first; `None` where that changes
/// nothing.
fn channels_first(shape: &Shape) -> Option<Places> {
    let (positions, channels) = (shape.positions(), shape.channels());
    let place = |at: usize| at % channels * positions + at / channels;
    (positions > 1 && channels > 1).then(|| (0..shape.len()).map(place).collect())
}

#[derive(Default)]
struct Walk {
    axes: Vec<Axes>,
}

impl Walk {
    fn layers(
        &mut self,
        layers: &[Arc<dyn Spec>],
        mut row: Row,
        outer: &str,
    ) -> Result<Row, ExportError> {
        for (index, spec) in layers.iter().enumerate() {
            let place = format!("{outer}{}{index}", spec.name());
            row = self.layer(spec.as_ref(), row, &place)?;
        }
        Ok(row)
    }

    fn layer(&mut self, spec: &dyn Spec, row: Row, place: &str) -> Result<Row, ExportError> {
        let built = spec.build(&row.shape, &mut Build::new(Isa::detect()))?;
        let (output, tensors) = (built.output().clone(), built.tensors());
        let first = self.axes.len();
        match spec.op() {
            Some(Op::Chain) => {
                let layers = spec.branches().concat();
                self.layers(&layers, row, &format!("{place}."))
            }
            Some(Op::Sum | Op::Concat) => self.branches(&spec.branches(), row, &output, place),
            Some(Op::TiedEmbedding) => {
                self.axes.push(Axes::default());
                let channels = tensors[0].shape[1];
                let embedded = Shape::from([output.positions(), channels]);
                let row = Row::new(&embedded, Order::Same);
                self.layers(&spec.branches().concat(), row, &format!("{place}."))?;
                Ok(Row::new(&output, Order::Same))
            }
            op => {
                self.axes.resize(first + tensors.len(), Axes::default());
                let own: Vec<usize> = (first..self.axes.len()).collect();
                self.simple(op, row, &output, &own).ok_or_else(|| {
                    let place = place.to_owned();
                    ExportError::Order { place }
                })
            }
        }
    }

    /// A layer that is no part of others; `None` where nobody knows how its row lies there.
    fn simple(&mut self, op: Option<Op>, row: Row, output: &Shape, own: &[usize]) -> Option<Row> {
        match op {
            Some(Op::Identity | Op::Activation(_) | Op::Softmax) => Some(row),
            Some(Op::Dense { .. }) if row.is_flat() => {
                if let Order::Mixed(places) = row.order {
                    self.axes[own[0]].rows = Some(places);
                }
                Some(Row {
                    makers: Some(own.to_vec()),
                    ..Row::new(output, Order::Same)
                })
            }
            Some(Op::BatchNorm { .. } | Op::LayerNorm { .. } | Op::RmsNorm { .. })
                if row.is_flat() =>
            {
                Some(self.vectors(row, own))
            }
            Some(Op::GroupNorm { groups, .. }) if row.is_flat() => match (&row.order, groups) {
                (_, 1) => Some(self.vectors(row, own)),
                // Other features would share a group.
                (Order::Mixed(_), _) => None,
                _ => Some(Row::new(output, Order::Same)),
            },
            Some(
                Op::Conv { .. }
                | Op::Pool { .. }
                | Op::AdaptiveAverage { .. }
                | Op::Subsample { .. }
                | Op::GlobalAverage
                | Op::BatchNorm { .. }
                | Op::GroupNorm { .. },
            ) => {
                self.make_first(&row)?;
                let is_flat = output.axes().len() == 1;
                let order = if is_flat { Order::Same } else { Order::First };
                Some(Row::new(output, order))
            }
            Some(Op::Reshape(_)) => self.reshape(row, output),
            // Not known, but alike: an activation of somebody's own.
            None if own.is_empty() && row.shape == *output => Some(row),
            None if matches!(row.order, Order::Mixed(_)) => None,
            None if output.axes().len() == 3 => Some(Row::new(output, Order::First)),
            _ => Some(Row::new(output, Order::Same)),
        }
    }

    /// Norms of features.
    fn vectors(&mut self, mut row: Row, own: &[usize]) -> Row {
        match (&row.order, &mut row.makers) {
            (Order::Mixed(places), _) => self.order_columns(own, places),
            (_, Some(makers)) => makers.extend(own),
            _ => {}
        }
        row
    }

    fn order_columns(&mut self, tensors: &[usize], places: &Places) {
        for &tensor in tensors {
            self.axes[tensor].columns = Some(Arc::clone(places));
        }
    }

    /// A sequence that was made from features turns out to be one with channels first.
    fn make_first(&mut self, row: &Row) -> Option<()> {
        if let (Order::Open, Some(places)) = (&row.order, channels_first(&row.shape)) {
            self.order_columns(row.makers.as_ref()?, &places);
        }
        Some(())
    }

    fn reshape(&mut self, row: Row, output: &Shape) -> Option<Row> {
        let to_image = output.axes().len() == 3;
        let order = match (&row.order, row.is_flat(), output.axes().len()) {
            (Order::First, _, 1) => channels_first(&row.shape).map_or(Order::Same, Order::Mixed),
            (Order::Same | Order::Open, false, 1) => Order::Same,
            (order, true, 1) => order.clone(),
            (Order::Mixed(places), ..) => {
                let is_image = channels_first(output).is_some_and(|all| all == *places);
                is_image.then_some(Order::First)?
            }
            (_, false, _) if row.shape.channels() == output.channels() => row.order.clone(),
            (Order::First, ..) if channels_first(&row.shape).is_some() => return None,
            (_, true, _) if to_image => {
                if let Some(places) = channels_first(output) {
                    self.order_columns(row.makers.as_ref()?, &places);
                }
                Order::First
            }
            (_, true, _) => Order::Open,
            _ => Order::Same,
        };
        let is_open = matches!(order, Order::Same | Order::Open) && row.is_flat();
        Some(Row {
            makers: row.makers.filter(|_| is_open),
            ..Row::new(output, order)
        })
    }

    fn branches(
        &mut self,
        branches: &[Vec<Arc<dyn Spec>>],
        mut row: Row,
        output: &Shape,
        place: &str,
    ) -> Result<Row, ExportError> {
        row.makers = None;
        let mut rows = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let outer = format!("{place}.branch{index}.");
            rows.push(self.layers(branch, row.clone(), &outer)?);
        }
        let order = joined(&rows, output).ok_or_else(|| {
            let place = place.to_owned();
            ExportError::Order { place }
        })?;
        Ok(Row::new(output, order))
    }
}

/// How the sum of rows lies, or rows side by side.
fn joined(rows: &[Row], output: &Shape) -> Option<Order> {
    let orders = || rows.iter().map(|row| &row.order);
    let Some(first) = rows.first() else {
        return Some(Order::Same);
    };
    if orders().all(|order| *order == first.order) && rows[0].shape == *output {
        return Some(first.order.clone());
    }
    if !first.is_flat() {
        // Where only some branches say it: images have their channels first, sequences have them
        // last.
        let are_first = match output.axes().len() {
            2 => orders().all(|order| *order == Order::First),
            _ => orders().any(|order| *order == Order::First),
        };
        return Some(if are_first { Order::First } else { Order::Same });
    }
    if orders().all(|order| *order == Order::Same) {
        return Some(Order::Same);
    }
    // Features side by side; a sum of differently ordered ones has no order.
    let len: usize = rows.iter().map(|row| row.shape.len()).sum();
    let mut places = Vec::with_capacity(len);
    for row in rows {
        let start = places.len();
        match &row.order {
            Order::Mixed(own) => places.extend(own.iter().map(|place| start + place)),
            _ => places.extend(start..start + row.shape.len()),
        }
    }
    (len == output.len()).then(|| Order::Mixed(places.into()))
}
