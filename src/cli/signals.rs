//! Interrupts: the first asks the training to stop after its step, or within its evaluation; one that
//! comes a second or more later ends the process at once. So does the first where no training is left
//! to be stopped.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam::channel::{Receiver, bounded, select};

use crate::sync::{AtomicBool, Ordering};
pub(super) use crate::sys::signals::exit_code;
use crate::sys::signals::listener;
use crate::train::StopHandle;

/// What the process listens with, once it does.
static LISTENER: OnceLock<Listener> = OnceLock::new();

/// The receiving end of the thread that waits for signals.
#[derive(Debug)]
struct Listener {
    signals: Receiver<i32>,
    /// Whether a signal is waited for. [`Stops`] set it, the thread reads it; it publishes nothing.
    is_awaited: Arc<AtomicBool>,
}

impl Listener {
    fn start() -> std::io::Result<Self> {
        let (stop, signals) = bounded(1);
        let is_awaited = Arc::new(AtomicBool::new(false));
        let work = listener(stop, Arc::clone(&is_awaited))?;
        let thread = thread::Builder::new().name("unisono-signals".to_owned());
        thread.spawn(work)?;
        Ok(Self {
            signals,
            is_awaited,
        })
    }
}

/// Listens until it is dropped; without it, a signal ends the process as it would any other.
#[derive(Debug)]
pub(super) struct Stops(&'static Listener);

impl Stops {
    pub(super) fn listen() -> std::io::Result<Self> {
        let listener = match LISTENER.get() {
            Some(known) => known,
            None => {
                let started = Listener::start()?;
                LISTENER.get_or_init(|| started)
            }
        };
        // Relaxed: a flag that publishes nothing.
        listener.is_awaited.store(true, Ordering::Relaxed);
        Ok(Self(listener))
    }

    /// The signal that asks to stop, if one has come.
    pub(super) fn pending(&self) -> Option<i32> {
        self.0.signals.try_recv().ok()
    }

    /// Does `work`, which `handle` stops; gives the signal that did.
    pub(super) fn while_heard<T>(
        &self,
        handle: &StopHandle,
        work: impl FnOnce() -> T,
    ) -> (T, Option<i32>) {
        thread::scope(|scope| {
            let (end, ended) = bounded::<()>(0);
            let signals = &self.0.signals;
            let waiting = scope.spawn(move || {
                select! {
                    recv(signals) -> signal => {
                        handle.stop();
                        signal.ok()
                    }
                    recv(ended) -> _ => None,
                }
            });
            let done = work();
            drop(end);
            (done, waiting.join().expect("it does nothing but wait"))
        })
    }

    /// Whether to go on; the signal that asks to stop is left in `signal`.
    pub(super) fn flow(&self, signal: &mut Option<i32>) -> ControlFlow<()> {
        *signal = signal.or_else(|| self.pending());
        match signal {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Drop for Stops {
    fn drop(&mut self) {
        // Relaxed: a flag that publishes nothing.
        self.0.is_awaited.store(false, Ordering::Relaxed);
    }
}
