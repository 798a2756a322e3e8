//! Models of two workers that meet in the middle of a pass, in every order that loom tells apart:
//! rounds do not mix, and one that fails leaves an empty ring and nobody who waits.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::engine::failure::FailureLatch;
use crate::engine::mailbox::{Waiting, mailbox};
use crate::sync::{model, thread};

/// Both workers' places in the ring, with room for what two rounds and a failure send.
fn two_places() -> [Ring; 2] {
    let [(to_first, first), (to_second, second)] = [0; 2].map(|_| mailbox(8));
    [Ring::new(to_second, first), Ring::new(to_first, second)]
}

/// Runs `part` as worker `member` of two, each with a shard, which sleeps while it waits.
fn as_worker<T>(member: usize, ring: &mut Ring, part: impl FnOnce(&RingAllGather<'_>) -> T) -> T {
    let (group, assignment) = (Group::alone(2), Assignment::even(2, 2));
    let (latch, waited) = (FailureLatch::new(), Cell::default());
    let context = RingContext {
        member,
        group: &group,
        assignment: &assignment,
        waited: &waited,
        watch: watch(&latch),
    };
    part(&RingAllGather::new(ring, None, context))
}

fn watch(latch: &FailureLatch) -> Watch<'_> {
    Watch {
        waiting: Waiting::Block,
        latch,
        note: None,
        peers: None,
    }
}

/// Rounds of a worker, each with a value of its own.
fn rounds(member: usize, ring: &mut Ring, rounds: &[f32]) {
    as_worker(member, ring, |group| {
        let mut all = Vec::new();
        for round in rounds {
            group.all_gather(&[round + member as f32], 1, &mut all);
            assert_eq!(all, [*round, round + 1.0]);
        }
    });
}

#[test]
fn loom_rounds_of_two_workers_do_not_mix() {
    model(|| {
        let [mut first, mut second] = two_places();
        let other = thread::spawn(move || rounds(1, &mut second, &[0.0, 10.0]));
        rounds(0, &mut first, &[0.0, 10.0]);
        other.join().unwrap();
    });
}

#[test]
fn loom_a_worker_that_fails_leaves_an_empty_ring_and_nobody_who_waits() {
    model(|| {
        let [mut first, mut second] = two_places();
        let other = thread::spawn(move || {
            second.drain(watch(&FailureLatch::new())).unwrap();
            rounds(1, &mut second, &[0.0]);
        });
        let round = |group: &RingAllGather<'_>| group.all_gather(&[0.0], 1, &mut Vec::new());
        let met = catch_unwind(AssertUnwindSafe(|| as_worker(0, &mut first, round)));
        assert!(met.unwrap_err().is::<AnotherFailed>());
        first.drain(watch(&FailureLatch::new())).unwrap();
        // What was left in the ring would be taken for values of this round.
        rounds(0, &mut first, &[0.0]);
        other.join().unwrap();
    });
}
