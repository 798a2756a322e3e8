//! `unisono train --resume`: the run that it names, its settings and its checkpoint.

use std::path::Path;

use clap::ArgMatches;

use crate::engine::Ranks;
use crate::run::{Manifest, RunError, RunFolder, Status};
use crate::train::{Checkpoint, Checkpoints, TrainError};

use super::args::TrainCommand;
use super::config_file::{parse, read};
use super::document::{ResolvedConfig, commented, differences};
use super::error::CommandError;
use super::options::TrainArgs;
use super::settings_table::{By, refuse};

/// Sections and keys that leave the trained bits as they are, or only say how far to go.
pub(super) const HARMLESS: [&str; 18] = [
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
    "run.on_worker_panic",
    "run.watchdog",
    "data.cache",
    "data.path",
    "data.valid",
    "data.test",
    "data.on_bad_sample",
];

/// A training before its first step.
pub(super) struct Begun {
    pub(super) resolved: ResolvedConfig,
    /// Where it is kept; the first rank's.
    pub(super) run: Option<RunFolder>,
    /// Whether it is kept at all.
    pub(super) keeps: bool,
    /// What it goes on from.
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Opens the run that `path` names, or the one that has the checkpoint there.
pub(super) fn resumed(
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
        keeps: true,
        checkpoint,
    })
}

/// The newest checkpoint. A run that has made no step yet, or none before its process was killed,
/// has nothing to go on from: it begins, with the same weights.
pub(super) fn newest(run: &RunFolder) -> Result<Option<Checkpoint>, CommandError> {
    let steps = Manifest::read(run.path()).map_or(0, |manifest| manifest.steps);
    match run.latest() {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(RunError::NoCheckpoint { .. }) if steps == 0 => {
            note!("no checkpoint: the training begins at step 0");
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
    match Checkpoints::folder_of(path).and_then(Path::parent) {
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
        note!("changed: {key} was {was}, is {is}");
    }
    Ok(())
}

/// The same on several ranks, of which the first alone has to see the run.
pub(super) fn resumed_by_all(
    path: &Path,
    command: &TrainCommand,
    matches: &ArgMatches,
    ranks: &Ranks,
) -> Result<Begun, CommandError> {
    let share = |own: &[u8]| -> Result<Vec<u8>, CommandError> {
        let all = ranks.gather(own).map_err(TrainError::from)?;
        Ok(all.into_iter().next().unwrap_or_default())
    };
    if ranks.rank() == 0 {
        let begun = resumed(path, command, matches)?;
        share(commented(&begun.resolved.args).as_bytes())?;
        // Three empty ones of a run that begins.
        let checkpoint = begun.checkpoint.as_ref();
        let files = checkpoint.map(|checkpoint| checkpoint.to_files(path));
        for bytes in files.transpose()?.unwrap_or_default() {
            share(&bytes)?;
        }
        return Ok(begun);
    }
    let text = String::from_utf8_lossy(&share(&[])?).into_owned();
    let stored = parse::<TrainArgs>(&text, path)?;
    let resolved = ResolvedConfig::over(stored, None, &command.settings, matches, &command.from)?;
    let files = [share(&[])?, share(&[])?, share(&[])?];
    let has_checkpoint = !files[0].is_empty();
    let checkpoint = has_checkpoint.then(|| Checkpoint::of_files(path, &files));
    Ok(Begun {
        resolved,
        run: None,
        keeps: true,
        checkpoint: checkpoint.transpose()?,
    })
}
