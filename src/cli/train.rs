//! `unisono train`: from settings to a trained network, in a run's folder if one is named.

use std::ops::ControlFlow;
use std::path::Path;

use clap::ArgMatches;

use crate::nn::Network;
use crate::run::{Manifest, RunError, RunFolder, Status};
use crate::train::{Checkpoint, Checkpoints, Event, Report, TrainError, Trainer};

use super::args::TrainCommand;
use super::config::TrainSettings;
use super::config_file::read;
use super::data_options::in_flags;
use super::document::{ResolvedConfig, commented, differences};
use super::error::{CommandError, refused};
use super::options::TrainArgs;
use super::progress::{OutputMode, Progress};
use super::reading::{cut, is_loss};
use super::run_recorder::RunRecorder;
use super::settings_table::{By, refuse};
use super::signals::Stops;
use super::summary::{Overview, summary, summary_line};
use super::task::{Task, first_trainer, task, trainer};
use super::unreached::unreached;

/// Sections and keys that leave the trained bits as they are, or only say how far to go.
const HARMLESS: [&str; 14] = [
    "engine.threads",
    "engine.no_pin",
    "engine.pin",
    "engine.no_balance",
    "engine.all_reduce",
    "engine.update",
    "run.epochs",
    "run.max_steps",
    "run.checkpoint_every_steps",
    "run.checkpoint_every_epochs",
    "run.keep",
    "data.cache",
    "data.path",
    "data.on_bad_sample",
];

/// A training before its first step.
struct Begun {
    resolved: ResolvedConfig,
    run: Option<RunFolder>,
    /// What it goes on from.
    checkpoint: Option<Checkpoint>,
}

/// `unisono train`.
pub(super) fn train(command: &TrainCommand, matches: &ArgMatches) -> Result<(), CommandError> {
    let begun = match &command.resume {
        Some(path) => resumed(path, command, matches)?,
        None => anew(command, matches)?,
    };
    let is_new = command.resume.is_none();
    let made = match (&begun.run, is_new) {
        (Some(run), true) => Some(run.as_new()?),
        _ => None,
    };
    let result = work(command, begun);
    // A run that never made a step is no run: the same command can be mended and given again.
    if let (Some(made), Err(error)) = (made, &result)
        && super::error::exit_code(error) == 2
    {
        made.take_back();
    }
    result
}

fn anew(command: &TrainCommand, matches: &ArgMatches) -> Result<Begun, CommandError> {
    let mut resolved = ResolvedConfig::new(&command.settings, matches, &command.from)?;
    let keeps = command.out.is_some();
    refuse(&resolved, By::Train { keeps })?;
    let run = match &command.out {
        Some(folder) if folder.as_os_str() == "-" => {
            let expected = "a folder for the run, which standard output is not";
            return Err(refused("out", expected, "-").into());
        }
        Some(folder) => {
            // The folder may be opened from elsewhere.
            let args = &mut resolved.args;
            let (data, model) = (&mut args.data.data, &mut args.model);
            for path in [data, &mut model.weights, &mut model.weights_map] {
                *path = path
                    .take()
                    .map(|path| std::path::absolute(&path).unwrap_or(path));
            }
            Some(RunFolder::create(folder, &commented(&resolved.args))?)
        }
        None => None,
    };
    Ok(Begun {
        resolved,
        run,
        checkpoint: None,
    })
}

/// Opens the run that `path` names, or the one that has the checkpoint there.
fn resumed(
    path: &Path,
    command: &TrainCommand,
    matches: &ArgMatches,
) -> Result<Begun, CommandError> {
    let is_checkpoint = is_checkpoint(path);
    let folder = folder_of(path);
    let run = RunFolder::open(folder)?;
    // The settings of the run, and those that take precedence over them.
    let file = folder.join("config.toml");
    let stored = read(&file)?;
    let before: TrainArgs = stored.clone().try_into().expect("it has been read as such");
    let (flags, from) = (&command.settings, &command.from);
    let resolved = ResolvedConfig::over(stored, Some(file), flags, matches, from)?;
    refuse(&resolved, By::Resume)?;
    let changes = differences(&before, &resolved.args);
    check_changes(&changes, command.allow_change)?;
    // A finished run goes on if there is more to do.
    let is_longer = changes
        .iter()
        .any(|(key, ..)| ["run.epochs", "run.max_steps"].contains(&key.as_str()));
    let manifest = Manifest::read(folder);
    if let Ok(manifest) = manifest
        && manifest.status == Status::Finished
        && !is_longer
        && !is_checkpoint
    {
        return Err(CommandError::Finished {
            folder: folder.to_owned(),
            steps: manifest.steps,
        });
    }
    let checkpoint = if is_checkpoint {
        Some(Checkpoint::read(path)?)
    } else {
        newest(&run)?
    };
    Ok(Begun {
        resolved,
        run: Some(run),
        checkpoint,
    })
}

/// The newest checkpoint. A run that has made no step yet, or none before its process was killed,
/// has nothing to go on from: it begins, with the same weights.
fn newest(run: &RunFolder) -> Result<Option<Checkpoint>, CommandError> {
    let steps = Manifest::read(run.path()).map_or(0, |manifest| manifest.steps);
    match run.latest() {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(RunError::NoCheckpoint { .. }) if steps == 0 => {
            eprintln!("no checkpoint: the training begins at step 0");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a path is that of a checkpoint, not of a run.
fn is_checkpoint(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "json")
}

/// The folder of the run at `path`, or of the one that has the checkpoint there.
fn folder_of(path: &Path) -> &Path {
    match path.parent().and_then(Path::parent) {
        Some(folder) if is_checkpoint(path) && folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) if is_checkpoint(path) => folder,
        _ => path,
    }
}

/// Refuses changes that would break the promise of the same weights, unless they are allowed; says
/// which there are.
fn check_changes(changes: &[(String, String, String)], allows: bool) -> Result<(), CommandError> {
    let breaking: Vec<String> = changes
        .iter()
        .filter(|(key, ..)| !HARMLESS.contains(&key.as_str()))
        .map(|(key, was, is)| format!("{key} was {was}, is {is}"))
        .collect();
    if !breaking.is_empty() && !allows {
        return Err(TrainError::Changed {
            differences: breaking,
        }
        .into());
    }
    for (key, was, is) in changes {
        eprintln!("changed: {key} was {was}, is {is}");
    }
    Ok(())
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
        eprintln!("warning: {warning}");
    }
    let model = task.model.clone();
    let trainer = if resumes {
        trainer(settings, model)
    } else {
        first_trainer(settings, model)?
    };
    let trainer = trainer.sampling(task.sampling.clone());
    Ok(if command.allow_change {
        trainer.allow_changes()
    } else {
        trainer
    })
}

/// Says what the files were taken for; where that is not wanted, what of them is lost, as warnings.
fn introduce(task: &Task, mode: OutputMode) {
    if mode != OutputMode::Text {
        for line in task.reading.iter().filter(|line| is_loss(line)) {
            eprintln!("warning: {}", in_flags(line));
        }
        return;
    }
    for line in cut(&task.reading) {
        say!("{}", in_flags(&line));
    }
    if let Some(balance) = &task.balance {
        say!("classes: {balance}");
    }
}

fn work(command: &TrainCommand, begun: Begun) -> Result<(), CommandError> {
    let Begun {
        resolved,
        run,
        checkpoint,
    } = begun;
    // Model and data.
    let settings = resolved.settings()?;
    settings.check_batches()?;
    let task = task(&settings)?;
    let mode = OutputMode::of(command);
    introduce(&task, mode);
    let mut trainer = ready(command, &settings, &task, checkpoint.is_some())?;
    // What is kept of it.
    let mut recorder = None;
    if let Some(run) = run {
        trainer = trainer.checkpoints(Checkpoints {
            folder: run.checkpoints(),
            ..settings.checkpoints.clone()
        });
        trainer = trainer.track_layer_norms();
        let from = checkpoint.as_ref();
        let new_recorder = RunRecorder::new(run, &settings, &task, from, command.allow_change)?;
        if command.resume.is_some() {
            new_recorder.save_settings(&commented(&resolved.args))?;
        }
        recorder = Some(new_recorder);
    }
    if let Some(checkpoint) = checkpoint {
        trainer.resume(checkpoint)?;
    }
    // Training, and what came out.
    let overview = Overview {
        settings: &settings,
        model: &task.model,
        num_params: task.model.layout().map_err(TrainError::from)?.num_params(),
        data: &task.about,
    };
    let progress = Progress::new(mode, overview);
    let (report, signal) = fit(&mut trainer, &task, progress, recorder.as_mut())?;
    if let Some(recorder) = &mut recorder {
        let kept = recorder.keep(&trainer, &report, &task);
        kept.map_err(CommandError::while_running)?;
    }
    if let Some(signal) = signal {
        return Err(CommandError::Stopped {
            signal,
            steps: report.steps,
            run: recorder.map(|recorder| recorder.path().to_owned()),
        });
    }
    let network = trainer.network().map_err(TrainError::from)?;
    conclude(mode, &network, &report, &task);
    if let (Some(recorder), true) = (recorder, mode != OutputMode::Json) {
        say!("run: {}", recorder.path().display());
    }
    Ok(())
}

/// Says what came out, and whether it came to anything.
fn conclude(mode: OutputMode, network: &Network, report: &Report, task: &Task) {
    for warning in report.warnings(&*task.data[1]) {
        eprintln!("warning: {warning}");
    }
    match mode {
        OutputMode::Json => say!("{}", summary_line(network, report)),
        _ => summary(network, report),
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
    let (mut signal, mut failed) = (None, None);
    let [train, test] = &task.data;
    let result = trainer.fit_observed(&**train, &**test, |event| {
        progress.show(event);
        if let Some(recorder) = recorder.as_deref_mut()
            && let Err(error) = recorder.record(event)
        {
            failed = Some(error);
            return ControlFlow::Break(());
        }
        match event {
            Event::Step { .. } | Event::Epoch(_) => signal = signal.or_else(|| stops.pending()),
            _ => {}
        }
        match signal {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
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
