//! A folder that one process at a time works in, with files of its own.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk;

const LOCK: &str = "lock";

/// How often a lock is tried, and how long after each try: who only asks whether it is held may
/// hold it for a moment.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Why a folder cannot be worked in.
#[derive(Debug)]
pub(crate) enum LockError {
    Io(io::Error),
    /// The number of the process that has it.
    Held(String),
    /// A link or a device in the place of a file of its own.
    NotPlain(PathBuf),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        LockError::Io(error)
    }
}

/// Holds the folder for this process as long as the file lives. What lies under a name that
/// `is_own` must be a plain file or a folder of such: through a link, files elsewhere would be
/// written and removed.
pub(crate) fn lock_folder(folder: &Path, is_own: fn(&str) -> bool) -> Result<File, LockError> {
    check_plain(folder, &|name| is_own(name) || name == LOCK)?;
    let path = folder.join(LOCK);
    let mut file = disk::open_lock(&path)?;
    for tried in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tried < TRIES => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let process = fs::read_to_string(&path).unwrap_or_default();
                return Err(LockError::Held(process.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Whether some process works in the folder; nothing is written for the answer.
#[cfg(feature = "run")]
pub(crate) fn is_held(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(file) => !matches!(file.try_lock_shared(), Ok(())),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn check_plain(folder: &Path, is_own: &dyn Fn(&str) -> bool) -> Result<(), LockError> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if !is_own(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if kind.is_dir() {
            check_plain(&entry.path(), &|_| true)?;
        } else if !kind.is_file() {
            return Err(LockError::NotPlain(entry.path()));
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_folder_is_held_by_one_and_its_own_files_are_no_links() {
        let name = format!("unisono-lock-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("inner")).unwrap();
        let is_own: fn(&str) -> bool = |name| name != "notes";
        assert!(!is_held(&folder));
        let lock = lock_folder(&folder, is_own).unwrap();
        assert!(is_held(&folder));
        let own = std::process::id().to_string();
        let held = lock_folder(&folder, is_own);
        assert!(matches!(held, Err(LockError::Held(process)) if process == own));
        drop(lock);
        assert!(!is_held(&folder));
        // A link of somebody's own is no matter.
        symlink("elsewhere", folder.join("notes")).unwrap();
        lock_folder(&folder, is_own).unwrap();
        for name in ["a", "inner/b", LOCK] {
            let link = folder.join(name);
            let _ = fs::remove_file(&link);
            symlink("notes.txt", &link).unwrap();
            let odd = lock_folder(&folder, is_own);
            assert!(
                matches!(odd, Err(LockError::NotPlain(path)) if path == link),
                "{name}"
            );
            fs::remove_file(&link).unwrap();
        }
        assert!(!folder.join("notes.txt").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
