//! `unisono list`: the runs in a folder, sorted.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::run::{Manifest, RunFolder, RunWeights, TargetErrors};

use super::choices::{ORDERS, Order, TABLE_FORMATS};
use super::compare_facts::FIGURES;
use super::error::CommandError;
use super::options::TrainArgs;
use super::output::aligned;
use super::runs_args::ListArgs;
use super::saved_run::settings;
use super::stdout::{json, only_json, only_tables};
use super::units::{loss, percent, seconds};

/// Digits of a hash that are shown.
const HASH_DIGITS: usize = 12;

/// Of a date, `2026-12-02T22:37`.
const DATE: usize = 16;

/// The columns.
const HEAD: [&str; 13] = [
    "run", "status", "date", "steps", "best", "accuracy", "loss", "lr", "time", "threads",
    "weights", "data", "model",
];

/// A run, as far as it can be read: one of an older version, or one that was damaged, has its name.
struct Listed {
    folder: PathBuf,
    name: String,
    status: String,
    manifest: Option<Manifest>,
    /// Updates that made its newest weights: a process that was killed has not written them down.
    steps: Option<u64>,
    args: Option<TrainArgs>,
}

/// `unisono list`.
pub(super) fn list(args: &ListArgs) -> Result<(), CommandError> {
    only_json(args.json.json);
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    let order = ORDERS.of(&args.sort)?;
    let runs = RunFolder::all(&args.folder)?;
    let mut runs: Vec<Listed> = runs.iter().map(|run| Listed::of(run)).collect();
    // Those without what they are sorted by come last, either way.
    runs.sort_by(|one, other| {
        let by_name = || one.name.cmp(&other.name);
        let missing = one.lacks(order).cmp(&other.lacks(order));
        let known = one.compare(other, order).then_with(by_name);
        let known = if args.reverse { known.reverse() } else { known };
        missing.then(known)
    });
    json(|| json!({ "runs": runs.iter().map(Listed::to_json).collect::<Vec<_>>() }));
    if runs.is_empty() {
        say!(
            "no runs in {}; `unisono train --out DIR` makes one",
            args.folder.display()
        );
        return Ok(());
    }
    aligned(&HEAD, &runs.iter().map(Listed::row).collect::<Vec<_>>());
    Ok(())
}

impl Listed {
    fn of(run: &Path) -> Self {
        let name = run.file_name().unwrap_or(run.as_os_str());
        let manifest = Manifest::read(run).ok();
        let status = match &manifest {
            Some(manifest) => manifest.status.to_string(),
            None if RunFolder::is_open(run) => "starting".to_owned(),
            None => "no manifest".to_owned(),
        };
        let newest = || RunWeights::find(run).ok()?.step;
        let steps = manifest
            .as_ref()
            .map(|known| newest().unwrap_or(known.steps));
        Self {
            folder: run.to_owned(),
            name: name.to_string_lossy().into_owned(),
            status,
            steps,
            args: manifest.as_ref().and_then(|_| settings(run).ok()),
            manifest,
        }
    }

    /// The test loss of the weights that are kept.
    fn loss(&self) -> Option<f64> {
        self.manifest.as_ref()?.test_loss
    }

    /// Their test accuracy, or R2 of a regression.
    fn accuracy(&self) -> Option<f64> {
        let manifest = self.manifest.as_ref()?;
        let r2 = || TargetErrors::mean_r2(&manifest.targets);
        manifest.test_accuracy.or_else(r2)
    }

    fn lr(&self) -> Option<f32> {
        Some(self.args.as_ref()?.optim.lr)
    }

    /// Whether it has nothing to be sorted by.
    fn lacks(&self, order: Order) -> bool {
        match order {
            Order::Name => false,
            Order::Date | Order::Lr => self.args.is_none(),
            Order::Loss => self.loss().is_none(),
            Order::Accuracy => self.accuracy().is_none(),
        }
    }

    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let started = |run: &Self| run.manifest.as_ref().map(|known| known.started.clone());
        match order {
            Order::Name => Ordering::Equal,
            Order::Date => started(other).cmp(&started(self)),
            Order::Loss => ascending(self.loss(), other.loss()),
            Order::Accuracy => ascending(other.accuracy(), self.accuracy()),
            Order::Lr => ascending(self.lr().map(f64::from), other.lr().map(f64::from)),
        }
    }

    /// What it trains on, in a word.
    fn data(&self) -> Option<String> {
        let args = self.args.as_ref()?;
        let path = args.data.data.as_ref();
        let name = path.map(|path| path.file_name().unwrap_or(path.as_os_str()));
        Some(match (name, &args.model.preset) {
            (Some(name), _) => name.to_string_lossy().into_owned(),
            (None, Some(_)) => "synthetic".to_owned(),
            (None, None) => "digits".to_owned(),
        })
    }

    fn row(&self) -> Vec<String> {
        let Some(manifest) = &self.manifest else {
            let rest = vec![String::new(); HEAD.len() - 2];
            return [vec![self.name.clone(), self.status.clone()], rest].concat();
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        let hash = manifest.weights_sha256.clone().unwrap_or_default();
        let date: String = manifest.started.chars().take(DATE).collect();
        vec![
            self.name.clone(),
            self.status.clone(),
            date.replace('T', " "),
            text(self.steps.map(|steps| steps.to_string())),
            text(best(manifest)),
            accuracy(manifest),
            text(self.loss().map(loss)),
            text(self.lr().map(|lr| lr.to_string())),
            seconds(manifest.wall_time_s),
            manifest.threads.to_string(),
            hash.chars().take(HASH_DIGITS).collect(),
            text(self.data()),
            manifest.model.clone(),
        ]
    }

    fn to_json(&self) -> Value {
        let manifest = self.manifest.as_ref();
        let mut line = json!({
            "name": self.name,
            "folder": self.folder.display().to_string(),
            "status": self.status,
            "started": manifest.map(|known| &known.started),
            "steps": self.steps,
            "kept": manifest.and_then(|known| known.kept),
            "last_epoch": manifest.and_then(|known| known.last_epoch),
            "lr": self.lr(),
            "wall_time_s": manifest.map(|known| known.wall_time_s),
            "threads": manifest.map(|known| known.threads),
            "data": self.data(),
            "data_sha256": manifest.map(|known| &known.data_sha256),
            "model": manifest.map(|known| &known.model),
            "weights_sha256": manifest.and_then(|known| known.weights_sha256.as_ref()),
        });
        for figure in FIGURES {
            line[figure.key] = json!(manifest.and_then(figure.kept));
        }
        line
    }
}

fn ascending(one: Option<f64>, other: Option<f64>) -> Ordering {
    let both = one.zip(other);
    both.map_or(Ordering::Equal, |(one, other)| one.total_cmp(&other))
}

/// The epoch of the weights that are kept, of how many.
fn best(manifest: &Manifest) -> Option<String> {
    let kept = manifest.kept?.epoch;
    let last = manifest.last_epoch.map(|last| last.epoch);
    Some(match last.filter(|last| *last != kept) {
        Some(last) => format!("epoch {kept} of {last}"),
        None => format!("epoch {kept}"),
    })
}

/// The test accuracy of a run's weights, or R2 of a regression. Where nobody has evaluated them it is not known; of a run
/// that keeps no weights yet it is that of its last epoch, which is named.
fn accuracy(manifest: &Manifest) -> String {
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
