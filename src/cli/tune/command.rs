//! A search: what is asked for, and what is said before its trials.

use std::path::Path;

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::cli::args::TuneArgs;
use crate::cli::choices::{SEARCHES, TABLE_FORMATS};
use crate::cli::document::{ResolvedConfig, all_keys, table};
use crate::cli::error::{ArgError, CommandError, refused};
use crate::cli::options::TrainArgs;
use crate::cli::out_file::check_folder;
use crate::cli::output::write;
use crate::cli::settings_table::{By, refuse};
use crate::cli::side_by_side::{parallel_trials, side_by_side};
use crate::cli::stdout::{only_json, only_tables};
use crate::cli::task::task;
use crate::study::batch_size::Search;
use crate::train::Metric;

use super::conclusion::{conclude, told};
use super::halving::Rungs;
use super::ranges::{Ranges, Searched};
use super::trial::Trial;
use super::tried::{Tried, ranked};

/// The file by which a search is known.
const MARKER: &str = "tune.json";

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
    let rungs = match SEARCHES.of(&args.search)? {
        Search::Halving => Some(Rungs::of(&trials)?),
        _ => None,
    };
    let (metric, data_sha256) = announce(&trials[0].args, &searched, parallel)?;
    if let Some(folder) = &args.out {
        let ranges: Vec<String> = searched.iter().map(Searched::text).collect();
        let settings = all_keys(&resolved.args);
        begin(
            folder,
            &json!({ "search": args.search, "ranges": ranges, "settings": settings, "data": data_sha256 }),
        )?;
    }
    let tell = |tried: &Tried| note!("trial {}: {}", tried.trial, told(tried, metric));
    let outcomes = match rungs {
        Some(rungs) => rungs.run(trials.clone(), parallel, metric, tell)?,
        None => side_by_side(&trials, parallel, tell)?,
    };
    conclude(args, &searched, &trials, ranked(outcomes, metric), metric)
}

/// The trials, each with its settings.
fn trials(
    args: &TuneArgs,
    searched: &[Searched],
    settings: &TrainArgs,
    parallel: usize,
) -> Result<Vec<Trial>, CommandError> {
    let search = SEARCHES.of(&args.search)?;
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
            folder: args.out.clone(),
            is_alone: parallel == 1,
            stage: None,
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
