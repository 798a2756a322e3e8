//! Plan of a measurement of scaling: threads, modes, batch, budget; and its cells.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::all_reduce::{self, Segmented};
use crate::engine::{AllReduce, Balance, EngineConfig, Shards, Threads, UpdateMode};
use crate::nn::presets::Preset;
use crate::optim::BatchBounds;
use crate::study::Bench;
use crate::train::model_shards;

use super::error::ScalingError;

/// The mode of scaling: what stays the same while threads are added.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The fastest program of one thread.
    Base,
    /// Strong scaling, the same bits for any number of threads.
    Strong,
    /// Weak scaling, likewise.
    Weak,
    /// Strong scaling with one shard a worker: what the same bits cost.
    PerWorker,
    /// Another all-reduce on the most threads.
    AllReduce,
    /// Another way to execute the update on the most threads.
    Update,
}

/// A configuration whose steps are timed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What it is measured for.
    pub kind: Kind,
    /// Worker threads.
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
    /// Numbers of threads, each at least 1 and named once.
    pub threads: Vec<usize>,
    /// Strong, weak, or both.
    pub modes: Vec<Mode>,
    /// Rows: of the global batch under strong scaling, of each thread under weak scaling.
    pub batch_size: usize,
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
    /// Strong and weak scaling of `preset` on one thread, at batch 128, for 20 seconds.
    pub fn new(preset: Preset) -> Self {
        Self {
            preset,
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
    /// [`ScalingError::Threads`], [`ScalingError::Repeated`], [`ScalingError::Batch`].
    pub fn cells(&self) -> Result<Vec<Cell>, ScalingError> {
        let mut threads = self.threads.clone();
        threads.sort_unstable();
        if threads.first().is_none_or(|&least| least == 0) {
            return Err(ScalingError::Threads {
                got: format!("{:?}", self.threads),
            });
        }
        if let Some(pair) = threads.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ScalingError::Repeated { threads: pair[0] });
        }
        let most = threads[threads.len() - 1];
        if self.batch_size < most {
            return Err(ScalingError::Batch {
                batch_size: self.batch_size,
                threads: most,
            });
        }
        // The base, then each mode on each number of threads.
        let mut cells = vec![self.cell(Kind::Base, 1)];
        if self.modes.contains(&Mode::Strong) {
            cells.extend(threads.iter().map(|&count| self.cell(Kind::Strong, count)));
            let several = threads.iter().filter(|&&count| count > 1);
            cells.extend(several.map(|&count| self.cell(Kind::PerWorker, count)));
        }
        if self.modes.contains(&Mode::Weak) {
            cells.extend(threads.iter().map(|&count| self.cell(Kind::Weak, count)));
            // Of one thread both modes are the same.
            let has_strong = self.modes.contains(&Mode::Strong);
            cells.retain(|cell| !(cell.kind == Kind::Weak && cell.threads == 1 && has_strong));
        }
        // Other algorithms, on the most threads.
        if self.modes.contains(&Mode::Strong) && most > 1 {
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

    fn cell(&self, kind: Kind, threads: usize) -> Cell {
        let batch_size = match kind {
            Kind::Weak => self.batch_size.saturating_mul(threads),
            _ => self.batch_size,
        };
        let default = model_shards(&self.preset.model, BatchBounds::fixed(batch_size));
        // The same for all threads of a mode, and enough for the most of them.
        let most = self.threads.iter().copied().max().unwrap_or(1);
        Cell {
            kind,
            threads,
            batch_size,
            shards: match kind {
                Kind::Base | Kind::PerWorker => None,
                _ => Some(default.max(most)),
            },
            all_reduce: Segmented.name().to_owned(),
            update: UpdateMode::Fused.name().to_owned(),
        }
    }

    /// The cell as a benchmark.
    pub(crate) fn bench(&self, cell: &Cell) -> Bench {
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
                ..EngineConfig::default()
            },
        }
    }
}

impl Cell {
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
