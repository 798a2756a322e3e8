//! `unisono train`: from settings to a trained network, in a run's folder if one is named.

use std::ops::ControlFlow;
use std::path::Path;

use clap::ArgMatches;

use crate::data::Dataset;
use crate::engine::Ranks;
use crate::nn::Network;
use crate::run::RunFolder;
use crate::train::{Event, Report, TrainError, Trainer};

use super::args::TrainCommand;
use super::before_training::{introduce, keeping};
use super::config::TrainSettings;
use super::document::{ResolvedConfig, commented};
use super::error::{ArgError, CommandError, refused};
use super::folds::{are_asked, train_folds};
use super::part_errors::PartErrors;
use super::progress::{OutputMode, Progress};
use super::resume::{Begun, resumed, resumed_by_all};
use super::run_recorder::RunRecorder;
use super::settings_table::{By, refuse};
use super::signals::Stops;
use super::stdout;
use super::summary::{Overview, summary, summary_line};
use super::task::{Task, first_trainer, task, trainer};
use super::unreached::unreached;
use super::watch::check_watch;

/// `unisono train`.
pub(super) fn train(
    command: &TrainCommand,
    matches: &ArgMatches,
    ranks: Option<&Ranks>,
) -> Result<(), CommandError> {
    let is_first = ranks.is_none_or(|ranks| ranks.rank() == 0);
    let begun = match (&command.resume, ranks) {
        (Some(path), None) => resumed(path, command, matches)?,
        (Some(path), Some(ranks)) => resumed_by_all(path, command, matches, ranks)?,
        (None, _) => match ResolvedConfig::new(&command.settings, matches, &command.from)? {
            several if are_asked(&several.args) => return train_folds(command, several, ranks),
            one => anew(command, one, is_first)?,
        },
    };
    let is_new = command.resume.is_none();
    let made = match (&begun.run, is_new) {
        (Some(run), true) => Some(run.as_new()?),
        _ => None,
    };
    let result = work(command, begun, ranks);
    // A run that never made a step is no run: the same command can be mended and given again.
    if let (Some(made), Err(error)) = (made, &result)
        && super::error::exit_code(error) == 2
    {
        made.take_back();
    }
    result
}

fn anew(
    command: &TrainCommand,
    mut resolved: ResolvedConfig,
    is_first: bool,
) -> Result<Begun, CommandError> {
    let keeps = command.out.is_some();
    refuse(&resolved, By::Train { keeps })?;
    if command.parallel_trials.is_some() {
        return Err(ArgError::Unused {
            what: "--parallel-trials".to_owned(),
            to: "`unisono train`".to_owned(),
            why: "there is one training; --folds makes several",
        }
        .into());
    }
    let run = match &command.out {
        Some(folder) if folder.as_os_str() == "-" => {
            let expected = "a folder for the run, which standard output is not";
            return Err(refused("out", expected, "-").into());
        }
        Some(folder) => {
            // The folder may be opened from elsewhere.
            let absolute = |path: &Path| std::path::absolute(path).unwrap_or(path.to_owned());
            resolved.args.map_paths(absolute);
            let text = commented(&resolved.args);
            let create = || RunFolder::create(folder, &text);
            is_first.then(create).transpose()?
        }
        None => None,
    };
    Ok(Begun {
        resolved,
        run,
        keeps,
        checkpoint: None,
    })
}

/// The trainer before its first step. A checkpoint has the weights, and the file of the first ones
/// may be gone.
fn ready(
    command: &TrainCommand,
    settings: &TrainSettings,
    task: &Task,
    resumes: bool,
) -> Result<Trainer, CommandError> {
    if let Some(warning) = unreached(settings, task.data[0].len()) {
        note!("warning: {warning}");
    }
    let model = task.model.clone();
    let trainer = if resumes {
        trainer(settings, model, task.loss.clone())
    } else {
        first_trainer(
            settings,
            model,
            task.loss.clone(),
            task.preparation.as_ref(),
        )?
    };
    let trainer = trainer.sampling(task.sampling.clone());
    Ok(if command.allow_change {
        trainer.allow_changes()
    } else {
        trainer
    })
}

/// The trainer as one of the ranks of a training, if there are several.
fn joined(
    command: &TrainCommand,
    trainer: Trainer,
    ranks: Option<&Ranks>,
) -> Result<Trainer, CommandError> {
    let trainer = match ranks {
        Some(ranks) => trainer.ranks(ranks.clone()),
        None => trainer,
    };
    match command.check_replicas {
        Some(every) if ranks.is_none() => {
            let expected = "several processes, whose weights it compares: start them with mpirun";
            Err(refused("check-replicas", expected, &every.to_string()).into())
        }
        Some(every) => Ok(trainer.check_replicas(every)),
        None => Ok(trainer),
    }
}

fn work(command: &TrainCommand, begun: Begun, ranks: Option<&Ranks>) -> Result<(), CommandError> {
    let Begun {
        resolved,
        run,
        keeps,
        checkpoint,
    } = begun;
    // Model and data.
    let settings = resolved.settings()?;
    settings.check_batches()?;
    let task = task(&settings)?;
    check_watch(&settings, &task)?;
    let mode = OutputMode::of(command);
    introduce(&task, mode);
    let trainer = ready(command, &settings, &task, checkpoint.is_some())?;
    let mut trainer = joined(command, trainer, ranks)?;
    // What is kept of it: by the first rank, but all make checkpoints together.
    if keeps {
        trainer = keeping(trainer, &settings, &task, run.as_ref());
    }
    let new_recorder = |run| {
        stdout::outlive();
        let from = checkpoint.as_ref();
        RunRecorder::new(run, &settings, &task, from, command.allow_change)
    };
    let mut recorder = run.map(new_recorder).transpose()?;
    if let (Some(recorder), true) = (&recorder, command.resume.is_some()) {
        recorder.save_settings(&commented(&resolved.args))?;
    }
    if let Some(checkpoint) = checkpoint {
        trainer.resume(checkpoint)?;
    }
    // Training, and what came out.
    let progress = Progress::new(mode, Overview::of(&settings, &resolved.recipe, &task)?);
    let (report, signal) = fit(&mut trainer, &task, progress, recorder.as_mut())?;
    let signal = any_signal(ranks, signal)?.filter(|_| report.is_stopped);
    let keep = |recorder: &mut RunRecorder| recorder.keep(&trainer, &report, &task);
    let kept = recorder.as_mut().map(keep).transpose();
    let errors = kept.map_err(CommandError::while_running)?;
    if let Some(signal) = signal {
        return Err(CommandError::Stopped {
            signal,
            steps: report.steps,
            run: recorder.map(|recorder| recorder.path().to_owned()),
        });
    }
    let network = trainer.network().map_err(TrainError::from)?;
    let errors = match errors {
        Some(kept) => kept,
        None => PartErrors::of(&network, &task, &report)?,
    };
    conclude(mode, &network, &report, &errors, &*task.data[1]);
    if let (Some(recorder), true) = (recorder, mode != OutputMode::Json) {
        say!("run: {}", recorder.path().display());
    }
    Ok(())
}

/// The signal that any rank has got.
fn any_signal(ranks: Option<&Ranks>, own: Option<i32>) -> Result<Option<i32>, CommandError> {
    let Some(ranks) = ranks else { return Ok(own) };
    let own = own.unwrap_or(0).to_le_bytes();
    let all = ranks.gather(&own).map_err(TrainError::from)?;
    let signal = |bytes: &Vec<u8>| bytes.first_chunk().copied().map_or(0, i32::from_le_bytes);
    Ok(all.iter().map(signal).find(|&signal| signal > 0))
}

/// Says what came out, and whether it came to anything.
fn conclude(
    mode: OutputMode,
    network: &Network,
    report: &Report,
    errors: &PartErrors,
    test: &dyn Dataset,
) {
    for warning in report.warnings(test) {
        note!("warning: {warning}");
    }
    match mode {
        OutputMode::Json => say!("{}", summary_line(network, report, errors)),
        _ => summary(network, report, errors),
    }
}

/// Trains until the end or a signal; gives the signal.
fn fit(
    trainer: &mut Trainer,
    task: &Task,
    mut progress: Progress<'_>,
    mut recorder: Option<&mut RunRecorder>,
) -> Result<(Report, Option<i32>), CommandError> {
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    let mut failed = None;
    let observe = |event: &Event<'_>| {
        progress.show(event);
        let recorded = recorder.as_deref_mut().map(|to| to.record(event));
        match recorded {
            Some(Err(error)) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    };
    let handle = trainer.stop_handle();
    let (result, signal) = stops.while_heard(&handle, || {
        trainer.fit_parts_observed(task.parts(), observe)
    });
    progress.finish();
    match (result, failed) {
        // A training that came to its end needs no stop.
        (Ok(report), None) => {
            let signal = signal.filter(|_| report.is_stopped);
            Ok((report, signal))
        }
        (Err(error), None) => {
            if let Some(recorder) = recorder {
                recorder.fail();
            }
            Err(error.into())
        }
        (_, Some(error)) => Err(CommandError::Recording(error)),
    }
}
