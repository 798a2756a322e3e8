//! Sounds as pictures: log-mel spectrograms, and their cosine transform (MFCC).
//!
//! The power of a Hann-windowed frame's Fourier transform, summed under triangles that are equally
//! wide on the mel scale, `mel(f) = 2595 log10(1 + f / 700)`, and its logarithm.
//!
//! # References
//! Davis, Mermelstein: "Comparison of parametric representations for monosyllabic word
//! recognition", 1980; the HTK book (the scale).

use std::sync::Arc;

use ndarray::Array2;
use realfft::{RealFftPlanner, RealToComplex};

use super::spectrogram_settings::SpectrogramSettings;

/// What is added to a power before the logarithm.
const FLOOR: f32 = 1e-6;

impl SpectrogramSettings {
    /// Makes room, windows and bands.
    ///
    /// ```
    /// use unisono::data::SpectrogramSettings;
    /// let second = vec![0.0; 8000];
    /// let frames = SpectrogramSettings::default().spectrogram().log_mel(&second);
    /// assert_eq!(frames.dim(), (98, 40));
    /// ```
    ///
    /// # Panics
    /// If a setting is 0 or the range is empty or beyond half the rate.
    pub fn spectrogram(self) -> Spectrogram {
        let (low, high) = self.range;
        assert!(
            self.rate > 0 && self.window > 0 && self.hop > 0 && self.bands > 0,
            "a spectrogram's rate, window, hop and bands must be at least 1, got {self:?}"
        );
        assert!(
            0.0 <= low && low < high && high <= self.rate as f32 / 2.0,
            "a spectrogram's range must lie in 0..=half the rate, got {self:?}"
        );
        let len = self.window.next_power_of_two();
        let angle = |i: usize| std::f32::consts::TAU * (i as f32 + 0.5) / self.window as f32;
        Spectrogram {
            settings: self,
            hann: (0..self.window)
                .map(|i| 0.5 - 0.5 * libm::cosf(angle(i)))
                .collect(),
            filters: self.filters(len),
            transform: RealFftPlanner::new().plan_fft_forward(len),
        }
    }

    /// Of each band: the first bin, and the weights of the bins from there.
    fn filters(&self, len: usize) -> Vec<(usize, Vec<f32>)> {
        let mel = |hz: f32| 2595.0 * libm::log10f(1.0 + hz / 700.0);
        let hz = |mel: f32| 700.0 * (libm::powf(10.0, mel / 2595.0) - 1.0);
        let (low, high) = (mel(self.range.0), mel(self.range.1));
        let step = (high - low) / (self.bands + 1) as f32;
        let width = self.rate as f32 / len as f32;
        let filter = |band: usize| {
            let [left, centre, right] = [0, 1, 2].map(|i| hz(low + step * (band + i) as f32));
            let weight = |bin: usize| {
                let at = bin as f32 * width;
                ((at - left) / (centre - left)).min((right - at) / (right - centre))
            };
            let bins: Vec<usize> = (0..=len / 2).filter(|&bin| weight(bin) > 0.0).collect();
            match bins.first() {
                Some(&first) => (first, bins.iter().map(|&bin| weight(bin)).collect()),
                // Narrower than a bin: the nearest one.
                None => ((centre / width).round() as usize, vec![1.0]),
            }
        };
        (0..self.bands).map(filter).collect()
    }
}

/// Makes spectrograms.
///
/// ```
/// use unisono::data::SpectrogramSettings;
/// let spectrogram = SpectrogramSettings::default().spectrogram();
/// let second = vec![0.0; 8_000];
/// // 98 frames: of 40 bands, or of 13 coefficients of their cosine transform.
/// assert_eq!(spectrogram.log_mel(&second).dim(), (98, 40));
/// assert_eq!(spectrogram.mfcc(&second, 13).dim(), (98, 13));
/// ```
#[derive(Clone)]
pub struct Spectrogram {
    settings: SpectrogramSettings,
    hann: Vec<f32>,
    filters: Vec<(usize, Vec<f32>)>,
    transform: Arc<dyn RealToComplex<f32>>,
}

impl std::fmt::Debug for Spectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spectrogram").field(&self.settings).finish()
    }
}

impl Spectrogram {
    /// The logarithm of each frame's power in each band, (frames, bands); a sound shorter than a
    /// frame is padded with silence.
    pub fn log_mel(&self, samples: &[f32]) -> Array2<f32> {
        let SpectrogramSettings { window, hop, .. } = self.settings;
        let frames = samples.len().saturating_sub(window) / hop + 1;
        let (mut input, mut output) = (
            self.transform.make_input_vec(),
            self.transform.make_output_vec(),
        );
        let mut scratch = self.transform.make_scratch_vec();
        let mut power = vec![0.0; output.len()];
        let mut bands = Array2::zeros((frames, self.filters.len()));
        for (frame, mut bands) in bands.rows_mut().into_iter().enumerate() {
            // A windowed frame; one that reaches beyond the end is padded with silence.
            input.fill(0.0);
            let from = samples.iter().skip(frame * hop);
            let pairs = input.iter_mut().zip(from).zip(&self.hann);
            pairs.for_each(|((to, from), hann)| *to = from * hann);
            self.transform
                .process_with_scratch(&mut input, &mut output, &mut scratch)
                .expect("the buffers are the transform's own");
            // Its power, summed in bands.
            let squares = power.iter_mut().zip(&output);
            squares.for_each(|(power, value)| *power = value.norm_sqr());
            for (band, (first, weights)) in bands.iter_mut().zip(&self.filters) {
                let terms = power[*first..].iter().zip(weights);
                let sum: f32 = terms.map(|(power, weight)| power * weight).sum();
                *band = libm::logf(sum + FLOOR);
            }
        }
        bands
    }

    /// The first `coefficients` of the cosine transform (DCT-II, orthonormal) of each frame's
    /// log-mel bands, (frames, coefficients).
    ///
    /// ```
    /// use unisono::data::SpectrogramSettings;
    /// let tone: Vec<f32> = (0..800).map(|i| (i as f32 * 0.3).sin()).collect();
    /// let spectrogram = SpectrogramSettings::default().spectrogram();
    /// let (mfcc, bands) = (spectrogram.mfcc(&tone, 13), spectrogram.log_mel(&tone));
    /// assert_eq!(mfcc.dim(), (8, 13));
    /// assert!((mfcc[[0, 0]] - bands.row(0).sum() / 40_f32.sqrt()).abs() < 1e-3);
    /// ```
    pub fn mfcc(&self, samples: &[f32], coefficients: usize) -> Array2<f32> {
        let bands = self.log_mel(samples);
        let n = bands.ncols() as f32;
        let basis = Array2::from_shape_fn((bands.ncols(), coefficients), |(band, k)| {
            let scale = if k == 0 { 1.0 / n } else { 2.0 / n };
            scale.sqrt() * libm::cosf(std::f32::consts::PI * k as f32 * (band as f32 + 0.5) / n)
        });
        // Not ndarray's product, whose bits depend on the CPU.
        Array2::from_shape_fn((bands.nrows(), coefficients), |(frame, k)| {
            let terms = bands.row(frame).into_iter().zip(basis.column(k));
            terms.map(|(band, cosine)| band * cosine).sum()
        })
    }
}
