//! The flat layout of a model's parameters: one table for all-reduce, update, hash and file.

use std::ops::Range;

use super::init::{Fans, Init};
use crate::nn::error::NnError;
use crate::nn::shape::product;

/// Values of a model, weights and statistics: 32 GiB of them.
const MOST_PARAMS: usize = 1 << 33;

/// How a tensor is trained.
///
/// ```
/// use unisono::nn::{BatchNorm, Role, Sequential};
/// let layout = Sequential::new(3).layer(BatchNorm::new()).layout()?;
/// let roles: Vec<Role> = layout.tensors().iter().map(|tensor| tensor.role).collect();
/// assert_eq!(roles, [Role::Norm, Role::Norm, Role::Statistic, Role::Statistic]);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// By its gradient; regularised where regularisation is asked for.
    Weight,
    /// By its gradient; additive, left out of regularisation by default.
    Bias,
    /// By its gradient; the gain or shift of a normalisation, left out of regularisation by
    /// default.
    Norm,
    /// A running statistic of batch norm: it follows the batches' own and has no gradient.
    Statistic,
}

/// A parameter tensor of a layer.
///
/// ```
/// use unisono::nn::{Fans, Init, Role, TensorSpec};
/// let fan = Fans { inputs: 3, outputs: 2 };
/// let weight = TensorSpec::weight("weight", &[3, 2], Init::HeNormal, fan);
/// assert_eq!((weight.len(), weight.role), (6, Role::Weight));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Its name within the layer, such as `weight`.
    pub name: String,
    /// Its shape; the last axis varies fastest.
    pub shape: Vec<usize>,
    /// How it is initialised.
    pub init: Init,
    /// Inputs and outputs of a unit, for the initialiser.
    pub fan: Fans,
    /// How it is trained.
    pub role: Role,
}

impl TensorSpec {
    /// A weight `name`.
    pub fn weight(name: &str, shape: &[usize], init: Init, fan: Fans) -> Self {
        Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            init,
            fan,
            role: Role::Weight,
        }
    }

    /// The same tensor with another role.
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Its number of values.
    pub fn len(&self) -> usize {
        product(&self.shape)
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One named tensor of the flat parameter vector.
///
/// ```
/// use unisono::nn::Sequential;
/// let layout = Sequential::new(3).dense(2).layout()?;
/// let weight = &layout.tensors()[0];
/// assert_eq!((weight.name.as_str(), &weight.shape[..]), ("dense0.weight", &[3, 2][..]));
/// assert_eq!((weight.range.clone(), weight.fan.inputs), (0..6, 3));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name, such as `dense0.weight`.
    pub name: String,
    /// Its shape; the last axis varies fastest.
    pub shape: Vec<usize>,
    /// Where it lies in the flat vector.
    pub range: Range<usize>,
    /// How it is initialised.
    pub init: Init,
    /// Inputs and outputs of the unit it belongs to, for the initialiser.
    pub fan: Fans,
    /// How it is trained.
    pub role: Role,
}

/// All tensors of a model, in order and without gaps.
///
/// ```
/// use unisono::nn::{BatchNorm, Sequential};
/// let layout = Sequential::new(3).dense(2).layer(BatchNorm::new()).layout()?;
/// assert_eq!((layout.num_params(), layout.len()), (12, 16));
/// assert_eq!(layout.statistics().collect::<Vec<_>>(), [12..14, 14..16]);
/// assert_eq!(layout.init(42).len(), layout.len());
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParamLayout {
    tensors: Vec<Tensor>,
}

impl ParamLayout {
    /// The layout of `tensors`, one after another.
    pub(in crate::nn) fn new(tensors: Vec<TensorSpec>) -> Self {
        let mut start = 0_usize;
        let place = |spec: TensorSpec| {
            let range = start..start.saturating_add(spec.len());
            start = range.end;
            Tensor {
                name: spec.name,
                shape: spec.shape,
                range,
                init: spec.init,
                fan: spec.fan,
                role: spec.role,
            }
        };
        Self {
            tensors: tensors.into_iter().map(place).collect(),
        }
    }

    /// The layout of tensors of these names, shapes and roles, whose first values come from
    /// elsewhere.
    pub(crate) fn of_shapes<N: Into<String>>(
        tensors: impl IntoIterator<Item = (N, Vec<usize>, Role)>,
    ) -> Self {
        let spec = |(name, shape, role): (N, Vec<usize>, Role)| TensorSpec {
            name: name.into(),
            shape,
            init: Init::Zeros,
            fan: Fans {
                inputs: 1,
                outputs: 1,
            },
            role,
        };
        Self::new(tensors.into_iter().map(spec).collect())
    }

    /// Refuses more values than there may be.
    pub(in crate::nn) fn checked(self) -> Result<Self, NnError> {
        match self.len() {
            ..=MOST_PARAMS => Ok(self),
            params => Err(NnError::TooLarge {
                params,
                most: MOST_PARAMS,
            }),
        }
    }

    /// The tensors, in order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The length of the flat vector: trained parameters and running statistics.
    pub fn len(&self) -> usize {
        self.tensors.last().map_or(0, |last| last.range.end)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many parameters are trained: all but the running statistics.
    pub fn num_params(&self) -> usize {
        let statistics: usize = self.statistics().map(|range| range.len()).sum();
        self.len() - statistics
    }

    /// The layers that have parameters, in order, and of each tensor the layer that it is part of.
    ///
    /// ```
    /// use unisono::nn::Sequential;
    /// let layout = Sequential::new(3).dense(2).relu().dense(1).layout()?;
    /// assert_eq!(layout.layers(), (vec!["dense0".to_owned(), "dense2".to_owned()], vec![0, 0, 1, 1]));
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn layers(&self) -> (Vec<String>, Vec<usize>) {
        let mut names: Vec<String> = Vec::new();
        let layer = |tensor: &Tensor| {
            let (layer, _) = tensor.name.rsplit_once('.').unwrap_or((&tensor.name, ""));
            if names.last().is_none_or(|last| last != layer) {
                names.push(layer.to_owned());
            }
            names.len() - 1
        };
        let of = self.tensors.iter().map(layer).collect();
        (names, of)
    }

    /// The ranges of running statistics, in order.
    pub fn statistics(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let tensors = self.tensors.iter();
        tensors
            .filter(|tensor| tensor.role == Role::Statistic)
            .map(|tensor| tensor.range.clone())
    }

    /// Initial parameters, a function of the seed alone.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let mut params = vec![0.0; self.len()];
        for (index, tensor) in self.tensors.iter().enumerate() {
            tensor.init.fill(
                &mut params[tensor.range.clone()],
                tensor.fan,
                seed,
                index as u32,
            );
        }
        params
    }
}
