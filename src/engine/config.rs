//! Settings of an engine: threads, shards, all-reduce, update, balance.

use std::sync::Arc;

use super::affinity::{Pinning, Threads};
use super::all_reduce::{AllReduce, Segmented};
use super::error::{EngineError, at_most};
use super::ranks::Ranks;
use super::update::{Track, UpdateMode};
use super::watchdog::Watchdog;

/// Shards that an engine is planned for: of more the plan alone would take long.
const MOST_SHARDS: usize = 65_536;

/// What [`Shards::Auto`] stands for where model and batch size are not known.
const DEFAULT_SHARDS: usize = 16;

/// Into how many shards a batch is cut.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Shards, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy);
/// let report = trainer.epochs(0).threads(2).shards(Shards::PerWorker).fit(&train, &test)?;
/// assert_eq!(report.setup.shards, 2);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shards {
    /// As many as model and batch size ask for, in a trainer ([`crate::train::model_shards`]); 16
    /// in an engine of one's own, which knows neither.
    #[default]
    Auto,
    /// A number, at least 1, that belongs to the configuration: the trained bits do not depend on
    /// the number of threads.
    Fixed(usize),
    /// One shard a worker: the classical way, **not** the same bits for another number of threads.
    PerWorker,
}

impl Shards {
    /// How many shards this is for `num_workers` workers.
    pub(crate) fn count(self, num_workers: usize) -> Result<usize, EngineError> {
        match self {
            Shards::Auto => Ok(DEFAULT_SHARDS),
            Shards::Fixed(0) => Err(EngineError::NoShards),
            Shards::Fixed(n) => at_most("shards", n, MOST_SHARDS),
            Shards::PerWorker => Ok(num_workers),
        }
    }
}

/// How an engine is built.
///
/// ```
/// use std::sync::Arc;
/// use unisono::engine::{EngineConfig, Shards, Threads, UpdateMode, all_reduce::Tree};
/// let config = EngineConfig { threads: Threads::Fixed(2), all_reduce: Arc::new(Tree), ..EngineConfig::default() };
/// assert_eq!((config.shards, config.update), (Shards::Auto, UpdateMode::Fused));
/// ```
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Worker threads.
    pub threads: Threads,
    /// Whether workers are pinned.
    pub pinning: Pinning,
    /// Shards of a batch.
    pub shards: Shards,
    /// Who adds what.
    pub all_reduce: Arc<dyn AllReduce>,
    /// Who executes the update.
    pub update: UpdateMode,
    /// What is measured of the shards' gradients.
    pub track: Track,
    /// Whether faster workers get more shards.
    pub balance: Balance,
    /// The processes that train together; without, this one trains alone.
    pub ranks: Option<Ranks>,
    /// Who is told of a worker that stalls.
    pub watchdog: Option<Watchdog>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            threads: Threads::Auto,
            pinning: Pinning::Auto,
            shards: Shards::Auto,
            all_reduce: Arc::new(Segmented),
            update: UpdateMode::Fused,
            track: Track::Nothing,
            balance: Balance::Measured,
            ranks: None,
            watchdog: None,
        }
    }
}

/// Whether faster workers get more shards; it changes no bit.
///
/// ```
/// use unisono::{Trainer, data::digits, engine::Balance, nn::{Loss, Sequential}};
/// let (train, test) = digits();
/// let model = Sequential::new(64).dense(10);
/// let trained = |balance| {
///     let trainer = Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy).epochs(2);
///     let mut trainer = trainer.threads(2).balance(balance);
///     trainer.fit(&train, &test)?;
///     Ok::<_, unisono::TrainError>(trainer.network()?.weights_sha256())
/// };
/// assert_eq!(trained(Balance::Measured)?, trained(Balance::Even)?);
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balance {
    /// The same number of shards for each worker, give or take one.
    Even,
    /// More of them for workers that were faster in the last steps, where each worker has a core
    /// and there are more shards than workers.
    #[default]
    Measured,
}
