//! `--watch`: the metrics that a task has, and what is said of the one that chooses.

use crate::data::Labels;
use crate::meant::{did_you_mean, nearest};
use crate::train::{EvaluatedPart, Metric};

use super::config::TrainSettings;
use super::error::ArgError;
use super::options::in_flag;
use super::task::Task;

/// Refuses a metric that the task has not.
pub(super) fn check_watch(settings: &TrainSettings, task: &Task) -> Result<(), ArgError> {
    let (known, name) = of_task(task);
    if known.contains(&settings.watch) {
        return Ok(());
    }
    let keys: Vec<String> = known.into_iter().map(in_flag).collect();
    let got = in_flag(settings.watch);
    let meant = did_you_mean(nearest(&got, keys.iter().map(String::as_str)));
    let all = keys.join(", ");
    let message = format!("expected one of {all}, the metrics of {name}, got {got:?}{meant}");
    Err(ArgError::text("watch", &message))
}

/// The metrics of a task, and its name.
fn of_task(task: &Task) -> (Vec<Metric>, &'static str) {
    let [_, evaluated] = task.searched();
    let labels = evaluated.labels();
    let is_of_values = |metric: Metric| matches!(metric, Metric::Mae | Metric::Rmse | Metric::R2);
    let all = Metric::of_labels(labels);
    match (labels, task.is_multi_label()) {
        (Labels::Values(_), true) => (
            all.filter(|metric| !is_of_values(*metric)).collect(),
            "labels in any number",
        ),
        (Labels::Values(_), false) => (
            all.filter(|metric| is_of_values(*metric) || *metric == Metric::Loss)
                .collect(),
            "a regression",
        ),
        (Labels::Sequence { .. }, _) => (all.collect(), "a language model"),
        _ => (all.collect(), "a classification"),
    }
}

/// Which values early stopping waits for.
pub(super) fn better_text(metric: Metric, part: EvaluatedPart) -> String {
    match metric.is_larger_better() {
        true => format!("a larger {part} {metric}"),
        false => format!("a smaller {part} {metric}"),
    }
}

/// A value of the metric that chooses, as it is shown.
pub(super) fn watched_text(value: f64) -> String {
    format!("{value:.4}")
}
