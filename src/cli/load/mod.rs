//! What `--data` and `--augment` mean: a folder with MNIST's four files, a table, or a text.

use std::path::Path;

use ndarray::Axis;

use crate::data::{
    ArrayDataset, Augmentation, Augmented, Column, CsvTable, DataError, Dataset, ImageDataset,
    Standardizer, TextDataset, stratified_split,
};

use super::args::TrainArgs;
use super::config::{ArgError, refused};

/// Training and test part, and what they are.
pub(super) struct Loaded {
    pub(super) data: [Box<dyn Dataset>; 2],
    pub(super) about: String,
}

/// How files are read.
#[derive(Debug)]
pub(super) struct LoadSettings {
    augmentation: Augmentation,
    label: Column,
    test_share: f64,
}

impl LoadSettings {
    pub(super) fn new(args: &TrainArgs) -> Result<Self, ArgError> {
        let share = args.test_share;
        if !(share > 0.0 && share < 1.0) {
            return Err(refused(
                "test-share",
                "above 0 and below 1",
                &share.to_string(),
            ));
        }
        Ok(Self {
            augmentation: augmentation(&args.augment)?,
            label: column(args.label.as_deref()),
            test_share: share,
        })
    }

    /// Reads what lies at `path`; texts are cut into windows of `context` characters.
    pub(super) fn load(&self, path: &Path, context: usize, seed: u64) -> Result<Loaded, DataError> {
        let name = path.to_string_lossy();
        if path.is_dir() {
            self.images(path, seed)
        } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            self.table(path, seed)
        } else {
            self.text(path, context, seed)
        }
    }

    fn text(&self, path: &Path, context: usize, seed: u64) -> Result<Loaded, DataError> {
        let how = (self.test_share, seed);
        let (train, test, vocabulary) = TextDataset::from_file(path, context, how)?;
        Ok(Loaded {
            data: [Box::new(train), Box::new(test)],
            about: format!(
                "{}, {} different characters, windows of {context}",
                path.display(),
                vocabulary.len()
            ),
        })
    }

    fn table(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let table = CsvTable::read(path, &self.label)?;
        let (train, test) = stratified_split(table.labels(), self.test_share, seed);
        let scale = Standardizer::fit(table.values().select(Axis(0), &train).view());
        let part = |rows: &[usize]| -> Result<Box<dyn Dataset>, DataError> {
            let mut values = table.values().select(Axis(0), rows);
            scale.apply(&mut values);
            let labels: Vec<u32> = rows.iter().map(|&row| table.labels()[row]).collect();
            let data = ArrayDataset::classes(values, &labels, table.classes().len())?;
            Ok(Box::new(data))
        };
        Ok(Loaded {
            data: [part(&train)?, part(&test)?],
            about: format!(
                "{}, {} features, classes {}",
                path.display(),
                table.names().len(),
                table.classes().join(", ")
            ),
        })
    }

    fn images(&self, path: &Path, seed: u64) -> Result<Loaded, DataError> {
        let part = |name| ImageDataset::from_idx_folder(path, name);
        let (train, test) = (part("train")?, part("t10k")?);
        let statistics = train.statistics();
        let shape = train.shape();
        let train = Augmented::new(train.standardised(&statistics), self.augmentation, seed)?;
        Ok(Loaded {
            data: [Box::new(train), Box::new(test.standardised(&statistics))],
            about: format!(
                "{}, images of {} x {} x {}, mean {:.4} and deviation {:.4} taken from the training part",
                path.display(),
                shape.height,
                shape.width,
                shape.channels,
                statistics.means[0],
                statistics.deviations[0]
            ),
        })
    }
}

/// A column as it was typed.
pub(super) fn column(label: Option<&str>) -> Column {
    match label {
        None => Column::Last,
        Some(text) => match text.parse() {
            Ok(index) => Column::Index(index),
            Err(_) => Column::Name(text.to_owned()),
        },
    }
}

/// `shift 2 rotate 10 scale 0.1 flip cutout 8`, any of them, or `none`.
fn augmentation(text: &str) -> Result<Augmentation, ArgError> {
    let expected =
        "none, or some of: shift PIXELS, rotate DEGREES, scale SHARE, flip, cutout PIXELS";
    let odd = || refused("augment", expected, text);
    let mut found = Augmentation::default();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|word| word.parse::<f32>().ok())
                .ok_or_else(odd)
        };
        match word {
            "none" => {}
            "flip" => found.flip = true,
            "shift" => found.shift = number()?,
            "rotate" => found.rotate = number()?,
            "scale" => found.scale = number()?,
            "cutout" => found.cutout = number()? as usize,
            _ => return Err(odd()),
        }
    }
    Ok(found)
}
