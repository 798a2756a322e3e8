//! Decoded images in one file, to be opened instead of decoding them again.
//!
//! # Layout
//! ```text
//! UNISIMG\0, version (u32), 0 (u32)
//! pixels     (rows, height, width, channels), a byte each
//! classes    (rows), u32
//! head       JSON
//! length of the head (u64), CRC-32 of all before it (u32)
//! ```
//! All numbers are little-endian. The head holds the shape, the number of rows, the names of the
//! classes, what was skipped, what the images were, and the key: a fingerprint of what the images
//! were decoded from. It comes last, so that images can be written as they are decoded. Pixels stay
//! in the file until they are gathered. The sum is compared when the file is opened, so that a bit
//! that has changed since it was written, in a pixel or a label, is found before anything is trained.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use serde_json::{Value, json};

use crate::input;
use crate::output::{self, OutputFile};

use super::error::DataError;
use super::image_kinds::ImageKinds;
use super::images::{ImageDataset, ImageShape};
use super::stored::Stored;

/// What a cache begins with, whatever its version.
pub(super) const MAGIC: &[u8; 8] = b"UNISIMG\0";
/// 2: images are turned as their EXIF data say. 3: a sum at the end.
const VERSION: u32 = 3;

/// Bytes before the pixels.
const START: u64 = 16;

/// Bytes behind the head: its length, and the sum.
const END: u64 = 12;

/// Bytes of which the sum is made at once.
const CHUNK: usize = 1 << 20;

/// Images with the names of their classes.
///
/// ```
/// use unisono::data::{DataError, Dataset, ImageCache, ImageDataset, ImageKinds, ImageShape};
/// let shape = ImageShape { height: 1, width: 2, channels: 1 };
/// let images = ImageDataset::new(vec![0, 255, 255, 0], shape, vec![0, 1], 2)?;
/// let cache = ImageCache { images, class_names: vec!["left".into(), "right".into()], skipped: vec![], kinds: ImageKinds::default() };
/// let path = std::env::temp_dir().join(format!("unisono-doc-{}.cache", std::process::id()));
/// cache.write(&path, "key")?;
/// let opened = ImageCache::open(&path, "key")?;
/// assert_eq!((opened.images.len(), opened.class_names), (2, cache.class_names));
/// assert!(ImageCache::open(&path, "another key").is_err());
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageCache {
    /// The images.
    pub images: ImageDataset,
    /// The name of each class.
    pub class_names: Vec<String>,
    /// What was left out, and why.
    pub skipped: Vec<String>,
    /// What the images were in their files.
    pub kinds: ImageKinds,
}

impl ImageCache {
    /// Opens the file at `path`; its pixels stay there.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for another version, another key, a file that is
    /// shorter or longer than its head says, or one that has changed since it was written.
    pub fn open(path: &Path, key: &str) -> Result<Self, DataError> {
        let failed = DataError::io(path);
        let mut file = input::open(path).map_err(failed)?;
        let (head, end) = head(&mut file, path)?;
        if head.key != key {
            let got = format!("one of {}", head.key);
            return Err(DataError::format(path, format!("a cache of {key}"), got));
        }
        // The file must be as long as its head says.
        let pixels = head.rows.checked_mul(head.shape.len() as u64);
        let all = pixels.and_then(|n| n.checked_add(4 * head.rows + START));
        if all != Some(end) {
            let got = format!("{end} bytes");
            return Err(DataError::format(
                path,
                format!("{} images", head.rows),
                got,
            ));
        }
        check_sum(&mut file, path)?;
        // Classes lie behind the pixels, which stay in the file.
        let from = SeekFrom::Start(end - 4 * head.rows);
        file.seek(from).map_err(failed)?;
        let mut classes = Vec::new();
        let mut taken = Read::by_ref(&mut file).take(4 * head.rows);
        taken.read_to_end(&mut classes).map_err(failed)?;
        let classes = classes.as_chunks::<4>().0.iter();
        let classes = classes.map(|&bytes| u32::from_le_bytes(bytes)).collect();
        let stored = Stored::in_file(file, path, START, head.shape.len())?;
        let num_classes = head.class_names.len();
        Ok(Self {
            images: ImageDataset::stored(stored, head.shape, classes, num_classes)?,
            class_names: head.class_names,
            skipped: head.skipped,
            kinds: head.kinds,
        })
    }

    /// Writes all of it to `path`, at once or not at all.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn write(&self, path: &Path, key: &str) -> Result<(), DataError> {
        let mut writer = CacheWriter::new(path, key)?;
        for (row, &class) in self.images.class_labels().iter().enumerate() {
            writer.add(self.images.shape(), &self.images.pixels(row)?, class)?;
        }
        writer.finish(&self.class_names, &self.skipped, &self.kinds)?;
        Ok(())
    }
}

/// A cache in the making; nothing is left of one that is not finished.
pub(super) struct CacheWriter {
    file: BufWriter<OutputFile>,
    sum: Crc,
    path: PathBuf,
    key: String,
    shape: Option<ImageShape>,
    classes: Vec<u32>,
}

impl CacheWriter {
    pub(super) fn new(path: &Path, key: &str) -> Result<Self, DataError> {
        let begin = || -> io::Result<BufWriter<OutputFile>> {
            path.parent().map_or(Ok(()), output::make_folder)?;
            Ok(BufWriter::new(OutputFile::begin(path)?))
        };
        let mut writer = Self {
            file: begin().map_err(|error| DataError::write(path, error))?,
            sum: Crc::new(),
            path: path.to_owned(),
            key: key.to_owned(),
            shape: None,
            classes: Vec::new(),
        };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        writer.put(&[0; 4])?;
        Ok(writer)
    }

    /// Writes bytes, and adds them to the sum.
    fn put(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        self.sum.update(bytes);
        let written = self.file.write_all(bytes);
        written.map_err(|error| DataError::write(&self.path, error))
    }

    /// Adds an image; all have one shape.
    pub(super) fn add(
        &mut self,
        shape: ImageShape,
        pixels: &[u8],
        class: u32,
    ) -> Result<(), DataError> {
        self.shape = Some(shape);
        self.classes.push(class);
        self.put(pixels)
    }

    /// Ends the file, and opens it.
    pub(super) fn finish(
        mut self,
        class_names: &[String],
        skipped: &[String],
        kinds: &ImageKinds,
    ) -> Result<ImageCache, DataError> {
        let shape = self.shape.ok_or(DataError::Empty)?;
        let head = json!({
            "key": self.key,
            "shape": [shape.height, shape.width, shape.channels],
            "rows": self.classes.len(),
            "classes": class_names,
            "skipped": skipped,
            "kinds": kinds,
        });
        let head = head.to_string();
        // Behind the pixels come classes, head, the head's length and the sum.
        for class in std::mem::take(&mut self.classes) {
            self.put(&class.to_le_bytes())?;
        }
        self.put(head.as_bytes())?;
        self.put(&(head.len() as u64).to_le_bytes())?;
        let sum = self.sum.sum();
        self.put(&sum.to_le_bytes())?;
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        file.and_then(OutputFile::commit)
            .map_err(|error| DataError::write(&self.path, error))?;
        ImageCache::open(&self.path, &self.key)
    }
}

/// The head of a cache, and where it begins.
fn head(file: &mut File, path: &Path) -> Result<(Head, u64), DataError> {
    let failed = DataError::io(path);
    let len = file.metadata().map_err(failed)?.len();
    let mut start = [0; START as usize];
    let whole = file.read_exact(&mut start);
    if whole.is_err() || start[..8] != MAGIC[..] {
        let expected = "a cache of images".to_owned();
        return Err(DataError::format(path, expected, format!("{start:?}")));
    }
    // The version, from the file's beginning.
    let version = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
    if version != VERSION {
        let got = format!("version {version}");
        return Err(DataError::format(
            path,
            format!("a cache of version {VERSION}"),
            got,
        ));
    }
    // The head lies at the end, before its length and the sum.
    let mut last = [0; 8];
    let from = SeekFrom::Start(len.saturating_sub(END));
    file.seek(from).map_err(failed)?;
    file.read_exact(&mut last).map_err(failed)?;
    let size = u64::from_le_bytes(last);
    let begin = len.checked_sub(END).and_then(|end| end.checked_sub(size));
    let expected = || "a head with shape, rows and classes at its end".to_owned();
    let begin =
        begin.ok_or_else(|| DataError::format(path, expected(), format!("{size} bytes of it")))?;
    file.seek(SeekFrom::Start(begin)).map_err(failed)?;
    let mut bytes = Vec::new();
    let taken = Read::by_ref(file).take(size).read_to_end(&mut bytes);
    taken.map_err(failed)?;
    let head = Head::parse(&bytes);
    let head = head.ok_or_else(|| DataError::format(path, expected(), "another".to_owned()))?;
    Ok((head, begin))
}

/// Compares all bytes with their sum, which is the last four.
fn check_sum(file: &mut File, path: &Path) -> Result<(), DataError> {
    let failed = DataError::io(path);
    let len = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let (mut sum, mut chunk, mut left) = (Crc::new(), vec![0; CHUNK], len.saturating_sub(4));
    while left > 0 {
        let size = left.min(CHUNK as u64) as usize;
        file.read_exact(&mut chunk[..size]).map_err(failed)?;
        sum.update(&chunk[..size]);
        left -= size as u64;
    }
    let mut last = [0; 4];
    file.read_exact(&mut last).map_err(failed)?;
    if u32::from_le_bytes(last) == sum.sum() {
        return Ok(());
    }
    let expected = format!("bytes whose CRC-32 is {:08x}", u32::from_le_bytes(last));
    let got = format!("{:08x}: the file has changed", sum.sum());
    Err(DataError::format(path, expected, got))
}

struct Head {
    key: String,
    shape: ImageShape,
    rows: u64,
    class_names: Vec<String>,
    skipped: Vec<String>,
    kinds: ImageKinds,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head: Value = serde_json::from_slice(bytes).ok()?;
        let shape = head["shape"].as_array()?;
        let axis = |at: usize| shape.get(at)?.as_u64().filter(|&n| n < 1 << 20);
        let texts = |name: &str| -> Option<Vec<String>> {
            let texts = head[name].as_array()?.iter();
            texts.map(|text| Some(text.as_str()?.to_owned())).collect()
        };
        Some(Self {
            key: head["key"].as_str()?.to_owned(),
            shape: ImageShape {
                height: axis(0)? as usize,
                width: axis(1)? as usize,
                channels: axis(2)? as usize,
            },
            rows: head["rows"].as_u64().filter(|&n| n < 1 << 32)?,
            class_names: texts("classes")?,
            skipped: texts("skipped")?,
            kinds: serde_json::from_value(head["kinds"].clone()).ok()?,
        })
    }
}
