//! Recordings: WAV files in a folder or a `.tar.gz`, as mono samples at one rate.
//!
//! Integers of 8 to 32 bits and 32-bit floats are read; several channels are averaged.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use rayon::prelude::*;

use super::error::DataError;
use super::files::Source;
use super::room::Room;
use super::spectrogram::SpectrogramSettings;

/// Memory of a byte of a file while it becomes samples: itself, and of samples of two bytes each four.
const SOUND_BYTES: u64 = 3;

/// Samples a second that are believed.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Zero crossings of the resampler's kernel on each side.
const CROSSINGS: f64 = 16.0;

/// A recording: samples in -1..=1, one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// The samples.
    pub samples: Vec<f32>,
    /// How many of them make up a second.
    pub rate: u32,
}

impl Sound {
    /// Decodes a WAV file in memory; `path` is for messages.
    ///
    /// # Errors
    /// [`DataError::Format`] for what is not WAV, a format of its that is not read, no samples, or a file that ends too early.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        let odd = |got: String| {
            DataError::format(
                path,
                "a WAV file of 8- to 32-bit integers or 32-bit floats, at 1 to 768 kHz",
                got,
            )
        };
        let mut reader =
            hound::WavReader::new(Cursor::new(bytes)).map_err(|error| odd(error.to_string()))?;
        let spec = reader.spec();
        if spec.channels == 0 || !RATES.contains(&spec.sample_rate) {
            let got = format!("{} channels at {} Hz", spec.channels, spec.sample_rate);
            return Err(odd(got));
        }
        let values: Result<Vec<f32>, hound::Error> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().collect(),
            hound::SampleFormat::Int => {
                let scale = (2_f64.powi(1 - i32::from(spec.bits_per_sample))) as f32;
                let samples = reader.samples::<i32>();
                samples.map(|sample| Ok(sample? as f32 * scale)).collect()
            }
        };
        let values = values.map_err(|error| odd(error.to_string()))?;
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return Err(odd("no samples, or some that are not finite".to_owned()));
        }
        let channels = usize::from(spec.channels);
        let frames = values.chunks_exact(channels);
        Ok(Self {
            samples: frames
                .map(|frame| frame.iter().sum::<f32>() / channels as f32)
                .collect(),
            rate: spec.sample_rate,
        })
    }

    /// The same sound with `rate` samples a second: interpolated by a sinc under a Hann window, whose cutoff is the lower Nyquist
    /// frequency (Smith: "Digital audio resampling", 2002).
    ///
    /// ```
    /// use unisono::data::Sound;
    /// let tone = |rate: u32| (0..rate).map(|i| (f64::from(i) / f64::from(rate) * 440.0 * 6.2831853).sin() as f32).collect::<Vec<_>>();
    /// let slow = Sound { samples: tone(16_000), rate: 16_000 }.resampled(8_000);
    /// let odd = slow.samples.iter().zip(tone(8_000)).skip(100).take(7_800).map(|(a, b)| (a - b).abs());
    /// assert_eq!(slow.samples.len(), 8_000);
    /// assert!(odd.fold(0.0, f32::max) < 1e-3);
    /// ```
    ///
    /// # Panics
    /// If `rate` is 0.
    pub fn resampled(&self, rate: u32) -> Self {
        assert!(rate > 0, "a sampling rate must be at least 1 Hz, got 0");
        if rate == self.rate {
            return self.clone();
        }
        let ratio = f64::from(rate) / f64::from(self.rate);
        let cutoff = ratio.min(1.0);
        let reach = CROSSINGS / cutoff;
        let len = (self.samples.len() as f64 * ratio).round() as usize;
        let sample = |at: usize| {
            let centre = at as f64 / ratio;
            let first = (centre - reach).ceil().max(0.0) as usize;
            let last = ((centre + reach).floor() as usize).min(self.samples.len() - 1);
            let tap = |i: usize| {
                let x = i as f64 - centre;
                let window = 0.5 + 0.5 * libm::cos(std::f64::consts::PI * x / reach);
                f64::from(self.samples[i]) * cutoff * sinc(cutoff * x) * window
            };
            (first..=last).map(tap).sum::<f64>() as f32
        };
        Self {
            samples: (0..len).map(sample).collect(),
            rate,
        }
    }
}

fn sinc(x: f64) -> f64 {
    let x = std::f64::consts::PI * x;
    if x.abs() < 1e-9 {
        1.0
    } else {
        libm::sin(x) / x
    }
}

/// Recordings with their names, in order of the names.
///
/// A name is a file's path below the folder or in the archive, without `.wav`.
pub type NamedSounds = Vec<(String, Sound)>;

impl SpectrogramSettings {
    /// The log-mel spectrograms of sounds, brought to the settings' rate, on all cores.
    ///
    /// ```
    /// use unisono::data::{Sound, SpectrogramSettings};
    /// let second = Sound { samples: vec![0.0; 16_000], rate: 16_000 };
    /// let spectrograms = SpectrogramSettings::default().log_mels(&[("silence".to_owned(), second)]);
    /// assert_eq!(spectrograms[0].dim(), (98, 40));
    /// ```
    ///
    /// # Panics
    /// As [`SpectrogramSettings::spectrogram`].
    pub fn log_mels(self, sounds: &[(String, Sound)]) -> Vec<Array2<f32>> {
        let spectrogram = self.spectrogram();
        let make =
            |(_, sound): &(String, Sound)| spectrogram.log_mel(&sound.resampled(self.rate).samples);
        sounds.par_iter().map(make).collect()
    }
}

/// All WAV files of a folder and the folders in it, or of a `.tar` or `.tar.gz`, decoded on all cores.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Empty`] if there are none; [`DataError::Memory`] for more than fits into memory; those of [`Sound::parse`].
pub fn read_sounds(path: &Path) -> Result<NamedSounds, DataError> {
    let mut files = if path.is_dir() {
        let (mut found, mut room) = (Vec::new(), Room::new(path));
        walk(path, path, &mut found, &mut room)?;
        found
    } else {
        archived(path)?
    };
    if files.is_empty() {
        return Err(DataError::Empty);
    }
    files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let decode = |(name, bytes): (String, Vec<u8>)| {
        let place = path.join(format!("{name}.wav"));
        Ok((name, Sound::parse(&bytes, &place)?))
    };
    files.into_par_iter().map(decode).collect()
}

fn walk(
    root: &Path,
    folder: &Path,
    found: &mut Vec<(String, Vec<u8>)>,
    room: &mut Room,
) -> Result<(), DataError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| DataError::Io { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed(folder))?);
        if kind.is_dir() {
            walk(root, &path, found, room)?;
        } else if let Some(name) = sound_name(path.strip_prefix(root).unwrap_or(&path)) {
            let len = std::fs::metadata(&path).map_err(failed(&path))?.len();
            room.take(len.saturating_mul(SOUND_BYTES))?;
            found.push((name, std::fs::read(&path).map_err(failed(&path))?));
        }
    }
    Ok(())
}

fn archived(path: &Path) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let failed = DataError::io(path);
    let mut archive = tar::Archive::new(Source::open(path)?.reader());
    let (mut found, mut room) = (Vec::new(), Room::new(path));
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let inside: PathBuf = entry.path().map_err(failed)?.into_owned();
        if let (Some(name), true) = (sound_name(&inside), entry.header().entry_type().is_file()) {
            room.take(entry.size().saturating_mul(SOUND_BYTES))?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(failed)?;
            found.push((name, bytes));
        }
    }
    Ok(found)
}

/// The name of a WAV file; `None` for other files and hidden ones.
fn sound_name(path: &Path) -> Option<String> {
    let is_hidden = path.file_name()?.as_encoded_bytes().starts_with(b".");
    let is_wav = path.extension()?.eq_ignore_ascii_case("wav");
    let name = path.with_extension("").to_string_lossy().into_owned();
    (is_wav && !is_hidden).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_more_sounds_than_the_free_memory_holds_is_refused() {
        let folder = std::env::temp_dir().join(format!("unisono-sounds-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.wav", "b.wav"] {
            std::fs::write(folder.join(name), [0; 1000]).unwrap();
        }
        let read = |most: u64| {
            let (mut found, mut room) = (Vec::new(), Room::of(&folder, most));
            walk(&folder, &folder, &mut found, &mut room).map(|()| found.len())
        };
        let (all, one) = (read(6_000), read(5_999));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(all.unwrap(), 2);
        assert!(matches!(one, Err(DataError::Memory { .. })));
    }
}
