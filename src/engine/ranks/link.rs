//! Link: what messages between ranks cost, measured the way that the engine sends them.
//!
//! Each rank sends to the next one and gets as much from the one before, so bytes go both ways at
//! once, as they do in every phase of a step.

use std::time::Instant;

use super::hub::{Hub, Sink};
use super::tags;
use super::{Ranks, watched};
use crate::engine::error::EngineError;
use crate::engine::mailbox::{Aborted, Address, Mailbox, Waiting, Watch, mailbox};
use crate::engine::message::Updated;
use crate::engine::segment::Segment;
use crate::engine::update::BLOCK;

/// What messages between ranks cost: over a network, or through the memory of one machine.
///
/// ```
/// use unisono::engine::LinkCosts;
/// let slow = LinkCosts { byte_s: 8e-9, ..LinkCosts::default() };
/// assert_eq!((slow.gbit_per_s().round(), LinkCosts::default().gbit_per_s().round()), (1.0, 10.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkCosts {
    /// Seconds until the first byte of a message arrives.
    pub latency_s: f64,
    /// Seconds that each message takes of its sender, and again of its receiver.
    pub message_s: f64,
    /// Seconds a byte, one way.
    pub byte_s: f64,
    /// Whether a rank sends as fast while it receives.
    pub is_duplex: bool,
}

impl Default for LinkCosts {
    /// A common network: 20 microseconds, 10 gigabits a second both ways, and a microsecond a
    /// message. Nothing of it is measured.
    fn default() -> Self {
        Self {
            latency_s: 20e-6,
            message_s: 1e-6,
            byte_s: 0.8e-9,
            is_duplex: true,
        }
    }
}

impl LinkCosts {
    /// Gigabits a second, one way.
    pub fn gbit_per_s(&self) -> f64 {
        8e-9 / self.byte_s
    }
}

/// Messages that follow each other, and the times that each exchange is made: the median counts.
const MESSAGES: usize = 64;
const REPEATS: usize = 31;

/// Large messages, and parameters of each: 1 MiB, as large as a segment of the gradient.
const LARGE: usize = 8;
const LARGE_LEN: usize = 64 * BLOCK;

impl Ranks {
    /// Measures what messages between ranks cost, in a fraction of a second; all ranks must call
    /// it, at least two. `waiting` says how those of a step are waited for.
    ///
    /// ```
    /// use unisono::engine::{Ranks, Waiting};
    /// std::thread::scope(|scope| {
    ///     for ranks in Ranks::in_process(2) {
    ///         scope.spawn(move || assert!(ranks.link_costs(Waiting::Block).unwrap().byte_s > 0.0));
    ///     }
    /// });
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Broken`] if another rank is lost, or does something else.
    ///
    /// # Panics
    /// If there is no other rank.
    pub fn link_costs(&self, waiting: Waiting) -> Result<LinkCosts, EngineError> {
        assert!(self.num_ranks() > 1, "a rank alone sends no messages");
        let hub = self.hub();
        watched(hub, waiting, |watch| {
            let one = Exchange::new(hub, 1, 1).median_s(watch)?;
            let many = Exchange::new(hub, MESSAGES, 1).median_s(watch)?;
            let large = Exchange::new(hub, LARGE, LARGE_LEN).median_s(watch)?;
            Ok(fitted(one, many, large))
        })
    }
}

/// The costs by which one small message, many of them, and some large ones take so long.
fn fitted(one_s: f64, many_s: f64, large_s: f64) -> LinkCosts {
    let message_s = ((many_s - one_s) / (MESSAGES - 1) as f64).max(0.0);
    let large_s = large_s - one_s - (LARGE - 1) as f64 * message_s;
    let bytes = (LARGE * LARGE_LEN * size_of::<f32>()) as f64;
    LinkCosts {
        latency_s: (one_s - 2.0 * message_s).max(0.0),
        message_s,
        // Above 0, so that it has a rate.
        byte_s: (large_s / bytes).max(1e-15),
        // It was measured both ways at once.
        is_duplex: true,
    }
}

/// Messages to the next rank, and as many from the one before.
struct Exchange<'a> {
    hub: &'a Hub,
    address: Address<Updated>,
    inbox: Mailbox<Updated>,
    /// Those to fill, and after them those to send; away while they are.
    messages: Vec<Option<Segment>>,
}

impl<'a> Exchange<'a> {
    fn new(hub: &'a Hub, count: usize, len: usize) -> Self {
        let (address, inbox) = mailbox(2 * count);
        let segment = |_| Some(Segment::zeros(len));
        Self {
            hub,
            address,
            inbox,
            messages: (0..2 * count).map(segment).collect(),
        }
    }

    fn median_s(&mut self, watch: Watch<'_>) -> Result<f64, Aborted> {
        // Once so that all are here and have their memory, then for the clock.
        self.once(watch)?;
        let mut times = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let began = Instant::now();
            self.once(watch)?;
            times.push(began.elapsed().as_secs_f64());
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(times[REPEATS / 2])
    }

    fn once(&mut self, watch: Watch<'_>) -> Result<(), Aborted> {
        let count = self.messages.len() / 2;
        // They begin with the next one; of two ranks the other is both.
        let others = self.hub.others();
        let (next, before) = (others[0], others[others.len() - 1]);
        for index in 0..2 * count {
            let segment = self.messages[index].take();
            let memory = segment.expect("every message is back").into();
            let to = self.address.clone();
            let sink = Sink::Updated { to, index };
            let tag = tags::params(index % count);
            if index < count {
                self.hub.receive(before, tag, memory, sink);
            } else {
                self.hub.send(&[next], tag, memory, sink);
            }
        }
        for _ in 0..2 * count {
            let Updated { index, segment } = self.inbox.receive(watch)?;
            self.messages[index] = Some(segment);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costs_are_those_by_which_the_exchanges_take_so_long() {
        let (latency, message, byte) = (20e-6, 0.5e-6, 1e-9);
        let one = latency + 2.0 * message;
        let many = one + 63.0 * message;
        let large = one + 7.0 * message + byte * f64::from(8 << 20);
        let costs = fitted(one, many, large);
        assert!((costs.latency_s / latency - 1.0).abs() < 1e-9);
        assert!((costs.message_s / message - 1.0).abs() < 1e-9);
        assert!((costs.byte_s / byte - 1.0).abs() < 1e-9);
        // Where the clock says nonsense nothing is below 0.
        let odd = fitted(1e-6, 0.5e-6, 0.1e-6);
        assert!(odd.message_s == 0.0 && odd.latency_s > 0.0 && odd.byte_s > 0.0);
    }

    #[test]
    fn a_group_measures_its_own_link() {
        std::thread::scope(|scope| {
            for ranks in Ranks::in_process(3) {
                scope.spawn(move || {
                    if let Some(group) = ranks.first(2) {
                        assert!(group.link_costs(Waiting::Block).unwrap().byte_s > 0.0);
                    }
                    // The third one waits for them.
                    ranks.barrier(0).unwrap();
                });
            }
        });
    }

    #[test]
    fn ranks_measure_their_link_and_one_that_leaves_keeps_nobody_waiting() {
        let measured = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for ranks in Ranks::in_process(3) {
                let measured = &measured;
                scope.spawn(move || {
                    let costs = ranks.link_costs(Waiting::Block);
                    measured.wait();
                    let costs = costs.unwrap();
                    assert!(costs.byte_s > 0.0 && costs.latency_s >= 0.0, "{costs:?}");
                    if ranks.rank() == 0 {
                        ranks.abort("a test");
                    } else {
                        let error = ranks.link_costs(Waiting::Block).unwrap_err();
                        assert!(error.to_string().contains("a test"), "{error}");
                    }
                });
            }
        });
    }
}
