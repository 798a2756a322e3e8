//! Files as they lie on the disk: whole or gzipped, and never more memory than the file can fill or
//! the machine has.

use std::io::{BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::input;

use super::error::DataError;
use super::memory_budget::MemoryBudget;

/// How the names of tables end.
pub(crate) const TABLES: [&str; 4] = [".csv", ".csv.gz", ".tsv", ".tsv.gz"];

/// How the names of IDX files end.
pub(crate) const IDX: [&str; 4] = ["-ubyte", "-ubyte.gz", ".idx", ".idx.gz"];

/// How the names of sounds end.
#[cfg(feature = "audio")]
pub(crate) const SOUNDS: [&str; 2] = [".wav", ".wave"];

/// Whether a name ends so, in capitals or not.
pub(crate) fn has_end(path: &Path, ends: &[&str]) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}

/// What deflate can make of a byte at most.
const MOST_INFLATION: u64 = 1032;

/// A file at work.
pub(super) struct Source {
    reader: Box<dyn Read>,
    /// Bytes that may come out of it at most.
    most: u64,
    is_packed: bool,
    budget: MemoryBudget,
    path: std::path::PathBuf,
}

impl Source {
    /// Opens `path`; one that begins with gzip's magic is unpacked on the way.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let failed = DataError::io(path);
        let mut file = input::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut magic = [0; 2];
        let got = file.read(&mut magic).map_err(failed)?;
        let file = input::open(path).map_err(failed)?;
        let is_packed = got == 2 && magic == [0x1f, 0x8b];
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self {
            reader: if is_packed {
                Box::new(MultiGzDecoder::new(file))
            } else {
                Box::new(file)
            },
            most: if is_packed {
                len.saturating_mul(MOST_INFLATION)
            } else {
                len
            },
            is_packed,
            budget: MemoryBudget::new(path),
            path: path.to_owned(),
        })
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: u64, what: &str) -> Result<Vec<u8>, DataError> {
        if len > self.most {
            return Err(self.refuse(
                &format!("{len} bytes of {what}"),
                format!("a file that can hold {} at most", self.most),
            ));
        }
        self.budget.take(len)?;
        let mut bytes = vec![0; len as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.reader.read(&mut bytes[filled..]) {
                Ok(0) => {
                    let got = format!("the file's end after {filled}");
                    return Err(self.refuse(&format!("{len} bytes of {what}"), got));
                }
                Ok(more) => filled += more,
                Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
        Ok(bytes)
    }

    /// Whether nothing is left.
    pub(super) fn end(&mut self) -> Result<(), DataError> {
        match self.reader.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.refuse("its end", "more bytes than its head promises".to_owned())),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// What is left of it, as it comes.
    #[cfg(feature = "audio")]
    pub(super) fn reader(self) -> Box<dyn Read> {
        self.reader
    }

    /// All of it.
    pub(super) fn all(mut self) -> Result<Vec<u8>, DataError> {
        if !self.is_packed {
            // How long it is is known: one that is too large is refused at once.
            self.budget.check(self.most)?;
        }
        let mut bytes = Vec::new();
        let left = self.budget.left();
        let mut limited = self.reader.by_ref().take(left.saturating_add(1));
        if let Err(source) = limited.read_to_end(&mut bytes) {
            return Err(self.failed(source));
        }
        self.budget.take(bytes.len() as u64)?;
        Ok(bytes)
    }

    pub(super) fn refuse(&self, expected: &str, got: String) -> DataError {
        DataError::format(&self.path, expected, got)
    }

    /// The first bytes of it.
    pub(super) fn start(mut self, len: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        match self.reader.by_ref().take(len).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn failed(&self, source: std::io::Error) -> DataError {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let is_damage = matches!(source.kind(), InvalidData | InvalidInput | UnexpectedEof);
        if self.is_packed && is_damage {
            return self.refuse("a whole gzip file", source.to_string());
        }
        DataError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 4 MiB, packed or not, in a machine that has `budget` MiB to give.
    fn opened(name: &str, bytes: &[u8], budget: u64) -> Source {
        let path = std::env::temp_dir().join(format!("unisono-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let source = Source::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        Source {
            budget: MemoryBudget::of(&path, budget << 20),
            ..source
        }
    }

    #[test]
    fn a_gzip_file_that_is_cut_is_damaged() {
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed
            .write_all(&(0..=255).cycle().take(9999).collect::<Vec<u8>>())
            .unwrap();
        let packed = packed.finish().unwrap();
        let cut = &packed[..packed.len() / 2];
        let error = opened("cut", cut, 4).all().unwrap_err().to_string();
        assert!(
            error.contains("expected a whole gzip file") && error.contains("damaged"),
            "{error}"
        );
        let start = opened("cut", cut, 4).start(1 << 16);
        assert!(matches!(start, Err(DataError::Format { .. })));
    }

    #[test]
    fn a_file_larger_than_the_free_memory_is_refused_packed_or_not() {
        use std::io::Write as _;
        let plain = vec![7; 4 << 20];
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&plain).unwrap();
        let packed = packed.finish().unwrap();
        // What deflate makes of few bytes says nothing of what comes out.
        assert!(packed.len() < 1 << 16);
        for (name, bytes) in [("plain", &plain), ("packed", &packed)] {
            assert_eq!(opened(name, bytes, 4).all().unwrap().len(), 4 << 20);
            let error = opened(name, bytes, 3).all().unwrap_err();
            assert!(matches!(error, DataError::Memory { .. }), "{error}");
            let error = error.to_string();
            assert!(error.contains(name) && error.contains("3 MiB"), "{error}");
            let error = opened(name, bytes, 3).bytes(4 << 20, "values").unwrap_err();
            assert!(matches!(error, DataError::Memory { .. }), "{error}");
        }
    }
}
