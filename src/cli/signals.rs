//! Interrupts: the first asks the training to stop after its step, the second ends the process at once.

use std::ops::ControlFlow;

use crossbeam::channel::{Receiver, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The exit code of a process that a signal ended: 128 and its number, as shells count.
pub(super) fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Listens from now on; before, a signal ends the process as it would any other.
#[derive(Debug)]
pub(super) struct Stops {
    signals: Receiver<i32>,
}

impl Stops {
    pub(super) fn listen() -> std::io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let (stop, stops) = bounded(1);
        let work = move || {
            let mut is_first = true;
            for signal in signals.forever() {
                if !is_first || stop.send(signal).is_err() {
                    std::process::exit(i32::from(exit_code(signal)));
                }
                is_first = false;
            }
        };
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
