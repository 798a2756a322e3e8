//! Adapters between layers that do not know each other: data sets as the network's row source, an
//! optimiser as the engine's update.

use crate::data::{Dataset, LabelsMut};
use crate::engine::{DirectionBlock, Norms, PartSquare, Update, UpdateBlock, fail, sum_of_squares};
use crate::nn::{ParamLayout, Role, RowSource, TargetsMut};
use crate::optim::{
    Chain, OptimError, Optimizer, ParamGroup, PartTable, StepScalars, TensorKind, TrainedBy,
    UpdateContext,
};

/// The training set's number.
pub(super) const TRAIN: usize = 0;
/// The test set's number.
pub(super) const TEST: usize = 1;

/// Training and test set, in this order, as a network's row source.
///
/// ```
/// use unisono::{data::digits, nn::{RowSource, TargetsMut}, train::Sources};
/// let (train, test) = digits();
/// let (mut inputs, mut classes) = ([0.0; 64], [0]);
/// Sources([&train, &test]).gather(0, 0, &[3], &mut inputs, TargetsMut::Classes(&mut classes));
/// assert_eq!(inputs[..], train.inputs().row(3).to_vec());
/// assert_eq!(classes, [train.class_labels().unwrap()[3]]);
/// ```
#[derive(Clone, Copy)]
pub struct Sources<'a>(pub [&'a dyn Dataset; 2]);

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.0.map(Dataset::len);
        f.debug_tuple("Sources").field(&rows).finish()
    }
}

impl RowSource for Sources<'_> {
    /// The training set as the epoch draws it, the test set as it is.
    fn gather(
        &self,
        source: usize,
        epoch: u32,
        rows: &[u32],
        inputs: &mut [f32],
        targets: TargetsMut<'_>,
    ) {
        let labels = match targets {
            TargetsMut::Classes(classes) => LabelsMut::Classes(classes),
            TargetsMut::Values(values) => LabelsMut::Values(values),
        };
        let epoch = (source == TRAIN).then_some(epoch);
        let drawn = self.0[source].try_draw(epoch, rows, inputs, labels);
        drawn.unwrap_or_else(|error| fail(error));
    }

    fn weigh(&self, source: usize, rows: &[u32], weights: &mut [f32]) -> bool {
        let data = self.0[source];
        if data.has_weights() {
            data.gather_weights(rows, weights);
        }
        data.has_weights()
    }
}

/// An optimiser as the engine applies it: for those who bring their own replica.
///
/// ```
/// use unisono::engine::Update;
/// use unisono::{optim::Optimizer, train::ChainUpdate};
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1).with_momentum(0.9), 1000)?;
/// assert_eq!(update.num_state_buffers(), 1);
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Debug)]
pub struct ChainUpdate {
    chain: Chain,
    table: PartTable,
    /// The layer of each tensor, where layers' norms are wanted.
    layers: Vec<usize>,
}

impl ChainUpdate {
    /// The update of `optimizer` for `num_params` parameters that are one weight.
    ///
    /// # Errors
    /// Those of [`Optimizer::build`].
    pub fn new(optimizer: &Optimizer, num_params: usize) -> Result<Self, OptimError> {
        Ok(Self::from_chain(optimizer.build()?, num_params))
    }

    /// The update of a chain of transforms for `num_params` parameters that are one weight.
    ///
    /// ```
    /// use unisono::engine::Update;
    /// use unisono::{optim::{Adam, Chain}, train::ChainUpdate};
    /// let chain = Chain::new(vec![Box::new(Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 })]);
    /// assert_eq!(ChainUpdate::from_chain(chain, 1000).num_state_buffers(), 2);
    /// ```
    pub fn from_chain(chain: Chain, num_params: usize) -> Self {
        Self {
            chain,
            table: PartTable::new([(num_params, ParamGroup::default())]),
            layers: Vec::new(),
        }
    }

    /// The update of `optimizer` for a model: biases and norms apart, running statistics following
    /// the batches' own.
    ///
    /// # Errors
    /// Those of [`Optimizer::build`]; [`OptimError::NoSuchTensor`] for a layer's learning rate
    /// without layer.
    pub fn for_model(optimizer: &Optimizer, layout: &ParamLayout) -> Result<Self, OptimError> {
        let names = layout.tensors().iter().map(|tensor| tensor.name.as_str());
        if let Some(prefix) = optimizer.groups().unused(names.clone()) {
            return Err(OptimError::NoSuchTensor {
                prefix: prefix.to_owned(),
                names: names.take(6).collect::<Vec<_>>().join(", "),
            });
        }
        let treated = layout.tensors().iter().map(|tensor| {
            let kind = match tensor.role {
                Role::Weight => TensorKind::Weight,
                Role::Bias | Role::Norm => TensorKind::BiasOrNorm,
                Role::Statistic => TensorKind::Statistic,
            };
            let group = optimizer.groups().param_group(&tensor.name, kind);
            (tensor.range.len(), group)
        });
        Ok(Self {
            chain: optimizer.build()?,
            table: PartTable::new(treated),
            layers: Vec::new(),
        })
    }

    /// The same, which tells the norm of each layer's gradient
    /// ([`crate::engine::Session::part_norms`]); of a model's own update.
    ///
    /// ```
    /// use unisono::{engine::Update, nn::Sequential, optim::Optimizer, train::ChainUpdate};
    /// let layout = Sequential::new(3).dense(2).relu().dense(1).layout()?;
    /// let update = ChainUpdate::for_model(&Optimizer::sgd(0.1), &layout)?.with_layer_norms(&layout);
    /// assert_eq!(update.num_parts(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_layer_norms(self, layout: &ParamLayout) -> Self {
        let (_, layers) = layout.layers();
        Self { layers, ..self }
    }
}

impl Update for ChainUpdate {
    type Scalars = StepScalars;

    fn num_state_buffers(&self) -> usize {
        self.chain.num_state_buffers()
    }

    fn apply(&self, scalars: &StepScalars, block: UpdateBlock<'_>) {
        let context = UpdateContext {
            scalars,
            params: &[],
            parts: self.table.of_block(block.offset, block.params.len()),
            trust_ratios: block.trust_ratios,
        };
        self.chain
            .apply(&context, block.params, block.grad, block.state);
    }

    fn num_parts(&self) -> usize {
        self.layers.last().map_or(0, |last| last + 1)
    }

    fn part_squares(
        &self,
        offset: usize,
        grad: &[f32],
        square: f64,
        each: &mut dyn FnMut(PartSquare),
    ) {
        let parts = self.table.of_block(offset, grad.len());
        let trained = parts
            .iter()
            .filter(|part| part.group.trained_by == TrainedBy::Gradient);
        for part in trained {
            each(PartSquare {
                offset: offset + part.range.start,
                part: self.layers[part.tensor],
                square: match parts {
                    [_] => square,
                    _ => sum_of_squares(&grad[part.range.clone()]),
                },
            });
        }
    }

    fn num_trust_ratios(&self) -> usize {
        match self.chain.trust_ratio() {
            Some(_) => self.table.num_tensors(),
            None => 0,
        }
    }

    fn direction(&self, scalars: &StepScalars, block: DirectionBlock<'_>, norms: &mut Vec<Norms>) {
        let parts = self.table.of_block(block.offset, block.params.len());
        let context = UpdateContext {
            scalars,
            params: block.params,
            parts,
            trust_ratios: &[],
        };
        self.chain.direction(&context, block.grad, block.state);
        norms.extend(parts.iter().map(|part| Norms {
            offset: block.offset + part.range.start,
            params: sum_of_squares(&block.params[part.range.clone()]),
            direction: sum_of_squares(&block.grad[part.range.clone()]),
        }));
    }

    fn trust_ratios(
        &self,
        _scalars: &StepScalars,
        norms: &mut dyn Iterator<Item = Norms>,
        trust_ratios: &mut Vec<f32>,
    ) {
        let Some(ratio) = self.chain.trust_ratio() else {
            return;
        };
        trust_ratios.clear();
        let mut norms = norms.peekable();
        for tensor in 0..self.table.num_tensors() {
            let end = self.table.end(tensor);
            let (mut params, mut direction) = (0.0, 0.0);
            while let Some(part) = norms.next_if(|part| part.offset < end) {
                params += part.params;
                direction += part.direction;
            }
            let group = self.table.param_group(tensor);
            trust_ratios.push(if group.adapts {
                ratio.ratio(params.sqrt(), direction.sqrt(), group.decay_scale)
            } else {
                1.0
            });
        }
    }

    fn sum_of_squares(&self, offset: usize, grad: &[f32]) -> f64 {
        let parts = self.table.of_block(offset, grad.len());
        if parts
            .iter()
            .all(|part| part.group.trained_by == TrainedBy::Gradient)
        {
            return sum_of_squares(grad);
        }
        let trained = parts
            .iter()
            .filter(|part| part.group.trained_by == TrainedBy::Gradient);
        trained
            .map(|part| sum_of_squares(&grad[part.range.clone()]))
            .sum()
    }
}
