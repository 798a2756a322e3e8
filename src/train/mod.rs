//! **The** loop: data, engine, network, optimiser and schedule meet here and only here.
//!
//! [`Trainer`] holds the settings and the state that a next call of [`Trainer::fit`] goes on from; `run_epoch` is
//! an epoch on one page.

mod config;
mod error;
mod metrics;
mod source;
mod trainer;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::data::epoch_order;
use crate::engine::{Batch, Decision, Reduced, Session, Sums};
use crate::nn::NetworkReplica;
use crate::optim::{Progress, StepScalars};

use config::Config;
use metrics::EpochSums;
use source::{TEST, TRAIN};

pub use config::{OnNonFinite, model_shards};
pub use error::TrainError;
pub use metrics::{EpochMetrics, Event, Report, Setup};
pub use source::{ChainUpdate, Sources};
pub use trainer::Trainer;

type Workers<'s, 'd> = Session<'s, NetworkReplica<Sources<'d>>, ChainUpdate>;

/// The training at work: settings, place, and what is told to the observer.
struct Loop<'a, F> {
    config: &'a Config,
    rows: u32,
    test_order: Arc<[u32]>,
    progress: &'a mut Progress,
    skipped: u64,
    observer: F,
}

/// One epoch: shuffle; for each batch forward, backward, all-reduce, decide, update; evaluate.
fn run_epoch<F: FnMut(&Event<'_>) -> ControlFlow<()>>(
    at: &mut Loop<'_, F>,
    workers: &mut Workers<'_, '_>,
) -> Result<EpochMetrics, TrainError> {
    let epoch = at.progress.epoch;
    let order = epoch_order(at.rows, at.config.seed, epoch);
    let mut epoch_sums = EpochSums::default();
    let started = Instant::now();
    for start in (0..order.len()).step_by(at.config.batch_size) {
        let range = start..(start + at.config.batch_size).min(order.len());
        let examples = range.end;
        let batch = Batch {
            source: TRAIN,
            order: Arc::clone(&order),
            range,
            epoch,
            step: at.progress.step,
        };
        let lr = at
            .config
            .schedule
            .lr(at.config.optimizer.lr(), *at.progress);
        let step = at.progress.step;
        let rows = batch.rows().len();
        let reduced = workers.step(&batch, |reduced| decide(reduced, (lr, step, rows)))?;
        at.count(&reduced, rows)?;
        epoch_sums.add(&reduced, lr);
        let loss = reduced.sums.mean_loss();
        let _ = (at.observer)(&Event::Step {
            epoch: epoch + 1,
            examples,
            loss,
        });
    }
    epoch_sums.time = started.elapsed();
    at.progress.epoch += 1;
    Ok(epoch_sums.finish(epoch + 1, evaluate(at, workers)?))
}

/// The master's decision: the mean gradient with this learning rate, or no update at all.
fn decide(reduced: &Reduced, (lr, step, rows): (f32, u64, usize)) -> Decision<StepScalars> {
    if !reduced.is_finite() {
        return Decision::Skip;
    }
    Decision::Apply(StepScalars {
        row_scale: 1.0 / rows as f32,
        ..StepScalars::plain(lr, reduced.sums.weight, step)
    })
}

/// The sums of the loss over the test set, spread over the workers.
fn evaluate<F>(at: &Loop<'_, F>, workers: &mut Workers<'_, '_>) -> Result<Sums, TrainError> {
    let order = Arc::clone(&at.test_order);
    let range = 0..order.len();
    let batch = Batch {
        source: TEST,
        order,
        range,
        epoch: at.progress.epoch,
        step: at.progress.step,
    };
    Ok(workers.evaluate(&batch)?)
}

impl<F> Loop<'_, F> {
    /// Counts a step, or reports one that was left out.
    fn count(&mut self, reduced: &Reduced, rows: usize) -> Result<(), TrainError> {
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
        self.progress.step += 1;
        self.progress.examples += rows as u64;
        Ok(())
    }
}

impl EpochSums {
    fn add(&mut self, reduced: &Reduced, lr: f32) {
        self.sums += reduced.sums;
        self.norms += reduced.grad_norm;
        self.steps += 1;
        self.lr = lr;
    }
}
