//! Mailboxes: channels between workers, and how a worker waits on them.
//!
//! # Invariants
//! 1. A channel is bounded and large enough for all messages of a step: a send never waits, so the
//!    only waits are receives, and every receive also watches the failure latch.
//!
//! # Order of memory
//! On a processor that reorders more than x86 (ARM) as well: who takes a message sees whatever its
//! sender wrote before, in the message and elsewhere. The channel's slot is published by a release
//! store of its stamp, which pairs with the acquire load of whoever takes it; so segments and
//! parameters may change owners without a lock or a fence of ours. Memory that comes back and is
//! written anew was read before: its reader drops or sends its handle with release, and its writer
//! has the last one by an acquire (`bytes`, `Arc`).
//! No wake-up is lost: sender and sleeper both *exchange* one word of the parker, so one of them comes
//! second. If it is the sleeper, it finds the token, and with it the message (the exchange acquires
//! what the sender's released); if the sender, it finds a sleeper and wakes it. The models below try
//! the orders that these two have; `tests/it/hand_overs.rs` runs the whole engine on a machine's own.
//!
//! # Why this way
//! A blocking receive costs 46 us after a gap of 200 us, a spinning one 1.2 us; but with more
//! threads than cores a spinning thread takes the core from the one it waits for. So
//! [`Waiting::Spin`] polls for [`SPIN_LIMIT`] and only then sleeps, and [`Waiting::Block`] lets
//! others run for a moment and sleeps. A poll never yields: a pinned worker has its core to itself,
//! and the scheduler lets in any other thread that shares it.
//!
//! A receiver sleeps on a parker of its own and not in the channel's blocking receive: that one
//! keeps a context for each thread and a list of sleepers for each channel, and makes both at the
//! first sleep, so a step that was held up allocated (seen in one of ten runs with three threads on
//! two cores). A message sent between the last look and the sleep leaves its token with the parker,
//! which then does not sleep.
//!
//! Messages are padded to cache lines, so that the place where a receiver polls is written by its
//! sender alone. Measured 2026-11 (2 cores of an AMD Zen 4, 64-32-10, batch 32, 2 threads): 12.4 us
//! a step instead of 13.5. For some seconds at a time such a guest's cores lie far apart: writes to
//! lines that the other core has read are then ten times slower, and a step takes 20 to 30 us.
//! Repeat a timing before believing it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::TryRecvError;
use crossbeam::utils::CachePadded;

use super::failure::FailureLatch;
use super::watchdog::Note;
use crate::sync::{Backoff, Parker, Receiver, Sender, Unparker, bounded};

/// How long a spinning receive polls before it sleeps: longer than any gap inside a healthy step of
/// a small model, short enough that a stalled training does not burn the other cores.
const SPIN_LIMIT: Duration = Duration::from_millis(20);

/// Polls between two looks at the latch and the clock: a few microseconds.
const POLLS: u32 = 128;

/// The same where messages of other processes come only to those who look.
const POLLS_WITH_PEERS: u32 = 8;

/// How often a sleeping receive looks at the failure latch.
const LATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How often it looks for messages of other processes, which wake nobody.
const NAP: Duration = Duration::from_micros(50);

/// How a worker waits for a message.
///
/// ```
/// use unisono::engine::{Pinning, Placement, Threads, Waiting};
/// let waiting = |n| Placement::of_process(Threads::Fixed(n), Pinning::Auto).map(|p| p.waiting);
/// assert_eq!(waiting(1)?, Waiting::Spin);
/// assert_eq!(waiting(4_000)?, Waiting::Block);
/// # Ok::<(), unisono::engine::EngineError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Poll: there is a core for every worker.
    Spin,
    /// Sleep: there are more workers than cores.
    Block,
}

/// What carries messages between processes: moved on by whoever waits.
pub(crate) trait Progress: Sync + std::fmt::Debug {
    /// Moves what can be moved without waiting.
    ///
    /// # Errors
    /// Why nothing can be moved any more.
    fn progress(&self) -> Result<(), String>;
}

/// How one waits, and what one looks at meanwhile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'a> {
    pub(crate) waiting: Waiting,
    pub(crate) latch: &'a FailureLatch,
    /// Where it is noted that one waits, if a watchdog looks.
    pub(crate) note: Option<&'a Note>,
    /// The other processes, if there are any.
    pub(crate) peers: Option<&'a dyn Progress>,
}

impl Watch<'_> {
    /// Moves messages between processes; fails once the latch is up.
    fn look(&self) -> Result<(), Aborted> {
        if let Some(Err(reason)) = self.peers.map(|peers| peers.progress()) {
            self.latch.raise(&reason);
        }
        if self.latch.is_raised() {
            return Err(Aborted);
        }
        Ok(())
    }
}

/// Another worker failed; this one stops at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aborted;

/// The receiving end, owned by one worker.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    messages: Receiver<CachePadded<T>>,
    /// Where the receiver sleeps.
    sleep: Parker,
}

/// A sending end.
#[derive(Debug)]
pub(crate) struct Address<T> {
    messages: Sender<CachePadded<T>>,
    wake: Unparker,
}

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        Self {
            messages: self.messages.clone(),
            wake: self.wake.clone(),
        }
    }
}

/// A mailbox for at most `capacity` messages, and its address.
pub(crate) fn mailbox<T>(capacity: usize) -> (Address<T>, Mailbox<T>) {
    let (sender, receiver) = bounded(capacity.max(1));
    let sleep = Parker::new();
    let address = Address {
        messages: sender,
        wake: sleep.unparker().clone(),
    };
    let inbox = Mailbox {
        messages: receiver,
        sleep,
    };
    (address, inbox)
}

/// One worker's ends of the channels by which every worker may send to every other one.
#[derive(Debug)]
pub(crate) struct AllToAll<T> {
    /// By the receiver's number. All workers share them: of their own each would have as many as
    /// there are pairs of workers.
    pub(crate) to: Arc<[Address<T>]>,
    pub(crate) from: Mailbox<T>,
}

/// The ends of as many workers as there are capacities, of a mailbox each.
pub(crate) fn all_to_all<T>(
    capacities: impl Iterator<Item = usize>,
) -> impl Iterator<Item = AllToAll<T>> {
    let (to, from): (Vec<_>, Vec<_>) = capacities.map(mailbox).unzip();
    let to: Arc<[Address<T>]> = to.into();
    from.into_iter().map(move |from| AllToAll {
        to: Arc::clone(&to),
        from,
    })
}

impl<T> Address<T> {
    /// Sends without waiting.
    pub(crate) fn send(&self, message: T) {
        // A closed mailbox means that its worker is gone; the failure latch tells everybody why.
        let outcome = self.messages.try_send(CachePadded::new(message));
        debug_assert!(
            outcome.as_ref().err().is_none_or(|e| !e.is_full()),
            "a mailbox must hold a step's messages"
        );
        // One swap if the receiver is awake.
        self.wake.unpark();
    }
}

impl<T> Mailbox<T> {
    /// The next message, waited for as `watch` says.
    pub(crate) fn receive(&self, watch: Watch<'_>) -> Result<T, Aborted> {
        let _waits = watch.note.map(Note::wait);
        if watch.waiting == Waiting::Spin
            && let Some(message) = self.poll(watch)?
        {
            return Ok(message);
        }
        // A few turns for others first: with more threads than cores the sender often needs just
        // one.
        let backoff = Backoff::new();
        let nap = match watch.peers {
            None => LATCH_INTERVAL,
            Some(_) => NAP,
        };
        loop {
            match self.messages.try_recv() {
                Ok(message) => return Ok(message.into_inner()),
                Err(TryRecvError::Disconnected) => return Err(Aborted),
                Err(TryRecvError::Empty) => watch.look()?,
            }
            if !self.messages.is_empty() {
                continue;
            }
            if backoff.is_completed() {
                self.sleep.park_timeout(nap);
            } else {
                backoff.snooze();
            }
        }
    }

    fn poll(&self, watch: Watch<'_>) -> Result<Option<T>, Aborted> {
        let polls = match watch.peers {
            None => POLLS,
            Some(_) => POLLS_WITH_PEERS,
        };
        let mut started = None;
        loop {
            for _ in 0..polls {
                if let Ok(message) = self.messages.try_recv() {
                    return Ok(Some(message.into_inner()));
                }
                std::hint::spin_loop();
            }
            // Only a long wait is worth a look at the latch and the clock.
            watch.look()?;
            if started.get_or_insert_with(Instant::now).elapsed() > SPIN_LIMIT {
                return Ok(None);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn watch(waiting: Waiting, latch: &FailureLatch) -> Watch<'_> {
        Watch {
            waiting,
            latch,
            note: None,
            peers: None,
        }
    }

    #[test]
    fn a_receive_returns_when_the_latch_is_raised() {
        for waiting in [Waiting::Spin, Waiting::Block] {
            let (_address, inbox) = mailbox::<u32>(1);
            let latch = FailureLatch::new();
            std::thread::scope(|scope| {
                let seen = &latch;
                let receiver = scope.spawn(move || inbox.receive(watch(waiting, seen)));
                latch.raise("a test");
                assert_eq!(receiver.join().unwrap(), Err(Aborted));
            });
        }
    }

    #[test]
    fn messages_arrive_in_order_after_any_wait() {
        for waiting in [Waiting::Spin, Waiting::Block] {
            let (address, inbox) = mailbox(3);
            let latch = FailureLatch::new();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(SPIN_LIMIT * 2);
                    (0..3).for_each(|n| address.send(n));
                });
                let received: Vec<u32> = (0..3)
                    .map(|_| inbox.receive(watch(waiting, &latch)).unwrap())
                    .collect();
                assert_eq!(received, [0, 1, 2]);
            });
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
