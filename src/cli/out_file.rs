//! Output files: a command overwrites only files of its own kind, unless `--force` is given.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::output;
use crate::run::RunFolder;

use super::error::CommandError;
use super::stdout::take_stdout;

/// Bytes at a file's beginning that tell who wrote it.
const HEAD: u64 = 1 << 16;

/// What stands in a drawing to tell that it is one of this program's.
const DRAWN: &str = "<!-- drawn by unisono -->";

/// What kind of file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Safetensors,
    Npz,
    Onnx,
    Page,
    Drawing,
    Picture,
    Predictions,
}

impl Format {
    /// Whether a file with this beginning and end is one that this program wrote in this format.
    fn is_own(self, head: &[u8], tail: &[u8]) -> bool {
        let has =
            |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
        let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        match self {
            Format::Safetensors => {
                head.get(8) == Some(&b'{') && has(head, "\"producer\":\"unisono\"")
            }
            Format::Npz => head.starts_with(b"PK") && tail.ends_with(b"unisono"),
            // The first fields are the version, a byte, and the producer's name.
            Format::Onnx => has(&head[..head.len().min(16)], "unisono"),
            Format::Page => has(head, "<meta name=\"generator\" content=\"unisono\">"),
            Format::Drawing => head.starts_with(b"<svg") && has(tail, DRAWN),
            Format::Picture => {
                head.starts_with(b"\x89PNG")
                    && has(&head[..head.len().min(100)], "Software\0unisono")
            }
            Format::Predictions => {
                let is_table = line.starts_with(b"row,") && has(line, "predicted,probability");
                let has_names = ["{\"row\":", "\"predicted\":", "\"probabilities\":"];
                is_table || has_names.iter().all(|name| has(line, name))
            }
        }
    }
}

/// A file that a command was asked to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutFile<'p> {
    path: &'p Path,
}

impl<'p> OutFile<'p> {
    /// Refuses a path where a file of somebody else's lies, or one of `inputs`, unless it is to be
    /// replaced by `force`. Where the file is stdout, all that is said besides goes to stderr from
    /// now on.
    pub(super) fn new(
        path: &'p Path,
        format: Format,
        force: bool,
        inputs: &[&Path],
    ) -> Result<Self, CommandError> {
        if output::is_stdout(path) {
            take_stdout();
        }
        let there = output::replaced(path).map_err(|source| CommandError::Write {
            path: path.to_owned(),
            source,
        })?;
        let Some(there) = there.filter(|_| !force) else {
            return Ok(Self { path });
        };
        // A file that the command reads, or of a run, is never replaced unasked.
        let is_input = |input: &&Path| {
            let both = fs::canonicalize(input)
                .ok()
                .zip(fs::canonicalize(&there).ok());
            both.is_some_and(|(input, there)| input == there)
        };
        let what = if inputs.iter().any(is_input) || is_of_a_run(&there) {
            "is what the command reads, or a run's own"
        } else if is_replaceable(&there, format) {
            return Ok(Self { path });
        } else {
            "is there already, and not from this command"
        };
        let path = path.to_owned();
        Err(CommandError::Exists { path, what })
    }

    pub(super) fn path(&self) -> &'p Path {
        self.path
    }

    /// Writes all of it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), CommandError> {
        output::write(self.path, bytes).map_err(|source| CommandError::Write {
            path: self.path.to_owned(),
            source,
        })
    }

    /// Writes a drawing.
    pub(super) fn draw(&self, svg: &str) -> Result<(), CommandError> {
        self.write(format!("{svg}{DRAWN}\n").as_bytes())
    }
}

/// Whether nothing is lost with it: it is empty, or of this program in the same format.
fn is_replaceable(path: &Path, format: Format) -> bool {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let Ok(head) = read() else { return false };
    let Ok(tail) = end_of(path) else { return false };
    head.is_empty() || format.is_own(&head, &tail)
}

/// The last bytes of a file.
fn end_of(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(64)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether it is one of the files that a run is made of.
fn is_of_a_run(path: &Path) -> bool {
    const OWN: [&str; 8] = [
        "config.toml",
        "manifest.json",
        "preparation.json",
        "metrics.jsonl",
        "model.safetensors",
        "last.safetensors",
        "report.html",
        "lock",
    ];
    let Some(folder) = path.parent() else {
        return false;
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_own = OWN.contains(&&*name) || name.starts_with("events.out.tfevents");
    let is_checkpoint = folder.ends_with("checkpoints") && name.starts_with("step-");
    (is_own && RunFolder::is_run(folder))
        || (is_checkpoint && folder.parent().is_some_and(RunFolder::is_run))
}

/// Refuses a folder that holds anything, unless `marker` is in it, by which the command goes on
/// with what it began there, or `force` allows it.
pub(super) fn check_folder(
    folder: &Path,
    marker: Option<&str>,
    force: bool,
) -> Result<(), CommandError> {
    let goes_on =
        marker.is_some_and(|name| folder.join(name).is_file()) && !RunFolder::is_run(folder);
    if force || goes_on || !folder.exists() {
        return Ok(());
    }
    let failed = |source| CommandError::Write {
        path: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        // What a process that failed at once has left.
        if entry.map_err(failed)?.file_name() != "lock" {
            return Err(CommandError::NotEmpty {
                path: folder.to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_known_by_their_format_and_no_others() {
        let safetensors = b"\x40\0\0\0\0\0\0\0{\"__metadata__\":{\"producer\":\"unisono\"}}";
        let cases: [(Format, &[u8]); 6] = [
            (Format::Safetensors, safetensors),
            (Format::Npz, b"PK\x03\x04 and more, unisono"),
            (Format::Onnx, b"\x08\x08\x12\x07unisono\x1a"),
            (
                Format::Page,
                b"<!doctype html><meta name=\"generator\" content=\"unisono\">",
            ),
            (Format::Drawing, b"<svg></svg><!-- drawn by unisono -->\n"),
            (
                Format::Predictions,
                b"row,input,predicted,probability,p(0)\n",
            ),
        ];
        for (format, bytes) in cases {
            assert!(format.is_own(bytes, bytes), "{format:?}");
            for (other, _) in cases.iter().filter(|(other, _)| *other != format) {
                assert!(!other.is_own(bytes, bytes), "{format:?} as {other:?}");
            }
            let others = b"size,kind\n1,unisono\n";
            assert!(!format.is_own(others, others));
        }
    }
}
