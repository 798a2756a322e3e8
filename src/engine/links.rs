//! Links: every channel of an engine, by who holds which end.
//!
//! All channels are made here, once, each as large as the messages of one step: so a send never
//! waits ([`super::mailbox`]), and whatever else delivers messages has one place to take the
//! addresses from.

use std::sync::Arc;

use super::all_gather::{Ring, RingMessage};
use super::all_reduce::plan::{Capacity, Plan};
use super::factors::FactorExchange;
use super::mailbox::{Address, AllToAll, Mailbox, all_to_all, mailbox};
use super::message::{Command, Gradient, Reply, Report, Return, Updated};
use super::params::Params;
use super::ranks::hub::Hub;
use super::ranks::letters::Letters;
use super::ranks::pass_gather::PassGather;
use super::ranks::tags;

/// A worker's ends of the channels.
#[derive(Debug)]
pub(crate) struct WorkerLinks<S> {
    pub(crate) commands: Mailbox<Command>,
    pub(crate) gradients: AllToAll<Gradient>,
    pub(crate) returns: AllToAll<Return>,
    pub(crate) reports: Address<Report>,
    pub(crate) replies: Mailbox<Reply<S>>,
    pub(crate) updated: Address<Updated>,
    pub(crate) params: Mailbox<Params>,
    pub(crate) ring: Ring,
    /// With other ranks; the first worker's.
    pub(crate) across: Option<PassGather>,
    pub(crate) factors: FactorExchange,
}

/// The coordinator's ends of the channels.
#[derive(Debug)]
pub(crate) struct CoordinatorLinks<S> {
    /// To the workers but the first.
    pub(crate) commands: Vec<Address<Command>>,
    pub(crate) reports: Mailbox<Report>,
    pub(crate) replies: Vec<Address<Reply<S>>>,
    pub(crate) updated: Mailbox<Updated>,
    /// Where segments come in that other ranks have updated.
    pub(crate) to_updated: Address<Updated>,
    pub(crate) params: Vec<Address<Params>>,
    /// With other ranks.
    pub(crate) letters: Option<Letters>,
}

/// Makes the channels of an engine: the coordinator's ends, and those of each worker.
pub(crate) fn connect<S>(
    plan: &Plan,
    capacity: &Capacity,
    hub: Option<&Arc<Hub>>,
) -> (CoordinatorLinks<S>, Vec<WorkerLinks<S>>) {
    let n = capacity.inputs.len();
    // What all workers send to one.
    let (to_reports, reports) = mailbox(n);
    let (to_updated, updated) = mailbox(plan.cuts.len());
    let mut coordinator = CoordinatorLinks {
        commands: Vec::new(),
        reports,
        replies: Vec::new(),
        updated,
        to_updated: to_updated.clone(),
        params: Vec::new(),
        letters: hub.map(|hub| Letters::new(hub, tags::REPORTS)),
    };
    // What workers send each other.
    let gradients = all_to_all(capacity.inputs.iter().copied());
    let returns = all_to_all((0..n).map(|_| capacity.returns));
    let factors = all_to_all((0..n).map(|_| capacity.busy)).map(FactorExchange::new);
    let rings = rings(n, capacity.busy);
    let among_workers = gradients.zip(returns).zip(factors).zip(rings);
    // What the coordinator sends to each; it gives no commands to worker 0, whose thread it uses.
    let mut workers = Vec::with_capacity(n);
    for (worker, (((gradients, returns), factors), ring)) in among_workers.enumerate() {
        let (to_commands, commands) = mailbox(2);
        let (to_replies, replies) = mailbox(1);
        let (to_params, params) = mailbox(1);
        if worker > 0 {
            coordinator.commands.push(to_commands);
        }
        coordinator.replies.push(to_replies);
        coordinator.params.push(to_params);
        workers.push(WorkerLinks {
            commands,
            gradients,
            returns,
            reports: to_reports.clone(),
            replies,
            updated: to_updated.clone(),
            params,
            ring,
            across: hub.filter(|_| worker == 0).map(PassGather::new),
            factors,
        });
    }
    (coordinator, workers)
}

/// Each worker's place in the ring: it sends to the next one. A mailbox holds what `busy` workers
/// send in a round, what then goes round once more, and a failure; and the same of the next step,
/// since after a failure nobody waits until all have taken what was left.
fn rings(num_workers: usize, busy: usize) -> impl Iterator<Item = Ring> {
    let mailboxes = (0..num_workers).map(|_| mailbox(2 * (busy + 2)));
    let (mut to, from): (Vec<Address<RingMessage>>, Vec<Mailbox<RingMessage>>) = mailboxes.unzip();
    to.rotate_left(1);
    to.into_iter()
        .zip(from)
        .map(|(to, from)| Ring::new(to, from))
}
