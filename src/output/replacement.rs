//! A plain file that appears, or is replaced, at once or not at all.
//!
//! # Protocol
//! 1. What is written goes to a file of a name of its own beside the target (`.NAME.PROCESS-N.tmp`),
//!    which is locked as long as the process lives: whoever can lock it may remove it.
//! 2. It gets the mode and the owner of the file that it replaces, and is synced.
//! 3. It takes the target's name, and the folder is synced.
//!
//! A process that ends before 3 leaves the target as it was; a disk that loses its power during 3 has
//! the old file or the new one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::disk::{self, Written};
use crate::sys::files;

/// How the names of files end that have not taken their targets' names.
const END: &str = ".tmp";

/// A file that takes another's place.
#[derive(Debug)]
pub(super) struct Replacement {
    file: Written,
    /// Its own name; none once it has taken the target's.
    own: Option<PathBuf>,
    target: PathBuf,
}

impl Replacement {
    pub(super) fn begin(target: &Path) -> io::Result<Self> {
        let mut numbers = 0_u64..;
        let mut begun = loop {
            let number = numbers.next().expect("there are more than enough");
            let own = own_name(target, number)?;
            let file = match Written::new(&own) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            let mut begun = Self {
                file,
                own: Some(own),
                target: target.to_owned(),
            };
            // Whoever removes what others have left was faster: another one is made. Where files
            // cannot be locked nothing is removed.
            match begun.file.file().try_lock() {
                Err(fs::TryLockError::WouldBlock) => {}
                _ => break begun,
            }
        };
        match fs::metadata(target) {
            Ok(known) => files::take_after(begun.file.file(), &known)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(begun)
    }

    /// Takes the target's place.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.file.sync()?;
        let own = self.own.as_ref().expect("it is given away here alone");
        disk::rename(own, &self.target)?;
        self.own = None;
        disk::sync_folder_of(&self.target)
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let _ = disk::remove(own);
        }
    }
}

fn own_name(target: &Path, number: u64) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut own = std::ffi::OsString::from(".");
    own.push(name);
    own.push(format!(".{}-{number}{END}", std::process::id()));
    Ok(target.with_file_name(own))
}

/// The name of the file that one of this name was to replace; `None` for other files.
#[cfg(any(feature = "image", feature = "run", feature = "study", test))]
pub(super) fn target(name: &str) -> Option<&str> {
    let (target, end) = name
        .strip_prefix('.')?
        .strip_suffix(END)?
        .rsplit_once('.')?;
    let (process, number) = end.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(process) && is_number(number)).then_some(target)
}

/// Whether the process that has begun it is gone.
#[cfg(any(feature = "image", feature = "run", feature = "study", test))]
pub(super) fn is_left(path: &Path) -> bool {
    let is_plain = fs::symlink_metadata(path).is_ok_and(|known| known.is_file());
    is_plain && disk::open(path).is_ok_and(|file| file.try_lock().is_ok())
}
