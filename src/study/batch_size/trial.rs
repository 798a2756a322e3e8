//! Trial: learning rate, momentum and schedule at a batch size; search space and outcome.

use serde::{Deserialize, Serialize};

use crate::optim::Schedule;
use crate::seed::{Purpose, Stream};

use super::error::StudyError;

/// Values of a setting, drawn evenly in their logarithm.
///
/// ```
/// use unisono::study::batch_size::Range;
/// let range: Range = "0.01..1".parse()?;
/// assert!((range.at(0.5) - 0.1).abs() < 1e-12);
/// assert!("1..0.01".parse::<Range>().is_err() && "0..1".parse::<Range>().is_err());
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least, above 0.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Range {
    /// From `low` to `high`.
    ///
    /// # Errors
    /// [`StudyError::Value`] if they are not positive, finite and in this order.
    pub fn new(low: f64, high: f64) -> Result<Self, StudyError> {
        if low > 0.0 && low <= high && high.is_finite() {
            return Ok(Self { low, high });
        }
        Err(StudyError::Value {
            what: "a range to search",
            expected: "LOW..HIGH with 0 < LOW <= HIGH",
            got: format!("{low}..{high}"),
        })
    }

    /// The value at `share` of the way, in 0..=1.
    pub fn at(&self, share: f64) -> f64 {
        self.low * libm::pow(self.high / self.low, share)
    }
}

impl std::str::FromStr for Range {
    type Err = StudyError;

    /// `0.01..1`, or one number.
    fn from_str(text: &str) -> Result<Self, StudyError> {
        let odd = |_| StudyError::Value {
            what: "a range to search",
            expected: "LOW..HIGH with 0 < LOW <= HIGH, or a number",
            got: text.to_owned(),
        };
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<f64>().map_err(odd);
        Self::new(number(low)?, number(high)?)
    }
}

/// The space of a search: learning rates, momentum, schedules.
///
/// Example: [`Search`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// Learning rates, positive.
    pub lr: Range,
    /// Values of 1 - momentum, in (0, 1]; the workload's own momentum if `None`.
    pub one_minus_momentum: Option<Range>,
    /// Schedules of the learning rate; the workload's own if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
}

/// The method of a search.
///
/// ```
/// use unisono::study::batch_size::{Range, Search, Space};
/// let space = Space { lr: Range::new(0.01, 1.0)?, one_minus_momentum: None, schedules: vec![] };
/// let trials = space.candidates(Search::Sobol, 4, 1, 32);
/// // Four points, one in each quarter of the range's logarithm.
/// let quarter = |lr: f64| (2.0 * (100.0 * lr).log10()) as u32;
/// let mut quarters: Vec<u32> = trials.iter().map(|trial| quarter(trial.lr)).collect();
/// quarters.sort();
/// assert_eq!(quarters, [0, 1, 2, 3]);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Search {
    /// Independent draws.
    Random,
    /// Points of an Owen-scrambled Sobol sequence: evenly spread, however many there are.
    Sobol,
    /// Sobol points, of which the better half of each rung gets twice the steps: the last rung has
    /// all of them.
    Halving,
}

impl Search {
    /// A coordinate of a point, in [0, 1): independent of others, or of the sequence.
    ///
    /// ```
    /// use unisono::study::batch_size::Search;
    /// let half = |search: Search| (0..64).filter(|at| search.coordinate(*at, 0, 7) < 0.5).count();
    /// assert_eq!(half(Search::Sobol), 32);
    /// assert!((20..45).contains(&half(Search::Random)));
    /// ```
    pub fn coordinate(self, candidate: usize, axis: u32, seed: u64) -> f64 {
        match self {
            Search::Random => {
                let a = candidate as u32;
                let mut stream = Stream::new(seed, Purpose::Trial, a, axis as u16);
                f64::from(stream.below(1 << 24)) / f64::from(1 << 24)
            }
            _ => f64::from(sobol_burley::sample(candidate as u32, axis, seed as u32)),
        }
    }
}

impl std::str::FromStr for Search {
    type Err = StudyError;

    fn from_str(text: &str) -> Result<Self, StudyError> {
        match text {
            "random" => Ok(Search::Random),
            "sobol" => Ok(Search::Sobol),
            "halving" => Ok(Search::Halving),
            _ => Err(StudyError::Value {
                what: "the search",
                expected: "random, sobol or halving",
                got: text.to_owned(),
            }),
        }
    }
}

/// The target of a training: an error or a loss.
///
/// ```
/// use unisono::study::batch_size::Target;
/// assert_eq!(Target::Error(0.05).to_string(), "an error below 5.00 %"); // of the test rows
/// assert_eq!(Target::Loss(0.5).to_string(), "a loss below 0.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// A share of the test rows classified wrongly, in 0..=1, strictly below.
    Error(f64),
    /// A mean test loss, strictly below.
    Loss(f64),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Error(error) => write!(f, "an error below {:.2} %", 100.0 * error),
            Target::Loss(loss) => write!(f, "a loss below {loss}"),
        }
    }
}

/// A training that is tried.
///
/// Example: [`Training`](super::Training).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Rows of a batch.
    pub batch_size: usize,
    /// Which point of the search.
    pub candidate: usize,
    /// 0 in the search, from 1 on for fresh runs of its winner.
    pub repeat: usize,
    /// Learning rate, positive.
    pub lr: f64,
    /// Momentum, in 0..1; 0 for the workload's own.
    pub momentum: f64,
    /// The schedule; the workload's own if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The seed of parameters and order.
    pub seed: u64,
}

/// The outcome of a trial.
///
/// Example: [`Outcome::of`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The trial.
    pub trial: Trial,
    /// Steps until the target was reached; `None` if it was not.
    pub steps_to_target: Option<u64>,
    /// Steps that were made, and that were allowed.
    pub steps: (u64, u64),
    /// The lowest error or loss that was seen; `None` before the first evaluation.
    pub best: Option<f64>,
    /// Whether a loss or gradient was not finite.
    pub diverged: bool,
    /// Seconds on the wall.
    pub seconds: f64,
    /// Threads that it ran on: their product is at most the processor's seconds.
    pub threads: usize,
    /// The gradient noise scale in rows where the target was reached, if it is tracked.
    pub noise_scale: Option<f64>,
}

impl Outcome {
    /// The outcome of a trial that has made no step yet: for a [`Workload`](super::Workload) of
    /// one's own, which changes what it knows better.
    ///
    /// ```
    /// use unisono::study::batch_size::{Outcome, Trial};
    /// let (lr, momentum, schedule) = (0.1, 0.9, None);
    /// let trial = Trial { batch_size: 32, candidate: 0, repeat: 0, lr, momentum, schedule, seed: 1 };
    /// let mut outcome = Outcome::of(trial);
    /// assert_eq!((outcome.steps_to_target, outcome.steps, outcome.threads), (None, (0, 0), 1));
    /// // 90 of 500 steps reached the target, at an error of 4 %.
    /// (outcome.steps_to_target, outcome.steps, outcome.best) = (Some(90), (90, 500), Some(0.04));
    /// ```
    pub fn of(trial: Trial) -> Self {
        Self {
            trial,
            steps_to_target: None,
            steps: (0, 0),
            best: None,
            diverged: false,
            seconds: 0.0,
            threads: 1,
            noise_scale: None,
        }
    }
}

/// The outcome that got there in the fewest steps; of several the first candidate.
pub(super) fn fewest_steps<'o>(
    outcomes: impl IntoIterator<Item = &'o Outcome>,
) -> Option<&'o Outcome> {
    let outcomes = outcomes.into_iter();
    let reached = outcomes.filter_map(|outcome| Some((outcome.steps_to_target?, outcome)));
    let best = reached.min_by_key(|(steps, outcome)| (*steps, outcome.trial.candidate));
    best.map(|(_, outcome)| outcome)
}

impl Space {
    /// The `count` first points of a search for a batch size.
    pub fn candidates(
        &self,
        search: Search,
        count: usize,
        seed: u64,
        batch_size: usize,
    ) -> Vec<Trial> {
        let uniform = |candidate, axis| search.coordinate(candidate, axis, seed);
        let trial = |candidate: usize| Trial {
            batch_size,
            candidate,
            repeat: 0,
            lr: self.lr.at(uniform(candidate, 0)),
            momentum: self
                .one_minus_momentum
                .map_or(0.0, |range| 1.0 - range.at(uniform(candidate, 1))),
            schedule: match self.schedules.len() {
                0 => None,
                count => {
                    let place = (uniform(candidate, 2) * count as f64) as usize;
                    Some(self.schedules[place.min(count - 1)].clone())
                }
            },
            seed,
        };
        (0..count).map(trial).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_fill_the_space_and_depend_on_the_seed_alone() {
        let space = Space {
            lr: Range::new(1e-3, 1.0).unwrap(),
            one_minus_momentum: Some(Range::new(0.01, 1.0).unwrap()),
            schedules: vec![
                Schedule::constant(),
                "linear over 20 epochs".parse().unwrap(),
            ],
        };
        for search in [Search::Random, Search::Sobol, Search::Halving] {
            let trials = space.candidates(search, 64, 7, 32);
            assert_eq!(trials, space.candidates(search, 64, 7, 32));
            assert_ne!(trials, space.candidates(search, 64, 8, 32));
            let low = trials
                .iter()
                .filter(|trial| trial.lr < 1e-3_f64.sqrt())
                .count();
            assert!((16..=48).contains(&low), "{search:?}: {low}");
            for schedule in &space.schedules {
                let drawn = trials
                    .iter()
                    .filter(|trial| trial.schedule.as_ref() == Some(schedule));
                assert!((16..=48).contains(&drawn.count()), "{search:?}");
            }
            for trial in trials {
                assert!((1e-3..=1.0).contains(&trial.lr));
                assert!((0.0..=0.99).contains(&trial.momentum));
            }
        }
        // A Sobol sequence has as many points in either half of an axis.
        let sobol = space.candidates(Search::Sobol, 64, 7, 32);
        assert_eq!(
            sobol
                .iter()
                .filter(|trial| trial.lr < 1e-3_f64.sqrt())
                .count(),
            32
        );
    }
}
