//! All-reduce plan: an algorithm compiled into each worker's list of work, what it sends, what it
//! waits for, what it adds.
//!
//! # Vocabulary
//! A *leaf* is a tree node that one worker folds (a slot of that worker). A *task* is a maximal
//! part of the tree, within one segment, whose additions fall to one worker; its *inputs* are
//! leaves and other tasks' results. Every non-empty segment has exactly one root task, at its
//! owner.
//!
//! # Two levels
//! A plan is one rank's: of another rank ([`crate::engine::ranks::group`]) it knows the nodes that
//! cover that rank's shards. They are leaves to it, whichever workers of the other rank have added
//! them up. What lies within the own shards is added by own workers, as the algorithm says, and what
//! spans ranks by the segment's owner. A value on its way between ranks has a number on which both
//! agree: the segment's among those of its owner's rank, and the node's among those of its sender.
//!
//! A worker sends and adds in the order of the plan: first what other ranks await, from the next one
//! on so that not all send to the same one, then its own segments. Were it that of the segments, ranks
//! would wait one for another: 102 ms of 64 x 64 threads, 33 ms so (simulated, `mlp`, 10 Gbit/s).

use std::ops::Range;

use super::AllReduce;
use super::sum::{Expr, Op, num_levels};
use crate::engine::assignment::Assignment;
use crate::engine::ranks::group::{Group, SegmentPlace};
use crate::engine::shard::{Node, cover, fold_depth, split_point};
use crate::engine::update::UpdateMode;

/// Nodes that cover a rank's shards at most: two of a size.
const MOST_NODES: usize = 64;

/// Where a value goes: input `input` of member `worker`; to another rank, message `input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) worker: usize,
    pub(crate) input: usize,
}

/// Where a segment of a gradient lives between steps: a buffer of member `worker`; of another rank,
/// one of the messages that the worker gets which adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) worker: usize,
    pub(crate) slot: usize,
    pub(crate) segment: usize,
}

/// A segment that a worker sends as soon as it has folded it (perhaps to itself).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) slot: usize,
    pub(crate) segment: usize,
    pub(crate) to: Destination,
}

/// What becomes of a task's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// It is an input elsewhere.
    Forward(Destination),
    /// It is the gradient of the whole batch, in segment `segment`.
    Root,
}

/// Additions that one worker makes in one pass.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) segment: usize,
    /// Indices into the worker's inputs, from the left; the sum replaces the first.
    pub(crate) inputs: Vec<usize>,
    pub(crate) ops: Vec<Op>,
    pub(crate) output: Output,
}

/// A value that comes from another rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inbound {
    pub(crate) rank: usize,
    /// Its message.
    pub(crate) number: usize,
    pub(crate) segment: usize,
    pub(crate) input: usize,
}

/// One worker's part of the all-reduce.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerPlan {
    /// The tree nodes that the worker folds, one gradient buffer each.
    pub(crate) nodes: Vec<Node>,
    pub(crate) sends: Vec<Send>,
    pub(crate) tasks: Vec<Task>,
    /// The home of the buffer that each input arrives in.
    pub(crate) homes: Vec<Home>,
    /// Indices of the segments that the worker owns.
    pub(crate) owned: Vec<usize>,
    /// What it gets from other ranks.
    pub(crate) inbound: Vec<Inbound>,
}

/// The all-reduce of one rank, a part for each member; those of other ranks have their nodes alone.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) assignment: Assignment,
    pub(crate) cuts: Vec<Range<usize>>,
    pub(crate) workers: Vec<WorkerPlan>,
}

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanSpec<'a> {
    pub(crate) group: &'a Group,
    /// The shards of its members.
    pub(crate) assignment: &'a Assignment,
    pub(crate) places: &'a [SegmentPlace],
    pub(crate) update: UpdateMode,
}

/// How many messages of a step each worker may get, whichever shards it has.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// Of each worker.
    pub(crate) inputs: Vec<usize>,
    pub(crate) returns: usize,
    /// Workers that have shards, at most.
    pub(crate) busy: usize,
}

impl Capacity {
    pub(crate) fn new(algorithm: &dyn AllReduce, spec: PlanSpec<'_>) -> Self {
        let workers = spec.group.num_workers();
        let shards = spec.assignment.num_shards();
        // A range's cover has two nodes of a size at most, and all members' covers together no more
        // nodes than shards; with the inner nodes they are twice as many values.
        let slots = (2 * fold_depth(shards)).min(shards);
        let leaves = (slots * spec.group.num_members()).min(shards);
        let mut inputs = vec![0; workers];
        // The last segment that each worker adds in.
        let mut adds_in = vec![None; workers];
        let mut adds = |worker: usize, segment: usize| {
            if adds_in[worker].replace(segment) != Some(segment) {
                inputs[worker] += 2 * leaves;
            }
        };
        let places = spec.places.iter().enumerate();
        let places = places.filter(|(_, place)| !place.cut.is_empty());
        for (segment, place) in places.clone() {
            for left in 0..workers {
                adds(algorithm.adder(left, segment, workers), segment);
            }
            if spec.update == UpdateMode::Master && place.rank == spec.group.rank() {
                adds(0, segment);
            }
        }
        Self {
            inputs,
            returns: slots * places.count(),
            busy: workers.min(spec.group.shards(shards, spec.group.rank()).len()),
        }
    }
}

impl Plan {
    pub(crate) fn new(algorithm: &dyn AllReduce, spec: PlanSpec<'_>) -> Self {
        let num_shards = spec.assignment.num_shards();
        // What each member folds.
        let mut workers = vec![WorkerPlan::default(); spec.group.num_members()];
        for (member, worker) in workers.iter_mut().enumerate() {
            worker.nodes = cover(num_shards, spec.assignment.shards(member)).collect();
        }
        // What is added from there on, segment by segment.
        let mut plan = Self {
            assignment: spec.assignment.clone(),
            cuts: spec.places.iter().map(|place| place.cut.clone()).collect(),
            workers,
        };
        for segment in order(spec) {
            if !plan.cuts[segment].is_empty() {
                Compiler {
                    plan: &mut plan,
                    algorithm,
                    spec,
                    segment,
                }
                .segment();
            }
        }
        plan
    }

    /// Levels of scratch that the deepest task needs.
    pub(crate) fn num_levels(&self) -> usize {
        let tasks = self.workers.iter().flat_map(|worker| &worker.tasks);
        tasks.map(|task| num_levels(&task.ops)).max().unwrap_or(0)
    }
}

/// All segments: those of other ranks, from the next one on, and then this rank's.
fn order(spec: PlanSpec<'_>) -> impl Iterator<Item = usize> {
    // They stand in the order of their ranks.
    let next = spec
        .places
        .partition_point(|place| place.rank <= spec.group.rank());
    (next..spec.places.len()).chain(0..next)
}

/// A value in the making: the worker that holds it, and the home of its buffer.
struct Value {
    worker: usize,
    home: Home,
    /// The task that makes it; a leaf is made by the fold.
    task: Option<usize>,
}

/// What a task adds up, from the left.
#[derive(Default)]
struct Operands {
    /// Indices into its worker's inputs.
    inputs: Vec<usize>,
    /// The home of the first one, whose place the sum takes.
    first: Option<Home>,
}

struct Compiler<'a> {
    plan: &'a mut Plan,
    algorithm: &'a dyn AllReduce,
    spec: PlanSpec<'a>,
    segment: usize,
}

impl Compiler<'_> {
    fn segment(&mut self) {
        let place = &self.spec.places[self.segment];
        if place.rank == self.spec.group.rank() {
            self.root();
        } else {
            self.leave(place);
        }
    }

    /// Compiles the sum over all shards, at the worker that owns the segment.
    fn root(&mut self) {
        let owner = self.owner();
        self.plan.workers[owner].owned.push(self.segment);
        let all = 0..self.spec.assignment.num_shards();
        let is_leaf = self.leaf(&all).is_some();
        if is_leaf || self.adder(&all) != owner {
            let value = self.value(&all);
            let input = self.input(owner, value);
            self.task(owner, vec![input], &Expr::Input(0));
        } else {
            self.value(&all);
        }
    }

    /// Compiles the sums over this rank's shards, which go to the rank that owns the segment.
    fn leave(&mut self, place: &SegmentPlace) {
        let num_shards = self.spec.assignment.num_shards();
        let own = self.spec.group.shards(num_shards, self.spec.group.rank());
        for (slot, node) in cover(num_shards, own).enumerate() {
            let value = self.value(&node);
            let to = Destination {
                worker: self.spec.group.member_of(place.rank),
                input: place.index * MOST_NODES + slot,
            };
            self.forward(&value, to);
        }
    }

    /// The own worker that owns the segment.
    fn owner(&self) -> usize {
        let group = self.spec.group;
        group.member(match self.spec.update {
            UpdateMode::Fused => self.algorithm.adder(0, self.segment, group.num_workers()),
            UpdateMode::Master => 0,
        })
    }

    /// The leaf whose shards are exactly those of `node`.
    fn leaf(&self, node: &Node) -> Option<Home> {
        // Workers have their shards in order, and nodes in the order of their shards.
        let worker = self.spec.assignment.worker_of(node.start)?;
        let nodes = &self.plan.workers[worker].nodes;
        let slot = nodes
            .binary_search_by_key(&node.start, |own| own.start)
            .ok()?;
        (nodes[slot] == *node).then_some(Home {
            worker,
            slot,
            segment: self.segment,
        })
    }

    /// The member that makes `node`: a leaf's own; within this rank the algorithm's choice; the
    /// owner of what spans ranks.
    fn adder(&self, node: &Node) -> usize {
        if let Some(home) = self.leaf(node) {
            return home.worker;
        }
        let group = self.spec.group;
        let own = group.shards(self.spec.assignment.num_shards(), group.rank());
        if node.start < own.start || own.end < node.end {
            return self.owner();
        }
        let left = self.adder(&(node.start..node.start + split_point(node.len())));
        let left = group.worker_of(left).expect("own shards are added here");
        let adder = self
            .algorithm
            .adder(left, self.segment, group.num_workers());
        group.member(adder)
    }

    /// Compiles everything that makes `node`.
    fn value(&mut self, node: &Node) -> Value {
        if let Some(home) = self.leaf(node) {
            return Value {
                worker: home.worker,
                home,
                task: None,
            };
        }
        let worker = self.adder(node);
        let mut operands = Operands::default();
        let expr = self.expr(node, worker, &mut operands);
        let home = operands.first.expect("an inner node has inputs");
        let task = self.task(worker, operands.inputs, &expr);
        Value {
            worker,
            home,
            task: Some(task),
        }
    }

    /// The part of the tree under `node` that `worker` adds itself.
    fn expr(&mut self, node: &Node, worker: usize, operands: &mut Operands) -> Expr {
        if self.leaf(node).is_none() && self.adder(node) == worker {
            let middle = node.start + split_point(node.len());
            let left = self.expr(&(node.start..middle), worker, operands);
            let right = self.expr(&(middle..node.end), worker, operands);
            return Expr::Add(Box::new(left), Box::new(right));
        }
        let value = self.value(node);
        operands.first.get_or_insert(value.home);
        operands.inputs.push(self.input(worker, value));
        Expr::Input(operands.inputs.len() - 1)
    }

    /// Makes `value` an input of `worker`, and tells its maker where to send it.
    fn input(&mut self, worker: usize, value: Value) -> usize {
        let group = self.spec.group;
        let own = &mut self.plan.workers[worker];
        let to = Destination {
            worker,
            input: own.homes.len(),
        };
        if group.worker_of(value.worker).is_some() {
            own.homes.push(value.home);
            self.forward(&value, to);
            return to.input;
        }
        // What another rank sends arrives in a buffer of the receiver's.
        own.homes.push(Home {
            slot: own.inbound.len(),
            ..value.home
        });
        own.inbound.push(Inbound {
            rank: group.rank_of(value.worker),
            number: self.spec.places[self.segment].index * MOST_NODES + value.home.slot,
            segment: self.segment,
            input: to.input,
        });
        to.input
    }

    /// Tells the maker of `value` where to send it.
    fn forward(&mut self, value: &Value, to: Destination) {
        let maker = &mut self.plan.workers[value.worker];
        match value.task {
            Some(task) => maker.tasks[task].output = Output::Forward(to),
            None => maker.sends.push(Send {
                slot: value.home.slot,
                segment: self.segment,
                to,
            }),
        }
    }

    fn task(&mut self, worker: usize, inputs: Vec<usize>, expr: &Expr) -> usize {
        let tasks = &mut self.plan.workers[worker].tasks;
        let task = Task {
            segment: self.segment,
            inputs,
            ops: expr.compile(),
            output: Output::Root,
        };
        tasks.push(task);
        tasks.len() - 1
    }
}
