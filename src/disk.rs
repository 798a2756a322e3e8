//! Calls of the file system by which files are made, changed, moved, removed and read whole, one by
//! one: the only place that makes them.
//!
//! A call that a signal interrupts is made again. In a build of the tests each of them can be made to
//! fail, and what a loss of power would leave is known (`tests`); elsewhere that is nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::sys::files;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// Opens a file, or makes it.
    Open,
    Read,
    Write,
    /// Waits until a file, or the names in a folder, are on the disk.
    Sync,
    Rename,
    Remove,
    MakeFolder,
}

/// How much of a call is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Whole,
    /// A part of the bytes, as where a disk is full.
    #[cfg_attr(not(test), expect(dead_code, reason = "of calls that tests make fail"))]
    Part,
}

/// Makes a call, again if a signal interrupts it.
fn call<T>(kind: Call, path: &Path, mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        let result = faults::before(kind, path).and_then(|_| make());
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A file that is written.
#[derive(Debug)]
pub(crate) struct Written {
    file: File,
    path: PathBuf,
}

impl Written {
    /// Makes a file that is not there yet.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let file = call(Call::Open, path, || {
            File::options().write(true).create_new(true).open(path)
        })?;
        faults::made(path);
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Opens what is there.
    pub(crate) fn through(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: call(Call::Open, path, || File::options().write(true).open(path))?,
            path: path.to_owned(),
        })
    }

    /// Opens a file, or makes it; all that is written comes at its end.
    #[cfg(any(feature = "run", feature = "study"))]
    pub(crate) fn at_end(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        let file = call(Call::Open, path, || {
            File::options().create(true).append(true).open(path)
        })?;
        if is_new {
            faults::made(path);
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// The file itself.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Waits until all that was written is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        call(Call::Sync, &self.path, || self.file.sync_all())?;
        faults::synced(&self.path);
        Ok(())
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // `write_all` makes an interrupted call again.
        match faults::before(Call::Write, &self.path)? {
            Share::Whole => self.file.write(bytes),
            Share::Part => self.file.write(&bytes[..bytes.len() / 2]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens a file, or makes an empty one, to be locked and written.
#[cfg(any(feature = "run", feature = "study"))]
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let file = call(Call::Open, path, || {
        let mut options = File::options();
        let options = options.create(true).truncate(false).read(true).write(true);
        options.open(path)
    })?;
    if is_new {
        faults::made(path);
    }
    Ok(file)
}

/// Opens a file to be read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    call(Call::Open, path, || File::open(path))
}

/// All bytes of a file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = Reading(open(path)?, path);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that is read whole.
struct Reading<'p>(File, &'p Path);

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match faults::before(Call::Read, self.1)? {
            Share::Whole => self.0.read(buffer),
            Share::Part => {
                let half = buffer.len().div_ceil(2);
                self.0.read(&mut buffer[..half])
            }
        }
    }
}

/// Gives what lies at `from` the name `to`, in place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    call(Call::Rename, to, || fs::rename(from, to))
}

/// Removes a file.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    call(Call::Remove, path, || fs::remove_file(path))
}

/// Removes a folder that is empty.
#[cfg(feature = "run")]
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    call(Call::Remove, path, || fs::remove_dir(path))
}

/// Makes a folder in one that is there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    call(Call::MakeFolder, path, || fs::create_dir(path))
}

/// Waits until the name `path` is on the disk, and the others in its folder: of files and folders
/// that were made, moved or removed there. Where the file system does not do that for folders,
/// nothing can be waited for.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let path = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let synced = call(Call::Sync, path, || files::sync_folder(path));
    match synced.map_err(|error| (error.kind(), error)) {
        Ok(()) => {
            faults::synced(path);
            Ok(())
        }
        // A folder that may be written, but not read; a file system that syncs files alone.
        Err((
            ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported,
            _,
        )) => Ok(()),
        Err((_, error)) => Err(error),
    }
}

/// No call fails but by itself.
#[cfg(not(test))]
mod faults {
    use super::{Call, Path, Share, io};

    #[inline(always)]
    pub(super) fn before(_: Call, _: &Path) -> io::Result<Share> {
        Ok(Share::Whole)
    }

    #[inline(always)]
    pub(super) fn made(_: &Path) {}

    #[inline(always)]
    pub(super) fn synced(_: &Path) {}
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
use tests as faults;
