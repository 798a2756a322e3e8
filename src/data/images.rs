//! Images of a byte a channel, in memory or in a cache on the disk, standardised while they are
//! gathered.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Labels, LabelsMut, expect_read};
use super::error::DataError;
use super::stored::Stored;

/// The shape of every image: (H, W, C), the channels of a pixel side by side.
///
/// ```
/// use unisono::data::ImageShape;
/// let shape = ImageShape { height: 2, width: 4, channels: 3 };
/// assert_eq!((shape.len(), shape.plain().means), (24, vec![0.0; 3]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl ImageShape {
    /// The shape of rows of bytes that are images: (height, width), or (height, width, channels)
    /// with 1, 3 or 4 channels.
    pub(crate) fn of_rows(axes: &[usize]) -> Option<Self> {
        let &[height, width, ref channels @ ..] = axes else {
            return None;
        };
        let channels = match channels {
            [] => 1,
            &[channels @ (1 | 3 | 4)] => channels,
            _ => return None,
        };
        Some(Self {
            height,
            width,
            channels,
        })
    }

    /// Values of an image.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Statistics that change nothing.
    pub fn plain(&self) -> ChannelStatistics {
        ChannelStatistics {
            means: vec![0.0; self.channels],
            deviations: vec![1.0; self.channels],
        }
    }

    /// Whether an image has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Mean and standard deviation of each channel, of values from 0 to 1.
///
/// Example: [`ImageDataset::statistics`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelStatistics {
    /// The mean of each channel, in 0..=1.
    pub means: Vec<f32>,
    /// The standard deviation of each channel, positive; 1 for a channel that is constant.
    pub deviations: Vec<f32>,
}

/// Images of one shape, each with a class.
///
/// ```
/// use unisono::data::{DataError, Dataset, ImageDataset, ImageShape};
/// let shape = ImageShape { height: 1, width: 2, channels: 1 };
/// let data = ImageDataset::new(vec![0, 255, 255, 0], shape, vec![0, 1], 2)?;
/// let mut pixels = [0.0; 2];
/// data.gather_inputs(&[1], &mut pixels);
/// assert_eq!(pixels, [1.0, 0.0]);
/// let standardised = data.clone().standardised(&data.statistics()?);
/// standardised.gather_inputs(&[1], &mut pixels);
/// assert_eq!(pixels, [1.0, -1.0]);
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageDataset {
    pixels: Stored,
    shape: ImageShape,
    /// Of each row, the image that it is.
    places: Arc<[u32]>,
    classes: Vec<u32>,
    num_classes: usize,
    /// What is taken off and divided by.
    statistics: ChannelStatistics,
    /// What each byte of each channel becomes: (channels, 256).
    table: Vec<f32>,
}

impl ImageDataset {
    /// Images one after another, each of `shape`, with a class each. Values become 0..=1.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoInputs`], [`DataError::LabelCount`],
    /// [`DataError::ClassOutOfRange`].
    pub fn new(
        pixels: Vec<u8>,
        shape: ImageShape,
        classes: Vec<u32>,
        num_classes: usize,
    ) -> Result<Self, DataError> {
        if shape.is_empty() {
            return Err(DataError::NoInputs);
        }
        let rows = pixels.len() / shape.len();
        if rows != classes.len() || !pixels.len().is_multiple_of(shape.len()) {
            return Err(DataError::LabelCount {
                rows,
                labels: classes.len(),
            });
        }
        Self::stored(Stored::Memory(pixels.into()), shape, classes, num_classes)
    }

    /// The same of bytes that lie anywhere, as many images as classes.
    pub(super) fn stored(
        pixels: Stored,
        shape: ImageShape,
        classes: Vec<u32>,
        num_classes: usize,
    ) -> Result<Self, DataError> {
        if classes.is_empty() {
            return Err(DataError::Empty);
        }
        let rows = classes.len();
        let rows = u32::try_from(rows).map_err(|_| DataError::TooManyRows { rows })?;
        DataError::check_classes(&classes, num_classes)?;
        let plain = shape.plain();
        Ok(Self {
            pixels,
            shape,
            places: (0..rows).collect(),
            classes,
            num_classes,
            statistics: plain.clone(),
            table: Vec::new(),
        }
        .standardised(&plain))
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The same images of which there are more classes than came up.
    ///
    /// # Errors
    /// [`DataError::ClassOutOfRange`] if there are fewer.
    pub fn with_num_classes(self, num_classes: usize) -> Result<Self, DataError> {
        DataError::check_classes(&self.classes, num_classes)?;
        Ok(Self {
            num_classes,
            ..self
        })
    }

    /// The same images with other numbers for their classes: `to[c]` for `c`.
    ///
    /// # Panics
    /// If a class has no new number, or one that is not below `num_classes`.
    #[cfg(feature = "files")]
    pub(crate) fn relabelled(mut self, to: &[u32], num_classes: usize) -> Self {
        assert!(
            to.iter().all(|&class| (class as usize) < num_classes),
            "new classes must be below {num_classes}, got {to:?}"
        );
        let classes = self.classes.iter_mut();
        classes.for_each(|class| *class = to[*class as usize]);
        self.num_classes = num_classes;
        self
    }

    /// The class of every image.
    pub fn class_labels(&self) -> &[u32] {
        &self.classes
    }

    /// The bytes of image `row`, row by row of the image, its channels side by side:
    /// height · width · channels.
    ///
    /// ```
    /// use unisono::data::{DataError, ImageDataset, ImageShape};
    /// let shape = ImageShape { height: 1, width: 2, channels: 1 };
    /// let data = ImageDataset::new(vec![0, 255, 255, 7], shape, vec![0, 1], 2)?;
    /// assert_eq!(*data.pixels(1)?, [255, 7]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Io`] if they lie in a file that has changed since it was opened, or that cannot
    /// be read.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn pixels(&self, row: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let (place, len) = (self.places[row] as usize, self.shape.len());
        match &self.pixels {
            Stored::Memory(bytes) => Ok(Cow::Borrowed(&bytes[place * len..][..len])),
            file => file.with_row(place, len, <[u8]>::to_vec).map(Cow::Owned),
        }
    }

    /// Mean and deviation of each channel over all images: to be taken from the training part, and
    /// given to every part.
    ///
    /// ```
    /// use unisono::data::{DataError, ImageDataset, ImageShape};
    /// let shape = ImageShape { height: 1, width: 2, channels: 1 };
    /// let data = ImageDataset::new(vec![0, 255, 255, 0], shape, vec![0, 1], 2)?;
    /// assert_eq!(data.statistics()?.means, [0.5]);
    /// # Ok::<(), DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ImageDataset::pixels`].
    pub fn statistics(&self) -> Result<ChannelStatistics, DataError> {
        let channels = self.shape.channels;
        let count = (self.len() * self.shape.height * self.shape.width) as f64;
        // Exact: sums of bytes and of their squares.
        let mut sums = vec![(0_u64, 0_u64); channels];
        for row in 0..self.len() {
            for pixel in self.pixels(row)?.chunks_exact(channels) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    sum.0 += u64::from(value);
                    sum.1 += u64::from(value) * u64::from(value);
                }
            }
        }
        let of = |&(sum, squares): &(u64, u64)| {
            let mean = sum as f64 / count;
            let variance = (squares as f64 / count - mean * mean).max(0.0);
            let deviation = variance.sqrt() / 255.0;
            let is_constant = deviation == 0.0;
            (mean / 255.0, if is_constant { 1.0 } else { deviation })
        };
        let (means, deviations) = sums
            .iter()
            .map(of)
            .map(|(m, d)| (m as f32, d as f32))
            .unzip();
        Ok(ChannelStatistics { means, deviations })
    }

    /// The same images, with each channel's mean taken off and divided by its deviation.
    ///
    /// # Panics
    /// If there is not one mean and deviation a channel.
    pub fn standardised(mut self, statistics: &ChannelStatistics) -> Self {
        let (means, deviations) = (&statistics.means, &statistics.deviations);
        assert!(
            means.len() == self.shape.channels && deviations.len() == self.shape.channels,
            "images of {} channels need as many means and deviations, got {} and {}",
            self.shape.channels,
            means.len(),
            deviations.len()
        );
        let channel =
            |(mean, deviation)| (0..256).map(move |byte| (byte as f32 / 255.0 - mean) / deviation);
        self.table = means.iter().zip(deviations).flat_map(channel).collect();
        self.statistics = statistics.clone();
        self
    }

    /// What the images are standardised with; means of 0 and deviations of 1 if they are not.
    pub fn standardised_with(&self) -> &ChannelStatistics {
        &self.statistics
    }

    /// What a byte of 0 becomes, in each channel: the background for augmentation.
    pub fn background(&self) -> Vec<f32> {
        self.table.iter().copied().step_by(256).collect()
    }

    /// Some of the images, in this order; their bytes are shared, not copied.
    ///
    /// # Panics
    /// If a row is not one of the data set's.
    pub fn subset(&self, rows: &[usize]) -> Self {
        Self {
            places: rows.iter().map(|&row| self.places[row]).collect(),
            classes: rows.iter().map(|&row| self.classes[row]).collect(),
            ..self.clone()
        }
    }

    /// Writes images, standardised.
    ///
    /// # Errors
    /// That of the first which cannot be read any longer.
    pub(super) fn read(&self, rows: &[u32], inputs: &mut [f32]) -> Result<(), DataError> {
        let len = self.shape.len();
        let mut pairs = rows.iter().zip(inputs.chunks_exact_mut(len));
        pairs.try_for_each(|(&row, to)| {
            let place = self.places[row as usize] as usize;
            self.pixels
                .with_row(place, len, |from| self.convert(from, to))
        })?;
        self.pixels.check_unchanged()
    }

    /// Writes one image, standardised.
    fn convert(&self, from: &[u8], to: &mut [f32]) {
        if let Ok(table) = <&[f32; 256]>::try_from(self.table.as_slice()) {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, &byte)| *to = table[usize::from(byte)]);
            return;
        }
        let channels = self.shape.channels;
        let pixels = to
            .chunks_exact_mut(channels)
            .zip(from.chunks_exact(channels));
        for (to, from) in pixels {
            for (c, (to, &byte)) in to.iter_mut().zip(from).enumerate() {
                *to = self.table[256 * c + usize::from(byte)];
            }
        }
    }
}

impl Dataset for ImageDataset {
    fn len(&self) -> usize {
        self.classes.len()
    }

    fn input_len(&self) -> usize {
        self.shape.len()
    }

    fn input_shape(&self) -> Vec<usize> {
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        vec![height, width, channels]
    }

    fn labels(&self) -> Labels {
        Labels::Classes(self.num_classes)
    }

    /// # Panics
    /// As [`ImageDataset::pixels`].
    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        expect_read(self.read(rows, inputs));
    }

    fn try_draw(
        &self,
        _: Option<u32>,
        rows: &[u32],
        inputs: &mut [f32],
        labels: LabelsMut<'_>,
    ) -> Result<(), DataError> {
        self.read(rows, inputs)?;
        labels.gather(self, rows);
        Ok(())
    }

    fn prefetch(&self, rows: &[u32]) {
        let places = rows.iter().map(|&row| self.places[row as usize]);
        self.pixels.prefetch(places);
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        for (&row, to) in rows.iter().zip(classes) {
            *to = self.classes[row as usize];
        }
    }
}
