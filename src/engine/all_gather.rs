//! All-gather inside a pass: every worker's values, gathered by every worker in the order of the
//! shards.
//!
//! Batch norm over a whole batch needs it: statistics of all shards, before anybody can go on.
//!
//! # Protocol
//! A round is an all-gather round a ring. Each worker sends its own values to the next one, then
//! takes what comes from the one before, copies it and passes it on, until its own values are back.
//! Channels keep order, so rounds do not mix, and the memory of the values travels and comes home:
//! nothing is allocated after the first rounds.
//!
//! # Failure
//! A worker whose replica panics sends `Failed` in place of what it owes; a worker that receives
//! it passes one on, once, and leaves its own pass. When the master's reply says that the step
//! failed, every worker that has not yet done so sends `Failed`, and takes what comes until one
//! `Failed` has come: each ring channel is empty again, and nobody waits for more.
//!
//! # Why this way
//! The values are few (the channels of a layer), so each worker adds all shards' values itself, in
//! the one order of the tree: cheaper than an all-reduce followed by a broadcast, and the same bits
//! by construction.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use super::assignment::Assignment;
use super::failure::FailureLatch;
use super::mailbox::{Aborted, Address, Mailbox, Waiting};

/// What travels round the ring.
#[derive(Debug)]
pub(crate) enum RingMessage {
    /// A worker's values.
    Values {
        /// Whose they are.
        worker: usize,
        /// The same number for each of its shards.
        values: Vec<f32>,
    },
    /// Some worker cannot go on.
    Failed,
}

/// The payload of the panic by which a worker leaves its pass because another one failed.
#[derive(Debug)]
pub(crate) struct AnotherFailed;

/// A worker's place in the ring.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) to: Address<RingMessage>,
    pub(crate) from: Mailbox<RingMessage>,
    own: Vec<f32>,
    has_sent_failure: bool,
    has_seen_failure: bool,
}

impl Ring {
    pub(crate) fn new(to: Address<RingMessage>, from: Mailbox<RingMessage>) -> Self {
        Self {
            to,
            from,
            own: Vec::new(),
            has_sent_failure: false,
            has_seen_failure: false,
        }
    }

    /// Tells the others, once, that this worker's pass has ended early.
    pub(crate) fn send_failure(&mut self) {
        if !std::mem::replace(&mut self.has_sent_failure, true) {
            self.to.send(RingMessage::Failed);
        }
    }

    /// Empties the ring after a step that failed.
    pub(crate) fn drain(&mut self, waiting: Waiting, latch: &FailureLatch) -> Result<(), Aborted> {
        self.send_failure();
        while !self.has_seen_failure {
            self.has_seen_failure =
                matches!(self.from.receive(waiting, latch)?, RingMessage::Failed);
        }
        self.has_sent_failure = false;
        self.has_seen_failure = false;
        Ok(())
    }
}

/// An exchange of values between the replicas of all workers in the middle of a pass.
///
/// Every worker must take part in every all-gather of a step, with or without rows, in the same
/// order.
///
/// ```
/// use unisono::engine::AllGather;
/// #[derive(Debug)] struct Alone;
/// impl AllGather for Alone {
///     fn all_gather(&self, own: &[f32], _len: usize, all: &mut Vec<f32>) { *all = own.to_vec() }
/// }
/// let mut all = Vec::new();
/// Alone.all_gather(&[1.0, 2.0], 1, &mut all);
/// assert_eq!(all, [1.0, 2.0]);
/// ```
pub trait AllGather: std::fmt::Debug {
    /// The values of all shards of the batch, `len` for each, in `all`; `own` are those of the
    /// caller's shards, in order.
    ///
    /// # Panics
    /// If another worker's replica panicked in this step; the engine reports that one.
    fn all_gather(&self, own: &[f32], len: usize, all: &mut Vec<f32>);
}

/// The all-gather of one step, as one worker takes part in it.
#[derive(Debug)]
pub struct RingAllGather<'a> {
    ring: RefCell<&'a mut Ring>,
    context: RingContext<'a>,
}

/// Who takes part, and how one waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingContext<'a> {
    pub(crate) worker: usize,
    pub(crate) assignment: &'a Assignment,
    /// What all-gathers have taken since the last lap of the stopwatch.
    pub(crate) waited: &'a Cell<Duration>,
    pub(crate) waiting: Waiting,
    pub(crate) latch: &'a FailureLatch,
}

impl<'a> RingAllGather<'a> {
    pub(crate) fn new(ring: &'a mut Ring, context: RingContext<'a>) -> Self {
        Self {
            ring: RefCell::new(ring),
            context,
        }
    }
}

impl AllGather for RingAllGather<'_> {
    fn all_gather(&self, own: &[f32], len: usize, all: &mut Vec<f32>) {
        let context = self.context;
        all.resize(context.assignment.num_shards() * len, 0.0);
        let mut write = |worker: usize, values: &[f32]| {
            let shards = context.assignment.shards(worker);
            all[shards.start * len..shards.end * len].copy_from_slice(values);
        };
        write(context.worker, own);
        if context.assignment.num_workers() == 1 {
            return;
        }
        // Own values start their way round the ring.
        let began = Instant::now();
        let ring = &mut **self.ring.borrow_mut();
        let mut values = std::mem::take(&mut ring.own);
        values.clear();
        values.extend_from_slice(own);
        ring.to.send(RingMessage::Values {
            worker: context.worker,
            values,
        });
        // The others' are copied and passed on, until one's own are back.
        loop {
            match ring.from.receive(context.waiting, context.latch) {
                Ok(RingMessage::Values { worker, values }) if worker == context.worker => {
                    ring.own = values;
                    context.waited.set(context.waited.get() + began.elapsed());
                    return;
                }
                Ok(RingMessage::Values { worker, values }) => {
                    write(worker, &values);
                    ring.to.send(RingMessage::Values { worker, values });
                }
                Ok(RingMessage::Failed) => {
                    ring.has_seen_failure = true;
                    ring.send_failure();
                    // Not `panic!`: the first failure has been reported, this one is no news.
                    resume_unwind(Box::new(AnotherFailed));
                }
                Err(Aborted) => resume_unwind(Box::new(AnotherFailed)),
            }
        }
    }
}
