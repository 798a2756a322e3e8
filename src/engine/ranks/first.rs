//! First: the first of the ranks as a group of their own, while the others wait.
//!
//! The group has the connection of all ranks, so its messages are between two ranks as ever: what a
//! rank tells another one arrives in the order in which it was told, whichever group it is for.
//!
//! # Invariants
//! 1. Nothing of one group is on its way when a rank turns to another: every exchange and every run
//!    ends with all messages sent and received.

use std::thread;
use std::time::{Duration, Instant};

use super::header::{Header, Operation};
use super::hub::Hub;
use super::{Ranks, exchange};
use crate::engine::error::EngineError;
use crate::engine::mailbox::{Progress, Waiting};

/// The shortest and the longest sleep of a rank that waits for its turn, between two looks for
/// messages: a look and its wake-up take some 70 us of a core (seen with both MPIs).
const SLEEP: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(20)];

/// The share of what has been waited for that the next sleep takes.
const SHARE: u32 = 4;

impl Ranks {
    /// The first `num_ranks` ranks as a group of their own, for those who are among them. They train
    /// as if there were no others, who must not take part meanwhile.
    ///
    /// Two of three ranks train, the third does not:
    /// ```
    /// use unisono::{Trainer, data::digits, engine::Ranks, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let trained = |ranks: &Ranks| -> Option<String> {
    ///     let group = ranks.first(2)?;
    ///     let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
    ///     let mut trainer = trainer.epochs(2).threads(1).ranks(group);
    ///     trainer.fit(&train, &test).unwrap();
    ///     Some(trainer.network().unwrap().weights_sha256())
    /// };
    /// std::thread::scope(|scope| {
    ///     let ranks = Ranks::in_process(3).into_iter();
    ///     let threads: Vec<_> = ranks.map(|ranks| scope.spawn(move || trained(&ranks))).collect();
    ///     let hashes: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    ///     assert!(hashes[0] == hashes[1] && hashes[0].is_some() && hashes[2].is_none());
    /// });
    /// ```
    ///
    /// # Panics
    /// If `num_ranks` is 0, or more than there are.
    pub fn first(&self, num_ranks: usize) -> Option<Self> {
        assert!(
            (1..=self.num_ranks()).contains(&num_ranks),
            "a group of {num_ranks} of {} ranks",
            self.num_ranks()
        );
        if num_ranks == self.num_ranks() {
            return Some(self.clone());
        }
        (self.rank() < num_ranks).then(|| Self::new(self.hub.first(num_ranks)))
    }

    /// Waits until all ranks are here, and leaves the cores to others meanwhile; what any of them
    /// wishes, a bit each. All ranks must call it.
    ///
    /// # Errors
    /// As [`Ranks::gather`].
    pub fn barrier(&self, wishes: u8) -> Result<u8, EngineError> {
        if self.num_ranks() == 1 {
            return Ok(wishes);
        }
        let letters = &mut *self.letters.lock();
        let header = Header {
            wishes,
            ..Header::new(Operation::Vote, 0, 0)
        };
        let seldom = Seldom {
            hub: &self.hub,
            began: Instant::now(),
        };
        exchange(letters, header, &[], Waiting::Block, &seldom)?;
        let others = letters.others().iter();
        let headers = others.filter_map(|&rank| letters.header(rank));
        Ok(headers.fold(wishes, |all, header| all | header.wishes))
    }
}

/// Looks for messages now and then, the longer it waits the more seldom, and sleeps before.
#[derive(Debug)]
struct Seldom<'h> {
    hub: &'h Hub,
    began: Instant,
}

impl Progress for Seldom<'_> {
    fn progress(&self) -> Result<(), String> {
        let [shortest, longest] = SLEEP;
        thread::sleep((self.began.elapsed() / SHARE).clamp(shortest, longest));
        self.hub.progress()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of three ranks comes to.
    fn on_three<T: Send>(part: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let ranks = Ranks::in_process(3).into_iter();
            let threads: Vec<_> = ranks.map(|ranks| scope.spawn(|| part(ranks))).collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            results.collect()
        })
    }

    #[test]
    fn groups_of_every_size_take_turns_while_the_others_wait() {
        let seen = on_three(|ranks| {
            let mut seen = Vec::new();
            for round in 0..20_u8 {
                for size in [1, 3, 2] {
                    assert_eq!(ranks.barrier(0).unwrap(), 0);
                    let Some(group) = ranks.first(size) else {
                        continue;
                    };
                    let own = [round, size as u8, group.rank() as u8];
                    let all = group.gather(&own).unwrap();
                    let expected = |rank| vec![round, size as u8, rank as u8];
                    assert_eq!(all, (0..size).map(expected).collect::<Vec<_>>());
                    seen.push(size);
                }
            }
            seen.len()
        });
        assert_eq!(seen, [60, 40, 20]);
    }

    #[test]
    fn what_one_wishes_at_a_barrier_all_learn() {
        let wishes = on_three(|ranks| {
            let own = [0b1, 0, 0b100][ranks.rank()];
            (ranks.barrier(own).unwrap(), ranks.barrier(0).unwrap())
        });
        assert_eq!(wishes, [(0b101, 0); 3]);
    }

    #[test]
    fn whoever_waits_learns_of_an_end_and_why() {
        let outcomes = on_three(|ranks| match ranks.rank() {
            1 => {
                ranks.first(2).unwrap().abort("its disk is full");
                None
            }
            _ => ranks.barrier(0).err().map(|error| error.to_string()),
        });
        for rank in [0, 2] {
            let error = outcomes[rank].as_ref().unwrap();
            assert!(error.contains("its disk is full"), "{error}");
        }
    }
}
