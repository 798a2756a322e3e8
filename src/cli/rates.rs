//! `unisono schedule` and `unisono lr-range`: learning rates, drawn.

use std::io::IsTerminal;
use std::path::Path;

use clap::ArgMatches;

use crate::optim::{BatchPolicy, PlanContext, Progress};
use crate::study::{Chart, LineChart};
use crate::train::{LrRange, TrainError};

use super::args::{LrRangeArgs, ScheduleArgs};
use super::config::{ArgError, CommandError, TrainSettings, refused};
use super::document::Settled;
use super::optim::OptimSettings;
use super::task::{Task, first_trainer, task};

/// Size of a chart in the terminal, in characters.
const TERMINAL: (usize, usize) = (100, 30);

/// Rates and batches over the epochs, and where the training ends.
struct Planned {
    rates: Vec<(f64, f64)>,
    batches: Vec<(f64, f64)>,
    progress: Progress,
}

fn planned(settings: &TrainSettings, policy: &mut dyn BatchPolicy, rows: usize) -> Planned {
    let OptimSettings {
        optimizer,
        schedule,
        ..
    } = &settings.optim;
    let (mut rates, mut batches) = (Vec::new(), Vec::new());
    let mut progress = Progress::default();
    while progress.epoch < settings.epochs {
        let mut start = 0;
        while start < rows {
            progress.in_epoch = start as f64 / rows as f64;
            let plan = policy.plan(&PlanContext {
                progress: &progress,
                schedule,
                lr: optimizer.lr(),
            });
            let epochs = f64::from(progress.epoch) + progress.in_epoch;
            rates.push((epochs, f64::from(plan.lr)));
            batches.push((epochs, plan.batch_size as f64));
            let end = (start + plan.batch_size).min(rows);
            progress.examples += (end - start) as u64;
            progress.step += 1;
            start = end;
        }
        (progress.epoch, progress.in_epoch) = (progress.epoch + 1, 0.0);
    }
    Planned {
        rates,
        batches,
        progress,
    }
}

/// Draws the rate and, where it changes, the batch over a training of so many rows and epochs.
pub(super) fn schedule(args: &ScheduleArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    let settled = Settled::new(&args.train, flags, &args.from)?;
    let settings = settled.settings()?;
    let OptimSettings {
        optimizer,
        schedule,
        batch_rule,
    } = &settings.optim;
    let rows = match args.rows {
        Some(rows) => rows,
        None => task(&settings)?.data[0].len(),
    };
    if rows == 0 || settings.epochs == 0 {
        return Err(refused("rows and --epochs", "at least 1", "0").into());
    }
    optimizer.build().map_err(TrainError::from)?;
    let mut policy = batch_rule
        .start(settings.batch_size)
        .map_err(TrainError::from)?;
    if policy.needs_moments() {
        let expected =
            "fixed, staged or adabatch: the others follow the gradients and cannot be drawn ahead";
        return Err(refused("batch-policy", expected, &batch_rule.to_string()).into());
    }
    let Planned {
        rates,
        batches,
        progress,
    } = planned(&settings, &mut *policy, rows);
    let title = format!("{schedule}; batches {batch_rule}");
    let chart = LineChart::new(title, ("epochs", "learning rate")).line("lr", thin(&rates));
    draw(&chart);
    let grows = batches.iter().any(|batch| batch.1 != batches[0].1);
    if grows {
        let rows =
            LineChart::new("rows of a batch", ("epochs", "rows")).line("rows", thin(&batches));
        draw(&rows);
    }
    say!("optimizer: {optimizer}");
    say!("schedule: {schedule}");
    say!("batch policy: {batch_rule}, from {}", settings.batch_size);
    say!("steps: {}", rates.len());
    let (first, last) = (rates[0].1, rates[rates.len() - 1].1);
    let highest = rates.iter().fold(0.0_f64, |most, rate| most.max(rate.1));
    say!("learning rate: first {first:.6}, highest {highest:.6}, last {last:.6}");
    if let Some(warning) = schedule.warning(&progress) {
        eprintln!("warning: {warning}");
    }
    save(&chart, args.svg.as_deref())
}

/// Runs a range test on the task that `unisono train` would train.
pub(super) fn lr_range(args: &LrRangeArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    let range = LrRange {
        from: args.lowest,
        to: args.to,
        steps: args.steps,
    };
    let settled = Settled::new(&args.train, flags, &args.from)?;
    let settings = settled.settings()?;
    let Task {
        model,
        data,
        sampling,
        balance,
        ..
    } = task(&settings)?;
    if let Some(balance) = balance {
        say!("classes: {balance}");
    }
    let curve = first_trainer(&settings, model)?
        .sampling(sampling)
        .lr_range_test(&*data[0], range)?;
    let log = |points: &dyn Fn(&crate::train::LrPoint) -> f64| -> Vec<(f64, f64)> {
        let points = curve
            .points
            .iter()
            .map(|p| (f64::from(p.lr).log10(), points(p)));
        points.collect()
    };
    let chart = LineChart::new(
        "learning-rate range test",
        ("log10 of the learning rate", "loss"),
    )
    .line("loss", log(&|point| point.loss))
    .line("smoothed", log(&|point| point.smoothed));
    draw(&chart);
    say!("optimizer: {}", settings.optim.optimizer);
    say!("steps: {} of {}", curve.points.len(), args.steps);
    match curve.suggestion() {
        Some(lr) => {
            say!("suggested learning rate: {lr:.6} (steepest fall of the smoothed loss)")
        }
        None => say!("suggested learning rate: none, the loss never fell"),
    }
    save(&chart, args.svg.as_deref())
}

/// In colour on a terminal, unless NO_COLOR says otherwise.
fn draw(chart: &LineChart) {
    let text = chart.terminal(TERMINAL.0, TERMINAL.1);
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

/// At most some 2,000 points, the last one among them: more would not be seen.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(2000).max(1);
    let last = points.last().copied();
    points.iter().copied().step_by(every).chain(last).collect()
}

fn save(chart: &LineChart, path: Option<&Path>) -> Result<(), CommandError> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, chart.svg()).map_err(|source| CommandError::Write {
        path: path.to_owned(),
        source,
    })?;
    say!("chart: {}", path.display());
    Ok(())
}

impl From<ArgError> for CommandError {
    fn from(error: ArgError) -> Self {
        CommandError::Args(error)
    }
}
