//! A cross-validation: what is asked for, what is said, what is written.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::cli::args::TrainCommand;
use crate::cli::before_training::introduce;
use crate::cli::config::TrainSettings;
use crate::cli::document::ResolvedConfig;
use crate::cli::error::{CommandError, refused};
use crate::cli::options::TrainArgs;
use crate::cli::out_file::check_folder;
use crate::cli::output::{aligned, write};
use crate::cli::progress::OutputMode;
use crate::cli::settings_table::{By, refuse};
use crate::cli::side_by_side::{parallel_trials, side_by_side};

use crate::cli::stdout;
use crate::cli::task::task;
use crate::engine::Ranks;
use crate::run::in_digits;

use super::outcome::{FoldOutcome, predictions};
use super::spread::Spread;
use super::training::FoldTraining;

/// The file by which a cross-validation is known.
const MARKER: &str = "folds.json";

/// The predictions of all rows, each by the training that has not seen it.
const PREDICTIONS: &str = "out_of_fold.csv";

/// Whether several trainings are asked for: all folds, not one of them.
pub(in crate::cli) fn are_asked(args: &TrainArgs) -> bool {
    args.data.folds.is_some() && args.data.fold.is_none()
}

/// Trains once for each fold, and says what came of them.
pub(in crate::cli) fn train_folds(
    command: &TrainCommand,
    mut resolved: ResolvedConfig,
    ranks: Option<&Ranks>,
) -> Result<(), CommandError> {
    let keeps = command.out.is_some();
    refuse(&resolved, By::Train { keeps })?;
    let folds = resolved.args.data.folds.unwrap_or_default();
    if ranks.is_some() {
        let expected = "left to one process: start each fold by itself with --fold";
        return Err(refused("folds", expected, &folds.to_string()).into());
    }
    if let Some(every) = command.check_replicas {
        let expected = "several processes, whose weights it compares";
        return Err(refused("check-replicas", expected, &every.to_string()).into());
    }
    let has_threads = resolved.is_named("engine.threads");
    let asked = command.parallel_trials;
    let parallel = parallel_trials(asked, has_threads, "train --folds")?.min(folds);
    resolved.settings()?.check_batches()?;
    // Where the runs are kept.
    if let Some(folder) = &command.out {
        if folder.as_os_str() == "-" {
            let expected = "a folder for the runs, which standard output is not";
            return Err(refused("out", expected, "-").into());
        }
        check_folder(folder, Some(MARKER), false)?;
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or(path.to_owned());
        resolved.args.map_paths(absolute);
    }
    let mode = OutputMode::of(command);
    announce(&resolved, mode, parallel)?;
    if let Some(folder) = &command.out {
        stdout::outlive();
        make(folder, folds)?;
    }
    // The trainings; each is told of in the order of the folds.
    let training = |number| FoldTraining {
        args: of_fold(&resolved.args, number),
        number,
        folder: command
            .out
            .as_ref()
            .map(|folder| folder.join(format!("fold-{number}"))),
        is_alone: parallel == 1,
    };
    let all: Vec<FoldTraining> = (1..=folds).map(training).collect();
    let outcomes = side_by_side(&all, parallel, |outcome| tell(outcome, mode))?;
    conclude(&outcomes, mode, command.out.as_deref())
}

/// The settings of a fold's training.
fn of_fold(args: &TrainArgs, number: usize) -> TrainArgs {
    let mut args = args.clone();
    args.data.fold = Some(number);
    args
}

/// Says what the data are, and how they are cut.
fn announce(
    resolved: &ResolvedConfig,
    mode: OutputMode,
    parallel: usize,
) -> Result<(), CommandError> {
    let settings = TrainSettings::try_from(of_fold(&resolved.args, 1))?;
    let task = task(&settings)?;
    introduce(&task, mode);
    if settings.early_stopping.is_some() {
        note!(
            "warning: early stopping chooses on each fold itself, so its figures are better than those of new rows"
        );
    }
    let folds = resolved.args.data.folds.unwrap_or_default();
    let rows = task.data[0].len() + task.data[1].len();
    match mode {
        OutputMode::Json => say!(
            "{}",
            json!({"event": "started", "rows": rows, "folds": folds, "parallel_trials": parallel})
        ),
        _ => {
            say!("data: {}, {rows} rows", task.about);
            let each = rows / folds;
            let most = rows.div_ceil(folds);
            let sizes = match each == most {
                true => format!("{each} rows each"),
                false => format!("{each} or {most} rows each"),
            };
            say!(
                "folds: {folds}, of {sizes}, drawn from the seed {}",
                settings.data_options.drawn_with()
            );
            say!("parallel trials: {parallel}");
        }
    }
    Ok(())
}

fn make(folder: &Path, folds: usize) -> Result<(), CommandError> {
    let failed = |source| CommandError::Write {
        path: folder.to_owned(),
        source,
    };
    crate::output::make_folder(folder).map_err(failed)?;
    // An earlier one goes on.
    match folder.join(MARKER).is_file() {
        true => Ok(()),
        false => write(
            folder,
            MARKER,
            format!("{}\n", json!({ "folds": folds })).as_bytes(),
        ),
    }
}

/// A fold's line.
fn tell(outcome: &FoldOutcome, mode: OutputMode) {
    let FoldOutcome {
        number,
        rows,
        metrics,
        ..
    } = outcome;
    if mode == OutputMode::Json {
        let metrics: Map<String, Value> = metrics
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        say!(
            "{}",
            json!({
                "event": "fold",
                "fold": number,
                "rows": rows,
                "metrics": metrics,
                "is_found": outcome.is_found,
                "weights_sha256": outcome.weights_sha256,
            })
        );
        return;
    }
    let first = metrics.iter().take(3);
    let first = first.map(|(name, value)| format!("{} {}", in_words(name), in_digits(*value)));
    let first: Vec<String> = first.collect();
    let found = if outcome.is_found {
        ", trained before"
    } else {
        ""
    };
    say!("fold {number}: {rows} rows, {}{found}", first.join(", "));
}

/// `f1_micro` as `f1 micro`.
fn in_words(name: &str) -> String {
    name.replace('_', " ")
}

/// The table, and what is written.
fn conclude(
    outcomes: &[FoldOutcome],
    mode: OutputMode,
    folder: Option<&Path>,
) -> Result<(), CommandError> {
    let spreads = Spread::of(outcomes);
    let mut line = json!({
        "event": "folds",
        "folds": outcomes.len(),
        "rows": outcomes.iter().map(|outcome| outcome.rows).sum::<usize>(),
        "metrics": spreads.iter().map(|spread| (spread.name.clone(), spread.to_json())).collect::<Map<_, _>>(),
    });
    let mut kept: Option<PathBuf> = None;
    if let Some(folder) = folder {
        let file = folder.join(PREDICTIONS);
        line["predictions"] = json!(file.display().to_string());
        write(folder, PREDICTIONS, predictions(outcomes).as_bytes())?;
        // Last: a cross-validation that has its results has all that it is to have.
        write(folder, MARKER, format!("{line:#}\n").as_bytes())?;
        kept = Some(file);
    }
    if mode == OutputMode::Json {
        say!("{line}");
        return Ok(());
    }
    let row = |spread: &Spread| {
        let cells = [spread.mean, spread.deviation, spread.least, spread.most];
        let name = in_words(&spread.name);
        [name].into_iter().chain(cells.map(in_digits)).collect()
    };
    let rows: Vec<Vec<String>> = spreads.iter().map(row).collect();
    aligned(&["metric", "mean", "deviation", "least", "most"], &rows);
    if let (Some(file), Some(folder)) = (kept, folder) {
        say!("out-of-fold predictions: {}", file.display());
        say!("runs: {}", folder.join("fold-*").display());
    }
    Ok(())
}
