//! The engine as its user sees it, and the step on one page.
//!
//! [`Engine`] owns the workers' state; [`Engine::run`] brings the threads up, hands a [`Session`]
//! to the driver on worker 0's thread, and takes everything back when the driver returns. The
//! caller sleeps meanwhile.
//!
//! # Why this way
//! Threads live as long as a run, in a scope: a replica may borrow its data, an idle engine has no
//! thread at all to burn a core, and nothing is left behind. Starting two threads costs some 50 us
//! a run, not a step.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::all_reduce::plan::Plan;
use super::desk::Channels;
use super::error::{EngineError, panic_message};
use super::failure::FailureLatch;
use super::mailbox::Aborted;
use super::message::{Command, Decision};
use super::replica::{Batch, Replica};
use super::sums::Sums;
use super::timing::{Phase, PhaseTimes};
use super::update::Update;
use super::worker::{Shared, Worker};
use super::{Engine, Reduced};

/// A running engine, as seen by the driver on worker 0's thread.
///
/// ```
/// # use unisono::{data::digits, optim::{Optimizer, StepScalars}, train::{ChainUpdate, Sources}};
/// # use unisono::engine::{Batch, Decision, Engine, EngineConfig, EngineError};
/// # use unisono::nn::{Loss, NetworkReplica, ReplicaSettings, Sequential, kernel::Isa};
/// # let (train, test) = digits();
/// # let settings = ReplicaSettings { loss: Loss::SoftmaxCrossEntropy, isa: Isa::detect(), seed: 42 };
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
    pub(super) channels: &'a mut Channels<U::Scalars>,
    pub(super) shared: &'a Shared<'a, U>,
}

impl<R: Replica, U: Update> Engine<R, U> {
    /// Runs `drive` on worker 0's thread while the other workers follow; the calling thread sleeps.
    ///
    /// # Errors
    /// [`EngineError::Spawn`] if a thread is refused, [`EngineError::Broken`] if a worker died
    /// outside the guarded part of a step. Errors of a step are returned by [`Session::step`].
    ///
    /// # Panics
    /// If `drive` panics; the engine stays usable.
    pub fn run<T: Send>(
        &mut self,
        drive: impl FnOnce(&mut Session<'_, R, U>) -> T + Send,
    ) -> Result<T, EngineError> {
        if let Some(reason) = &self.broken {
            return Err(EngineError::Broken {
                reason: reason.clone(),
            });
        }
        let latch = FailureLatch::new();
        let shared = Shared {
            update: &self.update,
            mode: self.config.update,
            pool: self.pool.as_ref(),
            placement: &self.placement,
            latch: &latch,
            num_workers: self.workers.len(),
            num_shards: self.num_shards,
            all_reduce: &self.adders,
            cuts: &self.cuts,
            owners_are_even: self.owners_are_even(),
            track: self.config.track,
        };
        let channels = &mut self.channels;
        let (first, others) = self
            .workers
            .split_first_mut()
            .expect("an engine has at least one worker");
        let led = thread::scope(|scope| {
            for worker in others {
                let (index, shared) = (worker.index, &shared);
                let name = format!("unisono-{index}");
                let spawned = thread::Builder::new()
                    .name(name)
                    .spawn_scoped(scope, move || follow(worker, shared));
                if let Err(source) = spawned {
                    latch.raise("a thread was refused");
                    return Err(EngineError::Spawn {
                        worker: index,
                        source,
                    });
                }
            }
            let shared = &shared;
            let leader = move || {
                lead(
                    Session {
                        worker: first,
                        channels,
                        shared,
                    },
                    drive,
                )
            };
            match thread::Builder::new()
                .name("unisono-0".into())
                .spawn_scoped(scope, leader)
            {
                Ok(leader) => Ok(leader.join()),
                Err(source) => {
                    latch.raise("a thread was refused");
                    Err(EngineError::Spawn { worker: 0, source })
                }
            }
        });
        let led = match led {
            Ok(joined) => joined.unwrap_or_else(|payload| resume_unwind(payload)),
            Err(error) => {
                // Nothing had begun: all are as they were.
                return Err(error);
            }
        };
        self.broken = latch.reason();
        match (&self.broken, led) {
            (_, Err(payload)) => resume_unwind(payload),
            (Some(reason), Ok(_)) => Err(EngineError::Broken {
                reason: reason.clone(),
            }),
            (None, Ok(value)) => Ok(value),
        }
    }

    /// Whether every worker owns one segment.
    fn owners_are_even(&self) -> bool {
        self.workers.iter().all(|worker| worker.owned.len() == 1)
    }

    /// The time each worker has spent in each phase.
    pub fn phase_times(&self) -> Vec<PhaseTimes> {
        self.workers
            .iter()
            .map(|worker| worker.watch.times())
            .collect()
    }
}

/// Worker 0's thread: the driver, and the command to stop.
fn lead<R: Replica, U: Update, T>(
    mut session: Session<'_, R, U>,
    drive: impl FnOnce(&mut Session<'_, R, U>) -> T,
) -> thread::Result<T> {
    let shared = session.shared;
    shared.placement.pin(0);
    session.worker.watch.restart();
    let driven = catch_unwind(AssertUnwindSafe(|| drive(&mut session)));
    session.worker.watch.leave();
    session.channels.command_all(&Command::Stop);
    driven
}

/// Any other worker's thread.
fn follow<R: Replica, U: Update>(worker: &mut Worker<R, U>, shared: &Shared<'_, U>) {
    shared.placement.pin(worker.index);
    worker.watch.restart();
    // An abort needs no handling here: whoever raised the latch gave the reason.
    let _ended = guarded(shared, || {
        loop {
            match worker
                .links
                .commands
                .receive(shared.placement.waiting, shared.latch)?
            {
                Command::Step(batch, plan) => {
                    follow_step(worker, (&batch, plan.as_deref()), shared)?;
                }
                Command::Evaluate(batch) => {
                    worker.evaluate(&batch, shared);
                    worker.send_report();
                    worker.await_verdict(shared)?;
                }
                Command::Exchange(which) => {
                    worker.send_report();
                    worker.await_verdict(shared)?;
                    worker.exchange(which, shared);
                    worker.send_params();
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
    (batch, plan): (&Batch, Option<&Plan>),
    shared: &Shared<'_, U>,
) -> Result<(), Aborted> {
    worker.gather_buffers(plan, shared)?;
    worker.compute(batch, shared);
    worker.all_reduce(batch, shared)?;
    worker.send_report();
    let decision = worker.await_verdict(shared)?;
    if let Decision::Apply(scalars) = &decision
        && shared.update.num_factors() > 0
    {
        worker.direct(scalars, shared);
        worker.send_report();
        worker.await_verdict(shared)?;
    }
    worker.update(&decision, shared);
    match decision {
        Decision::Apply(_) => {
            worker.send_params();
            worker.await_params(shared)
        }
        Decision::Skip => Ok(()),
    }
}

/// Runs `part`; a panic raises the latch, so that nobody waits for this worker.
fn guarded<U, T>(
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
        let shared = self.shared;
        let plan = self.next_plan(batch);
        let command = Command::Step(batch.clone(), plan.clone());
        self.channels.command_all(&command);
        let stepped = guarded(shared, || {
            self.worker.gather_buffers(plan.as_deref(), shared)?;
            self.worker.compute(batch, shared);
            self.worker.all_reduce(batch, shared)?;
            self.worker.send_report();
            self.channels.collect_reports(shared)?;
            self.channels.record_loads(batch);
            let outcome = self.channels.reduced(batch);
            let decision = outcome.as_ref().map_or(Decision::Skip, decide);
            if matches!(decision, Decision::Apply(_)) {
                self.channels.hand_out(shared);
            }
            self.channels.announce(&decision);
            let decision = self.worker.await_verdict(shared)?;
            if let Decision::Apply(scalars) = &decision
                && shared.update.num_factors() > 0
            {
                self.agree_on_factors(scalars)?;
            }
            self.worker.update(&decision, shared);
            if matches!(decision, Decision::Apply(_)) {
                self.share_params()?;
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
        self.channels.command_all(&Command::Evaluate(batch.clone()));
        let evaluated = guarded(shared, || {
            self.worker.evaluate(batch, shared);
            self.worker.send_report();
            self.channels.collect_reports(shared)?;
            let outcome = self.channels.reduced(batch);
            self.channels.announce(&Decision::Skip);
            self.worker.await_verdict(shared)?;
            let sums = outcome.map(|reduced| reduced.sums);
            Ok(sums.map_err(EngineError::in_evaluation))
        });
        self.worker.watch.lap(Phase::Idle);
        evaluated.unwrap_or_else(|Aborted| Err(self.broken()))
    }

    /// The parameters.
    pub fn params(&self) -> &[f32] {
        self.worker.params.as_slice()
    }

    /// The L2 norm of each part of the last step's mean gradient, [`Update::num_parts`] of them.
    pub fn part_norms(&self) -> &[f64] {
        &self.channels.part_norms
    }

    /// The parameters change places with state buffer `which`; a second call brings them back. So
    /// an average of the parameters, kept by the optimiser, can be evaluated.
    ///
    /// # Errors
    /// [`EngineError::Broken`].
    ///
    /// # Panics
    /// If there is no such buffer.
    pub fn exchange(&mut self, which: usize) -> Result<(), EngineError> {
        let shared = self.shared;
        let buffers = shared.update.num_state_buffers();
        assert!(
            which < buffers,
            "state buffer {which} does not exist: the optimiser has {buffers}"
        );
        self.channels.command_all(&Command::Exchange(which));
        let exchanged = guarded(shared, || {
            self.worker.send_report();
            self.channels.collect_reports(shared)?;
            self.channels.hand_out(shared);
            self.channels.announce(&Decision::Skip);
            self.worker.await_verdict(shared)?;
            self.worker.exchange(which, shared);
            self.share_params()
        });
        exchanged.map_err(|Aborted| self.broken())
    }

    /// Collects the new parameters from their owners, and gives them to every worker.
    fn share_params(&mut self) -> Result<(), Aborted> {
        self.worker.send_params();
        self.channels.take_in(self.shared)?;
        self.worker.await_params(self.shared)
    }

    /// Between the halves of an update in two: everyone's norms in, factors out.
    fn agree_on_factors(&mut self, scalars: &U::Scalars) -> Result<(), Aborted> {
        let shared = self.shared;
        self.worker.direct(scalars, shared);
        self.worker.send_report();
        self.channels.collect_reports(shared)?;
        self.channels.fill_factors(shared.update, scalars);
        self.channels.announce(&Decision::Apply(*scalars));
        self.worker.await_verdict(shared)?;
        Ok(())
    }

    fn broken(&self) -> EngineError {
        let reason = self
            .shared
            .latch
            .reason()
            .unwrap_or_else(|| "a worker left".to_owned());
        EngineError::Broken { reason }
    }
}
