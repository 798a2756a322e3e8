//! Interrupts: the first asks the training to stop after its step, the second ends the process at
//! once.

use std::ops::ControlFlow;

use crossbeam::channel::{Receiver, Sender, bounded};
#[cfg(unix)]
use signal_hook::consts::SIGUSR1;
use signal_hook::consts::{SIGINT, SIGTERM};

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

/// What the thread that waits for signals does, as soon as they are listened for.
#[cfg(unix)]
fn listener(stop: Sender<i32>) -> std::io::Result<impl FnOnce() + Send + 'static> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGUSR1])?;
    Ok(move || {
        let mut is_first = true;
        for signal in signals.forever() {
            if !is_first || stop.send(signal).is_err() {
                std::process::exit(i32::from(exit_code(signal)));
            }
            is_first = false;
        }
    })
}

/// The same where a handler can do no more than set flags: the thread looks at them.
#[cfg(windows)]
fn listener(stop: Sender<i32>) -> std::io::Result<impl FnOnce() + Send + 'static> {
    use crate::sync::{AtomicBool, AtomicUsize, Ordering};
    use signal_hook::flag;
    use std::sync::Arc;

    let (is_asked, which) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down, the second ends the process.
        let code = i32::from(exit_code(signal));
        flag::register_conditional_shutdown(signal, code, Arc::clone(&is_asked))?;
        flag::register(signal, Arc::clone(&is_asked))?;
        flag::register_usize(signal, Arc::clone(&which), signal as usize)?;
    }
    Ok(move || {
        loop {
            match which.load(Ordering::Relaxed) {
                0 => std::thread::sleep(std::time::Duration::from_millis(50)),
                signal => {
                    let _ = stop.send(signal as i32);
                    return;
                }
            }
        }
    })
}
