//! All-gather inside a pass: every worker's values, gathered by every worker in the order of the
//! shards.
//!
//! Batch norm over a whole batch needs it: statistics of all shards, before anybody can go on.
//!
//! # Protocol
//! A round is an all-gather round a ring. Each worker that has shards sends its values to the next
//! one; each takes what comes from the one before, copies it and passes it on, until it has had the
//! values of all that have shards, its own ones last.
//! Channels keep order, so rounds do not mix, and the memory of the values travels and comes home:
//! nothing is allocated after the first rounds. Of several ranks the first worker of each then meets
//! the others' ([`super::ranks::pass_gather`]), and all values go round the ring once more.
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
use std::ops::Range;
use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use super::assignment::Assignment;
use super::mailbox::{Aborted, Address, Mailbox, Watch};
use super::ranks::group::Group;
use super::ranks::pass_gather::PassGather;

/// What travels round the ring.
#[derive(Debug)]
pub(crate) enum RingMessage {
    /// A worker's values.
    Values {
        /// Whose they are.
        member: usize,
        /// The same number for each of its shards; once all ranks have met, for all shards.
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
    /// Memory for the values of all ranks, the first worker's.
    whole: Vec<f32>,
    has_sent_failure: bool,
    has_seen_failure: bool,
}

impl Ring {
    pub(crate) fn new(to: Address<RingMessage>, from: Mailbox<RingMessage>) -> Self {
        Self {
            to,
            from,
            own: Vec::new(),
            whole: Vec::new(),
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
    pub(crate) fn drain(&mut self, watch: Watch<'_>) -> Result<(), Aborted> {
        self.send_failure();
        while !self.has_seen_failure {
            self.has_seen_failure = matches!(self.from.receive(watch)?, RingMessage::Failed);
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
///
/// Example: [`AllGather`].
#[derive(Debug)]
pub struct RingAllGather<'a> {
    ring: RefCell<&'a mut Ring>,
    /// With other ranks; the first worker's.
    across: RefCell<Option<&'a mut PassGather>>,
    context: RingContext<'a>,
}

/// Who takes part, and how one waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingContext<'a> {
    pub(crate) member: usize,
    pub(crate) group: &'a Group,
    pub(crate) assignment: &'a Assignment,
    /// What all-gathers have taken since the last lap of the stopwatch.
    pub(crate) waited: &'a Cell<Duration>,
    pub(crate) watch: Watch<'a>,
}

impl RingContext<'_> {
    /// Where the values of a member stand, `len` for each of its shards.
    fn range(&self, member: usize, len: usize) -> Range<usize> {
        let shards = self.assignment.shards(member);
        shards.start * len..shards.end * len
    }
}

impl<'a> RingAllGather<'a> {
    pub(crate) fn new(
        ring: &'a mut Ring,
        across: Option<&'a mut PassGather>,
        context: RingContext<'a>,
    ) -> Self {
        Self {
            ring: RefCell::new(ring),
            across: RefCell::new(across),
            context,
        }
    }

    /// The values of this rank's workers, in `all`, where the own ones stand already.
    fn go_round(&self, ring: &mut Ring, own: &[f32], len: usize, all: &mut [f32]) {
        let context = self.context;
        // Own values start their way round the ring.
        let has_shards = |member: &usize| !context.assignment.shards(*member).is_empty();
        if has_shards(&context.member) {
            let mut values = std::mem::take(&mut ring.own);
            values.clear();
            values.extend_from_slice(own);
            ring.to.send(RingMessage::Values {
                member: context.member,
                values,
            });
        }
        // The others' are copied and passed on; one's own come back last.
        for _ in context.group.own_members().filter(has_shards) {
            let (member, values) = self.receive(ring);
            if member == context.member {
                ring.own = values;
                continue;
            }
            all[context.range(member, len)].copy_from_slice(&values);
            ring.to.send(RingMessage::Values { member, values });
        }
    }

    /// The values of all ranks: the first worker's, which meets the others', go round the ring.
    fn meet(&self, ring: &mut Ring, len: usize, all: &mut [f32]) {
        let RingContext { group, .. } = self.context;
        let first = group.member(0);
        if let Some(across) = &mut *self.across.borrow_mut() {
            let num_shards = self.context.assignment.num_shards();
            let range = |rank| {
                let shards = group.shards(num_shards, rank);
                shards.start * len..shards.end * len
            };
            let own = range(group.rank());
            if across
                .exchange(self.context.watch, own, all, range)
                .is_err()
            {
                self.leave(ring);
            }
            if group.num_workers() > 1 {
                let mut values = std::mem::take(&mut ring.whole);
                values.clear();
                values.extend_from_slice(all);
                let member = first;
                ring.to.send(RingMessage::Values { member, values });
                (_, ring.whole) = self.receive(ring);
            }
            return;
        }
        let (member, values) = self.receive(ring);
        debug_assert_eq!(member, first);
        all.copy_from_slice(&values);
        ring.to.send(RingMessage::Values { member, values });
    }

    /// The next values that come round the ring.
    fn receive(&self, ring: &mut Ring) -> (usize, Vec<f32>) {
        match ring.from.receive(self.context.watch) {
            Ok(RingMessage::Values { member, values }) => (member, values),
            Ok(RingMessage::Failed) => {
                ring.has_seen_failure = true;
                self.leave(ring);
            }
            Err(Aborted) => resume_unwind(Box::new(AnotherFailed)),
        }
    }

    /// Leaves the pass, because another one has failed.
    fn leave(&self, ring: &mut Ring) -> ! {
        ring.send_failure();
        // Not `panic!`: the first failure has been reported, this one is no news.
        resume_unwind(Box::new(AnotherFailed));
    }
}

impl AllGather for RingAllGather<'_> {
    fn all_gather(&self, own: &[f32], len: usize, all: &mut Vec<f32>) {
        let context = self.context;
        all.resize(context.assignment.num_shards() * len, 0.0);
        all[context.range(context.member, len)].copy_from_slice(own);
        if context.assignment.num_workers() == 1 {
            return;
        }
        let began = Instant::now();
        let ring = &mut **self.ring.borrow_mut();
        if context.group.num_workers() > 1 {
            self.go_round(ring, own, len, all);
        }
        if context.group.num_ranks() > 1 {
            self.meet(ring, len, all);
        }
        context.waited.set(context.waited.get() + began.elapsed());
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
