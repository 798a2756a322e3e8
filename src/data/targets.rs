//! Labels: whether they are classes, and what to do where there is none.
//!
//! # Why this way
//! Numbers that measure something, such as a price or an age, can be made into classes, one for
//! each value, and a model of them learns nothing of use. They are told from classes by what they
//! are: fractions, or many different whole numbers that neither run from 0 or 1 without a gap nor
//! come about equally often. Who means classes says so.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::DataError;

/// Different whole numbers that may be classes whatever they are.
const FEW: usize = 20;

/// Different fractions that may be classes.
const FEW_FRACTIONS: usize = 10;

/// How many times as often as the rarest the most frequent of many classes may come.
const UNEVEN: usize = 20;

/// The treatment of rows without a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingLabels {
    /// The table is refused.
    #[default]
    Refuse,
    /// They are left out.
    Drop,
    /// What stands there is a class like others.
    Class,
}

/// The kind of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Classes, unless they look like values of a regression.
    #[default]
    Auto,
    /// Classes, each different label one.
    Classes,
}

/// Whether a cell says that there is no label.
pub(super) fn is_missing_label(cell: &str) -> bool {
    let words = ["", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "?"];
    cell == "None" || words.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// From this whole number on, 2^53, doubles no longer tell every two apart.
pub(super) const INEXACT: f64 = 9_007_199_254_740_992.0;

/// A label as a number that doubles tell from its neighbours; others are names.
fn exact_number(label: &str) -> Option<f64> {
    label
        .parse()
        .ok()
        .filter(|value: &f64| value.abs() < INEXACT)
}

/// Refuses labels that are no classes.
pub(super) fn refuse_targets(labels: &[&str], name: &str, path: &Path) -> Result<(), DataError> {
    let numbers: Option<Vec<f64>> = labels.iter().map(|label| exact_number(label)).collect();
    if let Some(numbers) = numbers {
        return refuse_numbers(&numbers, &format!("column {name}"), path);
    }
    let mut different = labels.to_vec();
    different.sort_unstable();
    different.dedup();
    let (count, rows) = (different.len(), labels.len());
    if count <= FEW || 2 * count <= rows {
        return Ok(());
    }
    Err(DataError::unfit(
        path,
        format!("labels of classes in column {name}"),
        format!("{count} different texts in {rows} rows"),
        "`label` COLUMN names another column, `target` classes takes each text for a class",
    ))
}

/// Refuses numbers that measure something; `place` says where they stand.
pub(crate) fn refuse_numbers(labels: &[f64], place: &str, path: &Path) -> Result<(), DataError> {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Each different number, and how often it comes.
    let groups: Vec<(f64, usize)> = sorted
        .chunk_by(|one, other| one == other)
        .map(|group| (group[0], group.len()))
        .collect();
    let (Some(&(least, _)), Some(&(most, _))) = (groups.first(), groups.last()) else {
        return Ok(());
    };
    let (count, rows) = (groups.len(), labels.len());
    let are_whole = groups.iter().all(|(value, _)| value.fract() == 0.0);
    // Whole numbers may be many, if they run without a gap and come about equally often.
    let is_doubtful = if are_whole {
        let has_no_gap = (least == 0.0 || least == 1.0) && most - least + 1.0 == count as f64;
        let counts = groups.iter().map(|(_, count)| *count);
        let rarest = counts.clone().min().unwrap_or(0);
        let is_even = has_no_gap && UNEVEN * rarest >= counts.max().unwrap_or(0);
        count > FEW && !is_even || rows >= 10 && count > 2 && 2 * count > rows
    } else {
        count > FEW_FRACTIONS || 2 * count > rows
    };
    if !is_doubtful {
        return Ok(());
    }
    let kind = if are_whole {
        "whole numbers"
    } else {
        "real numbers"
    };
    Err(DataError::unfit(
        path,
        format!("labels of classes in {place}"),
        format!(
            "{count} different {kind} from {least} to {most} in {rows} rows, as of a regression"
        ),
        "regression is not built yet: `label` COLUMN names another column of a table, `target` classes takes each number for a class",
    ))
}

/// The classes, in order of their numbers if all of them are numbers (equal ones are one class),
/// else of the alphabet; and each label's place among them.
pub(super) fn numbered(labels: &[&str]) -> (Vec<String>, Vec<u32>) {
    let mut classes: Vec<&str> = labels.to_vec();
    classes.sort_unstable();
    classes.dedup();
    let numbers: Option<Vec<f64>> = classes.iter().map(|class| exact_number(class)).collect();
    let Some(numbers) = numbers else {
        let places: BTreeMap<&str, u32> = classes.iter().copied().zip(0..).collect();
        let labels = labels.iter().map(|label| places[label]).collect();
        return (classes.into_iter().map(str::to_owned).collect(), labels);
    };
    let mut pairs: Vec<(f64, &str)> = numbers.into_iter().zip(classes).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut names, mut places) = (Vec::<String>::new(), BTreeMap::new());
    let mut last = None;
    for (number, class) in pairs {
        if last != Some(number) {
            names.push(class.to_owned());
            last = Some(number);
        }
        places.insert(class, names.len() as u32 - 1);
    }
    (names, labels.iter().map(|label| places[label]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_measure_are_told_from_classes() {
        let accepts = |labels: Vec<f64>| refuse_numbers(&labels, "y", "t".as_ref()).is_ok();
        let of = |count: usize, value: fn(usize) -> f64| (0..count).map(value).collect();
        // Ten digits, a hundred even classes, stars in halves.
        assert!(accepts(of(1000, |i| (i % 10) as f64)));
        assert!(accepts(of(1000, |i| (i % 100) as f64)));
        assert!(accepts(of(1000, |i| (i % 9) as f64 / 2.0)));
        assert!(accepts(vec![0.0, 1.0, 1.0]));
        // Prices, ages, counts that are mostly small.
        assert!(!accepts(of(1000, |i| i as f64 * 0.37)));
        assert!(!accepts(of(1000, |i| (20 + i % 60) as f64)));
        assert!(!accepts(of(1000, |i| (1000 / (i + 1)) as f64)));
        assert!(!accepts(of(12, |i| (3 * i) as f64)));
    }

    #[test]
    fn labels_that_doubles_do_not_tell_apart_are_names() {
        let labels = ["9007199254740993", "9007199254740992", "9007199254740993"];
        let (classes, places) = numbered(&labels);
        assert_eq!(classes, ["9007199254740992", "9007199254740993"]);
        assert_eq!(places, [1, 0, 1]);
        // Below that they are numbers, however they are written.
        assert_eq!(numbered(&["10", "9", "9.0"]).1, [1, 0, 0]);
    }

    #[test]
    fn many_texts_are_names_of_rows_and_no_classes() {
        let names: Vec<String> = (0..50).map(|i| format!("row {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = refuse_targets(&names, "Name", "t.csv".as_ref()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("50 different texts in 50 rows; `label`"),
            "{text}"
        );
        assert!(refuse_targets(&names[..3], "Name", "t.csv".as_ref()).is_ok());
    }
}
