//! Sounds: WAV files as log-mel spectrograms. The class of a file is its folder, or what its name begins with up to `_`; its group, such
//! as the speaker, is what follows up to the next `_`.

use std::path::Path;

use ndarray::Array2;

use crate::data::{DataError, SpectrogramDataset, SpectrogramSettings, group_split, read_sounds};

use super::{LoadSettings, Loaded, Split};

/// Of each sound: its spectrogram, class and group.
pub(in crate::cli) struct Sounds {
    pub(in crate::cli) spectrograms: Vec<Array2<f32>>,
    pub(in crate::cli) labels: Vec<u32>,
    pub(in crate::cli) class_names: Vec<String>,
    groups: Vec<String>,
    /// The sampling rate, and the seconds of all.
    pub(in crate::cli) rate: u32,
    pub(in crate::cli) seconds: f64,
}

impl Sounds {
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, DataError> {
        use rayon::prelude::*;
        let sounds = read_sounds(path)?;
        let settings = SpectrogramSettings::default();
        let spectrogram = settings.spectrogram();
        let seconds = sounds
            .iter()
            .map(|(_, sound)| sound.samples.len() as f64 / f64::from(sound.rate));
        let (seconds, rate) = (seconds.sum(), sounds[0].1.rate);
        let make = |(_, sound): &(String, crate::data::Sound)| {
            spectrogram.log_mel(&sound.resampled(settings.rate).samples)
        };
        let places: Vec<(String, String)> = sounds.iter().map(|(name, _)| place(name)).collect();
        let mut class_names: Vec<String> = places.iter().map(|(class, _)| class.clone()).collect();
        class_names.sort_unstable();
        class_names.dedup();
        if class_names.len() < 2 {
            return Err(DataError::Format {
                path: path.to_owned(),
                expected:
                    "sounds of at least 2 classes: folders, or names such as 7_jackson_32.wav"
                        .to_owned(),
                got: format!("{} of them", class_names.len()),
            });
        }
        let number = |(class, _): &(String, String)| {
            class_names.binary_search(class).expect("it is among them") as u32
        };
        Ok(Self {
            spectrograms: sounds.par_iter().map(make).collect(),
            labels: places.iter().map(number).collect(),
            groups: places.into_iter().map(|(_, group)| group).collect(),
            class_names,
            rate,
            seconds,
        })
    }
}

/// Class and group of a name.
fn place(name: &str) -> (String, String) {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let mut parts = file.split('_');
    let first = parts.next().unwrap_or_default();
    let group = parts.next().unwrap_or_default();
    let is_named = file.contains('_');
    let class = if is_named { first } else { folder };
    (class.to_owned(), group.to_owned())
}

impl LoadSettings {
    pub(super) fn sounds(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let sounds = Sounds::read(path)?;
        let (train, test) = match self.split {
            Split::Groups => group_split(&sounds.groups, self.test_share, seed),
            _ => self.split(&sounds.labels, seed)?,
        };
        let part = |rows: &[usize]| {
            let spectrograms: Vec<_> = rows
                .iter()
                .map(|&row| sounds.spectrograms[row].clone())
                .collect();
            let labels: Vec<u32> = rows.iter().map(|&row| sounds.labels[row]).collect();
            (spectrograms, labels)
        };
        let (train, train_labels) = part(&train);
        let (test, test_labels) = part(&test);
        // Nine of ten training sounds are whole.
        let mut frames: Vec<usize> = train.iter().map(Array2::nrows).collect();
        frames.sort_unstable();
        let frames = frames.get(frames.len() * 9 / 10).copied().unwrap_or(1);
        let classes = sounds.class_names.len();
        let data = SpectrogramDataset::new(&train, frames, train_labels.clone(), classes)?;
        let test = data.like(&test, test_labels)?;
        let data = data.augmented(self.changes.sounds, seed);
        Ok(Loaded {
            about: format!(
                "{}, {} sounds at {} Hz, {:.0} s, as {} frames of {} log-mel bands",
                path.display(),
                sounds.labels.len(),
                sounds.rate,
                sounds.seconds,
                data.frames(),
                data.bands()
            ),
            data: [Box::new(data), Box::new(test)],
            class_names: sounds.class_names,
            train_classes: Some(train_labels),
        })
    }
}
