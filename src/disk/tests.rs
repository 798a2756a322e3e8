//! Faults of the file system, made on purpose: the N-th call below a folder fails, and what was not
//! synced is lost with the power.
//!
//! # What a loss of power leaves
//! Of a file's bytes what was there when it was last synced; of a folder's names those that it had
//! when it was last synced. Whether what came later is lost too is drawn: a disk may have written any
//! of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::{Call, Share};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// By a number of the system's.
    Error(i32),
    /// A part of the bytes is written or read; the next call goes on.
    Part,
    /// The process ends, in the midst of the call; nothing is called any more.
    Kill,
}

/// Input or output failed; the disk is full; a signal came.
pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EINTR: i32 = 4;

/// A call that fails, from 1, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: usize,
    pub(crate) fault: Fault,
}

/// What is to fail, and what has been called.
struct State {
    root: PathBuf,
    fault: Option<Planned>,
    calls: Vec<Call>,
    is_dead: bool,
    disk: Disk,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// One test at a time makes faults.
static TURN: Mutex<()> = Mutex::new(());

fn state() -> MutexGuard<'static, Option<State>> {
    STATE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The right to make faults.
pub(crate) struct Turn(#[expect(dead_code, reason = "held, never read")] MutexGuard<'static, ()>);

impl Turn {
    pub(crate) fn wait() -> Self {
        let turn = TURN.lock();
        Self(turn.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Does `work` while a call below `root` fails as planned. Gives the calls that were
    /// made, and what the disk holds for sure.
    pub(crate) fn with<T>(
        &self,
        root: &Path,
        fault: Option<Planned>,
        work: impl FnOnce() -> T,
    ) -> (T, Vec<Call>, Disk) {
        *state() = Some(State {
            root: root.to_owned(),
            fault,
            calls: Vec::new(),
            is_dead: false,
            disk: Disk::of(root),
        });
        let result = work();
        let ended = state().take().expect("it has been put there");
        (result, ended.calls, ended.disk)
    }
}

pub(super) fn before(call: Call, path: &Path) -> io::Result<Share> {
    let mut state = state();
    let Some(state) = state.as_mut().filter(|state| path.starts_with(&state.root)) else {
        return Ok(Share::Whole);
    };
    if state.is_dead {
        return Err(io::Error::other("the process has ended"));
    }
    state.calls.push(call);
    let planned = state
        .fault
        .filter(|planned| planned.at == state.calls.len());
    let Some(Planned { fault, .. }) = planned else {
        return Ok(Share::Whole);
    };
    match fault {
        Fault::Error(number) => Err(io::Error::from_raw_os_error(number)),
        Fault::Part => Ok(Share::Part),
        Fault::Kill => {
            state.is_dead = true;
            match call {
                Call::Write => Ok(Share::Part),
                _ => Err(io::Error::other("the process has ended")),
            }
        }
    }
}

pub(super) fn made(path: &Path) {
    if let Some(state) = state()
        .as_mut()
        .filter(|state| path.starts_with(&state.root))
    {
        state.disk.made(path);
    }
}

pub(super) fn synced(path: &Path) {
    if let Some(state) = state()
        .as_mut()
        .filter(|state| path.starts_with(&state.root))
    {
        state.disk.synced(path);
    }
}

/// What is on the disk for sure: names and bytes.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    /// Files by name, each by its number.
    files: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    bytes: HashMap<u64, Vec<u8>>,
}

impl Disk {
    /// All that is there.
    fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            bytes: HashMap::new(),
        };
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            disk.synced(&folder);
            for path in names(&folder) {
                if path.is_dir() {
                    open.push(path);
                } else {
                    disk.synced(&path);
                }
            }
        }
        disk
    }

    fn made(&mut self, path: &Path) {
        // Its number may have been another file's.
        self.bytes.insert(number(path), Vec::new());
    }

    fn synced(&mut self, path: &Path) {
        if !path.is_dir() {
            self.bytes.insert(number(path), fs::read(path).unwrap());
            return;
        }
        let is_within = |name: &PathBuf| name.parent() == Some(path);
        self.files.retain(|name, _| !is_within(name));
        self.folders.retain(|name| !is_within(name));
        for name in names(path) {
            if name.is_dir() {
                self.folders.insert(name);
            } else {
                self.files.insert(name.clone(), number(&name));
            }
        }
    }

    /// Makes the folder what it may be after a loss of power: `keeps` says of each thing that was not
    /// synced whether the disk has it nonetheless.
    pub(crate) fn lose_power(&self, mut keeps: impl FnMut() -> bool) {
        let now = Self::of(&self.root);
        // Names that the folder has now and had when it was synced.
        let folders: BTreeSet<&PathBuf> = (now.folders.union(&self.folders))
            .filter(
                |name| match (now.folders.contains(*name), self.folders.contains(*name)) {
                    (true, true) => true,
                    (is_now, _) => keeps() == is_now,
                },
            )
            .collect();
        let names: BTreeSet<&PathBuf> = now.files.keys().chain(self.files.keys()).collect();
        let mut left: BTreeMap<&PathBuf, Vec<u8>> = BTreeMap::new();
        for name in names {
            let (is, was) = (now.files.get(name), self.files.get(name));
            let file = match (is == was) || !keeps() {
                true => was,
                false => is,
            };
            let Some(file) = file else { continue };
            let (sure, later) = (self.bytes.get(file), now.bytes.get(file));
            let bytes = match (sure, later) {
                (Some(sure), Some(later)) if sure == later || !keeps() => sure.clone(),
                // A part of what was written, or all of it.
                (Some(_), Some(later)) if keeps() => later[..later.len() / 2].to_vec(),
                (_, Some(later)) => later.clone(),
                (Some(sure), None) => sure.clone(),
                (None, None) => Vec::new(),
            };
            left.insert(name, bytes);
        }
        fs::remove_dir_all(&self.root).unwrap();
        fs::create_dir(&self.root).unwrap();
        let is_there = |path: &Path| {
            let above = path.ancestors().skip(1);
            let mut above = above.take_while(|path| *path != self.root);
            above.all(|folder| folders.contains(&folder.to_owned()))
        };
        for folder in folders.iter().filter(|folder| is_there(folder)) {
            fs::create_dir(folder).unwrap();
        }
        for (name, bytes) in left.iter().filter(|(name, _)| is_there(name)) {
            fs::write(name, bytes).unwrap();
        }
    }
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn number(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// A folder that is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("unisono-faults-{}-{name}", std::process::id());
        // In memory, where there is such a place: nothing here asks what a disk does.
        let memory = PathBuf::from("/dev/shm");
        let place = match memory.is_dir() {
            true => memory,
            false => std::env::temp_dir(),
        };
        let path = place.join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_is_replaced_at_once_or_not_at_all_whichever_call_fails() {
    let turn = Turn::wait();
    let folder = Folder::new("replaced");
    let file = folder.0.join("file");
    let write = || crate::output::write(&file, "new");
    fs::write(&file, "old").unwrap();
    let (_, calls, _) = turn.with(&folder.0, None, write);
    assert_eq!(
        calls,
        [
            Call::Open,
            Call::Write,
            Call::Sync,
            Call::Rename,
            Call::Sync
        ]
    );
    let faults = [EIO, ENOSPC, EINTR].map(Fault::Error);
    for fault in faults.into_iter().chain([Fault::Part, Fault::Kill]) {
        for at in 1..=calls.len() {
            fs::write(&file, "old").unwrap();
            let (result, ..) = turn.with(&folder.0, Some(Planned { at, fault }), write);
            let text = fs::read_to_string(&file).unwrap();
            let passes = fault == Fault::Part || fault == Fault::Error(EINTR);
            assert_eq!(result.is_ok(), passes, "{fault:?} at {at}");
            // Only the last call comes after the name has moved.
            let is_new = passes || at == calls.len();
            assert_eq!(
                text,
                if is_new { "new" } else { "old" },
                "{fault:?} at {at}"
            );
            crate::output::sweep(&folder.0, |name| name == "file").unwrap();
            assert_eq!(names(&folder.0).len(), 1, "{fault:?} at {at}");
        }
    }
}

#[test]
fn what_was_synced_survives_a_loss_of_power() {
    let turn = Turn::wait();
    let folder = Folder::new("power");
    let at = |name: &str| folder.0.join(name);
    fs::write(at("file"), "old").unwrap();
    let work = || {
        crate::output::write(&at("file"), "new").unwrap();
        crate::output::make_folder(&at("below/below")).unwrap();
        crate::output::write(&at("below/below/file"), "there").unwrap();
        let mut begun = crate::output::OutputFile::begin(&at("other")).unwrap();
        io::Write::write_all(&mut begun, b"not synced").unwrap();
        begun
    };
    for keeps in [false, true] {
        let (begun, _, disk) = turn.with(&folder.0, None, work);
        disk.lose_power(|| keeps);
        drop(begun);
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "new");
        assert_eq!(fs::read_to_string(at("below/below/file")).unwrap(), "there");
        assert!(!at("other").exists());
    }
}
