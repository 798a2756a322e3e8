//! A run as `unisono compare` reads it: nothing is locked, and it may still be going on.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::run::{LastEpoch, Manifest, MetricsLog, Record, RunError, RunFolder, Which};

use super::error::{ArgError, CommandError};
use super::options::TrainArgs;
use super::saved_run::settings;

/// A run beside others.
#[derive(Debug)]
pub(super) struct ComparedRun {
    /// The end of its path that no other has.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) args: TrainArgs,
    pub(super) status: String,
    /// A run that begins has none yet.
    pub(super) manifest: Option<Manifest>,
    pub(super) records: Vec<Record>,
    /// The last epoch that was evaluated.
    pub(super) last: Option<LastEpoch>,
    /// Of a regression, the names of its targets.
    pub(super) targets: Option<Vec<String>>,
}

impl ComparedRun {
    /// Reads the runs in these folders.
    pub(super) fn read_all(folders: &[PathBuf]) -> Result<Vec<Self>, CommandError> {
        refuse_weights(folders)?;
        let mut runs = Vec::new();
        for (folder, name) in folders.iter().zip(names(folders)?) {
            runs.push(Self::read(folder, name)?);
        }
        Ok(runs)
    }

    fn read(folder: &Path, name: String) -> Result<Self, CommandError> {
        let args = settings(folder)?;
        let manifest = match Manifest::read(folder) {
            Ok(manifest) => Some(manifest),
            Err(RunError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let status = match &manifest {
            Some(manifest) => manifest.status.to_string(),
            None if RunFolder::is_open(folder) => "starting".to_owned(),
            None => "no manifest".to_owned(),
        };
        let records = MetricsLog::read(folder)?;
        let preparation = RunFolder::read_only(folder)?.preparation()?;
        let targets = preparation.and_then(|known| known.targets);
        Ok(Self {
            name,
            folder: folder.to_owned(),
            args,
            status,
            last: records.iter().rev().find_map(Record::evaluated),
            manifest,
            records,
            targets: targets.map(|targets| targets.names),
        })
    }

    /// The epoch that it has come to, from 1.
    pub(super) fn epochs(&self) -> Option<u32> {
        let kept = || self.manifest.as_ref()?.kept;
        let last = self.last.map(|last| last.epoch);
        last.or_else(|| kept().map(|kept| kept.epoch))
    }

    /// The same in words.
    pub(super) fn epochs_text(&self) -> Option<String> {
        let is_epoch = |record: &&Record| matches!(record, Record::Epoch { .. });
        let last = self.records.iter().rev().find(is_epoch);
        let is_cut = matches!(last, Some(Record::Epoch { is_cut: true, .. }));
        let epochs = self.epochs()?;
        Some(match is_cut {
            true => format!("{epochs} (cut short)"),
            false => epochs.to_string(),
        })
    }

    /// Updates: a process that is at it, or was killed, has not written all of them down.
    pub(super) fn steps(&self) -> Option<u64> {
        let recorded = self.records.last().map(Record::step);
        let written = self.manifest.as_ref().map(|manifest| manifest.steps);
        recorded.max(written)
    }

    /// Which weights it keeps.
    pub(super) fn kept_text(&self) -> Option<String> {
        let kept = self.manifest.as_ref()?.kept?;
        Some(format!("{} (epoch {})", kept.weights_text(), kept.epoch))
    }

    /// Its worker threads.
    pub(super) fn threads(&self) -> Option<usize> {
        let threads = self.manifest.as_ref()?.threads;
        Some(threads).filter(|&threads| threads > 0)
    }

    /// Seconds of training; a process that is at it has not written them down.
    pub(super) fn wall_time_s(&self) -> Option<f64> {
        let seconds = self.manifest.as_ref()?.wall_time_s;
        Some(seconds).filter(|&seconds| seconds > 0.0)
    }

    /// The hash of its rows.
    pub(super) fn data_sha256(&self) -> Option<&str> {
        let hash = self.manifest.as_ref()?.data_sha256.as_str();
        Some(hash).filter(|hash| !hash.is_empty())
    }
}

/// Refuses `RUN@best` and the like.
fn refuse_weights(folders: &[PathBuf]) -> Result<(), ArgError> {
    for folder in folders {
        // Another end than these is told of as no run's folder.
        let Ok((_, which)) = RunFolder::named(folder) else {
            continue;
        };
        if which == Which::Newest {
            continue;
        }
        let text = folder.to_string_lossy();
        let end = text.rfind('@').map_or("", |at| &text[at..]);
        return Err(ArgError::Unused {
            what: format!("{end} of {text}"),
            to: "a comparison".to_owned(),
            why: "it is of whole runs, with the weights that each keeps",
        });
    }
    Ok(())
}

/// The end of each path that no other has: its last part, or as many as are needed.
fn names(folders: &[PathBuf]) -> Result<Vec<String>, CommandError> {
    let mut places: Vec<PathBuf> = Vec::new();
    let mut parts: Vec<Vec<String>> = Vec::new();
    for folder in folders {
        let failed = |source| CommandError::Read {
            path: folder.clone(),
            source,
        };
        let place = folder.canonicalize().map_err(failed)?;
        if places.contains(&place) {
            return Err(ArgError::Unused {
                what: format!("{}, given twice,", folder.display()),
                to: "a comparison".to_owned(),
                why: "it is the same run",
            }
            .into());
        }
        places.push(place);
        // As it was given: a link has a name of its own.
        let path = std::path::absolute(folder).map_err(failed)?;
        let part = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().into_owned();
        parts.push(path.components().map(part).collect());
    }
    let end = |of: &[String], count: usize| of[of.len().saturating_sub(count)..].join("/");
    let name = |at: usize| {
        let own = &parts[at];
        let is_alone = |count: &usize| {
            let mut others = parts.iter().enumerate().filter(|other| other.0 != at);
            others.all(|(_, other)| end(other, *count) != end(own, *count))
        };
        let count = (1..own.len()).find(is_alone).unwrap_or(own.len());
        end(own, count)
    };
    Ok((0..parts.len()).map(name).collect())
}
