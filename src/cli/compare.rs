//! `unisono compare`: results of several runs, settings that differ between them, and their curves
//! on one page.

use serde_json::{Value, json};

use super::choices::TABLE_FORMATS;
use super::compare_facts::{
    FIGURES, OTHER_DATA, Setting, facts, has_other_data, no_difference, setting_rows,
};
use super::compare_page::page;
use super::compared_run::ComparedRun;
use super::document::differing;
use super::error::CommandError;
use super::out_file::OutFile;
use super::output::aligned;
use super::runs_args::CompareArgs;
use super::stdout::only_tables;

/// `unisono compare`.
pub(super) fn compare(args: &CompareArgs) -> Result<(), CommandError> {
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    let out = match &args.out {
        Some(path) => Some(OutFile::new(path, args.force, &[])?),
        None => None,
    };
    let runs = ComparedRun::read_all(&args.runs)?;
    let settings = differing(runs.iter().map(|run| &run.args));
    if args.json {
        say!("{}", to_json(&runs, &settings));
    } else {
        print(&runs, &settings);
    }
    if has_other_data(&runs) {
        note!("warning: {OTHER_DATA}");
    }
    if let Some(out) = out {
        out.write(page(&runs, &settings).html().as_bytes())?;
        say_file(args, &out);
    }
    Ok(())
}

/// Where the page is; of JSON each line is an object.
fn say_file(args: &CompareArgs, out: &OutFile<'_>) {
    match args.json {
        true => note!("report: {}", out.path().display()),
        false => say!("report: {}", out.path().display()),
    }
}

/// Both tables, a line a run and a line a setting.
fn print(runs: &[ComparedRun], settings: &[Setting]) {
    let facts = facts(runs);
    let head: Vec<&str> = ["run"]
        .into_iter()
        .chain(facts.iter().map(|fact| fact.0))
        .collect();
    let row = |(at, run): (usize, &ComparedRun)| {
        let cells = facts.iter().map(|fact| fact.1[at].clone());
        [run.name.clone()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = runs.iter().enumerate().map(row).collect();
    aligned(&head, &rows);
    say!("");
    if settings.is_empty() {
        say!("settings: {}", no_difference(runs));
        return;
    }
    let head: Vec<&str> = ["setting"]
        .into_iter()
        .chain(runs.iter().map(|run| run.name.as_str()))
        .collect();
    aligned(&head, &setting_rows(settings));
}

/// All of it as an object.
fn to_json(runs: &[ComparedRun], settings: &[Setting]) -> Value {
    let setting = |(key, values): &Setting| json!({ "key": key, "values": values });
    json!({
        "runs": runs.iter().map(run_json).collect::<Vec<_>>(),
        "settings": settings.iter().map(setting).collect::<Vec<_>>(),
    })
}

/// A run; a figure is that of the weights that it keeps, or null.
fn run_json(run: &ComparedRun) -> Value {
    let manifest = run.manifest.as_ref();
    let mut line = json!({
        "name": run.name,
        "folder": run.folder.display().to_string(),
        "model": manifest.map(|manifest| &manifest.model),
        "status": run.status,
        "epochs": run.epochs(),
        "steps": run.steps(),
        "kept": manifest.and_then(|manifest| manifest.kept),
        "last_epoch": run.last,
        "threads": run.threads(),
        "wall_time_s": run.wall_time_s(),
        "data_sha256": run.data_sha256(),
        "weights_sha256": manifest.and_then(|manifest| manifest.weights_sha256.as_ref()),
    });
    for figure in FIGURES {
        line[figure.key] = json!(manifest.and_then(figure.kept));
    }
    line
}
