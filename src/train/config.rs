//! What a training is made of: the settings of a `Trainer`, and their checks.

use crate::data::{DataError, Dataset, Labels, Sampling};
use crate::engine::{EngineConfig, Shards, Threads, Track, default_shards};
use crate::nn::{Loss, Network, NnError, Sequential, TargetKind};
use crate::optim::{BatchRule, Optimizer, Plateau, Progress, Schedule};

use super::checkpoints::Checkpoints;
use super::early_stopping::EarlyStopping;
use super::error::TrainError;
use super::evaluations::Evaluations;

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
pub enum OnNonFinite {
    /// Leave the step out and end with an error.
    #[default]
    Stop,
    /// Leave the step out and go on; the report counts such steps.
    Skip,
}

/// All settings but the model.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) engine: EngineConfig,
    pub(super) shards: Option<Shards>,
    pub(super) loss: Loss,
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
    pub(super) tracks_noise_scale: bool,
    pub(super) tracks_layer_norms: bool,
    pub(super) epochs: u32,
    /// Steps of a call of `fit`, if it may end inside an epoch.
    pub(super) max_steps: Option<u64>,
    /// Evaluations besides those at the ends of epochs.
    pub(super) evaluations: Option<Evaluations>,
    pub(super) seed: u64,
    pub(super) on_non_finite: OnNonFinite,
}

impl Config {
    pub(super) fn new(loss: Loss) -> Self {
        Self {
            engine: EngineConfig {
                threads: Threads::Auto,
                ..EngineConfig::default()
            },
            shards: None,
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
            tracks_noise_scale: false,
            tracks_layer_norms: false,
            epochs: 10,
            max_steps: None,
            evaluations: None,
            seed: 42,
            on_non_finite: OnNonFinite::Stop,
        }
    }

    /// Checks everything that can be checked before the engine is built.
    pub(super) fn check(
        &self,
        network: &Network,
        data: [&dyn Dataset; 2],
    ) -> Result<(), TrainError> {
        if self.batch_size == 0 {
            return Err(TrainError::EmptyBatch);
        }
        self.schedule.check()?;
        self.plateau.map_or(Ok(()), |plateau| plateau.check())?;
        self.batch_rule.start(self.batch_size)?;
        if self.early_stopping.is_some_and(|rule| rule.patience == 0) {
            return Err(TrainError::NoPatience);
        }
        for (part, data) in ["training", "test"].into_iter().zip(data) {
            check_data(part, data, (&self.loss, network))?;
        }
        self.sampling.check(data[0].len())?;
        Ok(())
    }

    /// The engine's settings for a training set of `rows` rows.
    pub(super) fn engine(
        &self,
        model: &Sequential,
        rows: usize,
    ) -> Result<EngineConfig, TrainError> {
        let policy = self.batch_rule.start(self.batch_size)?;
        let (least, most) = policy.bounds();
        // For the largest batch, but every shard of the smallest one has a row.
        let default = match model_shards(model, most.min(rows)) {
            Shards::Fixed(shards) => Shards::Fixed(shards.min(least.max(1))),
            other => other,
        };
        let tracks = self.tracks_noise_scale || policy.needs_moments();
        Ok(EngineConfig {
            threads: worthwhile_threads(self.engine.threads, model, most.min(rows))?,
            shards: self.shards.unwrap_or(default),
            track: if tracks {
                Track::ShardNorms
            } else {
                Track::Nothing
            },
            ..self.engine
        })
    }

    /// Refuses statistics of shards where there are fewer than two, and batch norm over single
    /// rows.
    pub(super) fn check_shards(
        &self,
        model: &Sequential,
        (shards, rows): (usize, usize),
    ) -> Result<(), TrainError> {
        self.check_norms(model, (shards, rows))?;
        let needs = self.batch_rule.start(self.batch_size)?.needs_moments();
        let what = match (needs, self.tracks_noise_scale) {
            (true, _) => format!("the batch policy \"{}\"", self.batch_rule),
            (_, true) => "the noise scale".to_owned(),
            _ => return Ok(()),
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
        (shards, rows): (usize, usize),
    ) -> Result<(), TrainError> {
        if !model.needs_several_rows() {
            return Ok(());
        }
        let (least, _) = self.batch_rule.start(self.batch_size)?.bounds();
        let batch = least.min(rows);
        match fewest_together(batch, shards, model) {
            1 => Err(TrainError::SingleRows { batch, shards }),
            _ => Ok(()),
        }
    }

    /// That batch norm sees single rows in the last batch of an epoch.
    pub(super) fn norm_warning(
        &self,
        model: &Sequential,
        (shards, rows): (usize, usize),
    ) -> Option<String> {
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

    /// That the schedule ends before the training does, which is at `at` in a call of `fit` that
    /// began with `begun`, epochs and steps, and has seen `position` rows of its epoch.
    pub(super) fn schedule_warning(
        &self,
        at: &Progress,
        (begun, position): ((u32, u64), usize),
        rows: usize,
    ) -> Option<String> {
        let is_fixed = self.batch_rule == BatchRule::Fixed;
        let keeps_time = !matches!(self.batch_rule, BatchRule::AdaScale { .. });
        let counts_steps = self.schedule.unit == crate::optim::Unit::Steps;
        // How many steps an epoch takes is not known where batches grow, nor how far AdaScale's own
        // clock comes.
        if !keeps_time || !is_fixed && (counts_steps || self.max_steps.is_some()) {
            return None;
        }
        let batch = self.batch_size as u64;
        let (position, rows) = (position as u64, rows as u64);
        let (per_epoch, made) = (rows.div_ceil(batch), position.div_ceil(batch));
        let epochs = u64::from((begun.0 + self.epochs).saturating_sub(at.epoch));
        let left = (per_epoch * epochs).saturating_sub(made);
        let most = |steps: u64| (begun.1 + steps).saturating_sub(at.step);
        let steps = self.max_steps.map_or(left, |steps| most(steps).min(left));
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

/// The fewest rows of a batch that a batch norm takes together: of a shard that has any, or the
/// batch.
fn fewest_together(batch: usize, shards: usize, model: &Sequential) -> usize {
    match model.couples_rows() {
        true => (batch / shards).max(1),
        false => batch,
    }
}

/// Rows that a shard has at least by default where they depend on each other: the group whose
/// statistics batch norm takes.
const GROUP_ROWS: usize = 8;

/// The default shards of a batch for `model`: by positions, and at least 8 rows each where rows
/// depend on each other (batch norm over a shard), so that T threads have work at 8 T rows.
///
/// ```
/// use unisono::{engine::Shards, nn::{BatchNorm, Sequential}, train::model_shards};
/// let plain = Sequential::new(64).dense(10);
/// assert_eq!(model_shards(&plain, 16), Shards::Fixed(4));
/// assert_eq!(model_shards(&plain.layer(BatchNorm::new()), 16), Shards::Fixed(2));
/// ```
pub fn model_shards(model: &Sequential, batch_size: usize) -> Shards {
    let positions = model.input_shape();
    let positions = match positions.axes() {
        [length] if model.is_sequence() => *length,
        _ => positions.positions(),
    };
    let shards = default_shards(batch_size, positions);
    Shards::Fixed(if model.couples_rows() {
        shards.min(batch_size / GROUP_ROWS).max(1)
    } else {
        shards
    })
}

/// Multiplications and additions that are worth a thread: a step of so many takes about as long as
/// two threads need to hand over its gradient and its weights (`mlp_small`, 16 to 512 rows, where
/// 16 are slower on two threads).
const FLOPS_OF_A_THREAD: u64 = 150_000;

/// `requested`, or for [`Threads::Auto`] as many as have enough to do in a step on `batch_size`
/// rows.
///
/// ```
/// use unisono::{engine::Threads, nn::Sequential, train::worthwhile_threads};
/// let small = Sequential::new(64).dense(32).relu().dense(10);
/// assert_eq!(worthwhile_threads(Threads::Auto, &small, 16)?, Threads::AtMost(1));
/// assert_eq!(worthwhile_threads(Threads::Auto, &small, 256)?, Threads::AtMost(17));
/// assert_eq!(worthwhile_threads(Threads::Fixed(3), &small, 16)?, Threads::Fixed(3));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError::Layer`] if a layer cannot take what it gets.
pub fn worthwhile_threads(
    requested: Threads,
    model: &Sequential,
    batch_size: usize,
) -> Result<Threads, NnError> {
    if requested != Threads::Auto {
        return Ok(requested);
    }
    let flops = model
        .training_flops()?
        .executed
        .saturating_mul(batch_size as u64);
    let threads = usize::try_from(flops / FLOPS_OF_A_THREAD).unwrap_or(usize::MAX);
    Ok(Threads::AtMost(threads.max(1)))
}

pub(super) fn check_data(
    part: &'static str,
    data: &dyn Dataset,
    (loss, network): (&Loss, &Network),
) -> Result<(), TrainError> {
    if data.is_empty() {
        return Err(DataError::Empty.into());
    }
    if u32::try_from(data.len()).is_err() {
        return Err(DataError::TooManyRows { rows: data.len() }.into());
    }
    let (expected, got) = (network.model().inputs(), data.input_len());
    if expected != got {
        return Err(TrainError::InputWidth {
            part,
            expected,
            got,
        });
    }
    let outputs = network.model().output_shape()?;
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
