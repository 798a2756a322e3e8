//! Interrupts: the first asks the training to stop after its step, the second ends the process at
//! once.

use std::ops::ControlFlow;

use crossbeam::channel::{Receiver, bounded};

pub(super) use crate::sys::signals::exit_code;
use crate::sys::signals::listener;

/// Listens from now on; before, a signal ends the process as it would any other.
#[derive(Debug)]
pub(super) struct Stops {
    signals: Receiver<i32>,
}

impl Stops {
    pub(super) fn listen() -> std::io::Result<Self> {
        let (stop, stops) = bounded(1);
        let work = listener(stop)?;
        let thread = std::thread::Builder::new().name("unisono-signals".to_owned());
        thread.spawn(work)?;
        Ok(Self { signals: stops })
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
