//! A folder that one process at a time works in.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// Holds the folder for this process as long as it lives; the number of the process that has it, if
/// one has.
pub(crate) fn lock_folder(folder: &Path) -> io::Result<Result<File, String>> {
    let path = folder.join("lock");
    let mut options = File::options();
    let options = options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let process = fs::read_to_string(&path).unwrap_or_default();
            return Ok(Err(process.trim().to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Ok(file))
}
