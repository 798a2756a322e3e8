//! Launch: the ranks that a launcher (mpirun, srun) has started, kept alive until the end.
//!
//! # Why this way
//! MPI libraries notice a process that was killed, after seconds, but neither one that was stopped
//! nor a link that was cut: those that wait for it would wait for ever. So each rank gives the next
//! one a sign of life every second, from a thread of its own that sleeps otherwise; a rank whose
//! predecessor is silent for too long ends the training of all, and says whom it misses.

use std::ffi::c_int;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::Ranks;
use super::hub::{Beat, Hub};
use super::mpi_library::{Launch, MpiError};
use super::mpi_start::Mpi;
use crate::engine::mailbox::Progress;

/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(1);

/// Silence after which a rank is lost.
const DEADLINE: Duration = Duration::from_secs(10);

/// Time that is left to tell of it, before all end.
const GRACE: Duration = Duration::from_secs(2);

/// Messages that may have come since the last look.
const LOOKS: usize = 64;

impl Ranks {
    /// The ranks that a launcher has started, with this process among them; `None` for a process
    /// that was started alone. It loads the MPI library of the launcher.
    ///
    /// `lost` is told if another rank gives no sign of life any more and this one does not end by
    /// itself.
    ///
    /// # Errors
    /// [`MpiError`] if there is no MPI library, or one that does not fit the launcher.
    pub fn of_launcher(lost: impl Fn(&str) + Send + 'static) -> Result<Option<Self>, MpiError> {
        match Self::launched() {
            Some((_, several)) if several > 1 => {}
            _ => return Ok(None),
        }
        let mpi = Mpi::start()?;
        let ranks = Self {
            library: Some(mpi.library.into()),
            ..Self::new(Hub::new(mpi.peers, mpi.hosts))
        };
        ranks.hub.listen();
        let hub = Arc::downgrade(&ranks.hub);
        let thread = thread::Builder::new().name("unisono-ranks".to_owned());
        let beats = thread.spawn(move || keep_alive(&hub, &lost, mpi.exit));
        // Without signs of life others would take this rank for lost.
        beats.map_err(|source| MpiError::Thread {
            message: source.to_string(),
        })?;
        Ok(Some(ranks))
    }

    /// The variable by which a launcher tells that it has started several processes, and how many.
    pub fn launched() -> Option<(&'static str, usize)> {
        let launch = Launch::of(&|name| std::env::var_os(name))?;
        Some((launch.variable, launch.num_ranks))
    }

    /// Ends the connection; all ranks must call it, and none may use it afterwards.
    ///
    /// # Errors
    /// [`EngineError::Broken`](crate::engine::EngineError::Broken) if another rank is lost.
    pub fn finish(&self) -> Result<(), crate::engine::EngineError> {
        let broken = |reason: String| crate::engine::EngineError::Broken { reason };
        self.gather(&[])?;
        self.hub.end();
        if !self.hub.fall_silent(DEADLINE) {
            let name = self.name(self.hub.before());
            return Err(broken(format!("{name} has not ended its training")));
        }
        self.hub.finish().map_err(|error| broken(error.to_string()))
    }

    /// Ends all processes of the launch, this one with them.
    pub fn kill(&self, code: i32) {
        self.hub.kill(code);
    }
}

/// Gives signs of life, and looks out for those of the rank before, while there is a connection.
fn keep_alive(hub: &Weak<Hub>, lost: &dyn Fn(&str), exit: extern "C" fn(c_int) -> !) {
    let mut free = Instant::now();
    loop {
        thread::sleep(BEAT);
        let Some(hub) = hub.upgrade() else { return };
        // One after the other: this process may have been stopped itself.
        let moved = (0..LOOKS).try_for_each(|_| hub.progress());
        let silence = match hub.beat(BEAT) {
            Beat::Ended => return,
            Beat::Silent(silence) => silence,
            Beat::Busy if free.elapsed() < DEADLINE => continue,
            Beat::Busy => {
                // Nothing can be told to MPI any more, and its exit handlers may wait as well.
                lost(&format!(
                    "a call of MPI has waited for other ranks for {} s: one of them is stopped, or its machine or link is lost",
                    DEADLINE.as_secs()
                ));
                thread::sleep(BEAT);
                exit(1);
            }
        };
        free = Instant::now();
        if moved.is_ok() && silence < DEADLINE {
            continue;
        }
        let reason = moved.err().unwrap_or_else(|| {
            format!(
                "{} has given no sign of life for {} s",
                hub.name(hub.before()),
                silence.as_secs()
            )
        });
        hub.lose(&reason);
        // Whoever trains ends with this reason; what waits for something else is ended here.
        thread::sleep(GRACE);
        if !hub.has_ended() {
            lost(&reason);
            hub.kill(1);
        }
        return;
    }
}
