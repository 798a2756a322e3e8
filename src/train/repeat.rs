//! Repeat: a step, or an evaluation, in which a worker panicked is done again.
//!
//! # Invariants
//! 1. A step that panicked has changed nothing: neither parameters, nor the optimiser's state, nor what
//!    decides on the next step. So the same step again comes to the same bits.
//! 2. All ranks see the same error of a step, and so all of them, or none, do it again.

use crate::engine::{Batch, EngineError, Reduced, Replica};

use super::config::OnWorkerPanic;
use super::control::PlannedStep;
use super::error::TrainError;
use super::metrics::Event;
use super::train_loop::{TrainLoop, Workers};

impl TrainLoop<'_> {
    /// Forward, backward, all-reduce, decide and update, again if a worker panics.
    pub(super) fn step<R: Replica>(
        &mut self,
        workers: &mut Workers<'_, R>,
        batch: &Batch,
        step: PlannedStep,
    ) -> Result<Reduced, TrainError> {
        self.repeated(workers, |run, workers| {
            workers.step(batch, |reduced| {
                run.control.decide(run.config, run.progress, reduced, step)
            })
        })
    }

    /// What `part` gives, again if a worker panics in it and the settings ask for that.
    pub(super) fn repeated<R: Replica, T>(
        &mut self,
        workers: &mut Workers<'_, R>,
        mut part: impl FnMut(&mut Self, &mut Workers<'_, R>) -> Result<T, EngineError>,
    ) -> Result<T, TrainError> {
        let mut tries = 1;
        loop {
            let error = match part(self, workers) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // A model that keeps a state of its rows has gone on with some of them.
            let may_pass = match error {
                EngineError::WorkerPanicked { .. } => !workers.is_stateful(),
                EngineError::EvaluationPanicked { .. } => true,
                _ => false,
            };
            let is_asked = self.config.on_worker_panic == OnWorkerPanic::Retry;
            if !(is_asked && may_pass && tries < OnWorkerPanic::TRIES) {
                return Err(error.into());
            }
            tries += 1;
            self.skipped.repeated += 1;
            // The training is where it is whatever the callback answers: the next step asks again.
            let _ = self.notify_own(workers, &Event::Repeated { error: &error });
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
