//! Sounds: WAV files as log-mel spectrograms. Where they lie in folders, the folder is the class,
//! and the group, such as the speaker, is what a name begins with up to `_`; where they lie in one,
//! a name is `CLASS_GROUP_...`. Below `train` and `test` (or `val`) they are that part.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array2;

use crate::data::error::DataError;
use crate::data::left_out::LeftOut;
use crate::data::preparation::RowKind;
use crate::data::sound::{LoadedSounds, NamedSounds, Sound};
use crate::data::spectrogram_settings::SpectrogramSettings;
use crate::data::speech::SpectrogramDataset;
use crate::data::split::PartRows;

use super::opened::{ReadParts, classes_line};
use super::part_folders::{Part, PartNames};
use super::source::Source;

/// Of each sound: its spectrogram, class and group.
struct Sounds {
    spectrograms: Vec<Array2<f32>>,
    labels: Vec<u32>,
    class_names: Vec<String>,
    groups: Vec<String>,
    parts: Option<PartRows>,
    /// Whether their part to evaluate on is named for validation.
    have_validation_alone: bool,
    /// The sampling rate of the first, and the seconds of all.
    rate: u32,
    seconds: f64,
    /// What was read, and what was left out.
    reading: Vec<String>,
}

impl Sounds {
    fn read(path: &Path) -> Result<Self, DataError> {
        let LoadedSounds {
            sounds,
            formats,
            mut left_out,
        } = LoadedSounds::read(path)?;
        let mut reading = vec![formats_line(&formats)];
        let Placed {
            sounds,
            rows,
            parts,
            unused,
        } = Placed::new(path, sounds)?;
        let Some((_, first)) = sounds.first() else {
            return Err(few_classes(path, &[]));
        };
        let settings = SpectrogramSettings::default();
        let length =
            |(_, sound): &(String, Sound)| sound.samples.len() as f64 / f64::from(sound.rate);
        let (seconds, rate) = (sounds.iter().map(length).sum(), first.rate);
        // Classes, by name.
        let mut class_names: Vec<String> = rows.iter().map(|row| row.class.clone()).collect();
        class_names.sort_unstable();
        class_names.dedup();
        if class_names.len() < 2 {
            return Err(few_classes(path, &class_names));
        }
        // What is said of it.
        reading.extend(silent_line(&sounds));
        if let Some(names) = &parts {
            reading.push(names.line());
        }
        reading.push(classes_line(&class_names));
        left_out.merge(&unused);
        if !left_out.is_empty() {
            reading.push(format!("left out: {left_out}"));
        }
        // Numbers of classes, and rows of the parts.
        let number = |row: &Row| {
            let found = class_names.binary_search(&row.class);
            found.expect("it is among them") as u32
        };
        Ok(Self {
            spectrograms: settings.log_mels(&sounds),
            labels: rows.iter().map(number).collect(),
            have_validation_alone: parts.as_ref().is_some_and(PartNames::has_validation_alone),
            parts: parts.map(|_| own_parts(&rows)),
            groups: rows.into_iter().map(|row| row.group).collect(),
            class_names,
            rate,
            seconds,
            reading,
        })
    }
}

/// How many sounds are silent; channels of opposite signs average to nothing.
fn silent_line(sounds: &[(String, Sound)]) -> Option<String> {
    let is_silent = |sound: &Sound| sound.samples.iter().all(|sample| *sample == 0.0);
    let silent = sounds.iter().filter(|(_, sound)| is_silent(sound)).count();
    let all = sounds.len();
    (silent > 0)
        .then(|| format!("silent: {silent} of {all} sounds, in the average of their channels"))
}

fn few_classes(path: &Path, classes: &[String]) -> DataError {
    DataError::unfit(
        path,
        "sounds of at least 2 classes: folders, or names such as 7_jackson_32.wav",
        match classes {
            [] => "none".to_owned(),
            _ => format!("only {}", classes.join(", ")),
        },
        "put the sounds of each class into a folder of its own, or begin their names with the class and `_`",
    )
}

/// `60 WAV files, 16-bit PCM, 8000 Hz, mono`, or how many are what.
fn formats_line(formats: &[(String, usize)]) -> String {
    let all: usize = formats.iter().map(|(_, count)| count).sum();
    match formats {
        [(format, _)] => format!("sounds: {all} WAV files, {format}"),
        _ => {
            let each = formats
                .iter()
                .map(|(format, count)| format!("{count} of {format}"));
            let each = each.collect::<Vec<_>>().join("; ");
            format!("sounds: {all} WAV files: {each}")
        }
    }
}

/// What the name of a sound says.
struct Row {
    class: String,
    group: String,
    /// The training part where there are no parts.
    part: Part,
}

/// The sounds that are used, and what their names say of each.
struct Placed {
    sounds: NamedSounds,
    rows: Vec<Row>,
    parts: Option<PartNames>,
    /// Sounds that are not.
    unused: LeftOut,
}

impl Placed {
    fn new(path: &Path, sounds: NamedSounds) -> Result<Self, DataError> {
        let names: Vec<&str> = sounds.iter().map(|(name, _)| name.as_str()).collect();
        // Names below the folders around all of them.
        let outer = outer_folders(&names);
        let cut = || names.iter().map(|name| &name[outer..]);
        let folders = cut().filter_map(|name| Some(name.split_once('/')?.0));
        let inside = |folder: &str| {
            let below = cut().filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/'));
            let classes = below.filter_map(|name| Some(name.split_once('/')?.0.to_owned()));
            Ok(classes.collect())
        };
        let parts = PartNames::checked(path, folders, inside)?;
        let below = cut().map(|name| match (&parts, name.split_once('/')) {
            (None, _) => Some((name, Part::Train)),
            (Some(parts), Some((folder, rest))) => Some((rest, parts.of(folder)?)),
            _ => None,
        });
        let below: Vec<Option<(&str, Part)>> = below.collect();
        let used: Vec<&str> = below.iter().flatten().map(|(name, _)| *name).collect();
        // Class and group of each that is used; the others are counted.
        let mut places = places(&used).into_iter();
        let row = |below: &Option<(&str, Part)>| {
            let (_, part) = below.ok_or("sounds of no part that is used")?;
            let place = places.next().flatten();
            let (class, group) = place.ok_or("sounds in no class folder")?;
            Ok(Row { class, group, part })
        };
        let rows: Vec<Result<Row, &str>> = below.iter().map(row).collect();
        let mut unused = LeftOut::default();
        let reasons = rows.iter().filter_map(|row| row.as_ref().err());
        for reason in reasons {
            unused.count(reason);
        }
        let kept = sounds.into_iter().zip(rows);
        let (sounds, rows) = kept
            .filter_map(|(sound, row)| Some((sound, row.ok()?)))
            .unzip();
        Ok(Self {
            sounds,
            rows,
            parts,
            unused,
        })
    }
}

/// Sounds to evaluate on, the class of each, and what there is to say: those of a test part, or all.
pub(super) fn evaluated_sounds(
    path: &Path,
) -> Result<(NamedSounds, Vec<String>, Vec<String>), DataError> {
    let LoadedSounds {
        sounds, left_out, ..
    } = LoadedSounds::read(path)?;
    let placed = Placed::new(path, sounds)?;
    let mut notes = Vec::new();
    if let Some(parts) = &placed.parts {
        notes.push(format!("rows: those of the folder {}", parts.test));
    }
    let mut unused = placed.unused;
    unused.merge(&left_out);
    if !unused.is_empty() {
        notes.push(format!("left out: {unused}"));
    }
    let rows = placed.sounds.into_iter().zip(placed.rows);
    let used = rows.filter(|(_, row)| row.part == Part::Test || placed.parts.is_none());
    let (sounds, classes): (NamedSounds, Vec<String>) =
        used.map(|(sound, row)| (sound, row.class)).unzip();
    if sounds.is_empty() {
        return Err(few_classes(path, &[]));
    }
    Ok((sounds, classes, notes))
}

/// How long the folders around all names are, as in an archive of one folder.
fn outer_folders(names: &[&str]) -> usize {
    let mut len = 0;
    while let Some((folder, _)) = names.first().and_then(|name| name[len..].split_once('/')) {
        let around = format!("{folder}/");
        if !names.iter().all(|name| name[len..].starts_with(&around)) {
            break;
        }
        len += around.len();
    }
    len
}

/// Class and group of each name; none for one that lies beside the class folders. Folders below a
/// class folder are of its class.
fn places(names: &[&str]) -> Vec<Option<(String, String)>> {
    let cut = |name: &&str| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        (folder.to_owned(), file.to_owned())
    };
    let cut: Vec<(String, String)> = names.iter().map(cut).collect();
    let folders: BTreeSet<&str> = cut.iter().map(|(folder, _)| folder.as_str()).collect();
    let has_folders = folders.len() > 1;
    // The outermost folder that holds sounds itself.
    let class = |folder: &str| {
        let ends = folder.match_indices('/').map(|(at, _)| at);
        let mut ends = ends.chain([folder.len()]);
        let end = ends.find(|end| folders.contains(&folder[..*end]));
        folder[..end.unwrap_or(folder.len())].to_owned()
    };
    let place = |(folder, file): &(String, String)| {
        let mut words = file.split('_').map(str::to_owned);
        let first = words.next().unwrap_or_default();
        if !has_folders {
            return Some((first, words.next().unwrap_or_default()));
        }
        (!folder.is_empty()).then(|| (class(folder), first))
    };
    cut.iter().map(place).collect()
}

/// Which rows are in which part, as their names say.
fn own_parts(rows: &[Row]) -> PartRows {
    let of_part = |part| {
        let all = rows.iter().enumerate();
        let own = all.filter(|(_, row)| row.part == part);
        own.map(|(row, _)| row).collect()
    };
    PartRows {
        train: of_part(Part::Train),
        valid: of_part(Part::Validation),
        test: of_part(Part::Test),
    }
}

/// Their own parts, which leave no choice but that of a validation part, or a split.
fn part_rows(source: &Source<'_>, sounds: &Sounds) -> Result<PartRows, DataError> {
    if let Some(parts) = &sounds.parts {
        source.refuse_split("sounds with their own parts")?;
        let mut parts = parts.clone();
        // Where other files are the test part, a folder named for validation is that part.
        if source.options.test.is_some() && sounds.have_validation_alone {
            parts.valid = std::mem::take(&mut parts.test);
        }
        if !parts.valid.is_empty() {
            source.refuse_valid(!parts.test.is_empty())?;
            return Ok(parts);
        }
        // The validation part, if one is asked for, is drawn from the training part.
        let labels: Vec<u32> = parts.train.iter().map(|&row| sounds.labels[row]).collect();
        let group = |&row: &usize| sounds.groups[row].clone();
        let groups: Vec<String> = parts.train.iter().map(group).collect();
        let held = source.held_out(&labels, &groups)?;
        let of_train = |rows: Vec<usize>| rows.into_iter().map(|row| parts.train[row]).collect();
        return Ok(PartRows {
            train: of_train(held.train),
            valid: of_train(held.valid),
            test: parts.test.clone(),
        });
    }
    source.split_groups(&sounds.labels, &sounds.groups)
}

pub(super) fn sounds(source: &Source<'_>) -> Result<ReadParts, DataError> {
    let sounds = Sounds::read(source.path)?;
    let parts = part_rows(source, &sounds)?;
    let part = |rows: &[usize]| {
        let spectrograms: Vec<_> = rows
            .iter()
            .map(|&row| sounds.spectrograms[row].clone())
            .collect();
        let labels: Vec<u32> = rows.iter().map(|&row| sounds.labels[row]).collect();
        (spectrograms, labels)
    };
    let (train, train_labels) = part(&parts.train);
    // Rows are padded or cropped to the 90th percentile of the training sounds.
    let mut frames: Vec<usize> = train.iter().map(Array2::nrows).collect();
    frames.sort_unstable();
    let frames = frames.get(frames.len() * 9 / 10).copied().unwrap_or(1);
    let classes = sounds.class_names.len();
    let data = SpectrogramDataset::new(&train, frames, train_labels.clone(), classes)?;
    let held_out = |rows: &[usize]| {
        let (spectrograms, labels) = part(rows);
        data.like(&spectrograms, labels)
    };
    let (valid, test) = (parts.valid_part(held_out)?, parts.test_part(held_out)?);
    let settings = SpectrogramSettings::default();
    let rows = RowKind::Sounds {
        settings,
        frames,
        scale: data.standardised_with().clone(),
    };
    let data = data.augmented(source.options.augment.sounds, source.options.seed);
    let mut reading = sounds.reading;
    reading.extend([
        format!("length: {:.1} s in all", sounds.seconds),
        format!(
            "frames: {} of {} log-mel bands, at {} Hz",
            data.frames(),
            data.bands(),
            settings.rate
        ),
    ]);
    Ok(ReadParts {
        about: format!(
            "{}, {} sounds at {} Hz, {:.0} s, as {} frames of {} log-mel bands",
            source.path.display(),
            sounds.labels.len(),
            sounds.rate,
            sounds.seconds,
            data.frames(),
            data.bands()
        ),
        reading,
        images: None,
        train: Box::new(data),
        valid,
        test,
        class_names: sounds.class_names,
        rows,
        train_classes: Some(train_labels),
        targets: None,
    })
}
