//! The only file that names atomics and locks: std, `parking_lot` and crossbeam in a build, `loom`
//! under `cfg(loom)`.
//!
//! # Why this way
//! Protocol files import from here alone, so that the model checker sees every access they make.

use std::ops::DerefMut;
use std::time::{Duration, Instant};

#[cfg(not(loom))]
pub(crate) use crossbeam::channel::{Receiver, Sender, bounded};
#[cfg(not(loom))]
pub(crate) use crossbeam::sync::{Parker, Unparker};
#[cfg(not(loom))]
pub(crate) use crossbeam::utils::Backoff;

#[cfg(all(test, loom))]
pub(crate) use loom::{model, thread};
#[cfg(loom)]
pub(crate) use modelled::{Backoff, Parker, Receiver, Sender, Unparker, bounded};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Time between two looks at a lock that may be held for long.
const LOCK_NAP: Duration = Duration::from_micros(100);

/// A mutex with `parking_lot`'s interface: `lock` cannot fail, a panicking holder poisons nothing.
#[cfg(not(loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

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

/// Crossbeam's channels, parkers and back-off as a model sees them: each look at a channel and each
/// wake-up is a place where other threads may come in between.
#[cfg(loom)]
mod modelled {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::time::Duration;

    use crossbeam::channel::{TryRecvError, TrySendError};
    use loom::sync::Condvar;
    use loom::thread::yield_now;

    use super::Mutex;

    /// Sleeps up to this are over once others have run. Of longer ones a model waits for the end:
    /// what only their time-out would end is a deadlock.
    const NAP: Duration = Duration::from_millis(1);

    #[derive(Debug)]
    struct Channel<T> {
        messages: Mutex<VecDeque<T>>,
        capacity: usize,
    }

    #[derive(Debug)]
    pub(crate) struct Sender<T>(Arc<Channel<T>>);

    #[derive(Debug)]
    pub(crate) struct Receiver<T>(Arc<Channel<T>>);

    pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        let messages = Mutex::new(VecDeque::new());
        let channel = Arc::new(Channel { messages, capacity });
        (Sender(Arc::clone(&channel)), Receiver(channel))
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            Self(Arc::clone(&self.0))
        }
    }

    impl<T> Sender<T> {
        pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
            let mut messages = self.0.messages.lock();
            if messages.len() == self.0.capacity {
                return Err(TrySendError::Full(message));
            }
            messages.push_back(message);
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
            self.0
                .messages
                .lock()
                .pop_front()
                .ok_or(TryRecvError::Empty)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.messages.lock().is_empty()
        }
    }

    /// Whether a wake-up has come that no sleep has used yet.
    #[derive(Debug)]
    struct Token {
        has_come: Mutex<bool>,
        comes: Condvar,
    }

    #[derive(Debug)]
    pub(crate) struct Parker(Unparker);

    #[derive(Clone, Debug)]
    pub(crate) struct Unparker(Arc<Token>);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(Unparker(Arc::new(Token {
                has_come: Mutex::new(false),
                comes: Condvar::new(),
            })))
        }

        pub(crate) fn unparker(&self) -> &Unparker {
            &self.0
        }

        pub(crate) fn park_timeout(&self, limit: Duration) {
            let Token { has_come, comes } = &*self.0.0;
            let mut has = has_come.lock();
            if !*has && limit <= NAP {
                drop(has);
                return yield_now();
            }
            while !*has {
                has = comes
                    .wait(has)
                    .expect("a loom model never panics in a sleep");
            }
            *has = false;
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            *self.0.has_come.lock() = true;
            self.0.comes.notify_one();
        }
    }

    /// Gives way at once: each turn more would only be the same states again.
    #[derive(Debug)]
    pub(crate) struct Backoff;

    impl Backoff {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn snooze(&self) {
            yield_now();
        }

        pub(crate) fn is_completed(&self) -> bool {
            true
        }
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
