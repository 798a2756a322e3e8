//! Coordinator state: commands out, reports in, what they add up to, replies out; parameters out
//! to be updated, and in.
//!
//! # Invariants
//! 1. Sums go by the order of shards, blocks and offsets, never by who reports or when.

use super::all_reduce::plan::Plan;
use super::batch::Batch;
use super::context::Shared;
use super::error::EngineError;
use super::links::CoordinatorLinks;
use super::mailbox::Aborted;
use super::message::{Command, Decision, Reply, Report, Updated};
use super::params::Params;
use super::ranks::group::{Group, SegmentPlace};
use super::ranks::hub::Sink;
use super::ranks::tags;
use super::reduced::{Reduced, ShardNorms};
use super::scheduler::ShardScheduler;
use super::segment::Segment;
use super::sums::Sums;
use super::update::{BLOCK, PartSquare, Update};

/// What the coordinator keeps from step to step.
#[derive(Debug)]
pub(crate) struct CoordinatorState<S> {
    pub(super) links: CoordinatorLinks<S>,
    /// The parameters while they are split.
    pieces: Vec<Option<Segment>>,
    /// One place a member.
    pub(super) reports: Vec<Option<Report>>,
    pub(super) group: Group,
    /// Each non-empty segment, in order.
    pub(super) segments: Vec<SegmentBlocks>,
    pub(crate) scheduler: ShardScheduler,
    /// Where the next block of each worker's report stands.
    cursors: Vec<usize>,
    /// The trust ratios of the update at hand.
    trust_ratios: Vec<f32>,
    /// What parts' norms are made of, and the norms.
    part_squares: Vec<PartSquare>,
    pub(crate) part_norms: Vec<f64>,
    /// What this rank asks all ranks for, and what any of them has asked for.
    pub(crate) wishes: u8,
    pub(crate) agreed: u8,
}

/// What the coordinator knows of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentBlocks {
    index: usize,
    /// A member.
    pub(super) owner: usize,
    /// Where its blocks begin among those of its owner.
    first: usize,
    blocks: usize,
    /// The position after its last element.
    end: usize,
}

impl SegmentBlocks {
    /// The sums of squares of its blocks, as its owner has reported them.
    pub(super) fn squares<'r>(
        &self,
        reports: &'r [Option<Report>],
    ) -> impl Iterator<Item = f64> + Clone + use<'r> {
        let report = reports[self.owner].as_ref();
        let squares = &report.expect("every worker has reported").squares;
        squares.iter().skip(self.first).take(self.blocks).copied()
    }
}

impl<S> CoordinatorState<S> {
    /// Before the first step by `plan`, of an update with `num_parts` parts.
    pub(crate) fn new(
        links: CoordinatorLinks<S>,
        group: &Group,
        places: &[SegmentPlace],
        plan: &Plan,
        num_parts: usize,
    ) -> Self {
        let num_members = group.num_members();
        // Of another rank's report the memory stays here.
        let report = |member| group.worker_of(member).is_none().then(Report::default);
        Self {
            links,
            pieces: plan.cuts.iter().map(|_| None).collect(),
            reports: (0..num_members).map(report).collect(),
            segments: segments(group, places, plan),
            group: group.clone(),
            scheduler: ShardScheduler::new(plan.assignment.clone(), group),
            cursors: vec![0; num_members],
            trust_ratios: Vec::new(),
            part_squares: Vec::new(),
            part_norms: vec![0.0; num_parts],
            wishes: 0,
            agreed: 0,
        }
    }
}

/// Each segment that someone owns, in order.
fn segments(group: &Group, places: &[SegmentPlace], plan: &Plan) -> Vec<SegmentBlocks> {
    let mut owners = vec![None; places.len()];
    for (member, worker) in plan.workers.iter().enumerate() {
        worker
            .owned
            .iter()
            .for_each(|&index| owners[index] = Some(member));
    }
    let mut segments = Vec::new();
    let mut blocks = vec![0; group.num_members()];
    for (index, place) in places.iter().enumerate() {
        let cut = &place.cut;
        let owner = if place.rank == group.rank() || cut.is_empty() {
            owners[index]
        } else {
            Some(group.member_of(place.rank))
        };
        segments.extend(owner.map(|owner| {
            let first = blocks[owner];
            blocks[owner] += cut.len().div_ceil(BLOCK);
            SegmentBlocks {
                index,
                owner,
                first,
                blocks: blocks[owner] - first,
                end: cut.end,
            }
        }));
    }
    segments
}

impl<S: Copy> CoordinatorState<S> {
    pub(super) fn command_all(&self, command: &Command) {
        for address in &self.links.commands {
            address.send(command.clone());
        }
    }

    /// The reports of this rank's workers.
    pub(super) fn collect_reports<U>(&mut self, shared: &Shared<'_, U>) -> Result<(), Aborted> {
        for _ in 0..self.group.num_workers() {
            let report = self.links.reports.receive(shared.watch(0))?;
            let member = self.group.member(report.worker);
            self.reports[member] = Some(report);
        }
        Ok(())
    }

    /// Tells the balancer what the workers took.
    pub(super) fn record_loads(&mut self, batch: &Batch) {
        if let Some(balancer) = &mut self.scheduler.balancer {
            let reports = self.reports[self.group.own_members()].iter();
            let loads = reports.map(|report| report.as_ref().and_then(|report| report.load));
            balancer.record(loads, self.scheduler.own.shape(batch));
        }
    }

    /// Adds up the reports in the order of shards and blocks, never in the order of arrival.
    pub(super) fn reduced<U>(
        &mut self,
        batch: &Batch,
        shared: &Shared<'_, U>,
    ) -> Result<Reduced, EngineError> {
        let mut reduced = Reduced {
            sums: Sums::default(),
            grad_norm: 0.0,
            shards: None,
        };
        let reports = || self.reports.iter().enumerate();
        let failures = reports().filter_map(|(member, report)| {
            let failure = report.as_ref()?.failure.clone()?;
            Some((member, failure))
        });
        // Not one that only follows from another's.
        if let Some((member, mut failure)) = failures.min_by_key(|(_, failure)| failure.follows) {
            if let Some(hub) = shared.hub {
                let name = hub.name(self.group.rank_of(member));
                failure.message = format!("{} ({name})", failure.message);
            }
            return Err(failure.error(batch.step));
        }
        // The sums, shard by shard.
        let (mut shards, mut has_squares) = (ShardNorms::default(), false);
        for (_, report) in reports() {
            let report = report.as_ref().expect("every worker has reported");
            report.sums.iter().for_each(|&sums| reduced.sums += sums);
            has_squares |= !report.shard_squares.is_empty();
            let squares = report.sums.iter().zip(&report.shard_squares);
            squares.for_each(|(sums, square)| shards.add(sums.rows, *square));
        }
        // The gradient's norm, block by block, not segment by segment: segments depend on the number
        // of workers. An evaluation reports no norms.
        let mut squares = 0.0;
        for segment in &self.segments {
            segment
                .squares(&self.reports)
                .for_each(|block| squares += block);
        }
        // Of a batch without weight there is no mean: its norms are 0, not NaN.
        let weight = if reduced.sums.is_empty() {
            f64::INFINITY
        } else {
            reduced.sums.weight
        };
        reduced.grad_norm = squares.sqrt() / weight;
        self.add_parts(weight);
        shards.whole = squares;
        reduced.shards = has_squares.then_some(shards);
        Ok(reduced)
    }

    /// The norms of the parts' mean gradients, from everyone's squares.
    fn add_parts(&mut self, weight: f64) {
        if self.part_norms.is_empty() {
            return;
        }
        self.part_squares.clear();
        for report in self.reports.iter().flatten() {
            self.part_squares.extend_from_slice(&report.part_squares);
        }
        // By position, not by worker.
        self.part_squares.sort_unstable_by_key(|run| run.offset);
        self.part_norms.fill(0.0);
        for run in &self.part_squares {
            self.part_norms[run.part] += run.square;
        }
        for square in &mut self.part_norms {
            *square = square.sqrt() / weight;
        }
    }

    /// Fills the trust ratios from everyone's norms, in the order of the flat vector.
    pub(super) fn fill_trust_ratios<U: Update>(&mut self, update: &U, scalars: &U::Scalars) {
        let Self {
            reports,
            segments,
            cursors,
            trust_ratios,
            ..
        } = self;
        // Each segment's norms stand in its owner's report, after those of its segments before.
        cursors.fill(0);
        let mut segments = segments.iter();
        let mut segment = segments.next();
        let mut norms = std::iter::from_fn(|| {
            loop {
                let &SegmentBlocks { owner, end, .. } = segment?;
                let report = reports[owner].as_ref().expect("every worker has reported");
                match report.norms.get(cursors[owner]) {
                    Some(norms) if norms.offset < end => {
                        cursors[owner] += 1;
                        return Some(*norms);
                    }
                    _ => segment = segments.next(),
                }
            }
        });
        update.trust_ratios(scalars, &mut norms, trust_ratios);
        // Every worker gets all of them, with its report.
        for report in reports[self.group.own_members()].iter_mut().flatten() {
            report.trust_ratios.clear();
            report.trust_ratios.extend_from_slice(trust_ratios);
        }
    }

    /// Takes the parameters from all readers, and lays each segment into its owner's report.
    pub(super) fn scatter_params<U>(&mut self, shared: &Shared<'_, U>) {
        let mut params = Params::default();
        let own = self.group.own_members();
        for report in self.reports[own].iter_mut().flatten() {
            params = std::mem::take(&mut report.params);
        }
        params.split(shared.cuts, &mut self.pieces);
        for &SegmentBlocks { owner, index, .. } in &self.segments {
            if self.group.worker_of(owner).is_none() {
                // It comes from its owner, into the place that it has.
                let memory = self.pieces[index].take().expect("all parameters are here");
                let hub = shared.hub.expect("another rank is reached by a hub");
                let to = self.links.to_updated.clone();
                let sink = Sink::Updated { to, index };
                let rank = self.group.rank_of(owner);
                hub.receive(rank, tags::params(index), memory.into(), sink);
                continue;
            }
            let report = self.reports[owner].as_mut();
            let report = report.expect("every worker has reported");
            report.segments.extend(self.pieces[index].take());
        }
    }

    /// Waits for all segments, and shares the parameters again.
    pub(super) fn gather_params<U>(&mut self, shared: &Shared<'_, U>) -> Result<(), Aborted> {
        for _ in 0..self.segments.len() {
            let Updated { index, segment } = self.links.updated.receive(shared.watch(0))?;
            self.pieces[index] = Some(segment);
        }
        let params = Params::join(&mut self.pieces);
        for address in &self.links.params {
            address.send(params.clone());
        }
        Ok(())
    }

    pub(super) fn reply_all(&mut self, decision: &Decision<S>) {
        let failed = |report: &Option<Report>| {
            let report = report.as_ref().expect("every worker has reported");
            report.failure.is_some()
        };
        let has_failed = self.reports.iter().any(failed);
        let own = &mut self.reports[self.group.own_members()];
        for (address, report) in self.links.replies.iter().zip(own) {
            let report: Report = report.take().expect("every worker has reported");
            address.send(Reply {
                has_failed,
                decision: *decision,
                report,
            });
        }
    }
}
