//! `unisono study`: what the batch size does to training.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Instant;

use clap::ArgMatches;
use toml::Table;

use crate::nn::{Loss, Network};
use crate::study::batch_size::{
    Arm, ArmOutcome, ArmSummary, Arms, Curve, Direction, Outcome, Range, Space, StepsToTarget,
    Store, StudyError, StudyEvent, TIME_HEAD, Target, TimePoint, TimeToTarget, Training, Workload,
    adaptive_batches, arms_page, curve_charts, curve_page, generalisation_gap, large_batches,
    merge, sharpness, time_charts, time_page, time_table,
};

use super::config::{CommandError, TrainSettings, refused};
use super::document::{Settled, parse_as};
use super::keys::Key;
use super::output::{aligned, command_line, picture, report, write};
use super::signals::Stops;
use super::study_args::{StudyArgs, StudyCommand, StudyFile, StudyOf};
use super::task::{Task, task};

/// The target where none is named: a share of the test rows.
const TARGET_ERROR: f64 = 0.05;
/// Rows on which sharpness is measured.
const SHARPNESS_ROWS: usize = 2_000;

/// What sharpness must not be taken for.
const CAVEAT: &str = "Sharpness is 100 (max f(x+y) - f(x)) / (1 + f(x)) over |y| <= eps (|x| + 1) on training rows (Keskar et al. 2017). It is not invariant under rescaling of the weights (Dinh et al. 2017): compare networks of one architecture, trained alike, at best.";

/// Settings, the task, and what is varied.
struct Study {
    settings: TrainSettings,
    task: Task,
    args: StudyArgs,
    batches: Vec<usize>,
    target: Target,
}

pub(super) fn study(command: &StudyCommand, flags: &ArgMatches) -> Result<(), CommandError> {
    let (_, flags) = flags.subcommand().expect("clap asks for a study");
    match command {
        StudyCommand::Steps(of) => steps(of, flags),
        StudyCommand::Time { of, on_threads } => time(of, on_threads.as_deref(), flags),
        StudyCommand::Recipes(of) => arms(of, flags, "Recipes for large batches", |study| {
            let (optimizer, pair) = (&study.settings.optim.optimizer, study.pair());
            large_batches(&study.task.model, optimizer, pair, study.settings.epochs)
        }),
        StudyCommand::Adaptive(of) => arms(of, flags, "Adaptive batches", |study| {
            let (lr, pair) = (study.settings.optim.optimizer.lr(), study.pair());
            adaptive_batches(&study.task.model, lr, pair, study.settings.epochs)
        }),
        StudyCommand::Gap(of) => arms(of, flags, "The generalisation gap", |study| {
            let (optimizer, pair) = (&study.settings.optim.optimizer, study.pair());
            generalisation_gap(&study.task.model, optimizer, pair, study.settings.epochs)
        }),
        StudyCommand::Merge { slices, into } => {
            let trials = merge(slices, into)?;
            say!("trials: {trials}");
            say!("study: {}", into.display());
            Ok(())
        }
    }
}

impl Study {
    fn new(of: &StudyOf, flags: &ArgMatches) -> Result<Self, CommandError> {
        let mut base = match &of.from.config {
            Some(path) => parse_as::<StudyFile>(path)?,
            None => Table::new(),
        };
        let mut section = Table::new();
        section.extend(
            base.remove("study")
                .map(|value| ("study".to_owned(), value)),
        );
        let given = Table::try_from(&of.study).expect("settings are plain values");
        let given = Table::from_iter([("study".to_owned(), toml::Value::Table(given))]);
        for key in Key::of::<StudyArgs>("study") {
            if let (true, Some(value)) = (key.is_given(flags), key.value(&given)) {
                key.put(&mut section, value.clone());
            }
        }
        let args: StudyArgs = match section.remove("study") {
            Some(section) => section.try_into().expect("it has been read as such"),
            None => StudyArgs::default(),
        };
        let sources = (&of.train, flags, &of.from);
        let settled = Settled::over(base, of.from.config.clone(), sources)?;
        let settings = settled.settings()?;
        if let Some((file, _)) = &settings.weights {
            let expected = "left out of a study, whose trainings begin with weights of their own";
            return Err(refused("weights", expected, &file.display().to_string()).into());
        }
        let target = match (args.target_error, args.target_loss) {
            (Some(_), Some(_)) => {
                let expected = "an error or a loss, not both";
                return Err(refused("target-error", expected, "both").into());
            }
            (None, Some(loss)) => Target::Loss(loss),
            (error, None) => Target::Error(error.unwrap_or(TARGET_ERROR)),
        };
        Ok(Self {
            task: task(&settings)?,
            settings,
            batches: batches(&args.batches)?,
            args,
            target,
        })
    }

    /// The first batch size and the last.
    fn pair(&self) -> (usize, usize) {
        (self.batches[0], self.batches[self.batches.len() - 1])
    }

    fn steps(&self, of: &StudyOf) -> Result<StepsToTarget, CommandError> {
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
        Ok(StepsToTarget {
            batch_sizes: self.batches.clone(),
            space: Space {
                lr: self.args.lr_range.parse()?,
                one_minus_momentum: self
                    .args
                    .momentum_range
                    .as_deref()
                    .map(str::parse::<Range>)
                    .transpose()?,
            },
            search: self.args.search.parse()?,
            candidates: self.args.candidates,
            repeats: self.args.repeats,
            target: self.target,
            max_steps: self.settings.max_steps.unwrap_or(u64::MAX),
            max_epochs: f64::from(self.settings.epochs),
            seed: self.settings.seed,
            parallel: of.parallel_trials.unwrap_or(cores),
            slice: slice(&of.slice)?,
        })
    }
}

/// `1,2,4`, or `1..1024` for powers of two.
fn batches(text: &str) -> Result<Vec<usize>, CommandError> {
    let odd = || refused("batches", "numbers with commas, or LOW..HIGH", text);
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| odd());
    let Some((low, high)) = text.split_once("..") else {
        let all = text.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
        return Ok(all);
    };
    let (low, high) = (number(low)?, number(high)?);
    if low == 0 || low > high {
        return Err(odd().into());
    }
    let doubled = std::iter::successors(Some(low), |size| size.checked_mul(2));
    Ok(doubled.take_while(|&size| size <= high).collect())
}

fn slice(text: &str) -> Result<(usize, usize), CommandError> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
    Ok(numbers.ok_or_else(|| refused("slice", "K/N with K from 1 to N", text))?)
}

impl Study {
    /// The study's model on its data.
    fn workload(&self) -> Training<'_> {
        let [train, test] = &self.task.data;
        let workload = Training::new(self.task.model.clone(), &**train, &**test)
            .sampling(self.task.sampling.clone())
            .schedule(self.settings.optim.schedule.clone());
        match self.settings.tracks_noise_scale {
            true => workload.track_noise_scale(),
            false => workload,
        }
    }
}

fn steps(of: &StudyOf, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(of, flags)?;
    let (plan, workload) = (study.steps(of)?, study.workload());
    let mut store = store(of, &plan.settings(&workload))?;
    let outcomes = tried(&plan, &workload, &mut store)?;
    let curve = Curve::of(&outcomes, plan.seed);
    let (head, rows) = curve.table();
    aligned(&head, &rows);
    match &curve.critical_batch {
        Some(critical) => say!("critical batch size: {critical}"),
        None => say!(
            "critical batch size: not determined, fewer than three batch sizes reached the target or they lie on no hyperbola"
        ),
    }
    let Some(folder) = &of.out else { return Ok(()) };
    for (name, chart, _) in curve_charts(&curve, study.target) {
        picture(folder, name, &*chart)?;
    }
    let title = format!("Steps to a target: {}", workload.describe());
    let page = curve_page(&title, &command_line(), (&curve, study.target));
    report(folder, &page)
}

/// The study of steps, if it is not there yet, and then its winners' fresh runs on each number of threads.
fn time(of: &StudyOf, on_threads: Option<&str>, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(of, flags)?;
    let threads = match on_threads {
        Some(list) => super::scaling::threads("on-threads", list)?,
        None => super::scaling::default_threads()?,
    };
    let (plan, workload) = (study.steps(of)?, study.workload());
    let mut store = store(of, &plan.settings(&workload))?;
    let known = tried(&plan, &workload, &mut store)?;
    let timing = TimeToTarget {
        threads,
        target: study.target,
        pinning: study.settings.engine.pinning,
        seed: plan.seed,
    };
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    let shows = std::io::stderr().is_terminal();
    let (mut signal, mut made) = (None, 0);
    let fresh = known.iter().filter(|outcome| outcome.trial.repeat > 0);
    let all = fresh.count() * timing.threads.len();
    let mut times = store.beside("times.jsonl")?;
    let timed = timing.run(&workload, &known, &mut times, |outcome| {
        made += 1;
        if shows {
            let (size, threads) = (outcome.trial.batch_size, outcome.threads);
            eprint!("\rtimed {made} of {all} runs, batch {size} on {threads} threads   ");
        }
        stops.flow(&mut signal)
    });
    if shows {
        eprintln!();
    }
    let timed = timed.map_err(|error| stopped(error, signal))?;
    let points = TimePoint::of(&timed, plan.seed);
    say!("target: {}", study.target);
    aligned(&TIME_HEAD, &time_table(&points));
    let Some(folder) = &of.out else { return Ok(()) };
    for (name, chart, _) in time_charts(&points, study.target) {
        picture(folder, name, &*chart)?;
    }
    let title = format!("Time to a target: {}", workload.describe());
    let page = time_page(&title, &command_line(), (&points, study.target));
    write(folder, "time.html", page.html().as_bytes())
}

fn store(of: &StudyOf, settings: &BTreeMap<String, String>) -> Result<Store, StudyError> {
    match &of.out {
        Some(folder) => Store::open(folder, settings),
        None => Ok(Store::in_memory()),
    }
}

/// Every trial, with a line on the terminal that says how far it is.
fn tried(
    plan: &StepsToTarget,
    workload: &dyn Workload,
    store: &mut Store,
) -> Result<Vec<Outcome>, CommandError> {
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    let shows = std::io::stderr().is_terminal();
    let (started, mut made, mut signal) = (Instant::now(), 0, None);
    eprintln!("{}: {} trials", workload.describe(), plan.num_trials());
    let outcomes = plan.run(workload, store, |event| {
        match event {
            StudyEvent::Wave {
                batch_size,
                done,
                all,
            } if shows => {
                let left = started.elapsed().as_secs_f64() / f64::from(made).max(1.0);
                let left = left * all.saturating_sub(done) as f64;
                eprint!("\rbatch {batch_size}: {done} of {all} trials, about {left:.0} s left   ");
            }
            StudyEvent::Finished(_) => made += 1,
            StudyEvent::Wave { .. } => {}
        }
        stops.flow(&mut signal)
    });
    if shows {
        eprintln!();
    }
    outcomes.map_err(|error| stopped(error, signal))
}

fn arms(
    of: &StudyOf,
    flags: &ArgMatches,
    title: &str,
    make: impl Fn(&Study) -> Result<Vec<Arm>, StudyError>,
) -> Result<(), CommandError> {
    let study = Study::new(of, flags)?;
    let [train, test] = &study.task.data;
    let is_gap = title.contains("gap");
    let has_target = study.args.target_error.or(study.args.target_loss).is_some();
    let mut arms = Arms::new(&**train, &**test, make(&study)?)
        .seeds(study.args.repeats as u64)
        .seed(study.settings.seed)
        .threads(study.settings.engine.threads)
        .target((has_target || !is_gap).then_some(study.target));
    if is_gap {
        arms = arms.measure(|network| measured(network, &study));
    }
    let mut settings = arms.settings();
    let model = format!("{} on {}", study.task.model, study.task.about);
    settings.extend([
        ("study".to_owned(), title.to_owned()),
        ("model and data".to_owned(), model),
        ("epochs".to_owned(), study.settings.epochs.to_string()),
        (
            "optimizer".to_owned(),
            study.settings.optim.optimizer.to_string(),
        ),
    ]);
    let outcomes = trained(&arms, &mut store(of, &settings)?)?;
    let summary = Arms::summary(&outcomes, study.settings.seed);
    let (head, rows) = ArmSummary::table(&summary);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    aligned(&head, &rows);
    let notes: &[&str] = if is_gap { &[CAVEAT] } else { &[] };
    for note in notes {
        say!("{note}");
    }
    let Some(folder) = &of.out else { return Ok(()) };
    report(
        folder,
        &arms_page(title, &command_line(), (&summary, notes)),
    )
}

/// Every recipe with every seed, a line each.
fn trained(arms: &Arms<'_>, store: &mut Store) -> Result<Vec<ArmOutcome>, CommandError> {
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    let mut signal = None;
    let outcomes = arms.run(store, |outcome| {
        let (arm, seed, accuracy) = (&outcome.arm, outcome.seed, 100.0 * outcome.accuracy);
        eprintln!(
            "{arm}, seed {seed}: {accuracy:.2} %, {:.1} s",
            outcome.seconds
        );
        stops.flow(&mut signal)
    });
    outcomes.map_err(|error| stopped(error, signal))
}

/// The sharpness of a minimum, in two directions and sizes.
fn measured(network: &Network, study: &Study) -> Result<Vec<(String, f64)>, StudyError> {
    let mut all = Vec::new();
    for eps in [5e-4, 1e-3] {
        for (name, direction) in [("random", Direction::Random), ("worst", Direction::Worst)] {
            let rows = (&*study.task.data[0], SHARPNESS_ROWS);
            let loss = Loss::SoftmaxCrossEntropy;
            let value = sharpness(network, &loss, rows, (eps, direction))?;
            all.push((format!("sharpness, {name}, eps {eps}"), value));
        }
    }
    Ok(all)
}

/// A stop by a signal ends the program as the signal would.
fn stopped(error: StudyError, signal: Option<i32>) -> CommandError {
    match (signal, error) {
        (Some(signal), StudyError::Stopped { trials }) => {
            CommandError::StudyStopped { signal, trials }
        }
        (_, error) => error.into(),
    }
}
