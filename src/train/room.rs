//! Memory check: what a training takes at the least is compared with what is free, before any of it
//! is taken.

use crate::data::free_memory;
use crate::engine::Shards;
use crate::nn::Sequential;

use super::config::Config;
use super::error::TrainError;

/// Buffers as long as the parameters that every training has: the weights, a worker's copy of them,
/// and its gradient.
const BUFFERS: u64 = 3;

/// What is too little to ask for.
const SMALL: u64 = 64 << 20;

impl Config {
    /// Refuses a model, or a batch, that cannot fit: its buffers, and what one worker keeps of one
    /// shard.
    pub(super) fn check_room(&self, model: &Sequential, rows: usize) -> Result<(), TrainError> {
        if self.batch_size == 0 {
            return Err(TrainError::EmptyBatch);
        }
        let params = model.layout()?.len() as u64;
        let rows = self.batch_size.min(rows);
        let shard_rows = match self.engine(Some(model), rows.max(1))?.shards {
            Shards::Fixed(shards) => rows.div_ceil(shards.max(1)),
            // As many as workers, whose number is not known yet.
            Shards::Auto | Shards::PerWorker => rows.min(1),
        };
        let of_rows = (model.activation_bytes()? as u64).saturating_mul(shard_rows as u64);
        let needed = (params.saturating_mul(4 * BUFFERS)).saturating_add(of_rows);
        if needed <= SMALL {
            return Ok(());
        }
        if let Some(free) = free_memory().filter(|&free| needed > free) {
            return Err(TrainError::Memory {
                params,
                shard_rows,
                needed,
                free,
            });
        }
        Ok(())
    }
}
