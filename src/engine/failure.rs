//! Failure latch: releases every worker when one of them dies outside the guarded part of a step.
//!
//! # Protocol
//! | state | meaning | who leaves it |
//! |---|---|---|
//! | down | all is well | the first [`FailureLatch::raise`] |
//! | raised | the step cannot be finished; `reason` is set | nobody |
//!
//! A raiser writes the reason, under the lock, *before* it raises the flag; whoever sees the flag
//! therefore finds a reason. It cannot deadlock: the lock is never held while waiting for anything.

use crate::sync::{AtomicBool, Mutex, Ordering};

/// Raised at most once, by whoever comes first; seen by all.
#[derive(Debug)]
pub(crate) struct FailureLatch {
    /// Raisers write it, all workers read it. Release in `raise` pairs with Acquire in `is_raised`.
    raised: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl FailureLatch {
    pub(crate) fn new() -> Self {
        Self {
            raised: AtomicBool::new(false),
            reason: Mutex::new(None),
        }
    }

    /// Raises the latch; only the first reason is kept.
    pub(crate) fn raise(&self, reason: &str) {
        self.reason.lock().get_or_insert_with(|| reason.to_owned());
        // Release pairs with the Acquire of `is_raised`: whoever sees the flag must also find the
        // reason.
        self.raised.store(true, Ordering::Release);
    }

    pub(crate) fn is_raised(&self) -> bool {
        // Acquire pairs with the Release of `raise`.
        self.raised.load(Ordering::Acquire)
    }

    /// Why the latch was raised.
    pub(crate) fn reason(&self) -> Option<String> {
        self.reason.lock().clone()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use std::sync::Arc;

    use super::*;
    use crate::sync::{model, thread};

    #[test]
    fn loom_the_first_of_two_raisers_wins_and_whoever_sees_the_flag_finds_a_reason() {
        model(|| {
            let latch = Arc::new(FailureLatch::new());
            let raisers = ["a", "b"].map(|reason| {
                let latch = Arc::clone(&latch);
                thread::spawn(move || latch.raise(reason))
            });
            if latch.is_raised() {
                let first = latch.reason().expect("a raised latch has a reason");
                raisers
                    .into_iter()
                    .for_each(|raiser| raiser.join().unwrap());
                assert_eq!(
                    latch.reason(),
                    Some(first),
                    "a later raiser must not replace the reason"
                );
            } else {
                raisers
                    .into_iter()
                    .for_each(|raiser| raiser.join().unwrap());
                assert!(latch.is_raised() && latch.reason().is_some());
            }
        });
    }
}
