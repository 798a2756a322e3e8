//! Contact sheet: images side by side in one picture, to look at.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{FilterType, overlay, resize};
use image::{ImageFormat, Rgb, RgbImage};

use crate::output;

use super::dataset::{Dataset, Labels};
use super::error::DataError;
use super::images::ImageDataset;

/// Rows of the sheet at most, one a class.
const MOST_CLASSES: usize = 20;

/// Pixels between images.
const GAP: u32 = 2;

/// The edge that small images are enlarged towards.
const EDGE: usize = 48;

/// A PNG file that says who made it, in the chunk after its head.
fn signed(png: Vec<u8>) -> Vec<u8> {
    /// Bytes of the signature and the first chunk.
    const HEAD: usize = 8 + 25;
    let text = b"tEXtSoftware\0unisono";
    let mut crc = flate2::Crc::new();
    crc.update(text);
    let (head, rest) = png.split_at(HEAD);
    let len = (text.len() - 4) as u32;
    [
        head,
        &len.to_be_bytes(),
        text,
        &crc.sum().to_be_bytes(),
        rest,
    ]
    .concat()
}

impl ImageDataset {
    /// Writes the first `columns` images of each of the first 20 classes to `path`, as PNG: a row a
    /// class. Small images are enlarged. What is no plain file is written through, and `-` is
    /// stdout.
    ///
    /// ```
    /// use unisono::data::{DataError, ImageDataset, ImageShape};
    /// let shape = ImageShape { height: 2, width: 3, channels: 1 };
    /// let images = ImageDataset::new(vec![128; 24], shape, vec![0, 1, 1, 0], 2)?;
    /// let path = std::env::temp_dir().join(format!("unisono-sheet-{}.png", std::process::id()));
    /// images.write_contact_sheet(&path, 2)?;
    /// let bytes = std::fs::read(&path).unwrap();
    /// assert!(bytes.starts_with(b"\x89PNG") && image::load_from_memory(&bytes).is_ok());
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Write`].
    pub fn write_contact_sheet(&self, path: &Path, columns: usize) -> Result<(), DataError> {
        let shape = self.shape();
        let factor = (EDGE / shape.height.max(shape.width)).max(1);
        let size = (
            (shape.width * factor) as u32,
            (shape.height * factor) as u32,
        );
        let Labels::Classes(classes) = self.labels() else {
            unreachable!("images have classes");
        };
        let classes = classes.min(MOST_CLASSES);
        let edge = |count: usize, size: u32| count as u32 * (size + GAP) + GAP;
        // A white sheet, a row for each class.
        let mut sheet =
            RgbImage::from_pixel(edge(columns, size.0), edge(classes, size.1), Rgb([255; 3]));
        for class in 0..classes {
            let rows = (0..self.len()).filter(|&row| self.class_labels()[row] as usize == class);
            for (column, row) in rows.take(columns).enumerate() {
                let picture = resize(&self.picture(row)?, size.0, size.1, FilterType::Nearest);
                let at = |index: usize, size: u32| i64::from(edge(index, size));
                overlay(&mut sheet, &picture, at(column, size.0), at(class, size.1));
            }
        }
        // Encoded in memory, and written at once.
        let mut file = Cursor::new(Vec::new());
        let encoded = sheet.write_to(&mut file, ImageFormat::Png);
        encoded.map_err(|error| DataError::write(path, error))?;
        output::write(path, signed(file.into_inner()))
            .map_err(|error| DataError::write(path, error))
    }

    /// An image in colour: one of other than three channels shows its first as grey.
    fn picture(&self, row: usize) -> Result<RgbImage, DataError> {
        let (shape, pixels) = (self.shape(), self.pixels(row)?);
        let colour_at = |x: u32, y: u32| {
            let at = (y as usize * shape.width + x as usize) * shape.channels;
            match pixels[at..at + shape.channels] {
                [red, green, blue] => Rgb([red, green, blue]),
                ref other => Rgb([other[0]; 3]),
            }
        };
        let (width, height) = (shape.width as u32, shape.height as u32);
        Ok(RgbImage::from_fn(width, height, colour_at))
    }
}
