//! Decoded images in one file, to be opened instead of decoding them again.
//!
//! # Layout
//! ```text
//! UNISIMG\0, version (u32), length of the head (u32), the head (JSON)
//! pixels     (rows, height, width, channels), a byte each
//! classes    (rows), u32
//! ```
//! All numbers are little-endian. The head holds the shape, the number of rows, the names of the classes, and the key: a fingerprint of
//! what the images were decoded from. Pixels stay in the file until they are gathered.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::error::DataError;
use super::images::{ImageDataset, ImageShape};
use super::stored::Stored;

const MAGIC: &[u8; 8] = b"UNISIMG\0";
const VERSION: u32 = 1;

/// Images with the names of their classes.
///
/// ```
/// use unisono::data::{DataError, Dataset, ImageCache, ImageDataset, ImageShape};
/// let shape = ImageShape { height: 1, width: 2, channels: 1 };
/// let images = ImageDataset::new(vec![0, 255, 255, 0], shape, vec![0, 1], 2)?;
/// let cache = ImageCache { images, class_names: vec!["left".into(), "right".into()] };
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
}

impl ImageCache {
    /// Opens the file at `path`; its pixels stay there.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for another version, another key, or a file that is shorter or longer than its head says.
    pub fn open(path: &Path, key: &str) -> Result<Self, DataError> {
        let failed = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let (head, start) = head(&mut file, path)?;
        if head.key != key {
            let got = format!("one of {}", head.key);
            return Err(refuse(path, format!("a cache of {key}"), got));
        }
        let pixels = head.rows.checked_mul(head.shape.len() as u64);
        let all = pixels.and_then(|n| n.checked_add(4 * head.rows + start));
        if all != Some(len) {
            let got = format!("{len} bytes");
            return Err(refuse(path, format!("{} images", head.rows), got));
        }
        file.seek(SeekFrom::Start(len - 4 * head.rows))
            .map_err(failed)?;
        let mut classes = Vec::new();
        file.read_to_end(&mut classes).map_err(failed)?;
        let classes = classes.as_chunks::<4>().0.iter();
        let classes = classes.map(|&bytes| u32::from_le_bytes(bytes)).collect();
        let stored = Stored::File {
            file: Arc::new(file),
            path: path.to_owned(),
            start,
        };
        let num_classes = head.class_names.len();
        Ok(Self {
            images: ImageDataset::stored(stored, head.shape, classes, num_classes)?,
            class_names: head.class_names,
        })
    }

    /// Writes all of it to `path`, at once or not at all.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn write(&self, path: &Path, key: &str) -> Result<(), DataError> {
        let failed = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        let write = || -> io::Result<()> {
            let ImageShape {
                height,
                width,
                channels,
            } = self.images.shape();
            let classes = self.images.class_labels();
            let head = json!({
                "key": key,
                "shape": [height, width, channels],
                "rows": classes.len(),
                "classes": self.class_names,
            });
            let head = head.to_string();
            let mut file = io::BufWriter::new(atomic_write_file::AtomicWriteFile::open(path)?);
            file.write_all(MAGIC)?;
            file.write_all(&VERSION.to_le_bytes())?;
            file.write_all(&(head.len() as u32).to_le_bytes())?;
            file.write_all(head.as_bytes())?;
            for row in 0..classes.len() {
                file.write_all(&self.images.pixels(row))?;
            }
            for class in classes {
                file.write_all(&class.to_le_bytes())?;
            }
            file.into_inner()?.commit()
        };
        write().map_err(failed)
    }
}

fn refuse(path: &Path, expected: String, got: String) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        expected,
        got,
    }
}

/// The head of a cache, and where it ends.
fn head(file: &mut File, path: &Path) -> Result<(Head, u64), DataError> {
    let mut start = [0; 16];
    let whole = file.read_exact(&mut start);
    if whole.is_err() || start[..8] != MAGIC[..] {
        let expected = "a cache of images".to_owned();
        return Err(refuse(path, expected, format!("{start:?}")));
    }
    let number = |at: usize| {
        let bytes = [start[at], start[at + 1], start[at + 2], start[at + 3]];
        u32::from_le_bytes(bytes)
    };
    if number(8) != VERSION {
        let got = format!("version {}", number(8));
        return Err(refuse(path, format!("a cache of version {VERSION}"), got));
    }
    let mut bytes = Vec::new();
    let taken = file.take(u64::from(number(12))).read_to_end(&mut bytes);
    taken.map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })?;
    let head = Head::parse(&bytes).ok_or_else(|| {
        let expected = "a head with shape, rows and classes".to_owned();
        refuse(path, expected, "another".to_owned())
    })?;
    Ok((head, 16 + u64::from(number(12))))
}

struct Head {
    key: String,
    shape: ImageShape,
    rows: u64,
    class_names: Vec<String>,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head: Value = serde_json::from_slice(bytes).ok()?;
        let shape = head["shape"].as_array()?;
        let axis = |at: usize| shape.get(at)?.as_u64().filter(|&n| n < 1 << 20);
        let names = head["classes"].as_array()?.iter();
        Some(Self {
            key: head["key"].as_str()?.to_owned(),
            shape: ImageShape {
                height: axis(0)? as usize,
                width: axis(1)? as usize,
                channels: axis(2)? as usize,
            },
            rows: head["rows"].as_u64().filter(|&n| n < 1 << 32)?,
            class_names: names
                .map(|name| Some(name.as_str()?.to_owned()))
                .collect::<Option<_>>()?,
        })
    }
}
