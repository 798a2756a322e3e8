//! The engine of a network: its replicas read data sets, its update is an optimiser's.

use crate::data::Dataset;
use crate::engine::{Engine, EngineConfig};
use crate::nn::{Network, NetworkReplica, ReplicaSettings};

use super::error::TrainError;
use super::source::{ChainUpdate, Sources};

/// An engine that trains a network.
pub(crate) type NetworkEngine<'d> = Engine<NetworkReplica<Sources<'d>>, ChainUpdate>;

/// The engine for training and test set, with the network's parameters.
///
/// # Errors
/// [`TrainError::Engine`].
pub(crate) fn network_engine<'d>(
    config: EngineConfig,
    network: &Network,
    update: ChainUpdate,
    settings: &ReplicaSettings,
    data: [&'d dyn Dataset; 2],
) -> Result<NetworkEngine<'d>, TrainError> {
    let replica = |_| {
        NetworkReplica::new(network.model(), settings.clone(), Sources(data))
            .expect("the network has been built")
    };
    Ok(Engine::new(config, network.params(), update, replica)?)
}
