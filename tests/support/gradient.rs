//! The summed gradient of a network over a whole data set, as the engine reduces it.

use std::sync::Mutex;

use unisono::data::{ArrayDataset, Dataset};
use unisono::engine::{
    Batch, Decision, Engine, EngineConfig, Shards, Sums, Threads, Update, UpdateBlock,
};
use unisono::nn::kernel::Isa;
use unisono::nn::{Loss, Network, NetworkReplica, ReplicaSettings};
use unisono::train::Sources;

/// Keeps the summed gradient instead of updating.
struct Keep<'a>(&'a Mutex<Vec<f32>>);

impl Update for Keep<'_> {
    type Scalars = ();

    fn num_state_buffers(&self) -> usize {
        0
    }

    fn apply(&self, _scalars: &(), block: UpdateBlock<'_>) {
        self.0.lock().unwrap()[block.offset..block.offset + block.grad.len()]
            .copy_from_slice(block.grad);
    }
}

/// Where a gradient is computed.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) threads: usize,
    pub(crate) shards: usize,
    pub(crate) isa: Isa,
}

/// The sums of the loss, and of its gradient, over all rows of `data`.
pub(crate) fn loss_and_gradient(
    network: &Network,
    loss: &Loss,
    data: &ArrayDataset,
    place: Place,
) -> (Sums, Vec<f32>) {
    let config = EngineConfig {
        threads: Threads::Fixed(place.threads),
        shards: Shards::Fixed(place.shards),
        ..EngineConfig::default()
    };
    let kept = Mutex::new(vec![0.0; network.params().len()]);
    let settings = ReplicaSettings {
        loss: loss.clone().into(),
        isa: place.isa,
        seed: 0,
    };
    let sources = Sources([data, data]);
    let replica = |_| NetworkReplica::new(network.model(), settings.clone(), sources).unwrap();
    let mut engine = Engine::new(config, network.params(), Keep(&kept), replica).unwrap();
    let batch = Batch::whole((0..data.len() as u32).collect(), 0);
    let reduced = engine
        .run(|session| session.step(&batch, |_| Decision::Apply(())).unwrap())
        .unwrap();
    drop(engine);
    (reduced.sums, kept.into_inner().unwrap())
}
