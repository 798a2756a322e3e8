//! Images: MNIST's and CIFAR's files, folders, arrays of bytes. Folders `train`, `test` and `val`
//! are parts.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::{
    Augmented, DataError, ImageDataset, ImageKinds, LeftOut, LoadedImages, RowKind, listed,
};

use super::part_folders::{innermost, part_names};
use super::reading::classes_line;
use super::{LoadSettings, Loaded};

/// Reads a folder of class folders.
type Reader<'r> = dyn Fn(&(dyn Fn(usize) + Sync)) -> Result<LoadedImages, DataError> + 'r;

/// What `read` reads, with a bar while images are decoded.
fn with_bar(read: &Reader<'_>) -> Result<LoadedImages, DataError> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("decoding {bar:30} {pos} of {len} images, {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    let loaded = read(&|all| {
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

    pub(super) fn image_folder(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let inside = innermost(path)?;
        let Some(parts) = part_names(&inside)? else {
            let loaded = with_bar(&|bar| self.images.read(&inside, bar))?;
            let reading = reading(&[&loaded]);
            let LoadedImages {
                images,
                class_names,
                ..
            } = loaded;
            let (train, test) = self.split(images.class_labels(), (path, seed))?;
            let parts = [images.subset(&train), images.subset(&test)];
            let loaded = self.image_parts(parts, (path, seed), class_names)?;
            return Ok(loaded.with_lines(reading));
        };
        let train = with_bar(&|bar| self.images.read(&inside.join(&parts.train), bar))?;
        let test = with_bar(&|bar| self.images.read_part(&inside.join(&parts.test), bar))?;
        let mut reading = reading(&[&train, &test]);
        reading.insert(0, parts.line());
        let known = |name: &String| {
            let place = train.class_names.iter().position(|known| known == name);
            place.map(|place| place as u32)
        };
        let classes: Option<Vec<u32>> = test.class_names.iter().map(known).collect();
        let Some(classes) = classes else {
            let unknown = test.class_names.iter().filter(|name| known(name).is_none());
            return Err(DataError::unfit(
                &inside.join(&parts.test),
                format!(
                    "only the training's classes, {}",
                    listed(&train.class_names)
                ),
                listed(unknown),
                "give these folders the names of training classes, or take them away",
            ));
        };
        let test = test.images.relabelled(&classes, train.class_names.len());
        let parts = [train.images, test];
        let loaded = self.image_parts(parts, (path, seed), train.class_names)?;
        Ok(loaded.with_lines(reading))
    }

    pub(super) fn image_parts(
        &self,
        [train, test]: [ImageDataset; 2],
        (path, seed): (&Path, u64),
        class_names: Vec<String>,
    ) -> Result<Loaded, DataError> {
        if train.shape() != test.shape() {
            let size = |part: &ImageDataset| {
                let shape = part.shape();
                format!("{} x {} x {}", shape.height, shape.width, shape.channels)
            };
            return Err(DataError::unfit(
                path,
                format!("test images of {} like those for training", size(&train)),
                size(&test),
                "bring all to one size, for folders of images with --image-size",
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

/// What was read of the folders of all parts.
fn reading(parts: &[&LoadedImages]) -> Vec<String> {
    let (mut kinds, mut left_out) = (ImageKinds::default(), LeftOut::default());
    for part in parts {
        kinds.add(&part.kinds);
        left_out.merge(&part.left_out);
    }
    let count = |of: fn(&LoadedImages) -> usize| parts.iter().map(|part| of(part)).sum::<usize>();
    let mut lines = vec![
        format!("files: {kinds}"),
        classes_line(&parts[0].class_names),
    ];
    match count(|part| part.nested) {
        0 => {}
        some => lines.push(format!(
            "nested: {some} files in folders below their class's folder"
        )),
    }
    match count(|part| part.skipped.len()) {
        0 => {}
        some => lines.push(format!("skipped: {some} images that cannot be read")),
    }
    if !left_out.is_empty() {
        lines.push(format!("left out: {left_out}"));
    }
    lines
}
