//! All-reduce, one worker's part: gradients out, gradients in, additions; and the gradients
//! that it makes from factors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::all_reduce::plan::{Destination, Home, Output, Plan};
use super::all_reduce::sum::evaluate;
use super::assignment::StepShape;
use super::batch::Batch;
use super::context::Shared;
use super::mailbox::Aborted;
use super::message::{Gradient, Return};
use super::ranks::hub::Sink;
use super::ranks::tags;
use super::replica::Replica;
use super::segment::{GradBuffer, Segment};
use super::timing::Phase;
use super::update::{BLOCK, Update};
use super::worker::{Worker, failure};

impl<R: Replica, U: Update> Worker<R, U> {
    /// Waits until all segments of this worker's gradient buffers are home, and joins them; then
    /// takes over the plan, if shards move.
    pub(crate) fn gather_buffers(
        &mut self,
        plan: Option<&Plan>,
        shared: &Shared<'_, U>,
    ) -> Result<(), Aborted> {
        while self.away > 0 {
            let Return { home, segment } =
                self.links.returns.from.receive(shared.watch(self.index))?;
            self.take_home(home, segment);
        }
        self.grads.iter_mut().for_each(GradBuffer::join);
        if let Some(plan) = plan {
            self.adopt(plan);
        }
        self.await_ranks(shared);
        self.watch.begin();
        Ok(())
    }

    /// Posts the receives of what other ranks add to this worker's segments.
    fn await_ranks(&mut self, shared: &Shared<'_, U>) {
        let Some(hub) = shared.hub else {
            return;
        };
        for (inbound, memory) in self.plan.inbound.iter().zip(&mut self.inbound) {
            let memory = memory.take().expect("what arrived is home again");
            let sink = Sink::Gradient {
                to: self.links.gradients.to[self.index].clone(),
                input: inbound.input,
            };
            hub.receive(
                inbound.rank,
                tags::gradient(inbound.number),
                memory.into(),
                sink,
            );
        }
    }

    /// Sends the folded gradients to their adders and does this worker's own additions.
    pub(crate) fn all_reduce(
        &mut self,
        batch: &Batch,
        shared: &Shared<'_, U>,
    ) -> Result<(), Aborted> {
        let doing = self.doing(Phase::Reduce);
        shared.enter(doing);
        let grads = &mut self.grads;
        shared
            .faults
            .spoil(doing, || grads.first_mut().map(GradBuffer::as_mut_slice));
        self.report.squares.clear();
        self.report.part_squares.clear();
        // Each folded node goes, segment by segment, to its adders.
        let used = self.grads.iter_mut().take(self.plan.nodes.len());
        used.for_each(GradBuffer::split);
        self.away = self.plan.sends.len();
        for which in 0..self.plan.sends.len() {
            let send = self.plan.sends[which];
            let segment = self.grads[send.slot].take(send.segment);
            let home = Home {
                worker: self.member,
                slot: send.slot,
                segment: send.segment,
            };
            self.pass_on(send.to, segment, home, shared);
        }
        // Own segments are added, or made from all workers' factors.
        self.links.factors.receive(shared.watch(self.index))?;
        for which in 0..self.plan.tasks.len() {
            self.run_task(which, batch, shared)?;
        }
        self.links.factors.release(self.index);
        self.watch.lap(Phase::Reduce);
        Ok(())
    }

    fn run_task(
        &mut self,
        which: usize,
        batch: &Batch,
        shared: &Shared<'_, U>,
    ) -> Result<(), Aborted> {
        // Whatever arrives is put in its place, until all of this task's inputs are there.
        for k in 0..self.plan.tasks[which].inputs.len() {
            while self.inputs[self.plan.tasks[which].inputs[k]].is_none() {
                let Gradient { to, segment } = self
                    .links
                    .gradients
                    .from
                    .receive(shared.watch(self.index))?;
                self.inputs[to] = Some(segment);
            }
        }
        self.watch.lap(Phase::Wait);
        // The sum takes the first input's place; the memory of the others goes home.
        let input = self.plan.tasks[which].inputs[0];
        let mut first = self.inputs[input].take().expect("all inputs have arrived");
        self.add_blocks(which, first.as_mut_slice(), batch, shared);
        for k in 1..self.plan.tasks[which].inputs.len() {
            let input = self.plan.tasks[which].inputs[k];
            let segment = self.inputs[input].take().expect("all inputs have arrived");
            self.send_home(self.plan.homes[input], segment);
        }
        match self.plan.tasks[which].output {
            Output::Forward(to) => self.pass_on(to, first, self.plan.homes[input], shared),
            Output::Root => self.roots.push(first),
        }
        Ok(())
    }

    /// Sends a value to where it is an input; another rank gets a copy, and its memory goes home.
    fn pass_on(&mut self, to: Destination, segment: Segment, home: Home, shared: &Shared<'_, U>) {
        if to.worker == self.member {
            self.inputs[to.input] = Some(segment);
        } else if let Some(worker) = self.group.worker_of(to.worker) {
            self.links.gradients.to[worker].send(Gradient {
                to: to.input,
                segment,
            });
        } else {
            let maker = self.group.worker_of(home.worker);
            let sink = Sink::Home {
                to: self.links.returns.to[maker.expect("own shards are added here")].clone(),
                home,
            };
            let hub = shared.hub.expect("another rank is reached by a hub");
            let rank = self.group.rank_of(to.worker);
            hub.send(&[rank], tags::gradient(to.input), segment.into(), sink);
        }
    }

    pub(super) fn send_home(&mut self, home: Home, segment: Segment) {
        if home.worker == self.member {
            self.take_home(home, segment);
        } else if let Some(worker) = self.group.worker_of(home.worker) {
            self.links.returns.to[worker].send(Return { home, segment });
        } else {
            self.inbound[home.slot] = Some(segment);
        }
    }

    fn take_home(&mut self, home: Home, segment: Segment) {
        self.grads[home.slot].put_back(home.segment, segment);
        self.away -= 1;
    }

    /// The additions of task `which`, block by block. A root's blocks are final then, or made from
    /// factors, and give their norms while they are in cache.
    fn add_blocks(
        &mut self,
        which: usize,
        first: &mut [f32],
        batch: &Batch,
        shared: &Shared<'_, U>,
    ) {
        let (task, inputs) = (&self.plan.tasks[which], &self.inputs);
        let input = |k: usize| {
            let input = inputs[task.inputs[k]].as_ref();
            input.expect("all inputs have arrived").as_slice()
        };
        let is_root = task.output == Output::Root;
        let cut = &shared.cuts[task.segment];
        let shape = StepShape::new(batch, &self.assignment);
        let is_whole = is_root && self.links.factors.is_whole(shape);
        // Where gradients that are made from factors end so far.
        let mut combined = cut.start;
        for offset in cut.clone().step_by(BLOCK) {
            let place = offset..(offset + BLOCK).min(cut.end);
            let local = place.start - cut.start..place.end - cut.start;
            // Gradients that were folded are added.
            if !self.links.factors.covers(&place) {
                let block = &mut first[local.clone()];
                let of_input = |k| &input(k)[local.clone()];
                evaluate(&task.ops, block, of_input, &mut self.levels);
                combined = offset;
            }
            // Factored ones are made, as many blocks at once as fit into L2.
            if is_whole && combined < place.end {
                self.watch.lap(Phase::Reduce);
                let run = combined..self.links.factors.run_end(&place, cut.end);
                for (place, combination) in self.links.factors.within(&run, batch, shape) {
                    let own = &mut first[place.start - cut.start..place.end - cut.start];
                    let combined = || self.replica.combine(&combination, own);
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(combined)) {
                        let shards = self.assignment.shards(self.member);
                        let failure = failure(self.index, shards, &*payload);
                        self.report.failure.get_or_insert(failure);
                    }
                }
                combined = run.end;
                self.watch.lap(Phase::Fold);
            }
            if is_root {
                self.report.take_norms(shared.update, offset, &first[local]);
            }
        }
    }
}
