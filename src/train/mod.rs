//! **The** loop: data, engine, network, optimiser and schedule meet here and only here.
//!
//! [`Trainer`] holds the settings and the state that a next call of [`Trainer::fit`] goes on from; `run_epoch` is
//! an epoch on one page.

mod config;
mod control;
mod error;
mod metrics;
mod range_test;
mod source;
mod trainer;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::data::Dataset;
use crate::engine::{Batch, Reduced, Session, Sums};
use crate::nn::NetworkReplica;
use crate::optim::{Progress, StepPlan};

use config::Config;
use control::{Control, Early};
use metrics::EpochSums;
use source::{TEST, TRAIN};

pub use config::{OnNonFinite, model_shards, worthwhile_threads};
pub use control::{EarlyStopping, EarlyStoppingState, Verdict};
pub use error::TrainError;
pub use metrics::{EpochMetrics, Event, Report, Setup};
pub use range_test::{LrCurve, LrPoint, LrRange};
pub use source::{ChainUpdate, Sources};
pub use trainer::Trainer;

type Workers<'s, 'd> = Session<'s, NetworkReplica<Sources<'d>>, ChainUpdate>;

/// The training at work: settings, place, and what is told to the observer.
struct Loop<'a, F> {
    config: &'a Config,
    train: &'a dyn Dataset,
    test_order: Arc<[u32]>,
    progress: &'a mut Progress,
    control: &'a mut Control,
    /// The state buffer that holds the average of the parameters.
    average: Option<usize>,
    /// The step that is not made any more.
    last_step: Option<u64>,
    skipped: u64,
    early: Option<Early>,
    observer: F,
}

/// One epoch: shuffle; for each batch plan, forward, backward, all-reduce, decide, update; evaluate.
fn run_epoch<F: FnMut(&Event<'_>) -> ControlFlow<()>>(
    at: &mut Loop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<EpochMetrics, TrainError> {
    let epoch = at.progress.epoch;
    let order = at
        .config
        .sampling
        .order(at.train.len() as u32, at.config.seed, epoch)?;
    let mut epoch_sums = EpochSums::default();
    let started = Instant::now();
    let mut start = 0;
    while start < order.len() && !at.is_over() {
        at.progress.in_epoch = start as f64 / order.len() as f64;
        let plan = at.control.plan(at.config, at.progress);
        let range = start..(start + plan.batch_size).min(order.len());
        start = range.end;
        let rows = range.len();
        let next = start..(start + plan.batch_size).min(order.len());
        at.train.prefetch(&order[next]);
        let batch = Batch {
            source: TRAIN,
            order: Arc::clone(&order),
            range,
            epoch,
            step: at.progress.step,
        };
        let settings = (at.config, &*at.progress);
        let reduced = workers.step(&batch, |reduced| {
            at.control.decide(settings, reduced, (plan.lr, rows))
        })?;
        at.count(&reduced, plan.lr, rows)?;
        epoch_sums.add(&reduced, &plan);
        let _ = (at.observer)(&Event::Step {
            epoch: epoch + 1,
            examples: start,
            loss: reduced.sums.mean_loss(),
        });
    }
    epoch_sums.time = started.elapsed();
    (at.progress.epoch, at.progress.in_epoch) = (epoch + 1, 0.0);
    Ok(epoch_sums.finish(epoch + 1, evaluate(at, workers)?, at.control.noise_scale()))
}

/// The sums of the loss over the test set, spread over the workers; with the average of the parameters, if one is kept.
fn evaluate<F>(at: &mut Loop<'_, F>, workers: &mut Workers<'_, '_>) -> Result<Sums, TrainError> {
    let order = Arc::clone(&at.test_order);
    let range = 0..order.len();
    let batch = Batch {
        source: TEST,
        order,
        range,
        epoch: at.progress.epoch,
        step: at.progress.step,
    };
    if let Some(average) = at.average {
        workers.exchange(average)?;
    }
    let sums = workers.evaluate(&batch)?;
    at.control.evaluated(sums.mean_loss());
    if let Some(early) = &mut at.early {
        early.observe(sums.mean_loss(), || workers.replica().params().to_vec());
    }
    if let Some(average) = at.average {
        workers.exchange(average)?;
    }
    Ok(sums)
}

impl<F> Loop<'_, F> {
    /// Whether all steps that were asked for have been made.
    fn is_over(&self) -> bool {
        self.last_step
            .is_some_and(|last| self.progress.step >= last)
    }

    /// Counts a step, or reports one that was left out.
    fn count(&mut self, reduced: &Reduced, lr: f32, rows: usize) -> Result<(), TrainError> {
        if !reduced.is_finite() {
            self.skipped += 1;
            if self.config.on_non_finite == OnNonFinite::Stop {
                return Err(TrainError::NonFinite {
                    step: self.progress.step,
                    epoch: self.progress.epoch + 1,
                    loss: reduced.sums.mean_loss(),
                    grad_norm: reduced.grad_norm,
                });
            }
        }
        self.control.observe(reduced, lr);
        self.progress.step += 1;
        self.progress.examples += rows as u64;
        Ok(())
    }
}

impl EpochSums {
    fn add(&mut self, reduced: &Reduced, plan: &StepPlan) {
        self.sums += reduced.sums;
        self.norms += reduced.grad_norm;
        self.steps += 1;
        (self.lr, self.batch_size) = (plan.lr, plan.batch_size);
    }
}
