//! Early stopping: when training ends before its last epoch, and which weights it keeps.

use crate::engine::MeanErrors;

use super::kept::Scores;
use super::metric::{Metric, Watched};
use super::state_dict::StateDict;

/// When to stop before the last epoch.
///
/// ```
/// use unisono::train::EarlyStopping;
/// let rule = EarlyStopping { patience: 2, ..EarlyStopping::default() };
/// let mut state = rule.start();
/// let stops: Vec<bool> = [1.0, 0.8, 0.8, 0.9].map(|loss| state.observe(loss).stops).to_vec();
/// assert_eq!(stops, [false, false, false, true]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// Evaluations without improvement that end training, at least 1.
    pub patience: u32,
    /// How much smaller a loss must be than the best so far, or how much better the metric that
    /// chooses ([`crate::Trainer::watch`]).
    pub min_delta: f64,
    /// Whether the network is that of the best evaluation at the end.
    pub restore_best: bool,
}

impl Default for EarlyStopping {
    /// After 10 evaluations without any improvement; the best network is restored.
    fn default() -> Self {
        Self {
            patience: 10,
            min_delta: 0.0,
            restore_best: true,
        }
    }
}

impl EarlyStopping {
    /// Before the first evaluation.
    pub fn start(self) -> EarlyStoppingState {
        EarlyStoppingState {
            rule: self,
            best: f64::INFINITY,
            bad: 0,
        }
    }
}

/// State of an early-stopping rule.
///
/// Example: [`EarlyStopping`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStoppingState {
    rule: EarlyStopping,
    best: f64,
    bad: u32,
}

/// What an evaluation means to an early-stopping rule.
///
/// ```
/// use unisono::train::EarlyStopping;
/// let mut state = EarlyStopping { patience: 1, ..EarlyStopping::default() }.start();
/// let (first, second) = (state.observe(0.5), state.observe(0.7));
/// assert!(first.is_best && !first.stops && second.stops);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// It was the best so far.
    pub is_best: bool,
    /// Training ends.
    pub stops: bool,
}

/// An epoch that was evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evaluated {
    /// Epochs so far, this one among them.
    pub(super) epoch: u32,
    /// Updates so far.
    pub(super) step: u64,
    pub(super) scores: Scores,
}

/// Early stopping in a call of `fit`: the rule, and the best parameters.
#[derive(Clone, Debug)]
pub(super) struct Early {
    state: EarlyStoppingState,
    best: Option<(Evaluated, Vec<f32>)>,
    pub(super) stops: bool,
}

impl Early {
    pub(super) fn new(rule: EarlyStopping) -> Self {
        Self {
            state: rule.start(),
            best: None,
            stops: false,
        }
    }

    /// The rule it follows.
    pub(super) fn rule(&self) -> EarlyStopping {
        self.state.rule
    }

    pub(super) fn observe(&mut self, evaluated: Evaluated, params: impl FnOnce() -> Vec<f32>) {
        let verdict = self.state.observe(evaluated.scores.badness());
        if verdict.is_best {
            self.best = Some((evaluated, params()));
        }
        self.stops = verdict.stops;
    }

    /// The best parameters so far.
    pub(super) fn best(&self) -> Option<&[f32]> {
        self.best.as_ref().map(|(_, params)| &**params)
    }

    /// Stores all but the best parameters.
    pub(super) fn store_state(&self, dict: &mut StateDict) {
        dict.set("early", [self.state.best.to_bits(), self.state.bad.into()]);
        if let Some((at, _)) = &self.best {
            dict.set("early best", [at.epoch.into(), at.step]);
            dict.set_reals("early best scores", [at.scores.loss, at.scores.accuracy]);
            if let Some(MeanErrors { squared, absolute }) = at.scores.errors {
                dict.set_reals("early best errors", [squared, absolute]);
            }
            if let Some(Watched { value, .. }) = at.scores.watched {
                dict.set_reals("early best watched", [value]);
            }
        }
    }

    /// Takes over what [`Early::store_state`] wrote, and the best parameters.
    pub(super) fn restore(
        &mut self,
        dict: &StateDict,
        params: Option<Vec<f32>>,
        metric: Metric,
    ) -> Option<()> {
        let [best, bad] = dict.get("early")?;
        self.state.best = f64::from_bits(best);
        self.state.bad = bad as u32;
        self.best = match params {
            None => None,
            Some(params) => {
                let [epoch, step] = dict.get("early best")?;
                let [loss, accuracy] = dict.get_reals("early best scores")?;
                let errors = dict.get_reals("early best errors");
                let errors = errors.map(|[squared, absolute]| MeanErrors { squared, absolute });
                let watched = dict.get_reals("early best watched");
                let at = Evaluated {
                    epoch: epoch as u32,
                    step,
                    scores: Scores {
                        loss,
                        accuracy,
                        errors,
                        watched: watched.map(|[value]| Watched { metric, value }),
                    },
                };
                Some((at, params))
            }
        };
        Some(())
    }

    /// The best epoch so far.
    pub(super) fn best_epoch(&self) -> Option<Evaluated> {
        self.best.as_ref().map(|&(at, _)| at)
    }

    /// The best parameters, if they are to be restored.
    pub(super) fn restored(&self) -> Option<&[f32]> {
        self.best().filter(|_| self.state.rule.restore_best)
    }
}

impl EarlyStoppingState {
    /// Takes an evaluation's loss, or how bad the metric that chooses is
    /// ([`Metric::badness`]).
    pub fn observe(&mut self, loss: f64) -> Verdict {
        let is_best = loss < self.best - self.rule.min_delta;
        if is_best {
            self.best = loss;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        Verdict {
            is_best,
            stops: self.bad >= self.rule.patience,
        }
    }
}
