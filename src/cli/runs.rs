//! Commands on runs: inspect, diff.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::nn::Network;
use crate::run::{Manifest, RunWeights};

use super::choices::TABLE_FORMATS;
use super::compare_facts::{FIGURES, Setting};
use super::document::{differences, differing};
use super::error::CommandError;
use super::options::{JsonArgs, TableArgs};
use super::output::aligned;
use super::saved_run::{SavedRun, settings};
use super::stdout::{json, only_json, only_tables};

/// Updates that made a run's newest weights: a process that was killed has not written them down.
fn steps(run: &Path, manifest: &Manifest) -> u64 {
    let newest = RunWeights::find(run).ok().and_then(|found| found.step);
    newest.unwrap_or(manifest.steps)
}

/// `unisono inspect`: every tensor of a run.
pub(super) fn inspect(folder: &Path, table: &TableArgs, how: JsonArgs) -> Result<(), CommandError> {
    only_json(how.json);
    only_tables(TABLE_FORMATS.of(&table.format)?);
    let saved = SavedRun::open(folder)?;
    say!("model: {}", saved.network.model());
    say!("weights: {}", saved.weights.file.display());
    let tensors: Vec<TensorFacts> = TensorFacts::of(&saved.network);
    let row = |facts: &TensorFacts| {
        let shape: Vec<String> = facts.shape.iter().map(ToString::to_string).collect();
        vec![
            facts.name.clone(),
            shape.join("x"),
            facts.values.to_string(),
            format!("{:.4}", facts.norm),
            format!("{:.5}", facts.mean),
            format!("{:.4}", facts.least),
            format!("{:.4}", facts.most),
        ]
    };
    aligned(
        &["tensor", "shape", "values", "norm", "mean", "least", "most"],
        &tensors.iter().map(row).collect::<Vec<_>>(),
    );
    let (parameters, hash) = (
        saved.network.layout().num_params(),
        saved.network.weights_sha256(),
    );
    say!("parameters: {parameters}");
    say!("weights sha256: {hash}");
    json(|| {
        json!({
            "model": saved.network.model().to_string(),
            "weights": saved.weights.file.display().to_string(),
            "tensors": tensors,
            "parameters": parameters,
            "weights_sha256": hash,
        })
    });
    Ok(())
}

/// What a tensor holds.
#[derive(Debug, Serialize)]
struct TensorFacts {
    name: String,
    shape: Vec<usize>,
    values: usize,
    norm: f64,
    mean: f64,
    least: f32,
    most: f32,
}

impl TensorFacts {
    /// Of every tensor.
    fn of(network: &Network) -> Vec<Self> {
        let params = network.params();
        let facts = |tensor: &crate::nn::Tensor| {
            let values = &params[tensor.range.clone()];
            let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
            let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
            Self {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                values: values.len(),
                norm: squares.sqrt(),
                mean: sum / values.len() as f64,
                least: values.iter().copied().fold(f32::INFINITY, f32::min),
                most: values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            }
        };
        network.layout().tensors().iter().map(facts).collect()
    }
}

/// `unisono diff`: settings, results and weights of two runs.
pub(super) fn diff(first: &Path, second: &Path, how: JsonArgs) -> Result<(), CommandError> {
    only_json(how.json);
    // Settings.
    let args = [settings(first)?, settings(second)?];
    for (key, one, other) in differences(&args[0], &args[1]) {
        say!("{key}: {one}, {other}");
    }
    // Results, as the manifests have them, that are not the same.
    let manifests = [Manifest::read(first)?, Manifest::read(second)?];
    let mut results = results(&manifests, [first, second]);
    results.retain(|(_, values)| values[0] != values[1]);
    for (name, values) in &results {
        let [one, other] = values.each_ref().map(result_text);
        say!("{name}: {one}, {other}");
    }
    // Weights.
    let networks = [
        SavedRun::open(first)?.network,
        SavedRun::open(second)?.network,
    ];
    let weights = WeightsDifference::of(&networks);
    weights.say(&networks);
    json(|| {
        let setting = |(key, values): &Setting| json!({ "key": key, "values": values });
        let result = |(name, values): &(&str, [Value; 2])| json!({ "name": name.replace(' ', "_"), "values": values });
        json!({
            "settings": differing(&args).iter().map(setting).collect::<Vec<_>>(),
            "results": results.iter().map(result).collect::<Vec<_>>(),
            "weights": weights,
        })
    });
    Ok(())
}

/// Results by their names, in both runs.
fn results(manifests: &[Manifest; 2], runs: [&Path; 2]) -> Vec<(&'static str, [Value; 2])> {
    let of = |name, value: &dyn Fn(&Manifest) -> Value| {
        let [one, other] = manifests;
        (name, [value(one), value(other)])
    };
    let steps = [0, 1].map(|at| json!(steps(runs[at], &manifests[at])));
    let kept = |manifest: &Manifest| {
        let known = manifest.kept;
        json!(known.map(|kept| format!("{} (epoch {})", kept.weights_text(), kept.epoch)))
    };
    let mut results = vec![
        of("status", &|manifest| json!(manifest.status.to_string())),
        of("kept", &kept),
        ("steps", steps),
    ];
    let figures = FIGURES.iter();
    results
        .extend(figures.map(|figure| of(figure.name, &|manifest| json!((figure.kept)(manifest)))));
    results.push(of("data sha256", &|manifest| json!(manifest.data_sha256)));
    results
}

fn result_text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            format!("{:.6}", number.as_f64().unwrap_or(f64::NAN))
        }
        other => other.to_string(),
    }
}

/// What of two networks' weights differs.
#[derive(Debug, Serialize)]
struct WeightsDifference {
    is_same_model: bool,
    is_same_bits: bool,
    /// Of the same model with other weights.
    tensors: Vec<TensorDifference>,
}

#[derive(Debug, Serialize)]
struct TensorDifference {
    name: String,
    largest: f32,
}

impl WeightsDifference {
    fn of(networks: &[Network; 2]) -> Self {
        let [one, other] = networks;
        let is_same_model = one.layout() == other.layout();
        let is_same_bits = is_same_model && one.params() == other.params();
        let tensor = |tensor: &crate::nn::Tensor| {
            let values = [one, other].map(|network| &network.params()[tensor.range.clone()]);
            let pairs = values[0].iter().zip(values[1]);
            TensorDifference {
                name: tensor.name.clone(),
                largest: pairs
                    .map(|(one, other)| (one - other).abs())
                    .fold(0.0, f32::max),
            }
        };
        let tensors = one.layout().tensors().iter();
        Self {
            is_same_model,
            is_same_bits,
            tensors: match is_same_model && !is_same_bits {
                true => tensors.map(tensor).collect(),
                false => Vec::new(),
            },
        }
    }

    fn say(&self, networks: &[Network; 2]) {
        let [one, other] = networks;
        if !self.is_same_model {
            say!(
                "weights: of different models, {} and {}",
                one.model(),
                other.model()
            );
        }
        if self.is_same_bits {
            say!("weights: the same bits, sha256 {}", one.weights_sha256());
        }
        for TensorDifference { name, largest } in &self.tensors {
            say!("weights {name}: differ by at most {largest:.6}");
        }
    }
}
