//! IDX, the format of MNIST and Fashion-MNIST, plain or gzipped.
//!
//! # Layout
//! Two zero bytes, the type (8: unsigned bytes), the number of axes; each axis' length as a
//! big-endian u32; the values, the last axis fastest.

use std::path::Path;

use super::error::DataError;
use super::files::Source;
use super::images::{ImageDataset, ImageShape};

/// Bytes with their shape.
///
/// ```
/// use unisono::data::Idx;
/// let path = std::env::temp_dir().join(format!("unisono-idx-{}", std::process::id()));
/// // Unsigned bytes in two axes, of 1 and of 3.
/// std::fs::write(&path, [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9])?;
/// let idx = Idx::read(&path)?;
/// assert_eq!((idx.shape, idx.values), (vec![1, 3], vec![7, 8, 9]));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The values, the last axis fastest: as many as the product of `shape`.
    pub values: Vec<u8>,
}

impl Idx {
    /// Reads a file of unsigned bytes.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for another magic or type, more axes than 8, a file
    /// that is shorter or longer than its head says, or could not hold what it says.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let mut source = Source::open(path)?;
        let head = source.bytes(4, "an IDX head")?;
        if head[..3] != [0, 0, 8] || !(1..=8).contains(&head[3]) {
            let expected = "an IDX file of unsigned bytes, beginning with 0, 0, 8 and 1 to 8 axes";
            return Err(source.refuse(expected, format!("{:?}", &head)));
        }
        let axes = source.bytes(4 * u64::from(head[3]), "axes")?;
        let axes: Vec<u64> = axes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&bytes| u64::from(u32::from_be_bytes(bytes)))
            .collect();
        let len = axes
            .iter()
            .try_fold(1_u64, |len, &axis| len.checked_mul(axis));
        let len =
            len.ok_or_else(|| source.refuse("fewer than 2^64 values", format!("{axes:?}")))?;
        let values = source.bytes(len, "values")?;
        source.end()?;
        Ok(Self {
            shape: axes.iter().map(|&axis| axis as usize).collect(),
            values,
        })
    }
}

impl ImageDataset {
    /// Images and labels of one part of a folder: `train` or `t10k` of MNIST's or Fashion-MNIST's
    /// four files, gzipped or not.
    ///
    /// # Errors
    /// Those of [`ImageDataset::from_idx`].
    pub fn from_idx_folder(folder: &Path, part: &str) -> Result<Self, DataError> {
        // With a dot before the kind they come from other sources than with a dash.
        let file = |what: &str, kind: &str| {
            let names = ["-", "."].map(|mark| format!("{part}-{what}{mark}{kind}-ubyte"));
            let plain = names.map(|name| folder.join(name));
            let packed = plain.iter().map(|path| path.with_added_extension("gz"));
            let found = packed
                .chain(plain.iter().cloned())
                .find(|path| path.exists());
            found.unwrap_or_else(|| plain[0].clone())
        };
        Self::from_idx(&file("images", "idx3"), &file("labels", "idx1"))
    }

    /// Images and labels from two IDX files, such as `train-images-idx3-ubyte.gz` and
    /// `train-labels-idx1-ubyte.gz`.
    ///
    /// # Errors
    /// Those of [`Idx::read`] and [`ImageDataset::new`]; [`DataError::Format`] for files with other
    /// axes.
    pub fn from_idx(images: &Path, labels: &Path) -> Result<Self, DataError> {
        let pixels = Idx::read(images)?;
        let shape = match *pixels.shape {
            [_, height, width] => ImageShape {
                height,
                width,
                channels: 1,
            },
            [_, height, width, channels] => ImageShape {
                height,
                width,
                channels,
            },
            ref other => {
                return Err(DataError::format(
                    images,
                    "3 or 4 axes: images, rows, columns, channels",
                    format!("{other:?}"),
                ));
            }
        };
        // Labels, of which there are as many classes as the largest says.
        let classes = Idx::read(labels)?;
        if classes.shape.len() != 1 {
            return Err(DataError::format(
                labels,
                "1 axis: labels",
                format!("{:?}", classes.shape),
            ));
        }
        let most = classes.values.iter().max().copied().unwrap_or(0);
        let classes: Vec<u32> = classes
            .values
            .iter()
            .map(|&class| u32::from(class))
            .collect();
        Self::new(pixels.values, shape, classes, usize::from(most) + 1)
    }
}
