//! Table of adders: an algorithm's answers, asked once, so that later plans are made from the same.

use super::AllReduce;
use crate::engine::error::EngineError;

/// An algorithm's answer for every segment and every left part, for this number of workers.
/// Whatever it would answer the next time, a table has one answer: a plan whose parts are from
/// different answers would never end.
#[derive(Debug)]
pub(crate) struct Adders {
    name: String,
    /// The adders of each segment, by left part; none of a segment that was not asked for.
    table: Vec<Vec<u32>>,
}

impl Adders {
    /// Asks `algorithm` for these segments.
    ///
    /// # Errors
    /// [`EngineError::Adder`] for a worker that there is not.
    pub(crate) fn of(
        algorithm: &dyn AllReduce,
        num_workers: usize,
        segments: impl Iterator<Item = usize>,
    ) -> Result<Self, EngineError> {
        let mut table = vec![Vec::new(); num_workers];
        for segment in segments {
            let adder = |left| {
                let got = algorithm.adder(left, segment, num_workers);
                if got < num_workers {
                    return Ok(got as u32);
                }
                Err(EngineError::Adder {
                    algorithm: algorithm.name().to_owned(),
                    got,
                    num_workers,
                })
            };
            table[segment] = (0..num_workers).map(adder).collect::<Result<_, _>>()?;
        }
        Ok(Self {
            name: algorithm.name().to_owned(),
            table,
        })
    }
}

impl AllReduce for Adders {
    fn name(&self) -> &str {
        &self.name
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        debug_assert_eq!(num_workers, self.table.len());
        self.table[segment][left] as usize
    }
}
