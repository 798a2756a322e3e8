//! The engine of a network: its replicas read data sets, its update is an optimiser's.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::Engine;
use crate::nn::{KeptOutputs, NetworkReplica, NnError, ReplicaSettings, Sequential};

use crate::sync::AtomicBool;

use super::source::{ChainUpdate, Sources};

/// An engine that trains a network.
pub(crate) type NetworkEngine<'d> = Engine<NetworkReplica<Sources<'d>>, ChainUpdate>;

/// What evaluations have beside their rows.
#[derive(Default)]
pub(super) struct Evaluations {
    /// Ends them.
    pub(super) stop: Option<Arc<AtomicBool>>,
    /// Where they leave the outputs of rows.
    pub(super) kept: Option<Arc<KeptOutputs>>,
}

/// Makes the workers' replicas of `model`, which read training and test set.
///
/// # Errors
/// [`NnError`] if the model is impossible.
pub(crate) fn network_replicas<'d>(
    model: &Sequential,
    settings: ReplicaSettings,
    data: [&'d dyn Dataset; 2],
) -> Result<impl FnMut(usize) -> NetworkReplica<Sources<'d>>, NnError> {
    model.layout()?;
    Ok(move |_worker| {
        NetworkReplica::new(model, settings.clone(), Sources(data)).expect("the model has a layout")
    })
}
