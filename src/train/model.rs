//! Models: what a trainer trains, as far as the loop has to know it.

use crate::nn::{NnError, ParamLayout, Precision, Role, Sequential};

mod sealed {
    /// Only this crate's two kinds of models can be trained.
    pub trait Sealed {}
    impl Sealed for crate::nn::Sequential {}
    impl Sealed for super::ReplicaModel {}
}

/// What a [`crate::Trainer`] trains: layers of this crate ([`Sequential`]), or a model of one's own
/// behind [`crate::engine::Replica`] ([`ReplicaModel`]).
///
/// ```
/// use unisono::{nn::Sequential, train::{Model, ReplicaModel}};
/// assert_eq!(Sequential::new(3).dense(2).tensors()?.len(), 8);
/// assert_eq!(ReplicaModel::new("a line", vec![0.0; 2]).tensors()?.tensors()[0].name, "params");
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
pub trait Model: std::fmt::Debug + sealed::Sealed {
    /// Its tensors, in the order of the flat vector of parameters.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    fn tensors(&self) -> Result<ParamLayout, NnError>;

    /// The parameters that training starts from, a function of `seed` alone.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    fn first_params(&self, seed: u64) -> Result<Vec<f32>, NnError>;

    /// A text that differs between models whose checkpoints do not fit each other.
    fn structure(&self) -> String;

    /// The precision of its products, as far as the trainer knows it.
    fn precision(&self) -> Precision {
        Precision::F32
    }

    /// Its layers, if it is made of this crate's.
    fn layers(&self) -> Option<&Sequential> {
        None
    }
}

impl Model for Sequential {
    fn tensors(&self) -> Result<ParamLayout, NnError> {
        self.layout()
    }

    fn first_params(&self, seed: u64) -> Result<Vec<f32>, NnError> {
        Ok(self.layout()?.init(seed))
    }

    fn structure(&self) -> String {
        self.clone().precision(Precision::F32).to_json()
    }

    fn precision(&self) -> Precision {
        self.products()
    }

    fn layers(&self) -> Option<&Sequential> {
        Some(self)
    }
}

/// A model of one's own or of another library: a name, its tensors, and the values that they start
/// from. What it computes say its replicas ([`crate::Trainer::fit_replicas`]).
///
/// ```
/// use unisono::{nn::Role, train::{Model, ReplicaModel}};
/// let model = ReplicaModel::new("regression", vec![0.1, 0.2, 0.0])
///     .with_tensors([("weight", vec![2], Role::Weight), ("bias", vec![1], Role::Bias)])?;
/// assert_eq!(model.tensors()?.tensors()[1].range, 2..3);
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaModel {
    name: String,
    layout: ParamLayout,
    params: Vec<f32>,
}

impl ReplicaModel {
    /// A model whose `params`, which training starts from, are one weight. `name` stands for its
    /// structure: a checkpoint of a model with another name is refused.
    pub fn new(name: impl Into<String>, params: Vec<f32>) -> Self {
        let whole = [("params", vec![params.len()], Role::Weight)];
        Self {
            name: name.into(),
            layout: ParamLayout::of_shapes(whole),
            params,
        }
    }

    /// The same with names, shapes and roles of its tensors, in order: checkpoints name them,
    /// weight decay leaves biases and norms out, LARS and LAMB scale each by its norms.
    ///
    /// # Errors
    /// [`NnError::ParamCount`] if they have more or fewer values than there are parameters.
    pub fn with_tensors<N: Into<String>>(
        self,
        tensors: impl IntoIterator<Item = (N, Vec<usize>, Role)>,
    ) -> Result<Self, NnError> {
        let layout = ParamLayout::of_shapes(tensors);
        let (expected, got) = (self.params.len(), layout.len());
        if expected != got {
            return Err(NnError::ParamCount { expected, got });
        }
        Ok(Self { layout, ..self })
    }
}

impl Model for ReplicaModel {
    fn tensors(&self) -> Result<ParamLayout, NnError> {
        Ok(self.layout.clone())
    }

    fn first_params(&self, _seed: u64) -> Result<Vec<f32>, NnError> {
        Ok(self.params.clone())
    }

    fn structure(&self) -> String {
        self.name.clone()
    }
}
