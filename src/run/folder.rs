//! The folder of a run, open in one process at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::data::Preparation;
use crate::input;
use crate::lock::{LockError, is_held, lock_folder};
use crate::nn::Sequential;
use crate::output;
use crate::train::{Checkpoint, Checkpoints};

use super::error::RunError;
use super::tensorboard::EventFile;
use super::which::Which;

/// Files that a run has before its first step.
pub(super) const PREPARATION: &str = "preparation.json";
const METRICS: &str = "metrics.jsonl";
pub(super) const MODEL: &str = "model.json";

/// What a run writes into its folder, beside event files.
const OWN: [&str; 10] = [
    "config.toml",
    "manifest.json",
    MODEL,
    PREPARATION,
    METRICS,
    "checkpoints",
    "model.safetensors",
    "last.safetensors",
    "report.html",
    "lock",
];

/// A run's folder; while this lives, no other process can open it.
///
/// ```
/// use unisono::run::{RunError, RunFolder};
/// let folder = std::env::temp_dir().join(format!("unisono-run-{}", std::process::id()));
/// let run = RunFolder::create(&folder, "[run]\nepochs = 3\n")?;
/// assert!(matches!(RunFolder::open(&folder), Err(RunError::InUse { .. })));
/// assert!(matches!(RunFolder::create(&folder, ""), Err(RunError::NotEmpty { .. })));
/// drop(run);
/// assert_eq!(RunFolder::open(&folder)?.config()?, "[run]\nepochs = 3\n");
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), RunError>(())
/// ```
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Locked as long as it is open; the system unlocks it even after a kill.
    _lock: File,
    /// Whether this process has made the folder.
    is_new_folder: bool,
}

/// A run that was made just now, to be taken back if nothing comes of it.
///
/// Example: [`NewRun::take_back`].
#[derive(Clone, Debug)]
pub struct NewRun {
    path: PathBuf,
    /// Whether the folder was not there before.
    is_new_folder: bool,
    config: String,
}

impl NewRun {
    /// Removes what this process has made of the run, and the folder if it has made that and
    /// nothing else lies in it. Nothing is done where another process has taken the folder, or
    /// where training began: the run then has a manifest.
    ///
    /// ```
    /// use unisono::run::{RunError, RunFolder};
    /// let folder = std::env::temp_dir().join(format!("unisono-taken-back-{}", std::process::id()));
    /// let run = RunFolder::create(&folder, "[run]\n")?;
    /// let made = run.as_new()?;
    /// std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    /// drop(run);
    /// made.take_back();
    /// assert!(folder.join("notes.txt").exists() && !RunFolder::is_run(&folder));
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), RunError>(())
    /// ```
    pub fn take_back(&self) {
        let at = |name: &str| self.path.join(name);
        let is_own =
            input::read(&at("config.toml")).is_ok_and(|text| text == self.config.as_bytes());
        if !is_own || at("manifest.json").exists() {
            return;
        }
        let Ok(lock) = lock(&self.path) else { return };
        for name in [PREPARATION, METRICS, MODEL, "config.toml"] {
            let _ = output::remove(&at(name));
        }
        for file in EventFile::of_this_process(&self.path) {
            let _ = output::remove(&file);
        }
        // A folder that is not empty stays.
        let _ = output::remove_folder(&at("checkpoints"));
        let _ = output::remove(&at("lock"));
        drop(lock);
        if self.is_new_folder {
            let _ = output::remove_folder(&self.path);
        }
    }
}

impl RunFolder {
    /// Makes a run in a folder that is not there yet, or empty, with these settings.
    ///
    /// # Errors
    /// [`RunError::NotEmpty`], [`RunError::NotAFolder`], [`RunError::Write`].
    pub fn create(path: impl Into<PathBuf>, config: &str) -> Result<Self, RunError> {
        let path = path.into();
        let is_new_folder = !path.exists();
        if path.is_file() {
            return Err(RunError::NotAFolder { path });
        }
        output::make_folder(&path).map_err(RunError::write(&path))?;
        let failed = RunError::read(&path);
        for entry in fs::read_dir(&path).map_err(failed)? {
            // What a process that was killed at once has left.
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_string_lossy();
            if name != "lock" && !output::is_begun(&name, is_own) {
                return Err(RunError::NotEmpty { path });
            }
        }
        let lock = lock(&path)?;
        // Another process may have been faster.
        if Self::is_run(&path) {
            return Err(RunError::NotEmpty { path });
        }
        sweep(&path)?;
        let run = Self {
            path,
            _lock: lock,
            is_new_folder,
        };
        run.write("config.toml", config.as_bytes())?;
        Ok(run)
    }

    /// The run as one that was made just now, with the settings that it has.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn as_new(&self) -> Result<NewRun, RunError> {
        Ok(NewRun {
            path: self.path.clone(),
            is_new_folder: self.is_new_folder,
            config: self.config()?,
        })
    }

    /// Opens a run.
    ///
    /// # Errors
    /// [`RunError::NotARun`], [`RunError::InUse`], [`RunError::Write`]; [`RunError::NotPlain`] for a
    /// link in the place of one of its files.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        let path = path.into();
        if !Self::is_run(&path) {
            return Err(RunError::NotARun { path });
        }
        let lock = lock(&path)?;
        sweep(&path)?;
        Ok(Self {
            path,
            _lock: lock,
            is_new_folder: false,
        })
    }

    /// Whether a run lies there.
    pub fn is_run(path: &Path) -> bool {
        path.join("config.toml").is_file()
    }

    /// A run's folder and which of its weights, from `FOLDER`, `FOLDER@best`, `FOLDER@last` or
    /// `FOLDER@STEP`. A run's folder whose own name has such an end is taken as it is.
    ///
    /// ```
    /// use unisono::run::{RunFolder, Which};
    /// let (folder, which) = RunFolder::named("runs/first@best".as_ref())?;
    /// assert_eq!((folder, which), ("runs/first".into(), Which::Best));
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// What was expected and what came, for an end that is none of these.
    pub fn named(path: &Path) -> Result<(PathBuf, Which), String> {
        let parts = path.to_str().and_then(|text| text.rsplit_once('@'));
        match parts {
            // An @ further up is one of a folder's name.
            Some((folder, which)) if !which.contains(['/', '\\']) && !Self::is_run(path) => {
                Ok((folder.into(), which.parse()?))
            }
            _ => Ok((path.to_owned(), Which::Newest)),
        }
    }

    /// Whether a file is, by its name and place, one that a run writes.
    ///
    /// ```
    /// use unisono::run::RunFolder;
    /// assert!(!RunFolder::owns("no/such/run/report.html".as_ref()));
    /// ```
    pub fn owns(file: &Path) -> bool {
        let Some(folder) = file.parent() else {
            return false;
        };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let is_checkpoint = folder.ends_with("checkpoints") && name.starts_with("step-");
        (is_own(&name) && Self::is_run(folder))
            || (is_checkpoint && folder.parent().is_some_and(Self::is_run))
    }

    /// Whether a process has the run there open. Nothing is written for the answer.
    ///
    /// ```
    /// use unisono::run::{RunError, RunFolder};
    /// let folder = std::env::temp_dir().join(format!("unisono-open-{}", std::process::id()));
    /// let run = RunFolder::create(&folder, "[run]\n")?;
    /// assert!(RunFolder::is_open(&folder));
    /// drop(run);
    /// assert!(!RunFolder::is_open(&folder));
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), RunError>(())
    /// ```
    pub fn is_open(path: &Path) -> bool {
        is_held(path)
    }

    /// The runs in a folder, by name; those that lie in a folder of it too.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn all(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
        let failed = RunError::read(folder);
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if Self::is_run(&path) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings, as they were written.
    ///
    /// # Errors
    /// [`RunError::Read`].
    pub fn config(&self) -> Result<String, RunError> {
        let path = self.path.join("config.toml");
        input::read_text(&path).map_err(RunError::read(&path))
    }

    /// Where its checkpoints lie.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// [`RunError::NoCheckpoint`]; [`RunError::Damaged`] if it is not as it was written, with the
    /// newest one that is.
    pub fn latest(&self) -> Result<Checkpoint, RunError> {
        let none = || RunError::NoCheckpoint {
            path: self.path.clone(),
        };
        let folder = self.checkpoints();
        if !folder.is_dir() {
            return Err(none());
        }
        let mut all = Checkpoints::all(&folder)?;
        let newest = all.pop().ok_or_else(none)?;
        let problem = match Checkpoint::read(&newest) {
            Ok(checkpoint) => return Ok(checkpoint),
            Err(problem) => problem,
        };
        let whole = all
            .into_iter()
            .rev()
            .find(|path| Checkpoint::read(path).is_ok());
        Err(match whole {
            Some(before) => RunError::Damaged { problem, before },
            None => RunError::Train(problem),
        })
    }

    /// Keeps what the run trains, for those who read it: its model, and how files became rows,
    /// where rows are of files.
    ///
    /// ```
    /// use unisono::{nn::Sequential, run::{RunError, RunFolder}};
    /// let folder = std::env::temp_dir().join(format!("unisono-described-{}", std::process::id()));
    /// let model = Sequential::new(64).dense(10);
    /// RunFolder::create(&folder, "")?.describe(&model, None)?;
    /// assert_eq!(RunFolder::read_only(&folder)?.model()?, model);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), RunError>(())
    /// ```
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn describe(
        &self,
        model: &Sequential,
        preparation: Option<&Preparation>,
    ) -> Result<(), RunError> {
        if let Some(preparation) = preparation {
            self.write(PREPARATION, &preparation.to_json())?;
        }
        self.write(MODEL, model.to_json().as_bytes())
    }

    /// Sets its trained weights aside, beside the checkpoints of their line of the training.
    ///
    /// # Errors
    /// [`RunError::Train`], [`RunError::Write`].
    #[cfg(feature = "cli")]
    pub(crate) fn set_weights_aside(&self) -> Result<(), RunError> {
        let files = ["model.safetensors", "last.safetensors"].map(|name| self.path.join(name));
        let mut there = files.iter().filter(|file| file.is_file()).peekable();
        if there.peek().is_none() {
            return Ok(());
        }
        let aside = Checkpoints::new_aside(&self.checkpoints())?;
        for file in there {
            let to = aside.join(file.file_name().unwrap_or_default());
            output::rename(file, &to).map_err(RunError::write(file))?;
        }
        Ok(())
    }

    /// Writes a file of it, at once or not at all.
    ///
    /// # Errors
    /// [`RunError::Write`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path.join(name);
        output::write(&path, bytes).map_err(RunError::write(&path))
    }
}

fn is_own(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with(EventFile::PREFIX)
}

/// Removes what processes that were killed have left half done in a folder that is locked.
fn sweep(folder: &Path) -> Result<(), RunError> {
    output::sweep(folder, is_own).map_err(RunError::write(folder))?;
    let checkpoints = folder.join("checkpoints");
    match checkpoints.is_dir() {
        true => Ok(Checkpoints::sweep(&checkpoints)?),
        false => Ok(()),
    }
}

/// Locks the folder for this process.
fn lock(folder: &Path) -> Result<File, RunError> {
    lock_folder(folder, is_own).map_err(|error| match error {
        LockError::Io(source) => RunError::write(&folder.join("lock"))(source),
        LockError::Held(process) => RunError::InUse {
            path: folder.to_owned(),
            process,
        },
        LockError::NotPlain(path) => RunError::NotPlain { path },
    })
}
