//! What is done with runs after training: list, inspect, compare, evaluate, predict, export.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::data::Dataset;
use crate::export::{ExportError, read_safetensors, write_npz, write_onnx, write_safetensors};
use crate::nn::Network;
use crate::run::{Manifest, Predicted, RunError, RunFolder, predictions};
use crate::train::{Checkpoints, TrainError};

use super::args::{ExportArgs, PartArgs};
use super::config::{CommandError, TrainSettings, refused};
use super::document::{Settled, differences, read};
use super::output::aligned;
use super::sections::TrainArgs;
use super::task::{Task, task, trainer_from};

/// A run's settings, what it trains on, and its weights: the trained ones, or those of its newest checkpoint.
struct Loaded {
    settings: TrainSettings,
    task: Task,
    network: Network,
    weights: PathBuf,
}

impl Loaded {
    fn open(folder: &Path) -> Result<Self, CommandError> {
        let args = settings(folder)?;
        let settled = Settled::stored(args, folder.join("config.toml"));
        let settings = TrainSettings::try_from(settled.args.clone())
            .map_err(|error| settled.explain(error))?;
        let task = task(&settings)?;
        let weights = weights(folder)?;
        let network = read_safetensors(&weights, task.model.clone())?;
        Ok(Self {
            settings,
            task,
            network,
            weights,
        })
    }

    fn part(&self, part: &str) -> Result<&dyn Dataset, CommandError> {
        match part {
            "train" => Ok(&*self.task.data[0]),
            "test" => Ok(&*self.task.data[1]),
            other => Err(refused("part", "train or test", other).into()),
        }
    }
}

/// The settings of the run in `folder`.
fn settings(folder: &Path) -> Result<TrainArgs, CommandError> {
    if !RunFolder::is_run(folder) {
        let path = folder.to_owned();
        return Err(RunError::NotARun { path }.into());
    }
    let table = read(&folder.join("config.toml"))?;
    Ok(table.try_into().expect("it has been read as such"))
}

/// The file of a run's weights.
fn weights(folder: &Path) -> Result<PathBuf, CommandError> {
    let trained = folder.join("model.safetensors");
    if trained.is_file() {
        return Ok(trained);
    }
    let checkpoints = folder.join("checkpoints");
    let latest = match checkpoints.is_dir() {
        true => Checkpoints::latest(&checkpoints)?,
        false => None,
    };
    let none = || RunError::NoCheckpoint {
        path: folder.to_owned(),
    };
    Ok(latest.ok_or_else(none)?.with_extension("safetensors"))
}

/// `unisono list`.
pub(super) fn list(folder: &Path) -> Result<(), CommandError> {
    let mut rows = Vec::new();
    for run in RunFolder::all(folder)? {
        let name = run
            .file_name()
            .unwrap_or(run.as_os_str())
            .to_string_lossy()
            .into_owned();
        let Ok(manifest) = Manifest::read(&run) else {
            rows.push(
                [name, "no manifest".to_owned()]
                    .into_iter()
                    .chain(vec![String::new(); 6])
                    .collect(),
            );
            continue;
        };
        let hash = manifest.weights_sha256.unwrap_or_default();
        rows.push(vec![
            name,
            format!("{:?}", manifest.status).to_lowercase(),
            manifest.steps.to_string(),
            manifest
                .test_accuracy
                .map_or(String::new(), |share| format!("{:.2} %", 100.0 * share)),
            manifest
                .test_loss
                .map_or(String::new(), |loss| format!("{loss:.4}")),
            format!("{:.1} s", manifest.wall_time_s),
            hash.chars().take(12).collect(),
            manifest.model,
        ]);
    }
    if rows.is_empty() {
        say!(
            "no runs in {}; `unisono train --out DIR` makes one",
            folder.display()
        );
        return Ok(());
    }
    aligned(
        &[
            "run", "status", "steps", "accuracy", "loss", "time", "weights", "model",
        ],
        &rows,
    );
    Ok(())
}

/// `unisono inspect`: every tensor of a run.
pub(super) fn inspect(folder: &Path) -> Result<(), CommandError> {
    let loaded = Loaded::open(folder)?;
    say!("model: {}", loaded.network.model());
    say!("weights: {}", loaded.weights.display());
    let params = loaded.network.params();
    let row = |tensor: &crate::nn::Tensor| {
        let values = &params[tensor.range.clone()];
        let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
        let mean: f64 =
            values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let least = values.iter().copied().fold(f32::INFINITY, f32::min);
        let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        vec![
            tensor.name.clone(),
            shape.join("x"),
            values.len().to_string(),
            format!("{:.4}", squares.sqrt()),
            format!("{mean:.5}"),
            format!("{least:.4}"),
            format!("{most:.4}"),
        ]
    };
    let rows: Vec<Vec<String>> = loaded.network.layout().tensors().iter().map(row).collect();
    aligned(
        &["tensor", "shape", "values", "norm", "mean", "least", "most"],
        &rows,
    );
    say!("parameters: {}", loaded.network.layout().num_params());
    say!("weights sha256: {}", loaded.network.weights_sha256());
    Ok(())
}

/// `unisono diff`: settings, results and weights of two runs.
pub(super) fn diff(first: &Path, second: &Path) -> Result<(), CommandError> {
    for (key, one, other) in differences(&settings(first)?, &settings(second)?) {
        say!("{key}: {one}, {other}");
    }
    let manifests = [Manifest::read(first)?, Manifest::read(second)?];
    let [one, other] = &manifests;
    let or_none =
        |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.6}"));
    let results = [
        ("steps", one.steps.to_string(), other.steps.to_string()),
        (
            "test loss",
            or_none(one.test_loss),
            or_none(other.test_loss),
        ),
        (
            "test accuracy",
            or_none(one.test_accuracy),
            or_none(other.test_accuracy),
        ),
        (
            "data sha256",
            one.data_sha256.clone(),
            other.data_sha256.clone(),
        ),
    ];
    for (name, one, other) in results.iter().filter(|known| known.1 != known.2) {
        say!("{name}: {one}, {other}");
    }
    let (one, other) = (Loaded::open(first)?.network, Loaded::open(second)?.network);
    if one.layout() != other.layout() {
        say!(
            "weights: of different models, {} and {}",
            one.model(),
            other.model()
        );
        return Ok(());
    }
    if one.params() == other.params() {
        say!("weights: the same bits, sha256 {}", one.weights_sha256());
        return Ok(());
    }
    for tensor in one.layout().tensors() {
        let pairs = one.params()[tensor.range.clone()]
            .iter()
            .zip(&other.params()[tensor.range.clone()]);
        let largest = pairs
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max);
        say!("weights {}: differ by at most {largest:.6}", tensor.name);
    }
    Ok(())
}

/// `unisono eval`.
pub(super) fn eval(args: &PartArgs) -> Result<(), CommandError> {
    let loaded = Loaded::open(&args.run)?;
    let data = loaded.part(&args.part)?;
    // The shards of an evaluation are those of training: the loss is the same bits.
    let trainer = trainer_from(&loaded.settings, loaded.network.clone());
    let (loss, accuracy) = trainer.evaluate(data)?;
    say!("rows: {} ({} part)", data.len(), args.part);
    say!("loss: {loss:.6}");
    say!("accuracy: {:.2} %", 100.0 * accuracy);
    say!("weights: {}", loaded.weights.display());
    say!("weights sha256: {}", loaded.network.weights_sha256());
    Ok(())
}

/// `unisono predict`: a line of JSON a row.
pub(super) fn predict(args: &PartArgs, out: Option<&Path>) -> Result<(), CommandError> {
    let loaded = Loaded::open(&args.run)?;
    let data = loaded.part(&args.part)?;
    let rows = predictions(&loaded.network, data).map_err(TrainError::from)?;
    let rows = rows.ok_or_else(|| {
        let expected = "of a classifier: each row has one class";
        refused("run", expected, &args.run.display().to_string())
    })?;
    let names = &loaded.task.class_names;
    let name = |class: usize| {
        let known = names.get(class).cloned();
        known.unwrap_or_else(|| class.to_string())
    };
    let line = |row: &Predicted| {
        let line = json!({
            "row": row.row,
            "predicted": name(row.predicted),
            "probability": row.probability,
            "class": name(row.class),
        });
        format!("{line}\n")
    };
    let lines: String = rows.iter().map(line).collect();
    let Some(path) = out else {
        say!("{}", lines.trim_end());
        return Ok(());
    };
    std::fs::write(path, lines).map_err(|source| CommandError::Write {
        path: path.to_owned(),
        source,
    })?;
    say!("predictions: {}", path.display());
    Ok(())
}

/// `unisono export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), CommandError> {
    let loaded = Loaded::open(&args.run)?;
    let model = loaded.network.model().to_string();
    let written: Result<(), ExportError> = match args.format.as_str() {
        "safetensors" => write_safetensors(
            &args.out,
            &loaded.network,
            &[("format", "pt"), ("model", &model)],
        ),
        "npz" => write_npz(&args.out, &loaded.network),
        "onnx" => write_onnx(&args.out, &loaded.network),
        other => return Err(refused("format", "safetensors, npz or onnx", other).into()),
    };
    written?;
    say!("model: {model}");
    say!("file: {}", args.out.display());
    Ok(())
}
