//! Plan of a measurement of scaling: ranks, threads, modes, batch, budget; and its cells.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::all_reduce::{self, Segmented};
use crate::engine::{AllReduce, Balance, EngineConfig, Ranks, Shards, Threads, UpdateMode};
use crate::nn::presets::Preset;
use crate::optim::BatchBounds;
use crate::study::Bench;
use crate::train::model_shards;

use super::error::ScalingError;

/// The mode of scaling: what stays the same while threads and ranks are added.
///
/// ```
/// use unisono::{nn::presets, study::scaling::{Mode, Scaling}};
/// let batches = |mode| {
///     let preset = presets::by_name("mlp").unwrap();
///     let scaling = Scaling { threads: vec![2, 4], modes: vec![mode], ..Scaling::new(preset) };
///     scaling.cells().map(|cells| cells.iter().map(|cell| cell.batch_size).max())
/// };
/// // 128 rows of a batch, or of a thread.
/// assert_eq!((batches(Mode::Strong)?, batches(Mode::Weak)?), (Some(128), Some(512)));
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// The global batch.
    Strong,
    /// The rows of a thread.
    Weak,
}

/// The purpose of a cell.
///
/// Example: [`Scaling`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The fastest program of one thread.
    Base,
    /// Strong scaling, the same bits for any number of ranks and threads.
    Strong,
    /// Weak scaling, likewise.
    Weak,
    /// Strong scaling with one shard a worker: what the same bits cost.
    PerWorker,
    /// Another all-reduce on the most ranks and threads.
    AllReduce,
    /// Another way to execute the update on the most ranks and threads.
    Update,
}

/// A configuration whose steps are timed.
///
/// Example: [`Scaling`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What it is measured for.
    pub kind: Kind,
    /// Processes; 1 in files from before they were counted.
    #[serde(default = "one_rank")]
    pub ranks: usize,
    /// Worker threads of each, at least 1.
    pub threads: usize,
    /// Rows of a global batch.
    pub batch_size: usize,
    /// Shards of a batch; one a worker if `None`.
    pub shards: Option<usize>,
    /// The all-reduce's name.
    pub all_reduce: String,
    /// The name of the update mode.
    pub update: String,
}

/// A measurement of scaling.
///
/// ```
/// use unisono::study::scaling::{Kind, Scaling};
/// let scaling = Scaling { threads: vec![1, 2, 4], ..Scaling::new(unisono::nn::presets::by_name("mlp").unwrap()) };
/// let cells = scaling.cells()?;
/// let weak = cells.iter().filter(|cell| cell.kind == Kind::Weak).map(|cell| cell.batch_size);
/// assert_eq!(weak.collect::<Vec<_>>(), [256, 512]);
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scaling {
    /// The model.
    pub preset: Preset,
    /// Numbers of ranks, each at least 1 and named once: as many of the first of those that were
    /// launched train, while the others wait.
    pub ranks: Vec<usize>,
    /// Numbers of threads of each rank, each at least 1 and named once.
    pub threads: Vec<usize>,
    /// Strong, weak, or both.
    pub modes: Vec<Mode>,
    /// Rows: of the global batch under strong scaling, of each thread under weak scaling.
    pub batch_size: usize,
    /// The processes that were launched together, all of which measure the same; none for one alone.
    pub launched: Option<Ranks>,
    /// The time that all rounds may take.
    pub budget: Duration,
    /// Rounds end when the 95 % interval of each cell's median is at most so wide to either side,
    /// as a share of it.
    pub half_width: f64,
    /// The seed of parameters, data and orders.
    pub seed: u64,
    /// Commands of other programs that print `unisono bench`'s line of JSON; `{preset}`,
    /// `{threads}` and `{batch}` are filled in.
    pub peers: Vec<String>,
}

impl Scaling {
    /// Strong and weak scaling of `preset` on one thread of one process, at batch 128, for 20
    /// seconds.
    pub fn new(preset: Preset) -> Self {
        Self {
            preset,
            launched: None,
            ranks: vec![1],
            threads: vec![1],
            modes: vec![Mode::Strong, Mode::Weak],
            batch_size: 128,
            budget: Duration::from_secs(20),
            half_width: 0.02,
            seed: 42,
            peers: Vec::new(),
        }
    }

    /// Every cell, the base first.
    ///
    /// # Errors
    /// [`ScalingError::Threads`], [`ScalingError::Ranks`], [`ScalingError::Repeated`],
    /// [`ScalingError::Batch`].
    pub fn cells(&self) -> Result<Vec<Cell>, ScalingError> {
        let grid = self.grid()?;
        let most = grid[grid.len() - 1];
        if self.batch_size < most.workers() {
            return Err(ScalingError::Batch {
                batch_size: self.batch_size,
                threads: most.workers(),
            });
        }
        // The base, then each mode on all numbers of ranks and threads.
        let alone = Grid {
            ranks: 1,
            threads: 1,
        };
        let mut cells = vec![self.cell(Kind::Base, alone)];
        if self.modes.contains(&Mode::Strong) {
            cells.extend(grid.iter().map(|&at| self.cell(Kind::Strong, at)));
            let several = grid.iter().filter(|at| at.workers() > 1);
            cells.extend(several.map(|&at| self.cell(Kind::PerWorker, at)));
        }
        if self.modes.contains(&Mode::Weak) {
            cells.extend(grid.iter().map(|&at| self.cell(Kind::Weak, at)));
            // Of one thread both modes are the same.
            let has_strong = self.modes.contains(&Mode::Strong);
            cells.retain(|cell| !(cell.kind == Kind::Weak && cell.workers() == 1 && has_strong));
        }
        // Other algorithms, on the most of both.
        if self.modes.contains(&Mode::Strong) && most.workers() > 1 {
            let others = all_reduce::ALL.iter().map(|other| other.name());
            let strong = self.cell(Kind::Strong, most);
            cells.extend(
                others
                    .filter(|&name| name != Segmented.name())
                    .map(|name| Cell {
                        kind: Kind::AllReduce,
                        all_reduce: name.to_owned(),
                        ..strong.clone()
                    }),
            );
            cells.push(Cell {
                kind: Kind::Update,
                update: UpdateMode::Master.name().to_owned(),
                ..strong
            });
        }
        Ok(cells)
    }

    /// Each number of ranks with each number of threads, the most last.
    fn grid(&self) -> Result<Vec<Grid>, ScalingError> {
        let (mut ranks, mut threads) = (self.ranks.clone(), self.threads.clone());
        threads.sort_unstable();
        ranks.sort_unstable();
        if threads.first().is_none_or(|&least| least == 0) {
            return Err(ScalingError::Threads {
                got: format!("{:?}", self.threads),
            });
        }
        let launched = self.launched.as_ref().map_or(1, Ranks::num_ranks);
        let is_odd = |&count: &usize| count == 0 || count > launched;
        if ranks.is_empty() || ranks.iter().any(is_odd) {
            return Err(ScalingError::Ranks {
                launched,
                got: format!("{:?}", self.ranks),
            });
        }
        for (what, counts) in [("threads", &threads), ("ranks", &ranks)] {
            if let Some(pair) = counts.windows(2).find(|pair| pair[0] == pair[1]) {
                let count = pair[0];
                return Err(ScalingError::Repeated { what, count });
            }
        }
        let of_ranks = |&ranks: &usize| threads.iter().map(move |&threads| Grid { ranks, threads });
        Ok(ranks.iter().flat_map(of_ranks).collect())
    }

    fn cell(&self, kind: Kind, at: Grid) -> Cell {
        let batch_size = match kind {
            Kind::Weak => self.batch_size.saturating_mul(at.workers()),
            _ => self.batch_size,
        };
        let default = model_shards(&self.preset.model, BatchBounds::fixed(batch_size));
        // The same for all ranks and threads of a mode, and enough for the most of them.
        let most = |counts: &[usize]| counts.iter().copied().max().unwrap_or(1);
        let most = most(&self.ranks) * most(&self.threads);
        Cell {
            kind,
            ranks: at.ranks,
            threads: at.threads,
            batch_size,
            shards: match kind {
                Kind::Base | Kind::PerWorker => None,
                _ => Some(default.max(most)),
            },
            all_reduce: Segmented.name().to_owned(),
            update: UpdateMode::Fused.name().to_owned(),
        }
    }

    /// The cell as a benchmark on these ranks.
    pub(super) fn bench(&self, cell: &Cell, ranks: Option<Ranks>) -> Bench {
        let update = UpdateMode::EACH.into_iter();
        Bench {
            preset: self.preset.clone(),
            batch_size: cell.batch_size,
            steps: 0,
            warmup: 0,
            seed: self.seed,
            engine: EngineConfig {
                threads: Threads::Fixed(cell.threads),
                shards: cell.shards.map_or(Shards::PerWorker, Shards::Fixed),
                // One shard a worker cannot move, and is compared with.
                balance: Balance::Even,
                all_reduce: all_reduce::by_name(&cell.all_reduce)
                    .unwrap_or_else(|| Arc::new(Segmented)),
                update: update
                    .into_iter()
                    .find(|mode| mode.name() == cell.update)
                    .unwrap_or(UpdateMode::Fused),
                ranks,
                ..EngineConfig::default()
            },
        }
    }
}

/// A number of ranks, and of threads of each.
#[derive(Clone, Copy, Debug)]
struct Grid {
    ranks: usize,
    threads: usize,
}

impl Grid {
    fn workers(self) -> usize {
        self.ranks * self.threads
    }
}

fn one_rank() -> usize {
    1
}

impl Cell {
    /// Threads of all ranks.
    pub fn workers(&self) -> usize {
        self.ranks * self.threads
    }

    /// What it is, in a few words.
    ///
    /// ```
    /// use unisono::study::scaling::Scaling;
    /// let scaling = Scaling { threads: vec![2], ..Scaling::new(unisono::nn::presets::by_name("mlp").unwrap()) };
    /// let names: Vec<String> = scaling.cells()?.iter().map(|cell| cell.name()).collect();
    /// assert_eq!(names[..3], ["base", "strong", "per-worker shards"]);
    /// assert_eq!(names[4..], ["all-reduce naive", "all-reduce tree", "update master"]);
    /// # Ok::<(), unisono::study::scaling::ScalingError>(())
    /// ```
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Base => "base".to_owned(),
            Kind::Strong => "strong".to_owned(),
            Kind::Weak => "weak".to_owned(),
            Kind::PerWorker => "per-worker shards".to_owned(),
            Kind::AllReduce => format!("all-reduce {}", self.all_reduce),
            Kind::Update => format!("update {}", self.update),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_a_file_from_before_ranks_has_one() {
        let text = r#"{"kind": "strong", "threads": 2, "batch_size": 12, "shards": 12, "all_reduce": "segmented", "update": "fused"}"#;
        let cell: Cell = serde_json::from_str(text).unwrap();
        assert_eq!((cell.ranks, cell.threads), (1, 2));
    }
}
