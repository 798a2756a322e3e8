//! Coordinator: the step on one page, as worker 0 leads it and all other workers follow.
//!
//! [`Session::step`] and [`follow_step`] are the two sides of the same step; a phase is a line in
//! each, in the same order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::all_reduce::plan::Plan;
use super::assignment::Assignment;
use super::batch::Batch;
use super::context::Shared;
use super::coordinator_state::CoordinatorState;
use super::error::{EngineError, panic_message};
use super::mailbox::Aborted;
use super::message::{Command, Decision};
use super::ranks::header::Operation;
use super::reduced::Reduced;
use super::replica::Replica;
use super::sums::Sums;
use super::timing::Phase;
use super::update::Update;
use super::worker::Worker;

/// A running engine, as seen by the driver on worker 0's thread.
///
/// ```
/// # use unisono::{data::digits, optim::{Optimizer, StepScalars}, train::{ChainUpdate, Sources}};
/// # use unisono::engine::{Batch, Decision, Engine, EngineConfig, EngineError};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, Isa};
/// # let (train, test) = digits();
/// # let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy.into(), isa: Isa::detect(), seed: 42 };
/// # let model = Sequential::new(64).dense(10);
/// # let replica = |_| NetworkReplica::new(&model, settings.clone(), Sources([&train, &test])).unwrap();
/// # let update = ChainUpdate::new(&Optimizer::sgd(0.1), 650)?;
/// # let mut engine = Engine::new(EngineConfig::default(), &[0.0; 650], update, replica)?;
/// let batch = Batch::whole((0..100).collect(), 0);
/// let (before, after) = engine.run(|session| -> Result<_, EngineError> {
///     let apply = |lr, weight| Decision::Apply(StepScalars::plain(lr, weight, 0));
///     let reduced = session.step(&batch, |reduced| apply(0.1, reduced.sums.weight))?;
///     Ok((reduced.sums, session.evaluate(&batch)?))
/// })??;
/// assert!(after.mean_loss() < before.mean_loss());
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Session<'a, R: Replica, U: Update> {
    pub(super) worker: &'a mut Worker<R, U>,
    pub(super) coordinator: &'a mut CoordinatorState<U::Scalars>,
    pub(super) shared: &'a Shared<'a, U>,
}

impl<R: Replica, U: Update> Session<'_, R, U> {
    /// Trains on one batch: shards, forward and backward, all-reduce, `decide`, update, broadcast.
    ///
    /// `decide` sees the loss and the gradient's norm and returns the update's scalars, or skips
    /// the update.
    ///
    /// # Errors
    /// [`EngineError::WorkerPanicked`] if a replica panicked (the parameters are those of the last
    /// whole step), [`EngineError::EmptyBatch`], or [`EngineError::Broken`].
    pub fn step(
        &mut self,
        batch: &Batch,
        decide: impl FnOnce(&Reduced) -> Decision<U::Scalars>,
    ) -> Result<Reduced, EngineError> {
        if batch.range.is_empty() {
            return Err(EngineError::EmptyBatch { step: batch.step });
        }
        // Shards may move first.
        let shared = self.shared;
        let num_factored = self.worker.links.factors.num_factored();
        let scheduler = &mut self.coordinator.scheduler;
        let plan = scheduler.next_plan(batch, num_factored, shared);
        let command = Command::Step(batch.clone(), plan.clone());
        self.coordinator.command_all(&command);
        let header = shared.header(Operation::Step, batch);
        self.coordinator.open(header);
        let stepped = guarded(shared, || {
            // The pass over own shards, and the sum over all workers' gradients.
            self.worker.gather_buffers(plan.as_deref(), shared)?;
            self.worker.compute(batch, shared);
            self.worker.all_reduce(batch, shared)?;
            // Everyone's reports in, the driver's decision out; with it, segments to update.
            self.worker.send_report();
            self.coordinator.exchange_reports(header, shared)?;
            self.coordinator.record_loads(batch);
            let outcome = self.coordinator.reduced(batch, shared);
            let decision = outcome.as_ref().map_or(Decision::Skip, decide);
            if matches!(decision, Decision::Apply(_)) {
                self.coordinator.scatter_params(shared);
            }
            self.coordinator.reply_all(&decision);
            let decision = self.worker.await_reply(shared)?;
            if let Decision::Apply(scalars) = &decision
                && shared.update.num_trust_ratios() > 0
            {
                self.agree_on_trust_ratios(scalars, batch)?;
            }
            // The owners update their segments, and all take over the new parameters.
            self.worker.update(&decision, shared);
            if matches!(decision, Decision::Apply(_)) {
                self.broadcast_params()?;
            }
            Ok(outcome)
        });
        stepped.unwrap_or_else(|Aborted| Err(self.broken()))
    }

    /// The sums of the loss over a batch, in evaluation mode, spread over all workers.
    ///
    /// # Errors
    /// As [`Session::step`], but [`EngineError::EvaluationPanicked`].
    pub fn evaluate(&mut self, batch: &Batch) -> Result<Sums, EngineError> {
        if batch.range.is_empty() {
            return Err(EngineError::EmptyBatch { step: batch.step });
        }
        let shared = self.shared;
        self.coordinator
            .command_all(&Command::Evaluate(batch.clone()));
        let header = shared.header(Operation::Evaluate, batch);
        self.coordinator.open(header);
        let evaluated = guarded(shared, || {
            self.worker.evaluate(batch, shared);
            self.worker.send_report();
            self.coordinator.exchange_reports(header, shared)?;
            let outcome = self.coordinator.reduced(batch, shared);
            self.coordinator.reply_all(&Decision::Skip);
            self.worker.await_reply(shared)?;
            let sums = outcome.map(|reduced| reduced.sums);
            Ok(sums.map_err(EngineError::in_evaluation))
        });
        self.worker.watch.lap(Phase::Idle);
        evaluated.unwrap_or_else(|Aborted| Err(self.broken()))
    }

    /// Who computes which shards, as of the last step; of several ranks, which of this rank's
    /// workers has which of this rank's shards.
    pub fn assignment(&self) -> &Assignment {
        &self.coordinator.scheduler.own.assignment
    }

    /// Gives workers these shards from the next step on. It changes no bit; with
    /// [`crate::engine::Balance::Measured`] they may move again.
    ///
    /// ```
    /// # use unisono::{data::digits, optim::{Optimizer, StepScalars}, train::{ChainUpdate, Sources}};
    /// # use unisono::engine::{Assignment, Balance, Batch, Decision, Engine, EngineConfig, Shards, Threads};
    /// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, Isa};
    /// # let (train, test) = digits();
    /// # let model = Sequential::new(64).dense(10);
    /// # let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy.into(), isa: Isa::detect(), seed: 42 };
    /// # let replica = |_| NetworkReplica::new(&model, settings.clone(), Sources([&train, &test])).unwrap();
    /// # let update = ChainUpdate::new(&Optimizer::sgd(0.1), 650)?;
    /// let config = EngineConfig { threads: Threads::Fixed(2), shards: Shards::Fixed(16), balance: Balance::Even, ..EngineConfig::default() };
    /// let mut engine = Engine::new(config, &[0.0; 650], update, replica)?;
    /// let batch = Batch::whole((0..64).collect(), 0);
    /// engine.run(|session| {
    ///     session.assign(Assignment::from_counts(&[11, 5]))?;
    ///     session.step(&batch, |_| Decision::Apply(StepScalars::plain(0.1, 64.0, 0)))?;
    ///     assert_eq!(session.assignment().shards(1), 11..16);
    ///     assert!(session.assign(Assignment::from_counts(&[16])).is_err());
    ///     Ok::<(), unisono::engine::EngineError>(())
    /// })??;
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Assignment`] if it is for another number of shards or workers,
    /// [`EngineError::StatefulModel`] if the model keeps a state of its rows from step to step.
    pub fn assign(&mut self, assignment: Assignment) -> Result<(), EngineError> {
        self.coordinator.scheduler.assign(assignment)
    }

    /// Whether the model keeps a state of its rows from step to step.
    pub(crate) fn is_stateful(&self) -> bool {
        self.coordinator.scheduler.is_stateful()
    }

    /// The parameters.
    pub fn params(&self) -> &[f32] {
        self.worker.params.as_slice()
    }

    /// The L2 norm of each part of the last step's mean gradient, [`Update::num_parts`] of them.
    pub fn part_norms(&self) -> &[f64] {
        &self.coordinator.part_norms
    }

    /// The parameters change places with state buffer `which`; a second call brings them back. So
    /// an average of the parameters, kept by the optimiser, can be evaluated.
    ///
    /// # Errors
    /// [`EngineError::Broken`].
    ///
    /// # Panics
    /// If there is no such buffer.
    pub fn swap_params(&mut self, which: usize) -> Result<(), EngineError> {
        let shared = self.shared;
        let buffers = shared.update.num_state_buffers();
        assert!(
            which < buffers,
            "state buffer {which} does not exist: the optimiser has {buffers}"
        );
        self.coordinator.command_all(&Command::SwapParams(which));
        let swapped = guarded(shared, || {
            self.worker.send_report();
            self.coordinator.collect_reports(shared)?;
            self.coordinator.scatter_params(shared);
            self.coordinator.reply_all(&Decision::Skip);
            self.worker.await_reply(shared)?;
            self.worker.swap_params(which, shared);
            self.broadcast_params()
        });
        swapped.map_err(|Aborted| self.broken())
    }

    /// Collects the new parameters from their owners, and gives them to every worker.
    pub(super) fn broadcast_params(&mut self) -> Result<(), Aborted> {
        self.worker.send_params(self.shared);
        self.coordinator.gather_params(self.shared)?;
        self.worker.await_params(self.shared)
    }

    /// Between the halves of an update in two: everyone's norms in, trust ratios out.
    fn agree_on_trust_ratios(
        &mut self,
        scalars: &U::Scalars,
        batch: &Batch,
    ) -> Result<(), Aborted> {
        let shared = self.shared;
        let header = shared.header(Operation::Directions, batch);
        self.coordinator.open(header);
        self.worker.direction(scalars, shared);
        self.worker.send_report();
        self.coordinator.exchange_reports(header, shared)?;
        self.coordinator.fill_trust_ratios(shared.update, scalars);
        self.coordinator.reply_all(&Decision::Apply(*scalars));
        self.worker.await_reply(shared)?;
        Ok(())
    }

    pub(super) fn broken(&self) -> EngineError {
        let reason = self
            .shared
            .latch
            .reason()
            .unwrap_or_else(|| "a worker left".to_owned());
        EngineError::Broken { reason }
    }
}

/// Worker 0's thread: the driver, and the command to stop.
pub(crate) fn lead<R: Replica, U: Update, T>(
    mut session: Session<'_, R, U>,
    drive: impl FnOnce(&mut Session<'_, R, U>) -> T,
) -> thread::Result<T> {
    let shared = session.shared;
    shared.placement.pin(0);
    session.worker.watch.restart();
    let driven = catch_unwind(AssertUnwindSafe(|| drive(&mut session)));
    session.worker.watch.leave();
    session.coordinator.command_all(&Command::Stop);
    // The others last: what they do instead of leaving must not reach own workers.
    if !shared.latch.is_raised() {
        session.coordinator.leave(shared);
    }
    driven
}

/// Any other worker's thread.
pub(crate) fn follow<R: Replica, U: Update>(worker: &mut Worker<R, U>, shared: &Shared<'_, U>) {
    shared.placement.pin(worker.index);
    worker.watch.restart();
    // An abort needs no handling here: whoever raised the latch gave the reason.
    let _ended = guarded(shared, || {
        loop {
            match worker.links.commands.receive(shared.watch(worker.index))? {
                Command::Step(batch, plan) => {
                    follow_step(worker, &batch, plan.as_deref(), shared)?;
                }
                Command::Evaluate(batch) => {
                    worker.evaluate(&batch, shared);
                    worker.send_report();
                    worker.await_reply(shared)?;
                }
                Command::SwapParams(which) => {
                    worker.send_report();
                    worker.await_reply(shared)?;
                    worker.swap_params(which, shared);
                    worker.send_params(shared);
                    worker.await_params(shared)?;
                }
                Command::Stop => {
                    worker.watch.leave();
                    return Ok(());
                }
            }
        }
    });
}

/// The step, on every worker but the first. [`Session::step`] is the same with the master's part in
/// it.
fn follow_step<R: Replica, U: Update>(
    worker: &mut Worker<R, U>,
    batch: &Batch,
    plan: Option<&Plan>,
    shared: &Shared<'_, U>,
) -> Result<(), Aborted> {
    // The pass over own shards, and the sum over all workers' gradients.
    worker.gather_buffers(plan, shared)?;
    worker.compute(batch, shared);
    worker.all_reduce(batch, shared)?;
    // The report out, the decision in.
    worker.send_report();
    let decision = worker.await_reply(shared)?;
    // LARS, LAMB: norms of the directions out, trust ratios in.
    if let Decision::Apply(scalars) = &decision
        && shared.update.num_trust_ratios() > 0
    {
        worker.direction(scalars, shared);
        worker.send_report();
        worker.await_reply(shared)?;
    }
    // Own segments are updated, and the new parameters taken over.
    worker.update(&decision, shared);
    match decision {
        Decision::Apply(_) => {
            worker.send_params(shared);
            worker.await_params(shared)
        }
        Decision::Skip => Ok(()),
    }
}

/// Runs `part`; a panic raises the latch, so that nobody waits for this worker.
pub(super) fn guarded<U, T>(
    shared: &Shared<'_, U>,
    part: impl FnOnce() -> Result<T, Aborted>,
) -> Result<T, Aborted> {
    catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|payload| {
        shared.latch.raise(&format!(
            "a worker panicked outside its replica: {}",
            panic_message(&*payload)
        ));
        Err(Aborted)
    })
}
