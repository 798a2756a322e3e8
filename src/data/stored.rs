//! Rows of bytes, in memory or left in their file.
//!
//! # Why this way
//! A row that stays in its file is read where it is gathered, at its offset: the system's page
//! cache holds what is used often, and a data set may be larger than memory. A memory-mapped file
//! would spare the copy, but one that shrinks meanwhile kills the process; here it is an error
//! that names file and row. The system is told which rows the next batch wants, and reads
//! them meanwhile.
//!
//! # Invariants
//! 1. No row of a file that was written since it was opened goes into a step: length and time of the
//!    last writing are compared after rows are read, and a system takes down the time before it
//!    writes. Within a tick of its clock (some milliseconds) two times are the same.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::sys::files;

use super::error::DataError;

/// Rows of equal length.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// One after another.
    Memory(Arc<[u8]>),
    /// In a file, one after another.
    File(Arc<RowFile>),
}

#[derive(Debug)]
pub(super) struct RowFile {
    file: File,
    path: PathBuf,
    /// Where the first row begins.
    start: u64,
    /// Bytes of a row.
    len: usize,
    /// What tells that the file is as it was when it was opened.
    opened: Stamp,
}

/// Length of a file and when it was last written, as far as the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    written: Option<SystemTime>,
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            len: metadata.len(),
            written: metadata.modified().ok(),
        })
    }
}

impl Stored {
    /// Rows of `len` bytes that begin at `start` of a file.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub(super) fn in_file(
        file: File,
        path: &Path,
        start: u64,
        len: usize,
    ) -> Result<Self, DataError> {
        let opened = Stamp::of(&file).map_err(DataError::io(path))?;
        Ok(Stored::File(Arc::new(RowFile {
            opened,
            file,
            path: path.to_owned(),
            start,
            len,
        })))
    }

    /// Refuses rows that were read, if their file was written since it was opened.
    ///
    /// # Errors
    /// [`DataError::Changed`], in the file.
    pub(super) fn check_unchanged(&self) -> Result<(), DataError> {
        let Stored::File(rows) = self else {
            return Ok(());
        };
        let now = Stamp::of(&rows.file).map_err(DataError::io(&rows.path))?;
        match now == rows.opened {
            true => Ok(()),
            false => Err(DataError::Changed.within(&rows.path)),
        }
    }

    /// Calls `with` with row `row`, `len` bytes long.
    ///
    /// # Errors
    /// [`DataError::Row`], in the file, if it cannot be read any longer, as it could when the data
    /// set was opened.
    pub(super) fn with_row<R>(
        &self,
        row: usize,
        len: usize,
        with: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, DataError> {
        match self {
            Stored::Memory(bytes) => Ok(with(&bytes[row * len..][..len])),
            Stored::File(rows) => {
                let mut buffer = BUFFER.take();
                buffer.resize(len, 0);
                files::read_exact_at(&rows.file, &mut buffer, rows.offset(row))
                    .map_err(|error| rows.unreadable(row, &error))?;
                let result = with(&buffer);
                BUFFER.set(buffer);
                Ok(result)
            }
        }
    }

    /// That these rows are wanted soon: advice, for Linux.
    pub(super) fn prefetch(&self, rows: impl Iterator<Item = u32>) {
        if let Stored::File(file) = self {
            rows.for_each(|row| files::will_read(&file.file, file.offset(row as usize), file.len));
        }
    }
}

impl RowFile {
    fn offset(&self, row: usize) -> u64 {
        self.start + (row * self.len) as u64
    }

    /// What becomes of a system's error while `row` is read.
    fn unreadable(&self, row: usize, error: &io::Error) -> DataError {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the file is shorter than when it was opened".to_owned()
            }
            _ => error.to_string(),
        };
        let reason = format!("{what}; do not change the file while it is in use");
        DataError::Row {
            row: row as u32,
            source: io::Error::new(error.kind(), reason),
        }
        .within(&self.path)
    }
}

thread_local! {
    /// A row from a file: each worker's own, so that a steady step allocates nothing.
    static BUFFER: std::cell::Cell<Vec<u8>> = const { std::cell::Cell::new(Vec::new()) };
}
