//! Report of a measurement: tables and page.

use crate::engine::Phase;
use crate::report::HtmlReport;
use crate::stats::{Law, spread_text};

use super::analysis::Analysis;
use super::charts::{charts, has_ranks};
use super::laws::LawReport;
use super::predict::Prediction;
use super::results::Results;
use super::slower::SlowerRow;
use super::summary::Row;

/// A page of everything, that stands alone.
///
/// Example: [`Analysis`].
pub fn html_report(results: &Results, analysis: &Analysis) -> HtmlReport {
    let rows = &analysis.rows;
    let mut page = HtmlReport::new(format!("Scaling of {}", results.model()));
    let mut facts: Vec<(&str, String)> = vec![
        ("command", results.command.clone()),
        ("ended", results.started.clone()),
    ];
    facts.extend(results.machine.facts());
    facts.push(("parameters", results.num_params.to_string()));
    facts.push((
        "peak of a core",
        format!("{:.1} GFLOP/s", results.peak_flops / 1e9),
    ));
    for (rank, at) in results.ranks.iter().enumerate() {
        facts.push(("rank", format!("{rank}: {}", at.text())));
    }
    for (threads, bandwidth) in &results.bandwidth {
        let text = format!("{:.1} GB/s on {threads} threads", bandwidth / 1e9);
        facts.push(("bandwidth", text));
    }
    page.facts(facts);
    // What was measured, as a table and as charts.
    let disturbed: usize = rows.iter().map(|row| row.samples.1).sum();
    page.heading("What was measured").paragraph(&format!(
        "{} rounds of one sample a cell in random order, {disturbed} samples of {} disturbed. The base makes {:.0} rows a second. Medians, {}; ratios pair the rounds.",
        results.rounds(),
        results.samples.len(),
        rows[0].throughput.value,
        spread_text([results.rounds()]),
    ));
    if let Some(are_same) = results.has_same_weights() {
        page.paragraph(&format!("Checked: {}.", weights_text(are_same)));
    }
    page.table(&table_head(rows), &table(rows));
    for (name, chart, caption) in charts(results, analysis) {
        page.chart(name, &*chart, &caption);
    }
    phases(&mut page, rows);
    laws(&mut page, analysis);
    others(&mut page, results);
    page
}

/// What the first steps of cells with the same batch and the same shards came to.
///
/// ```
/// use unisono::study::scaling::weights_text;
/// assert!(weights_text(true).contains("the same bits"));
/// assert!(weights_text(false).contains("THE WEIGHTS AFTER 4 STEPS DIFFER"));
/// ```
pub fn weights_text(are_same: bool) -> &'static str {
    match are_same {
        true => "the weights after 4 steps are the same bits on all ranks and threads of a batch",
        false => "THE WEIGHTS AFTER 4 STEPS DIFFER between cells of one batch: see weights_sha256",
    }
}

/// The head of the table of cells: with ranks where any cell has several.
///
/// Example: [`Analysis`].
pub fn table_head(rows: &[Row]) -> Vec<&'static str> {
    let rest = [
        "batch",
        "ms a step",
        "speed-up",
        "efficiency",
        "% of peak",
        "% memory",
        "samples",
    ];
    let counts = count_heads(rows).iter().copied();
    ["cell"].into_iter().chain(counts).chain(rest).collect()
}

fn count_heads(rows: &[Row]) -> &'static [&'static str] {
    match has_ranks(rows) {
        true => &["ranks", "threads of each"],
        false => &["threads"],
    }
}

/// What stands below [`count_heads`].
fn counts(row: &Row, has_ranks: bool) -> Vec<String> {
    let ranks = has_ranks.then(|| row.cell.ranks.to_string());
    ranks
        .into_iter()
        .chain([row.cell.threads.to_string()])
        .collect()
}

/// The table of cells.
///
/// Example: [`Analysis`].
pub fn table(rows: &[Row]) -> Vec<Vec<String>> {
    let has_ranks = has_ranks(rows);
    let row = |row: &Row| {
        let mut counts = counts(row, has_ranks);
        if let Some(threads) = counts.last_mut().filter(|_| row.is_oversubscribed) {
            threads.push_str(" (more than cores)");
        }
        let (samples, disturbed) = row.samples;
        let rest = [
            row.cell.batch_size.to_string(),
            row.step_ms.text(|ms| format!("{ms:.4}")),
            row.speedup.to_string(),
            format!("{:.3}", row.efficiency.value),
            format!("{:.1}", 100.0 * row.peak_share),
            row.bandwidth_share
                .map_or(String::new(), |share| format!("{:.1}", 100.0 * share)),
            format!("{samples} ({disturbed} disturbed)"),
        ];
        let cells = [row.cell.name()].into_iter().chain(counts).chain(rest);
        cells.collect()
    };
    rows.iter().map(row).collect()
}

fn phases(page: &mut HtmlReport, rows: &[Row]) {
    let has_ranks = has_ranks(rows);
    let head: Vec<&str> = ["cell"]
        .into_iter()
        .chain(count_heads(rows).iter().copied())
        .chain(Phase::EACH.map(Phase::name))
        .chain(["wait, least to most", "all, of the step", "clock"])
        .collect();
    let line = |row: &Row| {
        let split = row
            .phases
            .iter()
            .map(|phase| format!("{:.3}", phase.median_ms));
        let wait = &row.phases[Phase::Wait as usize];
        [row.cell.name()]
            .into_iter()
            .chain(counts(row, has_ranks))
            .chain(split)
            .chain([
                format!("{:.3} to {:.3}", wait.min_ms, wait.max_ms),
                format!("{:.1} %", 100.0 * row.phases_share),
                format!("{:.2} %", 100.0 * row.clock_share),
            ])
            .collect()
    };
    let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
    page.heading("The split of the step")
        .paragraph("Milliseconds of the median worker. Who waits longest has least to do: the spread shows stragglers. The last columns: all phases together of the step, and what reading the clock for them costs (of steps below 0.1 ms one in eight is timed phase by phase).")
        .table(&head, &lines);
}

fn laws(page: &mut HtmlReport, analysis: &Analysis) {
    let laws = &analysis.laws;
    if laws.is_empty() {
        return;
    }
    let row = |law: &LawReport| {
        let residuals = law.residuals.iter();
        let residuals = residuals.map(|(n, share)| format!("{n}: {:+.2} %", 100.0 * share));
        let predicted = law
            .predicted
            .iter()
            .filter(|known| [8, 16, 64, 1024].contains(&known.0));
        let predicted = predicted.map(|(n, gain)| format!("{n}: {gain}"));
        vec![
            law.name(),
            law.sigma.to_string(),
            match law.fit.law {
                Law::Usl => law.kappa.text(|kappa| format!("{kappa:.3e}")),
                _ => String::new(),
            },
            law.best_threads
                .map_or(String::new(), |best| best.to_string()),
            residuals.collect::<Vec<_>>().join(", "),
            predicted.collect::<Vec<_>>().join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = laws.iter().map(row).collect();
    let (of, best, over_one) = match has_ranks(&analysis.rows) {
        true => ("threads and ranks", "best number", "speed-up over one"),
        false => ("threads", "best threads", "speed-up over one thread"),
    };
    page.heading("Laws")
        .paragraph(&format!("Amdahl's and Gustafson's laws need two points, the Universal Scalability Law six: with fewer it is not fitted. The speed-ups of {of} that were not measured are predictions."))
        .table(&["law", "serial share (sigma)", "coherency (kappa)", best, "measured above the law", over_one], &rows);
    model(page, analysis);
}

fn model(page: &mut HtmlReport, analysis: &Analysis) {
    if analysis.predictions.is_empty() {
        return;
    }
    let row = |known: &Prediction| {
        vec![
            known.threads.to_string(),
            known.step_ms.to_string(),
            known.speedup.to_string(),
            known
                .measured_ms
                .map_or("prediction".to_owned(), |measured| {
                    format!(
                        "{measured:.4} ({:+.1} %)",
                        100.0 * (known.step_ms.value / measured - 1.0)
                    )
                }),
        ]
    };
    let rows: Vec<Vec<String>> = analysis.predictions.iter().map(row).collect();
    let of_one = match has_ranks(&analysis.rows) {
        true => " of one rank",
        false => "",
    };
    page.heading("Model of the step")
        .paragraph(&format!("Strong scaling{of_one} by a simulation of the engine's own plan. Its constants come from one thread and the fewest of several; what was measured on more checks it."))
        .table(&["threads", "ms a step, simulated", "speed-up", "measured ms"], &rows);
}

fn others(page: &mut HtmlReport, results: &Results) {
    let peers = results.peer_rows();
    if !peers.is_empty() {
        let rows: Vec<Vec<String>> = peers
            .iter()
            .map(|(command, threads, ratio)| {
                vec![command.clone(), threads.to_string(), ratio.to_string()]
            })
            .collect();
        page.heading("Others")
            .paragraph("How many times faster unisono is, round by round, with the same threads and batch.")
            .table(&["command", "threads", "times faster"], &rows);
    }
}

/// The head of the table of [`SlowerRow`]s.
///
/// Example: [`NeverSlower`](super::NeverSlower).
pub const SLOWER_HEAD: &[&str] = &[
    "preset",
    "batch",
    "threads",
    "of the best of fewer",
    "auto takes",
    "kept",
];

/// The table of [`SlowerRow`]s.
///
/// Example: [`NeverSlower`](super::NeverSlower).
pub fn slower_table(rows: &[SlowerRow]) -> Vec<Vec<String>> {
    let row = |row: &SlowerRow| {
        vec![
            row.preset.clone(),
            row.batch_size.to_string(),
            row.threads.to_string(),
            row.ratio.to_string(),
            row.auto.to_string(),
            if row.is_kept() { "yes" } else { "no" }.to_owned(),
        ]
    };
    rows.iter().map(row).collect()
}
