//! Checkpoint rule: when checkpoints are made, where, and which of them stay; a thread writes them
//! while training goes on.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};

use crate::output;

use super::checkpoint::{Checkpoint, Files, body};
use super::error::TrainError;
use super::kept::{Evaluation, Scores};

/// When checkpoints are made, and which stay.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::{Checkpoint, Checkpoints}};
/// let folder = std::env::temp_dir().join(format!("unisono-kept-{}", std::process::id()));
/// let (train, test) = digits();
/// let rule = Checkpoints { keep: 2, ..Checkpoints::in_folder(&folder) };
/// Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy)
///     .epochs(5)
///     .checkpoints(rule)
///     .fit(&train, &test)?;
/// let last = Checkpoints::latest(&folder)?.expect("there are some");
/// assert_eq!(Checkpoint::read(&last)?.step(), 5 * 45);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), unisono::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Where they are written; made if it is not there.
    pub folder: PathBuf,
    /// Steps between two of them; 0 for none.
    pub every_steps: u64,
    /// Epochs between two of them; 0 for none but at the end.
    pub every_epochs: u32,
    /// How many of the last ones stay, at least 1; the one with the smallest loss of an evaluation
    /// stays besides, or with the best value of the metric that chooses
    /// ([`crate::Trainer::watch`]).
    pub keep: usize,
}

impl Checkpoints {
    /// One after each epoch, of which three stay.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_steps: 0,
            every_epochs: 1,
            keep: 3,
        }
    }

    /// The file of the last checkpoint in `folder`, if there is one; it may yet be damaged.
    ///
    /// # Errors
    /// [`TrainError::Read`].
    pub fn latest(folder: &Path) -> Result<Option<PathBuf>, TrainError> {
        Ok(Self::all(folder)?.pop())
    }

    /// Those that there are, from the first step to the last.
    ///
    /// # Errors
    /// [`TrainError::Read`].
    pub fn all(folder: &Path) -> Result<Vec<PathBuf>, TrainError> {
        let failed = TrainError::read(folder);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // Others' files, such as a copy `step-backup.json`, are no business of a training's.
            if Self::step_of(&path).is_some() {
                found.push(path);
            }
        }
        // By number: a billionth step has a digit more than the others.
        found.sort_by_cached_key(|path| (Self::step_of(path), path.clone()));
        Ok(found)
    }

    /// The updates that a checkpoint's file is named by; `None` for another file.
    ///
    /// ```
    /// use unisono::train::Checkpoints;
    /// let step = |name: &str| Checkpoints::step_of(name.as_ref());
    /// assert_eq!((step("run/step-000000090.json"), step("run/step-backup.json")), (Some(90), None));
    /// ```
    pub fn step_of(path: &Path) -> Option<u64> {
        let name = path.file_name()?.to_str()?;
        let number = name.strip_prefix("step-")?.strip_suffix(".json")?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| is_number)
    }

    pub(super) fn is_due(&self, step: u64) -> bool {
        self.every_steps > 0 && step.is_multiple_of(self.every_steps)
    }

    pub(super) fn is_due_after(&self, epoch: u32) -> bool {
        self.every_epochs > 0 && epoch.is_multiple_of(self.every_epochs)
    }

    /// Where the checkpoint after `step` updates is written.
    ///
    /// ```
    /// use unisono::train::Checkpoints;
    /// let file = Checkpoints::in_folder("run").file(90);
    /// assert_eq!(file, std::path::Path::new("run").join("step-000000090.json"));
    /// ```
    pub fn file(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step:09}.json"))
    }

    /// The file of the checkpoint in `folder` with the smallest validation loss, or test loss where
    /// there is no validation part, or with the best value of the metric that chooses; the first of
    /// equals; none where no checkpoint was evaluated.
    ///
    /// # Errors
    /// [`TrainError::Read`].
    pub fn best(folder: &Path) -> Result<Option<PathBuf>, TrainError> {
        Ok(Self::best_of(&Self::all(folder)?).cloned())
    }

    fn best_of(files: &[PathBuf]) -> Option<&PathBuf> {
        let scores = |path: &PathBuf| Some(Evaluation::in_body(&body(path).ok()?)?.scores);
        let known = files.iter().filter_map(|path| Some((scores(path)?, path)));
        let known: Vec<(Scores, &PathBuf)> = known.collect();
        // By the metric that chose last, where a run has had two of them.
        let metric = known.last()?.0.metric();
        let comparable = known.into_iter().filter(|(scores, _)| {
            let is_number = !scores.badness().is_nan();
            is_number && scores.metric() == metric
        });
        let best = comparable.min_by(|one, other| one.0.badness().total_cmp(&other.0.badness()))?;
        Some(best.1)
    }

    /// Removes all but the last `keep` and the best.
    fn prune(&self) -> Result<(), TrainError> {
        let files = Self::all(&self.folder)?;
        let old = files.len().saturating_sub(self.keep.max(1));
        let best = Self::best_of(&files);
        for path in &files[..old] {
            if best == Some(path) {
                continue;
            }
            Self::remove(path)?;
        }
        Ok(())
    }

    /// Removes the three files of a checkpoint, the last one first: without it the others are none.
    pub(crate) fn remove(path: &Path) -> Result<(), TrainError> {
        let rest = Files::of(path);
        for file in [path, &rest.weights, &rest.state] {
            output::remove(file).map_err(TrainError::write(file))?;
        }
        Ok(())
    }
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    to_write: Option<Sender<Checkpoint>>,
    thread: Option<JoinHandle<Result<(), TrainError>>>,
}

impl Writer {
    /// Makes the folder and starts the thread.
    pub(super) fn start(rule: &Checkpoints) -> Result<Self, TrainError> {
        let failed = TrainError::write(&rule.folder);
        output::make_folder(&rule.folder).map_err(failed)?;
        let (to_write, checkpoints) = bounded::<Checkpoint>(1);
        let own = rule.clone();
        let work = move || {
            for checkpoint in checkpoints {
                checkpoint.write(&own.file(checkpoint.step()))?;
                own.prune()?;
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("unisono-checkpoints".to_owned());
        Ok(Self {
            to_write: Some(to_write),
            thread: Some(thread.spawn(work).map_err(failed)?),
        })
    }

    /// Hands a checkpoint over; waits if the last but one is not written yet.
    ///
    /// # Errors
    /// What went wrong with one before.
    pub(super) fn write(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        let is_gone = |to_write: &Sender<Checkpoint>| to_write.send(checkpoint).is_err();
        // A thread that is gone has met an error.
        if self.to_write.as_ref().is_none_or(is_gone) {
            self.finish()
        } else {
            Ok(())
        }
    }

    /// Waits until all are written.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn finish(&mut self) -> Result<(), TrainError> {
        self.to_write = None;
        let thread = self.thread.take();
        match thread {
            Some(thread) => thread.join().expect("the writer does not panic"),
            None => Ok(()),
        }
    }
}
