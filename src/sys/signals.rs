//! Interrupts as they come from the system.

use std::sync::Arc;

use crossbeam::channel::Sender;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::sync::{AtomicBool, Ordering};

/// The exit code of a process that a signal ended: 128 and its number, as shells count.
pub(crate) fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Within this time after the first signal another one is of the same wish to stop: a terminal, a
/// shell and a batch system may each send theirs.
#[cfg(unix)]
const SAME_WISH: std::time::Duration = std::time::Duration::from_secs(1);

/// Work for the thread that waits for signals, which are listened for from now on: it sends the
/// first, and with one that comes later than a second after it the process ends. So it does with the
/// first where nobody waits for it.
#[cfg(unix)]
pub(crate) fn listener(
    stop: Sender<i32>,
    is_awaited: Arc<AtomicBool>,
) -> std::io::Result<impl FnOnce() + Send + 'static> {
    use signal_hook::consts::{SIGHUP, SIGUSR1, SIGXCPU};
    let mut awaited = vec![SIGINT, SIGTERM, SIGUSR1, SIGXCPU];
    // Under nohup a terminal that is closed is no reason to stop.
    if !is_ignored(SIGHUP) {
        awaited.push(SIGHUP);
    }
    let mut signals = signal_hook::iterator::Signals::new(awaited)?;
    Ok(move || {
        let mut first = None;
        for signal in signals.forever() {
            match first {
                // Relaxed: a flag that publishes nothing.
                None if is_awaited.load(Ordering::Relaxed) && stop.send(signal).is_ok() => {
                    first = Some(std::time::Instant::now());
                }
                Some(first) if first.elapsed() < SAME_WISH => {}
                _ => std::process::exit(i32::from(exit_code(signal))),
            }
        }
    })
}

/// Whether the process was started with this signal ignored; told by Linux alone.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The same where a handler can do no more than set flags: the thread looks at them.
#[cfg(windows)]
pub(crate) fn listener(
    stop: Sender<i32>,
    is_awaited: Arc<AtomicBool>,
) -> std::io::Result<impl FnOnce() + Send + 'static> {
    use signal_hook::flag;

    /// Time between two looks.
    const NAP: std::time::Duration = std::time::Duration::from_millis(50);
    let is_asked = Arc::new(AtomicBool::new(false));
    let mut flags = Vec::new();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down, the second ends the process.
        let (code, has_come) = (
            i32::from(exit_code(signal)),
            Arc::new(AtomicBool::new(false)),
        );
        flag::register_conditional_shutdown(signal, code, Arc::clone(&is_asked))?;
        flag::register(signal, Arc::clone(&is_asked))?;
        flag::register(signal, Arc::clone(&has_come))?;
        flags.push((signal, has_come));
    }
    Ok(move || {
        loop {
            // Relaxed: a flag that publishes nothing; the handlers write no other memory.
            let come = flags
                .iter()
                .find(|(_, has_come)| has_come.load(Ordering::Relaxed));
            if let Some((signal, _)) = come {
                if !is_awaited.load(Ordering::Relaxed) {
                    std::process::exit(i32::from(exit_code(*signal)));
                }
                let _ = stop.send(*signal);
                return;
            }
            std::thread::sleep(NAP);
        }
    })
}
