//! Images: MNIST's and CIFAR's files, folders, arrays of bytes.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::{Augmented, DataError, ImageDataset, ImageFolder, LoadedImages, RowKind};

use super::{LoadSettings, Loaded};

/// A folder of class folders, with a bar while images are decoded.
pub(super) fn read_folder(how: &ImageFolder, path: &Path) -> Result<LoadedImages, DataError> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("decoding {bar:30} {pos} of {len} images, {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    let loaded = how.read(path, &|all| {
        bar.set_length(all as u64);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let loaded = loaded?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    for skipped in loaded.skipped.iter().take(10) {
        eprintln!("warning: skipped: {skipped}");
    }
    if !loaded.skipped.is_empty() {
        eprintln!("warning: skipped {} images in all", loaded.skipped.len());
    }
    Ok(loaded)
}

impl LoadSettings {
    pub(super) fn idx_folder(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let part = |name| ImageDataset::from_idx_folder(path, name);
        let (train, test) = (part("train")?, part("t10k")?);
        let most = |part: &ImageDataset| part.class_labels().iter().max().copied().unwrap_or(0);
        let classes = most(&train).max(most(&test)) as usize + 1;
        let parts = [
            train.with_num_classes(classes)?,
            test.with_num_classes(classes)?,
        ];
        self.image_parts(parts, (path, seed), Vec::new())
    }

    pub(super) fn cifar_folder(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let parts = ImageDataset::from_cifar_folder(path)?;
        self.image_parts(parts, (path, seed), Vec::new())
    }

    pub(super) fn image_folder(
        &self,
        path: &Path,
        has_parts: bool,
        seed: u64,
    ) -> Result<Loaded, DataError> {
        if has_parts {
            let (train, test) = (
                read_folder(&self.images, &path.join("train"))?,
                read_folder(&self.images, &path.join("test"))?,
            );
            if train.class_names != test.class_names {
                return Err(DataError::format(
                    &path.join("test"),
                    format!("the classes {}", train.class_names.join(", ")),
                    test.class_names.join(", "),
                ));
            }
            return self.image_parts([train.images, test.images], (path, seed), train.class_names);
        }
        let LoadedImages {
            images,
            class_names,
            ..
        } = read_folder(&self.images, path)?;
        let (train, test) = self.split(images.class_labels(), (path, seed))?;
        let parts = [images.subset(&train), images.subset(&test)];
        self.image_parts(parts, (path, seed), class_names)
    }

    pub(super) fn image_parts(
        &self,
        [train, test]: [ImageDataset; 2],
        (path, seed): (&Path, u64),
        class_names: Vec<String>,
    ) -> Result<Loaded, DataError> {
        if train.shape() != test.shape() {
            return Err(DataError::format(
                path,
                format!("test images of {:?} like those for training", train.shape()),
                format!("{:?}", test.shape()),
            ));
        }
        let statistics = train.statistics();
        let shape = train.shape();
        let labels = train.class_labels().to_vec();
        let images = train.clone();
        let train = Augmented::new(train.standardised(&statistics), self.changes.images, seed)?;
        Ok(Loaded {
            data: [Box::new(train), Box::new(test.standardised(&statistics))],
            about: format!(
                "{}, images of {} x {} x {}, means {:.4?} and deviations {:.4?} taken from the training part",
                path.display(),
                shape.height,
                shape.width,
                shape.channels,
                statistics.means,
                statistics.deviations
            ),
            class_names,
            reading: vec![
                format!(
                    "images: {} x {} x {} (height, width, channels)",
                    shape.height, shape.width, shape.channels
                ),
                format!("mean: {:?}", statistics.means),
                format!("deviation: {:?}", statistics.deviations),
            ],
            images: Some(images),
            rows: RowKind::Images { shape, statistics },
            train_classes: Some(labels),
        })
    }
}
