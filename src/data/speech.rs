//! Recordings as rows: spectrograms of one length, changed anew in every epoch.
//!
//! # References
//! Park et al.: "SpecAugment: a simple data augmentation method for automatic speech recognition",
//! 2019 (masks; no warping).

use ndarray::{Array2, ArrayView2, s};

use crate::seed::{Purpose, Stream};

use super::dataset::{Dataset, Labels, LabelsMut};
use super::error::DataError;
use super::scale::Standardizer;

/// An augmentation of spectrograms: the most that may happen to one.
///
/// ```
/// use ndarray::Array2;
/// use unisono::data::{DataError, Dataset, LabelsMut, SpectrogramAugmentation, SpectrogramDataset};
/// let ramp = Array2::from_shape_fn((8, 2), |(frame, _)| frame as f32);
/// let augmentation = SpectrogramAugmentation { shift: 3, ..SpectrogramAugmentation::default() };
/// let data = SpectrogramDataset::new(&[ramp.clone(), ramp], 8, vec![0, 1], 2)?;
/// let data = data.augmented(augmentation, 42);
/// let drawn = |epoch| {
///     let mut row = [0.0; 16];
///     data.draw(epoch, &[0], &mut row, LabelsMut::Classes(&mut [0]));
///     row
/// };
/// // Another shift in other epochs, the same whenever an epoch is drawn again.
/// assert!((1..9).any(|epoch| drawn(epoch) != drawn(0)) && drawn(5) == drawn(5));
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpectrogramAugmentation {
    /// It is moved by up to so many frames each way; what becomes free is silence.
    pub shift: usize,
    /// Masks over time, and how many frames each covers at most.
    pub time_masks: (usize, usize),
    /// Masks over bands, and how many bands each covers at most.
    pub band_masks: (usize, usize),
}

/// Spectrograms of one length, each with a class, standardised by band.
///
/// ```
/// use ndarray::Array2;
/// use unisono::data::{DataError, Dataset, SpectrogramDataset};
/// let spectrograms = [Array2::zeros((3, 2)), Array2::ones((1, 2))];
/// let data = SpectrogramDataset::new(&spectrograms, 2, vec![0, 1], 2)?;
/// let mut row = [0.0; 4];
/// data.gather_inputs(&[1], &mut row);
/// // The second is shorter, and padded with the mean, which is 0.
/// assert_eq!(row[2..], [0.0, 0.0]);
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpectrogramDataset {
    /// (rows, frames x bands)
    rows: Array2<f32>,
    frames: usize,
    classes: Vec<u32>,
    num_classes: usize,
    scale: Standardizer,
    augmentation: SpectrogramAugmentation,
    seed: u64,
}

impl SpectrogramDataset {
    /// Spectrograms, (frames, bands) each, brought to `frames` frames: longer ones lose their end,
    /// shorter ones are padded with the mean.
    ///
    /// # Errors
    /// [`DataError::Empty`], [`DataError::NoInputs`]; [`DataError::LabelCount`];
    /// [`DataError::RowLength`] for other bands than the first's; [`DataError::ClassOutOfRange`].
    pub fn new(
        spectrograms: &[Array2<f32>],
        frames: usize,
        classes: Vec<u32>,
        num_classes: usize,
    ) -> Result<Self, DataError> {
        let bands = spectrograms.first().ok_or(DataError::Empty)?.ncols();
        check(spectrograms, bands, &classes, num_classes)?;
        if frames == 0 || bands == 0 {
            return Err(DataError::NoInputs);
        }
        let views: Vec<ArrayView2<'_, f32>> = spectrograms.iter().map(|one| one.view()).collect();
        let all = ndarray::concatenate(ndarray::Axis(0), &views).expect("all have as many bands");
        let scale = Standardizer::fit(all.view());
        Self::scaled(spectrograms, frames, classes, num_classes, scale)
    }

    /// Other spectrograms, of a test part say, with this one's frames, classes and standardisation.
    ///
    /// # Errors
    /// As [`SpectrogramDataset::new`].
    pub fn like(&self, spectrograms: &[Array2<f32>], classes: Vec<u32>) -> Result<Self, DataError> {
        let scale = self.scale.clone();
        Self::scaled(spectrograms, self.frames, classes, self.num_classes, scale)
    }

    /// Spectrograms brought to `frames` frames and standardised with `scale`.
    pub(super) fn scaled(
        spectrograms: &[Array2<f32>],
        frames: usize,
        classes: Vec<u32>,
        num_classes: usize,
        scale: Standardizer,
    ) -> Result<Self, DataError> {
        let bands = scale.means.len();
        check(spectrograms, bands, &classes, num_classes)?;
        let mut rows = Array2::zeros((spectrograms.len(), frames * bands));
        for (mut row, spectrogram) in rows.rows_mut().into_iter().zip(spectrograms) {
            let kept = frames.min(spectrogram.nrows());
            let mut scaled = spectrogram.slice(s![..kept, ..]).to_owned();
            standardise(&mut scaled, &scale);
            row.slice_mut(s![..kept * bands]).assign(&scaled.flatten());
        }
        Ok(Self {
            rows,
            frames,
            classes,
            num_classes,
            scale,
            augmentation: SpectrogramAugmentation::default(),
            seed: 0,
        })
    }

    /// The same, changed anew in every epoch of training.
    pub fn augmented(self, augmentation: SpectrogramAugmentation, seed: u64) -> Self {
        Self {
            augmentation,
            seed,
            ..self
        }
    }

    /// What bands are standardised with.
    pub fn standardised_with(&self) -> &Standardizer {
        &self.scale
    }

    /// Frames of a row.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Bands of a frame.
    pub fn bands(&self) -> usize {
        self.scale.means.len()
    }

    fn row(&self, row: u32) -> &[f32] {
        let all = self
            .rows
            .as_slice()
            .expect("rows are made in standard layout");
        let len = self.input_len();
        &all[row as usize * len..][..len]
    }

    /// Row `row` as epoch `epoch` sees it.
    fn change(&self, epoch: u32, row: u32, to: &mut [f32]) {
        let (what, bands) = (self.augmentation, self.bands());
        let mut random = Stream::new(self.seed, Purpose::Augment, row, epoch as u16);
        let mut below = |most: usize| random.below(most as u32 + 1) as usize;
        let from = self.row(row);
        let moved = below(2 * what.shift);
        let (left, right) = (
            what.shift.saturating_sub(moved).min(self.frames) * bands,
            moved.saturating_sub(what.shift).min(self.frames) * bands,
        );
        to.fill(0.0);
        let kept = from.len() - left - right;
        to[right..right + kept].copy_from_slice(&from[left..left + kept]);
        for _ in 0..what.time_masks.0 {
            let width = below(what.time_masks.1.min(self.frames));
            let first = below(self.frames - width);
            to[first * bands..(first + width) * bands].fill(0.0);
        }
        for _ in 0..what.band_masks.0 {
            let width = below(what.band_masks.1.min(bands));
            let first = below(bands - width);
            to.chunks_exact_mut(bands)
                .for_each(|frame| frame[first..first + width].fill(0.0));
        }
    }
}

/// In single precision: a band's values are small, and of the size of their spread.
fn standardise(frames: &mut Array2<f32>, scale: &Standardizer) {
    for mut frame in frames.rows_mut() {
        let bands = frame.iter_mut().zip(&scale.means).zip(&scale.deviations);
        bands.for_each(|((value, mean), deviation)| {
            *value = (*value - *mean as f32) / *deviation as f32;
        });
    }
}

fn check(
    spectrograms: &[Array2<f32>],
    bands: usize,
    classes: &[u32],
    num_classes: usize,
) -> Result<(), DataError> {
    let (rows, labels) = (spectrograms.len(), classes.len());
    if rows == 0 {
        return Err(DataError::Empty);
    }
    if rows != labels {
        return Err(DataError::LabelCount { rows, labels });
    }
    if let Some(row) = spectrograms.iter().position(|one| one.ncols() != bands) {
        return Err(DataError::RowLength {
            row,
            expected: bands,
            got: spectrograms[row].ncols(),
        });
    }
    DataError::check_classes(classes, num_classes)
}

impl Dataset for SpectrogramDataset {
    fn len(&self) -> usize {
        self.classes.len()
    }

    fn input_len(&self) -> usize {
        self.rows.ncols()
    }

    fn input_shape(&self) -> Vec<usize> {
        vec![self.frames, self.bands(), 1]
    }

    fn labels(&self) -> Labels {
        Labels::Classes(self.num_classes)
    }

    fn gather_inputs(&self, rows: &[u32], inputs: &mut [f32]) {
        let to = inputs.chunks_exact_mut(self.input_len());
        rows.iter()
            .zip(to)
            .for_each(|(&row, to)| to.copy_from_slice(self.row(row)));
    }

    fn gather_classes(&self, rows: &[u32], classes: &mut [u32]) {
        let to = rows.iter().zip(classes);
        to.for_each(|(&row, class)| *class = self.classes[row as usize]);
    }

    fn draw(&self, epoch: u32, rows: &[u32], inputs: &mut [f32], labels: LabelsMut<'_>) {
        let to = inputs.chunks_exact_mut(self.input_len());
        rows.iter()
            .zip(to)
            .for_each(|(&row, to)| self.change(epoch, row, to));
        if let LabelsMut::Classes(classes) = labels {
            self.gather_classes(rows, classes);
        }
    }
}
