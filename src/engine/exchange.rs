//! Exchange: the coordinators of all ranks tell each other what their workers have reported.
//!
//! Every rank runs the same steps and takes the same decisions, from the same numbers: there is no
//! rank that commands. With its reports each tells what it *wishes*, and all learn what any of them
//! does; so all stop after the same step.

use bytes::BufMut;

use super::context::Shared;
use super::coordinator_state::CoordinatorState;
use super::failure::FailureLatch;
use super::mailbox::{Aborted, Watch};
use super::ranks::header::{Header, Operation};
use super::ranks::letters::Letters;
use super::ranks::wire;

impl<S: Copy> CoordinatorState<S> {
    /// Awaits what the other ranks tell of this operation.
    pub(super) fn open(&mut self, header: Header) {
        if let Some(letters) = &mut self.links.letters {
            letters.open(Some(header));
        }
    }

    /// The reports of this rank's workers, and those of the other ranks, in the operation that was
    /// opened.
    pub(super) fn exchange_reports<U>(
        &mut self,
        header: Header,
        shared: &Shared<'_, U>,
    ) -> Result<(), Aborted> {
        self.collect_reports(shared)?;
        let Self {
            links,
            reports,
            segments,
            group,
            ..
        } = self;
        let (Some(letters), Some(hub)) = (&mut links.letters, shared.hub) else {
            return Ok(());
        };
        let watch = shared.watch(0);
        // The own workers', as one: squares in the order of the segments.
        letters.write(watch, |bytes| {
            let workers = reports[group.own_members()].iter().flatten();
            let own = segments.iter();
            let own = own.filter(|segment| group.worker_of(segment.owner).is_some());
            let squares = own.flat_map(|segment| segment.squares(reports));
            wire::encode(workers, squares, bytes);
        })?;
        let wishes = self.wishes;
        letters.exchange(watch, Header { wishes, ..header })?;
        self.agreed = wishes | wishes_of_others(letters);
        // The others', each as that of one member.
        for rank in group.others() {
            let report = reports[group.member_of(rank)].as_mut();
            let report = report.expect("its memory stays here");
            if wire::decode(letters.body(rank), report).is_none() {
                shared.latch.raise(&format!(
                    "{} sent a report that cannot be read: all ranks must run the same program",
                    hub.name(rank)
                ));
                return Err(Aborted);
            }
        }
        Ok(())
    }

    /// Tells the other ranks no more than what this one wishes; what any of them does.
    pub(super) fn vote<U>(
        &mut self,
        header: Header,
        shared: &Shared<'_, U>,
    ) -> Result<u8, Aborted> {
        let wishes = self.wishes;
        self.agreed = wishes;
        if let Some(letters) = &mut self.links.letters {
            letters.open(Some(header));
            letters.exchange(shared.watch(0), Header { wishes, ..header })?;
            self.agreed |= wishes_of_others(letters);
        }
        Ok(self.agreed)
    }

    /// Everyone's values, by rank, of which `own` are this one's.
    pub(super) fn gather<U>(
        &mut self,
        header: Header,
        own: Vec<u64>,
        shared: &Shared<'_, U>,
    ) -> Result<Vec<Vec<u64>>, Aborted> {
        let mut all = vec![own];
        let Some(letters) = &mut self.links.letters else {
            return Ok(all);
        };
        letters.write(shared.watch(0), |body| {
            body.put_slice(bytemuck::cast_slice(&all[0]));
        })?;
        letters.open(Some(header));
        letters.exchange(shared.watch(0), header)?;
        let others = letters.others().iter().map(|&rank| {
            let (values, _) = letters.body(rank).as_chunks();
            values
                .iter()
                .map(|&value| u64::from_ne_bytes(value))
                .collect()
        });
        all.extend(others);
        // From the own rank on, so far.
        all.rotate_right(self.group.rank());
        Ok(all)
    }

    /// Tells the other ranks that this one's run is over, and waits until theirs are. One that goes
    /// on learns of it; this one has its own result, whatever others do.
    pub(super) fn leave<U>(&mut self, shared: &Shared<'_, U>) {
        let latch = FailureLatch::new();
        let watch = Watch {
            latch: &latch,
            ..shared.watch(0)
        };
        if let Some(letters) = &mut self.links.letters {
            let header = Header::new(Operation::Leave, 0, 0);
            letters.open(Some(header));
            // What another rank does instead is known to the hub, and an error of the next call.
            let _known = letters.exchange(watch, header);
        }
    }
}

/// What the other ranks have wished in their last letters.
fn wishes_of_others(letters: &Letters) -> u8 {
    let others = letters.others().iter();
    let headers = others.filter_map(|&rank| letters.header(rank));
    headers.fold(0, |all, header| all | header.wishes)
}
