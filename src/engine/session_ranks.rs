//! Session of several ranks: what their drivers agree on, and whether they still have the same
//! parameters.

use super::coordinator::{Session, guarded};
use super::error::EngineError;
use super::mailbox::Aborted;
use super::ranks::header::{Header, Operation};
use super::ranks::replicas::{hashes, odd_ranks};
use super::replica::Replica;
use super::update::Update;

impl<R: Replica, U: Update> Session<'_, R, U> {
    /// What this rank asks all ranks for with its next report, a bit each.
    pub(crate) fn wish(&mut self, wishes: u8) {
        self.coordinator.wishes = wishes;
    }

    /// What any of several ranks has asked for with the last reports.
    pub(crate) fn agreed(&self) -> u8 {
        self.coordinator.agreed
    }

    /// Asks all ranks now.
    ///
    /// # Errors
    /// [`EngineError::Broken`].
    pub(crate) fn vote(&mut self, step: u64) -> Result<u8, EngineError> {
        let shared = self.shared;
        let header = Header::new(Operation::Vote, step, 0);
        let agreed = guarded(shared, || self.coordinator.vote(header, shared));
        agreed.map_err(|Aborted| self.broken())
    }

    /// Compares the parameters of all ranks, each of which has all of them.
    ///
    /// # Errors
    /// [`EngineError::ReplicaDiffers`] on every rank, if some are not the same;
    /// [`EngineError::Broken`].
    pub(crate) fn compare_replicas(&mut self, step: u64) -> Result<(), EngineError> {
        let shared = self.shared;
        let Some(hub) = shared.hub else { return Ok(()) };
        let own = hashes(self.params(), shared.cuts);
        let header = Header::new(Operation::Compare, step, 0);
        let all = guarded(shared, || self.coordinator.gather(header, own, shared));
        let all = all.map_err(|Aborted| self.broken())?;
        match odd_ranks(&all) {
            None => Ok(()),
            Some((segment, ranks)) => {
                let names: Vec<String> = ranks.into_iter().map(|rank| hub.name(rank)).collect();
                Err(EngineError::ReplicaDiffers {
                    ranks: names.join(" and "),
                    params: shared.cuts[segment].clone(),
                    step,
                })
            }
        }
    }

    /// Ranks that train together.
    pub(crate) fn num_ranks(&self) -> usize {
        self.shared.group.num_ranks()
    }
}
