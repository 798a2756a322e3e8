//! Recordings: WAV files in a folder or a `.tar.gz`, as mono samples at one rate.
//!
//! Integers of 8 to 32 bits, floats of 32 and 64, A-law and mu-law are read; several channels are
//! averaged.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use ndarray::Array2;
use rayon::prelude::*;

use super::error::DataError;
use super::files::{SOUNDS, Source, has_end};
use super::left_out::{LeftOut, is_hidden, leads_back};
use super::memory_budget::MemoryBudget;
use super::spectrogram_settings::SpectrogramSettings;
use super::unnamed::{begins_sound, is_sound};
use super::wave::{CONVERT, LARGEST, Wave};
use super::wave_chunks::Odd;
use crate::input;

/// Bytes of a sample in memory.
const SAMPLE_BYTES: u64 = 4;

/// Bytes of a file that say whether it is WAV.
const HEAD: u64 = 12;

/// Samples a second that are believed.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Zero crossings of the resampler's kernel on each side.
const CROSSINGS: f64 = 16.0;

/// A recording: samples in -1..=1, one channel.
///
/// Example: [`Sound::resampled`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// The samples, at least one.
    pub samples: Vec<f32>,
    /// How many of them make up a second, in Hz.
    pub rate: u32,
}

impl Sound {
    /// Decodes a WAV file in memory; `path` is for messages.
    ///
    /// # Errors
    /// [`DataError::Format`] for what is not WAV, or a file that ends too early;
    /// [`DataError::Unfit`] for a codec or another format of sounds, samples in several chunks, no
    /// samples, or some that are not finite or beyond any scale.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, DataError> {
        Self::decode(&wave(bytes, path)?, path)
    }

    fn decode(wave: &Wave<'_>, path: &Path) -> Result<Self, DataError> {
        if wave.frames() == 0 {
            let remedy = "leave it out, or record it again";
            return Err(DataError::unfit(
                path,
                "a WAV file of finite samples, at least 1",
                "none",
                remedy,
            ));
        }
        if let Some(odd) = wave.odd_sample() {
            return Err(DataError::unfit(
                path,
                format!(
                    "finite samples of a size up to {LARGEST:e}; those of a WAV file lie from -1 to 1"
                ),
                format!(
                    "{:e} in frame {}, channel {}, from 0",
                    odd.value, odd.frame, odd.channel
                ),
                "leave the file out, or write it again with samples from -1 to 1",
            ));
        }
        Ok(Self {
            samples: wave.mono(),
            rate: wave.rate,
        })
    }

    /// The same sound with `rate` samples a second: interpolated by a sinc under a Hann window,
    /// whose cutoff is the lower Nyquist frequency (Smith: "Digital audio resampling", 2002).
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

/// Recordings with their names, in order of the names: paths below the folder or in the archive,
/// without `.wav`.
///
/// Example: [`read_sounds`].
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

/// The recordings of a folder or an archive.
///
/// ```
/// use unisono::data::LoadedSounds;
/// let error = LoadedSounds::read("no/such/folder".as_ref()).unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoadedSounds {
    /// The recordings.
    pub sounds: NamedSounds,
    /// What they are, such as `16-bit PCM, 8000 Hz, mono`, and how many are; the most first.
    pub formats: Vec<(String, usize)>,
    /// Files beside them.
    pub left_out: LeftOut,
}

impl LoadedSounds {
    /// All WAV files of a folder and the folders in it, or of a `.tar` or `.tar.gz`, decoded on all
    /// cores.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Empty`] if there are none; [`DataError::Memory`] for more
    /// than fits into memory; those of [`Sound::parse`].
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let mut found = Found::new(MemoryBudget::new(path));
        if path.is_dir() {
            found.walk(path, path)?;
        } else {
            found.archived(path)?;
        }
        if found.files.is_empty() {
            return Err(DataError::Empty);
        }
        // In order of their names, whatever the order of the disk.
        found
            .files
            .sort_unstable_by(|a, b| (&a.name, &a.inside).cmp(&(&b.name, &b.inside)));
        let decode = |file: FoundFile| {
            let place = path.join(&file.inside);
            let wave = wave(&file.bytes, &place)?;
            let channels = match wave.channels {
                1 => "mono".to_owned(),
                2 => "stereo".to_owned(),
                many => format!("{many} channels"),
            };
            let format = format!("{}, {} Hz, {channels}", wave.coding, wave.rate);
            Ok((format, (file.name, Sound::decode(&wave, &place)?)))
        };
        let decoded: Result<Vec<_>, DataError> = found.files.into_par_iter().map(decode).collect();
        let (formats, sounds): (Vec<String>, NamedSounds) = decoded?.into_iter().unzip();
        // How many recordings have which format.
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for format in formats {
            *counts.entry(format).or_default() += 1;
        }
        let mut formats: Vec<(String, usize)> = counts.into_iter().collect();
        formats.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Ok(Self {
            sounds,
            formats,
            left_out: found.left_out,
        })
    }
}

/// The sounds of [`LoadedSounds::read`] alone.
///
/// ```
/// let folder = std::env::temp_dir().join(format!("unisono-sounds-{}", std::process::id()));
/// let head = b"RIFF\x2a\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x06\0\0\0";
/// std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("beep.wav"), [&head[..], &[0, 0, 0, 0x40, 0, 0x80]].concat())?;
/// let sounds = unisono::data::read_sounds(&folder)?;
/// assert_eq!((sounds[0].0.as_str(), &sounds[0].1.samples[..]), ("beep", &[0.0, 0.5, -1.0][..]));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As there.
pub fn read_sounds(path: &Path) -> Result<NamedSounds, DataError> {
    Ok(LoadedSounds::read(path)?.sounds)
}

/// Finds format and samples, and refuses what is not read.
fn wave<'b>(bytes: &'b [u8], path: &Path) -> Result<Wave<'b>, DataError> {
    let expected = "a WAV file of 8- to 32-bit integers, 32- or 64-bit floats, A-law or mu-law";
    let wave = Wave::parse(bytes).map_err(|odd| match odd {
        Odd::Damaged(got) => DataError::format(path, expected, got),
        Odd::Other(got) => DataError::unfit(path, expected, got, CONVERT),
        Odd::Ambiguous(got) => {
            let remedy = "write it again with one chunk of each kind, or leave it out";
            DataError::unfit(path, expected, got, remedy)
        }
    })?;
    if RATES.contains(&wave.rate) {
        return Ok(wave);
    }
    let expected = "a WAV file of 1,000 to 768,000 samples a second";
    Err(DataError::format(path, expected, wave.rate.to_string()))
}

/// A file that is not yet decoded.
struct FoundFile {
    /// Its path below the folder or in the archive.
    inside: PathBuf,
    /// The same without `./` before it and `.wav` behind.
    name: String,
    bytes: Vec<u8>,
}

/// The files that there are.
struct Found {
    files: Vec<FoundFile>,
    left_out: LeftOut,
    budget: MemoryBudget,
}

impl Found {
    fn new(budget: MemoryBudget) -> Self {
        Self {
            files: Vec::new(),
            left_out: LeftOut::default(),
            budget,
        }
    }

    fn walk(&mut self, root: &Path, folder: &Path) -> Result<(), DataError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| DataError::Io { path, source }
        };
        for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
            let path = entry.map_err(failed(folder))?.path();
            let inside = path.strip_prefix(root).unwrap_or(&path);
            if path.is_dir() && !is_hidden(inside) && !leads_back(&path, folder) {
                self.walk(root, &path)?;
            } else if !is_hidden(inside) && is_sound(&path) {
                let len = std::fs::metadata(&path).map_err(failed(&path))?.len();
                self.budget.check(len)?;
                let bytes = input::read(&path).map_err(failed(&path))?;
                self.add(inside, bytes)?;
            } else {
                self.left_out.add(inside);
            }
        }
        Ok(())
    }

    fn archived(&mut self, path: &Path) -> Result<(), DataError> {
        let failed = DataError::io(path);
        let mut archive = tar::Archive::new(Source::open(path)?.reader());
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            let kind = entry.header().entry_type();
            if kind.is_symlink() || kind.is_hard_link() {
                self.left_out.count("links");
            }
            if !kind.is_file() {
                continue;
            }
            let inside: PathBuf = entry.path().map_err(failed)?.into_owned();
            let is_named = has_end(&inside, &SOUNDS);
            if is_hidden(&inside) || !is_named && inside.extension().is_some() {
                self.left_out.add(&inside);
                continue;
            }
            self.budget.check(entry.size())?;
            let mut bytes = Vec::new();
            // What has no extension is known by its first bytes.
            (&mut entry)
                .take(HEAD)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            if !is_named && !begins_sound(&bytes) {
                self.left_out.add(&inside);
                continue;
            }
            entry.read_to_end(&mut bytes).map_err(failed)?;
            self.add(&inside, bytes)?;
        }
        Ok(())
    }

    /// Keeps a file, if there is room for it and for its samples.
    fn add(&mut self, inside: &Path, bytes: Vec<u8>) -> Result<(), DataError> {
        let frames = Wave::parse(&bytes).map_or(0, |wave| wave.frames() as u64);
        self.budget
            .take(bytes.len() as u64 + SAMPLE_BYTES * frames)?;
        self.files.push(FoundFile {
            name: sound_name(inside),
            inside: inside.to_owned(),
            bytes,
        });
        Ok(())
    }
}

/// The name of a WAV file, without `./` before it and `.wav` behind.
fn sound_name(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let name = parts.collect::<Vec<_>>().join("/");
    let end = path.extension().filter(|_| has_end(path, &SOUNDS));
    let end = end.map_or(0, |end| end.len() + 1);
    name[..name.len() - end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_more_sounds_than_the_free_memory_holds_is_refused() {
        let folder = std::env::temp_dir().join(format!("unisono-sounds-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // 478 samples of two bytes each, which become four.
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\xbc\x03\0\0".to_vec();
        wav.resize(1000, 0);
        for name in ["a.wav", "b.wav"] {
            std::fs::write(folder.join(name), &wav).unwrap();
        }
        let read = |most: u64| {
            let mut found = Found::new(MemoryBudget::of(&folder, most));
            let walked = found.walk(&folder, &folder);
            walked.map(|()| found.files.len())
        };
        let needed = 2 * (1000 + 4 * 478);
        let (all, one) = (read(needed), read(needed - 1));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(all.unwrap(), 2);
        assert!(matches!(one, Err(DataError::Memory { .. })));
    }
}
