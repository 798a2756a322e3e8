//! Settings of a `Trainer`, and their checks.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::data::{DataError, Dataset, Labels, Sampling};
use crate::engine::{EngineConfig, Track};
use crate::nn::{Criterion, Isa, Sequential, TargetKind};
use crate::optim::{BatchBounds, BatchRule, Optimizer, Plateau, Schedule};

use super::auto::{resolve_auto, resolve_shards};
use super::checkpoints::Checkpoints;
use super::early_stopping::EarlyStopping;
use super::error::TrainError;
use super::evaluations::Evaluations;
use super::metric::Metric;

/// What to do when loss or gradient is infinite or NaN.
///
/// ```
/// use unisono::{Trainer, data::digits, optim::Optimizer, train::OnNonFinite};
/// use unisono::nn::{Loss, Sequential};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
/// let mut trainer = trainer.optimizer(Optimizer::sgd(1e38)).on_non_finite(OnNonFinite::Skip);
/// assert!(trainer.fit(&train, &test)?.skipped_steps > 0);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnNonFinite {
    /// Leave the step out and end with an error.
    #[default]
    Stop,
    /// Leave the step out and go on; the report counts such steps.
    Skip,
}

/// What to do when a worker panics in a step or an evaluation.
///
/// A step in which a replica panics is never applied, on whatever rank it was. Done again, it comes
/// to the same bits, as if nothing had happened: everything random is a function of the step. So a
/// fault that passes costs one step; one that comes back every time ends the training with its error
/// after [`OnWorkerPanic::TRIES`]. A panic outside a replica, in the all-reduce, an update or while
/// weights are passed on, breaks the engine ([`crate::engine::EngineError::Broken`]), and ends the
/// training in any case; so does one in a model that keeps a state of its rows from step to step.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::OnWorkerPanic};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
/// let report = trainer.on_worker_panic(OnWorkerPanic::Retry).fit(&train, &test)?;
/// assert_eq!(report.repeated_steps, 0);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnWorkerPanic {
    /// End with an error; the weights are those of the last whole step.
    #[default]
    Stop,
    /// Do the step, or the evaluation, again; the report counts them.
    Retry,
}

impl OnWorkerPanic {
    /// How often a step, or an evaluation, is tried.
    pub const TRIES: u32 = 3;
}

/// All settings but the model.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) engine: EngineConfig,
    /// The kernels of a network, where they are not left to machine and environment.
    pub(super) isa: Option<Isa>,
    /// Of a network; a model of one's own has one inside.
    pub(super) loss: Option<Arc<dyn Criterion>>,
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    pub(super) plateau: Option<Plateau>,
    pub(super) sampling: Sampling,
    pub(super) checkpoints: Option<Checkpoints>,
    /// Whether a checkpoint's settings may differ.
    pub(super) allows_changes: bool,
    pub(super) batch_size: usize,
    pub(super) batch_rule: BatchRule,
    pub(super) early_stopping: Option<EarlyStopping>,
    /// What chooses.
    pub(super) watch: Metric,
    pub(super) tracks_noise_scale: bool,
    pub(super) tracks_layer_norms: bool,
    pub(super) epochs: u32,
    /// Steps of a call of `fit`, if it may end inside an epoch.
    pub(super) max_steps: Option<u64>,
    /// Evaluations besides those at the ends of epochs.
    pub(super) evaluations: Option<Evaluations>,
    pub(super) seed: u64,
    pub(super) on_non_finite: OnNonFinite,
    pub(super) on_worker_panic: OnWorkerPanic,
    /// Steps between two comparisons of the ranks' parameters.
    pub(super) check_replicas: Option<NonZeroU64>,
    /// What the weights depend on besides, by name.
    pub(super) dependencies: BTreeMap<String, String>,
}

impl Config {
    pub(super) fn new(loss: Option<Arc<dyn Criterion>>) -> Self {
        Self {
            engine: EngineConfig::default(),
            isa: None,
            loss,
            optimizer: Optimizer::sgd(0.1).with_momentum(0.9),
            schedule: Schedule::constant(),
            plateau: None,
            sampling: Sampling::Shuffle,
            checkpoints: None,
            allows_changes: false,
            batch_size: 32,
            batch_rule: BatchRule::Fixed,
            early_stopping: None,
            watch: Metric::Loss,
            tracks_noise_scale: false,
            tracks_layer_norms: false,
            epochs: 10,
            max_steps: None,
            evaluations: None,
            seed: 42,
            on_non_finite: OnNonFinite::Stop,
            on_worker_panic: OnWorkerPanic::Stop,
            check_replicas: None,
            dependencies: BTreeMap::new(),
        }
    }

    /// Checks everything that can be checked without data and engine.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        if self.batch_size == 0 {
            return Err(TrainError::EmptyBatch);
        }
        self.schedule.check()?;
        if let Some(plateau) = self.plateau {
            plateau.check()?;
        }
        self.batch_rule.check(self.batch_size)?;
        if self.early_stopping.is_some_and(|rule| rule.patience == 0) {
            return Err(TrainError::NoPatience);
        }
        Ok(())
    }

    /// Refuses settings that follow the test loss where there is no test set.
    pub(super) fn check_test(&self, has_test: bool) -> Result<(), TrainError> {
        let followers = [
            ("early stopping", self.early_stopping.is_some()),
            ("the plateau rule", self.plateau.is_some()),
            ("an evaluation between steps", self.evaluations.is_some()),
            ("the metric to watch", self.watch != Metric::Loss),
        ];
        let follows = followers.into_iter().find(|(_, is_set)| *is_set);
        match follows {
            Some((setting, _)) if !has_test => Err(TrainError::NoTest { setting }),
            _ => Ok(()),
        }
    }

    /// The engine's settings for a training set of `rows` rows.
    pub(super) fn engine(
        &self,
        model: Option<&Sequential>,
        rows: usize,
    ) -> Result<EngineConfig, TrainError> {
        self.batch_rule.check(self.batch_size)?;
        let BatchBounds { least, most } = self.batch_rule.bounds(self.batch_size);
        let batches = BatchBounds {
            least,
            most: most.min(rows),
        };
        let tracks = self.tracks_noise_scale || self.batch_rule.needs_moments();
        let engine = EngineConfig {
            track: if tracks {
                Track::ShardNorms
            } else {
                Track::Nothing
            },
            ..self.engine.clone()
        };
        match model {
            Some(model) => Ok(resolve_auto(engine, model, batches)?),
            None => Ok(resolve_shards(engine, batches)),
        }
    }

    /// Refuses statistics of shards where there are fewer than two, and batch norm over single
    /// rows, for a training set of `rows` rows.
    pub(super) fn check_shards(
        &self,
        model: Option<&Sequential>,
        shards: usize,
        rows: usize,
    ) -> Result<(), TrainError> {
        if let Some(model) = model {
            self.check_norms(model, shards, rows)?;
            // Rows find their states by their place in the batch, and so with the worker whose shard
            // holds that place: another batch is cut elsewhere.
            let last = rows % self.batch_size;
            let is_cut_alike = self.batch_rule == BatchRule::Fixed && (last == 0 || rows == last);
            if shards > 1 && !is_cut_alike && model.carries_state() {
                return Err(TrainError::CarriedState {
                    policy: self.batch_rule.to_string(),
                    batch: self.batch_size,
                    last,
                });
            }
        }
        let what = if self.batch_rule.needs_moments() {
            format!("the batch policy \"{}\"", self.batch_rule)
        } else if self.tracks_noise_scale {
            "the noise scale".to_owned()
        } else {
            return Ok(());
        };
        if shards < 2 {
            return Err(TrainError::TooFewShards { what, shards });
        }
        Ok(())
    }

    /// Refuses batch norm over single rows, of which it leaves nothing.
    ///
    /// # Errors
    /// [`TrainError::SingleRows`].
    fn check_norms(
        &self,
        model: &Sequential,
        shards: usize,
        rows: usize,
    ) -> Result<(), TrainError> {
        if !model.needs_several_rows() {
            return Ok(());
        }
        let batch = self.batch_rule.bounds(self.batch_size).least.min(rows);
        if fewest_together(batch, shards, model) == 1 {
            return Err(TrainError::SingleRows { batch, shards });
        }
        Ok(())
    }
}

/// The fewest rows of a batch that a batch norm takes together: of a shard that has any, or the
/// batch.
pub(super) fn fewest_together(batch: usize, shards: usize, model: &Sequential) -> usize {
    if model.has_cross_row_stats() {
        (batch / shards).max(1)
    } else {
        batch
    }
}

/// Checks that the rows of `part` fit a model and its loss.
pub(super) fn check_data(
    part: &'static str,
    data: &dyn Dataset,
    loss: &dyn Criterion,
    model: &Sequential,
) -> Result<(), TrainError> {
    // Rows, and the width of each.
    if data.is_empty() {
        return Err(DataError::Empty.into());
    }
    if u32::try_from(data.len()).is_err() {
        return Err(DataError::TooManyRows { rows: data.len() }.into());
    }
    let (expected, got) = (model.inputs(), data.input_len());
    if expected != got {
        return Err(TrainError::InputWidth {
            part,
            expected,
            got,
        });
    }
    // Labels of the kind that the loss compares the outputs with.
    let outputs = model.output_shape()?;
    if let Some(problem) = loss.problem(&outputs) {
        return Err(TrainError::Loss { problem });
    }
    let got = data.labels();
    let expected = match loss.target_kind(&outputs) {
        TargetKind::Classes {
            classes,
            per_row: 1,
        } => Labels::Classes(classes),
        TargetKind::Classes { classes, per_row } => Labels::Sequence {
            classes,
            len: per_row,
        },
        TargetKind::Values(n) => Labels::Values(n),
    };
    let fits = match (expected, got) {
        (Labels::Classes(most), Labels::Classes(n)) => n <= most,
        (
            Labels::Sequence {
                classes: most,
                len: expected,
            },
            Labels::Sequence { classes, len },
        ) => classes <= most && len == expected,
        (Labels::Values(width), Labels::Values(n)) => n == width,
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(TrainError::LabelKind {
            part,
            outputs,
            expected,
            got,
        })
    }
}
