//! Standing of a trial: the weights that it would keep now, by the rows that choose.

use std::ops::ControlFlow;

use crate::cli::config::TrainSettings;
use crate::train::{Event, Kept, Metric, Scores};

use super::tried::Tried;

/// How a trial stands; nothing before its first evaluation, and of one that diverged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// The metric that chooses, where it is finite.
    pub(super) value: Option<f64>,
    pub(super) loss: Option<f64>,
    /// The epoch that is kept.
    pub(super) epoch: u32,
    pub(super) steps: u64,
    metric: Metric,
    /// Whether the best epoch is kept (early stopping), not the last one.
    keeps_best: bool,
    /// The epoch after which the rung ends, if that is before the last one.
    last: Option<u32>,
    ends_rung: bool,
}

impl Standing {
    /// Before the first epoch of a training whose rung ends after `last` epochs.
    pub(super) fn new(settings: &TrainSettings, last: Option<u32>) -> Self {
        Self {
            metric: settings.watch,
            keeps_best: settings.early_stopping.is_some(),
            last: last.filter(|last| *last < settings.epochs),
            ..Self::default()
        }
    }

    /// That of the weights that a whole training keeps.
    pub(super) fn of(kept: &Kept) -> Self {
        let mut standing = Self {
            epoch: kept.epoch,
            steps: kept.step,
            ..Self::default()
        };
        if let Some(scores) = kept.valid.or(kept.test) {
            standing.take(scores);
        }
        standing
    }

    /// Goes on from an earlier rung.
    pub(super) fn begin_with(&mut self, before: &Tried) {
        (self.value, self.loss) = (before.value, before.loss);
        (self.epoch, self.steps) = (before.epoch, before.steps);
    }

    /// Whether the training was ended because its rung was over.
    pub(super) fn ends_rung(&self) -> bool {
        self.ends_rung
    }

    fn take(&mut self, scores: Scores) {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        self.value = finite(value_of(scores));
        self.loss = finite(scores.loss);
    }

    /// Takes an event of the training, and ends it with its rung.
    pub(super) fn see(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        let Event::Epoch(epoch) = event else {
            return ControlFlow::Continue(());
        };
        let scores = epoch.evaluated();
        let badness = |value: f64| self.metric.badness(value);
        let known = self.value.map_or(f64::INFINITY, badness);
        if !self.keeps_best || badness(value_of(scores)) < known {
            self.take(scores);
            (self.epoch, self.steps) = (epoch.epoch, epoch.step);
        }
        // Of an epoch that is cut short the whole training is over.
        let is_over = epoch.is_whole && self.last.is_some_and(|last| epoch.epoch >= last);
        self.ends_rung |= is_over;
        match is_over {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// The metric that chooses.
fn value_of(scores: Scores) -> f64 {
    scores.watched.map_or(scores.loss, |watched| watched.value)
}
