//! A network at work: outputs, and how inputs change them.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use super::destinations::Single;
use super::network::Network;
use crate::nn::core::{BackwardArgs, BlockContext, Grads, Layer, Workspace};
use crate::nn::error::NnError;
use crate::nn::kernel::Isa;
use crate::nn::layers::SequentialLayer;
use crate::sync::Mutex;

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

    /// The network at work: for many predictions, from any number of threads.
    ///
    /// # Errors
    /// [`NnError::Isa`] if `UNISONO_ISA` names no instruction set of this CPU.
    pub fn predictor(&self) -> Result<Predictor, NnError> {
        Predictor::new(self.clone())
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
        self.predictor()?.classify(inputs)
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

/// A network at work: its layers built, with memory for what they compute. It is the network's
/// owner as much as any clone of it, and any number of threads may predict with it at the same
/// time; each takes memory of its own, which the next one finds.
///
/// ```
/// use ndarray::array;
/// use unisono::nn::{Network, Sequential};
/// let network = Network::new(Sequential::new(2).dense(3).relu().dense(1), 42)?;
/// let (x, predictor) = (array![[0.0, 1.0]], network.predictor()?);
/// let others = predictor.clone();
/// let there = std::thread::spawn(move || others.predict(array![[0.0, 1.0]].view()));
/// assert_eq!(there.join().unwrap()?, predictor.predict(x.view())?);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictor {
    network: Network,
    isa: Isa,
    outputs: usize,
    /// Memory that nobody works in.
    idle: Arc<Mutex<Vec<Memory>>>,
}

/// The layers of a network, and where one thread's rows are computed.
#[derive(Debug)]
struct Memory {
    layer: SequentialLayer,
    workspace: Workspace,
    x: Vec<f32>,
    y: Vec<f32>,
    mask: Vec<bool>,
}

impl Predictor {
    /// Of a network, which it shares.
    ///
    /// # Errors
    /// [`NnError::Isa`] if `UNISONO_ISA` names no instruction set of this CPU.
    pub fn new(network: Network) -> Result<Self, NnError> {
        let isa = Isa::chosen()?;
        let first = Memory::new(&network, isa)?;
        Ok(Self {
            outputs: first.layer.output().len(),
            idle: Arc::new(Mutex::new(vec![first])),
            network,
            isa,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// As [`Network::predict`].
    ///
    /// # Errors
    /// Those of [`Network::predict`].
    pub fn predict(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>, NnError> {
        let mut predicted = Array2::zeros((inputs.nrows(), self.outputs));
        self.blocks(inputs, |memory, rows, _| {
            let mut block = predicted.slice_mut(s![rows, ..]);
            let to = block
                .as_slice_mut()
                .expect("rows of a new array are contiguous");
            to.copy_from_slice(&memory.y);
        })?;
        Ok(predicted)
    }

    /// As [`Network::classify`].
    ///
    /// ```
    /// use ndarray::array;
    /// use unisono::nn::{Network, Sequential};
    /// let network = Network::with_params(Sequential::new(1).dense(2), vec![1.0, -1.0, 0.0, 0.0])?;
    /// assert_eq!(network.predictor()?.classify(array![[3.0], [-2.0]].view())?, array![0, 1]);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Network::classify`].
    pub fn classify(&self, inputs: ArrayView2<'_, f32>) -> Result<Array1<usize>, NnError> {
        let outputs = self.predict(inputs)?;
        let rows = outputs.rows().into_iter().enumerate();
        rows.map(|(row, outputs)| largest(outputs, row)).collect()
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
        &self,
        inputs: ArrayView2<'_, f32>,
        weights: ArrayView2<'_, f32>,
    ) -> Result<Array2<f32>, NnError> {
        let expected = (inputs.nrows(), self.outputs);
        assert_eq!(
            weights.dim(),
            expected,
            "a weighted sum of outputs needs a weight for each output of each row"
        );
        let mut gradients = Array2::zeros(inputs.dim());
        let params = self.network.params();
        self.blocks(inputs, |memory, rows, context| {
            let mut dy: Vec<f32> = weights
                .slice(s![rows.clone(), ..])
                .iter()
                .copied()
                .collect();
            // Backward from the weights to the inputs alone: parameters have no gradient here.
            let mut block = gradients.slice_mut(s![rows, ..]);
            let args = BackwardArgs {
                params,
                x: &memory.x,
                y: &memory.y,
                dy: &mut dy,
                dx: block.as_slice_mut(),
            };
            let mut nowhere = Single(&mut [], &mut []);
            let mut grads = Grads::new(&mut nowhere, 0..params.len(), &mut memory.workspace);
            memory.layer.backward(context, args, &mut grads);
        })?;
        Ok(gradients)
    }

    /// Runs the rows forward, a block at a time; `then` finds the block's rows in `x` and `y`.
    fn blocks(
        &self,
        inputs: ArrayView2<'_, f32>,
        mut then: impl FnMut(&mut Memory, Range<usize>, &BlockContext<'_>),
    ) -> Result<(), NnError> {
        let (model, (count, got)) = (self.network.model(), inputs.dim());
        let expected = model.inputs();
        if got != expected {
            return Err(NnError::InputWidth { expected, got });
        }
        // Memory that is idle, or more of it. A panic in a layer leaves it behind.
        let idle = self.idle.lock().pop();
        let mut memory = match idle {
            Some(memory) => memory,
            None => Memory::new(&self.network, self.isa)?,
        };
        let mut mask = std::mem::take(&mut memory.mask);
        let mut checked = Ok(());
        for start in (0..count).step_by(BLOCK_ROWS) {
            // Gather and check the rows, then run them.
            let rows = start..(start + BLOCK_ROWS).min(count);
            memory.x.clear();
            memory.x.extend(inputs.slice(s![rows.clone(), ..]));
            checked = memory.check_tokens(start, expected);
            if checked.is_err() {
                break;
            }
            memory.y.clear();
            memory.y.resize(rows.len() * self.outputs, 0.0);
            model.mask(&memory.x, &mut mask);
            let context = BlockContext {
                mask: model.has_padding().then_some(&mask),
                ..BlockContext::evaluate(rows.len(), start)
            };
            memory.forward(&context, self.network.params());
            then(&mut memory, rows, &context);
        }
        memory.mask = mask;
        self.idle.lock().push(memory);
        checked
    }
}

impl Memory {
    fn new(network: &Network, isa: Isa) -> Result<Self, NnError> {
        Ok(Self {
            layer: network.model().build_layer(isa)?,
            workspace: Workspace::new(network.model().arithmetic(isa)),
            x: Vec::new(),
            y: Vec::new(),
            mask: Vec::new(),
        })
    }

    fn forward(&mut self, context: &BlockContext<'_>, params: &[f32]) {
        self.layer.forward(context, params, &self.x, &mut self.y);
    }

    /// Refuses what an embedding does not know, in the block that begins with row `first`.
    fn check_tokens(&self, first: usize, width: usize) -> Result<(), NnError> {
        let Some(vocabulary) = self.layer.properties().vocabulary else {
            return Ok(());
        };
        let is_token = |x: f32| x as usize as f32 == x && (x as usize) < vocabulary;
        let Some(at) = self.x.iter().position(|&x| !is_token(x)) else {
            return Ok(());
        };
        Err(NnError::Token {
            row: first + at / width,
            place: at % width,
            got: self.x[at],
            vocabulary,
        })
    }
}
