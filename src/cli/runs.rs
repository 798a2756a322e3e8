//! Commands on runs: list, inspect, compare, evaluate, export.

use std::path::Path;

use serde_json::json;

use crate::export::{write_npz, write_onnx, write_safetensors};
use crate::metrics::{ClassMetrics, Classification};
use crate::nn::Network;
use crate::run::{Manifest, RunFolder, RunWeights, classification, predictions};
use crate::train::TrainError;

use super::document::differences;
use super::error::{CommandError, refused};
use super::out_file::OutFile;
use super::output::aligned;
use super::runs_args::{EvalArgs, ExportArgs};
use super::saved_run::{SavedRun, settings};
use super::task::trainer_from;

/// `unisono list`.
pub(super) fn list(folder: &Path) -> Result<(), CommandError> {
    let mut rows = Vec::new();
    for run in RunFolder::all(folder)? {
        let name = run
            .file_name()
            .unwrap_or(run.as_os_str())
            .to_string_lossy()
            .into_owned();
        // A run of an older version, or one that was damaged, is listed by its name.
        let Ok(manifest) = Manifest::read(&run) else {
            let status = match RunFolder::is_open(&run) {
                true => "starting",
                false => "no manifest",
            };
            rows.push(
                [name, status.to_owned()]
                    .into_iter()
                    .chain(vec![String::new(); 6])
                    .collect(),
            );
            continue;
        };
        let updates = steps(&run, &manifest).to_string();
        let hash = manifest.weights_sha256.clone().unwrap_or_default();
        rows.push(vec![
            name,
            manifest.status.to_string(),
            updates,
            accuracy(&manifest),
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

/// The test accuracy of a run's weights. Where nobody has evaluated them it is not known; of a run
/// that keeps no weights yet it is that of its last epoch, which is named.
fn accuracy(manifest: &Manifest) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    match (manifest.test_accuracy, manifest.last_epoch) {
        (Some(share), _) => percent(share),
        (None, _) if manifest.weights_sha256.is_some() => "not known".to_owned(),
        (None, Some(last)) => format!("{} (epoch {})", percent(last.test_accuracy), last.epoch),
        (None, None) => String::new(),
    }
}

/// Updates that made a run's newest weights: a process that was killed has not written them down.
fn steps(run: &Path, manifest: &Manifest) -> u64 {
    let newest = RunWeights::find(run).ok().and_then(|found| found.step);
    newest.unwrap_or(manifest.steps)
}

/// `unisono inspect`: every tensor of a run.
pub(super) fn inspect(folder: &Path) -> Result<(), CommandError> {
    let saved = SavedRun::open(folder)?;
    say!("model: {}", saved.network.model());
    say!("weights: {}", saved.weights.file.display());
    let params = saved.network.params();
    // A row for each tensor: shape, norm, range.
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
    let rows: Vec<Vec<String>> = saved.network.layout().tensors().iter().map(row).collect();
    aligned(
        &["tensor", "shape", "values", "norm", "mean", "least", "most"],
        &rows,
    );
    say!("parameters: {}", saved.network.layout().num_params());
    say!("weights sha256: {}", saved.network.weights_sha256());
    Ok(())
}

/// `unisono diff`: settings, results and weights of two runs.
pub(super) fn diff(first: &Path, second: &Path) -> Result<(), CommandError> {
    // Settings.
    for (key, one, other) in differences(&settings(first)?, &settings(second)?) {
        say!("{key}: {one}, {other}");
    }
    // Results, as the manifests have them.
    let manifests = [Manifest::read(first)?, Manifest::read(second)?];
    let [one, other] = &manifests;
    let or_none =
        |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.6}"));
    let kept = |manifest: &Manifest| {
        let known = manifest.kept;
        known.map_or("none".to_owned(), |kept| {
            format!("{} (epoch {})", kept.weights, kept.epoch)
        })
    };
    let results = [
        ("status", one.status.to_string(), other.status.to_string()),
        ("kept", kept(one), kept(other)),
        (
            "steps",
            steps(first, one).to_string(),
            steps(second, other).to_string(),
        ),
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
    // Weights.
    diff_weights(
        &SavedRun::open(first)?.network,
        &SavedRun::open(second)?.network,
    );
    Ok(())
}

/// What of two networks' weights differs.
fn diff_weights(one: &Network, other: &Network) {
    if one.layout() != other.layout() {
        say!(
            "weights: of different models, {} and {}",
            one.model(),
            other.model()
        );
        return;
    }
    if one.params() == other.params() {
        say!("weights: the same bits, sha256 {}", one.weights_sha256());
        return;
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
}

/// `unisono eval`.
pub(super) fn eval(args: &EvalArgs) -> Result<(), CommandError> {
    let saved = SavedRun::open(&args.of.run)?;
    let part = args.of.part.as_str();
    let data = saved.part(part)?;
    // The shards of an evaluation are those of training: the loss is the same bits.
    let trainer = trainer_from(&saved.settings, saved.network.clone());
    let (loss, accuracy) = trainer.evaluate(&*data)?;
    let rows = predictions(&saved.network, &*data).map_err(TrainError::from)?;
    let metrics = rows.and_then(|rows| classification(&rows));
    let (file, hash) = (saved.weights.file.display(), saved.network.weights_sha256());
    if args.json {
        let class = |class| saved.class(class);
        let names = metrics.as_ref().map(|metrics| metrics.classes.len());
        let line = json!({
            "rows": data.len(),
            "part": part,
            "loss": loss,
            "accuracy": accuracy,
            "metrics": metrics,
            "class_names": names.map(|classes| (0..classes).map(class).collect::<Vec<_>>()),
            "weights": file.to_string(),
            "weights_sha256": hash,
        });
        say!("{line}");
        return Ok(());
    }
    say!("rows: {} ({part} part)", data.len());
    say!("loss: {loss:.6}");
    say!("accuracy: {:.2} %", 100.0 * accuracy);
    for (name, value) in metrics.iter().flat_map(|metrics| metrics.listed()) {
        say!("{name}: {value}");
    }
    say!("weights: {file}");
    say!("weights sha256: {hash}");
    if let Some(metrics) = metrics.filter(|_| args.classes) {
        by_class(&saved, &metrics);
    }
    Ok(())
}

/// A line a class.
fn by_class(saved: &SavedRun, metrics: &Classification) {
    let row = |(class, of_class): (usize, &ClassMetrics)| {
        [saved.class(class)]
            .into_iter()
            .chain(of_class.listed())
            .collect()
    };
    let rows: Vec<Vec<String>> = metrics.classes.iter().enumerate().map(row).collect();
    let head = ["class"]
        .into_iter()
        .chain(ClassMetrics::NAMES.iter().copied());
    aligned(&head.collect::<Vec<_>>(), &rows);
}

/// `unisono export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), CommandError> {
    let format = args.format.as_str();
    if !["safetensors", "npz", "onnx"].contains(&format) {
        return Err(refused("format", "safetensors, npz or onnx", format).into());
    }
    let out = OutFile::new(&args.out, args.force, &[])?;
    let saved = SavedRun::open(&args.run)?;
    let model = saved.network.model().to_string();
    match format {
        "npz" => write_npz(out.path(), &saved.network)?,
        "onnx" => write_onnx(out.path(), &saved.network)?,
        _ => {
            let metadata = [("format", "pt"), ("model", &*model)];
            write_safetensors(out.path(), &saved.network, &metadata)?;
        }
    }
    say!("model: {model}");
    say!("file: {}", out.path().display());
    Ok(())
}
