//! A network at work: outputs, and how inputs change them.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::destinations::Single;
use super::network::Network;
use crate::nn::core::{BackwardArgs, BlockContext, Grads, Layer, Workspace};
use crate::nn::error::NnError;
use crate::nn::kernel::Isa;
use crate::nn::layers::SequentialLayer;

/// Rows that run through the model at once.
const BLOCK_ROWS: usize = 256;

impl Network {
    /// The outputs for each row of `inputs`, (B, inputs) to (B, outputs), each row flattened:
    /// logits where the loss is cross-entropy.
    ///
    /// # Errors
    /// [`NnError::InputWidth`] if the rows have another width than the model's input;
    /// [`NnError::Token`] if the model begins with an embedding and a token is not a whole number
    /// below its vocabulary.
    pub fn predict(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, NnError> {
        self.predictor()?.predict(inputs)
    }

    /// The network at work: for many predictions, one after another.
    ///
    /// # Errors
    /// [`NnError::Isa`] if `UNISONO_ISA` names no instruction set of this CPU.
    pub fn predictor(&self) -> Result<Predictor<'_>, NnError> {
        Predictor::new(self)
    }

    /// The class with the largest output for each row, (B, inputs) to (B); the first of equals.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::nn::{Network, Sequential};
    /// let network = Network::with_params(Sequential::new(1).dense(2), vec![1.0, -1.0, 0.0, 0.0])?;
    /// assert_eq!(network.classify(array![[3.0], [-2.0]].view())?, array![0, 1]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Network::predict`]; [`NnError::NotANumber`] if an output is NaN.
    pub fn classify(&self, inputs: ArrayView2<'_, f32>) -> Result<Array1<usize>, NnError> {
        let outputs = self.predict(inputs)?;
        let rows = outputs.rows().into_iter().enumerate();
        rows.map(|(row, outputs)| largest(outputs, row)).collect()
    }
}

/// The place of the largest of a row's outputs, the first of equals.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{NnError, largest};
/// assert_eq!(largest(array![0.5, 2.0, 2.0].view(), 7), Ok(1));
/// assert_eq!(largest(array![0.5, f32::NAN].view(), 7), Err(NnError::NotANumber { row: 7 }));
/// ```
///
/// # Errors
/// [`NnError::NotANumber`], of row `row`, if one is NaN.
pub fn largest(outputs: ArrayView1<'_, f32>, row: usize) -> Result<usize, NnError> {
    if outputs.iter().any(|output| output.is_nan()) {
        return Err(NnError::NotANumber { row });
    }
    let larger = |best, at| {
        if outputs[at] > outputs[best] {
            at
        } else {
            best
        }
    };
    Ok((1..outputs.len()).fold(0, larger))
}

/// A network with its layers built and their memory, for one call after another.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(2).dense(3).relu().dense(1), 42)?;
/// let (x, mut predictor) = (array![[0.0, 1.0]], network.predictor()?);
/// assert_eq!(predictor.predict(x.view())?, network.predict(x.view())?);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'n> {
    network: &'n Network,
    layer: SequentialLayer,
    workspace: Workspace,
    x: Vec<f32>,
    y: Vec<f32>,
    mask: Vec<bool>,
}

impl<'n> Predictor<'n> {
    pub(super) fn new(network: &'n Network) -> Result<Self, NnError> {
        let isa = Isa::chosen()?;
        Ok(Self {
            network,
            layer: network.model().build_layer(isa)?,
            workspace: Workspace::new(isa),
            x: Vec::new(),
            y: Vec::new(),
            mask: Vec::new(),
        })
    }

    /// As [`Network::predict`].
    ///
    /// # Errors
    /// Those of [`Network::predict`].
    pub fn predict(&mut self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, NnError> {
        let outputs = self.layer.output().len();
        let mut predicted = Array2::zeros((inputs.nrows(), outputs));
        self.blocks(inputs, |this, rows, _| {
            let mut block = predicted.slice_mut(s![rows, ..]);
            let to = block
                .as_slice_mut()
                .expect("rows of a new array are contiguous");
            to.copy_from_slice(&this.y);
        })?;
        Ok(predicted)
    }

    /// How each input changes `sum(weights * outputs)`, the rows taken by themselves: (B, inputs)
    /// and (B, outputs) to (B, inputs). With a single 1 a row it is the gradient of one output.
    /// Tokens have none: it is 0 there.
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::nn::{Network, Sequential};
    /// let network = Network::with_params(Sequential::new(2).dense(1), vec![1.0, 2.0, 0.5])?;
    /// let gradient = network.predictor()?.input_gradients(array![[3.0, 4.0]].view(), array![[1.0]].view())?;
    /// assert_eq!(gradient, array![[1.0, 2.0]]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Network::predict`].
    ///
    /// # Panics
    /// If there is not a weight for each output of each row.
    pub fn input_gradients(
        &mut self,
        inputs: ArrayView2<'_, f32>,
        weights: ArrayView2<'_, f32>,
    ) -> Result<Array2<f32>, NnError> {
        let expected = (inputs.nrows(), self.layer.output().len());
        assert_eq!(
            weights.dim(),
            expected,
            "a weighted sum of outputs needs a weight for each output of each row"
        );
        let mut gradients = Array2::zeros(inputs.dim());
        self.blocks(inputs, |this, rows, context| {
            let mut dy: Vec<f32> = weights
                .slice(s![rows.clone(), ..])
                .iter()
                .copied()
                .collect();
            // Backward from the weights to the inputs alone: parameters have no gradient here.
            let mut block = gradients.slice_mut(s![rows, ..]);
            let params = this.network.params();
            let args = BackwardArgs {
                params,
                x: &this.x,
                y: &this.y,
                dy: &mut dy,
                dx: block.as_slice_mut(),
            };
            let mut nowhere = Single(&mut [], &mut []);
            let mut grads = Grads::new(&mut nowhere, 0..params.len(), &mut this.workspace);
            this.layer.backward(context, args, &mut grads);
        })?;
        Ok(gradients)
    }

    /// Runs the rows forward, a block at a time; `then` finds the block's rows in `x` and `y`.
    fn blocks(
        &mut self,
        inputs: ArrayView2<'_, f32>,
        mut then: impl FnMut(&mut Self, Range<usize>, &BlockContext<'_>),
    ) -> Result<(), NnError> {
        let (model, (count, got)) = (self.network.model(), inputs.dim());
        let (expected, outputs) = (model.inputs(), self.layer.output().len());
        if got != expected {
            return Err(NnError::InputWidth { expected, got });
        }
        let mut mask = std::mem::take(&mut self.mask);
        for start in (0..count).step_by(BLOCK_ROWS) {
            // Gather and check the rows, then run them.
            let rows = start..(start + BLOCK_ROWS).min(count);
            self.x.clear();
            self.x.extend(inputs.slice(s![rows.clone(), ..]));
            self.check_tokens(start)?;
            self.y.clear();
            self.y.resize(rows.len() * outputs, 0.0);
            model.mask(&self.x, &mut mask);
            let context = BlockContext {
                mask: model.has_padding().then_some(&mask),
                ..BlockContext::evaluate(rows.len(), start)
            };
            let params = self.network.params();
            self.layer.forward(&context, params, &self.x, &mut self.y);
            then(self, rows, &context);
        }
        self.mask = mask;
        Ok(())
    }

    /// Refuses what an embedding does not know, in the block that begins with row `first`.
    fn check_tokens(&self, first: usize) -> Result<(), NnError> {
        let Some(vocabulary) = self.layer.properties().vocabulary else {
            return Ok(());
        };
        let is_token = |x: f32| x as usize as f32 == x && (x as usize) < vocabulary;
        let Some(at) = self.x.iter().position(|&x| !is_token(x)) else {
            return Ok(());
        };
        let width = self.network.model().inputs();
        Err(NnError::Token {
            row: first + at / width,
            place: at % width,
            got: self.x[at],
            vocabulary,
        })
    }
}
