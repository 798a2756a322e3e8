//! Conclusion of a search: its table, charts, page, and the configuration of the best trial.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::cli::args::TuneArgs;
use crate::cli::document::commented;
use crate::cli::error::CommandError;
use crate::cli::output::{aligned, command_line, picture, report, write};
use crate::cli::stdout::json as print_json;
use crate::report::{Chart, HtmlReport, LineChart};
use crate::run::in_digits;
use crate::train::Metric;

use super::ranges::Searched;
use super::trial::Trial;
use super::tried::{Reached, Tried};

/// The configuration of the best trial.
const BEST: &str = "best.toml";

/// Rows of the table on the terminal.
const SHOWN: usize = 20;

/// A trial in words.
pub(super) fn told(tried: &Tried, metric: Metric) -> String {
    let values = tried.values.iter();
    let values = values.map(|(key, value)| format!("{key} = {value}"));
    let value = match tried.value {
        Some(value) => format!("{metric} {}", in_digits(value)),
        None => "diverged".to_owned(),
    };
    let after = match tried.reached {
        Some(Reached { epochs: 1, .. }) => " after 1 epoch".to_owned(),
        Some(Reached { epochs, .. }) => format!(" after {epochs} epochs"),
        None => String::new(),
    };
    let values: Vec<String> = values.collect();
    format!("{}; {value}{after}", values.join(", "))
}

/// Trials in a table, the best first.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(outcomes: &[Tried], searched: &[Searched], metric: Metric) -> Self {
        let keys: Vec<String> = searched.iter().map(|range| range.key.path()).collect();
        // A search by halving has epochs of its own for each trial.
        let has_rungs = outcomes.iter().any(|tried| tried.reached.is_some());
        let rungs = has_rungs.then_some("epochs");
        let ends = rungs.into_iter().chain(["epoch", "seconds"]);
        let head = ["trial".to_owned()].into_iter().chain(keys.clone());
        let head = head.chain([metric.to_string()]);
        let row = |tried: &Tried| {
            let values = keys.iter().map(|key| tried.values[key].to_string());
            let value = tried.value.map_or("diverged".to_owned(), in_digits);
            let reached = tried.reached.map(|reached| reached.epochs.to_string());
            let rest = [tried.epoch.to_string(), format!("{:.1}", tried.seconds)];
            let number = [tried.trial.to_string()];
            let all = number.into_iter().chain(values).chain([value]);
            all.chain(reached).chain(rest).collect()
        };
        Self {
            head: head.chain(ends.map(str::to_owned)).collect(),
            rows: outcomes.iter().map(row).collect(),
        }
    }

    fn head(&self) -> Vec<&str> {
        self.head.iter().map(String::as_str).collect()
    }
}

/// Table, charts, and the configuration of the best.
pub(super) fn conclude(
    args: &TuneArgs,
    searched: &[Searched],
    trials: &[Trial],
    outcomes: Vec<Tried>,
    metric: Metric,
) -> Result<(), CommandError> {
    let table = Table::of(&outcomes, searched, metric);
    aligned(&table.head(), &table.rows[..table.rows.len().min(SHOWN)]);
    let best = outcomes.first().filter(|best| best.value.is_some());
    print_json(|| json!({ "metric": metric, "best": best, "trials": outcomes }));
    let Some(best) = best else {
        note!("warning: every training has diverged; lower the learning rates");
        return Ok(());
    };
    say!("best: trial {}, {}", best.trial, told(best, metric));
    let Some(folder) = &args.out else {
        return Ok(());
    };
    let settings = commented(&trials[best.trial - 1].args);
    write(folder, BEST, settings.as_bytes())?;
    let file = folder.join(BEST);
    say!(
        "configuration: {}, for `unisono train --config {0} --out DIR`",
        file.display()
    );
    let mut page = HtmlReport::new(format!("Search: {} trials", outcomes.len()));
    page.paragraph(&command_line());
    for range in searched {
        figure(&mut page, folder, range, &outcomes, metric)?;
    }
    page.heading("Trials").table(&table.head(), &table.rows);
    report(folder, &page)
}

/// The chart of a range of numbers: the trials, those of a search by halving by their epochs.
fn figure(
    page: &mut HtmlReport,
    folder: &Path,
    range: &Searched,
    outcomes: &[Tried],
    metric: Metric,
) -> Result<(), CommandError> {
    let Some(is_log) = range.is_log() else {
        return Ok(());
    };
    let (key, name) = (range.key.path(), metric.to_string());
    let mut series: BTreeMap<usize, (String, Vec<(f64, f64)>)> = BTreeMap::new();
    for tried in outcomes {
        let Some(point) = tried.values[&key].as_f64().zip(tried.value) else {
            continue;
        };
        let rung = tried.reached.map_or(0, |reached| reached.rung);
        let about = match rung {
            0 => "trials".to_owned(),
            rung => format!("up to rung {rung}"),
        };
        let of_rung = series.entry(rung).or_insert_with(|| (about, Vec::new()));
        of_rung.1.push(point);
    }
    let chart = LineChart::new(format!("{name} by {key}"), &key, &name);
    let chart = series
        .into_values()
        .fold(chart, |chart, (name, points)| chart.points(name, points));
    let chart = if is_log { chart.log_x() } else { chart };
    picture(folder, &format!("tune-{}", range.key.name), &chart)?;
    page.figure(&chart.svg(), "A point is a trial.");
    Ok(())
}
