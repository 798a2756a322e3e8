//! Costs of the parts of a step, from what was measured on one thread and on the fewest of several.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::all_reduce::Segmented;
use crate::engine::{
    BLOCK, Batch, Decision, Engine, EngineConfig, EngineError, Phase, Replica, Shard, Shards, Sums,
    Threads,
};
use crate::optim::{Optimizer, StepScalars};
use crate::stats::quantile;
use crate::train::{ChainUpdate, TrainError};

use super::costs::StepCosts;
use super::plan::Kind;
use super::results::Results;
use super::scenario::Scenario;

impl Results {
    /// The constants, from the samples of strong scaling at `rounds`: computing and updating on one
    /// thread; adding on the fewest of several. `None` without strong scaling on one thread and on
    /// several.
    pub fn costs(&self, rounds: &[u32]) -> Option<StepCosts> {
        let find = |is_it: &dyn Fn(usize) -> bool| {
            let cells = self.cells.iter().enumerate();
            let cells = cells.filter(|(_, cell)| cell.ranks == 1);
            let strong = cells.filter(|(_, cell)| cell.kind == Kind::Strong && is_it(cell.threads));
            strong
                .min_by_key(|(_, cell)| cell.threads)
                .map(|(index, _)| index)
        };
        // The cells of strong scaling on one thread, and on the fewest of several.
        let (one, several) = (
            find(&|threads| threads == 1)?,
            find(&|threads| threads > 1)?,
        );
        // The median over rounds of a phase's seconds, the mean over workers.
        let phase = |cell: usize, phase: Phase| {
            let samples: Vec<f64> = self
                .of_cell(cell)
                .map(|sample| {
                    let of_worker = sample.phases_ms.iter().map(|worker| worker[phase as usize]);
                    of_worker.sum::<f64>() / sample.phases_ms.len() as f64 / 1e3
                })
                .collect();
            let drawn: Vec<f64> = rounds
                .iter()
                .map(|&round| samples[round as usize])
                .collect();
            quantile(&drawn, 0.5)
        };
        let (params, rows) = (self.num_params as f64, self.cells[one].batch_size as f64);
        let threads = self.cells[several].threads as f64;
        let compute = |cell| {
            [Phase::Forward, Phase::Backward, Phase::Fold]
                .into_iter()
                .map(|of| phase(cell, of))
                .sum::<f64>()
        };
        Some(StepCosts {
            row_s: compute(one) / rows,
            crowded_row_s: compute(several) * threads / rows,
            fixed_s: phase(one, Phase::Idle)
                + phase(one, Phase::Decide)
                + phase(one, Phase::Reduce)
                + phase(one, Phase::Broadcast),
            message_s: self.message_s.map_or(0.0, |known| known.1),
            add_s: phase(several, Phase::Reduce) * threads / (params * (threads - 1.0)),
            update_s: phase(one, Phase::Update) / params,
        })
    }
}

/// A replica that does nothing: what is left of a step are the messages.
pub(super) struct Nothing {
    pub(super) num_params: usize,
}

/// Its parameters: few, so that messages are what takes the time.
const PARAMS: usize = 16 * BLOCK;

impl Replica for Nothing {
    fn num_params(&self) -> usize {
        self.num_params
    }

    fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, _: &mut [f32]) -> Sums {
        self.evaluate(params, shard)
    }

    fn evaluate(&mut self, _params: &[f32], shard: &Shard<'_>) -> Sums {
        Sums {
            loss: 0.0,
            weight: shard.rows.len() as f64,
            rows: shard.rows.len() as f64,
            correct: 0.0,
            ..Sums::default()
        }
    }
}

/// Seconds that a message takes: what a step that does nothing takes longer on `threads` than on
/// one, by the messages that follow each other in it.
pub(super) fn message_cost(threads: usize) -> Result<f64, TrainError> {
    let one = nothing_s(1)?;
    let several = nothing_s(threads)?;
    let only_messages = StepCosts {
        row_s: 0.0,
        crowded_row_s: 0.0,
        fixed_s: 0.0,
        message_s: 1.0,
        add_s: 0.0,
        update_s: 0.0,
    };
    let scenario = Scenario {
        threads,
        shards: threads,
        rows: threads,
        params: PARAMS,
        ..Scenario::default()
    };
    let in_a_row = scenario
        .simulate(&only_messages)
        .map_or(1.0, |step| step.step_s);
    Ok((several - one).max(0.0) / in_a_row.max(1.0))
}

/// Seconds of a step of the replica that does nothing.
fn nothing_s(threads: usize) -> Result<f64, TrainError> {
    let config = EngineConfig {
        threads: Threads::Fixed(threads),
        shards: Shards::Fixed(threads),
        all_reduce: Arc::new(Segmented),
        ..EngineConfig::default()
    };
    // Steps for 60 ms.
    let update = ChainUpdate::new(&Optimizer::sgd(0.1), PARAMS)?;
    let mut engine = Engine::new(config, &[0.0; PARAMS], update, |_| Nothing {
        num_params: PARAMS,
    })?;
    let rows: Arc<[u32]> = (0..threads as u32).collect();
    let times = engine.run(|session| -> Result<Vec<f64>, EngineError> {
        let one = |step: u64| {
            let started = Instant::now();
            let batch = Batch::whole(Arc::clone(&rows), step);
            session.step(&batch, |reduced| {
                Decision::Apply(StepScalars::plain(0.0, reduced.sums.weight, step))
            })?;
            Ok(started.elapsed().as_secs_f64())
        };
        let until = Instant::now() + Duration::from_millis(60);
        (0..)
            .take_while(|_| Instant::now() < until)
            .map(one)
            .collect()
    })??;
    Ok(quantile(&times, 0.5))
}
