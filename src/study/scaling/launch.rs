//! Launch: the processes of a measurement, of which all follow the first.
//!
//! # Protocol
//! All make the same rounds, with the cells in the same order. There is a barrier before each cell,
//! and between rounds; ranks that the cell does without go on to the next one, where they sleep. The
//! first rank is in every cell. It decides how many steps make up a sample and when the rounds are
//! over, and it alone has all samples: in the end it broadcasts the results.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::{EngineError, Ranks};
use crate::train::TrainError;

use super::error::ScalingError;
use super::plan::Scaling;
use super::results::{RankHost, Results, Sample};

/// What the first rank says at the barrier after the last round.
const OVER: u8 = 1;

/// All processes, as one of them sees them; nobody else for one alone.
#[derive(Debug)]
pub(super) struct Launch<'r>(Option<&'r Ranks>);

/// Those of a cell, this one among them.
#[derive(Clone, Debug)]
pub(super) struct Crew(Option<Ranks>);

impl<'r> Launch<'r> {
    /// Those that `scaling` is measured on, once all want to measure the same.
    pub(super) fn of(scaling: &'r Scaling) -> Result<Self, TrainError> {
        let ranks = scaling.launched.as_ref();
        let launch = Self(ranks.filter(|ranks| ranks.num_ranks() > 1));
        if let Some(ranks) = launch.0 {
            ranks.compare(&[
                (
                    "the version of unisono",
                    env!("CARGO_PKG_VERSION").to_owned(),
                ),
                ("the preset", scaling.preset.name.to_owned()),
                ("ranks", format!("{:?}", scaling.ranks)),
                ("threads", format!("{:?}", scaling.threads)),
                ("modes", format!("{:?}", scaling.modes)),
                ("a batch size of", scaling.batch_size.to_string()),
                ("a time of", format!("{:?}", scaling.budget)),
                ("the seed", scaling.seed.to_string()),
            ])?;
        }
        Ok(launch)
    }

    pub(super) fn is_first(&self) -> bool {
        self.0.is_none_or(|ranks| ranks.rank() == 0)
    }

    /// Waits for all, asleep; whether the first one says that the rounds are over.
    pub(super) fn barrier(&self, is_over: bool) -> Result<bool, TrainError> {
        let own = if is_over && self.is_first() { OVER } else { 0 };
        let all = match self.0 {
            Some(ranks) => ranks.barrier(own)?,
            None => own,
        };
        Ok(all == OVER)
    }

    /// The first `count` ranks, if this one is among them.
    pub(super) fn crew(&self, count: usize) -> Option<Crew> {
        match self.0 {
            Some(ranks) => ranks.first(count).map(|ranks| Crew(Some(ranks))),
            None => Some(Crew(None)),
        }
    }

    /// Where each rank is; empty for a process alone.
    pub(super) fn hosts(&self) -> Result<Vec<RankHost>, TrainError> {
        let Some(ranks) = self.0 else {
            return Ok(Vec::new());
        };
        hosts(ranks)
    }

    /// The results on every rank, of which the first has `own`.
    pub(super) fn broadcast(&self, own: Option<Results>) -> Result<Results, ScalingError> {
        self.barrier(false)?;
        let Some(ranks) = self.0 else {
            return Ok(own.expect("the first rank has the results"));
        };
        let message = own.as_ref().map(|results| (results, &results.samples));
        let text = serde_json::to_vec(&message).expect("results are plain values");
        let all = ranks.gather(&text).map_err(TrainError::from)?;
        match own {
            Some(results) => Ok(results),
            None => {
                let (results, samples): (Results, Vec<Sample>) = read(ranks, 0, &all[0])?;
                Ok(Results { samples, ..results })
            }
        }
    }
}

impl Crew {
    /// Those that an engine is to train on.
    pub(super) fn ranks(&self) -> Option<&Ranks> {
        self.0.as_ref()
    }

    /// What each of them has, by rank.
    pub(super) fn all<T: Serialize + DeserializeOwned>(
        &self,
        own: T,
    ) -> Result<Vec<T>, TrainError> {
        match &self.0 {
            Some(ranks) => all_of(ranks, &own),
            None => Ok(vec![own]),
        }
    }

    /// A rank in words.
    pub(super) fn name(&self, rank: usize) -> String {
        self.0
            .as_ref()
            .map_or(String::new(), |ranks| ranks.name(rank))
    }

    /// The name of a rank's host; empty within one process.
    pub(super) fn host(&self, rank: usize) -> &str {
        self.0.as_ref().map_or("", |ranks| ranks.host(rank))
    }

    /// This rank.
    pub(super) fn rank(&self) -> usize {
        self.0.as_ref().map_or(0, Ranks::rank)
    }
}

/// Threads of each rank for which all of them have cores, when they train together; 1 at least. All
/// ranks must call it.
///
/// ```
/// use unisono::{engine::Ranks, study::scaling::threads_with_cores};
/// let alone = Ranks::in_process(1);
/// let cores = std::thread::available_parallelism().unwrap().get();
/// assert!((1..=cores).contains(&threads_with_cores(&alone[0])?));
/// # Ok::<(), unisono::TrainError>(())
/// ```
///
/// # Errors
/// [`TrainError::Engine`] if another rank is lost.
pub fn threads_with_cores(ranks: &Ranks) -> Result<usize, TrainError> {
    let hosts = hosts(ranks)?;
    let least = RankHost::shares(&hosts).fold(f64::INFINITY, f64::min);
    Ok((least as usize).max(1))
}

/// Where each rank is.
fn hosts(ranks: &Ranks) -> Result<Vec<RankHost>, TrainError> {
    all_of(ranks, &RankHost::this(ranks.host(ranks.rank())))
}

/// What each rank has, by rank.
fn all_of<T: Serialize + DeserializeOwned>(ranks: &Ranks, own: &T) -> Result<Vec<T>, TrainError> {
    let text = serde_json::to_vec(own).expect("it is a plain value");
    let all = ranks.gather(&text)?;
    let each = all.iter().enumerate();
    each.map(|(rank, text)| read(ranks, rank, text)).collect()
}

/// What rank `rank` has told.
fn read<T: DeserializeOwned>(ranks: &Ranks, rank: usize, text: &[u8]) -> Result<T, TrainError> {
    serde_json::from_slice(text).map_err(|error| {
        let name = ranks.name(rank);
        let reason = format!("{name} told what cannot be read: {error}");
        TrainError::from(EngineError::Broken { reason })
    })
}
