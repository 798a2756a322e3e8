//! Commands on runs: list, inspect, compare, evaluate, export.

use std::path::Path;

use crate::data::RealTargets;
use crate::export::{OutputScale, write_npz, write_onnx_described, write_safetensors};
use crate::nn::Network;
use crate::run::{Manifest, RunFolder, RunWeights, TargetErrors};

use super::choices::FORMATS;
use super::compare_facts::FIGURES;
use super::document::differences;
use super::error::CommandError;
use super::out_file::OutFile;
use super::output::aligned;
use super::runs_args::ExportArgs;
use super::saved_run::{SavedRun, settings};

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

/// The test accuracy of a run's weights, or R2 of a regression. Where nobody has evaluated them it is not known; of a run
/// that keeps no weights yet it is that of its last epoch, which is named.
fn accuracy(manifest: &Manifest) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    if !manifest.targets.is_empty() {
        let r2 = TargetErrors::mean_r2(&manifest.targets);
        return r2.map_or("R2 none".to_owned(), |r2| format!("R2 {r2:.4}"));
    }
    match (manifest.test_accuracy, manifest.last_epoch) {
        (Some(share), _) => percent(share),
        (None, _) if manifest.weights_sha256.is_some() => "not known".to_owned(),
        (None, Some(last)) => {
            let (share, r2, part) = match manifest.valid_rows {
                0 => (last.test_accuracy, last.test_r2, ""),
                _ => (last.valid_accuracy, last.valid_r2, ", validation"),
            };
            let r2 = r2.map(|r2| format!("R2 {r2:.4}"));
            let measured = share.map(percent).or(r2);
            measured.map_or_else(String::new, |text| {
                format!("{text} (epoch {}{part})", last.epoch)
            })
        }
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
            format!("{} (epoch {})", kept.weights_text(), kept.epoch)
        })
    };
    let text = |name, of: &dyn Fn(&Manifest) -> String| (name, of(one), of(other));
    let mut results = vec![
        text("status", &|manifest| manifest.status.to_string()),
        text("kept", &kept),
        (
            "steps",
            steps(first, one).to_string(),
            steps(second, other).to_string(),
        ),
    ];
    let figures = FIGURES.iter();
    results.extend(
        figures.map(|figure| text(figure.name, &|manifest| or_none((figure.kept)(manifest)))),
    );
    results.push(text("data sha256", &|manifest| {
        manifest.data_sha256.clone()
    }));
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

/// `unisono export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), CommandError> {
    let format = args.format.as_str();
    FORMATS.of(format)?;
    let out = OutFile::new(&args.out, args.force, &[])?;
    let saved = SavedRun::open(&args.run)?;
    let model = saved.network.model().to_string();
    match format {
        "npz" => write_npz(out.path(), &saved.network)?,
        "onnx" => {
            let scale = saved.targets().map(output_scale);
            let described = described(&saved);
            let described: Vec<(&str, &str)> = described
                .iter()
                .map(|(key, text)| (*key, &**text))
                .collect();
            write_onnx_described(out.path(), &saved.network, scale.as_ref(), &described)?;
        }
        _ => {
            let targets = saved
                .targets()
                .map(|targets| serde_json::to_string(targets).expect("targets are plain values"));
            let mut metadata = vec![("format", "pt"), ("model", &*model)];
            metadata.extend(targets.as_deref().map(|targets| ("targets", targets)));
            write_safetensors(out.path(), &saved.network, &metadata)?;
        }
    }
    say!("model: {model}");
    for line in units(saved.targets(), format) {
        say!("{line}");
    }
    say!("file: {}", out.path().display());
    Ok(())
}

/// What an ONNX file says of its rows and outputs, as JSON: how rows are made, and the names of
/// inputs, classes and targets.
fn described(saved: &SavedRun) -> Vec<(&'static str, String)> {
    let Ok(preparation) = saved.preparation() else {
        return Vec::new();
    };
    let names = |names: &[String]| serde_json::to_string(names).expect("names are texts");
    let targets = preparation
        .targets
        .iter()
        .flat_map(|targets| &targets.names);
    let lists = [
        ("input_names", preparation.rows.input_names()),
        ("class_names", preparation.class_names.clone()),
        ("targets", targets.cloned().collect()),
    ];
    let whole = String::from_utf8(preparation.to_json()).expect("JSON is text");
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let lists = lists.map(|(key, list)| (key, names(&list)));
    [("preparation", whole)].into_iter().chain(lists).collect()
}

/// What brings a model's outputs to the units of its targets.
fn output_scale(targets: &RealTargets) -> OutputScale {
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
    OutputScale {
        factors: single(&targets.scale.deviations),
        summands: single(&targets.scale.means),
    }
}

/// In which units a file's outputs are.
fn units(targets: Option<&RealTargets>, format: &str) -> Vec<String> {
    let Some(targets) = targets else {
        return Vec::new();
    };
    let scale = &targets.scale;
    let scales = scale.means.iter().zip(&scale.deviations);
    let line = |(name, (mean, deviation)): (&String, (&f64, &f64))| match format {
        "onnx" => format!("target {name}: in its units"),
        _ => format!("target {name}: {mean} + {deviation} times the output"),
    };
    targets.names.iter().zip(scales).map(line).collect()
}
