//! `unisono schedule` and `unisono lr-range`: learning rates, plotted.

use std::io::IsTerminal;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::optim::{BatchPolicy, PlanContext, Progress};
use crate::report::{Chart, LineChart};
use crate::train::{LrCurve, LrPoint, LrRange, TrainError};

use super::args::{LrRangeArgs, ScheduleArgs};
use super::config::TrainSettings;
use super::document::ResolvedConfig;
use super::error::{ArgError, CommandError, refused};
use super::optim::OptimSettings;
use super::settings_table::{By, refuse};
use super::stdout::{json, only_json};
use super::task::{Task, first_trainer, task};
use super::terminal::columns;

/// Lines of a chart in the terminal, and its columns at least and at most.
const LINES: usize = 30;
const COLUMNS: (usize, usize) = (40, 120);

/// Steps of a training that is drawn.
const MOST_STEPS: u64 = 10_000_000;

/// Points of a line: more would not be seen.
const POINTS: usize = 2_000;

/// A line that takes every point, and keeps some of them, evenly spread.
struct Line {
    kept: Vec<(f64, f64)>,
    /// Points from one kept to the next, and those that there were.
    every: u64,
    count: u64,
    last: (f64, f64),
    highest: f64,
}

impl Line {
    fn new() -> Self {
        Self {
            kept: Vec::new(),
            every: 1,
            count: 0,
            last: (0.0, 0.0),
            highest: 0.0,
        }
    }

    fn push(&mut self, x: f64, y: f64) {
        if self.count.is_multiple_of(self.every) {
            self.kept.push((x, y));
            if self.kept.len() > 2 * POINTS {
                let mut at = 0..;
                self.kept
                    .retain(|_| at.next().is_some_and(|at| at % 2 == 0));
                self.every *= 2;
            }
        }
        self.count += 1;
        self.last = (x, y);
        self.highest = self.highest.max(y);
    }

    fn points(&self) -> Vec<(f64, f64)> {
        let is_kept = self.kept.last() == Some(&self.last);
        let last = (!is_kept).then_some(self.last);
        self.kept.iter().copied().chain(last).collect()
    }
}

/// Rates and batches over the epochs, and where the training ends.
struct Planned {
    rates: Line,
    batches: Line,
    progress: Progress,
}

fn planned(
    settings: &TrainSettings,
    policy: &mut dyn BatchPolicy,
    rows: usize,
) -> Result<Planned, ArgError> {
    let OptimSettings {
        optimizer,
        schedule,
        ..
    } = &settings.optim;
    let (mut rates, mut batches) = (Line::new(), Line::new());
    let mut progress = Progress::default();
    let most = settings.max_steps.unwrap_or(u64::MAX);
    while progress.epoch < settings.epochs && progress.step < most {
        let mut start = 0;
        while start < rows && progress.step < most {
            progress.in_epoch = start as f64 / rows as f64;
            let plan = policy.plan(&PlanContext {
                progress: &progress,
                schedule,
                lr: optimizer.lr(),
            });
            let epochs = f64::from(progress.epoch) + progress.in_epoch;
            rates.push(epochs, f64::from(plan.lr));
            batches.push(epochs, plan.batch_size as f64);
            let end = start.saturating_add(plan.batch_size).min(rows);
            progress.examples += (end - start) as u64;
            progress.step += 1;
            start = end;
            if progress.step > MOST_STEPS {
                let message =
                    format!("{MOST_STEPS} steps at most are drawn; take fewer epochs or rows");
                return Err(ArgError::text("epochs", &message));
            }
        }
        // A training that ends within an epoch has not come to its end.
        (progress.epoch, progress.in_epoch) = if start < rows {
            (progress.epoch, start as f64 / rows as f64)
        } else {
            (progress.epoch + 1, 0.0)
        };
    }
    Ok(Planned {
        rates,
        batches,
        progress,
    })
}

/// Draws the rate and, where it changes, the batch over a training of so many rows and epochs.
pub(super) fn schedule(args: &ScheduleArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    only_json(args.json.json);
    let files = args.chart.files()?;
    let resolved = ResolvedConfig::new(&args.train, flags, &args.from)?;
    let has_rows = args.rows.is_some();
    refuse(&resolved, By::Schedule { has_rows })?;
    let settings = resolved.settings()?;
    let OptimSettings {
        optimizer,
        schedule,
        batch_rule,
    } = &settings.optim;
    // Rows and steps of a training: those of the data, unless they are given.
    let rows = match args.rows {
        Some(rows) => rows,
        None => task(&settings)?.data[0].len(),
    };
    if rows == 0 || settings.epochs == 0 || settings.max_steps == Some(0) {
        return Err(refused("rows, --epochs and --max-steps", "at least 1", "0").into());
    }
    // A policy that follows the gradients cannot be drawn ahead.
    optimizer.build().map_err(TrainError::from)?;
    let mut policy = batch_rule
        .start(settings.batch_size)
        .map_err(TrainError::from)?;
    if batch_rule.needs_moments() {
        let expected =
            "fixed, staged or adabatch: the others follow the gradients and cannot be drawn ahead";
        return Err(refused("batch-policy", expected, &batch_rule.to_string()).into());
    }
    let Planned {
        rates,
        batches,
        progress,
    } = planned(&settings, &mut *policy, rows)?;
    // The charts, and the numbers in words.
    let title = format!("{schedule}; batches {batch_rule}");
    let chart = LineChart::new(title, "epochs", "learning rate").line("lr", rates.points());
    draw(&chart);
    let grows = batches.highest != batches.kept[0].1;
    if grows {
        let rows =
            LineChart::new("rows of a batch", "epochs", "rows").line("rows", batches.points());
        draw(&rows);
    }
    say!("optimizer: {optimizer}");
    say!("schedule: {schedule}");
    say!("batch policy: {batch_rule}, from {}", settings.batch_size);
    say!("steps: {}", rates.count);
    let (first, last, highest) = (rates.kept[0].1, rates.last.1, rates.highest);
    say!("learning rate: first {first:.6}, highest {highest:.6}, last {last:.6}");
    json(|| drawn_json(&settings, rows, [&rates, &batches]));
    if let Some(warning) = schedule.warning(&progress) {
        note!("warning: {warning}");
    }
    files.write(&chart)
}

/// A drawn schedule as an object: the curves of rates and batches.
fn drawn_json(settings: &TrainSettings, rows: usize, [rates, batches]: [&Line; 2]) -> Value {
    let optim = &settings.optim;
    json!({
        "optimizer": optim.optimizer.to_string(),
        "schedule": optim.schedule.to_string(),
        "batch_policy": optim.batch_rule.to_string(),
        "batch_size": settings.batch_size,
        "rows": rows,
        "steps": rates.count,
        "epochs": rates.last.0,
        "lr_first": rates.kept[0].1,
        "lr_highest": rates.highest,
        "lr_last": rates.last.1,
        "lr": rates.points(),
        "batch": batches.points(),
    })
}

/// Runs a range test on the task that `unisono train` would train.
pub(super) fn lr_range(args: &LrRangeArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    only_json(args.json.json);
    let range = LrRange {
        from: args.lowest,
        to: args.to,
        steps: args.steps,
    };
    let files = args.chart.files()?;
    let resolved = ResolvedConfig::new(&args.train, flags, &args.from)?;
    refuse(&resolved, By::LrRange)?;
    let settings = resolved.settings()?;
    settings.check_batches()?;
    let Task {
        model,
        loss,
        data,
        sampling,
        balance,
        preparation,
        ..
    } = task(&settings)?;
    if let Some(balance) = balance {
        say!("classes: {balance}");
    }
    // The test itself.
    let curve = first_trainer(&settings, model, loss, preparation.as_ref())?
        .sampling(sampling)
        .lr_range_test(&*data[0], range)?;
    // The chart, over the logarithm of the rate.
    let log = |points: &dyn Fn(&LrPoint) -> f64| -> Vec<(f64, f64)> {
        let points = curve
            .points
            .iter()
            .map(|p| (f64::from(p.lr).log10(), points(p)));
        points.collect()
    };
    let chart = LineChart::new(
        "learning-rate range test",
        "log10 of the learning rate",
        "loss",
    )
    .line("loss", log(&|point| point.loss))
    .line("smoothed", log(&|point| point.smoothed));
    draw(&chart);
    say!("optimizer: {}", settings.optim.optimizer);
    say!("steps: {} of {}", curve.points.len(), args.steps);
    json(|| range_json(&settings, args.steps, &curve));
    match curve.suggestion() {
        Some(lr) => {
            say!("suggested learning rate: {lr:.6} (steepest fall of the smoothed loss)")
        }
        None => say!("suggested learning rate: none, the loss never fell"),
    }
    files.write(&chart)
}

/// A range test as an object.
fn range_json(settings: &TrainSettings, asked: u32, curve: &LrCurve) -> Value {
    let point =
        |point: &LrPoint| json!({ "lr": point.lr, "loss": point.loss, "smoothed": point.smoothed });
    json!({
        "optimizer": settings.optim.optimizer.to_string(),
        "steps": curve.points.len(),
        "steps_asked": asked,
        "lr_suggested": curve.suggestion(),
        "points": curve.points.iter().map(point).collect::<Vec<_>>(),
    })
}

/// In colour on a terminal, unless NO_COLOR says otherwise.
fn draw(chart: &LineChart) {
    let text = chart.terminal(columns().clamp(COLUMNS.0, COLUMNS.1), LINES);
    let has_colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if has_colour {
        say!("{text}");
        return;
    }
    // What lies between an escape and the m that ends it is a colour.
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let plain = parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_, rest)| rest)
    });
    say!("{plain}");
}
