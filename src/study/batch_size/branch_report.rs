//! Report of branches: table, charts, page.

use crate::report::{HtmlReport, LineChart};
use crate::stats::{Estimate, spread_text};

use super::branch_points::BranchPoint;
use super::overlay::Figure;
use super::report::{add, headed};

/// What is told of a comparison of losses.
const HOW: &str = "The training was branched at each point: copies went on for the same number of rows with larger batches and scaled learning rates. The critical batch is the largest before the first whose test loss is more than the tolerance above that of the smallest batch (Merrill et al. 2025); with \">=\", and at an open arrow, none was. Medians over the seeds";

/// Head and rows of a table: a row for each point.
///
/// Example: [`branch_charts`].
pub fn branch_table(points: &[BranchPoint]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut head: Vec<String> = ["epochs", "loss", "noise scale", "critical batch"]
        .map(ToOwned::to_owned)
        .into();
    if let Some(first) = points.first() {
        let larger = first.excess.iter().skip(1);
        head.extend(larger.map(|(size, _)| format!("{size}: excess, %")));
    }
    let whole = |rows: Estimate| rows.text(|rows| format!("{rows:.0}"));
    let row = |point: &BranchPoint| {
        let open = if point.is_open { ">= " } else { "" };
        let mut row = vec![
            point.at.to_string(),
            format!("{:.4}", point.loss.value),
            point.noise_scale.map_or("-".to_owned(), whole),
            format!("{open}{}", whole(point.critical_batch)),
        ];
        let larger = point.excess.iter().skip(1);
        row.extend(larger.map(|(_, excess)| {
            if excess.value < DIVERGED {
                format!("{:.1}", 100.0 * excess.value)
            } else {
                "diverged".to_owned()
            }
        }));
        row
    };
    (head, points.iter().map(row).collect())
}

/// The excess of loss from where on a branch has diverged.
const DIVERGED: f64 = 1e3;

/// The names of [`branch_charts`].
///
/// Example: [`branch_charts`].
pub const BRANCH_CHARTS: &[&str] = &["critical_batch", "excess"];

/// Critical batch and noise scale over training, and the excess of loss by batch size.
///
/// ```
/// use unisono::study::batch_size::{BRANCH_CHARTS, BranchOutcome, BranchPoint};
/// use unisono::study::batch_size::{branch_charts, branch_report, branch_table};
/// let outcomes = [(32, 0.50), (64, 0.50), (256, 0.55)].map(|(batch_size, loss)| {
///     BranchOutcome { seed: 1, at: 2.0, batch_size, loss, noise_scale: Some(90.0) }
/// });
/// let points = BranchPoint::of(&outcomes, 0.02, 1);
/// let (head, rows) = branch_table(&points);
/// assert_eq!((head[3].as_str(), rows[0].len()), ("critical batch", head.len()));
/// let figures = branch_charts(&points, 0.02);
/// assert!(figures.iter().map(|(name, ..)| name).eq(BRANCH_CHARTS));
/// let page = branch_report("Branches", "my_study", &points, 0.02, &figures);
/// assert!(page.html().contains("<h1>Branches</h1>"));
/// ```
pub fn branch_charts(points: &[BranchPoint], tolerance: f64) -> Vec<Figure> {
    let mut over = LineChart::new("Critical batch size over training", "epochs", "rows").log_y();
    let is_open = |point: &&BranchPoint| point.is_open;
    let open = points.iter().filter(is_open);
    let closed = points.iter().filter(|point| !point.is_open);
    let critical = closed.map(|point| (point.at, point.critical_batch));
    let band = critical
        .clone()
        .filter_map(|(at, known)| band_at(at, known));
    over = over
        .line(
            "critical batch, by branches",
            critical.map(|(at, known)| (at, known.value)).collect(),
        )
        .band(band.collect())
        .censored(
            open.map(|point| (point.at, point.critical_batch.value))
                .collect(),
        );
    let scales = || {
        points
            .iter()
            .filter_map(|point| Some((point.at, point.noise_scale?)))
    };
    if scales().next().is_some() {
        let band = scales().filter_map(|(at, known)| band_at(at, known));
        over = over
            .line(
                "noise scale, by shards",
                scales().map(|(at, known)| (at, known.value)).collect(),
            )
            .band(band.collect());
    }
    let excess = excess(points, tolerance);
    vec![
        (
            "critical_batch",
            over,
            format!("{HOW}, {}.", spread_text(points.iter().map(|point| point.critical_batch.samples))),
        ),
        (
            "excess",
            excess,
            "Test losses at the ends of the branches of each point, medians; branches that diverged are arrows.".to_owned(),
        ),
    ]
}

/// The loss at the end of each branch, of the smallest batch's.
fn excess(points: &[BranchPoint], tolerance: f64) -> LineChart {
    let mut excess = LineChart::new(
        "Loss at the end of a branch",
        "rows of a batch",
        "of that of the smallest batch",
    )
    .log2_x()
    .log_y();
    let is_finite = |known: &Estimate| known.value < DIVERGED;
    let all = points.iter().flat_map(|point| &point.excess);
    let highest = all.filter(|(_, known)| is_finite(known));
    let highest = highest.fold(1.0 + tolerance, |most, (_, known)| {
        f64::max(most, 1.0 + known.value)
    });
    for point in points {
        let line = || point.excess.iter().filter(|(_, known)| is_finite(known));
        let diverged = point.excess.iter().filter(|(_, known)| !is_finite(known));
        let band = line().filter_map(|(size, known)| {
            let (low, high) = known.bounds()?;
            Some((*size as f64, 1.0 + low, 1.0 + high))
        });
        excess = excess
            .line(
                format!("epoch {}", point.at),
                line()
                    .map(|(size, known)| (*size as f64, 1.0 + known.value))
                    .collect(),
            )
            .band(band.collect())
            .censored(diverged.map(|(size, _)| (*size as f64, highest)).collect());
    }
    if let (Some(first), Some(last)) = (
        points.first().and_then(|point| point.excess.first()),
        points.first().and_then(|point| point.excess.last()),
    ) {
        let level = [first.0, last.0].map(|size| (size as f64, 1.0 + tolerance));
        excess = excess.dashed("tolerance", level.into());
    }
    excess
}

/// Where a band begins and ends.
fn band_at(at: f64, known: Estimate) -> Option<(f64, f64, f64)> {
    let (low, high) = known.bounds()?;
    Some((at, low, high))
}

/// The page of a study of branches.
///
/// Example: [`branch_charts`].
pub fn branch_report(
    title: &str,
    command: &str,
    points: &[BranchPoint],
    tolerance: f64,
    figures: &[Figure],
) -> HtmlReport {
    let mut page = headed(title, command);
    add(&mut page, figures);
    let (head, rows) = branch_table(points);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    page.heading("Points")
        .paragraph(&format!("Tolerance: {} %.", 100.0 * tolerance))
        .table(&head, &rows);
    page
}
