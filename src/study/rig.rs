//! An engine with a preset and its data, ready for steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::{ArrayDataset, Dataset};
use crate::engine::{Batch, Decision, Engine, EngineError, Phase, PhaseTimes, Reduced, Session};
use crate::nn::kernel::Isa;
use crate::nn::{Loss, Network, NetworkReplica, ReplicaSettings};
use crate::optim::{BatchBounds, Optimizer, StepScalars};
use crate::train::{ChainUpdate, Sources, TrainError, resolve_auto};

use super::bench::Bench;

type PresetEngine<'d> = Engine<NetworkReplica<Sources<'d>>, ChainUpdate>;

/// The engine, and where it is in the data.
#[derive(Debug)]
pub(crate) struct Rig<'d> {
    pub(crate) engine: PresetEngine<'d>,
    batch_size: usize,
    order: Arc<[u32]>,
    step: u64,
    lr: f32,
}

impl<'d> Rig<'d> {
    /// Takes batch after batch of `data`, of which there is at least one.
    pub(crate) fn new(
        bench: &Bench,
        network: &Network,
        data: &'d ArrayDataset,
    ) -> Result<Self, TrainError> {
        let optimizer = optimizer(bench.preset.name);
        Ok(Self {
            engine: build(bench, network, data)?,
            batch_size: bench.batch_size,
            order: (0..data.len() as u32).collect(),
            step: 0,
            lr: optimizer.lr(),
        })
    }

    /// Makes `count` more steps: each one's time and loss.
    pub(crate) fn steps(&mut self, count: usize) -> Result<Vec<(Duration, f64)>, TrainError> {
        let Self {
            engine,
            batch_size,
            order,
            step,
            lr,
        } = self;
        let steps = *step..*step + count as u64;
        *step += count as u64;
        let made = engine.run(|session| {
            let one = |step| one_step(session, (order, *batch_size), (*lr, step));
            steps.map(one).collect::<Result<_, _>>()
        })?;
        Ok(made?)
    }
}

fn one_step(
    session: &mut Session<'_, NetworkReplica<Sources<'_>>, ChainUpdate>,
    (order, rows): (&Arc<[u32]>, usize),
    (lr, step): (f32, u64),
) -> Result<(Duration, f64), EngineError> {
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
}

fn build<'d>(
    bench: &Bench,
    network: &Network,
    data: &'d ArrayDataset,
) -> Result<PresetEngine<'d>, TrainError> {
    let model = &bench.preset.model;
    let update = ChainUpdate::for_model(&optimizer(bench.preset.name), network.layout())?;
    let settings = ReplicaSettings {
        loss: Loss::SoftmaxCrossEntropy,
        isa: Isa::chosen()?,
        seed: bench.seed,
    };
    let config = resolve_auto(bench.engine, model, BatchBounds::fixed(bench.batch_size))?;
    let replica = |_| {
        NetworkReplica::new(model, settings.clone(), Sources([data, data]))
            .expect("the network has been built")
    };
    Ok(Engine::new(config, network.params(), update, replica)?)
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
) -> Vec<[f64; Phase::ALL.len()]> {
    let of_worker = |(before, after): (&PhaseTimes, &PhaseTimes)| {
        Phase::ALL.map(|phase| {
            let spent = after.of(phase) - before.of(phase);
            spent.as_secs_f64() * 1e3 / steps.max(1) as f64
        })
    };
    before.iter().zip(after).map(of_worker).collect()
}
