//! Charts of a measurement: speed-up, efficiency, split of the step, roofline, prediction.

use crate::engine::Phase;
use crate::report::{Chart, LineChart, StackedBars};
use crate::stats::{Estimate, Law, spread_text};

use super::analysis::Analysis;
use super::laws::LawReport;
use super::plan::{Cell, Kind};
use super::results::Results;
use super::summary::Row;

/// A chart with the name of its files and what is to be seen in it.
///
/// Example: [`Analysis`].
pub type Captioned = (&'static str, Box<dyn Chart>, String);

/// The same of lines.
struct Lines {
    name: &'static str,
    chart: LineChart,
    caption: String,
}

/// Every chart that there is something to draw for.
///
/// Example: [`Analysis`].
pub fn charts(results: &Results, analysis: &Analysis) -> Vec<Captioned> {
    let rows = &analysis.rows;
    let setting = setting(results);
    let mut charts: Vec<Captioned> = vec![
        speedup(analysis).with(&setting),
        efficiency(rows).with(&setting),
        split(rows, &setting),
        roofline(results, rows).with(&setting),
    ];
    if analysis.predictions.len() > 1 {
        charts.push(far(analysis).with(&setting));
    }
    charts
}

/// What was measured, and on which machine: the line below each title.
fn setting(results: &Results) -> String {
    let (model, batch) = (results.model(), results.batch_size);
    let on = results.machine.cpu.as_ref();
    let on = on.map_or(String::new(), |cpu| format!("; {cpu}"));
    format!(
        "{model}, {} parameters, batch {batch}{on}",
        results.num_params
    )
}

impl Lines {
    /// As one of all charts, with the line below its title.
    fn with(self, setting: &str) -> Captioned {
        let chart = self.chart.subtitle(setting);
        (self.name, Box::new(chart), self.caption)
    }
}

/// A line through rows of a kind.
struct Line {
    name: String,
    kind: Kind,
    over: Over,
    /// Threads of all ranks, and one of the row's estimates.
    points: Vec<(f64, Estimate)>,
}

/// What grows along a line, and what stays the same.
#[derive(Clone, Copy)]
enum Over {
    Ranks { threads: usize },
    Threads { ranks: usize },
}

impl Line {
    /// Whether the law is fitted to its points.
    fn is_of(&self, law: &LawReport) -> bool {
        let is_kind = (self.kind == Kind::Weak) == (law.fit.law == Law::Gustafson);
        let is_over = match (self.over, law.rank_threads) {
            (Over::Ranks { threads }, Some(fitted)) => threads == fitted,
            (Over::Threads { ranks }, None) => ranks == 1,
            _ => false,
        };
        is_kind && is_over
    }
}

/// Lines of two points or more through rows of a kind; of one thread both modes are the same row.
/// Of several ranks there is a line for each number of threads, over ranks, or the other way round
/// where there are more numbers of threads.
fn lines(rows: &[Row], kind: Kind, of: impl Fn(&Row) -> Estimate) -> Vec<Line> {
    let name = rows.iter().find(|row| row.cell.kind == kind);
    let name = name.map_or(String::new(), |row| row.cell.name());
    let counts = |of: fn(&Cell) -> usize| {
        let mut counts: Vec<usize> = rows.iter().map(|row| of(&row.cell)).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    };
    let (ranks, threads) = (counts(|cell| cell.ranks), counts(|cell| cell.threads));
    let is_over_ranks = ranks.len() > 1 && ranks.len() >= threads.len();
    let lines = match is_over_ranks {
        true => threads,
        false => ranks.clone(),
    };
    let line = |count: usize| {
        let is_it = |row: &&Row| {
            let cell = &row.cell;
            let is_kind = cell.kind == kind
                || (kind == Kind::Weak && cell.kind == Kind::Strong && cell.workers() == 1);
            let at = if is_over_ranks {
                cell.threads
            } else {
                cell.ranks
            };
            is_kind && at == count
        };
        let points = rows.iter().filter(is_it);
        let points = points.map(|row| (row.cell.workers() as f64, of(row)));
        let (name, over) = match (is_over_ranks, count) {
            (true, threads) => {
                let s = if threads == 1 { "" } else { "s" };
                let name = format!("{name}, ranks of {threads} thread{s}");
                (name, Over::Ranks { threads })
            }
            (false, 1) if ranks.len() == 1 => (name.clone(), Over::Threads { ranks: 1 }),
            (false, ranks) => {
                let s = if ranks == 1 { "" } else { "s" };
                (format!("{name}, {ranks} rank{s}"), Over::Threads { ranks })
            }
        };
        Line {
            name,
            kind,
            over,
            points: points.collect(),
        }
    };
    let lines = lines.into_iter().map(line);
    lines.filter(|line| line.points.len() > 1).collect()
}

/// What the horizontal axis of a chart over all cells counts.
fn axis(rows: &[Row]) -> &'static str {
    match has_ranks(rows) {
        true => "threads of all ranks",
        false => "threads",
    }
}

/// Whether any cell has several.
pub(super) fn has_ranks(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.cell.ranks > 1)
}

fn add(chart: LineChart, line: &Line) -> LineChart {
    let points = line.points.iter().map(|(x, y)| (*x, y.value));
    let chart = chart.line(line.name.as_str(), points.collect());
    chart.band(band(&line.points))
}

/// Where bounds are known.
fn band(points: &[(f64, Estimate)]) -> Vec<(f64, f64, f64)> {
    let bounds = points.iter().filter_map(|(x, y)| Some((*x, y.bounds()?)));
    bounds.map(|(x, (low, high))| (x, low, high)).collect()
}

fn speedup(analysis: &Analysis) -> Lines {
    let rows = &analysis.rows;
    let most = rows.iter().map(|row| row.cell.workers()).max().unwrap_or(1);
    let mut chart = LineChart::new("Speed-up", axis(rows), "rows a second, of the base's");
    let of_kind = |kind| lines(rows, kind, |row| row.speedup);
    let drawn: Vec<Line> = [Kind::Strong, Kind::Weak]
        .into_iter()
        .flat_map(of_kind)
        .collect();
    for line in &drawn {
        chart = add(chart, line);
    }
    // Beside what was measured: the ideal, the laws, the model.
    let ideal = vec![(1.0, 1.0), (most as f64, most as f64)];
    chart = chart.dashed("ideal", ideal).like(6);
    let base = rows[0].throughput.value;
    let has_ranks = has_ranks(rows);
    for law in &analysis.laws {
        let unit = law.rank_threads.unwrap_or(1);
        let steps = 1..=most * 4 / unit;
        let curve = steps.map(|n| n as f64 / 4.0).filter(|n| *n >= 1.0);
        let curve = curve.map(|n| (n * unit as f64, law.fit.throughput(n) / base));
        let line = drawn.iter().position(|line| line.is_of(law));
        chart = match (has_ranks, line) {
            (false, _) => chart.dashed(law.name(), curve.collect()),
            // Of many lines, in the colour of its own.
            (true, Some(line)) => chart.dashed(law.name(), curve.collect()).like(line),
            (true, None) => chart,
        };
    }
    // The model is of one rank.
    let threads = rows.iter().map(|row| row.cell.threads).max().unwrap_or(1);
    let near = analysis.predictions.iter();
    let near = near.filter(|known| known.threads <= threads);
    let near: Vec<(f64, Estimate)> = near
        .map(|known| (known.threads as f64, known.speedup))
        .collect();
    let name = match has_ranks {
        true => "model of the step, 1 rank",
        false => "model of the step",
    };
    let points = near.iter().map(|(threads, known)| (*threads, known.value));
    chart = chart.points(name, points.collect()).band(band(&near));
    let bands = spread_text(rows.iter().map(|row| row.speedup.samples));
    let caption = format!(
        "Medians, {bands}. The base is the fastest program of one thread: one shard, no all-reduce."
    );
    Lines {
        name: "speedup",
        chart,
        caption,
    }
}

fn efficiency(rows: &[Row]) -> Lines {
    let mut chart = LineChart::new(
        "Efficiency",
        axis(rows),
        "speed-up of the number of threads",
    );
    for kind in [Kind::Strong, Kind::Weak, Kind::PerWorker] {
        for line in lines(rows, kind, |row| row.efficiency) {
            chart = add(chart, &line);
        }
    }
    let most = rows.iter().map(|row| row.cell.workers()).max().unwrap_or(1);
    chart = chart
        .dashed("ideal", vec![(1.0, 1.0), (most as f64, 1.0)])
        .like(6);
    let caption = "1 means that every thread does as much as the base alone.";
    Lines {
        name: "efficiency",
        chart,
        caption: caption.to_owned(),
    }
}

fn split(rows: &[Row], setting: &str) -> Captioned {
    let parts = Phase::EACH.map(Phase::name);
    let has_ranks = has_ranks(rows);
    let mut chart = StackedBars::new(
        "Where the workers' time goes",
        match has_ranks {
            true => "ranks x threads",
            false => "threads",
        },
        "ms a step, median worker",
        &parts,
    )
    .subtitle(setting);
    for row in rows {
        let kind = match row.cell.kind {
            Kind::Strong => "strong",
            Kind::Weak => "weak",
            _ => continue,
        };
        let times: Vec<f64> = row.phases.iter().map(|phase| phase.median_ms).collect();
        let Cell { ranks, threads, .. } = row.cell;
        let name = match has_ranks {
            true => format!("{ranks}x{threads} {kind}"),
            false => format!("{threads} {kind}"),
        };
        chart = chart.bar(name, &times);
    }
    let caption =
        "The fold counts what adds shards in memory; most are added in registers, inside backward.";
    ("split", Box::new(chart), caption.to_owned())
}

fn roofline(results: &Results, rows: &[Row]) -> Lines {
    let most = results.bandwidth.last().map_or(1, |known| known.0);
    let running = most.min(results.machine.usable_cores) as f64;
    let bandwidth = results.bandwidth.last().map_or(f64::NAN, |known| known.1);
    let peak = results.peak_flops * running;
    let knee = peak / bandwidth;
    // Each byte of an activation is written once and read once, if it leaves the caches at all.
    let a_row = 2.0 * results.activation_bytes_per_row;
    let points = |kind: Kind, a_row: f64| -> Vec<(f64, f64)> {
        let of_kind = rows.iter().filter(|row| row.cell.kind == kind);
        let point = |row: &Row| {
            let share = row.bandwidth_share?;
            let flops = results.flops_per_row * row.throughput.value;
            let known = results
                .bandwidth
                .iter()
                .find(|known| known.0 == row.cell.threads)?;
            let bytes_per_s = share * known.1 + a_row * row.throughput.value;
            Some((flops / bytes_per_s, flops / 1e9))
        };
        of_kind.filter_map(point).collect()
    };
    // With the bytes that must move, and with those of activations too.
    let (strong, weak) = (points(Kind::Strong, 0.0), points(Kind::Weak, 0.0));
    let (far_strong, far_weak) = (points(Kind::Strong, a_row), points(Kind::Weak, a_row));
    let series = [&strong, &weak, &far_strong, &far_weak];
    let all = || series.into_iter().flatten().map(|point| point.0);
    let left = all().fold(knee, f64::min) / 3.0;
    let right = all().fold(knee, f64::max) * 3.0;
    // The roof: bandwidth up to the knee, the peak behind it.
    let roof = vec![
        (left, left * bandwidth / 1e9),
        (knee, peak / 1e9),
        (right, peak / 1e9),
    ];
    let mut chart = LineChart::new(
        format!("Roofline of {most} threads"),
        "multiply-adds' FLOP a byte that must move",
        "GFLOP/s",
    )
    .log_x()
    .log_y()
    .line("roof", roof)
    .like(6)
    .points("strong", strong)
    .points("weak", weak);
    if a_row > 0.0 {
        chart = chart
            .points("strong, activations too", far_strong)
            .points("weak, activations too", far_weak);
    }
    let caption = "Peak: the crate's own kernel on operands in L1. Bandwidth: a triad in memory. The bytes are those of the weights, their gradients and the update, as if all activations stayed in the caches; and with them, as if each were written to memory once and read once. The truth lies between.";
    Lines {
        name: "roofline",
        chart,
        caption: caption.to_owned(),
    }
}

fn far(analysis: &Analysis) -> Lines {
    let predictions = &analysis.predictions;
    let curve: Vec<(f64, Estimate)> = predictions
        .iter()
        .map(|known| (known.threads as f64, known.speedup))
        .collect();
    let base = curve[0].1.value * predictions[0].step_ms.value;
    let measured = predictions
        .iter()
        .filter_map(|known| Some((known.threads as f64, base / known.measured_ms?)));
    let line = curve.iter().map(|(x, y)| (*x, y.value)).collect();
    let interval = band(&curve);
    let most = curve.last().map_or(1.0, |point| point.0);
    // The model, the laws, and what was measured.
    let mut chart = LineChart::new(
        "Prediction: strong scaling beyond what was measured",
        "threads",
        "rows a second, of the base's",
    )
    .log_x()
    .log_y()
    .dashed("model of the step (prediction)", line)
    .band(interval)
    .dashed("ideal", vec![(1.0, 1.0), (most, most)])
    .like(6);
    for law in analysis
        .laws
        .iter()
        .filter(|law| law.fit.law != Law::Gustafson)
    {
        let points = law.predicted.iter().filter(|known| known.0 as f64 <= most);
        let points: Vec<(f64, Estimate)> = points
            .map(|&(threads, gain)| (threads as f64, gain))
            .collect();
        let line = points.iter().map(|(threads, gain)| (*threads, gain.value));
        let name = format!("{} (prediction)", law.fit.law.name());
        chart = chart.dashed(name, line.collect()).band(band(&points));
    }
    chart = chart.points("measured", measured.collect());
    let caption = "Nothing but the points is measured. The model keeps the cost of a row, a parameter and a message of the fewest threads: caches, bandwidth and sockets of larger machines are not in it.";
    Lines {
        name: "prediction",
        chart,
        caption: caption.to_owned(),
    }
}
