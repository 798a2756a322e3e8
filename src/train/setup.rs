//! Setup: what a training runs on, and what its user should know before it begins.

use crate::engine::{Engine, Replica};
use crate::nn::Sequential;
use crate::optim::{BatchRule, Progress, Unit};

use super::config::{Config, fewest_together};
use super::fit_state::{Begun, FitState};
use super::metrics::Setup;
use super::model::Model;
use super::rows::RowCounts;
use super::source::ChainUpdate;
use super::trainer::Trainer;

impl<M: Model> Trainer<M> {
    /// The setup of a training on so many rows.
    pub(super) fn setup<R: Replica>(
        &self,
        engine: &Engine<R, ChainUpdate>,
        counts: RowCounts,
    ) -> Setup {
        let rows = counts.train;
        let config = &self.config;
        let (shards, batch_size) = (engine.num_shards(), config.batch_size);
        let short = (batch_size > rows).then(|| {
            format!("the batch of {batch_size} rows is larger than the {rows} rows of the training set: every epoch is one short batch")
        });
        let warnings = [
            engine.placement().warning(),
            config.schedule_warning(&self.progress, self.fit_state.as_ref(), rows),
            engine.warning(),
            short,
            self.carried_warning(),
            self.model
                .layers()
                .and_then(|model| config.norm_warning(model, shards, rows)),
        ];
        Setup {
            placement: engine.placement().clone(),
            ranks: engine.rank_placements().to_vec(),
            shards,
            rows,
            valid_rows: 0,
            test_rows: counts.test,
            epochs: config.epochs,
            batch_size,
            layers: Vec::new(),
            warnings: warnings.into_iter().flatten().collect(),
        }
    }
}

impl<M: Model> Trainer<M> {
    /// That the epoch goes on without the states that its batches have carried.
    fn carried_warning(&self) -> Option<String> {
        let is_within = self.fit_state.as_ref().is_some_and(|at| at.position > 0);
        let carries = || self.model.layers().is_some_and(Sequential::carries_state);
        (is_within && carries()).then(|| {
            "the training goes on within an epoch, and no checkpoint holds the states that the model carries from batch to batch: they begin with zeros, so the weights are not those of an unbroken training; checkpoints at the end of an epoch lose none".to_owned()
        })
    }
}

impl Config {
    /// That batch norm sees single rows in the last batch of an epoch.
    fn norm_warning(&self, model: &Sequential, shards: usize, rows: usize) -> Option<String> {
        let is_fixed = self.batch_rule == BatchRule::Fixed && self.batch_size < rows;
        let last = rows % self.batch_size;
        let warns = is_fixed
            && last > 0
            && model.needs_several_rows()
            && fewest_together(last, shards, model) == 1;
        warns.then(|| {
            format!("the last batch of an epoch has {last} rows, and batch norm takes some of them by themselves: it turns them into zeros; choose another batch size")
        })
    }

    /// That the schedule ends before the training does, which is at `at`, within the call
    /// `fit_state` of `fit` if that was interrupted.
    fn schedule_warning(
        &self,
        at: &Progress,
        fit_state: Option<&FitState>,
        rows: usize,
    ) -> Option<String> {
        let is_fixed = self.batch_rule == BatchRule::Fixed;
        let keeps_time = !matches!(self.batch_rule, BatchRule::AdaScale { .. });
        let counts_steps = self.schedule.unit == Unit::Steps;
        // How many steps an epoch takes is not known where batches grow, nor how far AdaScale's own
        // clock comes.
        if !keeps_time || !is_fixed && (counts_steps || self.max_steps.is_some()) {
            return None;
        }
        let begun = fit_state.map_or(Begun::at(at), |fit_state| fit_state.begun);
        let position = fit_state.map_or(0, |fit_state| fit_state.position) as u64;
        // Steps of the epoch at hand, and those that are left to the end of the call.
        let (batch, rows) = (self.batch_size as u64, rows as u64);
        let (per_epoch, made) = (rows.div_ceil(batch), position.div_ceil(batch));
        let epochs = u64::from((begun.epoch + self.epochs).saturating_sub(at.epoch));
        let left = (per_epoch * epochs).saturating_sub(made);
        let most = |steps: u64| (begun.step + steps).saturating_sub(at.step);
        let steps = self.max_steps.map_or(left, |steps| most(steps).min(left));
        // Where the training will be then.
        let (epochs, rest) = ((made + steps) / per_epoch, (made + steps) % per_epoch);
        let last = Progress {
            epoch: at.epoch + epochs as u32,
            examples: (at.examples + epochs * rows + rest * batch).saturating_sub(position),
            step: at.step + steps,
            in_epoch: rest as f64 / per_epoch as f64,
        };
        self.schedule.warning(&last)
    }
}
