//! Interrupts: the first asks the training to stop after its step, one that comes a second or more
//! later ends the process at once.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use crossbeam::channel::{Receiver, bounded};

pub(super) use crate::sys::signals::exit_code;
use crate::sys::signals::listener;

/// What the process listens with, once it does.
static LISTENER: OnceLock<Receiver<i32>> = OnceLock::new();

/// Listens from now on; before, a signal ends the process as it would any other.
#[derive(Debug)]
pub(super) struct Stops {
    signals: Receiver<i32>,
}

impl Stops {
    pub(super) fn listen() -> std::io::Result<Self> {
        if let Some(known) = LISTENER.get() {
            let signals = known.clone();
            return Ok(Self { signals });
        }
        let (stop, stops) = bounded(1);
        let work = listener(stop)?;
        let thread = std::thread::Builder::new().name("unisono-signals".to_owned());
        thread.spawn(work)?;
        let signals = LISTENER.get_or_init(|| stops).clone();
        Ok(Self { signals })
    }

    /// The signal that asks to stop, if one has come.
    pub(super) fn pending(&self) -> Option<i32> {
        self.signals.try_recv().ok()
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
