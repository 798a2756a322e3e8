//! Running an engine: threads come up, the driver runs on worker 0's, all is taken back.
//!
//! [`Engine`] owns the workers' state; [`Engine::run`] brings the threads up, hands a [`Session`]
//! to the driver on worker 0's thread, and takes everything back when the driver returns. The
//! caller sleeps meanwhile.
//!
//! # Why this way
//! Threads live as long as a run, in a scope: a replica may borrow its data, an idle engine has no
//! thread at all to burn a core, and nothing is left behind. Starting two threads costs some 50 us
//! a run, not a step.

use std::panic::resume_unwind;
use std::thread;

use super::build::Engine;
use super::context::Shared;
use super::coordinator::{Session, follow, lead};
use super::error::EngineError;
use super::failure::FailureLatch;
use super::faults::Faults;
use super::ranks::Ranks;
use super::replica::Replica;
use super::update::Update;
use super::watchdog::Board;

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
        // Where a thread is refused nothing has begun: all are as they were.
        let led = self.run_threads(drive, &latch)?;
        self.broken = latch.reason();
        if let (Some(reason), Some(ranks)) = (&self.broken, &self.roles.ranks) {
            ranks.abort(reason);
        }
        match (led, &self.broken) {
            (Err(payload), _) => resume_unwind(payload),
            (Ok(_), Some(reason)) => Err(EngineError::Broken {
                reason: reason.clone(),
            }),
            (Ok(value), None) => Ok(value),
        }
    }

    /// One thread a worker, the first with `drive` on it, until all have ended. Gives what `drive`
    /// gave, or its panic.
    fn run_threads<T: Send>(
        &mut self,
        drive: impl FnOnce(&mut Session<'_, R, U>) -> T + Send,
        latch: &FailureLatch,
    ) -> Result<thread::Result<T>, EngineError> {
        let watchdog = self.config.watchdog.as_ref();
        let board = watchdog.map(|_| Board::new(self.workers.len()));
        let shared = Shared {
            update: &self.update,
            mode: self.config.update,
            pool: self.pool.as_ref(),
            placement: &self.roles.placement,
            latch,
            group: &self.roles.group,
            places: &self.roles.places,
            hub: self.roles.ranks.as_ref().map(Ranks::hub),
            num_workers: self.workers.len(),
            num_shards: self.roles.num_shards,
            all_reduce: &self.adders,
            cuts: &self.cuts,
            owners_are_even: self.workers.iter().all(|worker| worker.owned.len() == 1),
            track: self.config.track,
            board: board.as_ref(),
            faults: Faults::of_this_thread(),
        };
        let shared = &shared;
        let coordinator = &mut self.coordinator;
        let mut workers = self.workers.iter_mut();
        let first = workers.next().expect("an engine has at least one worker");
        thread::scope(|scope| {
            let spawn = |worker| thread::Builder::new().name(format!("unisono-{worker}"));
            // Releases the threads that have come up already.
            let refused = |worker, source| {
                latch.raise("a thread was refused");
                EngineError::Spawn { worker, source }
            };
            // The others first: they wait for the leader's commands.
            for worker in workers {
                let index = worker.index;
                spawn(index)
                    .spawn_scoped(scope, move || follow(worker, shared))
                    .map_err(|source| refused(index, source))?;
            }
            let session = Session {
                worker: first,
                coordinator,
                shared,
            };
            let leader = spawn(0)
                .spawn_scoped(scope, move || lead(session, drive))
                .map_err(|source| refused(0, source))?;
            // Last: where a thread is refused, none is there that waits for an end.
            let watched = watchdog.zip(shared.board);
            let watching = watched.and_then(|(watchdog, board)| board.start(scope, watchdog));
            let led = leader.join();
            drop(watching);
            Ok(led.unwrap_or_else(|payload| resume_unwind(payload)))
        })
    }
}
