//! Manifest of a run: environment, settings of the engine, results, hashes.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::{Dataset, Labels};
use crate::engine::{Phase, PhaseTimes};
use crate::input;
use crate::nn::kernel::Isa;
use crate::sys::machine;
use crate::sys::machine::cpu;
use crate::train::{EvaluatedPart, Kept, Scores, Setup};

use super::error::RunError;
use super::folder::RunFolder;
use super::record::LastEpoch;
use super::regression::TargetErrors;

/// Values of a data set that are hashed; a longer one is hashed at its front.
const HASHED_VALUES: usize = 1 << 26;

/// How a run stands. A process that was killed has left "running" in `manifest.json`;
/// [`Manifest::read`] asks whether it is still there.
///
/// ```
/// use unisono::run::Status;
/// assert_eq!(serde_json::to_string(&Status::Finished)?, "\"finished\"");
/// assert_eq!(Status::Killed.to_string(), "stopped (killed)");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A process is at it.
    Running,
    /// The process that was at it is gone, and has not said how it ended; can go on.
    Killed,
    /// Stopped before its end; can go on.
    Stopped,
    /// Ended by an error.
    Failed,
    /// All that was asked for was done.
    Finished,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Running => "running",
            Status::Killed => "stopped (killed)",
            Status::Stopped => "stopped",
            Status::Failed => "failed",
            Status::Finished => "finished",
        })
    }
}

/// The weights in a run's `model.safetensors`.
///
/// ```
/// use unisono::run::ModelFile;
/// let model = ModelFile { step: 90, weights_sha256: "ab12".to_owned() };
/// assert_eq!(serde_json::to_string(&model)?, r#"{"step":90,"weights_sha256":"ab12"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Updates that made them.
    pub step: u64,
    /// Their fingerprint.
    pub weights_sha256: String,
}

/// `manifest.json`.
///
/// ```
/// use unisono::run::{Manifest, Status};
/// let manifest = Manifest::new("784-dense 10", "MNIST");
/// assert_eq!((manifest.status, manifest.unisono.as_str()), (Status::Running, env!("CARGO_PKG_VERSION")));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The version of this crate.
    pub unisono: String,
    /// How the run stands.
    pub status: Status,
    /// When it began, in UTC (RFC 3339).
    pub started: String,
    /// When it was last written, in UTC.
    pub written: String,
    /// The processor's name, if the system tells.
    pub cpu: Option<String>,
    /// The instruction set of the kernels.
    pub instruction_set: Option<String>,
    /// Worker threads of the last process.
    pub threads: usize,
    /// Whether they were pinned.
    pub is_pinned: bool,
    /// Shards of a batch.
    pub shards: usize,
    /// The seed.
    pub seed: u64,
    /// The model in a line.
    pub model: String,
    /// Its parameters.
    pub num_params: usize,
    /// The data in a line.
    pub data: String,
    /// Training and test rows.
    pub rows: (usize, usize),
    /// Validation rows; 0 without such.
    #[serde(default)]
    pub valid_rows: usize,
    /// SHA-256 of all parts' values and labels.
    pub data_sha256: String,
    /// Updates so far.
    pub steps: u64,
    /// Seconds spent training, over all processes.
    pub wall_time_s: f64,
    /// Validation loss of the weights with the hash below, if there are validation rows.
    #[serde(default)]
    pub valid_loss: Option<f64>,
    /// Their validation accuracy, in 0..=1; `None` of a regression.
    #[serde(default)]
    pub valid_accuracy: Option<f64>,
    /// Their errors on the validation rows by target, of a regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub valid_targets: Vec<TargetErrors>,
    /// The metric that chose on the validation rows, where it is not named above
    /// ([`Kept::watch`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_watched: Option<f64>,
    /// Test loss of the weights with the hash below; `None` if it is not finite, or nobody has
    /// evaluated them.
    pub test_loss: Option<f64>,
    /// Their test accuracy, in 0..=1; `None` of a regression.
    pub test_accuracy: Option<f64>,
    /// The metric that chose, on the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_watched: Option<f64>,
    /// Their errors on the test rows by target, of a regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetErrors>,
    /// The SHA-256 of the weights that are kept: those of `model.safetensors`, or of a stopped
    /// run's newest checkpoint.
    pub weights_sha256: Option<String>,
    /// Which weights these are.
    #[serde(default)]
    pub kept: Option<Kept>,
    /// The last epoch, whose weights may be others.
    #[serde(default)]
    pub last_epoch: Option<LastEpoch>,
    /// What `model.safetensors` holds; while it is replaced, what it held before and what it will
    /// hold.
    #[serde(default)]
    pub model_files: Vec<ModelFile>,
    /// The layers whose gradients' norms are recorded.
    #[serde(default)]
    pub layers: Vec<String>,
    /// Seconds of the workers in each phase, summed over them.
    pub phases_s: Vec<(String, f64)>,
}

impl Manifest {
    /// Of a run that begins.
    pub fn new(model: impl Into<String>, data: impl Into<String>) -> Self {
        let now = now();
        Self {
            unisono: env!("CARGO_PKG_VERSION").to_owned(),
            status: Status::Running,
            started: now.clone(),
            written: now,
            cpu: cpu(),
            instruction_set: Isa::chosen().ok().map(|isa| isa.name().to_owned()),
            threads: 0,
            is_pinned: false,
            shards: 0,
            seed: 0,
            model: model.into(),
            num_params: 0,
            data: data.into(),
            rows: (0, 0),
            valid_rows: 0,
            data_sha256: String::new(),
            steps: 0,
            wall_time_s: 0.0,
            valid_loss: None,
            valid_accuracy: None,
            valid_targets: Vec::new(),
            valid_watched: None,
            test_loss: None,
            test_accuracy: None,
            targets: Vec::new(),
            test_watched: None,
            weights_sha256: None,
            kept: None,
            last_epoch: None,
            model_files: Vec::new(),
            layers: Vec::new(),
            phases_s: Vec::new(),
        }
    }

    /// What `model.safetensors` may hold. A manifest of before this was written down tells it of a
    /// finished run only.
    pub fn models(&self) -> Vec<ModelFile> {
        let is_older = self.model_files.is_empty() && self.status == Status::Finished;
        let of_older = self.weights_sha256.clone().filter(|_| is_older);
        let of_older = of_older.map(|weights_sha256| ModelFile {
            step: self.steps,
            weights_sha256,
        });
        self.model_files.iter().cloned().chain(of_older).collect()
    }

    /// Takes down what the engine chose.
    pub fn set_up(&mut self, setup: &Setup) {
        self.threads = setup.placement.num_threads;
        self.is_pinned = setup.placement.is_pinned();
        self.shards = setup.shards;
        self.rows = (setup.rows, setup.test_rows);
        self.valid_rows = setup.valid_rows;
        self.layers.clone_from(&setup.layers);
    }

    /// Takes down which weights are kept, with their hash and the numbers that are theirs; and the
    /// last epoch beside them.
    pub fn set_weights(&mut self, kept: Kept, sha256: String, last_epoch: Option<LastEpoch>) {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        self.valid_loss = kept.valid.and_then(|valid| finite(valid.loss));
        let classified = kept.valid.filter(|valid| valid.errors.is_none());
        self.valid_accuracy = classified.map(|valid| valid.accuracy);
        self.test_loss = kept.test.and_then(|test| finite(test.loss));
        let classified = kept.test.filter(|test| test.errors.is_none());
        self.test_accuracy = classified.map(|test| test.accuracy);
        let told = |scores: Option<Scores>| scores.and_then(|scores| scores.told());
        (self.valid_watched, self.test_watched) = (told(kept.valid), told(kept.test));
        self.weights_sha256 = Some(sha256);
        (self.kept, self.last_epoch) = (Some(kept), last_epoch);
    }

    /// The last epoch in words, where the weights that are kept are not its own.
    pub fn other_epoch(&self) -> Option<String> {
        let last = self.last_epoch?;
        // By the part that is evaluated after each epoch.
        let (part, of_kept, of_last, r2) = match self.valid_rows {
            0 => (
                EvaluatedPart::Test,
                (self.test_loss, self.test_accuracy),
                (last.test_loss, last.test_accuracy),
                last.test_r2,
            ),
            _ => (
                EvaluatedPart::Validation,
                (self.valid_loss, self.valid_accuracy),
                (last.valid_loss, last.valid_accuracy),
                last.valid_r2,
            ),
        };
        let (loss, accuracy) = of_last;
        let loss = loss.map_or("not finite".to_owned(), |loss| format!("{loss:.6}"));
        let accuracy = accuracy.map(|share| format!(", {part} accuracy {:.2} %", 100.0 * share));
        let r2 = r2.map(|r2| format!(", {part} R2 {r2:.4}"));
        let measured = accuracy.or(r2).unwrap_or_default();
        (of_kept != of_last).then(|| format!("{} ({part} loss {loss}{measured})", last.epoch))
    }

    /// Adds the workers' time in each phase.
    pub fn add_phases(&mut self, workers: &[PhaseTimes]) {
        for phase in Phase::EACH {
            let spent = workers.iter().map(|times| times.of(phase).as_secs_f64());
            let spent: f64 = spent.sum();
            let mut named = self.phases_s.iter_mut();
            match named.find(|(name, _)| name == phase.name()) {
                Some((_, seconds)) => *seconds += spent,
                None => self.phases_s.push((phase.name().to_owned(), spent)),
            }
        }
    }

    /// The fingerprint of training and test part, and of a validation part behind them.
    pub fn data_sha256<'d>(parts: impl IntoIterator<Item = &'d dyn Dataset>) -> String {
        let mut hash = Sha256::new();
        for part in parts {
            hash_rows(part, &mut hash);
        }
        format!("{:x}", hash.finalize())
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write(&mut self, run: &RunFolder) -> Result<(), RunError> {
        self.written = now();
        let text = serde_json::to_string_pretty(self).expect("a manifest is plain values");
        run.write("manifest.json", (text + "\n").as_bytes())
    }

    /// Reads that of a run. A run that no process has open is not running, whatever it says.
    ///
    /// # Errors
    /// [`RunError::Read`], [`RunError::File`].
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join("manifest.json");
        let text = input::read(&path).map_err(RunError::read(&path))?;
        let mut manifest: Self = serde_json::from_slice(&text).map_err(|error| RunError::File {
            path,
            expected: format!("a manifest of unisono {}", env!("CARGO_PKG_VERSION")),
            got: error.to_string(),
        })?;
        if manifest.status == Status::Running && !RunFolder::is_open(folder) {
            manifest.status = Status::Killed;
        }
        Ok(manifest)
    }
}

/// Rows a thousand at a time.
fn hash_rows(part: &dyn Dataset, hash: &mut Sha256) {
    let rows = part.len().min(HASHED_VALUES / part.input_len().max(1) + 1);
    hash.update((part.len() as u64).to_le_bytes());
    let all: Vec<u32> = (0..rows as u32).collect();
    let mut inputs = Vec::new();
    for rows in all.chunks(1000) {
        inputs.resize(rows.len() * part.input_len(), 0.0_f32);
        part.gather_inputs(rows, &mut inputs);
        hash.update(bytemuck::cast_slice(&inputs));
        // Labels after the inputs, as they are.
        match part.labels() {
            Labels::Classes(_) => {
                let mut classes = vec![0_u32; rows.len()];
                part.gather_classes(rows, &mut classes);
                hash.update(bytemuck::cast_slice(&classes));
            }
            Labels::Sequence { len, .. } => {
                let mut classes = vec![0_u32; rows.len() * len];
                part.gather_classes(rows, &mut classes);
                hash.update(bytemuck::cast_slice(&classes));
            }
            Labels::Values(count) => {
                let mut values = vec![0.0_f32; rows.len() * count];
                part.gather_values(rows, &mut values);
                hash.update(bytemuck::cast_slice(&values));
            }
            Labels::None => {}
        }
        if part.has_weights() {
            let mut weights = vec![0.0_f32; rows.len()];
            part.gather_weights(rows, &mut weights);
            hash.update(bytemuck::cast_slice(&weights));
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(machine::now()).to_string()
}
