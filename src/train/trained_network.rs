//! Trained networks: layers in, a network out.

use std::sync::Arc;

use crate::nn::{Criterion, Network, NnError, Sequential};

use super::state::State;
use super::trainer::Trainer;

impl Trainer {
    /// A trainer of `model`; parameters are drawn from the seed. The loss is one of
    /// [`crate::nn::Loss`], or a [`Criterion`] of one's own.
    pub fn new(model: Sequential, loss: impl Criterion + 'static) -> Self {
        Self::of(model, Some(Arc::new(loss)))
    }

    /// A trainer that goes on from a network's parameters.
    ///
    /// ```
    /// use unisono::nn::{Loss, Network, Sequential};
    /// let network = Network::new(Sequential::new(64).dense(10), 7)?;
    /// let trainer = unisono::Trainer::from_network(network.clone(), Loss::SoftmaxCrossEntropy);
    /// assert_eq!(trainer.network()?, network);
    /// # Ok::<(), unisono::nn::NnError>(())
    /// ```
    pub fn from_network(network: Network, loss: impl Criterion + 'static) -> Self {
        Self {
            params: Some(network.params().to_vec()),
            ..Self::new(network.model().clone(), loss)
        }
    }

    /// The network that training keeps, to which the numbers of [`crate::train::Report::kept`]
    /// belong: that of the best epoch where early stopping has restored it, else with the average
    /// of the weights where the optimiser keeps one, else as trained so far.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn network(&self) -> Result<Network, NnError> {
        Network::with_params(self.model.clone(), self.kept_params()?)
    }

    /// The network that a further call of [`Trainer::fit`] goes on from: that of the last step, or
    /// of the best epoch where early stopping has restored it at the end of a call that
    /// [`Trainer::max_steps`] did not cut; never the average.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
    ///     .optimizer(Optimizer::sgd(0.1).with_average(0.9))
    ///     .epochs(1);
    /// trainer.fit(&train, &test)?;
    /// assert_eq!(Some(trainer.network()?), trainer.average()?);
    /// assert_ne!(trainer.network()?, trainer.last_network()?);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn last_network(&self) -> Result<Network, NnError> {
        Network::with_params(self.model.clone(), self.last_params()?)
    }

    /// The network with the average of the weights after the last step, if the optimiser keeps one
    /// and has begun.
    ///
    /// # Errors
    /// [`NnError`] if the model is impossible.
    pub fn average(&self) -> Result<Option<Network>, NnError> {
        let average = self.state.as_ref().and_then(State::average);
        let network = |params: &[f32]| Network::with_params(self.model.clone(), params.to_vec());
        average.map(network).transpose()
    }
}
