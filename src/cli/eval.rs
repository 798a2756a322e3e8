//! `unisono eval`: loss and metrics of a run's weights on a part of its data, or on other files.

use serde::Serialize;
use serde_json::{Value, json};

use crate::data::Dataset;
use crate::metrics::{ClassMetrics, Classification, MultiLabel};
use crate::nn::Criterion;
use crate::run::{TargetErrors, classification, label_sets_of, multi_label, predictions};
use crate::train::TrainError;

use super::choices::TABLE_FORMATS;
use super::error::{ArgError, CommandError};
use super::output::aligned;
use super::part_errors::{errors, if_numbers};
use super::runs_args::EvalArgs;
use super::saved_run::SavedRun;
use super::stdout::only_tables;
use super::summary::say_errors;
use super::task::trainer_from;
use super::units::{self, percent};

/// What an evaluation found.
struct Found {
    /// The file, or the part of the run's data.
    from: String,
    rows: usize,
    loss: f64,
    /// None of a regression.
    accuracy: Option<f64>,
    /// Those of a classifier, or of labels.
    metrics: Option<Metrics>,
    /// Those of a regression, by target.
    errors: Vec<TargetErrors>,
}

/// `unisono eval`.
pub(super) fn eval(args: &EvalArgs) -> Result<(), CommandError> {
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    let saved = SavedRun::open(&args.of.run)?;
    if args.classes && saved.targets().is_some() {
        return Err(ArgError::Unused {
            what: "--classes".to_owned(),
            to: "a regression".to_owned(),
            why: "its labels are of no class",
        }
        .into());
    }
    let found = found(&saved, args)?;
    if args.json {
        say!("{}", line(&saved, args, &found));
        return Ok(());
    }
    say!("rows: {} ({})", found.rows, found.from);
    say!("loss: {}", units::loss(found.loss));
    if let Some(accuracy) = found.accuracy {
        say!("accuracy: {}", percent(accuracy));
    }
    let listed = found.metrics.iter().flat_map(Metrics::listed);
    for (name, value) in listed {
        say!("{name}: {value}");
    }
    say_errors("R2", "target", &found.errors);
    say!("weights: {}", saved.weights.file.display());
    say!("weights sha256: {}", saved.network.weights_sha256());
    if let Some(metrics) = found.metrics.filter(|_| args.classes) {
        metrics.by_class(&saved);
    }
    Ok(())
}

fn found(saved: &SavedRun, args: &EvalArgs) -> Result<Found, CommandError> {
    let part = args.of.part.as_str();
    let ((data, loss), from) = match &args.input {
        None => (saved.part_and_loss(part)?, format!("{part} part")),
        Some(path) => (saved.labelled_and_loss(path)?, path.display().to_string()),
    };
    let ignored = loss.ignored_class();
    // The shards of an evaluation are those of training: the loss is the same bits.
    let trainer = trainer_from(&saved.settings, saved.network.clone(), loss);
    let (loss, accuracy) = trainer.evaluate(&*data)?;
    let errors = errors(&saved.network, &*data, saved.targets())?;
    Ok(Found {
        from,
        rows: data.len(),
        loss,
        accuracy: Some(accuracy).filter(|_| errors.is_empty()),
        metrics: Metrics::of(saved, &*data, ignored)?,
        errors,
    })
}

/// The evaluation as one JSON object.
fn line(saved: &SavedRun, args: &EvalArgs, found: &Found) -> Value {
    let names = found.metrics.as_ref().map(|metrics| metrics.names(saved));
    let part = args.input.is_none().then_some(&args.of.part);
    let mut line = json!({
        "rows": found.rows,
        "part": part,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "metrics": found.metrics,
        "class_names": names,
        "weights": saved.weights.file.display().to_string(),
        "weights_sha256": saved.network.weights_sha256(),
    });
    if part.is_none() {
        line["file"] = json!(found.from);
    }
    if !found.errors.is_empty() {
        line["r2"] = json!(TargetErrors::mean_r2(&found.errors));
        line["targets"] = json!(found.errors);
    }
    line
}

/// What predictions of all rows come to.
#[derive(Serialize)]
#[serde(untagged)]
enum Metrics {
    Classes(Classification),
    Labels(MultiLabel),
}

impl Metrics {
    /// Of a part's rows, if they have classes or labels; rows of an ignored class count for nothing
    /// here either.
    fn of(
        saved: &SavedRun,
        data: &dyn Dataset,
        ignored: Option<usize>,
    ) -> Result<Option<Self>, TrainError> {
        if saved.is_multi_label() {
            let rows = if_numbers(label_sets_of(&saved.network, data))?;
            return Ok(rows.and_then(|rows| multi_label(&rows)).map(Self::Labels));
        }
        let rows = if_numbers(predictions(&saved.network, data))?;
        let metrics = rows.and_then(|rows| classification(&rows, ignored));
        Ok(metrics.map(Self::Classes))
    }

    /// Each class or label for itself.
    fn each(&self) -> &[ClassMetrics] {
        match self {
            Metrics::Classes(metrics) => &metrics.classes,
            Metrics::Labels(metrics) => &metrics.labels,
        }
    }

    fn names(&self, saved: &SavedRun) -> Vec<String> {
        let classes = 0..self.each().len();
        classes.map(|class| saved.class(class)).collect()
    }

    fn listed(&self) -> Vec<(&'static str, String)> {
        match self {
            Metrics::Classes(metrics) => metrics.listed(),
            Metrics::Labels(metrics) => metrics.listed(),
        }
    }

    /// A line a class, or a label.
    fn by_class(&self, saved: &SavedRun) {
        let row = |(name, of_class): (String, &ClassMetrics)| {
            [name].into_iter().chain(of_class.listed()).collect()
        };
        let named = self.names(saved).into_iter().zip(self.each());
        let rows: Vec<Vec<String>> = named.map(row).collect();
        let what = match self {
            Metrics::Classes(_) => "class",
            Metrics::Labels(_) => "label",
        };
        let head = [what]
            .into_iter()
            .chain(ClassMetrics::NAMES.iter().copied());
        aligned(&head.collect::<Vec<_>>(), &rows);
    }
}
