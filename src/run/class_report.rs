//! Report of a classifier: metrics, the confusion matrix, and mistakes as pictures.

use ndarray::Array2;

use crate::metrics::{ClassMetrics, Classification};
use crate::report::HtmlReport;

use super::mistakes::WrongRow;

/// Classes whose confusion is shown as a table.
const MOST_CLASSES: usize = 30;

/// The metrics of all test rows, and those of each class.
pub(super) fn metrics(
    page: &mut HtmlReport,
    metrics: &Classification,
    name: impl Fn(usize) -> String,
) {
    page.heading("Metrics")
        .paragraph("Of the test rows. Means over classes count all classes alike.")
        .facts(metrics.listed());
    let row = |(class, of_class): (usize, &ClassMetrics)| {
        [name(class)].into_iter().chain(of_class.listed()).collect()
    };
    let rows: Vec<Vec<String>> = metrics.classes.iter().enumerate().map(row).collect();
    let head: Vec<&str> = ["class"]
        .into_iter()
        .chain(ClassMetrics::NAMES.iter().copied())
        .collect();
    page.table(&head, &rows);
}

/// The matrix, if it can be looked at.
pub(super) fn confusion(
    page: &mut HtmlReport,
    confusion: &Array2<usize>,
    name: impl Fn(usize) -> String,
) {
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
pub(super) fn wrong_rows(
    page: &mut HtmlReport,
    wrong: &[WrongRow],
    name: impl Fn(usize) -> String,
) {
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
