//! Event files of TensorBoard: scalars over steps.
//!
//! # Layout
//! Records one after another: length (u64), masked CRC-32C of it, a protobuf `Event`, masked
//! CRC-32C of that; little-endian.
//!
//! # References
//! `tensorflow/core/util/event.proto`, `tensorflow/core/lib/io/record_writer.cc`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::output::{self, Written};

#[derive(Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// An event file that grows.
#[derive(Debug)]
pub(super) struct EventFile {
    file: Written,
}

impl EventFile {
    /// What the names of all of them begin with.
    pub(super) const PREFIX: &str = "events.out.tfevents.";

    /// A new one in `folder`, named by the time so that a resumed run adds to what is there.
    pub(super) fn begin(folder: &Path) -> std::io::Result<Self> {
        let now = wall_time();
        let name = format!(
            "{}{}.{:06}.unisono.{}",
            Self::PREFIX,
            now.trunc(),
            (now.fract() * 1e6) as u32,
            std::process::id()
        );
        let mut file = Self {
            file: output::grow(&folder.join(name))?,
        };
        let head = Event {
            wall_time: now,
            step: 0,
            file_version: Some("brain.Event:2".to_owned()),
            summary: None,
        };
        file.write(&head)?;
        Ok(file)
    }

    /// Those in `folder` that this process has begun.
    pub(super) fn of_this_process(folder: &Path) -> Vec<PathBuf> {
        let end = format!(".unisono.{}", std::process::id());
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_own = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("events.out.tfevents.") && name.ends_with(&end)
        };
        paths.filter(is_own).collect()
    }

    /// Adds scalars after `step` updates.
    pub(super) fn scalars(&mut self, step: u64, scalars: &[(&str, f64)]) -> std::io::Result<()> {
        let value = scalars.iter().map(|&(tag, value)| Scalar {
            tag: tag.to_owned(),
            simple_value: value as f32,
        });
        let event = Event {
            wall_time: wall_time(),
            step: step as i64,
            file_version: None,
            summary: Some(Summary {
                value: value.collect(),
            }),
        };
        self.write(&event)
    }

    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(&data);
        record.extend(masked(&data).to_le_bytes());
        // One call, so that a kill leaves at most the last record cut.
        self.file.write_all(&record)
    }
}

/// `record_writer.cc`: a CRC of data that holds CRCs is weak, so it is rotated and shifted.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn wall_time() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |time| time.as_secs_f64())
}
