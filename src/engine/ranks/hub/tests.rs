//! Models of the hub: two workers of a rank wait for what another rank sends, in every order of their
//! looks at the hub and at their mailboxes that loom tells apart.
//!
//! Hub, mailboxes and ranks within a process are those that train. Their channels and locks are
//! loom's, and there is no clock ([`crate::sync`]): who naps looks again once others have run, and a
//! longer sleep ends by a message alone. So a message that is lost, or that wakes nobody, is a model
//! that never ends, which loom tells.
//!
//! At most two threads of a model nap: of three, loom also tries orders in which two take turns for
//! ever and the third never runs, which no scheduler does.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::engine::failure::FailureLatch;
use crate::engine::mailbox::{Address, Mailbox, Waiting, Watch, mailbox};
use crate::engine::ranks::local::Local;
use crate::sync::{model, thread};

/// Ranks within this process, in which no number is of two requests at once.
#[derive(Debug)]
struct Counted {
    local: Local,
    on_their_way: BTreeSet<usize>,
}

impl Counted {
    fn begin(&mut self, request: usize) {
        let is_new = self.on_their_way.insert(request);
        assert!(is_new, "number {request} is of two requests at once");
    }
}

impl Peers for Counted {
    fn rank(&self) -> usize {
        self.local.rank()
    }

    fn num_ranks(&self) -> usize {
        self.local.num_ranks()
    }

    fn send(
        &mut self,
        request: usize,
        to: &[usize],
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        self.begin(request);
        self.local.send(request, to, tag, memory)
    }

    fn receive(
        &mut self,
        request: usize,
        from: usize,
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        self.begin(request);
        self.local.receive(request, from, tag, memory)
    }

    fn progress(&mut self, done: &mut Vec<Done>) -> Result<(), PeerError> {
        let moved = self.local.progress(done);
        for over in done.iter() {
            let was_there = self.on_their_way.remove(&over.request);
            assert!(was_there, "request {} is over twice", over.request);
        }
        moved
    }

    fn abort(&mut self, reason: &str) {
        self.local.abort(reason);
    }

    fn kill(&mut self, code: i32) {
        self.local.kill(code);
    }

    fn finish(&mut self) -> Result<(), PeerError> {
        self.local.finish()
    }
}

/// This rank's hub, and another's.
fn two_ranks() -> [Arc<Hub>; 2] {
    let hub = |local| {
        let peers = Counted {
            local,
            on_their_way: BTreeSet::new(),
        };
        Arc::new(Hub::new(Box::new(peers), vec![String::new(); 2]))
    };
    let hubs: Vec<_> = Local::group(2).into_iter().map(hub).collect();
    hubs.try_into().expect("two ranks")
}

fn letter(to: Address<Arrived>) -> Sink {
    Sink::Letter {
        to,
        part: Part::SentBody,
        expected: None,
    }
}

/// Sends the byte `tag`; where its memory comes back.
fn send(hub: &Hub, tag: u32) -> Mailbox<Arrived> {
    let (to, inbox) = mailbox(1);
    hub.broadcast(Tag(tag), BytesMut::from(&[tag as u8][..]), letter(to));
    inbox
}

/// Asks the other rank for a byte; where it comes.
fn ask(hub: &Hub, tag: u32) -> Mailbox<Arrived> {
    let (to, inbox) = mailbox(1);
    let from = 1 - hub.rank();
    hub.receive(from, Tag(tag), BytesMut::zeroed(1), letter(to));
    inbox
}

/// The byte that comes, or why none does; whoever has no hub sleeps until it is woken.
fn wait(inbox: &Mailbox<Arrived>, hub: Option<&Hub>) -> Result<u8, Option<String>> {
    let latch = FailureLatch::new();
    let watch = Watch {
        waiting: Waiting::Block,
        latch: &latch,
        note: None,
        peers: hub.map(|hub| hub as &dyn Progress),
    };
    let arrived = inbox.receive(watch).map_err(|_| latch.reason())?;
    Ok(arrived.memory[0])
}

#[test]
fn loom_two_waiters_lose_no_message_and_share_no_number() {
    model(|| {
        let [here, there] = two_ranks();
        let hubs = [&here, &there].map(Arc::clone);
        let other = thread::spawn(move || {
            let [here, there] = hubs;
            let own = ask(&here, 2);
            let _sent = [1, 3, 4].map(|tag| send(&there, tag));
            wait(&own, Some(&here))
        });
        // Each has what the other waits for, and leaves when its own has come.
        let _sent = send(&there, 2);
        assert_eq!(wait(&ask(&here, 1), Some(&here)), Ok(1));
        // The number of the first request is free again, for one of two.
        let more = [3, 4].map(|tag| ask(&here, tag));
        assert_eq!(more.map(|own| wait(&own, Some(&here))), [Ok(3), Ok(4)]);
        assert_eq!(other.join().unwrap(), Ok(2));
    });
}

#[test]
fn loom_two_ranks_that_send_to_each_other_both_go_on() {
    model(|| {
        let meet = |hub: &Hub| {
            let [asked, sent] = [ask(hub, 1), send(hub, 1)];
            [asked, sent].map(|inbox| wait(&inbox, Some(hub)))
        };
        let [here, there] = two_ranks();
        let other = thread::spawn(move || meet(&there));
        assert_eq!(meet(&here), [Ok(1), Ok(1)]);
        assert_eq!(other.join().unwrap(), [Ok(1), Ok(1)]);
    });
}

#[test]
fn loom_whoever_moves_the_messages_wakes_those_who_sleep() {
    model(|| {
        let [here, there] = two_ranks();
        let [own, sleepers] = [1, 2].map(|tag| ask(&here, tag));
        let sender = thread::spawn(move || drop([2, 1].map(|tag| send(&there, tag))));
        let sleeper = thread::spawn(move || wait(&sleepers, None));
        // It comes after what the sleeper waits for.
        assert_eq!(wait(&own, Some(&here)), Ok(1));
        assert_eq!(sleeper.join().unwrap(), Ok(2));
        sender.join().unwrap();
    });
}

#[test]
fn loom_a_rank_that_is_lost_is_an_error_of_every_waiter() {
    model(|| {
        let [here, _there] = two_ranks();
        let hub = Arc::clone(&here);
        let other = thread::spawn(move || wait(&ask(&hub, 2), Some(&hub)));
        here.lose("rank 1 has given no sign of life");
        let expected = Err(Some("rank 1 has given no sign of life".to_owned()));
        assert_eq!(wait(&ask(&here, 1), Some(&here)), expected);
        assert_eq!(other.join().unwrap(), expected);
    });
}
