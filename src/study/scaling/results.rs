//! Results of a measurement, and their files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::affinity::{Pinning, Placement, Threads, mask};
use crate::input;
use crate::nn::Precision;
use crate::output;
use crate::report::Machine;
use crate::study::Disturbance;

use super::error::ScalingError;
use super::peer::PeerSample;
use super::plan::Cell;

/// The version of the files.
pub(super) const SCHEMA: u32 = 1;

/// The file of everything but the samples, and that of the samples.
const FILES: [&str; 2] = ["results.json", "samples.jsonl"];

/// A handful of steps of a cell.
///
/// Example: [`Results`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// The cell's index.
    pub cell: usize,
    /// The round.
    pub round: usize,
    /// Seconds from the beginning.
    pub at_s: f64,
    /// Timed steps.
    pub steps: usize,
    /// Steps before them.
    pub warmup: usize,
    /// The median step in milliseconds: the sample's value.
    pub step_ms: f64,
    /// The 10 % quantile.
    pub step_ms_p10: f64,
    /// The 90 % quantile.
    pub step_ms_p90: f64,
    /// The mean of all steps, with those before the timed ones.
    pub step_ms_mean: f64,
    /// Milliseconds a step of each worker in each phase, over all steps; of several ranks by rank.
    pub phases_ms: Vec<Vec<f64>>,
    /// Why it is not to be believed, if so.
    pub disturbed: Option<String>,
    /// What happened meanwhile.
    pub disturbance: Disturbance,
}

/// Where a rank was.
///
/// ```
/// use unisono::study::scaling::RankHost;
/// let text = r#"{"host": "node1", "mask": "0-3", "usable_cores": 4}"#;
/// let rank: RankHost = serde_json::from_str(text)?;
/// assert_eq!((rank.host.as_str(), rank.usable_cores), ("node1", 4));
/// assert!(rank.text().contains("node1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RankHost {
    /// Its host; empty within one process.
    pub host: String,
    /// The cores that its threads may be put on, as far as the system tells.
    pub mask: String,
    /// How many of them it may use.
    pub usable_cores: usize,
}

impl RankHost {
    /// This process, on a host of this name.
    pub(super) fn this(host: &str) -> Self {
        let placement = Placement::of_process(Threads::Fixed(1), Pinning::Off);
        Self {
            host: host.to_owned(),
            mask: mask(),
            usable_cores: placement.map_or(1, |placement| placement.num_usable_cores),
        }
    }

    /// Cores that each of `all` has: those that may use the same share them.
    pub(super) fn shares(all: &[Self]) -> impl Iterator<Item = f64> {
        let share = |own: &Self| {
            let sharing = all.iter().filter(|other| *other == own).count();
            own.usable_cores as f64 / sharing as f64
        };
        all.iter().map(share)
    }

    /// The same in words.
    pub fn text(&self) -> String {
        let cores = match self.usable_cores {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        };
        match self.host.as_str() {
            "" => cores,
            host => format!("{host}, {cores}"),
        }
    }
}

/// Everything that a measurement came to. `results.json` holds it but for the samples, of which
/// each is a line of `samples.jsonl`.
///
/// ```
/// use unisono::{nn::presets, study::scaling::{Mode, Scaling, compare}};
/// let (preset, modes) = (presets::by_name("mlp_small").unwrap(), vec![Mode::Strong]);
/// let peers = vec!["echo '{\"median_ms_per_step\": 2.5}'".to_owned()];
/// // As few rounds as there can be, and short ones.
/// let (half_width, budget) = (10.0, std::time::Duration::from_secs(1));
/// let scaling = Scaling { modes, peers, half_width, budget, ..Scaling::new(preset) };
/// let results = scaling.run(|_, _| ())?;
/// let (first, peer) = (&results.samples[0], &results.peers[0]);
/// assert_eq!((results.num_params, results.cells.len(), first.round), (2_410, 2, 0));
/// assert!(first.step_ms > 0.0 && first.step_ms <= first.step_ms_p90);
/// assert_eq!((peer.threads, peer.step_ms), (1, 2.5));
/// // Beside themselves.
/// let cells = compare(&results, &results)?;
/// assert_eq!((cells[0].ratio.value, cells[0].differs()), (1.0, false));
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Results {
    /// The version of the files, 1.
    pub schema: u32,
    /// The command that made it.
    pub command: String,
    /// When it ended, as in RFC 3339.
    pub started: String,
    /// What it ran on; of several ranks what the first one did.
    pub machine: Machine,
    /// Where each rank was that was launched; empty for a process alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranks: Vec<RankHost>,
    /// The model.
    pub preset: String,
    /// The precision of its products; `f32` in files from before there was another.
    #[serde(default)]
    pub precision: Precision,
    /// Its parameters.
    pub num_params: usize,
    /// Rows of the base's batch.
    pub batch_size: usize,
    /// The seed.
    pub seed: u64,
    /// The half-width that was asked for.
    pub half_width: f64,
    /// Multiplications and additions of training on a row, as the algorithms execute them.
    pub flops_per_row: f64,
    /// Bytes of a row's activations that training keeps; 0 in files from before they were counted.
    #[serde(default)]
    pub activation_bytes_per_row: f64,
    /// Multiplications and additions a second that a core reaches.
    pub peak_flops: f64,
    /// Threads, and bytes a second that they read and write in memory.
    pub bandwidth: Vec<(usize, f64)>,
    /// Seconds of a reading of the clock.
    pub clock_reading_s: f64,
    /// Threads of a probe without a model, and seconds that a message between two of them takes.
    pub message_s: Option<(usize, f64)>,
    /// What was timed, the base first.
    pub cells: Vec<Cell>,
    /// The fingerprint of each cell's weights after its first four steps, of several ranks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights_sha256: Vec<String>,
    /// Every sample, by round and cell.
    #[serde(skip)]
    pub samples: Vec<Sample>,
    /// What other programs said.
    pub peers: Vec<PeerSample>,
}

impl Results {
    /// The model's name, with its precision unless that is `f32`.
    pub fn model(&self) -> String {
        match self.precision {
            Precision::F32 => self.preset.clone(),
            other => format!("{} in {other}", self.preset),
        }
    }

    /// Rounds that were made.
    pub fn rounds(&self) -> usize {
        self.samples.last().map_or(0, |sample| sample.round + 1)
    }

    /// The number of each round.
    pub fn all_rounds(&self) -> Vec<u32> {
        (0..self.rounds() as u32).collect()
    }

    /// The samples of a cell, by round.
    pub fn of_cell(&self, cell: usize) -> impl Iterator<Item = &Sample> + Clone {
        self.samples
            .iter()
            .filter(move |sample| sample.cell == cell)
    }

    /// The medians of a cell's samples, by round, in milliseconds.
    pub fn times_ms(&self, cell: usize) -> Vec<f64> {
        self.of_cell(cell).map(|sample| sample.step_ms).collect()
    }

    /// Cores that each of the first `ranks` ranks has: those that may use the same share them.
    pub fn cores(&self, ranks: usize) -> Vec<f64> {
        if self.ranks.is_empty() {
            return vec![self.machine.usable_cores as f64];
        }
        let first = &self.ranks[..ranks.min(self.ranks.len())];
        RankHost::shares(first).collect()
    }

    /// Whether there are more threads than cores in a cell.
    pub fn is_oversubscribed(&self, cell: &Cell) -> bool {
        let threads = cell.threads as f64;
        self.cores(cell.ranks)
            .into_iter()
            .any(|cores| threads > cores)
    }

    /// Whether cells of the same batch and the same shards came to the same weights, on any number of
    /// ranks and threads; `None` where no two were compared.
    pub fn has_same_weights(&self) -> Option<bool> {
        let known = self.cells.iter().zip(&self.weights_sha256);
        let known = known.filter(|(cell, _)| cell.shards.is_some());
        let mut compared = None;
        for (cell, weights) in known.clone() {
            let same = known.clone().filter(|(other, _)| {
                (other.batch_size, other.shards) == (cell.batch_size, cell.shards)
            });
            if same.clone().count() > 1 {
                let all_are = same.map(|(_, other)| other).all(|other| other == weights);
                compared = Some(compared.unwrap_or(true) && all_are);
            }
        }
        compared
    }

    /// Writes both files into `folder`, which is made.
    ///
    /// # Errors
    /// [`ScalingError::Io`].
    pub fn write(&self, folder: &Path) -> Result<(), ScalingError> {
        output::make_folder(folder).map_err(ScalingError::write(folder))?;
        let text = serde_json::to_string_pretty(self).expect("results are plain values");
        let line = |sample| serde_json::to_string(sample).expect("samples are plain values") + "\n";
        let lines: String = self.samples.iter().map(line).collect();
        for (name, text) in FILES.into_iter().zip([text + "\n", lines]) {
            let path = folder.join(name);
            output::write(&path, text).map_err(ScalingError::write(&path))?;
        }
        Ok(())
    }

    /// Reads what [`Results::write`] wrote.
    ///
    /// # Errors
    /// [`ScalingError::Io`]; [`ScalingError::File`] for files of another kind or version.
    pub fn read(folder: &Path) -> Result<Self, ScalingError> {
        let [path, samples] = FILES.map(|name| folder.join(name));
        let odd = |path: &Path, got: String| ScalingError::File {
            path: path.to_owned(),
            expected: format!("a result of `unisono scaling`, schema {SCHEMA}"),
            got,
        };
        // The version first: other files are read in no other way.
        let text = input::read_text(&path).map_err(ScalingError::read(&path))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| odd(&path, error.to_string()))?;
        if value["schema"] != SCHEMA {
            return Err(odd(&path, format!("its schema is {}", value["schema"])));
        }
        let mut results: Self =
            serde_json::from_value(value).map_err(|error| odd(&path, error.to_string()))?;
        // Then the samples, a line each, as many as there must be.
        let text = input::read_text(&samples).map_err(ScalingError::read(&samples))?;
        for (index, line) in text.lines().enumerate() {
            let sample: Sample = serde_json::from_str(line)
                .map_err(|error| odd(&samples, format!("line {}: {error}", index + 1)))?;
            results.samples.push(sample);
        }
        let expected = results.rounds() * results.cells.len();
        if results.samples.len() != expected || expected == 0 {
            let got = format!("{} samples instead of {expected}", results.samples.len());
            return Err(odd(&samples, got));
        }
        Ok(results)
    }
}
