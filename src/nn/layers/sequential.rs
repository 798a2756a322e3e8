//! `Sequential`: a model as data, layers one after another, before it has parameters.

use std::fmt;
use std::sync::Arc;

use super::sequential_layer::SequentialLayer;
use crate::nn::core::{Build, Flops, Layer, ParamLayout, Spec};
use crate::nn::error::NnError;
use crate::nn::kernel::{Arithmetic, Isa, Precision};
use crate::nn::shape::Shape;

/// Layers one after another.
///
/// ```
/// use unisono::nn::Sequential;
/// let model = Sequential::new(64).dense(32).relu().dense(10);
/// assert_eq!(model.layout()?.num_params(), 2410);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential {
    input: Shape,
    layers: Vec<Arc<dyn Spec>>,
    padding: Option<f32>,
    precision: Precision,
}

impl Sequential {
    /// A model for rows of shape `input`: a number of features, `[T]` tokens, `[T, C]`,
    /// `[H, W, C]`.
    pub fn new(input: impl Into<Shape>) -> Self {
        Self {
            input: input.into(),
            layers: Vec::new(),
            padding: None,
            precision: Precision::F32,
        }
    }

    /// A part of a larger model, such as the body of a residual: it takes whatever shape it is
    /// given.
    pub fn part() -> Self {
        Self::new(Shape::from(Vec::new()))
    }

    /// Adds any layer.
    pub fn layer(mut self, layer: impl Spec + 'static) -> Self {
        self.layers.push(Arc::new(layer));
        self
    }

    /// Adds a layer that another model has, too.
    pub(crate) fn with_layer(mut self, layer: &Arc<dyn Spec>) -> Self {
        self.layers.push(Arc::clone(layer));
        self
    }

    /// Sequences are padded to their common length: a position whose values (or whose token) are
    /// all `value` is padding. Recurrent layers keep their state there, and attention does not look
    /// there.
    ///
    /// ```
    /// use unisono::nn::{Attention, Embedding, Recurrent, Sequential};
    /// let model = Sequential::new([12])
    ///     .padding(0.0)
    ///     .layer(Embedding::new(100, 16))
    ///     .layer(Attention::new(2))
    ///     .layer(Recurrent::gru(8).bidirectional());
    /// assert_eq!(model.output_shape()?.axes(), [12, 16]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn padding(self, value: f32) -> Self {
        Self {
            padding: Some(value),
            ..self
        }
    }

    /// The operands of matrix products are rounded to `precision`, in training and evaluation: of
    /// dense and recurrent layers, attention and tied embeddings. Parameters and all else are
    /// `f32`, and convolutions compute in it.
    ///
    /// ```
    /// use unisono::nn::{Precision, Sequential};
    /// let model = Sequential::new(64).dense(10).precision(Precision::Bf16);
    /// assert_eq!(model.products(), Precision::Bf16);
    /// ```
    pub fn precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The precision of matrix products' operands.
    pub fn products(&self) -> Precision {
        self.precision
    }

    /// How products are computed with the kernels of `isa`.
    pub(in crate::nn) fn arithmetic(&self, isa: Isa) -> Arithmetic {
        Arithmetic {
            isa,
            precision: self.precision,
        }
    }

    /// Whether some positions may be padding.
    pub fn has_padding(&self) -> bool {
        self.padding.is_some()
    }

    /// The value that padding has, if there is any.
    pub(in crate::nn) fn padding_value(&self) -> Option<f32> {
        self.padding
    }

    /// For each position of the rows `x`, whether it is padding.
    pub(in crate::nn) fn mask(&self, x: &[f32], mask: &mut Vec<bool>) {
        mask.clear();
        let Some(value) = self.padding else { return };
        let width = match self.input.axes() {
            [_] => 1,
            _ => self.input.channels(),
        };
        let positions = x.chunks_exact(width);
        mask.extend(positions.map(|position| position.iter().all(|v| *v == value)));
    }

    /// The shape of a row that the model takes.
    pub fn input_shape(&self) -> &Shape {
        &self.input
    }

    /// The shape of a row that the model gives.
    ///
    /// # Errors
    /// [`NnError::Layer`] if a layer cannot take what it gets.
    pub fn output_shape(&self) -> Result<Shape, NnError> {
        Ok(self.build_layer(Isa::detect())?.output().clone())
    }

    /// Values a row that the model takes.
    pub fn inputs(&self) -> usize {
        self.input.len()
    }

    /// The layers.
    pub fn layers(&self) -> &[Arc<dyn Spec>] {
        &self.layers
    }

    /// The layout of its parameters.
    ///
    /// # Errors
    /// [`NnError::Layer`] if a layer cannot take what it gets, [`NnError::NoParams`] if there is
    /// nothing to train, [`NnError::TooLarge`] if there is too much.
    pub fn layout(&self) -> Result<ParamLayout, NnError> {
        let layout = ParamLayout::new(self.build_layer(Isa::detect())?.tensors()).checked()?;
        if layout.num_params() == 0 {
            Err(NnError::NoParams)
        } else {
            Ok(layout)
        }
    }

    /// Multiplications and additions of a training step's products, for one row: three times those
    /// of forward, but without the first layer's input gradient.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let model = Sequential::new(64).dense(32).relu().dense(10);
    /// assert_eq!(model.training_flops()?.counted, 2 * 2 * (64 * 32) + 3 * 2 * (32 * 10));
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Layer`] if a layer cannot take what it gets.
    pub fn training_flops(&self) -> Result<Flops, NnError> {
        Ok(self.build_layer(Isa::detect())?.training_flops())
    }

    /// Bytes that a training step takes for a row: the outputs of its layers but the last and what
    /// these save between forward and backward; and what backward borrows, two gradients as wide as
    /// the widest, and the operands of the largest product.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// // Relu works in place: 32 outputs, twice their gradient, and 64 inputs and 32 gradients side by side.
    /// let model = Sequential::new(64).dense(32).relu().dense(10);
    /// assert_eq!(model.activation_bytes()?, 4 * 32 + 2 * 4 * 32 + 4 * (64 + 32));
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError::Layer`] if a layer cannot take what it gets.
    pub fn activation_bytes(&self) -> Result<usize, NnError> {
        let properties = self.build_layer(Isa::detect())?.properties();
        Ok(properties.bytes_per_row + properties.workspace_per_row)
    }

    /// Whether its outputs have a position axis: one class a position.
    pub fn is_sequence(&self) -> bool {
        self.output_shape()
            .is_ok_and(|shape| shape.axes().len() == 2)
    }

    /// Whether rows of a shard depend on each other (batch norm).
    pub fn has_cross_row_stats(&self) -> bool {
        self.build_layer(Isa::detect())
            .is_ok_and(|layer| layer.properties().has_cross_row_stats)
    }

    /// Whether it learns nothing from batches of one row: in a batch norm over single values each is
    /// its own mean, and becomes 0.
    ///
    /// ```
    /// use unisono::nn::{BatchNorm, Conv, Sequential};
    /// let of = |model: Sequential| model.layer(BatchNorm::new()).flatten().dense(1).needs_several_rows();
    /// assert!(of(Sequential::new(8).dense(4)) && !of(Sequential::new([8, 8, 1]).layer(Conv::d2(4, 3))));
    /// ```
    pub fn needs_several_rows(&self) -> bool {
        self.build_layer(Isa::detect())
            .is_ok_and(|layer| layer.properties().needs_several_rows)
    }

    /// Whether rows go on from the states in which those of the batch before ended
    /// ([`crate::nn::Recurrent::carry_state`]).
    ///
    /// ```
    /// use unisono::nn::{Recurrent, Sequential};
    /// let of = |layer| Sequential::new([8, 1]).layer(layer).flatten().dense(2).carries_state();
    /// assert!(of(Recurrent::lstm(4).carry_state()) && !of(Recurrent::lstm(4)));
    /// ```
    pub fn carries_state(&self) -> bool {
        self.build_layer(Isa::detect())
            .is_ok_and(|layer| layer.properties().is_stateful)
    }

    /// The model at work.
    pub(in crate::nn) fn build_layer(&self, isa: Isa) -> Result<SequentialLayer, NnError> {
        if self.input.is_empty() || self.input.axes().is_empty() {
            let mut build = Build::new(self.arithmetic(isa));
            build.place = "0 (input)".to_owned();
            return Err(build.refuse("rows with at least 1 value", &self.input));
        }
        if self.padding.is_some() && self.input.axes().len() > 2 {
            let mut build = Build::new(self.arithmetic(isa));
            build.place = "0 (input)".to_owned();
            return Err(build.refuse("rows of shape T or TxC where there is padding", &self.input));
        }
        SequentialLayer::new(
            &self.layers,
            &self.input,
            &mut Build::new(self.arithmetic(isa)),
        )
    }

    /// The part at work, for rows of shape `input`.
    pub(in crate::nn) fn build_part(
        &self,
        input: &Shape,
        build: &mut Build,
    ) -> Result<SequentialLayer, NnError> {
        SequentialLayer::new(&self.layers, input, build)
    }
}

impl PartialEq for Sequential {
    /// Two models are equal if they describe the same layers.
    fn eq(&self, other: &Self) -> bool {
        let of = |model: &Self| (model.input.clone(), model.padding, model.precision);
        of(self) == of(other) && format!("{:?}", self.layers) == format!("{:?}", other.layers)
    }
}

impl fmt::Display for Sequential {
    /// `64-dense 32-relu-dense 10`: the layers' names, each followed by the shape it gives where
    /// that changes; behind them the precision of products, unless it is `f32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.input)?;
        let mut shape = self.input.clone();
        let mut build = Build::new(Isa::detect());
        for layer in &self.layers {
            write!(f, "-{}", layer.name())?;
            match layer.build(&shape, &mut build) {
                Ok(built) if *built.output() != shape => {
                    shape = built.output().clone();
                    write!(f, " {shape}")?;
                }
                _ => {}
            }
        }
        match self.precision {
            Precision::F32 => Ok(()),
            other => write!(f, ", products in {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Reshape;

    #[test]
    fn impossible_models_are_refused_with_the_layers_place() {
        let refused = |model: Sequential| model.layout().unwrap_err().to_string();
        assert!(
            refused(Sequential::new(0).dense(1))
                .starts_with("layer 0 (input) expects rows with at least 1 value, got 0")
        );
        assert!(
            refused(Sequential::new(3).dense(4).relu().dense(0))
                .starts_with("layer 2 (dense) expects at least 1 output, got 0")
        );
        let reshaped = Sequential::new(3).dense(4).layer(Reshape::to([2, 3]));
        assert!(
            refused(reshaped)
                .starts_with("layer 1 (reshape) expects rows of 6 values for shape 2x3, got 4")
        );
        assert_eq!(
            Sequential::new(3).relu().layout().unwrap_err(),
            NnError::NoParams
        );
    }

    #[test]
    fn the_layout_has_no_gaps_and_the_name_reads_well() {
        let model = Sequential::new(784)
            .dense(1024)
            .relu()
            .dense(1024)
            .relu()
            .dense(10);
        let layout = model.layout().unwrap();
        assert_eq!(layout.num_params(), 1_863_690);
        assert!(
            layout
                .tensors()
                .windows(2)
                .all(|pair| pair[0].range.end == pair[1].range.start)
        );
        assert_eq!(layout.tensors()[2].name, "dense2.weight");
        assert_eq!(model.to_string(), "784-dense 1024-relu-dense-relu-dense 10");
        // 3 x 2 x (784 x 1024 + 1024 x 1024 + 1024 x 10) without the first input gradient: 9.564
        // MFLOP.
        assert_eq!(model.training_flops().unwrap(), 9_564_160.into());
    }
}
