//! Colour of augmentation: brightness, contrast, saturation, noise.

use crate::seed::Stream;

use super::super::images::ChannelStatistics;

/// Shares of red, green and blue in grey (ITU-R BT.601).
const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// Factors, 1 for no change.
pub(super) struct Jitter {
    pub(super) brightness: f32,
    pub(super) contrast: f32,
    pub(super) saturation: f32,
}

impl Jitter {
    /// Changes a standardised image: in this order, each step kept in 0..=1 of the values before
    /// standardisation.
    pub(super) fn apply(&self, statistics: &ChannelStatistics, image: &mut [f32]) {
        let channels = statistics.means.len();
        let scale = || statistics.means.iter().zip(&statistics.deviations);
        for pixel in image.chunks_exact_mut(channels) {
            for (value, (mean, deviation)) in pixel.iter_mut().zip(scale()) {
                *value = ((*value * deviation + mean) * self.brightness).clamp(0.0, 1.0);
            }
        }
        let pixels = (image.len() / channels) as f32;
        let mean = image.chunks_exact(channels).map(grey).sum::<f32>() / pixels;
        for pixel in image.chunks_exact_mut(channels) {
            let towards = |value: f32, middle: f32, factor: f32| {
                (factor * value + (1.0 - factor) * middle).clamp(0.0, 1.0)
            };
            pixel
                .iter_mut()
                .for_each(|value| *value = towards(*value, mean, self.contrast));
            if channels == 3 {
                let grey = grey(pixel);
                pixel
                    .iter_mut()
                    .for_each(|value| *value = towards(*value, grey, self.saturation));
            }
            for (value, (mean, deviation)) in pixel.iter_mut().zip(scale()) {
                *value = (*value - mean) / deviation;
            }
        }
    }
}

/// A pixel's grey: of three channels weighted, else the first.
fn grey(pixel: &[f32]) -> f32 {
    match pixel {
        [red, green, blue] => GREY[0] * red + GREY[1] * green + GREY[2] * blue,
        other => other[0],
    }
}

/// Adds to each value a normal number of this deviation.
pub(super) fn add_noise(random: &mut Stream, deviation: f32, image: &mut [f32]) {
    for value in image {
        *value += deviation * random.normal() as f32;
    }
}
