//! Shard scheduler: who computes which shards, and the plan of a step in which some have moved.

use std::sync::Arc;
use std::time::Instant;

use super::affinity::Placement;
use super::all_reduce::plan::{Plan, PlanSpec};
use super::assignment::{Assignment, StepShape};
use super::balance::Balancer;
use super::batch::Batch;
use super::config::EngineConfig;
use super::context::Shared;
use super::error::EngineError;

/// The coordinator's knowledge of which worker has which shards, now and from the next step on.
#[derive(Debug)]
pub(crate) struct ShardScheduler {
    pub(crate) now: Assignment,
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
    pub(crate) fn new(now: Assignment) -> Self {
        Self {
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
            self.balancer = Balancer::new(config, self.now.num_shards(), placement);
        }
    }

    /// How often shards have moved.
    pub(crate) fn moves(&self) -> usize {
        self.moves
    }

    /// Gives workers these shards from the next step on.
    pub(crate) fn assign(&mut self, assignment: Assignment) -> Result<(), EngineError> {
        assignment.check(self.now.num_shards(), self.now.num_workers())?;
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
        let spec = PlanSpec {
            assignment: &next,
            num_params,
            update: shared.mode,
        };
        let plan = Plan::new(shared.all_reduce, spec);
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
        let shape = StepShape::new(batch, &self.now);
        let measured = || self.balancer.as_mut()?.propose(shape, num_exchanged);
        let next = self.next.take().or_else(measured);
        next.filter(|next| *next != self.now)
    }
}
