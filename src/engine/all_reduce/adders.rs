//! Table of adders: an algorithm's answers, asked once, so that later plans are made from the same.

use super::AllReduce;
use crate::engine::error::EngineError;
use crate::engine::ranks::group::SegmentPlace;

/// An algorithm's answer for every segment and every left part, for this number of workers.
/// Whatever it would answer the next time, a table has one answer: a plan whose parts are from
/// different answers would never end.
#[derive(Debug)]
pub(crate) struct Adders {
    name: String,
    num_workers: usize,
    /// The adders of each segment, by left part; none of an empty segment.
    table: Vec<Vec<u32>>,
}

impl Adders {
    /// Asks `algorithm` for these segments. Of several ranks it is asked for this one's workers
    /// alone, as if each rank were a process by itself.
    ///
    /// # Errors
    /// [`EngineError::Adder`] for a worker that there is not.
    pub(crate) fn of(
        algorithm: &dyn AllReduce,
        num_workers: usize,
        places: &[SegmentPlace],
    ) -> Result<Self, EngineError> {
        let adders = |place: &SegmentPlace| {
            let adder = |left| {
                let got = algorithm.adder(left, place.index % num_workers, num_workers);
                if got < num_workers {
                    return Ok(got as u32);
                }
                Err(EngineError::Adder {
                    algorithm: algorithm.name().to_owned(),
                    got,
                    num_workers,
                })
            };
            if place.cut.is_empty() {
                return Ok(Vec::new());
            }
            (0..num_workers).map(adder).collect()
        };
        Ok(Self {
            name: algorithm.name().to_owned(),
            num_workers,
            table: places.iter().map(adders).collect::<Result<_, _>>()?,
        })
    }
}

impl AllReduce for Adders {
    fn name(&self) -> &str {
        &self.name
    }

    fn adder(&self, left: usize, segment: usize, num_workers: usize) -> usize {
        debug_assert_eq!(num_workers, self.num_workers);
        self.table[segment][left] as usize
    }
}
