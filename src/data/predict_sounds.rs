//! Recordings as input of predictions, made into rows as those of a training were.

use std::path::Path;

use crate::input;

use super::error::DataError;
use super::files::has_end;
use super::scale::Standardizer;
use super::sound::{NamedSounds, Sound, read_sounds};
use super::spectrogram_settings::SpectrogramSettings;
use super::speech::SpectrogramDataset;
use super::unlabelled::PredictInput;

/// A WAV file, a folder or a tar archive of them.
pub(super) fn sounds(
    path: &Path,
    settings: SpectrogramSettings,
    frames: usize,
    scale: &Standardizer,
) -> Result<PredictInput, DataError> {
    let sounds = if path.is_dir() || has_end(path, &[".tar", ".tar.gz", ".tgz"]) {
        read_sounds(path)?
    } else {
        let bytes = input::read(path).map_err(DataError::io(path))?;
        vec![(path.display().to_string(), Sound::parse(&bytes, path)?)]
    };
    sounds_of(sounds, settings, frames, scale)
}

/// The rows of recordings, by their names.
pub(super) fn sounds_of(
    sounds: NamedSounds,
    settings: SpectrogramSettings,
    frames: usize,
    scale: &Standardizer,
) -> Result<PredictInput, DataError> {
    let spectrograms = settings.log_mels(&sounds);
    let classes = vec![0; sounds.len()];
    let data = SpectrogramDataset::scaled(&spectrograms, frames, classes, 1, scale.clone())?;
    let names = sounds.into_iter().map(|(name, _)| name).collect();
    Ok(PredictInput::of(data, names))
}
