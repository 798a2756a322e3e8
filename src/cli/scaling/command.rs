//! `unisono scaling`: how throughput grows with threads, measured, compared or simulated.

use std::path::Path;

use crate::study::scaling::{
    Analysis, CellComparison, Results, TABLE_HEAD, charts, compare, html_report, table,
};

use crate::cli::args::ScalingArgs;
use crate::cli::error::CommandError;
use crate::cli::out_file::check_folder;
use crate::cli::output::{aligned, picture, report};

use super::never_slower::never_slower;
use super::settings::{measured, settings};
use super::what_if::what_if;

/// `unisono scaling`.
pub(crate) fn scaling(args: &ScalingArgs) -> Result<(), CommandError> {
    if let Some(folders) = &args.compare {
        return compared(&folders[0], &folders[1]);
    }
    if args.simulate {
        return what_if(args);
    }
    if let Some(folder) = &args.out {
        check_folder(folder, None, args.force)?;
    }
    if args.never_slower {
        return never_slower(args);
    }
    let scaling = settings(args)?;
    let results = measured(&scaling)?;
    let analysis = Analysis::of(&results);
    print(&results, &analysis);
    match &args.out {
        Some(folder) => keep(&results, &analysis, folder),
        None => Ok(()),
    }
}

fn print(results: &Results, analysis: &Analysis) {
    // What was measured.
    let rows = &analysis.rows;
    say!(
        "preset: {} ({} parameters)",
        results.preset,
        results.num_params
    );
    say!(
        "machine: {}",
        results.machine.cpu.as_deref().unwrap_or("not known")
    );
    say!("rounds: {}", results.rounds());
    let disturbed: usize = rows.iter().map(|row| row.samples.1).sum();
    say!(
        "disturbed samples: {disturbed} of {}",
        results.samples.len()
    );
    say!("base: {:.0} rows a second", rows[0].throughput.value);
    aligned(&TABLE_HEAD, &table(rows));
    // Laws that were fitted to it.
    for law in &analysis.laws {
        let fit = law.fit.law.name();
        say!("{fit}: serial share {}", law.sigma);
        if let Some(best) = law.best_threads {
            say!("{fit}: kappa {:.3e}, best threads {best}", law.kappa.value);
        }
    }
    // The model of a step beside the measurement.
    for known in &analysis.predictions {
        if let Some(measured) = known.measured_ms {
            say!(
                "model of the step, {} threads: {:.4} ms, {:+.1} % of what was measured",
                known.threads,
                known.step_ms.value,
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
    // A row for each cell that both have.
    let row = |one: &CellComparison| {
        vec![
            one.cell.name(),
            one.cell.threads.to_string(),
            one.cell.batch_size.to_string(),
            one.ratio.to_string(),
            one.p.map_or("-".to_owned(), |p| format!("{p:.4}")),
            one.verdict().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = both.iter().map(row).collect();
    aligned(
        &[
            "cell",
            "threads",
            "batch",
            "second's throughput, of the first's",
            "p",
            "verdict",
        ],
        &rows,
    );
    Ok(())
}
