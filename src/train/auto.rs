//! Automatic settings: threads and shards, decided by the model and its batches.

use crate::engine::{EngineConfig, Shards, Threads, default_shards};
use crate::nn::{NnError, Sequential};
use crate::optim::BatchBounds;

/// `config` with a number in place of what is automatic: threads by [`worthwhile_threads`], shards
/// by [`model_shards`].
///
/// ```
/// use unisono::{engine::{EngineConfig, Shards, Threads}, nn::Sequential, optim::BatchBounds};
/// let model = Sequential::new(64).dense(10);
/// let config = unisono::train::resolve_auto(EngineConfig::default(), &model, BatchBounds::fixed(32))?;
/// assert_eq!((config.threads, config.shards), (Threads::AtMost(1), Shards::Fixed(4)));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
///
/// # Errors
/// [`NnError::Layer`] if a layer cannot take what it gets.
pub fn resolve_auto(
    config: EngineConfig,
    model: &Sequential,
    batches: BatchBounds,
) -> Result<EngineConfig, NnError> {
    Ok(EngineConfig {
        threads: worthwhile_threads(config.threads, model, batches.most)?,
        shards: match config.shards {
            Shards::Auto => Shards::Fixed(model_shards(model, batches)),
            given => given,
        },
        ..config
    })
}

/// `config` with shards in place of [`Shards::Auto`], for a model of which nothing but its batches
/// is known.
pub(super) fn resolve_shards(config: EngineConfig, batches: BatchBounds) -> EngineConfig {
    let shards = default_shards(batches.most, 1).min(batches.least.max(1));
    EngineConfig {
        shards: match config.shards {
            Shards::Auto => Shards::Fixed(shards),
            given => given,
        },
        ..config
    }
}

/// Rows that a shard has at least by default where they depend on each other: the group whose
/// statistics batch norm takes.
const GROUP_ROWS: usize = 8;

/// The shards that [`Shards::Auto`] stands for: by the positions of the largest batch, but every
/// shard of the smallest one has a row, and where rows depend on each other (batch norm over a
/// shard) at least 8 of the largest, so that T threads have work at 8 T rows.
///
/// ```
/// use unisono::{nn::{BatchNorm, Sequential}, optim::BatchBounds, train::model_shards};
/// let plain = Sequential::new(64).dense(10);
/// assert_eq!(model_shards(&plain, BatchBounds::fixed(16)), 4);
/// assert_eq!(model_shards(&plain, BatchBounds { least: 2, most: 16 }), 2);
/// assert_eq!(model_shards(&plain.layer(BatchNorm::new()), BatchBounds::fixed(16)), 2);
/// ```
pub fn model_shards(model: &Sequential, batches: BatchBounds) -> usize {
    let input = model.input_shape();
    let positions = match input.axes() {
        [length] if model.is_sequence() => *length,
        _ => input.positions(),
    };
    let by_positions = default_shards(batches.most, positions);
    let shards = if model.has_cross_row_stats() {
        by_positions.min(batches.most / GROUP_ROWS).max(1)
    } else {
        by_positions
    };
    shards.min(batches.least.max(1))
}

/// Multiplications and additions that are worth a thread: a step of this many takes about as long
/// as two threads need to hand over its gradient and its weights (`mlp_small`, 16 to 512 rows,
/// where 16 are slower on two threads).
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
