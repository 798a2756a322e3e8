//! `unisono scaling`: how throughput grows with threads, measured, compared or simulated.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use crate::engine::{Pinning, Placement, Threads};
use crate::nn::presets;
use crate::report::Page;
use crate::stats::spread_text;
use crate::study::scaling::{
    Analysis, Mode, NeverSlower, Results, SLOWER_HEAD, Scaling, ScalingError, TABLE_HEAD, charts,
    compare, page, slower_table, table,
};
use crate::train::TrainError;

use super::args::ScalingArgs;
use super::config::{ArgError, CommandError, at_most, preset, refused};
use super::out_file::check_folder;
use super::output::{aligned, command_line, picture, report, write};
use super::what_if::what_if;

/// Batch sizes at which `--never-slower` measures each preset.
const BATCHES: [(&str, &[usize]); 6] = [
    ("mlp_small", &[16, 32, 256, 1024]),
    ("mlp", &[32, 128, 1024]),
    ("lenet", &[16, 64, 256]),
    ("resnet20", &[16, 64]),
    ("lstm", &[16, 64]),
    ("gpt", &[4, 12]),
];

/// Rows of a batch where nothing is said.
pub(super) const BATCH_SIZE: usize = 128;

/// The number of threads beyond which nobody's list is meant.
const MOST_THREADS: usize = 4_096;

pub(super) fn scaling(args: &ScalingArgs) -> Result<(), CommandError> {
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

pub(super) fn settings(args: &ScalingArgs) -> Result<Scaling, CommandError> {
    let mode = |name: &str| match name.trim() {
        "strong" => Ok(Mode::Strong),
        "weak" => Ok(Mode::Weak),
        other => Err(refused("mode", "strong, weak or strong,weak", other)),
    };
    let is_width = args.half_width > 0.0 && args.half_width < 1.0;
    if !is_width {
        let got = args.half_width.to_string();
        return Err(refused("half-width", "between 0 and 1", &got).into());
    }
    Ok(Scaling {
        threads: match &args.threads {
            Some(list) => threads("threads", list)?,
            None => default_threads()?,
        },
        modes: args.mode.split(',').map(mode).collect::<Result<_, _>>()?,
        batch_size: at_most(
            "batch-size",
            args.batch_size.unwrap_or(BATCH_SIZE),
            u32::MAX as usize,
        )?,
        budget: budget(args)?,
        half_width: args.half_width,
        seed: args.seed,
        peers: args.peer.clone(),
        ..Scaling::new(preset(&args.preset)?)
    })
}

fn budget(args: &ScalingArgs) -> Result<Duration, ArgError> {
    humantime::parse_duration(&args.budget)
        .map_err(|_| refused("budget", "a time such as 20s or 5m", &args.budget))
}

/// The numbers of a list of threads.
pub(super) fn threads(flag: &'static str, list: &str) -> Result<Vec<usize>, ArgError> {
    let number = |text: &str| match text.trim().parse() {
        Ok(count) if count <= MOST_THREADS => Ok(count),
        _ => Err(refused(flag, "numbers from 1 to 4096, such as 1,2,4", list)),
    };
    list.split(',').map(number).collect()
}

/// Powers of two up to the usable cores, and all of them.
pub(super) fn default_threads() -> Result<Vec<usize>, CommandError> {
    let placement = Placement::of_process(Threads::Fixed(1), Pinning::Auto);
    let cores = placement.map_err(TrainError::from)?.num_usable_cores;
    let powers = (0..)
        .map(|power| 1 << power)
        .take_while(|&count| count < cores);
    Ok(powers.chain([cores]).collect())
}

pub(super) fn measured(scaling: &Scaling) -> Result<Results, ScalingError> {
    let shows = std::io::stderr().is_terminal();
    let mut results = scaling.run(|round, half_width| {
        if shows {
            let within = match half_width.is_finite() {
                true => format!(", medians within {:.1} %", 100.0 * half_width),
                false => String::new(),
            };
            eprint!("\rround {round}{within} ");
        }
    })?;
    if shows {
        eprintln!();
    }
    results.command = command_line();
    Ok(results)
}

fn print(results: &Results, analysis: &Analysis) {
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
    for law in &analysis.laws {
        let fit = law.fit.law.name();
        say!("{fit}: serial share {}", law.sigma);
        if let Some(best) = law.best_threads {
            say!("{fit}: kappa {:.3e}, best threads {best}", law.kappa.value);
        }
    }
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
    report(folder, &page(results, analysis))
}

fn compared(first: &Path, second: &Path) -> Result<(), CommandError> {
    let both = compare(&Results::read(first)?, &Results::read(second)?)?;
    let row = |one: &crate::study::scaling::Comparison| {
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

fn never_slower(args: &ScalingArgs) -> Result<(), CommandError> {
    let case = |&(name, batches): &(&str, &[usize])| {
        let preset = presets::by_name(name).expect("the list names presets");
        (preset, batches.to_vec())
    };
    let mut threads = settings(args)?.threads;
    if !threads.contains(&1) {
        threads.push(1);
    }
    let study = NeverSlower {
        cases: BATCHES.iter().map(case).collect(),
        threads,
        budget: budget(args)?,
        seed: args.seed,
    };
    let rows = study.run(|row| {
        eprintln!(
            "{} {}, {} threads: {}",
            row.preset, row.batch_size, row.threads, row.ratio
        );
    })?;
    let table = slower_table(&rows);
    aligned(&SLOWER_HEAD, &table);
    let Some(folder) = &args.out else {
        return Ok(());
    };
    let mut page = Page::new("Never slower with more threads");
    page.paragraph(&command_line())
        .paragraph(&format!(
            "Throughput of the best of fewer threads, {}. Where it is below 0.98, auto has to take fewer.",
            spread_text(rows.iter().map(|row| row.ratio.samples))
        ))
        .table(&SLOWER_HEAD, &table);
    let lines = rows
        .iter()
        .map(|row| serde_json::to_string(row).expect("rows are plain values"));
    let lines = lines.collect::<Vec<_>>().join("\n") + "\n";
    std::fs::create_dir_all(folder).map_err(|source| CommandError::Write {
        path: folder.clone(),
        source,
    })?;
    write(folder, "never_slower.jsonl", lines.as_bytes())?;
    write(folder, "never_slower.html", page.html().as_bytes())
}
