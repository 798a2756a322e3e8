//! `unisono study`: the effect of the batch size on training.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use clap::ArgMatches;
use serde_json::json;

use crate::engine::Shards;
use crate::nn::{Loss, Network};
use crate::study::batch_size::{
    BranchPoint, Branches, Comparison, Curve, Direction, Figure, Published, Recipe, RecipeSummary,
    Sharpness, Store, StudyError, TIME_HEAD, TimePoint, TimeToTarget, Workload, adaptive_batches,
    branch_charts, branch_report, branch_table, comparison_charts, comparison_report, curve_charts,
    curve_report, generalisation_gap, large_batches, merge, time_charts, time_report, time_table,
};
use crate::train::Trainer;

use super::choices::TABLE_FORMATS;
use super::error::{CommandError, refused};
use super::out_file::check_folder;
use super::output::{aligned, command_line, picture, report, write};
use super::stdout::{json, only_json, only_tables, tell_at_once};
use super::study_args::{BranchArgs, StudyCommand, StudyOf};
use super::study_kind::StudyKind;
use super::study_live::{estimate, stoppable, trained, tried};
use super::study_plan::Study;
use super::threads::{default_threads, threads};

/// The file by which a study is known.
const STUDY: &str = "study.json";

/// Rows on which sharpness is measured.
const SHARPNESS_ROWS: usize = 2_000;

/// What sharpness must not be taken for.
const CAVEAT: &str = "Sharpness is 100 (max f(x+y) - f(x)) / (1 + f(x)) over |y| <= eps (|x| + 1) on training rows (Keskar et al. 2017). It is not invariant under rescaling of the weights (Dinh et al. 2017): compare networks of one architecture, trained alike, at best.";

pub(super) fn study(command: &StudyCommand, flags: &ArgMatches) -> Result<(), CommandError> {
    let (_, flags) = flags.subcommand().expect("clap asks for a study");
    only_json(flags.get_flag("json"));
    // Merging prints no table.
    if let Ok(Some(format)) = flags.try_get_one::<String>("format") {
        only_tables(TABLE_FORMATS.of(format)?);
    }
    match command {
        StudyCommand::Steps(of) => steps(of, flags),
        StudyCommand::Time { of, on_threads } => time(of, on_threads.as_deref(), flags),
        StudyCommand::Branches { of, how } => branches(of, how, flags),
        StudyCommand::Recipes(of) => comparison(StudyKind::Recipes, of, flags),
        StudyCommand::Adaptive(of) => comparison(StudyKind::Adaptive, of, flags),
        StudyCommand::Gap(of) => comparison(StudyKind::Gap, of, flags),
        StudyCommand::Merge {
            slices,
            into,
            force,
            ..
        } => {
            check_folder(into, Some(STUDY), *force)?;
            let trials = merge(slices, into)?;
            say!("trials: {trials}");
            say!("study: {}", into.display());
            json(|| json!({ "trials": trials, "study": into.display().to_string() }));
            Ok(())
        }
    }
}

fn steps(of: &StudyOf, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(StudyKind::Steps, of, flags)?;
    let (plan, workload) = (study.steps()?, study.workload());
    let mut store = store(of, &study.all_settings(plan.settings(&workload)))?;
    let outcomes = tried(&plan, &workload, &mut store)?;
    let curve = Curve::of(&outcomes, plan.seed);
    let (head, rows) = curve.table();
    aligned(&head, &rows);
    json(|| json!({ "target": study.target, "curve": curve }));
    match &curve.critical_batch {
        Some(critical) => say!("critical batch size: {critical}"),
        None => say!(
            "critical batch size: not determined, fewer than three batch sizes reached the target or they lie on no hyperbola"
        ),
    }
    let Some(folder) = &of.out else { return Ok(()) };
    let aim = format!("target: {}", study.target);
    let figures = drawn(&study, folder, &aim, curve_charts(&curve, study.target))?;
    let title = format!("Steps to a target: {}", workload.describe());
    let page = curve_report(&title, &command_line(), &curve, &figures);
    report(folder, &page)
}

/// The study of steps, if it is not there yet, and then its winners' fresh runs on each number of
/// threads.
fn time(of: &StudyOf, on_threads: Option<&str>, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(StudyKind::Time, of, flags)?;
    let counts = match on_threads {
        Some(list) => threads("on-threads", list)?,
        None => default_threads()?,
    };
    let (plan, workload) = (study.steps()?, study.workload());
    let mut store = store(of, &study.all_settings(plan.settings(&workload)))?;
    let known = tried(&plan, &workload, &mut store)?;
    // The winners again, on each number of threads.
    let timing = TimeToTarget {
        threads: counts,
        target: study.target,
        pinning: study.settings.engine.pinning,
        seed: plan.seed,
    };
    let (shows, mut made) = (std::io::stderr().is_terminal(), 0);
    let fresh = known.iter().filter(|outcome| outcome.trial.repeat > 0);
    let all = fresh.count() * timing.threads.len();
    let mut times = store.beside("times.jsonl")?;
    let timed = stoppable(|flow| {
        timing.run(&workload, &known, &mut times, |outcome| {
            made += 1;
            if shows {
                let (size, threads) = (outcome.trial.batch_size, outcome.threads);
                tell_at_once(format_args!(
                    "\rtimed {made} of {all} runs, batch {size} on {threads} threads   "
                ));
            }
            flow()
        })
    });
    if shows {
        note!("");
    }
    // Table, charts and page.
    let points = TimePoint::of(&timed?, plan.seed);
    say!("target: {}", study.target);
    aligned(TIME_HEAD, &time_table(&points));
    json(|| json!({ "target": study.target, "points": points }));
    let Some(folder) = &of.out else { return Ok(()) };
    let aim = format!("target: {}", study.target);
    let figures = drawn(&study, folder, &aim, time_charts(&points, study.target))?;
    let title = format!("Time to a target: {}", workload.describe());
    let page = time_report(&title, &command_line(), &points, &figures);
    write(folder, "time.html", page.html().as_bytes())
}

/// A training, and its branches.
fn branches(of: &StudyOf, how: &BranchArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(StudyKind::Branches, of, flags)?;
    let plan = study.branches(how)?;
    let (adjust, (threads, pinning)) = (study.adjust(), study.threads());
    let branches = Branches::new(
        study.task.searched(),
        study.settings.optim.optimizer.clone(),
        || {
            let trainer = Trainer::new(study.task.model.clone(), Loss::SoftmaxCrossEntropy);
            adjust(trainer)
                .schedule(study.settings.optim.schedule.clone())
                .threads(threads)
                .pinning(pinning)
        },
    );
    let mut settings = branches.settings(&plan);
    let schedule = study.settings.optim.schedule.to_string();
    settings.extend([
        ("study".to_owned(), "branches".to_owned()),
        ("model".to_owned(), study.task.model.to_string()),
        ("schedule".to_owned(), schedule),
    ]);
    let mut store = store(of, &study.all_settings(settings))?;
    if store.is_empty() {
        estimate("branches", branches.cost_estimate(&plan)?);
    }
    let outcomes = stoppable(|flow| {
        branches.run(&plan, &mut store, |outcome| {
            let (seed, at, loss) = (outcome.seed, outcome.at, outcome.loss);
            let size = outcome.batch_size;
            note!("seed {seed}, {at} epochs, batch {size}: loss {loss:.4}");
            flow()
        })
    })?;
    let points = BranchPoint::of(&outcomes, how.tolerance, plan.seed);
    let (head, rows) = branch_table(&points);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    aligned(&head, &rows);
    json(|| json!({ "tolerance": how.tolerance, "points": points }));
    let Some(folder) = &of.out else { return Ok(()) };
    let aim = format!("tolerance: {} %", 100.0 * how.tolerance);
    let charts = branch_charts(&points, how.tolerance);
    let figures = drawn(&study, folder, &aim, charts)?;
    let title = format!("Critical batch size over training: {}", study.task.model);
    let page = branch_report(&title, &command_line(), &points, how.tolerance, &figures);
    report(folder, &page)
}

/// Opens the study in `--out`, which goes on with its own and mixes with nothing else.
fn store(of: &StudyOf, settings: &BTreeMap<String, String>) -> Result<Store, CommandError> {
    match &of.out {
        Some(folder) => {
            check_folder(folder, Some(STUDY), of.force)?;
            Ok(Store::open(folder, settings)?)
        }
        None => Ok(Store::in_memory()),
    }
}

/// The recipes of a study.
fn recipes(kind: StudyKind, study: &Study) -> Result<Vec<Recipe>, StudyError> {
    let (optimizer, pair) = (&study.settings.optim.optimizer, study.pair());
    let (model, epochs) = (&study.task.model, study.settings.epochs);
    match kind {
        StudyKind::Adaptive => adaptive_batches(model, optimizer.lr(), pair, epochs),
        StudyKind::Gap => generalisation_gap(model, optimizer, pair, epochs),
        _ => large_batches(model, optimizer, pair, epochs),
    }
}

/// The trainings of a study of recipes.
fn trainings(kind: StudyKind, study: &Study) -> Result<Comparison<'_>, CommandError> {
    check_groups(kind, study)?;
    let [train, chooses] = study.task.searched();
    let is_gap = kind == StudyKind::Gap;
    let (parallel, slice) = study.share();
    let (adjust, (_, pinning)) = (study.adjust(), study.threads());
    let comparison = Comparison::new(train, chooses, recipes(kind, study)?)
        .seeds(study.args.repeats as u64)
        .seed(study.settings.seed)
        .threads(study.settings.engine.threads)
        .parallel(parallel)
        .slice(slice)
        .adjust(move |trainer| match parallel {
            1 => adjust(trainer).pinning(pinning),
            _ => adjust(trainer),
        })
        .target((study.has_target() || !is_gap).then_some(study.target));
    Ok(if is_gap {
        comparison.measure(|network| measured(network, study))
    } else {
        comparison
    })
}

/// What decides the outcomes of a study of recipes.
fn comparison_settings(
    kind: StudyKind,
    study: &Study,
    comparison: &Comparison<'_>,
) -> BTreeMap<String, String> {
    let mut settings = comparison.settings();
    let optimizer = study.settings.optim.optimizer.to_string();
    settings.extend([
        ("study".to_owned(), heading(kind).to_owned()),
        ("model".to_owned(), study.task.model.to_string()),
        ("epochs".to_owned(), study.settings.epochs.to_string()),
        ("optimizer".to_owned(), optimizer),
    ]);
    study.all_settings(settings)
}

fn comparison(kind: StudyKind, of: &StudyOf, flags: &ArgMatches) -> Result<(), CommandError> {
    let study = Study::new(kind, of, flags)?;
    let (title, is_gap) = (heading(kind), kind == StudyKind::Gap);
    let (parallel, _) = study.share();
    let comparison = trainings(kind, &study)?;
    let settings = comparison_settings(kind, &study, &comparison);
    let outcomes = trained(&comparison, parallel, &mut store(of, &settings)?)?;
    let summary = Comparison::summary(&outcomes, study.settings.seed);
    let (head, rows) = RecipeSummary::table(&summary);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    aligned(&head, &rows);
    json(|| json!({ "recipes": summary }));
    let notes: &[&str] = if is_gap { &[CAVEAT] } else { &[] };
    for note in notes {
        say!("{note}");
    }
    let Some(folder) = &of.out else { return Ok(()) };
    let aim = match is_gap && !study.has_target() {
        true => "no target".to_owned(),
        false => format!("target: {}", study.target),
    };
    let figures = drawn(&study, folder, &aim, comparison_charts(&summary))?;
    let page = comparison_report(title, &command_line(), &summary, notes, &figures);
    report(folder, &page)
}

/// Draws the published curves into the charts, and keeps these; `aim` stands below their titles,
/// behind what was trained.
fn drawn(
    study: &Study,
    folder: &Path,
    aim: &str,
    mut figures: Vec<Figure>,
) -> Result<Vec<Figure>, CommandError> {
    for Published { curve, chart, .. } in Published::draw(&study.published, &mut figures) {
        note!("warning: {curve} is left out: there was nothing to draw the chart {chart} of");
    }
    let setting = format!("{}, {}; {aim}", study.task.model, study.task.about);
    for (name, chart, _) in &mut figures {
        *chart = chart.clone().subtitle(&setting);
        picture(folder, name, chart)?;
    }
    Ok(figures)
}

/// The title of a study of recipes.
fn heading(kind: StudyKind) -> &'static str {
    match kind {
        StudyKind::Adaptive => "Adaptive batches",
        StudyKind::Gap => "The generalisation gap",
        _ => "Recipes for large batches",
    }
}

/// Refuses shards of the user's where the recipes have their own.
fn check_groups(kind: StudyKind, study: &Study) -> Result<(), CommandError> {
    let has_groups = kind == StudyKind::Gap && study.task.model.has_cross_row_stats();
    let got = match study.settings.engine.shards {
        Shards::Auto => return Ok(()),
        Shards::Fixed(count) => count.to_string(),
        Shards::PerWorker => "per-worker".to_owned(),
    };
    if !has_groups {
        return Ok(());
    }
    let expected = "left out: the groups of batch norm are the shards, and the recipes' own";
    Err(refused("shards", expected, &got).into())
}

/// The sharpness of a minimum, in two directions and sizes.
fn measured(network: &Network, study: &Study) -> Result<Vec<(String, f64)>, StudyError> {
    let mut all = Vec::new();
    for eps in [5e-4, 1e-3] {
        for (name, direction) in [("random", Direction::Random), ("worst", Direction::Worst)] {
            let sharpness = Sharpness {
                rows: SHARPNESS_ROWS,
                eps,
                direction,
            };
            let data = &*study.task.data[0];
            let value = sharpness.of(network, Loss::SoftmaxCrossEntropy, data)?;
            all.push((format!("sharpness, {name}, eps {eps}"), value));
        }
    }
    Ok(all)
}

/// What decides the outcomes of a study: by this its store knows it again.
#[cfg(test)]
pub(super) fn identity(
    kind: StudyKind,
    of: &StudyOf,
    flags: &ArgMatches,
) -> Result<BTreeMap<String, String>, CommandError> {
    let study = Study::new(kind, of, flags)?;
    if kind.has_recipes() {
        let comparison = trainings(kind, &study)?;
        return Ok(comparison_settings(kind, &study, &comparison));
    }
    let plan = study.steps()?;
    Ok(study.all_settings(plan.settings(&study.workload())))
}
