//! Files that are read: regular ones alone. A pipe that nobody writes into would be waited for
//! without end, and a device such as `/dev/zero` read without end.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use crate::disk;

/// What opens `path`, if it is a regular file or a link to one.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(no_file(&found));
    }
    disk::open(path)
}

/// The bytes of a regular file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(no_file(&found));
    }
    disk::read(path)
}

/// The text of a regular file.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The text of a regular file, or what comes out of a pipe: of a command that is written in a file's
/// place, `<(command)`.
#[cfg(feature = "cli")]
pub(crate) fn read_text_or_pipe(path: &Path) -> io::Result<String> {
    if crate::sys::files::is_fifo(fs::metadata(path)?.file_type()) {
        return fs::read_to_string(path);
    }
    read_text(path)
}

fn no_file(found: &Metadata) -> io::Error {
    let got = if found.is_dir() {
        "a folder"
    } else {
        "a pipe or a device"
    };
    let text = format!("expected a file, got {got}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_device_are_named_and_what_is_not_there_is_not_there() {
        let error = |path: &str| read(Path::new(path)).unwrap_err();
        let folder = std::env::temp_dir();
        let got = read(&folder).unwrap_err().to_string();
        assert_eq!(got, "expected a file, got a folder");
        #[cfg(unix)]
        for open in [|path| read(path).err(), |path| open(path).err()] {
            let error = open(Path::new("/dev/zero")).unwrap();
            assert_eq!(error.to_string(), "expected a file, got a pipe or a device");
        }
        assert_eq!(error("no/such/file").kind(), io::ErrorKind::NotFound);
    }
}
