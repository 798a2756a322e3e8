//! Store: the folder of a study, with its settings, a line for each finished trial, and a lock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::input;
use crate::lock::{LockError, lock_folder};
use crate::output::{self, Written};

use super::error::StudyError;

/// The files.
const SETTINGS: &str = "study.json";
const LINES: &str = "trials.jsonl";

/// The settings of a study by name, as far as they decide what comes of a trial.
type Settings = BTreeMap<String, String>;

/// Where finished trials are kept; in memory alone if no folder is named.
///
/// Example: [`Store::in_memory`].
#[derive(Debug)]
pub struct Store {
    /// The file's path, the file, and the lock if it is this store's.
    folder: Option<(PathBuf, Written, Option<File>)>,
    lines: Vec<String>,
}

impl Store {
    /// Keeps nothing.
    ///
    /// ```
    /// let mut store = unisono::study::batch_size::Store::in_memory();
    /// assert!(store.is_empty());
    /// store.add(&7)?;
    /// assert_eq!(store.all::<u32>()?, [7]);
    /// # Ok::<(), unisono::study::batch_size::StudyError>(())
    /// ```
    pub fn in_memory() -> Self {
        Self {
            folder: None,
            lines: Vec::new(),
        }
    }

    /// Opens `folder`, which is made, for a study with these settings. The lines of one that was
    /// stopped are there again.
    ///
    /// # Errors
    /// [`StudyError::Changed`] if its study has others; [`StudyError::InUse`], [`StudyError::Io`].
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self, StudyError> {
        output::make_folder(folder).map_err(StudyError::io("write", folder))?;
        let lock = lock(folder)?;
        output::sweep(folder, is_own).map_err(StudyError::io("write", folder))?;
        let path = folder.join(SETTINGS);
        match input::read_text(&path) {
            Ok(text) => check(folder, &path, &text, settings)?,
            // Lines without settings are no study's.
            Err(_) if folder.join(LINES).exists() => {
                return Err(StudyError::File {
                    path: folder.join(LINES),
                    expected: "a study's, which has study.json beside it; take another folder",
                    got: "without it".to_owned(),
                });
            }
            Err(_) => {
                let text = serde_json::to_string_pretty(settings).expect("settings are texts");
                output::write(&path, text + "\n").map_err(StudyError::io("write", &path))?;
            }
        }
        let (path, file, lines) = lines_file(folder.join(LINES))?;
        Ok(Self {
            folder: Some((path, file, Some(lock))),
            lines,
        })
    }

    /// Other lines of the same study, in a file of that name beside its trials; in memory if those
    /// are. The study stays open meanwhile.
    ///
    /// ```
    /// use unisono::study::batch_size::Store;
    /// let times = Store::in_memory().beside("times.jsonl")?;
    /// assert!(times.all::<u32>()?.is_empty());
    /// # Ok::<(), unisono::study::batch_size::StudyError>(())
    /// ```
    ///
    /// # Errors
    /// [`StudyError::Io`].
    pub fn beside(&self, name: &str) -> Result<Self, StudyError> {
        let Some((path, ..)) = &self.folder else {
            return Ok(Self::in_memory());
        };
        let (path, file, lines) = lines_file(path.with_file_name(name))?;
        Ok(Self {
            folder: Some((path, file, None)),
            lines,
        })
    }

    /// Whether nothing is kept yet.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Everything that is kept.
    ///
    /// # Errors
    /// [`StudyError::File`] for lines of another kind.
    pub fn all<T: DeserializeOwned>(&self) -> Result<Vec<T>, StudyError> {
        let line = |line: &String| {
            serde_json::from_str(line).map_err(|error| StudyError::File {
                path: self
                    .folder
                    .as_ref()
                    .map_or(PathBuf::new(), |folder| folder.0.clone()),
                expected: "lines of this kind of study",
                got: error.to_string(),
            })
        };
        self.lines.iter().map(line).collect()
    }

    /// Keeps one more.
    ///
    /// # Errors
    /// [`StudyError::Io`].
    pub fn add(&mut self, what: &impl Serialize) -> Result<(), StudyError> {
        self.add_line(serde_json::to_string(what).expect("outcomes are plain values"))
    }

    fn add_line(&mut self, line: String) -> Result<(), StudyError> {
        if let Some((path, file, _)) = &mut self.folder {
            let written = file.write_all(format!("{line}\n").as_bytes());
            written.map_err(StudyError::io("write", path))?;
        }
        self.lines.push(line);
        Ok(())
    }
}

/// Puts the finished trials of slices of one study together in `into`; a trial that several have is
/// kept once.
///
/// ```
/// use std::collections::BTreeMap;
/// use unisono::study::batch_size::{Store, merge};
/// let folder = std::env::temp_dir().join(format!("unisono-merged-{}", std::process::id()));
/// let settings = BTreeMap::from([("workload".to_owned(), "digits".to_owned())]);
/// let slices = ["1", "2"].map(|name| folder.join(name));
/// for (slice, outcomes) in slices.iter().zip([[1, 2], [2, 3]]) {
///     let mut store = Store::open(slice, &settings)?;
///     outcomes.iter().try_for_each(|outcome| store.add(outcome))?;
/// }
/// // What both have is kept once.
/// assert_eq!(merge(&slices, &folder.join("whole"))?, 3);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`StudyError::Changed`] for slices of different studies; [`StudyError::File`] for a folder
/// without one; [`StudyError::Io`].
pub fn merge(slices: &[PathBuf], into: &Path) -> Result<usize, StudyError> {
    let mut settings: Option<Settings> = None;
    let mut lines: Vec<String> = Vec::new();
    // All slices must have the settings of the first; lines that several have count once.
    for slice in slices {
        let path = slice.join(SETTINGS);
        let text = input::read_text(&path).map_err(StudyError::io("read", &path))?;
        match &settings {
            Some(settings) => check(slice, &path, &text, settings)?,
            None => settings = Some(parse(&path, &text)?),
        }
        for line in whole_lines(&slice.join(LINES))? {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    // The merged study may have trials of its own already.
    let settings = settings.ok_or(StudyError::Value {
        what: "the folders to merge",
        expected: "one at least",
        got: "none".to_owned(),
    })?;
    let mut store = Store::open(into, &settings)?;
    for line in lines {
        if !store.lines.contains(&line) {
            store.add_line(line)?;
        }
    }
    Ok(store.lines.len())
}

fn parse(path: &Path, text: &str) -> Result<Settings, StudyError> {
    serde_json::from_str(text).map_err(|error| StudyError::File {
        path: path.to_owned(),
        expected: "the settings of a study",
        got: error.to_string(),
    })
}

/// Refuses settings other than those in `text`, the file at `path`.
fn check(folder: &Path, path: &Path, text: &str, settings: &Settings) -> Result<(), StudyError> {
    let before = parse(path, text)?;
    let names = before.keys().chain(settings.keys());
    let mut differences: Vec<String> = names
        .filter(|name| before.get(*name) != settings.get(*name))
        .map(|name| {
            let text =
                |settings: &Settings| settings.get(name).cloned().unwrap_or("not set".to_owned());
            format!("{name} was {}, is {}", text(&before), text(settings))
        })
        .collect();
    differences.sort();
    differences.dedup();
    if differences.is_empty() {
        return Ok(());
    }
    Err(StudyError::Changed {
        path: folder.to_owned(),
        differences,
    })
}

/// A file to add lines to, and those that are in it. A line that a kill has cut is made again.
fn lines_file(path: PathBuf) -> Result<(PathBuf, Written, Vec<String>), StudyError> {
    let whole = whole_lines(&path)?;
    let text: String = whole.iter().map(|line| format!("{line}\n")).collect();
    output::write(&path, text).map_err(StudyError::io("write", &path))?;
    let file = output::grow(&path).map_err(StudyError::io("write", &path))?;
    Ok((path, file, whole))
}

/// The lines of a file that are whole JSON; none without a file.
fn whole_lines(path: &Path) -> Result<Vec<String>, StudyError> {
    let bytes = match input::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StudyError::io("read", path)(error)),
    };
    let lines = bytes.split(|&byte| byte == b'\n');
    let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
    let is_whole = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    Ok(lines.filter(is_whole).map(ToOwned::to_owned).collect())
}

/// How the names of the files end that a study writes.
const OWN: [&str; 5] = [".json", ".jsonl", ".html", ".svg", ".png"];

fn is_own(name: &str) -> bool {
    OWN.iter().any(|end| name.ends_with(end))
}

/// Locks the folder for this process.
fn lock(folder: &Path) -> Result<File, StudyError> {
    lock_folder(folder, is_own).map_err(|error| match error {
        LockError::Io(source) => StudyError::io("write", &folder.join("lock"))(source),
        LockError::Held(process) => StudyError::InUse {
            path: folder.to_owned(),
            process,
        },
        LockError::NotPlain(path) => StudyError::File {
            path,
            expected: "a file of the study's own, put it there or remove what is",
            got: "a link or a device".to_owned(),
        },
    })
}
