//! Report of times to a target: charts, table, page.

use crate::report::{HtmlReport, LineChart};
use crate::stats::{Estimate, spread_text};

use super::overlay::Figure;
use super::report::{add, headed};
use super::time::TimePoint;
use super::trial::Target;

/// The head of [`time_table`].
///
/// Example: [`time_charts`].
pub const TIME_HEAD: &[&str] = &[
    "batch",
    "threads",
    "reached",
    "examples",
    "seconds",
    "rows/s, of base",
    "examples, of base",
    "true speed-up",
];

/// A row for each number of threads at each batch size.
///
/// Example: [`time_charts`].
pub fn time_table(points: &[TimePoint]) -> Vec<Vec<String>> {
    let estimate =
        |known: &Option<Estimate>| known.map_or("-".to_owned(), |known| known.to_string());
    let row = |point: &TimePoint| {
        vec![
            point.batch_size.to_string(),
            point.threads.to_string(),
            format!("{} of {}", point.reached.0, point.reached.1),
            point
                .examples
                .map_or("-".to_owned(), |count| format!("{count:.0}")),
            estimate(&point.seconds),
            estimate(&point.throughput_gain),
            point
                .examples_loss
                .map_or("-".to_owned(), |loss| format!("{loss:.3}")),
            estimate(&point.true_speed_up),
        ]
    };
    points.iter().map(row).collect()
}

/// The names of [`time_charts`].
///
/// Example: [`time_charts`].
pub const TIME_CHARTS: &[&str] = &["time_to_target", "true_speed_up"];

/// Seconds and true speed-up by batch size, a line for each number of threads.
///
/// ```
/// use unisono::study::batch_size::{Outcome, TIME_CHARTS, TIME_HEAD, Target, TimePoint, Trial};
/// use unisono::study::batch_size::{time_charts, time_report, time_table};
/// // The same training took 2 seconds on one thread, 1.25 on two.
/// let outcomes = [(1, 2.0), (2, 1.25)].map(|(threads, seconds)| {
///     let (batch_size, lr, momentum, schedule) = (32, 0.1, 0.9, None);
///     let trial = Trial { batch_size, candidate: 0, repeat: 1, lr, momentum, schedule, seed: 1 };
///     let steps_to_target = Some(100);
///     Outcome { steps_to_target, steps: (100, 500), seconds, threads, ..Outcome::of(trial) }
/// });
/// let points = TimePoint::of(&outcomes, 7);
/// assert_eq!((TIME_HEAD[7], time_table(&points)[1][7].as_str()), ("true speed-up", "1.600"));
/// let figures = time_charts(&points, Target::Error(0.1));
/// assert!(figures.iter().map(|(name, ..)| name).eq(TIME_CHARTS));
/// let page = time_report("Digits", "my_study", &points, &figures);
/// assert!(page.html().contains("true speed-up"));
/// ```
pub fn time_charts(points: &[TimePoint], target: Target) -> Vec<Figure> {
    let mut threads: Vec<usize> = points.iter().map(|point| point.threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let chart = |title: String, unit: &str, of: &dyn Fn(&TimePoint) -> Option<Estimate>| {
        let mut chart = LineChart::new(title, "rows of a batch", unit)
            .log2_x()
            .log_y();
        for &count in &threads {
            let own = points.iter().filter(|point| point.threads == count);
            let known: Vec<(f64, Estimate)> = own
                .filter_map(|point| Some((point.batch_size as f64, of(point)?)))
                .collect();
            let band = known.iter().filter_map(|(size, known)| {
                let (low, high) = known.bounds()?;
                Some((*size, low, high))
            });
            let line = known.iter().map(|(size, known)| (*size, known.value));
            let name = if count == 1 {
                "1 thread".to_owned()
            } else {
                format!("{count} threads")
            };
            chart = chart.line(name, line.collect()).band(band.collect());
        }
        chart
    };
    if points.iter().all(|point| point.seconds.is_none()) {
        return Vec::new();
    }
    // Both charts have a line for each number of threads.
    let mut seconds = chart(format!("Time to {target}"), "seconds", &|point| {
        point.seconds
    });
    for (at, &count) in threads.iter().enumerate() {
        seconds = seconds.censored_at(at, missed(points, count));
    }
    let has_missed = points.iter().any(|point| point.tried_seconds.is_some());
    let arrows = match has_missed {
        true => " Open arrows: half of the runs or more never got there, at the longest.",
        false => "",
    };
    let speed_up = chart(
        format!("True speed-up to {target}"),
        "times as fast as the base",
        &|point| point.true_speed_up,
    );
    vec![
        (
            "time_to_target",
            seconds,
            format!("Median seconds until the target, evaluations included, each run alone on the machine.{arrows}"),
        ),
        (
            "true_speed_up",
            speed_up,
            "Seconds of the base (the fewest threads, the smallest batch that got there) over these: the gain in throughput, less the examples that a larger batch costs.".to_owned(),
        ),
    ]
}

/// Batch sizes of which half of the runs or more never got there on so many threads.
fn missed(points: &[TimePoint], threads: usize) -> Vec<(f64, f64)> {
    let own = points.iter().filter(|point| point.threads == threads);
    let missed = own.filter_map(|point| Some((point.batch_size as f64, point.tried_seconds?)));
    missed.collect()
}

/// The page of a study of times to a target.
///
/// Example: [`time_charts`].
pub fn time_report(
    title: &str,
    command: &str,
    points: &[TimePoint],
    figures: &[Figure],
) -> HtmlReport {
    let mut page = headed(title, command);
    add(&mut page, figures);
    let runs = points.iter().filter_map(|point| point.seconds);
    page.heading("Threads and batch sizes")
        .paragraph(&format!("Medians over fresh seeds, {}. Examples to the target do not depend on threads: the weights are the same bits. A dash stands where half of the runs did not reach the target.", spread_text(runs.map(|seconds| seconds.samples))))
        .table(TIME_HEAD, &time_table(points));
    page
}
