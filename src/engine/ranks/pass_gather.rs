//! Pass gather: the values of all ranks' shards, exchanged in the middle of a pass by each rank's first
//! worker.
//!
//! # Failure
//! A rank whose pass has failed says so, once, in place of what it owes. When a step has failed,
//! every rank says it, and takes what comes until all others have: so nothing is left on its way.

use std::ops::Range;
use std::sync::Arc;

use bytes::BufMut;

use super::header::{Header, Operation};
use super::hub::Hub;
use super::letters::Letters;
use super::tags;
use crate::engine::mailbox::{Aborted, Watch};

/// This rank's part in the all-gathers of all ranks.
#[derive(Debug)]
pub(crate) struct PassGather {
    letters: Letters,
    has_said_failure: bool,
    /// The ranks that have said so.
    failed: Vec<bool>,
}

/// Why there are no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoValues {
    /// Another rank's pass has failed.
    Failed,
    /// All is over.
    Aborted,
}

impl From<Aborted> for NoValues {
    fn from(_: Aborted) -> Self {
        NoValues::Aborted
    }
}

impl PassGather {
    pub(crate) fn new(hub: &Arc<Hub>) -> Self {
        Self {
            letters: Letters::new(hub, tags::PASS_GATHERS),
            has_said_failure: false,
            failed: vec![false; hub.num_ranks()],
        }
    }

    /// Fills `all` with the values of all ranks, each in its range; those of this rank stand there.
    pub(crate) fn exchange(
        &mut self,
        watch: Watch<'_>,
        own: Range<usize>,
        all: &mut [f32],
        range: impl Fn(usize) -> Range<usize>,
    ) -> Result<(), NoValues> {
        let letters = &mut self.letters;
        letters.open(None);
        letters.write(watch, |body| {
            body.put_slice(bytemuck::cast_slice(&all[own]))
        })?;
        letters.send(watch, Header::new(Operation::Values, 0, 0))?;
        let mut outcome = Ok(());
        for _ in 0..letters.others().len() {
            let from = letters.next(watch)?;
            if has_failed(letters, from) {
                self.failed[from] = true;
                outcome = Err(NoValues::Failed);
                continue;
            }
            let to: &mut [u8] = bytemuck::cast_slice_mut(&mut all[range(from)]);
            let values = letters.body(from);
            if values.len() != to.len() {
                // Another model: the report says what.
                outcome = Err(NoValues::Failed);
                continue;
            }
            to.copy_from_slice(values);
        }
        outcome
    }

    /// Tells the others, once, that this rank's pass has ended early.
    pub(crate) fn say_failure(&mut self) {
        if !std::mem::replace(&mut self.has_said_failure, true) {
            self.letters
                .send_apart(Header::new(Operation::Failed, 0, 0));
        }
    }

    /// Takes all that is on its way after a step that failed.
    pub(crate) fn drain(&mut self, watch: Watch<'_>) -> Result<(), Aborted> {
        self.say_failure();
        for at in 0..self.letters.others().len() {
            let from = self.letters.others()[at];
            while !self.failed[from] {
                self.letters.await_letter(from, None);
                self.letters.next(watch)?;
                self.failed[from] = has_failed(&self.letters, from);
            }
        }
        self.letters.drain_sends(watch)?;
        self.failed.fill(false);
        self.has_said_failure = false;
        Ok(())
    }
}

fn has_failed(letters: &Letters, from: usize) -> bool {
    let header = letters.header(from);
    header.is_some_and(|header| header.operation == Operation::Failed)
}
