//! A step as a sequence of events: shards, messages, additions, the decision, the updates, the new
//! weights in and out.
//!
//! The work of each worker is the very plan that the engine compiles; only the times are the
//! model's.
//!
//! # What the model leaves out
//! Caches and bandwidth: a row and a parameter cost the same wherever they are. Jobs of the system
//! that come between.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::engine::Assignment;
use crate::engine::UpdateMode;
use crate::engine::all_reduce::adders::Adders;
use crate::engine::all_reduce::plan::{Destination, Output, Plan, PlanSpec};
use crate::engine::ranks::group::Group;

use super::costs::StepCosts;
use super::error::ScalingError;
use super::scenario::{Scenario, StepTimeline};

/// Bytes of a parameter.
const BYTES: f64 = 4.0;

/// Picoseconds: whole numbers have an order.
type Time = u64;

fn picoseconds(seconds: f64) -> Time {
    (seconds * 1e12) as Time
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Folded,
    Gradient { input: usize },
    Added,
    Report,
    Verdict,
    Updated,
    Weights,
}

/// When, in which order among equals, to whom, what.
type Event = Reverse<(Time, u64, usize, What)>;

#[derive(Clone, Debug, Default)]
struct WorkerState {
    free_at: Time,
    has_input: Vec<bool>,
    next_task: usize,
    is_adding: bool,
    has_folded: bool,
}

/// A message of `len` parameters from a worker to another.
struct Message {
    from: usize,
    to: usize,
    len: usize,
    what: What,
}

impl Message {
    /// One without parameters.
    fn empty(from: usize, to: usize, what: What) -> Self {
        Self {
            from,
            to,
            len: 0,
            what,
        }
    }
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    costs: &'a StepCosts,
    plan: Plan,
    events: BinaryHeap<Event>,
    sent: u64,
    workers: Vec<WorkerState>,
    /// When each machine can send again.
    links: Vec<Time>,
    reports: usize,
    /// Segments that the master has not got back.
    missing: usize,
    timeline: [Time; 4],
}

impl Scenario {
    /// Simulates a step.
    ///
    /// # Errors
    /// [`ScalingError::Scenario`] for values that make no sense; [`ScalingError::Engine`] for an
    /// all-reduce that leaves additions to a thread that there is not.
    pub fn simulate(&self, costs: &StepCosts) -> Result<StepTimeline, ScalingError> {
        self.check()?;
        let group = Group::alone(self.threads);
        let spec = PlanSpec {
            group: &group,
            assignment: &Assignment::even(self.shards, self.threads),
            places: &group.segments(self.params),
            update: UpdateMode::Fused,
        };
        let adders = Adders::of(&*self.all_reduce, self.threads, spec.places)?;
        let plan = Plan::new(&adders, spec);
        // Nobody has done anything yet.
        let mut simulation = Simulation {
            scenario: self,
            costs,
            events: BinaryHeap::new(),
            sent: 0,
            workers: vec![WorkerState::default(); self.threads],
            links: vec![0; self.network.map_or(1, |network| network.ranks)],
            reports: 0,
            missing: plan.workers.iter().map(|worker| worker.owned.len()).sum(),
            timeline: [0; 4],
            plan,
        };
        // Events in order of time, until there are none.
        simulation.begin();
        while let Some(Reverse((time, _, worker, what))) = simulation.events.pop() {
            simulation.handle(time, worker, what);
        }
        let [folded_s, reduced_s, updated_s, step_s] =
            simulation.timeline.map(|time| time as f64 / 1e12);
        Ok(StepTimeline {
            folded_s,
            reduced_s,
            updated_s,
            step_s,
        })
    }
}

impl Simulation<'_> {
    fn begin(&mut self) {
        let started = picoseconds(self.costs.fixed_s);
        for worker in 0..self.workers.len() {
            self.workers[worker].has_input = vec![false; self.plan.workers[worker].homes.len()];
            // The command is a message to everyone but the master itself.
            let command = if worker == 0 {
                0.0
            } else {
                self.costs.message_s
            };
            let computes = self.scenario.compute_s(worker, self.costs);
            self.post(
                started + picoseconds(command + computes),
                worker,
                What::Folded,
            );
        }
    }

    fn post(&mut self, time: Time, worker: usize, what: What) {
        self.events.push(Reverse((time, self.sent, worker, what)));
        self.sent += 1;
    }

    /// Sends a message at `time`.
    fn send(&mut self, time: Time, message: Message) {
        let Message {
            from,
            to,
            len,
            what,
        } = message;
        let mut arrives = time;
        if from != to {
            arrives += picoseconds(self.costs.message_s);
        }
        if let Some(network) = self.scenario.network {
            let in_one = self.scenario.threads / network.ranks;
            let (here, there) = (from / in_one, to / in_one);
            if here != there {
                let bytes = picoseconds(len as f64 * BYTES * network.byte_s);
                self.links[here] = self.links[here].max(time) + bytes;
                arrives = self.links[here] + picoseconds(network.message_s);
            }
        }
        self.post(arrives, to, what);
    }

    fn handle(&mut self, time: Time, worker: usize, what: What) {
        match what {
            What::Folded => {
                self.timeline[0] = self.timeline[0].max(time);
                self.workers[worker].has_folded = true;
                self.workers[worker].free_at = time;
                for which in 0..self.plan.workers[worker].sends.len() {
                    let send = self.plan.workers[worker].sends[which];
                    self.pass_on(time, worker, send.to, send.segment);
                }
                self.go_on(time, worker);
            }
            What::Gradient { input } => {
                self.workers[worker].has_input[input] = true;
                self.go_on(time, worker);
            }
            What::Added => {
                let state = &mut self.workers[worker];
                (state.is_adding, state.next_task) = (false, state.next_task + 1);
                let task = &self.plan.workers[worker].tasks[state.next_task - 1];
                if let (Output::Forward(to), segment) = (task.output, task.segment) {
                    self.pass_on(time, worker, to, segment);
                }
                self.go_on(time, worker);
            }
            What::Report => {
                self.reports += 1;
                if self.reports == self.workers.len() {
                    self.timeline[1] = time;
                    for to in 0..self.workers.len() {
                        self.send(time, Message::empty(0, to, What::Verdict));
                    }
                }
            }
            What::Verdict => self.update(time, worker),
            What::Updated => {
                self.missing -= 1;
                if self.missing == 0 {
                    self.share(time);
                }
            }
            What::Weights => {
                self.timeline[3] = self.timeline[3].max(time);
                self.pass_weights(time, worker);
            }
        }
    }

    fn pass_on(&mut self, time: Time, from: usize, to: Destination, segment: usize) {
        let what = What::Gradient { input: to.input };
        let len = self.plan.cuts[segment].len();
        let message = Message {
            from,
            to: to.worker,
            len,
            what,
        };
        self.send(time, message);
    }

    /// Begins the next task if its inputs are here, or reports after the last.
    fn go_on(&mut self, time: Time, worker: usize) {
        let state = &mut self.workers[worker];
        if state.is_adding || !state.has_folded {
            return;
        }
        let Some(task) = self.plan.workers[worker].tasks.get(state.next_task) else {
            // Reported once: no input comes after the last task.
            state.has_folded = false;
            self.send(time, Message::empty(worker, 0, What::Report));
            return;
        };
        if task.inputs.iter().all(|&input| state.has_input[input]) {
            let additions = (task.inputs.len() - 1) * self.plan.cuts[task.segment].len();
            let ends = time.max(state.free_at) + picoseconds(additions as f64 * self.costs.add_s);
            (state.is_adding, state.free_at) = (true, ends);
            self.post(ends, worker, What::Added);
        }
    }

    /// Updates the worker's own segments, and sends them to the master.
    fn update(&mut self, time: Time, worker: usize) {
        let owned = self.plan.workers[worker].owned.clone();
        let lens: Vec<usize> = owned.iter().map(|&own| self.plan.cuts[own].len()).collect();
        let all: usize = lens.iter().sum();
        let ends = time + picoseconds(all as f64 * self.costs.update_s);
        self.timeline[2] = self.timeline[2].max(ends);
        for len in lens {
            let message = Message {
                from: worker,
                to: 0,
                len,
                what: What::Updated,
            };
            self.send(ends, message);
        }
    }

    /// The master shares the weights with all workers: with those of its own machine at once, with
    /// others by the first of each.
    fn share(&mut self, time: Time) {
        let in_one = self.workers_in_one();
        for to in (0..self.workers.len()).filter(|to| to / in_one == 0 || to.is_multiple_of(in_one))
        {
            self.send_weights(time, 0, to);
        }
    }

    fn send_weights(&mut self, time: Time, from: usize, to: usize) {
        let message = Message {
            from,
            to,
            len: self.scenario.params,
            what: What::Weights,
        };
        self.send(time, message);
    }

    /// The first worker of another machine shares them with its neighbours.
    fn pass_weights(&mut self, time: Time, worker: usize) {
        let in_one = self.workers_in_one();
        if worker >= in_one && worker.is_multiple_of(in_one) {
            for to in worker + 1..worker + in_one {
                self.post(time + picoseconds(self.costs.message_s), to, What::Weights);
            }
        }
    }

    fn workers_in_one(&self) -> usize {
        let ranks = self.scenario.network.map_or(1, |network| network.ranks);
        self.scenario.threads / ranks
    }
}
