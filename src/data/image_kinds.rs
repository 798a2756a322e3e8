//! Kinds of images of a folder: formats and sizes, counted while they are decoded.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Kinds of images, as their files have them.
///
/// ```
/// use unisono::data::ImageKinds;
/// let formats = [("PNG".to_owned(), 2)].into();
/// let kinds = ImageKinds { formats, turned: 1, sizes: Some([(8, 6), (9, 9)]), ..ImageKinds::default() };
/// assert_eq!(kinds.to_string(), "2 PNG, of 8x6 to 9x9 pixels, 1 turned as its EXIF data say");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageKinds {
    /// How many there are of each format.
    pub formats: BTreeMap<String, usize>,
    /// How many lay on their side, upside down or mirrored by their EXIF data, and were turned.
    pub turned: usize,
    /// How many have 16 bits a channel, of which the upper 8 are kept.
    #[serde(default)]
    pub deep: usize,
    /// How many have pixels that are not opaque: their colours are taken as they are.
    #[serde(default)]
    pub transparent: usize,
    /// The smallest and the largest height and width, each axis by itself, before they are brought
    /// to one size.
    pub sizes: Option<[(usize, usize); 2]>,
}

impl ImageKinds {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        for (format, count) in &other.formats {
            *self.formats.entry(format.clone()).or_default() += count;
        }
        self.turned += other.turned;
        self.deep += other.deep;
        self.transparent += other.transparent;
        self.sizes = match (self.sizes, other.sizes) {
            (Some([small, large]), Some([least, most])) => Some([
                (small.0.min(least.0), small.1.min(least.1)),
                (large.0.max(most.0), large.1.max(most.1)),
            ]),
            (own, others) => own.or(others),
        };
    }
}

impl fmt::Display for ImageKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let formats: Vec<String> = self
            .formats
            .iter()
            .map(|(format, count)| format!("{count} {format}"))
            .collect();
        f.write_str(&formats.join(", "))?;
        if let Some([small, large]) = self.sizes {
            write!(f, ", of {}x{}", small.0, small.1)?;
            if small != large {
                write!(f, " to {}x{}", large.0, large.1)?;
            }
            f.write_str(" pixels")?;
        }
        match self.turned {
            0 => {}
            1 => f.write_str(", 1 turned as its EXIF data say")?,
            many => write!(f, ", {many} turned as their EXIF data say")?,
        }
        // What is not kept of them.
        if self.deep > 0 {
            write!(f, ", {} of 16 bits a channel, brought to 8", self.deep)?;
        }
        if self.transparent > 0 {
            let count = self.transparent;
            write!(f, ", {count} with transparent pixels, taken as if opaque")?;
        }
        Ok(())
    }
}
