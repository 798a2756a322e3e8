//! Scenario of a simulated step: ranks, threads, shards, stragglers.

use std::sync::Arc;

use crate::engine::all_reduce::{self, Segmented};
use crate::engine::{AllReduce, LinkCosts};
use crate::seed::{Purpose, Stream};

use super::costs::StepCosts;
use super::error::ScalingError;

/// A step that is asked "what if".
///
/// ```
/// use unisono::study::scaling::{Scenario, StepCosts};
/// let costs = StepCosts { row_s: 1e-5, crowded_row_s: 1e-5, fixed_s: 0.0, message_s: 1e-6, add_s: 1e-10, update_s: 1e-10 };
/// let even = Scenario { threads: 64, shards: 64, rows: 4096, params: 1_000_000, ..Scenario::default() };
/// let limping = Scenario { straggler: 1.3, ..even.clone() };
/// let (even, limping) = (even.simulate(&costs)?, limping.simulate(&costs)?);
/// assert!(limping.step_s - even.step_s > 0.29 * 64.0 * 1e-5);
/// // The same on 16 processes with 4 threads each, which have a network between them.
/// let apart = Scenario { ranks: 16, threads: 4, shards: 64, rows: 4096, params: 1_000_000, ..Scenario::default() };
/// assert!(apart.simulate(&costs)?.step_s > even.step_s);
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Processes.
    pub ranks: usize,
    /// Worker threads of each.
    pub threads: usize,
    /// Shards of a batch.
    pub shards: usize,
    /// Rows of a batch.
    pub rows: usize,
    /// Parameters.
    pub params: usize,
    /// Who adds what.
    pub all_reduce: Arc<dyn AllReduce>,
    /// How many times as long the last worker computes.
    pub straggler: f64,
    /// The standard deviation of the workers' times, as a share of them.
    pub jitter: f64,
    /// The seed of the jitter.
    pub seed: u64,
    /// What messages between ranks cost.
    pub link: LinkCosts,
    /// Cores of the one machine that all ranks share; if none are said, each rank has a machine,
    /// with a core for each of its threads.
    pub cores: Option<usize>,
}

impl Default for Scenario {
    /// One row on one thread.
    fn default() -> Self {
        Self {
            ranks: 1,
            threads: 1,
            shards: 1,
            rows: 1,
            params: 1,
            all_reduce: Arc::new(Segmented),
            straggler: 1.0,
            jitter: 0.0,
            seed: 42,
            link: LinkCosts::default(),
            cores: None,
        }
    }
}

/// When the parts of a step ended, in seconds from its beginning.
///
/// Example: [`Scenario`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct StepTimeline {
    /// The slowest worker has its gradient.
    pub folded_s: f64,
    /// The master has all reports; of several ranks, the last one.
    pub reduced_s: f64,
    /// The last worker has executed its update.
    pub updated_s: f64,
    /// Every replica has the new weights.
    pub step_s: f64,
    /// Bytes that a rank has sent to others, the most of all ranks.
    pub sent_bytes: u64,
}

/// Ranks of a scenario at most: each has a plan of its own, which knows all others.
const MOST_RANKS: usize = 4096;

impl Scenario {
    /// Our all-reduce called `name`.
    ///
    /// # Errors
    /// [`ScalingError::Scenario`] for another name.
    pub fn with_all_reduce(self, name: &str) -> Result<Self, ScalingError> {
        let all_reduce = all_reduce::by_name(name).ok_or_else(|| ScalingError::Scenario {
            what: "the all-reduce",
            expected: all_reduce::names(),
            got: name.to_owned(),
        })?;
        Ok(Self { all_reduce, ..self })
    }

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// [`ScalingError::Scenario`].
    pub fn check(&self) -> Result<(), ScalingError> {
        let odd = |what, expected: &str, got: String| {
            Err(ScalingError::Scenario {
                what,
                expected: expected.to_owned(),
                got,
            })
        };
        if self.ranks == 0 || self.ranks > MOST_RANKS {
            return odd("ranks", "from 1 to 4,096", self.ranks.to_string());
        }
        let workers = self.ranks.saturating_mul(self.threads);
        if workers == 0 || workers > 65_536 {
            let got = match self.ranks {
                1 => self.threads.to_string(),
                ranks => format!("{} of each of {ranks} ranks", self.threads),
            };
            return odd("threads", "from 1 to 65,536 in all", got);
        }
        if self.shards < workers {
            let got = format!("{} for {workers} threads", self.shards);
            return odd("shards", "at least one a thread", got);
        }
        let is_counted = u32::try_from(self.rows).is_ok();
        if self.rows < self.shards || !is_counted || self.params == 0 {
            let got = format!(
                "{} rows, {} shards, {} parameters",
                self.rows, self.shards, self.params
            );
            return odd(
                "rows and parameters",
                "a row a shard and a parameter at least, and at most 4294967295 rows",
                got,
            );
        }
        if !(1.0..=1e6).contains(&self.straggler) {
            return odd(
                "the straggler's factor",
                "from 1 to 1,000,000",
                self.straggler.to_string(),
            );
        }
        if !(0.0..1.0).contains(&self.jitter) {
            return odd("the jitter", "from 0 to below 1", self.jitter.to_string());
        }
        if self.cores == Some(0) {
            return odd("cores", "at least 1", "0".to_owned());
        }
        let link = self.link;
        let costs = [link.latency_s, link.message_s, link.byte_s];
        if !costs.iter().all(|cost| (0.0..=1e3).contains(cost)) {
            return odd(
                "costs of the link",
                "from 0 to 1,000 s",
                format!("{costs:?}"),
            );
        }
        Ok(())
    }

    /// Workers of all ranks.
    pub(super) fn num_workers(&self) -> usize {
        self.ranks * self.threads
    }

    /// How many times as long everything takes because workers share cores.
    pub(super) fn slowdown(&self) -> f64 {
        let workers = self.num_workers() as f64;
        self.cores
            .map_or(1.0, |cores| (workers / cores as f64).max(1.0))
    }

    /// The costs on the cores that there are.
    pub(super) fn slowed(&self, costs: &StepCosts) -> StepCosts {
        let slower = self.slowdown();
        StepCosts::from_array(&costs.to_array().map(|cost| cost * slower))
    }

    /// Seconds that worker `worker` of all ranks computes, of `rows` rows.
    pub(super) fn compute_s(&self, worker: usize, rows: usize, costs: &StepCosts) -> f64 {
        let mut stream = Stream::new(self.seed, Purpose::Simulate, worker as u32, 0);
        let normal = stream.normal();
        let slow = if worker + 1 == self.num_workers() {
            self.straggler
        } else {
            1.0
        };
        // Who shares a machine shares its memory and its power.
        let on_a_machine = match self.cores {
            Some(_) => self.num_workers(),
            None => self.threads,
        };
        let row_s = match on_a_machine {
            1 => costs.row_s,
            _ => costs.crowded_row_s,
        };
        rows as f64 * row_s * slow * (1.0 + self.jitter * normal).max(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: StepCosts = StepCosts {
        row_s: 2e-5,
        crowded_row_s: 2e-5,
        fixed_s: 1e-6,
        message_s: 5e-7,
        add_s: 2e-10,
        update_s: 4e-10,
    };

    fn scenario(threads: usize) -> Scenario {
        Scenario {
            threads,
            shards: 64,
            rows: 4096,
            params: 1 << 20,
            ..Scenario::default()
        }
    }

    #[test]
    fn the_simulation_agrees_with_the_closed_form() {
        for threads in [1, 2, 4, 8, 16, 64] {
            let t = threads as f64;
            let params = f64::from(1 << 20);
            let messages = if threads == 1 { 0.0 } else { 6.0 };
            let expected = COSTS.fixed_s
                + 4096.0 / t * COSTS.row_s
                + params * (COSTS.add_s * (t - 1.0) / t + COSTS.update_s / t)
                + messages * COSTS.message_s;
            let simulated = scenario(threads).simulate(&COSTS).unwrap().step_s;
            let error = simulated / expected - 1.0;
            assert!(
                error.abs() < 0.02,
                "{threads} threads: {simulated}, {expected}"
            );
        }
    }

    #[test]
    fn the_naive_all_reduce_and_stragglers_cost_what_they_must() {
        let params = f64::from(1 << 20);
        let naive = scenario(8).with_all_reduce("naive").unwrap();
        let naive = naive.simulate(&COSTS).unwrap();
        // One worker adds seven times the whole gradient, and updates it alone.
        assert!(naive.reduced_s - naive.folded_s > 7.0 * params * COSTS.add_s);
        let even = scenario(8).simulate(&COSTS).unwrap();
        let slow = Scenario {
            straggler: 1.5,
            ..scenario(8)
        };
        let slow = slow.simulate(&COSTS).unwrap();
        let late = slow.folded_s - even.folded_s;
        assert!((late - 0.5 * 512.0 * COSTS.row_s).abs() < 1e-6);
    }

    #[test]
    fn scenarios_that_mean_nothing_are_named() {
        let error = |scenario: Scenario| scenario.simulate(&COSTS).unwrap_err().to_string();
        let odd = [
            (
                Scenario {
                    threads: 0,
                    ..scenario(1)
                },
                "threads must be from 1",
            ),
            (
                scenario(65),
                "shards must be at least one a thread, got 64 for 65",
            ),
            (
                Scenario {
                    ranks: 4097,
                    ..scenario(1)
                },
                "ranks must be from 1 to 4,096, got 4097",
            ),
            (
                Scenario {
                    ranks: 4096,
                    ..scenario(64)
                },
                "threads must be from 1 to 65,536 in all, got 64 of each of 4096 ranks",
            ),
            (
                Scenario {
                    cores: Some(0),
                    ..scenario(2)
                },
                "cores must be at least 1",
            ),
            (
                Scenario {
                    straggler: 0.5,
                    ..scenario(2)
                },
                "the straggler's factor must be",
            ),
            (
                Scenario {
                    jitter: f64::NAN,
                    ..scenario(2)
                },
                "the jitter must be",
            ),
        ];
        for (scenario, message) in odd {
            let error = error(scenario);
            assert!(error.starts_with(message), "{error}");
        }
        let error = scenario(1).with_all_reduce("ring").unwrap_err().to_string();
        let expected = format!("the all-reduce must be {}, got ring", all_reduce::names());
        assert_eq!(error, expected);
    }

    #[test]
    fn an_all_reduce_of_ones_own_is_simulated_or_refused() {
        /// Leaves everything to one worker.
        #[derive(Debug)]
        struct Only(usize);
        impl AllReduce for Only {
            fn name(&self) -> &str {
                "only"
            }
            fn adder(&self, _left: usize, _segment: usize, _num_workers: usize) -> usize {
                self.0
            }
        }
        let simulated = |worker| {
            let all_reduce = Arc::new(Only(worker));
            Scenario {
                all_reduce,
                ..scenario(8)
            }
            .simulate(&COSTS)
        };
        let naive = scenario(8).with_all_reduce("naive").unwrap();
        assert_eq!(simulated(0).unwrap(), naive.simulate(&COSTS).unwrap());
        let error = simulated(8).unwrap_err().to_string();
        assert!(
            error.contains("only leaves additions to worker 8"),
            "{error}"
        );
    }
}
