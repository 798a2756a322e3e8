//! `unisono scaling`: how throughput grows with threads, measured, compared or simulated.

use std::path::Path;

use serde_json::{Value, json};

use crate::engine::Ranks;
use crate::study::scaling::{
    Analysis, CellComparison, Results, charts, compare, html_report, table, table_head,
    weights_text,
};

use crate::cli::choices::TABLE_FORMATS;
use crate::cli::error::CommandError;
use crate::cli::out_file::check_folder;
use crate::cli::output::{aligned, picture, report};
use crate::cli::scaling_args::ScalingArgs;
use crate::cli::stdout::{json, only_json, only_tables};
use crate::cli::units::{milliseconds, rate};

use super::never_slower::never_slower;
use super::settings::{measured, settings};
use super::what_if::what_if;

/// `unisono scaling`.
pub(crate) fn scaling(args: &ScalingArgs, ranks: Option<&Ranks>) -> Result<(), CommandError> {
    only_json(args.json.json);
    only_tables(TABLE_FORMATS.of(&args.table.format)?);
    if let Some(folders) = &args.compare {
        return compared(&folders[0], &folders[1]);
    }
    if args.simulate {
        return what_if(args);
    }
    // The first rank alone writes.
    let is_first = ranks.is_none_or(|ranks| ranks.rank() == 0);
    let out = args.out.as_ref().filter(|_| is_first);
    if let Some(folder) = out {
        check_folder(folder, None, args.force)?;
    }
    if args.never_slower {
        return never_slower(args);
    }
    let scaling = settings(args, ranks)?;
    let results = measured(&scaling)?;
    if !is_first {
        return Ok(());
    }
    let analysis = Analysis::of(&results);
    print(&results, &analysis);
    json(|| to_json(&results, &analysis));
    match out {
        Some(folder) => keep(&results, &analysis, folder),
        None => Ok(()),
    }
}

/// What was measured, and what it comes to; times of single steps are in the files of --out.
fn to_json(results: &Results, analysis: &Analysis) -> Value {
    let peer = |(command, threads, ratio)| json!({ "command": command, "threads": threads, "times_faster": ratio });
    json!({
        "preset": results.preset,
        "precision": results.precision,
        "params": results.num_params,
        "machine": results.machine,
        "ranks": results.ranks,
        "rounds": results.rounds(),
        "samples": results.samples.len(),
        "rows": analysis.rows,
        "laws": analysis.laws,
        "predictions": analysis.predictions,
        "peers": results.peer_rows().into_iter().map(peer).collect::<Vec<_>>(),
    })
}

fn print(results: &Results, analysis: &Analysis) {
    // What was measured.
    let rows = &analysis.rows;
    say!(
        "preset: {} ({} parameters)",
        results.model(),
        results.num_params
    );
    say!(
        "machine: {}",
        results.machine.cpu.as_deref().unwrap_or("not known")
    );
    for (rank, at) in results.ranks.iter().enumerate() {
        say!("rank {rank}: {}", at.text());
    }
    say!("rounds: {}", results.rounds());
    let disturbed: usize = rows.iter().map(|row| row.samples.1).sum();
    say!(
        "disturbed samples: {disturbed} of {}",
        results.samples.len()
    );
    say!("base: {}", rate(rows[0].throughput.value));
    aligned(&table_head(rows), &table(rows));
    if let Some(are_same) = results.has_same_weights() {
        say!("{}", weights_text(are_same));
    }
    // Laws that were fitted to it.
    for law in &analysis.laws {
        let fit = law.name();
        say!("{fit}: serial share {}", law.sigma);
        if let Some(best) = law.best_threads {
            let of = law.rank_threads.map_or("threads", |_| "ranks");
            say!("{fit}: kappa {:.3e}, best {of} {best}", law.kappa.value);
        }
    }
    // The model of a step beside the measurement.
    let of = if results.ranks.is_empty() {
        ""
    } else {
        " of one rank"
    };
    for known in &analysis.predictions {
        if let Some(measured) = known.measured_ms {
            say!(
                "model of the step, {} threads{of}: {}, {:+.1} % of what was measured",
                known.threads,
                milliseconds(known.step_ms.value),
                100.0 * (known.step_ms.value / measured - 1.0)
            );
        }
    }
    for (command, threads, ratio) in results.peer_rows() {
        say!("faster than `{command}` on {threads} threads: {ratio} times");
    }
}

/// Writes the files.
fn keep(results: &Results, analysis: &Analysis, folder: &Path) -> Result<(), CommandError> {
    results.write(folder)?;
    for (name, chart, _) in charts(results, analysis) {
        picture(folder, name, &*chart)?;
    }
    report(folder, &html_report(results, analysis))
}

fn compared(first: &Path, second: &Path) -> Result<(), CommandError> {
    let both = compare(&Results::read(first)?, &Results::read(second)?)?;
    json(|| {
        let cell = |one: &CellComparison| json!({ "comparison": one, "verdict": one.verdict() });
        json!({ "cells": both.iter().map(cell).collect::<Vec<_>>() })
    });
    // A row for each cell that both have.
    let has_ranks = both.iter().any(|one| one.cell.ranks > 1);
    let row = |one: &CellComparison| {
        let ranks = has_ranks.then(|| one.cell.ranks.to_string());
        let rest = [
            one.cell.threads.to_string(),
            one.cell.batch_size.to_string(),
            one.ratio.to_string(),
            one.p.map_or("-".to_owned(), |p| format!("{p:.4}")),
            one.verdict().to_owned(),
        ];
        let cells = [one.cell.name()].into_iter().chain(ranks).chain(rest);
        cells.collect()
    };
    let rows: Vec<Vec<String>> = both.iter().map(row).collect();
    let ratio = "second's throughput, of the first's";
    let head: &[&str] = match has_ranks {
        true => &[
            "cell",
            "ranks",
            "threads of each",
            "batch",
            ratio,
            "p",
            "verdict",
        ],
        false => &["cell", "threads", "batch", ratio, "p", "verdict"],
    };
    aligned(head, &rows);
    Ok(())
}
