//! Checkpoints of another line of a training, set aside; and what processes that are gone have left.
//!
//! A training that goes on from a checkpoint before its last one may come to other weights than those
//! that follow. They are a line of their own: they lie in a folder beside, where neither the newest
//! checkpoint is looked for nor old ones are removed.
//!
//! # Order
//! The file that makes a checkpoint moves first, so a line never ends with half of one. A kill
//! leaves the others behind without it: [`sweep`] moves them after it. Files without such a one
//! anywhere are of a checkpoint that was never finished, and removed.

use std::path::{Path, PathBuf};

use crate::output;

use super::checkpoint::Files;
use super::checkpoints::Checkpoints;
use super::error::TrainError;

/// How the names of such folders begin; a number follows.
const ASIDE: &str = "aside-";

/// How the names of the files end that belong to a checkpoint beside the one that makes it.
#[cfg(feature = "run")]
const PARTS: [&str; 2] = [".state.safetensors", ".safetensors"];

impl Checkpoints {
    /// Sets aside those in `folder` that come after `step` updates; gives the folder that they lie
    /// in, if there are any. A training can be resumed from them as from any other.
    ///
    /// ```
    /// use unisono::train::Checkpoints;
    /// let folder = std::env::temp_dir().join(format!("unisono-aside-{}", std::process::id()));
    /// std::fs::create_dir_all(&folder)?;
    /// for step in [90, 180] {
    ///     std::fs::write(Checkpoints::in_folder(&folder).file(step), "")?;
    /// }
    /// let aside = Checkpoints::set_aside(&folder, 90)?.expect("there is one");
    /// assert_eq!(Checkpoints::all(&folder)?.len(), 1);
    /// assert_eq!(Checkpoints::all(&aside)?, [Checkpoints::in_folder(&aside).file(180)]);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TrainError::Read`], [`TrainError::Write`].
    pub fn set_aside(folder: &Path, step: u64) -> Result<Option<PathBuf>, TrainError> {
        let is_after = |path: &PathBuf| Self::step_of(path) > Some(step);
        let later: Vec<PathBuf> = Self::all(folder)?.into_iter().filter(is_after).collect();
        if later.is_empty() {
            return Ok(None);
        }
        let aside = Self::new_aside(folder)?;
        for path in later {
            let rest = Files::of(&path);
            for file in [&path, &rest.weights, &rest.state] {
                // What is damaged may lack a part.
                if file.exists() {
                    move_into(&aside, file)?;
                }
            }
        }
        Ok(Some(aside))
    }

    /// Makes a folder in `folder` for what is set aside.
    pub(crate) fn new_aside(folder: &Path) -> Result<PathBuf, TrainError> {
        let mut names = (1..=u32::MAX).map(|number| folder.join(format!("{ASIDE}{number}")));
        let aside = names.find(|path| !path.exists());
        let aside = aside.expect("no folder holds so many");
        output::make_folder(&aside).map_err(TrainError::write(&aside))?;
        Ok(aside)
    }

    /// Removes what processes that are gone have left in `folder` of checkpoints that they did not
    /// finish. No other process may write there.
    ///
    /// # Errors
    /// [`TrainError::Read`], [`TrainError::Write`].
    #[cfg(feature = "run")]
    pub(crate) fn sweep(folder: &Path) -> Result<(), TrainError> {
        let failed = TrainError::write(folder);
        let is_own = |name: &str| {
            let path = Path::new(name);
            Self::step_of(path).is_some() || whole(path).is_some()
        };
        output::sweep(folder, is_own).map_err(failed)?;
        for path in entries(folder)? {
            let Some(last) = whole(&path).filter(|last| !last.exists()) else {
                continue;
            };
            let is_missing_in = |aside: &PathBuf| {
                let there = |path: &Path| aside.join(path.file_name().unwrap_or_default());
                there(&last).exists() && !there(&path).exists()
            };
            match asides(folder)?.into_iter().find(is_missing_in) {
                Some(aside) => move_into(&aside, &path)?,
                None => output::remove(&path).map_err(TrainError::write(&path))?,
            }
        }
        Ok(())
    }

    /// The folder of the checkpoints that a file of them lies in, whether it was set aside or not.
    #[cfg(feature = "cli")]
    pub(crate) fn folder_of(file: &Path) -> Option<&Path> {
        let folder = file.parent()?;
        if is_aside(folder) {
            folder.parent()
        } else {
            Some(folder)
        }
    }
}

/// The file that makes a checkpoint of what `path` is a part of, if it is named as one.
#[cfg(feature = "run")]
fn whole(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let start = PARTS.iter().find_map(|end| name.strip_suffix(end))?;
    let last = path.with_file_name(format!("{start}.json"));
    Checkpoints::step_of(&last).map(|_| last)
}

#[cfg(feature = "run")]
fn is_aside(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let number = name.strip_prefix(ASIDE);
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(feature = "run")]
fn asides(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let all = entries(folder)?;
    Ok(all.into_iter().filter(|path| is_aside(path)).collect())
}

#[cfg(feature = "run")]
fn entries(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let failed = TrainError::read(folder);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    paths.collect()
}

fn move_into(folder: &Path, file: &Path) -> Result<(), TrainError> {
    let to = folder.join(file.file_name().unwrap_or_default());
    output::rename(file, &to).map_err(TrainError::write(file))
}
