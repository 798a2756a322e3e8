//! Shard scheduler: who computes which shards, and the plan of a step in which some have moved.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::affinity::Placement;
use super::all_reduce::plan::{Plan, PlanSpec};
use super::assignment::{Assignment, StepShape, rows_of};
use super::balance::Balancer;
use super::batch::Batch;
use super::config::EngineConfig;
use super::context::Shared;
use super::error::EngineError;
use super::ranks::group::Group;

/// The coordinator's knowledge of which worker has which shards, now and from the next step on.
#[derive(Debug)]
pub(crate) struct ShardScheduler {
    /// Of all members.
    pub(crate) now: Assignment,
    /// Of this rank's workers.
    pub(crate) own: OwnShards,
    /// From the next step on, by the driver's choice.
    next: Option<Assignment>,
    /// Watches the workers' times, if shards may move on their own.
    pub(crate) balancer: Option<Balancer>,
    /// Whether they must stay where they are.
    is_stateful: bool,
    /// How often they have moved.
    moves: usize,
}

impl ShardScheduler {
    pub(crate) fn new(now: Assignment, group: &Group) -> Self {
        Self {
            own: OwnShards::of(group, &now),
            now,
            next: None,
            balancer: None,
            is_stateful: false,
            moves: 0,
        }
    }

    /// Lets shards move on their own, if they are to and the model keeps no state of its rows.
    pub(crate) fn balance(
        &mut self,
        is_stateful: bool,
        config: &EngineConfig,
        placement: &Placement,
    ) {
        self.is_stateful = is_stateful;
        if !is_stateful {
            self.balancer = Balancer::new(config, self.own.assignment.num_shards(), placement);
        }
    }

    /// Whether they must stay where they are.
    pub(crate) fn is_stateful(&self) -> bool {
        self.is_stateful
    }

    /// How often shards have moved.
    pub(crate) fn moves(&self) -> usize {
        self.moves
    }

    /// Gives workers these shards from the next step on.
    pub(crate) fn assign(&mut self, assignment: Assignment) -> Result<(), EngineError> {
        let own = &self.own.assignment;
        assignment.check(own.num_shards(), own.num_workers())?;
        if self.is_stateful {
            return Err(EngineError::StatefulModel);
        }
        self.next = Some(assignment);
        Ok(())
    }

    /// The plan of the next step, on `batch`, if shards are to move. The gradients of
    /// `num_factored` parameters are not exchanged.
    pub(crate) fn next_plan<U>(
        &mut self,
        batch: &Batch,
        num_factored: usize,
        shared: &Shared<'_, U>,
    ) -> Option<Arc<Plan>> {
        let num_params = shared.cuts.last().map_or(0, |cut| cut.end);
        let next = self.next(batch, num_params - num_factored)?;
        let began = Instant::now();
        let next = shared.group.members(shared.num_shards, &next);
        let spec = PlanSpec {
            group: shared.group,
            assignment: &next,
            places: shared.places,
            update: shared.mode,
        };
        let plan = Plan::new(shared.all_reduce, spec);
        self.own = OwnShards::of(shared.group, &next);
        self.now = next;
        self.moves += 1;
        if let Some(balancer) = &mut self.balancer {
            balancer.moved(began);
        }
        Some(Arc::new(plan))
    }

    /// The assignment of a step that exchanges `num_exchanged` gradients, if it is not the one
    /// before: the driver's choice, else the balancer's.
    fn next(&mut self, batch: &Batch, num_exchanged: usize) -> Option<Assignment> {
        let shape = self.own.shape(batch);
        let measured = || self.balancer.as_mut()?.propose(shape, num_exchanged);
        let next = self.next.take().or_else(measured);
        next.filter(|next| *next != self.own.assignment)
    }
}

/// The shards of this rank's workers, counted from its first one.
#[derive(Debug)]
pub(crate) struct OwnShards {
    pub(crate) assignment: Assignment,
    /// Where they lie among all shards.
    range: Range<usize>,
    num_shards: usize,
}

impl OwnShards {
    fn of(group: &Group, members: &Assignment) -> Self {
        let num_shards = members.num_shards();
        Self {
            assignment: group.own(members),
            range: group.shards(num_shards, group.rank()),
            num_shards,
        }
    }

    /// This rank's part of a step; of several ranks its shards' rows may differ by one.
    pub(crate) fn shape(&self, batch: &Batch) -> StepShape<'_> {
        let rows = rows_of(self.range.clone(), self.num_shards, batch.range.len());
        StepShape {
            rows: rows.len(),
            assignment: &self.assignment,
        }
    }
}
