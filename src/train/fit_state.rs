//! Fit state: a call of `fit` that was interrupted, and what a checkpoint is made of.

use std::collections::BTreeMap;

use crate::engine::Sums;
use crate::optim::Progress;

use super::checkpoint::Checkpoint;
use super::config::Config;
use super::control::Control;
use super::early_stopping::Early;
use super::kept::Evaluation;
use super::metric::Metric;
use super::metrics::EpochSums;
use super::state::State;
use super::state_dict::StateDict;

/// How far a call of `fit` has come.
#[derive(Clone, Debug)]
pub(super) struct FitState {
    pub(super) begun: Begun,
    /// Rows of the epoch at hand that have been seen.
    pub(super) position: usize,
    /// What the epoch has added up.
    pub(super) sums: EpochSums,
    pub(super) early: Option<Early>,
    /// What the evaluation just made gave; `None` after a further step.
    pub(super) evaluation: Option<Evaluation>,
    /// What chooses.
    watch: Metric,
    /// Whether the call made all its steps before its last epoch was over. A further call of this
    /// trainer makes as many again; one that resumes from a checkpoint goes on with this one.
    pub(super) is_cut: bool,
}

/// Where a call of `fit` began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Epochs before it.
    pub(super) epoch: u32,
    /// Updates before it.
    pub(super) step: u64,
}

impl Begun {
    /// Where the training is now.
    pub(super) fn at(progress: &Progress) -> Self {
        Self {
            epoch: progress.epoch,
            step: progress.step,
        }
    }
}

impl FitState {
    /// What a call that was interrupted has left; else that of a new one.
    pub(super) fn or_new(interrupted: Option<Self>, config: &Config, progress: &Progress) -> Self {
        interrupted.unwrap_or_else(|| Self::new(config, progress))
    }

    /// A call that begins.
    pub(super) fn new(config: &Config, progress: &Progress) -> Self {
        Self {
            begun: Begun::at(progress),
            position: 0,
            sums: EpochSums::default(),
            early: config.early_stopping.map(Early::new),
            evaluation: None,
            watch: config.watch,
            is_cut: false,
        }
    }

    /// Follows the settings, which may have changed since the call was interrupted; begins a new
    /// call, within the same epoch, if it had made all its steps.
    pub(super) fn follow(&mut self, config: &Config, progress: &Progress) {
        if self.is_cut {
            self.begun = Begun::at(progress);
            self.early = config.early_stopping.map(Early::new);
            self.is_cut = false;
        }
        let rule = self.early.as_ref().map(Early::rule);
        if (rule, self.watch) != (config.early_stopping, config.watch) {
            self.early = config.early_stopping.map(Early::new);
            self.watch = config.watch;
        }
    }

    /// The step that the call does not make any more, if it ends at one.
    pub(super) fn last_step(&self, config: &Config) -> Option<u64> {
        config.max_steps.map(|steps| self.begun.step + steps)
    }

    pub(super) fn store_state(&self, dict: &mut StateDict) {
        let Begun { epoch, step } = self.begun;
        dict.set("begun", [u64::from(epoch), step]);
        dict.set("position", [self.position as u64]);
        // What the epoch has added up.
        let EpochSums {
            sums,
            rows,
            norms,
            steps,
            lr,
            batch_size,
            time,
        } = &self.sums;
        let rest = [*steps as f64, f64::from(*lr), *batch_size as f64];
        let reals = [
            sums.loss,
            sums.weight,
            sums.correct,
            *norms,
            time.as_secs_f64(),
        ];
        dict.set_reals("epoch", reals.into_iter().chain(rest));
        dict.set_reals("epoch rows", [sums.rows, *rows as f64]);
        if let Some(early) = &self.early {
            early.store_state(dict);
        }
    }

    pub(super) fn restore(&mut self, dict: &StateDict, best: Option<Vec<f32>>) -> Option<()> {
        let [epoch, step] = dict.get("begun")?;
        self.begun = Begun {
            epoch: epoch as u32,
            step,
        };
        self.position = dict.get::<1>("position")?[0] as usize;
        let [loss, weight, correct, norms, time, steps, lr, batch_size] =
            dict.get_reals("epoch")?;
        // Checkpoints of before have no numbers of rows: there, the weight stood for them.
        let [rows, seen] = dict.get_reals("epoch rows").unwrap_or([weight; 2]);
        self.sums = EpochSums {
            sums: Sums {
                loss,
                weight,
                rows,
                correct,
                ..Sums::default()
            },
            rows: seen as u64,
            norms,
            steps: steps as u64,
            lr: lr as f32,
            batch_size: batch_size as usize,
            time: std::time::Duration::try_from_secs_f64(time).ok()?,
        };
        match &mut self.early {
            Some(early) => early.restore(dict, best, self.watch),
            None => Some(()),
        }
    }
}

/// All that the next step depends on besides weights and the optimiser's state.
#[derive(Clone, Copy)]
pub(super) struct TrainState<'a> {
    pub(super) progress: &'a Progress,
    pub(super) control: &'a Control,
    pub(super) fit_state: &'a FitState,
    /// Settings that must not change.
    pub(super) settings: &'a BTreeMap<String, String>,
}

impl TrainState<'_> {
    /// A checkpoint of it with these weights and buffers.
    pub(super) fn checkpoint(
        self,
        layout: Vec<(String, Vec<usize>)>,
        params: Vec<f32>,
        state: State,
    ) -> Checkpoint {
        let mut dict = StateDict::default();
        let Progress {
            step,
            epoch,
            examples,
            in_epoch,
        } = *self.progress;
        dict.set("progress", [step, u64::from(epoch), examples]);
        dict.set_reals("in epoch", [in_epoch]);
        self.control.store_state(&mut dict);
        self.fit_state.store_state(&mut dict);
        let early = self.fit_state.early.as_ref();
        Checkpoint {
            layout,
            params,
            state,
            best: early.and_then(Early::best).map(<[f32]>::to_vec),
            dict,
            settings: self.settings.clone(),
            evaluation: self.fit_state.evaluation,
        }
    }
}

/// What a checkpoint remembers; `None` if it does not fit the settings.
pub(super) fn restored(
    checkpoint: &mut Checkpoint,
    config: &Config,
    control: &mut Control,
) -> Option<(Progress, FitState)> {
    let dict = &checkpoint.dict;
    let [step, epoch, examples] = dict.get("progress")?;
    let [in_epoch] = dict.get_reals("in epoch")?;
    let progress = Progress {
        step,
        epoch: epoch as u32,
        examples,
        in_epoch,
    };
    control.restore(dict)?;
    let mut fit_state = FitState::new(config, &progress);
    fit_state.watch = checkpoint.watch();
    fit_state.restore(dict, checkpoint.best.take())?;
    fit_state.evaluation = checkpoint.evaluation;
    // What another metric has chosen is forgotten; `fit` refuses that unless it is allowed.
    if fit_state.watch != config.watch {
        control.restart_plateau(config);
        fit_state.follow(config, &progress);
    }
    Some((progress, fit_state))
}
