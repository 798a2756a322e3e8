//! A search: what is asked for, said and written.

use std::path::Path;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::cli::args::TuneArgs;
use crate::cli::choices::{TABLE_FORMATS, TUNED_BY};
use crate::cli::document::{ResolvedConfig, all_keys, commented, table};
use crate::cli::error::{ArgError, CommandError, refused};
use crate::cli::options::TrainArgs;
use crate::cli::out_file::check_folder;
use crate::cli::output::{aligned, command_line, picture, report, write};
use crate::cli::settings_table::{By, refuse};
use crate::cli::side_by_side::{parallel_trials, side_by_side};
use crate::cli::stdout::{json as print_json, only_json, only_tables};
use crate::cli::task::task;
use crate::report::{Chart, HtmlReport, LineChart};
use crate::run::in_digits;
use crate::train::Metric;

use super::ranges::{Ranges, Searched};
use super::trial::{Trial, Tried};

/// The file by which a search is known.
const MARKER: &str = "tune.json";

/// The configuration of the best trial.
const BEST: &str = "best.toml";

/// Rows of the table on the terminal.
const SHOWN: usize = 20;

/// `unisono tune`.
pub(in crate::cli) fn tune(args: &TuneArgs, flags: &ArgMatches) -> Result<(), CommandError> {
    only_json(args.json.json);
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    let Ranges {
        searched,
        base,
        from,
    } = Ranges::of(&args.from)?;
    let mut resolved = ResolvedConfig::of_base(base, &args.train, flags, &from)?;
    refuse(&resolved, By::Tune)?;
    if let Some(folder) = &args.out {
        if folder.as_os_str() == "-" {
            let expected = "a folder for the trials, which standard output is not";
            return Err(refused("out", expected, "-").into());
        }
        check_folder(folder, Some(MARKER), false)?;
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or(path.to_owned());
    resolved.args.map_paths(absolute);
    let has_threads = resolved.is_named("engine.threads");
    let parallel = parallel_trials(args.parallel_trials, has_threads, "tune")?.min(args.trials);
    let trials = trials(args, &searched, &resolved.args, parallel)?;
    let (metric, data_sha256) = announce(&trials[0].args, &searched, parallel)?;
    if let Some(folder) = &args.out {
        let ranges: Vec<String> = searched.iter().map(Searched::text).collect();
        let settings = all_keys(&resolved.args);
        begin(
            folder,
            &json!({ "search": args.search, "ranges": ranges, "settings": settings, "data": data_sha256 }),
        )?;
    }
    let outcomes = side_by_side(&trials, parallel, |tried| {
        note!("trial {}: {}", tried.trial, told(tried, metric));
    })?;
    conclude(args, &searched, &trials, ranked(outcomes, metric), metric)
}

/// The trials, each with its settings.
fn trials(
    args: &TuneArgs,
    searched: &[Searched],
    settings: &TrainArgs,
    parallel: usize,
) -> Result<Vec<Trial>, CommandError> {
    let search = TUNED_BY.of(&args.search)?;
    let trial = |place: usize| {
        let (mut all, mut values) = (table(settings), Map::new());
        for (axis, range) in searched.iter().enumerate() {
            let value = range.of_trial(search, place, axis as u32, settings.run.seed);
            values.insert(range.key.path(), json!(value));
            range.key.put(&mut all, value);
        }
        let odd = |error: toml::de::Error| ArgError::text("set", error.message());
        Ok(Trial {
            number: place + 1,
            args: all.try_into().map_err(odd)?,
            values,
            file: args
                .out
                .as_ref()
                .map(|folder| folder.join(format!("trial-{:05}.json", place + 1))),
            is_alone: parallel == 1,
        })
    };
    (0..args.trials).map(trial).collect()
}

/// Says what is searched, and on which rows; gives the metric that decides, and the data's hash.
fn announce(
    first: &TrainArgs,
    searched: &[Searched],
    parallel: usize,
) -> Result<(Metric, String), CommandError> {
    let settings = crate::cli::config::TrainSettings::try_from(first.clone())?;
    let task = task(&settings)?;
    say!("data: {}", task.about);
    for range in searched {
        say!("range: {}", range.text());
    }
    say!("parallel trials: {parallel}");
    match &task.valid {
        Some(valid) => say!(
            "chosen on: the validation part of {} rows, by its {}",
            valid.len(),
            settings.watch
        ),
        None => note!(
            "warning: there is no validation part, so values are chosen on the test part, whose figures are better than those of new rows (--valid-share gives one)"
        ),
    }
    Ok((settings.watch, task.data_sha256().to_owned()))
}

/// Makes the folder, or refuses one with another search. More trials of the same are none.
fn begin(folder: &Path, own: &Value) -> Result<(), CommandError> {
    crate::output::make_folder(folder).map_err(|source| CommandError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let known = crate::input::read(&folder.join(MARKER)).ok();
    let known = known.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    if let Some(known) = known.filter(|known| known != own) {
        let changed = ["search", "ranges", "settings", "data"];
        let changed = changed.into_iter().find(|key| known[key] != own[key]);
        let message = format!(
            "{} has a search with other {}; take another folder",
            folder.display(),
            changed.unwrap_or("settings")
        );
        return Err(ArgError::text("out", &message).into());
    }
    write(folder, MARKER, format!("{own:#}\n").as_bytes())
}

/// A trial in words.
fn told(tried: &Tried, metric: Metric) -> String {
    let values = tried.values.iter();
    let values = values.map(|(key, value)| format!("{key} = {value}"));
    let value = match tried.value {
        Some(value) => format!("{metric} {}", in_digits(value)),
        None => "diverged".to_owned(),
    };
    let values: Vec<String> = values.collect();
    format!("{}; {value}", values.join(", "))
}

/// The best first; of equals the earlier one, those that diverged last.
fn ranked(mut outcomes: Vec<Tried>, metric: Metric) -> Vec<Tried> {
    let badness = |tried: &Tried| {
        tried
            .value
            .map_or(f64::INFINITY, |value| metric.badness(value))
    };
    outcomes.sort_by(|one, other| badness(one).total_cmp(&badness(other)));
    outcomes
}

/// Table, charts, and the configuration of the best.
fn conclude(
    args: &TuneArgs,
    searched: &[Searched],
    trials: &[Trial],
    outcomes: Vec<Tried>,
    metric: Metric,
) -> Result<(), CommandError> {
    let name = metric.to_string();
    let keys: Vec<String> = searched.iter().map(|range| range.key.path()).collect();
    let head = ["trial"].into_iter().chain(keys.iter().map(String::as_str));
    let head: Vec<&str> = head.chain([name.as_str(), "epoch", "seconds"]).collect();
    let row = |tried: &Tried| {
        let values = keys.iter().map(|key| tried.values[key].to_string());
        let value = tried.value.map_or("diverged".to_owned(), in_digits);
        let rest = [
            value,
            tried.epoch.to_string(),
            format!("{:.1}", tried.seconds),
        ];
        let number = [tried.trial.to_string()];
        number.into_iter().chain(values).chain(rest).collect()
    };
    let rows: Vec<Vec<String>> = outcomes.iter().map(row).collect();
    aligned(&head, &rows[..rows.len().min(SHOWN)]);
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
    // The page: the table, and a chart for each range of numbers.
    let mut page = HtmlReport::new(format!("Search: {} trials", outcomes.len()));
    page.paragraph(&command_line());
    for range in searched {
        let Some(is_log) = range.is_log() else {
            continue;
        };
        let key = range.key.path();
        let point = |tried: &Tried| Some((tried.values[&key].as_f64()?, tried.value?));
        let points: Vec<(f64, f64)> = outcomes.iter().filter_map(point).collect();
        let chart =
            LineChart::new(format!("{name} by {key}"), &key, &name).points("trials", points);
        let chart = if is_log { chart.log_x() } else { chart };
        picture(folder, &format!("tune-{}", range.key.name), &chart)?;
        page.figure(&chart.svg(), "A point is a trial.");
    }
    page.heading("Trials").table(&head, &rows);
    report(folder, &page)
}
