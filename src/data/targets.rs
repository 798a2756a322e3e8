//! Labels: whether they are classes, values or label sets, and what to do where there is none.
//!
//! # Why this way
//! Numbers that measure something, such as a price or an age, can be made into classes, one for
//! each value, and a model of them learns nothing of use. They are told from classes by what they
//! are: fractions, or many different whole numbers that neither run from 0 or 1 without a gap nor
//! come about equally often. That is said, and who means the other says so.
//!
//! A label is a text. Two texts of one number, such as `9` and `9.0`, are one class where all
//! labels are written as a program writes numbers; where one is not, such as `1.10` or `02134`,
//! they are versions, codes or names, and each text is a class of its own. Either is said.

use std::collections::BTreeMap;
use std::path::Path;

use super::cells::column_called;
use super::error::DataError;
use super::rounding::DOUBLES;

/// Different whole numbers that may be classes whatever they are.
const FEW: usize = 20;

/// Different fractions that may be classes.
const FEW_FRACTIONS: usize = 10;

/// How many times as often as the rarest the most frequent of many classes may come.
const UNEVEN: usize = 20;

/// The treatment of rows without a label.
///
/// ```
/// use unisono::data::{MissingLabels, TableOptions};
/// let read = |missing_labels| {
///     let options = TableOptions { missing_labels, ..TableOptions::default() };
///     options.parse(b"size,kind\n1,cat\n2,\n3,dog\n", "pets.csv".as_ref())
/// };
/// assert!(read(MissingLabels::Refuse).is_err());
/// assert_eq!(read(MissingLabels::Drop)?.labels(), [0, 1]);
/// assert_eq!(read(MissingLabels::Class)?.classes().len(), 3);
/// # Ok::<(), unisono::data::DataError>(())
/// ```
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
///
/// ```
/// use unisono::data::{Header, TableOptions, Target};
/// let read = |target| {
///     let options = TableOptions { target, header: Header::No, ..TableOptions::default() };
///     options.parse(b"0.1,7\n0.2,8\n0.3,7\n", "numbers.csv".as_ref())
/// };
/// let (classes, values) = (read(Target::Classes)?, read(Target::Values)?);
/// assert_eq!((classes.classes().len(), classes.labels()), (2, &[0, 1, 0][..]));
/// assert_eq!(values.targets().map(|targets| targets.dim()), Some((3, 1))); // the first line too
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Classes, or values where they look like those of a regression.
    #[default]
    Auto,
    /// Classes, each different label one.
    Classes,
    /// Values of a regression.
    Values,
    /// Labels of which a row has any number: columns of 0 and 1.
    Labels,
}

/// What says that there is no label, in small letters or capitals.
const MISSING: [&str; 9] = ["", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "?"];

/// The same, in these letters alone.
const NONE: &str = "None";

/// Whether a cell says that there is no label.
pub(super) fn is_missing_label(cell: &str) -> bool {
    cell == NONE || MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// Cells that say so, as programs write them.
pub(super) fn missing_labels() -> impl Iterator<Item = String> {
    let capitals = MISSING.map(str::to_uppercase).into_iter();
    let first = ["Na", "Null", "Nan", "NaN", "-NaN", NONE].map(str::to_owned);
    let small = MISSING.map(str::to_owned).into_iter();
    small.chain(capitals).chain(first)
}

/// A label as a number that doubles tell from its neighbours; others are names.
pub(super) fn exact_number(label: &str) -> Option<f64> {
    label
        .parse()
        .ok()
        .filter(|value: &f64| value.abs() < DOUBLES)
}

/// Whether a label is written as a program writes its number: `7`, `7.0`, `0.5`.
pub(super) fn is_plain(label: &str) -> bool {
    let plain = exact_number(label).map(|value| value.to_string());
    plain.is_some_and(|plain| label.strip_suffix(".0").unwrap_or(label) == plain)
}

/// Whether a label begins as numbers do not, but codes do: `02134`.
fn is_code(label: &str) -> bool {
    let mut letters = label.bytes();
    letters.next() == Some(b'0') && letters.next().is_some_and(|next| next.is_ascii_digit())
}

/// Why labels are values of a regression, if they look like some; labels that are neither such
/// values nor classes are refused.
pub(super) fn measured(
    labels: &[&str],
    name: &str,
    path: &Path,
) -> Result<Option<String>, DataError> {
    let numbers: Option<Vec<f64>> = labels.iter().map(|label| exact_number(label)).collect();
    let has_codes = labels.iter().any(|label| is_code(label));
    if let Some(numbers) = numbers.filter(|_| !has_codes) {
        return Ok(measured_numbers(&numbers));
    }
    let mut different = labels.to_vec();
    different.sort_unstable();
    different.dedup();
    let (count, rows) = (different.len(), labels.len());
    if count <= FEW || 2 * count <= rows {
        return Ok(None);
    }
    Err(DataError::unfit(
        path,
        format!("labels of classes in {}", column_called(name)),
        format!("{count} different texts in {rows} rows"),
        "`label` COLUMN names another column, `task` classify takes each text for a class",
    ))
}

/// Why numbers are values of a regression, if they measure something.
pub(crate) fn measured_numbers(labels: &[f64]) -> Option<String> {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Each different number, and how often it comes.
    let groups: Vec<(f64, usize)> = sorted
        .chunk_by(|one, other| one == other)
        .map(|group| (group[0], group.len()))
        .collect();
    let (&(least, _), &(most, _)) = (groups.first()?, groups.last()?);
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
    let kind = if are_whole {
        "whole numbers"
    } else {
        "real numbers"
    };
    is_doubtful.then(|| {
        format!(
            "{count} different {kind} from {least} to {most} in {rows} rows, as of a regression; `task` classify takes each for a class"
        )
    })
}

/// The different labels, in order of their numbers if all of them are numbers, else of the
/// alphabet.
struct Different<'l> {
    texts: Vec<&'l str>,
    /// Their numbers, if all are numbers.
    numbers: Option<Vec<f64>>,
    /// Whether those of one number are one class.
    is_joined: bool,
}

impl<'l> Different<'l> {
    fn of(labels: &[&'l str]) -> Self {
        let mut texts = labels.to_vec();
        texts.sort_unstable();
        texts.dedup();
        let numbers: Option<Vec<f64>> = texts.iter().map(|text| exact_number(text)).collect();
        let Some(numbers) = numbers else {
            return Self {
                texts,
                numbers: None,
                is_joined: false,
            };
        };
        let mut pairs: Vec<(f64, &str)> = numbers.into_iter().zip(texts).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (numbers, texts): (Vec<f64>, Vec<&str>) = pairs.into_iter().unzip();
        Self {
            is_joined: texts.iter().all(|text| is_plain(text)),
            numbers: Some(numbers),
            texts,
        }
    }

    /// Whether a label has the number of the one before it.
    fn repeats(&self, at: usize) -> bool {
        let numbers = self.numbers.as_deref().unwrap_or_default();
        at > 0
            && numbers
                .get(at - 1..=at)
                .is_some_and(|pair| pair[0] == pair[1])
    }
}

/// The classes, and each label's place among them.
pub(super) fn numbered(labels: &[&str]) -> (Vec<String>, Vec<u32>) {
    let different = Different::of(labels);
    let (mut names, mut places) = (Vec::<String>::new(), BTreeMap::new());
    for (at, text) in different.texts.iter().enumerate() {
        if !(different.is_joined && different.repeats(at)) {
            names.push((*text).to_owned());
        }
        places.insert(*text, names.len() as u32 - 1);
    }
    (names, labels.iter().map(|label| places[label]).collect())
}

/// What is said of labels that are one number and different texts.
pub(super) fn alike(labels: &[&str]) -> Option<String> {
    let different = Different::of(labels);
    let again = (0..different.texts.len()).filter(|at| different.repeats(*at));
    let again: Vec<usize> = again.collect();
    let first = *again.first()?;
    let (one, other) = (different.texts[first - 1], different.texts[first]);
    let more = match again.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(match different.is_joined {
        true => format!("labels: {one} and {other}{more} are one class, as they are one number"),
        false => format!(
            "labels: {one} and {other}{more} are different classes, as they are different texts of one number"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_measure_are_told_from_classes() {
        let accepts = |labels: Vec<f64>| measured_numbers(&labels).is_none();
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
    fn texts_of_one_number_are_classes_of_their_own_unless_all_are_plain_numbers() {
        for labels in [
            &["1.1", "1.10", "1.2"][..],
            &["02134", "10001", "2134"],
            &["+1", "1", "2"],
            &["1e3", "1000"],
        ] {
            let (classes, places) = numbered(labels);
            assert_eq!(classes.len(), labels.len(), "{classes:?}");
            let said: Vec<&str> = places.iter().map(|&at| &*classes[at as usize]).collect();
            assert_eq!(said, labels);
            assert!(alike(labels).unwrap().contains("are different classes"));
        }
        // They are in order of their numbers all the same.
        assert_eq!(numbered(&["10.50", "2.50"]).0, ["2.50", "10.50"]);
        assert_eq!(alike(&["10.50", "2.50"]), None);
        let said = alike(&["10", "9", "9.0", "-0", "0"]).unwrap();
        assert_eq!(
            said,
            "labels: -0 and 0 and 1 more are one class, as they are one number"
        );
        assert_eq!(alike(&["a", "b"]), None);
    }

    #[test]
    fn codes_with_a_zero_before_them_measure_nothing() {
        let codes: Vec<String> = (0..100).map(|at| format!("{:05}", at % 30 * 71)).collect();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        let of = |codes: &[&str]| measured(codes, "zip", "t.csv".as_ref()).unwrap();
        assert_eq!(of(&codes), None);
        let numbers: Vec<&str> = codes
            .iter()
            .map(|code| code.trim_start_matches('0'))
            .collect();
        let numbers: Vec<&str> = numbers
            .into_iter()
            .filter(|code| !code.is_empty())
            .collect();
        assert!(of(&numbers).is_some());
    }

    #[test]
    fn many_texts_are_names_of_rows_and_no_classes() {
        let names: Vec<String> = (0..50).map(|i| format!("row {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = measured(&names, "Name", "t.csv".as_ref()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("50 different texts in 50 rows; `label`"),
            "{text}"
        );
        assert!(measured(&names[..3], "Name", "t.csv".as_ref()).is_ok());
    }
}
