//! Reads of a file at an offset, folders on the disk, a file's mode and owner, sockets and pipes
//! among files.

use std::fs::{File, FileType, Metadata};
use std::io;
use std::path::Path;

/// Fills `buffer` from `offset` on.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

/// Fills `buffer` from `offset` on.
#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::io::ErrorKind;
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// That `len` bytes from `offset` on are wanted soon: advice, which only Linux takes.
#[cfg(target_os = "linux")]
pub(crate) fn will_read(file: &File, offset: u64, len: usize) {
    use rustix::fs::{Advice, fadvise};
    let len = std::num::NonZeroU64::new(len as u64);
    let _ = fadvise(file, offset, len, Advice::WillNeed);
}

/// That `len` bytes from `offset` on are wanted soon: advice, which only Linux takes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn will_read(_: &File, _: u64, _: usize) {}

/// Waits until the names in a folder are on the disk.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Folders cannot be waited for here.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Gives `file` the owner, as far as that is allowed, and the mode that `known` tells of.
#[cfg(unix)]
pub(crate) fn take_after(file: &File, known: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    match fchown(file, Some(known.uid()), Some(known.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
        // Only root may give files away.
        _ => {}
    }
    file.set_permissions(known.permissions())
}

/// Files have no modes here.
#[cfg(not(unix))]
pub(crate) fn take_after(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether it is a named pipe; never where there are none among files.
#[cfg(all(unix, feature = "cli"))]
pub(crate) fn is_fifo(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

/// Whether it is a named pipe; never where there are none among files.
#[cfg(all(not(unix), feature = "cli"))]
pub(crate) fn is_fifo(_: FileType) -> bool {
    false
}

/// Whether it is a socket; never where there are none among files.
#[cfg(unix)]
pub(crate) fn is_socket(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&kind)
}

/// Whether it is a socket; never where there are none among files.
#[cfg(not(unix))]
pub(crate) fn is_socket(_: FileType) -> bool {
    false
}

/// A connection to a socket among files.
#[cfg(unix)]
pub(crate) type Socket = std::os::unix::net::UnixStream;

/// There is none.
#[cfg(not(unix))]
pub(crate) type Socket = io::Sink;

/// Connects to the socket at `path`.
#[cfg(unix)]
pub(crate) fn connect(path: &Path) -> io::Result<Socket> {
    Socket::connect(path)
}

/// Nothing is a socket.
#[cfg(not(unix))]
pub(crate) fn connect(_: &Path) -> io::Result<Socket> {
    Err(io::ErrorKind::Unsupported.into())
}
