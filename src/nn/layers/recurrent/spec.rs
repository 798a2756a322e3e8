//! A recurrent layer as data: cell, size, direction, and where its state comes from.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cell::Cell;
use super::gru::Gru;
use super::layer::RecurrentLayer;
use super::lstm::Lstm;
use super::rnn::Rnn;
use super::sizes::{Settings, Sizes};
use super::state::Start;
use crate::nn::core::{Build, Init, Layer, Op, RecurrentCell, Spec, layer_json};
use crate::nn::error::NnError;
use crate::nn::layers::combine::Parallel;
use crate::nn::layers::sequential::Sequential;
use crate::nn::shape::Shape;

/// A recurrent layer: rows (T, C) to rows (T, H), the states at all positions.
///
/// ```
/// use unisono::nn::{Recurrent, Sequential};
/// let model = Sequential::new([16, 8]).layer(Recurrent::lstm(32)).layer(Recurrent::gru(4).bidirectional());
/// assert_eq!(model.output_shape()?.axes(), [16, 8]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrent {
    #[serde(serialize_with = "write_cell", deserialize_with = "read_cell")]
    cell: Arc<dyn Cell>,
    hidden: usize,
    layers: usize,
    direction: Direction,
    init: Init,
    start: Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Forward,
    Backward,
    Both,
}

impl Recurrent {
    /// `h = tanh(W x + b + U h + c)`, with `hidden` values.
    pub fn tanh(hidden: usize) -> Self {
        Self::new(Arc::new(Rnn::Tanh), hidden)
    }

    /// The same with max(x, 0) in place of tanh.
    pub fn relu(hidden: usize) -> Self {
        Self::new(Arc::new(Rnn::Relu), hidden)
    }

    /// Gated recurrent units.
    pub fn gru(hidden: usize) -> Self {
        Self::new(Arc::new(Gru), hidden)
    }

    /// Long short-term memory.
    pub fn lstm(hidden: usize) -> Self {
        Self::new(Arc::new(Lstm), hidden)
    }

    /// All parameters uniform in ±1/sqrt(hidden), as PyTorch's.
    fn new(cell: Arc<dyn Cell>, hidden: usize) -> Self {
        Self {
            cell,
            hidden,
            layers: 1,
            direction: Direction::Forward,
            init: Init::Uniform(1.0 / (hidden.max(1) as f32).sqrt()),
            start: Start::Zeros,
        }
    }

    /// So many layers, at least 1, each over the one before.
    ///
    /// ```
    /// use unisono::nn::{Recurrent, Sequential};
    /// let model = Sequential::new([16, 8]).layer(Recurrent::tanh(4).layers(2));
    /// assert_eq!(model.output_shape()?.axes(), [16, 4]);
    /// assert_eq!(model.layout()?.num_params(), (8 + 4 + 2) * 4 + (4 + 4 + 2) * 4);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn layers(self, layers: usize) -> Self {
        Self { layers, ..self }
    }

    /// From the last position to the first.
    pub fn reversed(self) -> Self {
        Self {
            direction: Direction::Backward,
            ..self
        }
    }

    /// Both directions side by side: (B, T, 2 H).
    pub fn bidirectional(self) -> Self {
        Self {
            direction: Direction::Both,
            ..self
        }
    }

    /// In training, a row goes on from the state in which the row at the same position of the batch
    /// before ended (within an epoch; gradients do not): truncated back-propagation through time,
    /// for data in the order of the text. Not for layers that run backward.
    pub fn carry_state(self) -> Self {
        Self {
            start: Start::Carried,
            ..self
        }
    }

    /// With other initial parameters.
    pub fn init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    fn one(&self, direction: Direction) -> Self {
        Self {
            layers: 1,
            direction,
            ..self.clone()
        }
    }

    /// The layers that each run in one direction; `None` if this is one of them.
    fn parts(&self) -> Option<Sequential> {
        if self.layers == 1 && self.direction != Direction::Both {
            return None;
        }
        let layer = |stack: Sequential, _| match self.direction {
            Direction::Both => stack.layer(Parallel::concat([
                Sequential::part().layer(self.one(Direction::Forward)),
                Sequential::part().layer(self.one(Direction::Backward)),
            ])),
            one => stack.layer(self.one(one)),
        };
        Some((0..self.layers).fold(Sequential::part(), layer))
    }
}

impl Spec for Recurrent {
    fn name(&self) -> &'static str {
        self.cell.name()
    }

    fn build(&self, input: &Shape, build: &mut Build) -> Result<Box<dyn Layer>, NnError> {
        let &[length, channels] = input.axes() else {
            return Err(build.refuse("rows of shape TxC", input));
        };
        if self.hidden == 0 || self.layers == 0 {
            let got = format!("{} and {}", self.hidden, self.layers);
            return Err(build.refuse("at least 1 hidden value and 1 layer", got));
        }
        // Several layers or directions are made of such ones.
        if let Some(parts) = self.parts() {
            return Ok(Box::new(parts.build_part(input, build)?));
        }
        // One layer in one direction.
        let is_reversed = self.direction == Direction::Backward;
        let shape = Sizes {
            length,
            channels,
            hidden: self.hidden,
            gates: self.cell.num_gates() * self.hidden,
        };
        if is_reversed && self.start == Start::Carried {
            return Err(build.refuse("a forward direction where state is carried", "reversed"));
        }
        let settings = Settings {
            init: self.init,
            is_reversed,
            start: self.start,
        };
        let cell = Arc::clone(&self.cell);
        Ok(Box::new(RecurrentLayer::new(
            cell,
            shape,
            settings,
            build.arithmetic,
        )))
    }

    fn op(&self) -> Option<Op> {
        Some(match self.parts() {
            Some(_) => Op::Chain,
            None => Op::Recurrent {
                cell: self.cell.kind(),
                is_reversed: self.direction == Direction::Backward,
            },
        })
    }

    fn branches(&self) -> Vec<Vec<Arc<dyn Spec>>> {
        let parts = self.parts().into_iter();
        parts.map(|parts| parts.layers().to_vec()).collect()
    }

    fn to_json(&self) -> Option<String> {
        layer_json("recurrent", self)
    }
}

fn write_cell<S: Serializer>(cell: &Arc<dyn Cell>, to: S) -> Result<S::Ok, S::Error> {
    cell.kind().serialize(to)
}

fn read_cell<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<dyn Cell>, D::Error> {
    Ok(match RecurrentCell::deserialize(from)? {
        RecurrentCell::Tanh => Arc::new(Rnn::Tanh),
        RecurrentCell::Relu => Arc::new(Rnn::Relu),
        RecurrentCell::Gru => Arc::new(Gru),
        RecurrentCell::Lstm => Arc::new(Lstm),
    })
}
