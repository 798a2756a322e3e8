//! Coordinator state: commands out, reports in, what they add up to, replies out; parameters out
//! to be updated, and in.
//!
//! # Invariants
//! 1. Sums go by the order of shards, blocks and offsets, never by who reports or when.

use super::all_reduce::plan::Plan;
use super::assignment::StepShape;
use super::batch::Batch;
use super::context::Shared;
use super::error::EngineError;
use super::links::CoordinatorLinks;
use super::mailbox::Aborted;
use super::message::{Command, Decision, Reply, Report, Updated};
use super::params::Params;
use super::reduced::{Reduced, ShardNorms};
use super::scheduler::ShardScheduler;
use super::segment::Segment;
use super::sums::Sums;
use super::update::{BLOCK, PartSquare, Update};

/// What the coordinator keeps from step to step.
#[derive(Debug)]
pub(crate) struct CoordinatorState<S> {
    links: CoordinatorLinks<S>,
    /// The parameters while they are split.
    pieces: Vec<Option<Segment>>,
    /// One place a worker.
    reports: Vec<Option<Report>>,
    /// Each non-empty segment, in order.
    segments: Vec<SegmentBlocks>,
    pub(crate) scheduler: ShardScheduler,
    /// Where the next block of each worker's report stands.
    cursors: Vec<usize>,
    /// The trust ratios of the update at hand.
    trust_ratios: Vec<f32>,
    /// What parts' norms are made of, and the norms.
    part_squares: Vec<PartSquare>,
    pub(crate) part_norms: Vec<f64>,
}

/// What the coordinator knows of a segment.
#[derive(Clone, Copy, Debug)]
struct SegmentBlocks {
    index: usize,
    owner: usize,
    blocks: usize,
    /// The position after its last element.
    end: usize,
}

impl<S> CoordinatorState<S> {
    /// Before the first step by `plan`, of an update with `num_parts` parts.
    pub(crate) fn new(links: CoordinatorLinks<S>, plan: &Plan, num_parts: usize) -> Self {
        let num_workers = plan.workers.len();
        Self {
            links,
            pieces: plan.cuts.iter().map(|_| None).collect(),
            reports: (0..num_workers).map(|_| None).collect(),
            segments: segments(plan),
            scheduler: ShardScheduler::new(plan.assignment.clone()),
            cursors: vec![0; num_workers],
            trust_ratios: Vec::new(),
            part_squares: Vec::new(),
            part_norms: vec![0.0; num_parts],
        }
    }
}

/// Each segment that someone owns, in order.
fn segments(plan: &Plan) -> Vec<SegmentBlocks> {
    let mut segments = Vec::new();
    for (index, cut) in plan.cuts.iter().enumerate() {
        let owner = plan.workers.iter().position(|w| w.owned.contains(&index));
        segments.extend(owner.map(|owner| SegmentBlocks {
            index,
            owner,
            blocks: cut.len().div_ceil(BLOCK),
            end: cut.end,
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

    pub(super) fn collect_reports<U>(&mut self, shared: &Shared<'_, U>) -> Result<(), Aborted> {
        for _ in 0..self.reports.len() {
            let waiting = shared.placement.waiting;
            let report = self.links.reports.receive(waiting, shared.latch)?;
            let worker = report.worker;
            self.reports[worker] = Some(report);
        }
        Ok(())
    }

    /// Tells the balancer what the workers took.
    pub(super) fn record_loads(&mut self, batch: &Batch) {
        if let Some(balancer) = &mut self.scheduler.balancer {
            let reports = self.reports.iter();
            let loads = reports.map(|report| report.as_ref().and_then(|report| report.load));
            balancer.record(loads, StepShape::new(batch, &self.scheduler.now));
        }
    }

    /// Adds up the reports in the order of shards and blocks, never in the order of arrival.
    pub(super) fn reduced(&mut self, batch: &Batch) -> Result<Reduced, EngineError> {
        let mut reduced = Reduced {
            sums: Sums::default(),
            grad_norm: 0.0,
            shards: None,
        };
        let reports = || self.reports.iter().enumerate();
        let failures = reports().filter_map(|(worker, report)| {
            let failure = report.as_ref()?.failure.clone()?;
            Some((worker, failure))
        });
        // Not one that only follows from another's.
        if let Some((worker, failure)) = failures.min_by_key(|(_, failure)| failure.follows) {
            return Err(failure.error(worker, batch.step));
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
        // The gradient's norm.
        self.cursors.fill(0);
        let mut squares = 0.0;
        for &SegmentBlocks { owner, blocks, .. } in &self.segments {
            let start = self.cursors[owner];
            self.cursors[owner] += blocks;
            let of_owner = &self.reports[owner]
                .as_ref()
                .expect("every worker has reported")
                .squares;
            // Block by block, not segment by segment: segments depend on the number of workers. An
            // evaluation reports no norms.
            of_owner[start.min(of_owner.len())..]
                .iter()
                .take(blocks)
                .for_each(|&block| squares += block);
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
        for report in reports.iter_mut().flatten() {
            report.trust_ratios.clear();
            report.trust_ratios.extend_from_slice(trust_ratios);
        }
    }

    /// Takes the parameters from all readers, and lays each segment into its owner's report.
    pub(super) fn scatter_params<U>(&mut self, shared: &Shared<'_, U>) {
        let mut params = Params::default();
        for report in self.reports.iter_mut().flatten() {
            params = std::mem::take(&mut report.params);
        }
        params.split(shared.cuts, &mut self.pieces);
        for &SegmentBlocks { owner, index, .. } in &self.segments {
            let report = self.reports[owner].as_mut();
            let report = report.expect("every worker has reported");
            report.segments.extend(self.pieces[index].take());
        }
    }

    /// Waits for all segments, and shares the parameters again.
    pub(super) fn gather_params<U>(&mut self, shared: &Shared<'_, U>) -> Result<(), Aborted> {
        for _ in 0..self.segments.len() {
            let waiting = shared.placement.waiting;
            let Updated { index, segment } = self.links.updated.receive(waiting, shared.latch)?;
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
        for (address, report) in self.links.replies.iter().zip(&mut self.reports) {
            let report: Report = report.take().expect("every worker has reported");
            address.send(Reply {
                has_failed,
                decision: *decision,
                report,
            });
        }
    }
}
