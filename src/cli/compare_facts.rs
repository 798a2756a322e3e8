//! Facts of compared runs, as both the table and the page show them.

use crate::run::{LastEpoch, Manifest, TargetErrors};

use super::compared_run::ComparedRun;
use super::units::{loss, percent, seconds};

/// What is said of runs whose rows are not the same.
pub(super) const OTHER_DATA: &str =
    "the runs have different data, so their figures are of different rows";

/// Digits of a hash that are shown.
const HASH_DIGITS: usize = 12;

/// A cell of what is not known.
const NONE: &str = "-";

/// A fact of each run: its name, and the text of each run.
pub(super) type Fact = (&'static str, Vec<String>);

/// A setting: its key, and its value in each run, where it has one.
pub(super) type Setting = (String, Vec<Option<toml::Value>>);

/// A figure of an evaluation.
pub(super) struct Figure {
    pub(super) name: &'static str,
    /// Its name in JSON.
    pub(super) key: &'static str,
    /// Of the weights that are kept.
    pub(super) kept: fn(&Manifest) -> Option<f64>,
    /// Of an epoch.
    last: fn(&LastEpoch) -> Option<f64>,
    text: fn(f64) -> String,
}

pub(super) const FIGURES: &[Figure] = &[
    Figure {
        name: "validation accuracy",
        key: "valid_accuracy",
        kept: |manifest| manifest.valid_accuracy,
        last: |epoch| epoch.valid_accuracy,
        text: percent,
    },
    Figure {
        name: "validation R2",
        key: "valid_r2",
        kept: |manifest| TargetErrors::mean_r2(&manifest.valid_targets),
        last: |epoch| epoch.valid_r2,
        text: |r2| format!("{r2:.4}"),
    },
    Figure {
        name: "validation loss",
        key: "valid_loss",
        kept: |manifest| manifest.valid_loss,
        last: |epoch| epoch.valid_loss,
        text: loss,
    },
    Figure {
        name: "test accuracy",
        key: "test_accuracy",
        kept: |manifest| manifest.test_accuracy,
        last: |epoch| epoch.test_accuracy,
        text: percent,
    },
    Figure {
        name: "test R2",
        key: "test_r2",
        kept: |manifest| TargetErrors::mean_r2(&manifest.targets),
        last: |epoch| epoch.test_r2,
        text: |r2| format!("{r2:.4}"),
    },
    Figure {
        name: "test loss",
        key: "test_loss",
        kept: |manifest| manifest.test_loss,
        last: |epoch| epoch.test_loss,
        text: loss,
    },
];

impl Figure {
    /// That of the weights that a run keeps; where it keeps none yet that of its last epoch, which
    /// is named.
    fn of(&self, run: &ComparedRun) -> Option<String> {
        let manifest = run.manifest.as_ref();
        let known = manifest.filter(|manifest| manifest.weights_sha256.is_some());
        match (known, &run.last) {
            (Some(manifest), _) => (self.kept)(manifest).map(self.text),
            (None, Some(epoch)) => {
                let value = (self.last)(epoch)?;
                Some(format!("{} (epoch {})", (self.text)(value), epoch.epoch))
            }
            (None, None) => None,
        }
    }
}

/// Facts of the runs; those that no run has are left out.
pub(super) fn facts(runs: &[ComparedRun]) -> Vec<Fact> {
    let hash = |text: &str| text.chars().take(HASH_DIGITS).collect::<String>();
    let of = |fact: &dyn Fn(&ComparedRun) -> Option<String>| -> Vec<String> {
        let cell = |run| fact(run).unwrap_or_else(|| NONE.to_owned());
        runs.iter().map(cell).collect()
    };
    // How far each has come.
    let mut facts = vec![
        ("status", of(&|run| Some(run.status.clone()))),
        ("epochs", of(&ComparedRun::epochs_text)),
        ("steps", of(&|run| Some(run.steps()?.to_string()))),
        ("kept", of(&ComparedRun::kept_text)),
    ];
    // How good it is, and what that took.
    let figures = FIGURES.iter();
    facts.extend(figures.map(|figure| (figure.name, of(&|run| figure.of(run)))));
    let time = |run: &ComparedRun| Some(seconds(run.wall_time_s()?));
    let weights = |run: &ComparedRun| Some(hash(run.manifest.as_ref()?.weights_sha256.as_deref()?));
    facts.extend([
        ("threads", of(&|run| Some(run.threads()?.to_string()))),
        ("time", of(&time)),
        ("weights", of(&weights)),
    ]);
    if has_other_data(runs) {
        facts.push(("data", of(&|run| run.data_sha256().map(hash))));
    }
    // The longest last.
    let model = |run: &ComparedRun| Some(run.manifest.as_ref()?.model.clone());
    facts.push(("model", of(&model)));
    facts.retain(|fact| fact.1.iter().any(|cell| cell != NONE));
    facts
}

/// A row a setting: its key and its values.
pub(super) fn setting_rows(settings: &[Setting]) -> Vec<Vec<String>> {
    let text = |value: &Option<toml::Value>| {
        let value = value.as_ref();
        value.map_or_else(|| "not set".to_owned(), ToString::to_string)
    };
    let row = |(key, values): &Setting| {
        let cells = values.iter().map(text);
        [key.clone()].into_iter().chain(cells).collect()
    };
    settings.iter().map(row).collect()
}

/// Why there is no table of settings.
pub(super) fn no_difference(runs: &[ComparedRun]) -> &'static str {
    match runs {
        [_] => "one run has none that differ",
        _ => "the same",
    }
}

/// Whether two runs have other data.
pub(super) fn has_other_data(runs: &[ComparedRun]) -> bool {
    let mut hashes = runs.iter().filter_map(ComparedRun::data_sha256);
    let first = hashes.next();
    hashes.any(|hash| Some(hash) != first)
}
