//! Ranks within one process, each on a thread of its caller's: to try a training of several ranks
//! without MPI, and to test it.
//!
//! A send waits for its receive, and the other way round; whichever comes second copies.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;

use super::peers::{Done, PeerError, Peers, Tag};
use crate::sync::{Mutex, lock_awake};

/// One rank of several within this process.
#[derive(Debug)]
pub(crate) struct Local {
    rank: usize,
    exchange: Arc<Mutex<Exchange>>,
}

/// All messages of all ranks.
#[derive(Debug)]
struct Exchange {
    num_ranks: usize,
    outgoing: Vec<Option<Outgoing>>,
    free: Vec<usize>,
    /// Sends and receives that wait for each other, by sender and receiver.
    pairs: Vec<Pair>,
    /// What is over, of each rank.
    done: Vec<Vec<Done>>,
    failure: Option<PeerError>,
}

#[derive(Debug)]
struct Outgoing {
    from: usize,
    request: usize,
    memory: BytesMut,
    /// Receivers that have not got it.
    left: usize,
}

#[derive(Debug)]
struct Pair {
    sends: VecDeque<(Tag, usize)>,
    receives: VecDeque<(Tag, Done)>,
}

/// Messages of a pair on their way at once, for which there is room from the start.
const ROOM: usize = 128;

impl Pair {
    fn new() -> Self {
        Self {
            sends: VecDeque::with_capacity(ROOM),
            receives: VecDeque::with_capacity(ROOM),
        }
    }
}

impl Local {
    /// As many ranks, which can reach each other.
    pub(crate) fn group(num_ranks: usize) -> Vec<Self> {
        let exchange = Arc::new(Mutex::new(Exchange {
            num_ranks,
            outgoing: Vec::with_capacity(ROOM * num_ranks),
            free: Vec::with_capacity(ROOM * num_ranks),
            pairs: (0..num_ranks * num_ranks).map(|_| Pair::new()).collect(),
            done: (0..num_ranks)
                .map(|_| Vec::with_capacity(ROOM * num_ranks))
                .collect(),
            failure: None,
        }));
        let rank = |rank| Self {
            rank,
            exchange: Arc::clone(&exchange),
        };
        (0..num_ranks).map(rank).collect()
    }
}

impl Peers for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn num_ranks(&self) -> usize {
        lock_awake(&self.exchange).num_ranks
    }

    fn send(
        &mut self,
        request: usize,
        to: &[usize],
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        let exchange = &mut *lock_awake(&self.exchange);
        exchange.check()?;
        let id = exchange.begin(Outgoing {
            from: self.rank,
            request,
            memory,
            left: to.len(),
        });
        for &to in to {
            let pair = &mut exchange.pairs[self.rank * exchange.num_ranks + to];
            let posted = pair.receives.iter().position(|(other, _)| *other == tag);
            match posted.and_then(|at| pair.receives.remove(at)) {
                Some((_, done)) => exchange.carry(id, to, done)?,
                None => pair.sends.push_back((tag, id)),
            }
        }
        Ok(())
    }

    fn receive(
        &mut self,
        request: usize,
        from: usize,
        tag: Tag,
        memory: BytesMut,
    ) -> Result<(), PeerError> {
        let exchange = &mut *lock_awake(&self.exchange);
        exchange.check()?;
        let done = Done { request, memory };
        let pair = &mut exchange.pairs[from * exchange.num_ranks + self.rank];
        let sent = pair.sends.iter().position(|(other, _)| *other == tag);
        match sent.and_then(|at| pair.sends.remove(at)) {
            Some((_, id)) => exchange.carry(id, self.rank, done),
            None => {
                pair.receives.push_back((tag, done));
                Ok(())
            }
        }
    }

    fn progress(&mut self, done: &mut Vec<Done>) -> Result<(), PeerError> {
        let exchange = &mut *lock_awake(&self.exchange);
        done.append(&mut exchange.done[self.rank]);
        exchange.check()
    }

    fn abort(&mut self, reason: &str) {
        let aborted = PeerError::Aborted {
            rank: self.rank,
            reason: reason.to_owned(),
        };
        lock_awake(&self.exchange).failure.get_or_insert(aborted);
    }

    fn kill(&mut self, _code: i32) {}

    fn finish(&mut self) -> Result<(), PeerError> {
        lock_awake(&self.exchange).check()
    }
}

impl Exchange {
    fn check(&self) -> Result<(), PeerError> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn begin(&mut self, outgoing: Outgoing) -> usize {
        match self.free.pop() {
            Some(id) => {
                self.outgoing[id] = Some(outgoing);
                id
            }
            None => {
                self.outgoing.push(Some(outgoing));
                self.free.reserve(self.outgoing.len());
                self.outgoing.len() - 1
            }
        }
    }

    /// Copies a message into the memory of its receiver.
    fn carry(&mut self, id: usize, to: usize, mut into: Done) -> Result<(), PeerError> {
        let slot = &mut self.outgoing[id];
        let outgoing = slot.as_mut().expect("it has not reached everyone");
        let (expected, got) = (into.memory.len(), outgoing.memory.len());
        if expected != got {
            let rank = outgoing.from;
            let error = PeerError::Length {
                rank,
                expected,
                got,
            };
            self.failure.get_or_insert(error.clone());
            return Err(error);
        }
        into.memory.copy_from_slice(&outgoing.memory);
        self.done[to].push(into);
        outgoing.left -= 1;
        if outgoing.left == 0 {
            let Outgoing {
                from,
                request,
                memory,
                ..
            } = slot.take().expect("it has not reached everyone");
            self.done[from].push(Done { request, memory });
            self.free.push(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> BytesMut {
        BytesMut::from(text)
    }

    /// What is over at a rank: numbers and texts.
    fn over(local: &mut Local) -> Vec<(usize, String)> {
        let mut done = Vec::new();
        local.progress(&mut done).unwrap();
        let text = |done: Done| {
            let text = String::from_utf8(done.memory.to_vec()).unwrap();
            (done.request, text)
        };
        done.into_iter().map(text).collect()
    }

    #[test]
    fn messages_meet_their_receives_by_tag_and_in_order() {
        let [mut a, mut b, mut c] = Local::group(3).try_into().unwrap();
        a.send(1, &[1, 2], Tag(7), bytes("to both")).unwrap();
        a.send(2, &[1], Tag(8), bytes("other")).unwrap();
        a.send(3, &[1], Tag(7), bytes("later..")).unwrap();
        assert!(over(&mut a).is_empty());
        b.receive(10, 0, Tag(8), bytes("-----")).unwrap();
        b.receive(11, 0, Tag(7), bytes("-------")).unwrap();
        assert_eq!(
            over(&mut a),
            [(2, "other".to_owned())],
            "another rank has not got the first"
        );
        c.receive(12, 0, Tag(7), bytes("-------")).unwrap();
        b.receive(13, 0, Tag(7), bytes("-------")).unwrap();
        let texts = |all: &[(usize, &str)]| -> Vec<(usize, String)> {
            all.iter()
                .map(|(request, text)| (*request, (*text).to_owned()))
                .collect()
        };
        assert_eq!(
            over(&mut b),
            texts(&[(10, "other"), (11, "to both"), (13, "later..")])
        );
        assert_eq!(over(&mut c), texts(&[(12, "to both")]));
        assert_eq!(over(&mut a), texts(&[(1, "to both"), (3, "later..")]));
    }

    #[test]
    fn another_length_and_an_abort_are_errors_of_everyone() {
        let [mut a, mut b] = Local::group(2).try_into().unwrap();
        a.send(1, &[1], Tag(1), bytes("four")).unwrap();
        let error = b.receive(2, 0, Tag(1), bytes("-----")).unwrap_err();
        assert_eq!(
            error,
            PeerError::Length {
                rank: 0,
                expected: 5,
                got: 4
            }
        );
        assert_eq!(a.progress(&mut Vec::new()), Err(error));
        let [mut a, mut b] = Local::group(2).try_into().unwrap();
        b.abort("its disk is full");
        let text = a.send(1, &[1], Tag(1), bytes("x")).unwrap_err().to_string();
        assert_eq!(text, "rank 1 has ended the training: its disk is full");
    }
}
