//! Output files: a command replaces what lies at its path only where `--force` says so.
//!
//! # Why this way
//! That a file looks as if the program had written it tells neither that it has, nor that nobody has
//! changed it since.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::output;
use crate::run::RunFolder;

use super::error::CommandError;
use super::stdout::take_stdout;

/// A file that a command was asked to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutFile<'p> {
    path: &'p Path,
}

impl<'p> OutFile<'p> {
    /// Refuses a path where a file with anything in it lies, unless it is to be replaced by `force`.
    /// Where the file is stdout, all that is said besides goes to stderr from now on.
    pub(super) fn new(path: &'p Path, force: bool, inputs: &[&Path]) -> Result<Self, CommandError> {
        if output::is_stdout(path) {
            take_stdout();
        }
        let failed = |source| CommandError::Write {
            path: path.to_owned(),
            source,
        };
        let there = output::replaced(path).map_err(failed)?;
        // Where it cannot be made is told before anything is computed for it.
        let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
        if let (None, Some(folder)) = (&there, folder)
            && !fs::metadata(folder).map_err(failed)?.is_dir()
        {
            return Err(failed(ErrorKind::NotADirectory.into()));
        }
        let Some(there) = there.filter(|_| !force) else {
            return Ok(Self { path });
        };
        if fs::metadata(&there).is_ok_and(|metadata| metadata.len() == 0) {
            return Ok(Self { path });
        }
        let is_input = |input: &&Path| {
            let both = fs::canonicalize(input)
                .ok()
                .zip(fs::canonicalize(&there).ok());
            both.is_some_and(|(input, there)| input == there)
        };
        let what = if inputs.iter().any(is_input) || RunFolder::owns(&there) {
            "is what the command reads, or a run's own"
        } else {
            "is there already"
        };
        let path = path.to_owned();
        Err(CommandError::Exists { path, what })
    }

    pub(super) fn path(&self) -> &'p Path {
        self.path
    }

    /// Writes all of it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CommandError> {
        output::write(self.path, bytes).map_err(|source| CommandError::Write {
            path: self.path.to_owned(),
            source,
        })
    }
}

/// Refuses a folder that holds anything, unless `marker` is in it, by which the command goes on
/// with what it began there, or `force` allows it.
pub(super) fn check_folder(
    folder: &Path,
    marker: Option<&str>,
    force: bool,
) -> Result<(), CommandError> {
    let goes_on =
        marker.is_some_and(|name| folder.join(name).is_file()) && !RunFolder::is_run(folder);
    let failed = |source| CommandError::Write {
        path: folder.to_owned(),
        source,
    };
    // What cannot be made is told before anything is measured for it.
    if let Some(there) = folder.ancestors().find(|path| path.exists())
        && !there.is_dir()
    {
        return Err(failed(ErrorKind::NotADirectory.into()));
    }
    if force || goes_on || !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(failed)? {
        // What a process that failed at once, or was killed, has left.
        let name = entry.map_err(failed)?.file_name();
        if name != "lock" && !output::is_begun(&name.to_string_lossy(), |_| true) {
            return Err(CommandError::NotEmpty {
                path: folder.to_owned(),
            });
        }
    }
    Ok(())
}
