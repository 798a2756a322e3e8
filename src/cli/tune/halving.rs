//! Successive halving: all trials begin, and after each rung the best third goes on with three
//! times the epochs.
//!
//! ```text
//! 20 trials, 10 epochs:   rung 1: 20 trials, 1 epoch   rung 2: 6 trials, 3 epochs   rung 3: 2 trials, 10 epochs
//! ```
//! It is one bracket of Hyperband with η = 3, the one that begins with the fewest epochs. Schedules
//! are those of all epochs, on every rung: a trial that goes on is the training that it would have
//! been without rungs, bit for bit.
//!
//! # Order
//! A rung begins when the one before is over, and goes by its outcomes alone, so that who goes on
//! depends neither on the threads nor on the trials side by side.
//!
//! # References
//! - Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter
//!   Optimization", AISTATS: algorithm 1.
//! - Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar 2018, "Hyperband", JMLR 18(185): algorithm 1.

use crate::cli::error::{ArgError, CommandError, refused};
use crate::cli::side_by_side::side_by_side;
use crate::run::in_digits;
use crate::train::Metric;

use super::trial::{Stage, Trial};
use super::tried::{Tried, ranked};

/// Of so many trials the best one goes on, with as many times the epochs (η).
const SHARE: usize = 3;

/// The rungs of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rungs {
    trials: usize,
    /// How many rungs there are.
    count: usize,
}

impl Rungs {
    /// As many as leave each a trial, and an epoch of the longest trial.
    pub(super) fn of(trials: &[Trial]) -> Result<Self, ArgError> {
        let epochs = trials.iter().map(|trial| trial.args.run.epochs);
        Self::new(trials.len(), epochs.max().unwrap_or(0))
    }

    fn new(trials: usize, epochs: u32) -> Result<Self, ArgError> {
        let thirds = |count: usize| count.checked_ilog(SHARE).unwrap_or(0) as usize;
        match thirds(trials).min(thirds(epochs as usize)) {
            0 => {
                let expected = format!(
                    "sobol or random for {trials} trials of {epochs} epochs: of {SHARE} trials one goes on, with {SHARE} times the epochs"
                );
                Err(refused("search", expected, "halving"))
            }
            thirds => Ok(Self {
                trials,
                count: thirds + 1,
            }),
        }
    }

    /// Trials on a rung, from 0.
    fn trials(self, rung: usize) -> usize {
        self.trials / SHARE.pow(rung as u32)
    }

    /// Epochs on a rung of a trial that has `all` of them.
    fn epochs(self, rung: usize, all: u32) -> u32 {
        let share = SHARE.pow((self.count - 1 - rung) as u32) as f64;
        ((f64::from(all) / share).round() as u32).clamp(1, all.max(1))
    }

    /// The outcomes of all trials, each of the last rung that it came to.
    pub(super) fn run(
        self,
        all: Vec<Trial>,
        parallel: usize,
        metric: Metric,
        tell: impl Fn(&Tried),
    ) -> Result<Vec<Tried>, CommandError> {
        let (mut left, mut ended) = (all, Vec::new());
        for rung in 0..self.count {
            let side = parallel.min(left.len());
            for trial in &mut left {
                let before = trial.stage.take().and_then(|stage| stage.before);
                trial.is_alone = side == 1;
                trial.stage = Some(Stage {
                    rung: rung + 1,
                    epochs: self.epochs(rung, trial.args.run.epochs),
                    before,
                });
            }
            say!("rung {} of {}: {}", rung + 1, self.count, about(&left));
            let outcomes = ranked(side_by_side(&left, side, &tell)?, metric);
            // Who goes on.
            let goes_on = match rung + 1 < self.count {
                true => self.trials(rung + 1),
                false => 0,
            };
            let finite = outcomes.iter().filter(|tried| tried.value.is_some());
            let goes_on = goes_on.min(finite.count());
            if let (Some(best), true) = (outcomes.first().and_then(|best| best.value), goes_on > 0)
            {
                say!("going on: {goes_on}, best {metric} {}", in_digits(best));
            }
            left = next(left, &outcomes[..goes_on])?;
            ended.extend(outcomes.into_iter().skip(goes_on));
            if left.is_empty() {
                break;
            }
        }
        Ok(ended)
    }
}

/// How many trials there are, of how many epochs.
fn about(trials: &[Trial]) -> String {
    let epochs = trials
        .iter()
        .filter_map(|trial| Some(trial.stage.as_ref()?.epochs));
    let (least, most) = (epochs.clone().min(), epochs.max());
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(0));
    let trials = match trials.len() {
        1 => "1 trial".to_owned(),
        count => format!("{count} trials"),
    };
    match (least, most) {
        (1, 1) => format!("{trials}, 1 epoch each"),
        (least, most) if least == most => format!("{trials}, {most} epochs each"),
        (least, most) => format!("{trials}, {least} to {most} epochs each"),
    }
}

/// The trials that go on, in their order; the checkpoints of others are removed.
fn next(trials: Vec<Trial>, going_on: &[Tried]) -> Result<Vec<Trial>, CommandError> {
    let mut left = Vec::new();
    for mut trial in trials {
        let own = going_on.iter().find(|tried| tried.trial == trial.number);
        match (own, &mut trial.stage) {
            (Some(own), Some(stage)) => {
                stage.before = Some(own.clone());
                left.push(trial);
            }
            _ => trial.forget()?,
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_trials_goes_on_with_three_times_the_epochs() {
        let rungs = |trials, epochs| {
            let rungs = Rungs::new(trials, epochs).unwrap();
            let rung = |rung| (rungs.trials(rung), rungs.epochs(rung, epochs));
            (0..rungs.count).map(rung).collect::<Vec<_>>()
        };
        assert_eq!(rungs(20, 10), [(20, 1), (6, 3), (2, 10)]);
        assert_eq!(rungs(27, 27), [(27, 1), (9, 3), (3, 9), (1, 27)]);
        assert_eq!(rungs(81, 9), [(81, 1), (27, 3), (9, 9)]);
        assert_eq!(rungs(3, 100), [(3, 33), (1, 100)]);
        // A trial that has fewer epochs than others.
        assert_eq!(Rungs::new(9, 9).unwrap().epochs(1, 2), 1);
    }

    #[test]
    fn what_cannot_be_halved_is_refused() {
        for (trials, epochs) in [(2, 100), (100, 2), (9, 0)] {
            let error = Rungs::new(trials, epochs).unwrap_err().to_string();
            assert!(
                error.contains("--search must be sobol or random for"),
                "{error}"
            );
        }
    }
}
