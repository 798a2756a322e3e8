//! Settings of a spectrogram: kept with a model, so that other sounds become rows of the same kind.

use serde::{Deserialize, Serialize};

/// Settings of a spectrogram.
///
/// ```
/// use unisono::data::SpectrogramSettings;
/// let settings = SpectrogramSettings { bands: 64, ..SpectrogramSettings::default() };
/// assert_eq!((settings.rate, settings.window, settings.bands), (8000, 200, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectrogramSettings {
    /// Samples a second of what comes in.
    pub rate: u32,
    /// Samples of a frame.
    pub window: usize,
    /// Samples from one frame to the next.
    pub hop: usize,
    /// Bands.
    pub bands: usize,
    /// The lowest and the highest frequency, in Hz.
    pub range: (f32, f32),
}

impl Default for SpectrogramSettings {
    /// 8 kHz, frames of 25 ms every 10 ms, 40 bands from 20 Hz to 4 kHz.
    fn default() -> Self {
        Self {
            rate: 8000,
            window: 200,
            hop: 80,
            bands: 40,
            range: (20.0, 4000.0),
        }
    }
}
