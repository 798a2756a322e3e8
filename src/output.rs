//! Files that are written: the only place that makes or replaces one.
//!
//! | what lies at the path | what is done |
//! |---|---|
//! | nothing | a new file appears with all that was written, or none does; its mode follows the umask |
//! | a plain file | it is replaced at once or not at all, and keeps its mode |
//! | a symbolic link | what it leads to is written, the link stays; one that leads to nothing gets its file |
//! | a device, a FIFO, a socket | it is written through |
//! | `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N` | what is open there is written through, at its end |
//! | `-` | stdout |
//!
//! A whole file is on the disk when it is committed, and so is its name; of folders that are made,
//! the names are too.
//!
//! # Why this way
//! A rename puts a plain file in the place of whatever has the name: of a device node, of a FIFO
//! somebody waits at, of a link.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::disk;
pub(crate) use crate::disk::Written;
use crate::sys::files;

mod replacement;
#[cfg(all(test, unix))]
mod tests;

use replacement::Replacement;

/// Links that are followed, as the kernel has it.
const MOST_LINKS: usize = 40;

/// A file in the making.
#[derive(Debug)]
pub(crate) struct OutputFile(Kind);

#[derive(Debug)]
enum Kind {
    /// Takes the name's place once it is whole.
    Replaced(Replacement),
    /// What was there already.
    Through(Written),
    Socket(files::Socket),
    Stdout(io::Stdout),
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A plain file or nothing, by its own name.
    Plain(PathBuf),
    /// Something to be written through.
    Special(PathBuf),
    Socket(PathBuf),
    /// A file that some process has open.
    Open(PathBuf),
    Stdout,
}

impl OutputFile {
    /// Begins to write at `path`. A plain file is not changed before [`OutputFile::commit`].
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self(match place(path)? {
            Place::Plain(path) => Kind::Replaced(Replacement::begin(&path)?),
            Place::Special(path) => Kind::Through(Written::through(&path)?),
            Place::Socket(path) => Kind::Socket(files::connect(&path)?),
            Place::Open(path) => {
                let mut file = Written::through(&path)?;
                // What a shell has opened for several programs is added to; a pipe has no end to go
                // to.
                let _ = file.file().seek(SeekFrom::End(0));
                Kind::Through(file)
            }
            Place::Stdout => Kind::Stdout(io::stdout()),
        }))
    }

    /// Ends the file: all that was written is on the disk, under its name.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        self.flush()?;
        match self.0 {
            Kind::Replaced(file) => file.commit(),
            _ => Ok(()),
        }
    }

    fn inner(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Kind::Replaced(file) => file,
            Kind::Through(file) => file,
            Kind::Socket(socket) => socket,
            Kind::Stdout(stdout) => stdout,
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

/// Writes a whole file.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = OutputFile::begin(path)?;
    file.write_all(bytes.as_ref())?;
    file.commit()
}

/// A file of the crate's own that grows line by line; what is in it stays.
#[cfg(any(feature = "run", feature = "study"))]
pub(crate) fn grow(path: &Path) -> io::Result<Written> {
    Written::at_end(path)
}

/// Makes a folder and those above it that are not there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    for folder in missing.into_iter().rev() {
        match disk::make_folder(folder) {
            // Another process has made it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made?,
        }
        disk::sync_folder_of(folder)?;
    }
    Ok(())
}

/// Removes a file of the crate's own; one that is gone is no matter.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match disk::remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a folder if it is empty.
#[cfg(feature = "run")]
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    disk::remove_folder(path)
}

/// Gives a file of the crate's own another name, which is on the disk afterwards.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    disk::rename(from, to)?;
    disk::sync_folder_of(to)?;
    disk::sync_folder_of(from)
}

/// Removes what processes that are gone have begun to write in `folder` for files of names that
/// `is_own`.
#[cfg(any(feature = "image", feature = "run", feature = "study", test))]
pub(crate) fn sweep(folder: &Path, is_own: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_begun(&name, &is_own) && replacement::is_left(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Whether a name is that of what is to become a file whose name `is_own`.
#[cfg(any(feature = "image", feature = "run", feature = "study", test))]
pub(crate) fn is_begun(name: &str, is_own: impl Fn(&str) -> bool) -> bool {
    replacement::target(name).is_some_and(is_own)
}

/// Whether what is written there comes out at stdout.
#[cfg(any(feature = "cli", test))]
pub(crate) fn is_stdout(path: &Path) -> bool {
    matches!(place(path), Ok(Place::Stdout))
}

/// Whether two names are those of one place.
#[cfg(any(feature = "cli", test))]
pub(crate) fn is_one_place(one: &Path, other: &Path) -> bool {
    match (place(one), place(other)) {
        (Ok(Place::Stdout), Ok(Place::Stdout)) => true,
        (Ok(Place::Plain(one)), Ok(Place::Plain(other))) => {
            std::path::absolute(one).ok() == std::path::absolute(other).ok()
        }
        _ => one == other,
    }
}

/// The plain file that would be replaced, if there is one.
#[cfg(any(feature = "cli", test))]
pub(crate) fn replaced(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(match place(path)? {
        Place::Plain(path) if path.exists() => Some(path),
        _ => None,
    })
}

/// Follows links to what is written.
fn place(path: &Path) -> io::Result<Place> {
    if path.as_os_str() == "-" {
        return Ok(Place::Stdout);
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Some(descriptor) = descriptor(&path) {
            return Ok(match descriptor {
                Descriptor::Stdout => Place::Stdout,
                Descriptor::Other => Place::Open(path),
            });
        }
        let kind = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Plain(path)),
            Err(error) => return Err(error),
        };
        if !kind.is_symlink() {
            return special(path, kind);
        }
        let target = fs::read_link(&path)?;
        // A relative link begins in its own folder.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "too many symbolic links",
    ))
}

fn special(path: PathBuf, kind: fs::FileType) -> io::Result<Place> {
    if kind.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if files::is_socket(kind) {
        return Ok(Place::Socket(path));
    }
    Ok(match kind.is_file() {
        true => Place::Plain(path),
        false => Place::Special(path),
    })
}

/// A file that a process has open.
enum Descriptor {
    /// This process's stdout.
    Stdout,
    Other,
}

/// What `path` names among open files, if it names one: a link there says where the file was
/// opened, not what it is.
fn descriptor(path: &Path) -> Option<Descriptor> {
    let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
    let folder = fs::canonicalize(path.parent()?).ok()?;
    let own = format!("/proc/{}", std::process::id());
    let is_own = folder == Path::new("/dev/fd") || folder.starts_with(own);
    let is_open = is_own || folder.starts_with("/proc");
    match (folder.ends_with("fd") && is_open, is_own && number == 1) {
        (false, _) => None,
        (true, true) => Some(Descriptor::Stdout),
        (true, false) => Some(Descriptor::Other),
    }
}
