//! Runner of a benchmark: an engine with a preset and its data, ready for steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::{ArrayDataset, Dataset};
use crate::engine::{
    Batch, Decision, Engine, EngineConfig, EngineError, Phase, PhaseTimes, Reduced,
};
use crate::nn::kernel::Isa;
use crate::nn::presets::Preset;
use crate::nn::{Loss, Network, ReplicaSettings};
use crate::optim::{BatchBounds, Optimizer, StepScalars};
use crate::train::{ChainUpdate, NetworkEngine, TrainError, network_replicas, resolve_auto};

/// The engine, and where it is in the data.
#[derive(Debug)]
pub(crate) struct BenchRunner<'d> {
    pub(crate) engine: NetworkEngine<'d>,
    batch_size: usize,
    order: Arc<[u32]>,
    step: u64,
    lr: f32,
}

/// A step's time, and its loss.
pub(crate) type TimedStep = (Duration, f64);

impl<'d> BenchRunner<'d> {
    /// Takes batch after batch of `data`, of which there is at least one; `seed` is of the model's
    /// own draws.
    pub(crate) fn new(
        preset: &Preset,
        config: EngineConfig,
        batch_size: usize,
        seed: u64,
        network: &Network,
        data: &'d ArrayDataset,
    ) -> Result<Self, TrainError> {
        let optimizer = optimizer(preset.name);
        let settings = ReplicaSettings {
            loss: Loss::SoftmaxCrossEntropy.into(),
            isa: Isa::chosen()?,
            seed,
        };
        let update = ChainUpdate::for_model(&optimizer, network.layout())?;
        let config = resolve_auto(config, &preset.model, BatchBounds::fixed(batch_size))?;
        let replicas = network_replicas(&preset.model, settings, [data, data])?;
        Ok(Self {
            engine: Engine::new(config, network.params(), update, replicas)?,
            batch_size,
            order: (0..data.len() as u32).collect(),
            step: 0,
            lr: optimizer.lr(),
        })
    }

    /// Makes `count` more steps.
    pub(crate) fn steps(&mut self, count: usize) -> Result<Vec<TimedStep>, TrainError> {
        let (rows, lr, order) = (self.batch_size, self.lr, &self.order);
        let steps = self.step..self.step + count as u64;
        self.step += count as u64;
        let made = self.engine.run(|session| {
            let one = |step: u64| {
                let start = (step as usize % (order.len() / rows)) * rows;
                let batch = Batch {
                    range: start..start + rows,
                    ..Batch::whole(Arc::clone(order), step)
                };
                let started = Instant::now();
                let reduced = session.step(&batch, |reduced: &Reduced| {
                    Decision::Apply(StepScalars {
                        row_scale: 1.0 / rows as f32,
                        ..StepScalars::plain(lr, reduced.sums.weight, step)
                    })
                })?;
                Ok((started.elapsed(), reduced.sums.mean_loss()))
            };
            steps.map(one).collect::<Result<_, EngineError>>()
        })?;
        Ok(made?)
    }
}

/// As the peers' scripts: AdamW for the GPT, else momentum.
fn optimizer(preset: &str) -> Optimizer {
    match preset {
        "gpt" => Optimizer::adam_w(1e-3)
            .with_betas(0.9, 0.99)
            .with_weight_decay(0.1)
            .decay_all(),
        _ => Optimizer::sgd(0.01).with_momentum(0.9),
    }
}

/// Each worker's milliseconds a step in each phase, between two readings with `steps` steps between
/// them.
pub(crate) fn phases_ms(
    before: &[PhaseTimes],
    after: &[PhaseTimes],
    steps: usize,
) -> Vec<[f64; Phase::EACH.len()]> {
    let of_worker = |(before, after): (&PhaseTimes, &PhaseTimes)| {
        Phase::EACH.map(|phase| {
            let spent = after.of(phase) - before.of(phase);
            spent.as_secs_f64() * 1e3 / steps.max(1) as f64
        })
    };
    before.iter().zip(after).map(of_worker).collect()
}
