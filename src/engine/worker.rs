//! Worker: its own state, and its part of a step.
//!
//! The phases are methods of [`Worker`], called in the same order by every worker; `coordinator`
//! holds the page that strings them together.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::all_gather::{AnotherFailed, RingAllGather, RingContext};
use super::all_reduce::plan::{Output, Plan, WorkerPlan};
use super::all_reduce::sum::Levels;
use super::assignment::{Assignment, StepShape};
use super::batch::Batch;
use super::context::Shared;
use super::error::{PanicPayload, Reported, panic_message};
use super::links::WorkerLinks;
use super::mailbox::{Aborted, Waiting};
use super::message::{Decision, Failure, Reply, Report, Updated};
use super::owned::OwnedSegment;
use super::params::Params;
use super::ranks::group::Group;
use super::ranks::hub::Sink;
use super::ranks::tags;
use super::replica::{Fold, Replica};
use super::segment::{GradBuffer, Segment};
use super::timing::{Doing, Phase, Stopwatch};
use super::update::{BLOCK, Update, UpdateMode};

/// A worker's own state; it outlives the threads that run it.
#[derive(Debug)]
pub(crate) struct Worker<R, U: Update> {
    /// Its number in its process.
    pub(crate) index: usize,
    /// Which member of the group it is.
    pub(crate) member: usize,
    pub(crate) group: Group,
    /// The shards of all members.
    pub(crate) assignment: Assignment,
    pub(crate) plan: WorkerPlan,
    pub(crate) replica: R,
    /// What the replica reads; empty while they are updated.
    pub(crate) params: Params,
    pub(crate) owned: Vec<OwnedSegment>,
    pub(crate) grads: Vec<GradBuffer>,
    pub(crate) inputs: Vec<Option<Segment>>,
    /// Memory for what comes from other ranks, while it is not an input.
    pub(crate) inbound: Vec<Option<Segment>>,
    pub(crate) roots: Vec<Segment>,
    pub(crate) levels: Levels,
    pub(crate) scratch: Vec<Vec<f32>>,
    pub(crate) report: Report,
    pub(crate) away: usize,
    pub(crate) links: WorkerLinks<U::Scalars>,
    pub(crate) watch: Stopwatch,
    /// The step at hand.
    step: u64,
}

impl<R: Replica, U: Update> Worker<R, U> {
    /// Worker `index`, without parameters yet.
    pub(crate) fn new(
        index: usize,
        group: &Group,
        plan: &Plan,
        replica: R,
        links: WorkerLinks<U::Scalars>,
    ) -> Self {
        let member = group.member(index);
        let own = plan.workers[member].clone();
        // A report with room for what each step puts into it.
        let owned = own.owned.iter();
        let blocks = owned.map(|&segment| plan.cuts[segment].len().div_ceil(BLOCK));
        let report = Report {
            squares: Vec::with_capacity(blocks.sum()),
            segments: Vec::with_capacity(own.owned.len()),
            ..Report::default()
        };
        // Buffers for the nodes that it folds, and places for what it adds.
        let buffer = |_| GradBuffer::new(&plan.cuts);
        let arriving = own.inbound.iter();
        let arriving =
            arriving.map(|inbound| Some(Segment::zeros(plan.cuts[inbound.segment].len())));
        Self {
            index,
            member,
            group: group.clone(),
            inbound: arriving.collect(),
            replica,
            params: Params::default(),
            owned: Vec::new(),
            grads: own.nodes.iter().map(buffer).collect(),
            inputs: own.homes.iter().map(|_| None).collect(),
            roots: Vec::with_capacity(own.owned.len()),
            levels: vec![[0.0; BLOCK]; plan.num_levels()],
            scratch: Vec::new(),
            report,
            away: 0,
            links,
            watch: Stopwatch::new(),
            step: 0,
            assignment: plan.assignment.clone(),
            plan: own,
        }
    }

    /// Fills its segments with those of the initial parameters, and its optimiser state with zeros.
    pub(crate) fn place(
        &mut self,
        cuts: &[Range<usize>],
        params: &[f32],
        segments: Vec<Segment>,
        num_state_buffers: usize,
    ) {
        for (&index, mut segment) in self.plan.owned.iter().zip(segments) {
            let cut = cuts[index].clone();
            segment.as_mut_slice().copy_from_slice(&params[cut.clone()]);
            let mut own = OwnedSegment::new(cut, num_state_buffers);
            own.params = segment;
            self.owned.push(own);
        }
    }

    /// Takes over a plan by which this worker has other shards; all of its gradient buffers are
    /// home.
    pub(crate) fn adopt(&mut self, plan: &Plan) {
        let own = plan.workers[self.member].clone();
        let more = own.nodes.len().saturating_sub(self.grads.len());
        let buffer = |_| GradBuffer::new(&plan.cuts);
        self.grads.extend((0..more).map(buffer));
        self.inputs.resize_with(own.homes.len(), || None);
        let levels = plan.num_levels().max(self.levels.len());
        self.levels.resize(levels, [0.0; BLOCK]);
        self.assignment = plan.assignment.clone();
        self.plan = own;
    }

    /// This worker's shards.
    pub(super) fn shards(&self) -> Range<usize> {
        self.assignment.shards(self.member)
    }

    /// Forward, backward and fold. A panic is caught here and carried in the report, so that the
    /// other workers' step can end.
    pub(crate) fn compute(&mut self, batch: &Batch, shared: &Shared<'_, U>) {
        self.step = batch.step;
        let shards = self.shards();
        self.report.begin(shards.len(), shared.track);
        let mut current = shards;
        // What goes between workers inside the pass: values that all gather, and factors.
        let waited = Cell::new(Duration::ZERO);
        let context = RingContext {
            member: self.member,
            group: &self.group,
            assignment: &self.assignment,
            waited: &waited,
            watch: shared.watch(self.index),
        };
        let across = self.links.across.as_mut();
        let all_gather = RingAllGather::new(&mut self.links.ring, across, context);
        let ranges = if shared.may_factor() {
            let shape = StepShape::new(batch, &self.assignment);
            self.replica.factored(shape)
        } else {
            &[]
        };
        let factors = &mut self.links.factors;
        let factored = factors.begin(self.index, ranges, &self.assignment);
        let mut fold = Fold {
            factored,
            batch,
            params: self.params.as_slice(),
            num_shards: shared.num_shards,
            nodes: &self.plan.nodes,
            grads: &mut self.grads,
            sums: &mut self.report.sums,
            squares: &mut self.report.shard_squares,
            scratch: &mut self.scratch,
            current: &mut current,
            watch: &mut self.watch,
            waited: &waited,
            all_gather: &all_gather,
        };
        // The pass itself, guarded.
        let replica = &mut self.replica;
        let (index, step) = (self.index, self.step);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            shared.enter(Doing::new(index, Phase::Forward, step));
            replica.fold(&mut fold);
            fold.check_published();
            shared.enter(Doing::new(index, Phase::Backward, step));
        }));
        // All others wait for these, whatever has happened.
        self.links.factors.send(self.index);
        let failed = |payload: Box<PanicPayload>| failure(self.index, current, &*payload);
        self.report.failure = outcome.err().map(failed);
        self.say_failure();
        self.watch.lap_with_wait(Phase::Backward, waited.take());
        let busy = self.watch.busy();
        self.report.load = busy.filter(|_| self.report.failure.is_none());
    }

    /// Releases those who wait for this worker inside their pass, if its own has failed.
    fn say_failure(&mut self) {
        if self.report.failure.is_some() {
            self.links.ring.send_failure();
            if let Some(across) = &mut self.links.across {
                across.say_failure();
            }
        }
    }

    /// The sums of the loss over this worker's shards, without a gradient.
    pub(crate) fn evaluate(&mut self, batch: &Batch, shared: &Shared<'_, U>) {
        self.watch.leave();
        let shards = self.shards();
        let mut current = shards.clone();
        let (replica, report) = (&mut self.replica, &mut self.report);
        let params = self.params.as_slice();
        report.sums.clear();
        report.squares.clear();
        report.shard_squares.clear();
        report.load = None;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for index in shards {
                current = index..index + 1;
                let shard = batch.shard(shared.num_shards, index);
                report.sums.push(replica.evaluate(params, &shard));
            }
        }));
        let failed = |payload: Box<PanicPayload>| failure(self.index, current, &*payload);
        report.failure = outcome.err().map(failed);
    }

    /// Sends the report, with the handle of the parameters; its memory comes back with the reply.
    pub(crate) fn send_report(&mut self) {
        self.report.worker = self.index;
        self.report.params = std::mem::take(&mut self.params);
        self.links.reports.send(std::mem::take(&mut self.report));
    }

    /// Waits for the master's reply. With it come the parameters back, or the owned segments of
    /// them.
    pub(crate) fn await_reply(
        &mut self,
        shared: &Shared<'_, U>,
    ) -> Result<Decision<U::Scalars>, Aborted> {
        let watch = shared.watch(self.index);
        let Reply {
            has_failed,
            decision,
            report,
        } = self.links.replies.receive(watch)?;
        if has_failed {
            if shared.num_workers > 1 {
                self.links.ring.drain(watch)?;
            }
            if let Some(across) = &mut self.links.across {
                across.drain(watch)?;
            }
        }
        self.report = report;
        self.params = std::mem::take(&mut self.report.params);
        let segments = self.report.segments.drain(..);
        for (own, segment) in self.owned.iter_mut().zip(segments) {
            own.params = segment;
        }
        self.watch.lap(Phase::Decide);
        Ok(decision)
    }

    /// Says what it does from now on.
    pub(crate) fn enter(&self, phase: Phase, shared: &Shared<'_, U>) {
        shared.enter(self.doing(phase));
    }

    pub(crate) fn doing(&self, phase: Phase) -> Doing {
        Doing::new(self.index, phase, self.step)
    }

    /// First half of an update in two: the reduced gradients of the owned segments become
    /// directions.
    pub(crate) fn direction(&mut self, scalars: &U::Scalars, shared: &Shared<'_, U>) {
        self.report.norms.clear();
        for (own, grad) in self.owned.iter_mut().zip(&mut self.roots) {
            let grad = grad.as_mut_slice();
            own.direction(shared.update, scalars, grad, &mut self.report.norms);
        }
        self.watch.lap(Phase::Update);
    }

    /// The owned segments of the parameters change places with state buffer `which`.
    pub(crate) fn swap_params(&mut self, which: usize, shared: &Shared<'_, U>) {
        let buffers = shared.update.num_state_buffers();
        for own in &mut self.owned {
            own.swap_params(which, buffers);
        }
    }

    /// Applies the decision to the owned segments, and gives the reduced gradient's memory back.
    pub(crate) fn update(&mut self, decision: &Decision<U::Scalars>, shared: &Shared<'_, U>) {
        self.enter(Phase::Update, shared);
        let trust_ratios = &self.report.trust_ratios;
        if let Decision::Apply(scalars) = decision {
            let rule = shared.update;
            let segments = self.owned.iter_mut().zip(&self.roots);
            match shared.pool {
                Some(pool) if self.index == 0 => pool.install(|| {
                    for (own, grad) in segments {
                        own.update_in_parallel(rule, scalars, grad.as_slice(), trust_ratios);
                    }
                }),
                _ => {
                    for (own, grad) in segments {
                        own.update(rule, scalars, grad.as_slice(), trust_ratios);
                    }
                }
            }
        }
        if matches!(decision, Decision::Skip) {
            self.enter(Phase::Idle, shared);
        }
        // The reduced gradients' memory goes back to the workers that folded into it.
        while let Some(segment) = self.roots.pop() {
            let tasks = self.plan.tasks.iter();
            let mut roots = tasks.filter(|task| task.output == Output::Root);
            let task = roots.nth(self.roots.len());
            let input = task.expect("every root has its task").inputs[0];
            self.send_home(self.plan.homes[input], segment);
        }
        self.watch.lap(Phase::Update);
    }

    /// Gives the owned segments of the new parameters to the master; by way of all other ranks, if
    /// there are any.
    pub(crate) fn send_params(&mut self, shared: &Shared<'_, U>) {
        let doing = self.doing(Phase::Broadcast);
        shared.enter(doing);
        let owned = &mut self.owned;
        shared
            .faults
            .spoil(doing, || Some(owned.first_mut()?.params.as_mut_slice()));
        for (own, &index) in self.owned.iter_mut().zip(&self.plan.owned) {
            let segment = std::mem::take(&mut own.params);
            match shared.hub {
                None => self.links.updated.send(Updated { index, segment }),
                Some(hub) => {
                    let to = self.links.updated.clone();
                    let sink = Sink::Updated { to, index };
                    hub.broadcast(tags::params(index), segment.into(), sink);
                }
            }
        }
    }

    /// Waits for the new parameters.
    pub(crate) fn await_params(&mut self, shared: &Shared<'_, U>) -> Result<(), Aborted> {
        // In the textbook mode the others wait asleep: rayon's threads need their cores.
        let waiting = match shared.mode {
            UpdateMode::Master => Waiting::Block,
            UpdateMode::Fused => shared.placement.waiting,
        };
        self.params = self
            .links
            .params
            .receive(shared.watch_as(waiting, self.index))?;
        self.replica.params_changed();
        self.enter(Phase::Idle, shared);
        self.watch.lap(Phase::Broadcast);
        Ok(())
    }
}

/// What a caught panic of a replica comes to, of worker `worker` in `shards`.
pub(super) fn failure(worker: usize, shards: Range<usize>, payload: &PanicPayload) -> Failure {
    Failure {
        worker,
        shards,
        message: panic_message(payload),
        is_reported: payload.is::<Reported>(),
        follows: payload.is::<AnotherFailed>(),
    }
}
