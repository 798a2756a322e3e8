//! Rows of bytes, in memory or left in their file.
//!
//! # Why this way
//! A row that stays in its file is read where it is gathered, at its offset: the system's page cache holds what is used often, and a
//! data set may be larger than memory. A memory-mapped file would spare the copy, but one that shrinks meanwhile kills the process; here
//! it is an error of the worker that wanted the row.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of equal length.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// One after another.
    Memory(Arc<[u8]>),
    /// In a file, one after another from `start` on.
    File {
        file: Arc<File>,
        path: PathBuf,
        start: u64,
    },
}

impl Stored {
    /// Calls `with` with row `row`, `len` bytes long.
    ///
    /// # Panics
    /// If the file cannot be read, as it could when the data set was opened: the engine makes it an error of the training.
    pub(super) fn with_row<R>(&self, row: usize, len: usize, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Stored::Memory(bytes) => with(&bytes[row * len..][..len]),
            Stored::File { file, path, start } => {
                let mut buffer = BUFFER.take();
                buffer.resize(len, 0);
                let at = start + (row * len) as u64;
                if let Err(error) = file.read_exact_at(&mut buffer, at) {
                    panic!(
                        "cannot read row {row} of {}: {error}; do not change the file while it is in use",
                        path.display()
                    );
                }
                let result = with(&buffer);
                BUFFER.set(buffer);
                result
            }
        }
    }
}

thread_local! {
    /// A row from a file: each worker's own, so that a steady step allocates nothing.
    static BUFFER: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}
