//! The only file that names atomics and locks: std and `parking_lot` in a build, `loom` under
//! `cfg(loom)`.
//!
//! # Why this way
//! Protocol files import from here alone, so that the model checker sees every access they make.

use std::ops::DerefMut;
use std::time::{Duration, Instant};

use crossbeam::utils::Backoff;

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(windows)]
pub(crate) use std::sync::atomic::AtomicUsize;

/// Time between two looks at a lock that may be held for long.
const LOCK_NAP: Duration = Duration::from_micros(100);

/// A mutex with `parking_lot`'s interface: `lock` cannot fail, a panicking holder poisons nothing.
#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a loom model never panics while it holds the lock")
    }

    pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// Locks without ever going to sleep: `parking_lot` makes memory for a thread that sleeps for the first
/// time, which may be in any step. For what is held for a moment.
pub(crate) fn lock_awake<T>(mutex: &Mutex<T>) -> impl DerefMut<Target = T> + '_ {
    let backoff = Backoff::new();
    loop {
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
        backoff.snooze();
    }
}

/// Locks what may be held for long; `None` if it still is after `most`.
pub(crate) fn lock_within<T>(
    mutex: &Mutex<T>,
    most: Duration,
) -> Option<impl DerefMut<Target = T> + '_> {
    let began = Instant::now();
    loop {
        if let Some(guard) = mutex.try_lock() {
            return Some(guard);
        }
        if began.elapsed() > most {
            return None;
        }
        std::thread::sleep(LOCK_NAP);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_for_long_is_given_up() {
        let mutex = Mutex::new(7);
        let held = lock_within(&mutex, Duration::ZERO).unwrap();
        assert!(lock_within(&mutex, Duration::from_millis(1)).is_none());
        drop(held);
        assert_eq!(*lock_within(&mutex, Duration::ZERO).unwrap(), 7);
    }
}
