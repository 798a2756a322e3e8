//! Rows of bytes, in memory or left in their file.
//!
//! # Why this way
//! A row that stays in its file is read where it is gathered, at its offset: the system's page cache holds what is used often, and a
//! data set may be larger than memory. A memory-mapped file would spare the copy, but one that shrinks meanwhile kills the process; here
//! it is an error of the worker that wanted the row. A thread of its own reads the rows of the next batch, so that workers find them in
//! the cache; it lives as long as the data set.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam::channel::{Sender, bounded};

use super::error::DataError;

/// Rows of equal length.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// One after another.
    Memory(Arc<[u8]>),
    /// In a file.
    File(Arc<RowFile>),
}

/// Rows in a file, one after another.
#[derive(Debug)]
pub(super) struct RowFile {
    place: Arc<Place>,
    /// To the thread that reads ahead.
    ahead: Sender<Vec<u32>>,
}

#[derive(Debug)]
struct Place {
    file: File,
    path: PathBuf,
    /// Where the first row begins.
    start: u64,
    /// Bytes of a row.
    len: usize,
}

impl Place {
    fn read(&self, row: usize, buffer: &mut Vec<u8>) -> std::io::Result<()> {
        buffer.resize(self.len, 0);
        let at = self.start + (row * self.len) as u64;
        self.file.read_exact_at(buffer, at)
    }
}

impl Stored {
    /// Rows of `len` bytes that begin at `start` of a file.
    ///
    /// # Errors
    /// [`DataError::Io`] if there is no thread to be had.
    pub(super) fn in_file(
        file: File,
        path: &Path,
        (start, len): (u64, usize),
    ) -> Result<Self, DataError> {
        let place = Arc::new(Place {
            file,
            path: path.to_owned(),
            start,
            len,
        });
        // One batch is read, one waits; more are not worth their memory, and are left out.
        let (ahead, wanted) = bounded::<Vec<u32>>(1);
        let reader = Arc::clone(&place);
        let read = move || {
            let mut buffer = Vec::new();
            for rows in wanted {
                // A row that cannot be read is the worker's to report.
                let failed = rows
                    .into_iter()
                    .any(|row| reader.read(row as usize, &mut buffer).is_err());
                if failed {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("unisono-read-ahead".to_owned());
        thread.spawn(read).map_err(|source| DataError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Stored::File(Arc::new(RowFile { place, ahead })))
    }

    /// Calls `with` with row `row`, `len` bytes long.
    ///
    /// # Panics
    /// If the file cannot be read, as it could when the data set was opened: the engine makes it an error of the training.
    pub(super) fn with_row<R>(&self, row: usize, len: usize, with: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Stored::Memory(bytes) => with(&bytes[row * len..][..len]),
            Stored::File(rows) => {
                let mut buffer = BUFFER.take();
                if let Err(error) = rows.place.read(row, &mut buffer) {
                    panic!(
                        "cannot read row {row} of {}: {error}; do not change the file while it is in use",
                        rows.place.path.display()
                    );
                }
                let result = with(&buffer);
                BUFFER.set(buffer);
                result
            }
        }
    }

    /// That these rows are wanted soon.
    pub(super) fn prefetch(&self, rows: impl Iterator<Item = u32>) {
        if let Stored::File(file) = self
            && !file.ahead.is_full()
        {
            let _ = file.ahead.try_send(rows.collect());
        }
    }
}

thread_local! {
    /// A row from a file: each worker's own, so that a steady step allocates nothing.
    static BUFFER: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}
