//! Hub: routes what comes from other ranks into the mailboxes of this one.
//!
//! # Protocol
//! A worker posts a receive with the memory to fill and the [`Sink`] that it goes to, or a send with
//! the sink that takes the memory back. Whoever waits calls [`Hub::progress`]: it moves what can be
//! moved, and puts each message that is whole into its mailbox. One at a time does so; who finds the
//! hub busy looks at its own mailbox again.
//!
//! # Why this way
//! A thread that communicates would need a core: 4 MB between two ranks took a waiting worker 1.2 ms
//! and a thread beside it 2 to 10. Each phase has a mailbox of its own, since messages of the next
//! phase may come before this one is over.
//!
//! # Failure
//! A rank that is lost, that runs another step than this one or that has ended is an error of every
//! later call; whoever waits raises its latch with it.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::header::Header;
pub(crate) use super::sink::{Arrived, Part, Sink};

use super::peers::{Addition, Done, PeerError, Peers, Tag};
use super::tags;
use crate::engine::mailbox::Progress;
use crate::engine::message::{Gradient, Return, Updated};
use crate::engine::segment::Segment;
use crate::sync::{Mutex, lock_awake, lock_within};

/// The connection of this rank to all others.
pub(crate) struct Hub {
    rank: usize,
    num_ranks: usize,
    /// All other ranks, from the next one on: where all begin with the same one, it gets everyone's
    /// messages at once, and the last one has none for as long.
    others: Vec<usize>,
    /// The host of each rank that was launched.
    hosts: Arc<[String]>,
    state: Arc<Mutex<State>>,
    /// Of some of the ranks: the hub of all, whose signs of life go on.
    _all: Option<Arc<Hub>>,
}

struct State {
    peers: Box<dyn Peers>,
    /// What is on its way, by number.
    requests: Vec<Option<Sink>>,
    free: Vec<usize>,
    done: Vec<Done>,
    sent_bytes: u64,
    /// Why nothing works any more.
    failure: Option<String>,
    /// When the predecessor last gave a sign of life, and own ones' memory.
    heard: Instant,
    beat: Option<BytesMut>,
    /// Whether the predecessor's signs of life have ended.
    is_silent: bool,
    has_ended: bool,
}

/// How the connection is found by who gives signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// A call that waits for other ranks has it.
    Busy,
    /// Signs of life have ended.
    Ended,
    /// How long the rank before has given none.
    Silent(Duration),
}

/// Messages on their way at once, for which there is room from the start: how many they are depends
/// on who is faster, and none of them is to allocate in a later step.
const REQUESTS: usize = 1024;

/// A sign of life, and the last one.
const ALIVE: u8 = 0;
const LAST: u8 = 1;

impl Debug for Hub {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("rank", &self.rank)
            .field("num_ranks", &self.num_ranks)
            .finish_non_exhaustive()
    }
}

impl Hub {
    /// The hub of one process among `hosts.len()`.
    pub(crate) fn new(peers: Box<dyn Peers>, hosts: Vec<String>) -> Self {
        let (rank, num_ranks) = (peers.rank(), peers.num_ranks());
        Self {
            rank,
            num_ranks,
            others: others(rank, num_ranks),
            hosts: hosts.into(),
            state: Arc::new(Mutex::new(State {
                peers,
                requests: Vec::with_capacity(REQUESTS),
                free: Vec::with_capacity(REQUESTS),
                done: Vec::with_capacity(REQUESTS),
                sent_bytes: 0,
                failure: None,
                heard: Instant::now(),
                beat: Some(BytesMut::zeroed(1)),
                is_silent: false,
                has_ended: false,
            })),
            _all: None,
        }
    }

    /// The first `num_ranks` ranks, of which this is one, over the same connection.
    pub(crate) fn first(self: &Arc<Self>, num_ranks: usize) -> Self {
        debug_assert!(self.rank < num_ranks && num_ranks <= self.num_ranks);
        Self {
            rank: self.rank,
            num_ranks,
            others: others(self.rank, num_ranks),
            hosts: Arc::clone(&self.hosts),
            state: Arc::clone(&self.state),
            _all: Some(Arc::clone(self)),
        }
    }

    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    pub(crate) fn num_ranks(&self) -> usize {
        self.num_ranks
    }

    /// All other ranks, from the next one on.
    pub(crate) fn others(&self) -> &[usize] {
        &self.others
    }

    /// The host of a rank.
    pub(crate) fn host_of(&self, rank: usize) -> &str {
        &self.hosts[rank]
    }

    /// A rank in words.
    pub(crate) fn name(&self, rank: usize) -> String {
        match self.hosts.get(rank) {
            Some(host) if !host.is_empty() => format!("rank {rank} on {host}"),
            _ => format!("rank {rank}"),
        }
    }

    /// Starts sending `memory` to all other ranks.
    pub(crate) fn broadcast(&self, tag: Tag, memory: BytesMut, sink: Sink) {
        self.send(&self.others, tag, memory, sink);
    }

    /// Starts sending `memory` to each of `to`.
    pub(crate) fn send(&self, to: &[usize], tag: Tag, memory: BytesMut, sink: Sink) {
        let mut state = lock_awake(&self.state);
        let request = state.number(sink);
        state.sent_bytes += (memory.len() * to.len()) as u64;
        let sent = state.peers.send(request, to, tag, memory);
        state.note(sent);
    }

    /// Starts receiving as many bytes as `memory` has from rank `from`.
    pub(crate) fn receive(&self, from: usize, tag: Tag, memory: BytesMut, sink: Sink) {
        let mut state = lock_awake(&self.state);
        let request = state.number(sink);
        let posted = state.peers.receive(request, from, tag, memory);
        state.note(posted);
    }

    /// Bytes that this rank has sent.
    pub(crate) fn sent_bytes(&self) -> u64 {
        lock_awake(&self.state).sent_bytes
    }

    /// Ends the training of all ranks.
    pub(crate) fn abort(&self, reason: &str) {
        let mut state = lock_awake(&self.state);
        state.failure.get_or_insert_with(|| reason.to_owned());
        state.peers.abort(reason);
    }

    /// Ends the connection; nothing may be on its way.
    pub(crate) fn finish(&self) -> Result<(), PeerError> {
        lock_awake(&self.state).peers.finish()
    }

    /// Gives a sign of life to the next rank, unless this one has said that they end; waits no longer
    /// than `most` for a call that waits for other ranks.
    pub(crate) fn beat(&self, most: Duration) -> Beat {
        let Some(mut state) = lock_within(&self.state, most) else {
            return Beat::Busy;
        };
        if state.has_ended {
            return Beat::Ended;
        }
        self.send_beat(&mut state, ALIVE);
        Beat::Silent(state.heard.elapsed())
    }

    /// [`Peers::all_reduce`], which leaves nothing else to this rank until all have called it; none of
    /// a group that is not all that were launched.
    pub(crate) fn all_reduce(&self, addition: Addition) -> Result<Option<Addition>, PeerError> {
        if self.num_ranks < self.hosts.len() {
            return Ok(None);
        }
        lock_awake(&self.state).peers.all_reduce(addition)
    }

    /// Begins to listen for signs of life.
    pub(crate) fn listen(&self) {
        let mut state = lock_awake(&self.state);
        state.heard = Instant::now();
        state.listen(self.before(), BytesMut::zeroed(1));
    }

    /// Says that this rank's signs of life end, and waits until those of the one before have;
    /// `false` if they do not within `most`.
    pub(crate) fn fall_silent(&self, most: Duration) -> bool {
        let began = Instant::now();
        let mut has_said = false;
        while began.elapsed() < most {
            if self.progress().is_err() {
                return false;
            }
            let mut state = lock_awake(&self.state);
            if !has_said {
                has_said = self.send_beat(&mut state, LAST);
            } else if state.beat.is_some() && state.is_silent {
                return true;
            }
            drop(state);
            std::thread::yield_now();
        }
        false
    }

    /// Sends a sign of life, if the last one has arrived.
    fn send_beat(&self, state: &mut State, what: u8) -> bool {
        let Some(mut memory) = state.beat.take() else {
            return false;
        };
        memory[0] = what;
        let request = state.number(Sink::Beat { is_own: true });
        let next = (self.rank + 1) % self.hosts.len();
        let sent = state.peers.send(request, &[next], tags::BEATS, memory);
        state.note(sent);
        true
    }

    /// No more signs of life are given or expected.
    pub(crate) fn end(&self) {
        lock_awake(&self.state).has_ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        lock_awake(&self.state).has_ended
    }

    /// Lets all later calls fail.
    pub(crate) fn lose(&self, reason: &str) {
        let mut state = lock_awake(&self.state);
        state.failure.get_or_insert_with(|| reason.to_owned());
    }

    /// Ends all processes.
    pub(crate) fn kill(&self, code: i32) {
        lock_awake(&self.state).peers.kill(code);
    }

    /// The rank whose signs of life this one listens for, of all that were launched.
    pub(crate) fn before(&self) -> usize {
        let num_ranks = self.hosts.len();
        (self.rank + num_ranks - 1) % num_ranks
    }

    fn deliver(&self, state: &mut State, done: Done) {
        let Done { request, memory } = done;
        let sink = state.requests[request].take();
        state.free.push(request);
        match sink.expect("a request is over once") {
            Sink::Gradient { to, input } => to.send(Gradient {
                to: input,
                segment: Segment::from(memory),
            }),
            Sink::Home { to, home } => to.send(Return {
                home,
                segment: Segment::from(memory),
            }),
            Sink::Updated { to, index } => to.send(Updated {
                index,
                segment: Segment::from(memory),
            }),
            Sink::Letter { to, part, expected } => {
                if let (Part::Head { from }, Some(expected)) = (part, expected) {
                    let got = Header::decode(&memory);
                    let differs = got.differs(&expected, || self.name(from));
                    state.failure = state.failure.take().or(differs);
                }
                to.send(Arrived { part, memory });
            }
            Sink::Beat { is_own: true } => state.beat = Some(memory),
            Sink::Beat { is_own: false } => {
                state.heard = Instant::now();
                state.is_silent = memory[0] == LAST;
                if !state.is_silent {
                    state.listen(self.before(), memory);
                }
            }
        }
    }
}

fn others(rank: usize, num_ranks: usize) -> Vec<usize> {
    (rank + 1..num_ranks).chain(0..rank).collect()
}

impl Progress for Hub {
    fn progress(&self) -> Result<(), String> {
        // Whoever has it moves all ranks' messages.
        let Some(mut state) = self.state.try_lock() else {
            return Ok(());
        };
        let state = &mut *state;
        if state.failure.is_none() {
            let mut done = std::mem::take(&mut state.done);
            let moved = state.peers.progress(&mut done);
            done.drain(..).for_each(|done| self.deliver(state, done));
            state.done = done;
            state.note(moved);
        }
        state.failure.clone().map_or(Ok(()), Err)
    }
}

impl State {
    /// A number for what goes to `sink`.
    fn number(&mut self, sink: Sink) -> usize {
        if let Some(number) = self.free.pop() {
            self.requests[number] = Some(sink);
            return number;
        }
        self.requests.push(Some(sink));
        // So that none is allocated when all of them come back.
        self.free.reserve(self.requests.len());
        self.done.reserve(self.requests.len());
        self.requests.len() - 1
    }

    fn note(&mut self, outcome: Result<(), PeerError>) {
        if let Err(error) = outcome {
            self.failure.get_or_insert_with(|| error.to_string());
        }
    }

    fn listen(&mut self, from: usize, memory: BytesMut) {
        let request = self.number(Sink::Beat { is_own: false });
        let posted = self.peers.receive(request, from, tags::BEATS, memory);
        self.note(posted);
    }
}

#[cfg(all(test, loom))]
mod tests;
