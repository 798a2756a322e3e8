//! Data that were opened: training, validation and test part, and facts about them.

use std::fmt;

use crate::data::dataset::{Dataset, Labels};
use crate::data::images::ImageDataset;
use crate::data::listed::listed;
use crate::data::preparation::{Preparation, RowKind};
use crate::data::real_targets::RealTargets;
use crate::data::sampler::Sampling;

use super::kind::DataKind;

/// The parts of what lies at a path, and what there is to say of them.
///
/// ```
/// use unisono::data::{DataKind, DataOptions, open};
/// let path = std::env::temp_dir().join(format!("unisono-opened-{}.csv", std::process::id()));
/// let rows: String = (0..20).map(|row| format!("{row},{}\n", ["a", "b"][row % 2])).collect();
/// std::fs::write(&path, rows).unwrap();
/// let opened = open(&path, &DataOptions::default())?;
/// assert_eq!((opened.kind, opened.train.len(), opened.test.len()), (DataKind::Table, 18, 2));
/// assert_eq!(opened.class_counts(), [("a".to_owned(), 10), ("b".to_owned(), 10)]);
/// assert_eq!(opened.balance().as_deref(), Some("2, of 9 to 9 training rows"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[non_exhaustive]
pub struct Opened {
    /// What lies there.
    pub kind: DataKind,
    /// The training part, augmented as the options say.
    pub train: Box<dyn Dataset>,
    /// The validation part, if one was asked for: what is chosen while training is chosen by it.
    pub valid: Option<Box<dyn Dataset>>,
    /// The test part.
    pub test: Box<dyn Dataset>,
    /// How other files become such rows, and what the classes are.
    pub preparation: Preparation,
    /// How an epoch draws training rows.
    pub sampling: Sampling,
    /// The class of each training row, where it has one.
    pub train_classes: Option<Vec<u32>>,
    /// The images of the training part as they are in the files, if it has some.
    pub images: Option<ImageDataset>,
    /// The number of each test row among all rows, from 0 in the order in which they were read;
    /// nothing where the test part has files of its own.
    pub test_rows: Vec<usize>,
    /// The data in a line.
    pub about: String,
    /// What was read, and what was left out: `key: value` each.
    pub reading: Vec<String>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Opened")
            .field("kind", &self.kind)
            .field("about", &self.about)
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// How many training rows the smallest and the largest class have, in words.
    pub fn balance(&self) -> Option<String> {
        let classes = self.train_classes.as_ref()?;
        let num_classes = count_classes(classes, &self.preparation.class_names);
        let mut counts = vec![0_usize; num_classes];
        for &class in classes {
            counts[class as usize] += 1;
        }
        let (least, most) = (counts.iter().min()?, counts.iter().max()?);
        Some(format!("{num_classes}, of {least} to {most} training rows"))
    }

    /// Name and rows of each class, in all parts together; nothing where rows have no class each.
    pub fn class_counts(&self) -> Vec<(String, usize)> {
        let Labels::Classes(num_classes) = self.train.labels() else {
            return Vec::new();
        };
        let mut counts = vec![0; num_classes];
        for part in [&self.train, &self.test].into_iter().chain(&self.valid) {
            for class in classes_of(&**part) {
                counts[class as usize] += 1;
            }
        }
        let named = |(class, count)| (self.preparation.class(class), count);
        counts.into_iter().enumerate().map(named).collect()
    }

    /// Name and rows of each label, in all parts together, where rows have any number of them.
    pub fn label_counts(&self) -> Vec<(String, usize)> {
        let (Labels::Values(width), true) = (self.train.labels(), self.preparation.is_multi_label)
        else {
            return Vec::new();
        };
        let mut counts = vec![0; width];
        for part in [&self.train, &self.test].into_iter().chain(&self.valid) {
            let rows: Vec<u32> = (0..part.len() as u32).collect();
            let mut values = vec![0.0; rows.len() * width];
            part.gather_values(&rows, &mut values);
            for (at, value) in values.iter().enumerate() {
                counts[at % width] += usize::from(*value > 0.5);
            }
        }
        let named = |(label, count)| (self.preparation.class(label), count);
        counts.into_iter().enumerate().map(named).collect()
    }
}

/// Classes of training rows: those that have a name, or come up.
pub(super) fn count_classes(classes: &[u32], names: &[String]) -> usize {
    let most = classes.iter().max();
    most.map_or(0, |&most| most as usize + 1).max(names.len())
}

/// The class of each row.
pub(super) fn classes_of(part: &dyn Dataset) -> Vec<u32> {
    let rows: Vec<u32> = (0..part.len() as u32).collect();
    let mut classes = vec![0; rows.len()];
    part.gather_classes(&rows, &mut classes);
    classes
}

/// `labels: 3 classes, a, b, c`.
pub(super) fn classes_line(names: &[String]) -> String {
    format!("labels: {} classes, {}", names.len(), listed(names))
}

/// The parts as a reader gives them.
pub(super) struct ReadParts {
    pub(super) train: Box<dyn Dataset>,
    pub(super) valid: Option<Box<dyn Dataset>>,
    /// None where it is another file.
    pub(super) test: Option<Box<dyn Dataset>>,
    pub(super) about: String,
    /// The names of the classes; none where they are numbers, or tokens.
    pub(super) class_names: Vec<String>,
    /// How other files become such rows.
    pub(super) rows: RowKind,
    pub(super) reading: Vec<String>,
    pub(super) images: Option<ImageDataset>,
    pub(super) train_classes: Option<Vec<u32>>,
    /// The targets of a regression, in the place of classes.
    pub(super) targets: Option<RealTargets>,
}

impl ReadParts {
    /// The same with these lines before its own.
    pub(super) fn with_lines(mut self, mut lines: Vec<String>) -> Self {
        lines.append(&mut self.reading);
        self.reading = lines;
        self
    }
}
