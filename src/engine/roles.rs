//! Roles: which processes train together, which threads and cores each has, and which shards and
//! segments are whose.

use super::affinity::Placement;
use super::assignment::Assignment;
use super::config::EngineConfig;
use super::error::EngineError;
use super::ranks::group::{Group, SegmentPlace};
use super::ranks::{RankPlacement, Ranks};

/// What an engine is planned from.
#[derive(Debug)]
pub(crate) struct Roles {
    /// The processes; none for one alone.
    pub(crate) ranks: Option<Ranks>,
    pub(crate) placement: Placement,
    /// Of each rank.
    pub(crate) table: Vec<RankPlacement>,
    pub(crate) group: Group,
    pub(crate) num_shards: usize,
    /// Of all members.
    pub(crate) assignment: Assignment,
    pub(crate) places: Vec<SegmentPlace>,
}

impl Roles {
    /// Those of an engine of so many parameters and state buffers; all ranks must build the same.
    pub(crate) fn of(
        config: &EngineConfig,
        num_params: usize,
        num_state_buffers: usize,
    ) -> Result<Self, EngineError> {
        // One alone has nobody to meet.
        let ranks = config.ranks.clone().filter(|ranks| ranks.num_ranks() > 1);
        let neighbours = ranks.as_ref().map(Ranks::neighbours).transpose()?;
        let neighbours = neighbours.unwrap_or_default();
        let placement = Placement::among(config.threads, config.pinning, &neighbours)?;
        let mut table = Vec::new();
        let mut group = Group::alone(placement.num_threads);
        if let Some(ranks) = &ranks {
            compare(ranks, config, num_params, num_state_buffers)?;
            table = ranks.placements(&placement)?;
            let workers = table.iter().map(|rank| rank.threads);
            group = Group::new(ranks.rank(), workers.collect());
        }
        let num_shards = config.shards.count(group.num_all_workers())?;
        if num_shards < group.num_ranks() {
            return Err(EngineError::FewShards {
                shards: num_shards,
                ranks: group.num_ranks(),
            });
        }
        let own = group.shards(num_shards, group.rank());
        let own = Assignment::even(own.len(), placement.num_threads);
        Ok(Self {
            assignment: group.members(num_shards, &own),
            places: group.segments(num_params),
            ranks,
            placement,
            table,
            group,
            num_shards,
        })
    }
}

/// Refuses ranks that build another engine.
fn compare(
    ranks: &Ranks,
    config: &EngineConfig,
    num_params: usize,
    num_state_buffers: usize,
) -> Result<(), EngineError> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    ranks.compare(&[
        ("the version of unisono", version),
        ("a number of parameters of", num_params.to_string()),
        (
            "a number of state buffers of",
            num_state_buffers.to_string(),
        ),
        ("shards of a batch as", format!("{:?}", config.shards)),
        ("tracking of", format!("{:?}", config.track)),
    ])
}
