//! `unisono scaling --never-slower`: whether more threads are ever slower.

use serde_json::json;

use crate::nn::presets;
use crate::report::HtmlReport;
use crate::stats::spread_text;
use crate::study::scaling::{NeverSlower, SLOWER_HEAD, SlowerRow, slower_table};

use crate::cli::error::CommandError;
use crate::cli::output::{aligned, command_line, write};
use crate::cli::scaling_args::ScalingArgs;
use crate::cli::stdout::json;

use super::settings::{budget, settings};

/// Batch sizes at which `--never-slower` measures each preset.
const BATCHES: [(&str, &[usize]); 6] = [
    ("mlp_small", &[16, 32, 256, 1024]),
    ("mlp", &[32, 128, 1024]),
    ("lenet", &[16, 64, 256]),
    ("resnet20", &[16, 64]),
    ("lstm", &[16, 64]),
    ("gpt", &[4, 12]),
];

/// Measures every preset at several batch sizes.
pub(super) fn never_slower(args: &ScalingArgs) -> Result<(), CommandError> {
    // Every preset, on one thread and on more.
    let case = |&(name, batches): &(&str, &[usize])| {
        let preset = presets::by_name(name).expect("the list names presets");
        (preset, batches.to_vec())
    };
    let mut threads = settings(args, None)?.threads;
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
        note!(
            "{} {}, {} threads: {}",
            row.preset,
            row.batch_size,
            row.threads,
            row.ratio
        );
    })?;
    // The table; with --out a page and the rows as JSON.
    json(|| {
        let row = |row: &SlowerRow| json!({ "row": row, "is_kept": row.is_kept() });
        json!({ "rows": rows.iter().map(row).collect::<Vec<_>>() })
    });
    let table = slower_table(&rows);
    aligned(SLOWER_HEAD, &table);
    let Some(folder) = &args.out else {
        return Ok(());
    };
    let mut page = HtmlReport::new("Never slower with more threads");
    page.paragraph(&command_line())
        .paragraph(&format!(
            "Throughput of the best of fewer threads, {}. Where it is below 0.98, auto has to take fewer.",
            spread_text(rows.iter().map(|row| row.ratio.samples))
        ))
        .table(SLOWER_HEAD, &table);
    let lines = rows
        .iter()
        .map(|row| serde_json::to_string(row).expect("rows are plain values"));
    let lines = lines.collect::<Vec<_>>().join("\n") + "\n";
    crate::output::make_folder(folder).map_err(|source| CommandError::Write {
        path: folder.clone(),
        source,
    })?;
    write(folder, "never_slower.jsonl", lines.as_bytes())?;
    write(folder, "never_slower.html", page.html().as_bytes())
}
