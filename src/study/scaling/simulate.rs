//! A step as a sequence of events: shards, messages, additions, the decision, the updates, the new
//! weights in and out.
//!
//! The work of each worker is the very plan that the engine compiles; only the times are the
//! model's. Within a rank a message takes the same time, whatever it carries: its memory changes
//! hands. Between ranks bytes move, through a port of each rank.
//!
//! # What the model leaves out
//! Caches and bandwidth: a row and a parameter cost the same wherever they are. Jobs of the system
//! that come between. Switches between the ranks, and libraries that send parts of several messages
//! in turn: messages leave in the order of the plan, each as a whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::costs::StepCosts;
use super::error::ScalingError;
use super::ports::{Ports, Time, picoseconds};
use super::scenario::{Scenario, StepTimeline};
use super::work::{Message, Next, TaskPlace, Work};
use crate::engine::ranks::header::Header;

/// Bytes of a parameter.
const BYTES: usize = size_of::<f32>();

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Folded,
    /// The head of a message is at the port of a rank.
    Gradient {
        from: u32,
        message: Message,
    },
    /// Some task has all its inputs.
    Ready,
    Added,
    Report,
    Verdict,
    /// As `Gradient`.
    Params {
        len: u32,
    },
    Weights,
}

/// When, in which order among equals, at which worker of all, what.
type Event = Reverse<(Time, u64, usize, What)>;

#[derive(Clone, Debug, Default)]
struct WorkerState {
    free_at: Time,
    next_task: usize,
    is_adding: bool,
    has_folded: bool,
}

#[derive(Clone, Debug, Default)]
struct RankState {
    /// Own workers' reports that are in, and when the last one was.
    reports: usize,
    reported_at: Time,
    /// Segments of the new weights that are not in, and when the last one was.
    missing: usize,
    whole_at: Time,
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    costs: StepCosts,
    work: Work,
    events: BinaryHeap<Event>,
    posted: u64,
    /// Rank by rank.
    workers: Vec<WorkerState>,
    ranks: Vec<RankState>,
    ports: Ports,
    /// Ranks that have all reports of their workers.
    have_reports: usize,
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
        let work = Work::of(self)?;
        // Nobody has done anything yet.
        let missing = work.segments.iter().filter(|&&len| len > 0).count();
        let rank = RankState {
            missing,
            ..RankState::default()
        };
        let mut simulation = Simulation {
            scenario: self,
            costs: self.slowed(costs),
            events: BinaryHeap::new(),
            posted: 0,
            workers: vec![WorkerState::default(); self.num_workers()],
            ranks: vec![rank; self.ranks],
            ports: Ports::new(self.ranks, &self.link, self.slowdown()),
            have_reports: 0,
            timeline: [0; 4],
            work,
        };
        // Events in order of time, until there are none.
        simulation.begin();
        while let Some(Reverse((time, _, worker, what))) = simulation.events.pop() {
            simulation.handle(time, worker, what);
        }
        let [folded_s, reduced_s, updated_s, step_s] =
            simulation.timeline.map(|time| time as f64 / 1e12);
        let sent_bytes = simulation.ports.sent_bytes().iter().copied();
        Ok(StepTimeline {
            folded_s,
            reduced_s,
            updated_s,
            step_s,
            sent_bytes: sent_bytes.max().unwrap_or(0),
        })
    }
}

impl Simulation<'_> {
    fn begin(&mut self) {
        let started = picoseconds(self.costs.fixed_s);
        for worker in 0..self.workers.len() {
            let (rank, own) = self.place(worker);
            let rows = self.work.ranks[rank].workers[own].rows;
            let computes = self.scenario.compute_s(worker, rows, &self.costs);
            // The command is a message to everyone but the master itself.
            let command = if own == 0 { 0.0 } else { self.costs.message_s };
            let folded = started + picoseconds(command + computes);
            self.post(folded, worker, What::Folded);
        }
    }

    /// The rank of a worker, and its number there.
    fn place(&self, worker: usize) -> (usize, usize) {
        let threads = self.scenario.threads;
        (worker / threads, worker % threads)
    }

    fn post(&mut self, time: Time, worker: usize, what: What) {
        self.events.push(Reverse((time, self.posted, worker, what)));
        self.posted += 1;
    }

    /// When a message that leaves own worker `from` at `time` is at own worker `to`.
    fn hands_over(&self, time: Time, from: usize, to: usize) -> Time {
        if from == to {
            time
        } else {
            time + picoseconds(self.costs.message_s)
        }
    }

    fn handle(&mut self, time: Time, worker: usize, what: What) {
        let (rank, own) = self.place(worker);
        match what {
            What::Folded => self.pass_on_folded(time, worker),
            What::Gradient { from, message } => {
                let place = self.work.ranks[rank].inbound[&(from, message.number)];
                let bytes = self.work.segments[message.segment as usize] * BYTES;
                let at = self.ports.receive(rank, time, 1, bytes);
                self.arrive(at, rank, place);
            }
            What::Ready => self.go_on(time, worker),
            What::Added => {
                let state = &mut self.workers[worker];
                (state.is_adding, state.next_task) = (false, state.next_task + 1);
                match self.work.ranks[rank].workers[own].tasks[state.next_task - 1].next {
                    Next::Task(place) => self.hand_over(time, worker, place),
                    Next::Rank(message) => self.send(time, rank, message),
                    Next::Update => {}
                }
                self.go_on(time, worker);
            }
            What::Report => self.take_report(time, rank),
            What::Verdict => self.update(time, worker),
            What::Params { len } => {
                let at = self.ports.receive(rank, time, 1, len as usize * BYTES);
                self.take_params(at, rank);
            }
            What::Weights => self.timeline[3] = self.timeline[3].max(time),
        }
    }

    /// A worker's gradient goes to those who add it.
    fn pass_on_folded(&mut self, time: Time, worker: usize) {
        let (rank, own) = self.place(worker);
        self.timeline[0] = self.timeline[0].max(time);
        let state = &mut self.workers[worker];
        (state.has_folded, state.free_at) = (true, time);
        let work = &mut self.work.ranks[rank].workers[own];
        let (near, far) = (
            std::mem::take(&mut work.near),
            std::mem::take(&mut work.far),
        );
        for place in near {
            self.hand_over(time, worker, place);
        }
        for message in far {
            self.send(time, rank, message);
        }
        self.go_on(time, worker);
    }

    /// Gives a value to another worker of the same rank, or the same one.
    fn hand_over(&mut self, time: Time, worker: usize, place: TaskPlace) {
        let (rank, own) = self.place(worker);
        let at = self.hands_over(time, own, place.worker as usize);
        self.arrive(at, rank, place);
    }

    /// Sends a value to another rank.
    fn send(&mut self, time: Time, rank: usize, message: Message) {
        let bytes = self.work.segments[message.segment as usize] * BYTES;
        let head = self.ports.send(rank, time, 1, bytes);
        let from = rank as u32;
        let to = message.to as usize * self.scenario.threads;
        self.post(head, to, What::Gradient { from, message });
    }

    /// A value will be with its task's worker at `at`.
    fn arrive(&mut self, at: Time, rank: usize, place: TaskPlace) {
        let own = place.worker as usize;
        let task = &mut self.work.ranks[rank].workers[own].tasks[place.task as usize];
        task.missing -= 1;
        task.ready_at = task.ready_at.max(at);
        if task.missing == 0 {
            let at = task.ready_at;
            self.post(at, rank * self.scenario.threads + own, What::Ready);
        }
    }

    /// Begins the next task if its inputs are here, or reports after the last.
    fn go_on(&mut self, time: Time, worker: usize) {
        let (rank, own) = self.place(worker);
        let state = &mut self.workers[worker];
        if state.is_adding || !state.has_folded {
            return;
        }
        let Some(task) = self.work.ranks[rank].workers[own]
            .tasks
            .get(state.next_task)
        else {
            // Reported once: nothing comes after the last task.
            state.has_folded = false;
            let at = self.hands_over(time, own, 0);
            self.post(at, rank * self.scenario.threads, What::Report);
            return;
        };
        if task.missing == 0 && task.ready_at <= time {
            let adds = picoseconds(task.additions as f64 * self.costs.add_s);
            let ends = time.max(state.free_at) + adds;
            (state.is_adding, state.free_at) = (true, ends);
            self.post(ends, worker, What::Added);
        }
    }

    /// A worker's report is with its master. The masters of all ranks tell each other, and all of
    /// them decide the same.
    fn take_report(&mut self, time: Time, rank: usize) {
        let state = &mut self.ranks[rank];
        (state.reports, state.reported_at) = (state.reports + 1, time);
        if state.reports < self.scenario.threads {
            return;
        }
        self.have_reports += 1;
        if self.have_reports < self.scenario.ranks {
            return;
        }
        let reported: Vec<Time> = self.ranks.iter().map(|rank| rank.reported_at).collect();
        let ranks = self.work.ranks.iter();
        let bytes: Vec<usize> = ranks
            .map(|rank| Header::BYTES + rank.report_bytes)
            .collect();
        // A header, and what it announces.
        let heard = self.ports.exchange(&reported, 2, &bytes);
        for (rank, heard) in heard.into_iter().enumerate() {
            self.timeline[1] = self.timeline[1].max(heard);
            for own in 0..self.scenario.threads {
                let at = self.hands_over(heard, 0, own);
                self.post(at, rank * self.scenario.threads + own, What::Verdict);
            }
        }
    }

    /// Updates the worker's own segments, and sends them to the masters of all ranks.
    fn update(&mut self, time: Time, worker: usize) {
        let (rank, own) = self.place(worker);
        let owned = std::mem::take(&mut self.work.ranks[rank].workers[own].owned);
        let lens: Vec<usize> = owned.iter().map(|&own| self.work.segments[own]).collect();
        let all: usize = lens.iter().sum();
        let ends = time + picoseconds(all as f64 * self.costs.update_s);
        self.timeline[2] = self.timeline[2].max(ends);
        let num_ranks = self.scenario.ranks;
        for len in lens {
            // From the next one on, as the engine does.
            for to in (rank + 1..num_ranks).chain(0..rank) {
                let head = self.ports.send(rank, ends, 1, len * BYTES);
                let len = len as u32;
                self.post(head, to * self.scenario.threads, What::Params { len });
            }
            // It is its own master's once all others have it.
            let sent = if num_ranks == 1 {
                self.hands_over(ends, own, 0)
            } else {
                self.ports.has_sent(rank)
            };
            self.take_params(sent, rank);
        }
    }

    /// A segment of the new weights is with a master at `at`, who shares the whole ones.
    fn take_params(&mut self, at: Time, rank: usize) {
        let state = &mut self.ranks[rank];
        state.missing -= 1;
        state.whole_at = state.whole_at.max(at);
        if state.missing > 0 {
            return;
        }
        let whole = state.whole_at;
        for own in 0..self.scenario.threads {
            let at = self.hands_over(whole, 0, own);
            self.post(at, rank * self.scenario.threads + own, What::Weights);
        }
    }
}
