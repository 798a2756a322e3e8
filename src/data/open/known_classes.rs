//! Classes of a training, found again in other files.

use std::collections::HashMap;
use std::path::Path;

use crate::data::error::DataError;
use crate::data::listed::listed;
use crate::data::preparation::Preparation;
use crate::data::targets::{exact_number, is_plain};

/// The classes of a training by their names, or by their numbers where they have no names.
pub(super) struct KnownClasses<'p> {
    preparation: &'p Preparation,
    by_name: HashMap<&'p str, u32>,
    /// Classes whose names are numbers, as a program writes them.
    by_number: Vec<(f64, u32)>,
}

impl<'p> KnownClasses<'p> {
    pub(super) fn of(preparation: &'p Preparation) -> Self {
        let names = preparation.class_names.iter().map(String::as_str);
        let by_name: HashMap<&str, u32> = names.zip(0..).collect();
        let number = |(name, class): (&&str, &u32)| {
            let number = exact_number(name).filter(|_| is_plain(name));
            Some((number?, *class))
        };
        Self {
            by_number: by_name.iter().filter_map(number).collect(),
            by_name,
            preparation,
        }
    }

    /// The class that a text names: `9` and `9.0` are one.
    pub(super) fn named(&self, label: &str) -> Option<u32> {
        let known = self.by_name.get(label).copied();
        known.or_else(|| {
            let number = exact_number(label).filter(|_| is_plain(label));
            self.numbered(number?)
        })
    }

    /// The class that a number is.
    pub(super) fn numbered(&self, label: f64) -> Option<u32> {
        if self.by_name.is_empty() {
            let is_one =
                label.fract() == 0.0 && label >= 0.0 && label < self.preparation.num_classes as f64;
            return is_one.then_some(label as u32);
        }
        let same = self.by_number.iter().find(|(number, _)| *number == label);
        same.map(|(_, class)| *class)
    }

    /// The classes of rows; `rows` gives each row's class, if the training has it, and its label.
    pub(super) fn of_rows<L: ToString>(
        &self,
        rows: impl Iterator<Item = (Option<u32>, L)>,
        path: &Path,
    ) -> Result<Vec<u32>, DataError> {
        let (mut classes, mut unknown, mut count) = (Vec::new(), Vec::new(), 0);
        for (class, label) in rows {
            if let Some(class) = class {
                classes.push(class);
                continue;
            }
            let label = label.to_string();
            count += 1;
            if !unknown.contains(&label) {
                unknown.push(label);
            }
        }
        if unknown.is_empty() {
            return Ok(classes);
        }
        let all = classes.len() + count;
        let known = (0..self.preparation.num_classes).map(|class| self.preparation.class(class));
        Err(DataError::unfit(
            path,
            format!("only classes that the training has: {}", listed(known)),
            format!("{count} of {all} rows of others: {}", listed(&unknown)),
            "take these rows away, or train on rows of these classes too",
        ))
    }
}
