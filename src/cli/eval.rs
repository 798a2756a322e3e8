//! `unisono eval`: loss and metrics of a run's weights on a part of its data.

use serde_json::json;

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
    let part = args.of.part.as_str();
    let (data, loss) = saved.part_and_loss(part)?;
    let ignored = ignored_class(&loss);
    // The shards of an evaluation are those of training: the loss is the same bits.
    let trainer = trainer_from(&saved.settings, saved.network.clone(), loss);
    let (loss, accuracy) = trainer.evaluate(&*data)?;
    let errors = errors(&saved.network, &*data, saved.targets())?;
    let rows = if_numbers(predictions(&saved.network, &*data))?;
    // Rows of an ignored class count for nothing here either.
    let metrics = rows.and_then(|rows| classification(&rows, ignored));
    let (file, hash) = (saved.weights.file.display(), saved.network.weights_sha256());
    let accuracy = Some(accuracy).filter(|_| errors.is_empty());
    if args.json {
        let class = |class| saved.class(class);
        let names = metrics.as_ref().map(|metrics| metrics.classes.len());
        let mut line = json!({
            "rows": data.len(),
            "part": part,
            "loss": loss,
            "accuracy": accuracy,
            "metrics": metrics,
            "class_names": names.map(|classes| (0..classes).map(class).collect::<Vec<_>>()),
            "weights": file.to_string(),
            "weights_sha256": hash,
        });
        if !errors.is_empty() {
            line["r2"] = json!(TargetErrors::mean_r2(&errors));
            line["targets"] = json!(errors);
        }
        say!("{line}");
        return Ok(());
    }
    say!("rows: {} ({part} part)", data.len());
    say!("loss: {}", units::loss(loss));
    if let Some(accuracy) = accuracy {
        say!("accuracy: {}", percent(accuracy));
    }
    for (name, value) in metrics.iter().flat_map(|metrics| metrics.listed()) {
        say!("{name}: {value}");
    }
    say_errors("R2", "target", &errors);
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
