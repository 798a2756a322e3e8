//! CIFAR-10 and CIFAR-100 in their binary version.
//!
//! # Layout
//! Records one after another: a label (CIFAR-100: the coarse one, then the fine one), then 3,072
//! bytes, the 32 x 32 red values, the green and the blue ones.
//!
//! # References
//! Krizhevsky: "Learning multiple layers of features from tiny images", 2009.

use std::path::Path;

use super::error::DataError;
use super::files::Source;
use super::images::{ImageDataset, ImageShape};
use super::memory_budget::MemoryBudget;

const SHAPE: ImageShape = ImageShape {
    height: 32,
    width: 32,
    channels: 3,
};

/// CIFAR-10's five training batches, CIFAR-100's one.
const CIFAR10: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];

impl ImageDataset {
    /// Training and test part of the folder with CIFAR-10's (`data_batch_1.bin` to
    /// `data_batch_5.bin`, `test_batch.bin`) or CIFAR-100's binary files (`train.bin`, `test.bin`;
    /// fine labels).
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Format`] for a file that is not whole records;
    /// [`DataError::ClassOutOfRange`].
    pub fn from_cifar_folder(folder: &Path) -> Result<[Self; 2], DataError> {
        if folder.join("train.bin").exists() {
            let part = |name: &str| records(&[folder.join(name)], 2);
            return Ok([part("train.bin")?, part("test.bin")?]);
        }
        let train = CIFAR10.map(|name| folder.join(name));
        Ok([
            records(&train, 1)?,
            records(&[folder.join("test_batch.bin")], 1)?,
        ])
    }
}

/// The records of `files`, each with so many bytes of labels, of which the last counts.
fn records<P: AsRef<Path>>(files: &[P], labels: usize) -> Result<ImageDataset, DataError> {
    let plane = SHAPE.height * SHAPE.width;
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = Source::open(path.as_ref())?.all()?;
        let record = labels + SHAPE.len();
        if bytes.is_empty() || !bytes.len().is_multiple_of(record) {
            return Err(DataError::format(
                path.as_ref(),
                format!("records of {record} bytes"),
                format!("{} bytes", bytes.len()),
            ));
        }
        MemoryBudget::new(path.as_ref()).check(bytes.len() as u64)?;
        for record in bytes.chunks_exact(record) {
            classes.push(u32::from(record[labels - 1]));
            let planes = &record[labels..];
            pixels.extend((0..SHAPE.len()).map(|at| planes[at % 3 * plane + at / 3]));
        }
    }
    ImageDataset::new(pixels, SHAPE, classes, if labels == 1 { 10 } else { 100 })
}
