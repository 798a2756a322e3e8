//! Sounds: WAV files as log-mel spectrograms. Where they lie in folders, the folder is the class, and the group, such as the speaker, is what a
//! name begins with up to `_`; where they lie in one, a name is `CLASS_GROUP_...`. Below `train` and `test` they are that part.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array2;

use crate::data::{
    DataError, RowKind, SpectrogramDataset, SpectrogramSettings, group_split, read_sounds,
};

use super::{LoadSettings, Loaded, Split, whole_parts};

/// Rows of the training and the test part.
type Parts = (Vec<usize>, Vec<usize>);

/// Of each sound: its spectrogram, class and group.
struct Sounds {
    spectrograms: Vec<Array2<f32>>,
    labels: Vec<u32>,
    class_names: Vec<String>,
    groups: Vec<String>,
    parts: Option<Parts>,
    /// The sampling rate, and the seconds of all.
    rate: u32,
    seconds: f64,
}

impl Sounds {
    fn read(path: &Path) -> Result<Self, DataError> {
        let sounds = read_sounds(path)?;
        let settings = SpectrogramSettings::default();
        let seconds = sounds
            .iter()
            .map(|(_, sound)| sound.samples.len() as f64 / f64::from(sound.rate));
        let (seconds, rate) = (seconds.sum(), sounds[0].1.rate);
        let names: Vec<&str> = sounds.iter().map(|(name, _)| name.as_str()).collect();
        let (parts, names) = parts(&names);
        let places = places(&names);
        let mut class_names: Vec<String> = places.iter().map(|(class, _)| class.clone()).collect();
        class_names.sort_unstable();
        class_names.dedup();
        if class_names.len() < 2 {
            return Err(DataError::format(
                path,
                "sounds of at least 2 classes: folders, or names such as 7_jackson_32.wav",
                format!("{} of them", class_names.len()),
            ));
        }
        let number = |(class, _): &(String, String)| {
            class_names.binary_search(class).expect("it is among them") as u32
        };
        Ok(Self {
            spectrograms: settings.log_mels(&sounds),
            labels: places.iter().map(number).collect(),
            parts,
            groups: places.into_iter().map(|(_, group)| group).collect(),
            class_names,
            rate,
            seconds,
        })
    }
}

/// Rows of the training and the test part, if all lie below `train` or `test`; and the names below them.
fn parts<'a>(names: &[&'a str]) -> (Option<Parts>, Vec<&'a str>) {
    let below = |name: &&'a str| {
        let train = name.strip_prefix("train/").map(|rest| (false, rest));
        train.or_else(|| Some((true, name.strip_prefix("test/")?)))
    };
    let Some(parted) = names.iter().map(below).collect::<Option<Vec<_>>>() else {
        return (None, names.to_vec());
    };
    let parts = (0..names.len()).partition(|&row: &usize| !parted[row].0);
    (
        Some(parts),
        parted.into_iter().map(|(_, rest)| rest).collect(),
    )
}

/// Class and group of each name.
fn places(names: &[&str]) -> Vec<(String, String)> {
    let cut = |name: &&str| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        (folder.to_owned(), file.to_owned())
    };
    let cut: Vec<(String, String)> = names.iter().map(cut).collect();
    let folders: BTreeSet<&str> = cut.iter().map(|(folder, _)| folder.as_str()).collect();
    let has_folders = folders.len() > 1;
    let place = |(folder, file): &(String, String)| {
        let mut words = file.split('_').map(str::to_owned);
        let first = words.next().unwrap_or_default();
        match has_folders {
            true => (folder.clone(), first),
            false => (first, words.next().unwrap_or_default()),
        }
    };
    cut.iter().map(place).collect()
}

impl LoadSettings {
    pub(super) fn sounds(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let sounds = Sounds::read(path)?;
        let (train, test) = match (&sounds.parts, &self.split) {
            (Some(parts), _) => parts.clone(),
            (None, Split::Groups) => {
                let parts = group_split(&sounds.groups, self.test_share, seed);
                whole_parts(parts, path, self.test_share)?
            }
            (None, _) => self.split(&sounds.labels, (path, seed))?,
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
        let rows = RowKind::Sounds {
            settings: SpectrogramSettings::default(),
            frames,
            scale: data.standardised_with().clone(),
        };
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
            reading: vec![
                format!("rate: {} Hz (the first one's)", sounds.rate),
                format!("length: {:.1} s in all", sounds.seconds),
                format!(
                    "frames: {} of {} log-mel bands",
                    data.frames(),
                    data.bands()
                ),
            ],
            images: None,
            data: [Box::new(data), Box::new(test)],
            class_names: sounds.class_names,
            rows,
            train_classes: Some(train_labels),
        })
    }
}
