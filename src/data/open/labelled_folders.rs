//! Labelled images and sounds of other folders.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::files::has_end;
use crate::data::image_folder::ImageFolder;
use crate::data::images::{ChannelStatistics, ImageDataset, ImageShape};
use crate::data::preparation::Preparation;
use crate::data::scale::Standardizer;
use crate::data::spectrogram_settings::SpectrogramSettings;
use crate::data::speech::SpectrogramDataset;
use crate::data::unlabelled::PredictInput;

use super::kind::DataKind;
use super::known_classes::KnownClasses;
use super::labelled_arrays;
use super::options::DataOptions;
use super::part_folders::{innermost, part_names};
use super::sounds::evaluated_sounds;

pub(super) fn images(
    preparation: &Preparation,
    path: &Path,
    shape: ImageShape,
    statistics: &ChannelStatistics,
) -> Result<PredictInput, DataError> {
    let kind = match has_end(path, &[".npz"]) {
        true => DataKind::Npz,
        false => DataKind::of(path, &DataOptions::default())?,
    };
    let (images, notes) = match kind {
        DataKind::Npz | DataKind::NpyFolder => labelled_arrays::images(preparation, path, shape)?,
        DataKind::IdxFolder => {
            let images = ImageDataset::from_idx_folder(path, "t10k")?;
            (numbered(preparation, images, shape, path)?, Vec::new())
        }
        DataKind::CifarFolder => {
            let [_, images] = ImageDataset::from_cifar_folder(path)?;
            (numbered(preparation, images, shape, path)?, Vec::new())
        }
        DataKind::ImageFolder { .. } => class_folders(preparation, path, shape)?,
        other => {
            return Err(DataError::unfit(
                path,
                "labelled images: a folder for each class, or arrays x and y",
                other.name(),
                "give such a folder, or a .npz with both",
            ));
        }
    };
    Ok(PredictInput::labelled(
        images.standardised(statistics),
        notes,
    ))
}

/// Images whose classes are the numbers in their files.
fn numbered(
    preparation: &Preparation,
    images: ImageDataset,
    shape: ImageShape,
    path: &Path,
) -> Result<ImageDataset, DataError> {
    if images.shape() != shape {
        let size = |of: ImageShape| format!("{} x {} x {}", of.height, of.width, of.channels);
        let expected = format!("images of {} as in the training", size(shape));
        let remedy = "give images of this size";
        return Err(DataError::unfit(
            path,
            expected,
            size(images.shape()),
            remedy,
        ));
    }
    let known = KnownClasses::of(preparation);
    let labels = images.class_labels().iter();
    known.of_rows(
        labels.map(|&class| (known.numbered(class.into()), class)),
        path,
    )?;
    images.with_num_classes(preparation.num_classes)
}

/// Images in folders whose names are classes, brought to the size of the training's.
fn class_folders(
    preparation: &Preparation,
    path: &Path,
    shape: ImageShape,
) -> Result<(ImageDataset, Vec<String>), DataError> {
    let mut folder = innermost(path)?;
    let mut notes = Vec::new();
    if let Some(parts) = part_names(&folder)? {
        notes.push(format!("rows: those of the folder {}", parts.test));
        folder = folder.join(parts.test);
    }
    let how = ImageFolder {
        size: Some((shape.height, shape.width)),
        is_grey: shape.channels == 1,
        ..ImageFolder::default()
    };
    let loaded = how.read_part(&folder, &|_| ())?;
    let known = KnownClasses::of(preparation);
    let classes: Vec<Option<u32>> = loaded
        .class_names
        .iter()
        .map(|name| known.named(name))
        .collect();
    let labels = loaded.images.class_labels().iter();
    let rows = labels.map(|&class| (classes[class as usize], &loaded.class_names[class as usize]));
    known.of_rows(rows, &folder)?;
    let classes: Vec<u32> = classes.into_iter().flatten().collect();
    if !loaded.left_out.is_empty() {
        notes.push(format!("left out: {}", loaded.left_out));
    }
    let images = loaded.images.relabelled(&classes, preparation.num_classes);
    Ok((images, notes))
}

pub(super) fn sounds(
    preparation: &Preparation,
    path: &Path,
    settings: SpectrogramSettings,
    frames: usize,
    scale: &Standardizer,
) -> Result<PredictInput, DataError> {
    let (sounds, names, notes) = evaluated_sounds(path)?;
    let known = KnownClasses::of(preparation);
    let rows = names.iter().map(|name| (known.named(name), name));
    let classes = known.of_rows(rows, path)?;
    let spectrograms = settings.log_mels(&sounds);
    let data = SpectrogramDataset::scaled(
        &spectrograms,
        frames,
        classes,
        preparation.num_classes,
        scale.clone(),
    )?;
    Ok(PredictInput::labelled(data, notes))
}
