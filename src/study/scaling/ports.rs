//! Ports: how messages leave and enter a rank, one after another each way.
//!
//! A message takes `o + n b` seconds of its sender's port out and then of its receiver's port in,
//! and its head is `o + L` on its way: `L` is the latency, `o` what a message takes of either side,
//! `b` what a byte takes, `n` its bytes (the LogGP model).
//!
//! # References
//! Alexandrov, Ionescu, Schauser, Scheiman: "LogGP: incorporating long messages into the LogP
//! model", SPAA'95.

use crate::engine::LinkCosts;

/// Picoseconds: whole numbers have an order.
pub(super) type Time = u64;

pub(super) fn picoseconds(seconds: f64) -> Time {
    (seconds * 1e12) as Time
}

/// The last time that there is, after more than 100 days.
const END: Time = Time::MAX / 2;

/// The ports of all ranks.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    latency: Time,
    message_s: f64,
    byte_s: f64,
    /// When each can send, and receive, again.
    out: Vec<Time>,
    into: Vec<Time>,
    /// Bytes that each has sent.
    sent_bytes: Vec<u64>,
}

impl Ports {
    /// Those of `num_ranks` ranks, everything `slower` times as slow as `costs` say.
    pub(super) fn new(num_ranks: usize, costs: &LinkCosts, slower: f64) -> Self {
        // In each phase of a step a rank sends as much as it receives.
        let ways = if costs.is_duplex { 1.0 } else { 2.0 };
        Self {
            latency: picoseconds(costs.latency_s * slower),
            message_s: costs.message_s * slower,
            byte_s: costs.byte_s * ways * slower,
            out: vec![0; num_ranks],
            into: vec![0; num_ranks],
            sent_bytes: vec![0; num_ranks],
        }
    }

    /// Seconds of a port that `messages` messages of so many bytes together take.
    fn takes(&self, messages: usize, bytes: usize) -> Time {
        picoseconds(messages as f64 * self.message_s + bytes as f64 * self.byte_s)
    }

    /// Sends `bytes` from rank `from` at `time`; when their head is at the receiver's port.
    pub(super) fn send(&mut self, from: usize, time: Time, messages: usize, bytes: usize) -> Time {
        let begins = time.max(self.out[from]);
        self.out[from] = begins.saturating_add(self.takes(messages, bytes)).min(END);
        self.sent_bytes[from] += bytes as u64;
        let head = begins.saturating_add(self.takes(messages, 0));
        head.saturating_add(self.latency).min(END)
    }

    /// Receives `bytes` whose head is at rank `to`'s port at `head`; when all of them are in.
    pub(super) fn receive(&mut self, to: usize, head: Time, messages: usize, bytes: usize) -> Time {
        let begins = head.max(self.into[to]);
        self.into[to] = begins.saturating_add(self.takes(messages, bytes)).min(END);
        self.into[to]
    }

    /// When all that rank `rank` has sent has left it.
    pub(super) fn has_sent(&self, rank: usize) -> Time {
        self.out[rank]
    }

    /// Bytes that each rank has sent.
    pub(super) fn sent_bytes(&self) -> &[u64] {
        &self.sent_bytes
    }

    /// What each rank tells all others, from the next one on, at the time `tells`, in `messages` messages of `bytes` bytes
    /// together: when each has heard all others, and has told them.
    pub(super) fn exchange(
        &mut self,
        tells: &[Time],
        messages: usize,
        bytes: &[usize],
    ) -> Vec<Time> {
        let num_ranks = tells.len();
        let mut heads = vec![Vec::with_capacity(num_ranks); num_ranks];
        for from in 0..num_ranks {
            for to in (from + 1..num_ranks).chain(0..from) {
                let head = self.send(from, tells[from], messages, bytes[from]);
                heads[to].push((head, from));
            }
        }
        let heard = heads.into_iter().enumerate().map(|(to, mut heads)| {
            heads.sort_unstable();
            let told = tells[to].max(self.out[to]);
            heads.into_iter().fold(told, |last, (head, from)| {
                last.max(self.receive(to, head, messages, bytes[from]))
            })
        });
        heard.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: LinkCosts = LinkCosts {
        latency_s: 10e-9,
        message_s: 1e-9,
        byte_s: 2e-9,
        is_duplex: true,
    };

    #[test]
    fn messages_leave_and_enter_one_after_another() {
        let mut ports = Ports::new(3, &COSTS, 1.0);
        // Two from rank 0: the second one leaves once the first has, 21 ns later.
        assert_eq!(ports.send(0, 5_000, 1, 10), 16_000);
        assert_eq!(ports.send(0, 5_000, 1, 10), 37_000);
        assert_eq!(ports.has_sent(0), 47_000);
        // At rank 2 one of rank 1 waits for that of rank 0.
        assert_eq!(ports.receive(2, 16_000, 1, 10), 37_000);
        assert_eq!(ports.receive(2, 17_000, 1, 10), 58_000);
        assert_eq!(ports.sent_bytes(), [20, 0, 0]);
        // One way at a time, and on half of the cores.
        let half = LinkCosts {
            is_duplex: false,
            ..COSTS
        };
        let mut ports = Ports::new(2, &half, 2.0);
        assert_eq!(ports.send(0, 0, 1, 10), 22_000);
        assert_eq!(ports.has_sent(0), 82_000);
    }

    #[test]
    fn an_exchange_ends_when_the_last_one_is_heard() {
        let mut ports = Ports::new(2, &COSTS, 1.0);
        // Head and body: 2 ns, and 4 bytes: 8 ns.
        let heard = ports.exchange(&[0, 100_000], 2, &[4, 4]);
        assert_eq!(heard, [122_000, 110_000]);
    }
}
