//! Table of adders: an algorithm's answers, asked once, so that later plans are made from the same.

use super::AllReduce;
use crate::engine::error::EngineError;

/// An algorithm's answer for every segment and every left part, for this number of workers.
/// Whatever it would answer the next time, a table has one answer: a plan whose parts are from
/// different answers would never end.
#[derive(Debug)]
pub(crate) struct Adders {
    name: &'static str,
    num_workers: usize,
    /// The adder of segment s and left part l at s workers + l.
    table: Vec<u32>,
}

impl Adders {
    /// Asks `algorithm`.
    pub(crate) fn of(algorithm: &dyn AllReduce, num_workers: usize) -> Result<Self, EngineError> {
        let mut table = Vec::with_capacity(num_workers * num_workers);
        for segment in 0..num_workers {
            for left in 0..num_workers {
                let got = algorithm.adder(left, segment, num_workers);
                if got >= num_workers {
                    return Err(EngineError::Adder {
                        algorithm: algorithm.name(),
                        got,
                        num_workers,
                    });
                }
                table.push(got as u32);
            }
        }
        Ok(Self {
            name: algorithm.name(),
            num_workers,
            table,
        })
    }
}

impl AllReduce for Adders {
    fn name(&self) -> &'static str {
        self.name
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        debug_assert_eq!(num_workers, self.num_workers);
        self.table[segment * self.num_workers + left] as usize
    }
}
