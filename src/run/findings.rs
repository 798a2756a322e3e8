//! Findings on the test rows, as sections of a run's report: metrics, confusion, wrong rows.

use ndarray::Array2;

use crate::metrics::{ClassMetrics, Classification, MultiLabel};
use crate::report::HtmlReport;

use super::mistakes::{Mistakes, WrongRow};

/// Classes whose confusion is shown as a table.
const MOST_CLASSES: usize = 30;

/// What predictions of the test rows came to.
///
/// ```
/// use unisono::{data::digits, nn::{Network, Sequential}, run::{Findings, Mistakes}};
/// let untrained = Network::new(Sequential::new(64).dense(10), 42)?;
/// let mistakes = Mistakes::of(&untrained, &digits().1, None)?.unwrap();
/// assert!(matches!(Findings::Classes(&mistakes), Findings::Classes(found) if !found.wrong.is_empty()));
/// # Ok::<(), unisono::nn::NnError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Findings<'a> {
    /// Of a classifier.
    Classes(&'a Mistakes),
    /// Of rows with any number of labels.
    Labels(&'a MultiLabel),
}

impl Findings<'_> {
    /// Adds them to a page; classes or labels without a name have a number.
    pub(super) fn show(self, page: &mut HtmlReport, names: &[String]) {
        let name = |class: usize| {
            let known = names.get(class).cloned();
            known.unwrap_or_else(|| class.to_string())
        };
        match self {
            Findings::Classes(found) => {
                metrics(page, &found.metrics, name);
                confusion(page, &found.metrics.confusion, name);
                wrong_rows(page, &found.wrong, name);
            }
            Findings::Labels(found) => labels(page, found, name),
        }
    }
}

/// The metrics of all test rows, and those of each class.
fn metrics(page: &mut HtmlReport, metrics: &Classification, name: impl Fn(usize) -> String) {
    page.heading("Metrics")
        .paragraph("Of the test rows. Means over classes count all classes alike.")
        .facts(metrics.listed());
    by_class(page, "class", &metrics.classes, name);
}

/// The metrics of all labels, and those of each.
fn labels(page: &mut HtmlReport, metrics: &MultiLabel, name: impl Fn(usize) -> String) {
    let subsets = format!("{:.2} %", 100.0 * metrics.subset_accuracy);
    let all = [("all labels right", subsets)].into_iter();
    page.heading("Metrics")
        .paragraph("Of the test rows, each of which has any number of labels. Macro averages count all labels alike, micro averages all labels of all rows.")
        .facts(all.chain(metrics.listed()));
    by_class(page, "label", &metrics.labels, name);
}

/// A line for each class or label.
fn by_class(
    page: &mut HtmlReport,
    what: &str,
    classes: &[ClassMetrics],
    name: impl Fn(usize) -> String,
) {
    let row = |(class, of_class): (usize, &ClassMetrics)| {
        [name(class)].into_iter().chain(of_class.listed()).collect()
    };
    let rows: Vec<Vec<String>> = classes.iter().enumerate().map(row).collect();
    let head: Vec<&str> = [what]
        .into_iter()
        .chain(ClassMetrics::NAMES.iter().copied())
        .collect();
    page.table(&head, &rows);
}

/// The matrix, if it can be looked at.
fn confusion(page: &mut HtmlReport, confusion: &Array2<usize>, name: impl Fn(usize) -> String) {
    let classes = confusion.nrows();
    if classes > MOST_CLASSES {
        return;
    }
    let head: Vec<String> = (0..classes).map(&name).collect();
    let head: Vec<&str> = [""]
        .into_iter()
        .chain(head.iter().map(String::as_str))
        .chain(["recall"])
        .collect();
    let right = |class: usize, all: usize| match all {
        0 => "none".to_owned(),
        all => format!(
            "{:.1} %",
            100.0 * confusion[(class, class)] as f64 / all as f64
        ),
    };
    let row = |class: usize| {
        let counts = confusion.row(class);
        let recall = right(class, counts.sum());
        let counts = counts.iter().map(ToString::to_string);
        [name(class)]
            .into_iter()
            .chain(counts)
            .chain([recall])
            .collect()
    };
    let mut rows: Vec<Vec<String>> = (0..classes).map(row).collect();
    let precision = (0..classes).map(|class| right(class, confusion.column(class).sum()));
    let last = ["precision".to_owned()].into_iter().chain(precision);
    rows.push(last.chain([String::new()]).collect());
    page.heading("Confusion")
        .paragraph("Test rows of a class (down) and what they were taken for (across): the share of each class that was found, and of each answer that was right.")
        .table(&head, &rows);
}

/// Wrong rows as pictures.
fn wrong_rows(page: &mut HtmlReport, wrong: &[WrongRow], name: impl Fn(usize) -> String) {
    let picture = |row: &WrongRow| {
        let caption = format!("{}, not {}", name(row.class), name(row.predicted));
        Some((row.picture.clone()?, caption))
    };
    let pictures: Vec<(Vec<u8>, String)> = wrong.iter().filter_map(picture).collect();
    if !pictures.is_empty() {
        page.heading("Mistakes")
            .paragraph("Test rows that were taken for another class than their own.")
            .pictures(&pictures);
    }
}
