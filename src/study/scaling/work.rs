//! Work of each worker of each rank: what it sends and adds, from the very plans that the engine
//! compiles, a plan a rank.
//!
//! A plan says where each value lies; a simulation needs to know no more than which sums wait for
//! which. So each plan is condensed and dropped before the next one is made: of 64 ranks with 64
//! threads each they would take a gigabyte.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::all_reduce::adders::Adders;
use crate::engine::all_reduce::plan::{Destination, Output, Plan, PlanSpec};
use crate::engine::ranks::group::{Group, SegmentPlace};
use crate::engine::ranks::wire;
use crate::engine::{Assignment, BLOCK, UpdateMode};

use super::error::ScalingError;
use super::ports::Time;
use super::scenario::Scenario;

/// A task of a worker of the same rank.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskPlace {
    pub(super) worker: u32,
    pub(super) task: u32,
}

/// A value for another rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    pub(super) to: u32,
    /// On which both agree.
    pub(super) number: u32,
    pub(super) segment: u32,
}

/// What becomes of a sum.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Task(TaskPlace),
    Rank(Message),
    /// It is the gradient of the whole batch.
    Update,
}

/// A sum that a worker makes, after those before it.
#[derive(Clone, Debug)]
pub(super) struct TaskWork {
    /// Values that have not come yet, and when the last one will have.
    pub(super) missing: usize,
    pub(super) ready_at: Time,
    pub(super) additions: usize,
    pub(super) next: Next,
}

/// A worker's part of a step.
#[derive(Clone, Debug)]
pub(super) struct WorkerWork {
    pub(super) rows: usize,
    /// What it has folded, for tasks of its own rank, and for other ranks.
    pub(super) near: Vec<TaskPlace>,
    pub(super) far: Vec<Message>,
    pub(super) tasks: Vec<TaskWork>,
    /// Segments that it updates.
    pub(super) owned: Vec<usize>,
}

/// A rank's part of a step.
#[derive(Clone, Debug)]
pub(super) struct RankWork {
    pub(super) workers: Vec<WorkerWork>,
    /// Whom the messages of other ranks are for, by sender and number.
    pub(super) inbound: HashMap<(u32, u32), TaskPlace>,
    /// Bytes of what it tells each other rank of its workers' reports.
    pub(super) report_bytes: usize,
}

/// A step of all ranks.
#[derive(Clone, Debug)]
pub(super) struct Work {
    /// Parameters of each segment.
    pub(super) segments: Vec<usize>,
    pub(super) ranks: Vec<RankWork>,
}

impl Work {
    /// That of a scenario which has been checked.
    ///
    /// # Errors
    /// [`ScalingError::Engine`] for an all-reduce that leaves additions to a thread that there is
    /// not.
    pub(super) fn of(scenario: &Scenario) -> Result<Self, ScalingError> {
        let threads: Arc<[usize]> = vec![scenario.threads; scenario.ranks].into();
        let places = Group::new(0, Arc::clone(&threads)).segments(scenario.params);
        // The ranks have as many threads each, so they are given the same answers.
        let adders = Adders::of(&*scenario.all_reduce, scenario.threads, &places)?;
        let rank = |rank| {
            let group = Group::new(rank, Arc::clone(&threads));
            RankWork::of(scenario, &group, &places, &adders)
        };
        Ok(Self {
            ranks: (0..scenario.ranks).map(rank).collect(),
            segments: places.iter().map(|place| place.cut.len()).collect(),
        })
    }
}

impl RankWork {
    fn of(scenario: &Scenario, group: &Group, places: &[SegmentPlace], adders: &Adders) -> Self {
        let own = group.shards(scenario.shards, group.rank());
        let even = Assignment::even(own.len(), scenario.threads);
        let plan = Plan::new(
            adders,
            PlanSpec {
                group,
                assignment: &group.members(scenario.shards, &even),
                places,
                update: UpdateMode::Fused,
            },
        );
        let condensed = Condensed::new(group, &plan);
        let owned = places.iter().filter(|place| place.rank == group.rank());
        let blocks = owned.map(|place| place.cut.len().div_ceil(BLOCK)).sum();
        Self {
            workers: group
                .own_members()
                .map(|member| condensed.worker(member, scenario.rows))
                .collect(),
            inbound: condensed.inbound(),
            report_bytes: wire::len_of_plain(own.len(), blocks),
        }
    }
}

/// A plan, and for each input of each own worker the task that waits for it.
struct Condensed<'a> {
    group: &'a Group,
    plan: &'a Plan,
    tasks: Vec<Vec<u32>>,
}

impl<'a> Condensed<'a> {
    fn new(group: &'a Group, plan: &'a Plan) -> Self {
        let own = plan.workers[group.own_members()].iter();
        let tasks = own.map(|worker| {
            let mut of_input = vec![0; worker.homes.len()];
            for (index, task) in worker.tasks.iter().enumerate() {
                for &input in &task.inputs {
                    of_input[input] = index as u32;
                }
            }
            of_input
        });
        Self {
            group,
            plan,
            tasks: tasks.collect(),
        }
    }

    /// The task that waits for this input of an own worker.
    fn task(&self, worker: usize, input: usize) -> TaskPlace {
        TaskPlace {
            worker: worker as u32,
            task: self.tasks[worker][input],
        }
    }

    /// Where a value goes that is no root.
    fn next(&self, to: Destination, segment: usize) -> Next {
        match self.group.worker_of(to.worker) {
            Some(worker) => Next::Task(self.task(worker, to.input)),
            None => Next::Rank(Message {
                to: self.group.rank_of(to.worker) as u32,
                number: to.input as u32,
                segment: segment as u32,
            }),
        }
    }

    fn worker(&self, member: usize, rows: usize) -> WorkerWork {
        let own = &self.plan.workers[member];
        // What it sends once it has folded.
        let (mut near, mut far) = (Vec::with_capacity(own.sends.len()), Vec::new());
        for send in &own.sends {
            match self.next(send.to, send.segment) {
                Next::Task(place) => near.push(place),
                Next::Rank(message) => far.push(message),
                Next::Update => {}
            }
        }
        // What it adds then.
        let tasks = own.tasks.iter().map(|task| TaskWork {
            missing: task.inputs.len(),
            ready_at: 0,
            additions: (task.inputs.len() - 1) * self.plan.cuts[task.segment].len(),
            next: match task.output {
                Output::Forward(to) => self.next(to, task.segment),
                Output::Root => Next::Update,
            },
        });
        WorkerWork {
            rows: self.plan.assignment.rows(member, rows).len(),
            near,
            far,
            tasks: tasks.collect(),
            owned: own.owned.clone(),
        }
    }

    fn inbound(&self) -> HashMap<(u32, u32), TaskPlace> {
        let mut all = HashMap::new();
        for (worker, member) in self.group.own_members().enumerate() {
            for inbound in &self.plan.workers[member].inbound {
                let from = (inbound.rank as u32, inbound.number as u32);
                all.insert(from, self.task(worker, inbound.input));
            }
        }
        all
    }
}
