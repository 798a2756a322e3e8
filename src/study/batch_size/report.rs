//! Report of steps to a target: charts, table, page; and the beginning of all pages.

use crate::report::{HtmlReport, LineChart, Machine};
use crate::stats::{Estimate, spread_text};

use super::analysis::{BatchPoint, Curve};
use super::overlay::Figure;
use super::trial::{Target, Trial};

/// The names of [`curve_charts`]; the third is drawn where the noise scale was tracked.
///
/// Example: [`curve_charts`].
pub const CURVE_CHARTS: &[&str] = &["steps", "examples", "noise_scale", "seconds"];

/// Steps, examples and seconds by batch size.
///
/// ```
/// # use unisono::study::batch_size::{Outcome, Trial};
/// use unisono::study::batch_size::{CURVE_CHARTS, Curve, Target, curve_charts, curve_report};
/// # let outcomes = [16, 160, 1600].map(|batch_size| {
/// #     let (lr, momentum, schedule) = (0.1, 0.0, None);
/// #     let trial = Trial { batch_size, candidate: 0, repeat: 0, lr, momentum, schedule, seed: 1 };
/// #     let steps = 100 + 16_000 / batch_size as u64;
/// #     let (steps_to_target, seconds) = (Some(steps), 1.0);
/// #     Outcome { steps_to_target, steps: (steps, 5_000), seconds, ..Outcome::of(trial) }
/// # });
/// let curve = Curve::of(&outcomes, 1);
/// let figures = curve_charts(&curve, Target::Error(0.05));
/// assert!(figures.iter().all(|(name, ..)| CURVE_CHARTS.contains(name)));
/// assert!(figures.iter().all(|(name, ..)| *name != "noise_scale")); // it was not tracked
/// let page = curve_report("Digits", "my_study", &curve, &figures);
/// assert!(page.html().contains("fewest steps, S_min"));
/// ```
pub fn curve_charts(curve: &Curve, target: Target) -> Vec<Figure> {
    let wanted = target.to_string();
    let known: Vec<(f64, Estimate, &BatchPoint)> = curve
        .points
        .iter()
        .filter_map(|point| Some((point.batch_size as f64, point.steps?, point)))
        .collect();
    if known.is_empty() {
        return Vec::new();
    }
    let mut charts = vec![
        steps(curve, &known, &wanted),
        examples(curve, &known, &wanted),
    ];
    charts.extend(noise_scale(curve, &wanted));
    // Seconds, where there are any.
    let timed = known
        .iter()
        .filter_map(|(size, _, point)| Some((*size, point.seconds?)));
    let timed: Vec<(f64, (f64, usize))> = timed.collect();
    if timed.len() > 1 {
        let wall = timed
            .iter()
            .map(|(size, (seconds, _))| (*size, *seconds))
            .collect();
        let threads = timed
            .iter()
            .map(|(size, (seconds, threads))| (*size, seconds * *threads as f64));
        let chart = LineChart::new(format!("Time to {wanted}"), "rows of a batch", "seconds")
            .log2_x()
            .log_y()
            .line("on the wall", wall)
            .line("of threads", threads.collect());
        let caption = "Seconds of the median run, evaluations included; side by side with others if trials were.";
        charts.push(("seconds", chart, caption.to_owned()));
    }
    charts
}

type Known<'c> = [(f64, Estimate, &'c BatchPoint)];

fn steps(curve: &Curve, known: &Known<'_>, wanted: &str) -> Figure {
    let (first, last) = (known[0].0, known[known.len() - 1].0);
    let line = known
        .iter()
        .map(|(size, steps, _)| (*size, steps.value))
        .collect();
    let band = known
        .iter()
        .filter_map(|(size, steps, _)| band_at(*size, *steps, 1.0))
        .collect();
    let mut chart = LineChart::new(format!("Steps to {wanted}"), "rows of a batch", "steps")
        .log2_x()
        .log_y()
        .line("measured", line)
        .band(band)
        .censored(censored(curve, |_| 1.0));
    // What perfect scaling would be, and the fit.
    let perfect = known[0].1.value * first;
    let perfect = [first, last].map(|size| (size, (perfect / size).max(1.0)));
    chart = chart.dashed("perfect scaling", perfect.into()).like(6);
    if curve.critical_batch.is_some() {
        let sizes = (0..=60).map(|k| first * (last / first).powf(f64::from(k) / 60.0));
        let fitted = sizes.filter_map(|size| Some((size, curve.fitted_steps(size)?)));
        chart = chart.dashed("S_min + E_min / B", fitted.collect());
    }
    let runs = spread_text(known.iter().map(|(_, steps, _)| steps.samples));
    let caption = format!(
        "The best of the search for every batch size, by fresh seeds: medians, {runs}.{}",
        of_arrows(curve)
    );
    ("steps", chart, caption)
}

/// Batch sizes that never got there, at the steps that were tried times `by` of their size.
fn censored(curve: &Curve, by: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let point = |point: &BatchPoint| {
        let size = point.batch_size as f64;
        Some((size, by(size) * point.tried_steps? as f64))
    };
    curve.points.iter().filter_map(point).collect()
}

/// What is said where a chart has arrows.
fn of_arrows(curve: &Curve) -> &'static str {
    match curve.points.iter().any(|point| point.tried_steps.is_some()) {
        true => " Open arrows: batch sizes that never got there, at the most steps of a training.",
        false => "",
    }
}

/// Where a band of steps, times `by`, begins and ends.
fn band_at(size: f64, steps: Estimate, by: f64) -> Option<(f64, f64, f64)> {
    let (low, high) = steps.bounds()?;
    Some((size, by * low, by * high))
}

/// The noise scale beside the critical batch size, where it was tracked.
fn noise_scale(curve: &Curve, wanted: &str) -> Option<Figure> {
    let scale = |point: &BatchPoint| Some((point.batch_size as f64, point.noise_scale?));
    let scales: Vec<(f64, f64)> = curve.points.iter().filter_map(scale).collect();
    let (first, last) = (scales.first()?.0, scales.last()?.0);
    let title = format!("Gradient noise scale at {wanted}");
    let mut chart = LineChart::new(title, "rows of a batch", "rows")
        .log2_x()
        .log_y()
        .line("noise scale", scales);
    let mut caption = "The simple noise scale tr(S)/|G|^2 of the epoch in which the target was reached: medians of the fresh runs."
        .to_owned();
    if let Some(critical) = curve.critical_batch {
        let level = [first, last].map(|size| (size, critical.value));
        chart = chart.dashed("critical batch", level.into()).like(6);
        if let Some((low, high)) = critical.bounds() {
            chart = chart.band([first, last].map(|size| (size, low, high)).into());
        }
        caption += &format!(" Critical batch size by steps and examples: {critical}.");
    }
    Some(("noise_scale", chart, caption))
}

fn examples(curve: &Curve, known: &Known<'_>, wanted: &str) -> Figure {
    let line = known
        .iter()
        .map(|(size, steps, _)| (*size, size * steps.value))
        .collect();
    let band = known
        .iter()
        .filter_map(|(size, steps, _)| band_at(*size, *steps, *size));
    let mut chart = LineChart::new(
        format!("Examples to {wanted}"),
        "rows of a batch",
        "rows trained on",
    )
    .log2_x()
    .log_y()
    .line("measured", line)
    .band(band.collect())
    .censored(censored(curve, |size| size));
    let mut caption =
        "Level: perfect scaling. Rising in proportion: more rows bring nothing.".to_owned();
    if let Some(critical) = curve.critical_batch {
        let most = known
            .iter()
            .map(|(size, steps, _)| size * steps.value)
            .fold(0.0, f64::max);
        let least = known
            .iter()
            .map(|(size, steps, _)| size * steps.value)
            .fold(f64::MAX, f64::min);
        let at = vec![(critical.value, least), (critical.value, most)];
        chart = chart.dashed("critical batch", at).like(6);
        caption += &format!(" Critical batch size: {critical}.");
    }
    caption += of_arrows(curve);
    ("examples", chart, caption)
}

/// The page of a study of steps to a target.
///
/// Example: [`curve_charts`].
pub fn curve_report(title: &str, command: &str, curve: &Curve, figures: &[Figure]) -> HtmlReport {
    let mut page = headed(title, command);
    let or_none = |estimate: &Option<Estimate>| {
        estimate.map_or(
            "not determined: fewer than three batch sizes got there, or they lie on no hyperbola"
                .to_owned(),
            |known| known.to_string(),
        )
    };
    page.heading("Critical batch size").table(
        &["", "value (95 % interval, or range)"],
        &[
            vec!["fewest steps, S_min".to_owned(), or_none(&curve.s_min)],
            vec!["fewest examples, E_min".to_owned(), or_none(&curve.e_min)],
            vec![
                "critical batch size, E_min / S_min".to_owned(),
                or_none(&curve.critical_batch),
            ],
        ],
    );
    add(&mut page, figures);
    page.heading("Batch sizes")
        .paragraph("A batch size that never reached the target is censored: it has no steps, is not in the fit, and is an open arrow in the charts. Fresh runs that did not get there count as infinitely many steps.")
        .table(&curve_head(), &curve_table(curve));
    page
}

/// The head of the table of batch sizes.
fn curve_head() -> [&'static str; 10] {
    [
        "batch",
        "steps",
        "examples",
        "learning rate",
        "momentum",
        "schedule",
        "searched (reached, diverged)",
        "fresh runs (censored)",
        "noise scale",
        "regime",
    ]
}

/// The table of batch sizes: [`Curve`] in text.
impl Curve {
    /// Head and rows of a table.
    pub fn table(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        (curve_head().into(), curve_table(self))
    }
}

fn curve_table(curve: &Curve) -> Vec<Vec<String>> {
    let row = |point: &BatchPoint| {
        let (all, reached, diverged) = point.trials;
        let size = point.batch_size as f64;
        let won = |of: &dyn Fn(&Trial) -> String| point.winner.as_ref().map_or(String::new(), of);
        let whole =
            |estimate: Estimate, by: f64| estimate.text(|number| format!("{:.0}", by * number));
        vec![
            point.batch_size.to_string(),
            point
                .steps
                .map_or("censored".to_owned(), |steps| whole(steps, 1.0)),
            point
                .steps
                .map_or(String::new(), |steps| whole(steps, size)),
            won(&|winner| format!("{:.4}", winner.lr)),
            won(&|winner| format!("{:.3}", winner.momentum)),
            won(&|winner| {
                winner
                    .schedule
                    .as_ref()
                    .map_or(String::new(), ToString::to_string)
            }),
            format!("{all} ({reached}, {diverged})"),
            format!("{} ({})", point.censored.1, point.censored.0),
            point
                .noise_scale
                .map_or(String::new(), |scale| format!("{scale:.0}")),
            point
                .regime
                .map_or(String::new(), |regime| regime.name().to_owned()),
        ]
    };
    curve.points.iter().map(row).collect()
}

/// A page with what it was made by.
pub(super) fn headed(title: &str, command: &str) -> HtmlReport {
    let mut page = HtmlReport::new(title);
    page.facts(facts(command));
    page
}

/// Adds charts to a page.
pub(super) fn add(page: &mut HtmlReport, figures: &[Figure]) {
    for (name, chart, caption) in figures {
        page.chart(name, chart, caption);
    }
}

fn facts(command: &str) -> Vec<(&'static str, String)> {
    let mut facts = vec![("command", command.to_owned())];
    facts.extend(Machine::this().facts());
    facts
}
