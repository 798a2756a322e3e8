//! The page of `unisono compare`: results, settings that differ, and a line for each run in every
//! chart.

use crate::report::{HtmlReport, LineChart, THINNED, is_long, thinned};
use crate::run::points;

use super::compare_facts::{
    OTHER_DATA, Setting, facts, has_other_data, no_difference, setting_rows,
};
use super::compared_run::ComparedRun;
use super::output::command_line;

/// Colours of a chart: later runs have dashes in the same ones.
const COLOURS: usize = 9;

/// Runs whose curves are told apart.
const MOST_RUNS: usize = 2 * COLOURS;

/// Whose lines a chart may show.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// That of the targets: runs with others have charts of their own.
    OfTargets,
    /// One that all runs have.
    Shared,
}

/// A chart with a line for each run.
struct Curve {
    title: &'static str,
    y: &'static str,
    unit: Unit,
    caption: &'static str,
    event: &'static str,
    /// Fields of the event, of which a run's line is the first that it has, and their names.
    fields: &'static [(&'static str, &'static str)],
}

const CURVES: &[Curve] = &[
    Curve {
        title: "Training loss",
        y: "mean loss of a row",
        unit: Unit::OfTargets,
        caption: "Mean over each epoch, before its updates.",
        event: "epoch",
        fields: &[("train_loss", "training")],
    },
    Curve {
        title: "Loss",
        y: "mean loss of a row",
        unit: Unit::OfTargets,
        caption: "Of the validation rows after each epoch; of the test rows where a run has no validation part. Losses of different functions cannot be compared.",
        event: "epoch",
        fields: &[("valid_loss", "validation"), ("test_loss", "test")],
    },
    Curve {
        title: "Accuracy",
        y: "share of rows",
        unit: Unit::OfTargets,
        caption: "Rows of the same part that were classified correctly after each epoch.",
        event: "epoch",
        fields: &[("valid_accuracy", "validation"), ("test_accuracy", "test")],
    },
    Curve {
        title: "RMSE",
        y: "the target's units",
        unit: Unit::OfTargets,
        caption: "Root of the mean squared error of the same part after each epoch.",
        event: "epoch",
        fields: &[("valid_rmse", "validation"), ("test_rmse", "test")],
    },
    Curve {
        title: "R2",
        y: "1 less the squared error over the variance",
        unit: Unit::OfTargets,
        caption: "Of the same part after each epoch; 0 is always answering with the mean.",
        event: "epoch",
        fields: &[("valid_r2", "validation"), ("test_r2", "test")],
    },
    Curve {
        title: "Gradient norm",
        y: "norm of the mean gradient",
        unit: Unit::OfTargets,
        caption: "Of each recorded step.",
        event: "step",
        fields: &[("grad_norm", "training")],
    },
    Curve {
        title: "Learning rate",
        y: "learning rate",
        unit: Unit::Shared,
        caption: "Of each recorded step.",
        event: "step",
        fields: &[("lr", "training")],
    },
    Curve {
        title: "Throughput",
        y: "samples/s",
        unit: Unit::Shared,
        caption: "Rows trained on a second, without evaluation.",
        event: "epoch",
        fields: &[("throughput_samples_per_s", "training")],
    },
];

/// The page.
pub(super) fn page(runs: &[ComparedRun], settings: &[Setting]) -> HtmlReport {
    let mut page = HtmlReport::new("Runs compared");
    page.verbatim(&command_line());
    let names = runs.iter().map(|run| run.name.as_str());
    let head: Vec<&str> = [""].into_iter().chain(names).collect();
    // A column a run.
    let row = |(name, cells): (&str, Vec<String>)| {
        let cells = cells.into_iter();
        [name.to_owned()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = facts(runs).into_iter().map(row).collect();
    page.heading("Results").table(&head, &rows);
    page.paragraph("Figures are those of the weights that a run keeps; where it keeps none yet, of its last epoch, which is named.");
    if has_other_data(runs) {
        page.paragraph(&format!("Careful: {OTHER_DATA}."));
    }
    page.heading("Settings that differ");
    match settings {
        [] => page.paragraph(&format!("Settings: {}.", no_difference(runs))),
        _ => page.table(&head, &setting_rows(settings)),
    };
    curves(&mut page, runs);
    page
}

/// The charts.
fn curves(page: &mut HtmlReport, runs: &[ComparedRun]) {
    page.heading("Curves");
    if runs.len() > MOST_RUNS {
        page.paragraph(&format!(
            "Those of the first {MOST_RUNS} of {} runs: more cannot be told apart.",
            runs.len()
        ));
    }
    let shown = runs.iter().take(MOST_RUNS).enumerate();
    let drawn: Vec<(usize, &ComparedRun, Vec<Option<Line>>)> =
        shown.map(|(at, run)| (at, run, lines(run))).collect();
    // Runs of the same targets, in the order of the first of each.
    let mut groups: Vec<&Option<Vec<String>>> = Vec::new();
    for (_, run, _) in &drawn {
        if !groups.contains(&&run.targets) {
            groups.push(&run.targets);
        }
    }
    let mut is_empty = true;
    for (number, curve) in CURVES.iter().enumerate() {
        let mut add = |targets: Option<&Option<Vec<String>>>| {
            let of_group = |run: &ComparedRun| targets.is_none_or(|group| *group == run.targets);
            let members = drawn.iter().filter(|(_, run, _)| of_group(run));
            let lines = members.filter_map(|(at, run, lines)| {
                let (points, part) = lines[number].clone()?;
                Some((*at, run.name.as_str(), points, part))
            });
            let of = targets
                .filter(|_| groups.len() > 1)
                .map(|group| match group {
                    None => "classes".to_owned(),
                    Some(names) => names.join(", "),
                });
            let lines: Vec<RunLine<'_>> = lines.collect();
            if let Some(chart) = chart(curve, of, &lines) {
                let name = curve.title.to_lowercase().replace(' ', "_");
                let is_thinned = lines.iter().any(|line| is_long(&line.2));
                let more = if is_thinned { THINNED } else { "" };
                let caption = format!("{} {more}", curve.caption);
                page.chart(&name, &chart, caption.trim_end());
                is_empty = false;
            }
        };
        match curve.unit {
            Unit::Shared => add(None),
            Unit::OfTargets => groups.iter().for_each(|group| add(Some(group))),
        }
    }
    if is_empty {
        page.paragraph("None: no run has recorded a step yet.");
    }
}

/// The points of a line, and the part that they are of.
type Line = (Vec<(f64, f64)>, &'static str);

/// A run's line in each of the charts, if it has one: that of the first field which it has.
fn lines(run: &ComparedRun) -> Vec<Option<Line>> {
    let of_curve =
        |curve: &'static Curve| curve.fields.iter().map(|(field, _)| (curve.event, *field));
    let wanted: Vec<(&str, &str)> = CURVES.iter().flat_map(of_curve).collect();
    let mut all = points(&run.records, &wanted).into_iter();
    let line = |curve: &Curve| {
        let parts = curve.fields.iter().map(|(_, part)| *part);
        // The parts first: what is zipped first is asked once more than there are pairs.
        let known: Vec<Line> = parts
            .zip(all.by_ref())
            .map(|(part, points)| (points, part))
            .collect();
        known.into_iter().find(|(points, _)| !points.is_empty())
    };
    CURVES.iter().map(line).collect()
}

/// A run's place, name, points and the part that they are of.
type RunLine<'a> = (usize, &'a str, Vec<(f64, f64)>, &'static str);

/// The chart of these lines, if there is one.
fn chart(curve: &Curve, of: Option<String>, lines: &[RunLine<'_>]) -> Option<LineChart> {
    let first = lines.first()?;
    let is_mixed = lines.iter().any(|line| line.3 != first.3);
    let mut title = curve.title.to_owned();
    if let Some(of) = of {
        title += &format!(" of {of}");
    }
    // A single line has no legend.
    if lines.len() == 1 {
        title += &format!(", {}", first.1);
    }
    let mut chart = LineChart::new(title, "steps", curve.y);
    for (at, name, points, part) in lines {
        let name = match is_mixed {
            true => format!("{name} ({part})"),
            false => (*name).to_owned(),
        };
        let points = thinned(points.clone());
        chart = match (points.len(), *at) {
            (1, _) => chart.points(name, points),
            (_, at) if at < COLOURS => chart.line(name, points),
            _ => chart.dashed(name, points),
        };
        // The same colour in every chart.
        chart = chart.like(*at);
    }
    Some(chart)
}
