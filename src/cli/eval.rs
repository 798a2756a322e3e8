//! `unisono eval`: loss and metrics of a run's weights on a part of its data, or on other files.

use serde_json::{Value, json};

use crate::metrics::{ClassMetrics, Classification};
use crate::run::{TargetErrors, classification, predictions};

use super::error::{ArgError, CommandError};
use super::loss::ignored_class;
use super::output::aligned;
use super::part_errors::{errors, if_numbers};
use super::runs_args::EvalArgs;
use super::saved_run::SavedRun;
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
    /// Those of a classifier.
    metrics: Option<Classification>,
    /// Those of a regression, by target.
    errors: Vec<TargetErrors>,
}

/// `unisono eval`.
pub(super) fn eval(args: &EvalArgs) -> Result<(), CommandError> {
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
    let listed = found.metrics.iter().flat_map(Classification::listed);
    for (name, value) in listed {
        say!("{name}: {value}");
    }
    say_errors("R2", "target", &found.errors);
    say!("weights: {}", saved.weights.file.display());
    say!("weights sha256: {}", saved.network.weights_sha256());
    if let Some(metrics) = found.metrics.filter(|_| args.classes) {
        by_class(&saved, &metrics);
    }
    Ok(())
}

fn found(saved: &SavedRun, args: &EvalArgs) -> Result<Found, CommandError> {
    let part = args.of.part.as_str();
    let ((data, loss), from) = match &args.input {
        None => (saved.part_and_loss(part)?, format!("{part} part")),
        Some(path) => (saved.labelled_and_loss(path)?, path.display().to_string()),
    };
    let ignored = ignored_class(&loss);
    // The shards of an evaluation are those of training: the loss is the same bits.
    let trainer = trainer_from(&saved.settings, saved.network.clone(), loss);
    let (loss, accuracy) = trainer.evaluate(&*data)?;
    let errors = errors(&saved.network, &*data, saved.targets())?;
    let rows = if_numbers(predictions(&saved.network, &*data))?;
    Ok(Found {
        from,
        rows: data.len(),
        loss,
        accuracy: Some(accuracy).filter(|_| errors.is_empty()),
        // Rows of an ignored class count for nothing here either.
        metrics: rows.and_then(|rows| classification(&rows, ignored)),
        errors,
    })
}

/// The evaluation as one JSON object.
fn line(saved: &SavedRun, args: &EvalArgs, found: &Found) -> Value {
    let class = |class| saved.class(class);
    let names = found.metrics.as_ref().map(|metrics| metrics.classes.len());
    let part = args.input.is_none().then_some(&args.of.part);
    let mut line = json!({
        "rows": found.rows,
        "part": part,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "metrics": found.metrics,
        "class_names": names.map(|classes| (0..classes).map(class).collect::<Vec<_>>()),
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
