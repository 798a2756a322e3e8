//! Report of a run, on one page: results, curves, phases of the step, mistakes, settings.

use crate::report::{HtmlReport, LineChart, THINNED, is_long, thinned};
use crate::train::{EvaluatedPart, Kept};

use super::error::RunError;
use super::findings::Findings;
use super::folder::RunFolder;
use super::log::MetricsLog;
use super::manifest::Manifest;
use super::record::{Record, points};
use super::regression::{TargetErrors, in_digits};

/// Layers whose gradient norms are drawn.
const MOST_LINES: usize = 8;

/// Writes `report.html` of a run: with what was found on the test rows, whose classes or labels have
/// these names.
///
/// ```
/// use unisono::run::{Manifest, RunFolder, report};
/// let folder = std::env::temp_dir().join(format!("unisono-report-{}", std::process::id()));
/// report(&RunFolder::create(&folder, "")?, &Manifest::new("64-dense 10", "digits"), None)?;
/// assert!(std::fs::read_to_string(folder.join("report.html"))?.contains("64-dense 10"));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RunError::Read`], [`RunError::Write`].
pub fn report(
    run: &RunFolder,
    manifest: &Manifest,
    found: Option<(Findings<'_>, &[String])>,
) -> Result<(), RunError> {
    let name = run.path().file_name().unwrap_or(run.path().as_os_str());
    let mut page = HtmlReport::new(format!("Run {}", name.to_string_lossy()));
    facts(&mut page, manifest);
    let records = MetricsLog::read(run.path())?;
    curves(&mut page, &records);
    layers(&mut page, &manifest.layers, &records);
    targets(&mut page, "validation", &manifest.valid_targets);
    targets(&mut page, "test", &manifest.targets);
    phases(&mut page, manifest);
    if let Some((found, names)) = found {
        found.show(&mut page, names);
    }
    page.heading("Settings").facts(settings(&run.config()?));
    run.write("report.html", page.html().as_bytes())
}

/// The settings of a configuration that have a value, each with its section.
fn settings(config: &str) -> Vec<(String, String)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in config.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once(" = ")
            && !line.starts_with('#')
        {
            found.push((format!("{section}.{key}"), value.to_owned()));
        }
    }
    found
}

/// Which weights are kept.
fn kept_text(kept: &Kept) -> String {
    let (weights, epoch, step) = (kept.weights_text(), kept.epoch, kept.step);
    let chosen = match kept.chosen_on {
        Some(EvaluatedPart::Test) => {
            "; chosen on the test part, so its figures are better than those of new rows"
        }
        Some(_) => "; chosen on the validation part",
        None => "",
    };
    format!("{weights}, after epoch {epoch} and step {step}{chosen}")
}

fn facts(page: &mut HtmlReport, manifest: &Manifest) {
    let pinned = if manifest.is_pinned {
        "pinned"
    } else {
        "not pinned"
    };
    let (rows, test_rows) = manifest.rows;
    let parts = match manifest.valid_rows {
        0 => format!("{rows} training and {test_rows} test rows"),
        valid => format!("{rows} training, {valid} validation and {test_rows} test rows"),
    };
    let mut facts = vec![("status", manifest.status.to_string())];
    facts.extend(measured(manifest));
    facts.extend(watched(manifest));
    facts.extend([
        ("kept", or_none(manifest.kept.map(|kept| kept_text(&kept)))),
        (
            "last epoch",
            manifest
                .other_epoch()
                .unwrap_or_else(|| "the one that is kept".to_owned()),
        ),
        ("steps", manifest.steps.to_string()),
        ("wall time", format!("{:.2} s", manifest.wall_time_s)),
        (
            "model",
            format!("{} ({} parameters)", manifest.model, manifest.num_params),
        ),
        ("data", format!("{}, {parts}", manifest.data)),
        ("threads", format!("{} ({pinned})", manifest.threads)),
        ("shards", manifest.shards.to_string()),
        ("seed", manifest.seed.to_string()),
        ("processor", or_none(manifest.cpu.clone())),
        ("instruction set", or_none(manifest.instruction_set.clone())),
        ("began", manifest.started.clone()),
        ("unisono", manifest.unisono.clone()),
        ("data sha256", manifest.data_sha256.clone()),
        ("weights sha256", or_none(manifest.weights_sha256.clone())),
    ]);
    page.facts(facts);
}

/// Accuracy or R2, and loss, of the parts that were evaluated.
fn measured(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let is_regression = !manifest.valid_targets.is_empty() || !manifest.targets.is_empty();
    let of_part = |[accuracy, r2, loss]: [&'static str; 3],
                   share: Option<f64>,
                   mean: Option<f64>,
                   targets| {
        let known = match is_regression {
            true => TargetErrors::mean_r2(targets).map(|r2| format!("{r2:.4}")),
            false => share.map(|share| format!("{:.2} %", 100.0 * share)),
        };
        let name = if is_regression { r2 } else { accuracy };
        let mean = mean.map(|loss| format!("{loss:.6}"));
        [(name, or_none(known)), (loss, or_none(mean))]
    };
    let mut facts = Vec::new();
    if manifest.valid_rows > 0 {
        let names = ["validation accuracy", "validation R2", "validation loss"];
        let (share, loss) = (manifest.valid_accuracy, manifest.valid_loss);
        facts.extend(of_part(names, share, loss, &manifest.valid_targets));
    }
    let names = ["test accuracy", "test R2", "test loss"];
    let (share, loss) = (manifest.test_accuracy, manifest.test_loss);
    facts.extend(of_part(names, share, loss, &manifest.targets));
    facts
}

/// The metric that chose, where it is none of those.
fn watched(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let metric = manifest.kept.unwrap_or_default().watch;
    let of_part = |name, value: Option<f64>| {
        let value = value?;
        Some((name, format!("{metric} {value:.4}")))
    };
    let both = [
        of_part("watched, validation part", manifest.valid_watched),
        of_part("watched, test part", manifest.test_watched),
    ];
    both.into_iter().flatten().collect()
}

fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| "not known".to_owned())
}

/// A line of a chart: its name, and the event and the field of the records it shows.
type Line = (&'static str, &'static str, &'static str);

/// Title, unit, caption and lines of each chart.
const CHARTS: [(&str, &str, &str, &[Line]); 9] = [
    (
        "Loss",
        "mean loss of a row",
        "Training loss before each update (step), its mean over an epoch, and the validation or test loss after it.",
        &[
            ("step", "step", "loss"),
            ("epoch", "epoch", "train_loss"),
            ("validation", "epoch", "valid_loss"),
            ("test", "epoch", "test_loss"),
        ],
    ),
    (
        "Accuracy",
        "share of rows",
        "Rows classified correctly: in training before each update, in the validation or test part after the epoch.",
        &[
            ("training", "epoch", "train_accuracy"),
            ("validation", "epoch", "valid_accuracy"),
            ("test", "epoch", "test_accuracy"),
        ],
    ),
    (
        "Errors",
        "the target's units",
        "Root of the mean squared error and mean absolute error of the validation or test rows after the epoch.",
        &[
            ("validation RMSE", "epoch", "valid_rmse"),
            ("validation MAE", "epoch", "valid_mae"),
            ("RMSE", "epoch", "test_rmse"),
            ("MAE", "epoch", "test_mae"),
        ],
    ),
    (
        "R2",
        "1 less the squared error over the variance",
        "Of the validation or test rows after the epoch; 0 is always answering with their mean.",
        &[
            ("validation", "epoch", "valid_r2"),
            ("test", "epoch", "test_r2"),
        ],
    ),
    (
        "Watched metric",
        "metric that chooses",
        "Of the validation or test rows after the epoch (--watch).",
        &[("watched", "epoch", "watched")],
    ),
    (
        "Learning rate",
        "learning rate",
        "The rate of each recorded step.",
        &[("learning rate", "step", "lr")],
    ),
    (
        "Gradient norm",
        "norm of the mean gradient",
        "Of each recorded step.",
        &[("norm", "step", "grad_norm")],
    ),
    (
        "Batch and noise scale",
        "rows",
        "Rows of each recorded step; the gradient noise scale where it is tracked.",
        &[
            ("batch", "step", "batch_size"),
            ("noise scale", "epoch", "noise_scale"),
        ],
    ),
    (
        "Throughput",
        "samples/s",
        "Rows trained on a second, without evaluation.",
        &[("throughput", "epoch", "throughput_samples_per_s")],
    ),
];

fn curves(page: &mut HtmlReport, records: &[Record]) {
    page.heading("Curves");
    let lines = CHARTS.iter().flat_map(|(_, _, _, lines)| *lines);
    let wanted: Vec<(&str, &str)> = lines.map(|&(_, event, field)| (event, field)).collect();
    let mut points = points(records, &wanted).into_iter();
    for (title, unit, caption, lines) in CHARTS {
        let points: Vec<_> = points.by_ref().take(lines.len()).collect();
        let mut chart = LineChart::new(title, "steps", unit);
        let has_points = points.iter().any(|points| points.len() > 1);
        let caption = caption_of(caption, &points);
        for ((name, _, _), points) in lines.iter().zip(points) {
            if points.len() > 1 {
                chart = chart.line(*name, thinned(points));
            }
        }
        if has_points {
            page.chart(&file_name(title), &chart.log_y_of_decades(), &caption);
        }
    }
}

/// The caption of a chart of these lines, with what was left out of one, if something was.
fn caption_of(caption: &str, lines: &[Vec<(f64, f64)>]) -> String {
    match lines.iter().any(|points| is_long(points)) {
        true => format!("{caption} {THINNED}"),
        false => caption.to_owned(),
    }
}

/// The title of a chart as the name of its table.
fn file_name(title: &str) -> String {
    title.to_lowercase().replace(' ', "_")
}

/// The norms of the layers' gradients: lines of some, all of them in a table.
fn layers(page: &mut HtmlReport, names: &[String], records: &[Record]) {
    let norms = |record: &Record| match record {
        Record::Step {
            step,
            layer_grad_norms,
            ..
        } if layer_grad_norms.len() == names.len() => Some((*step, layer_grad_norms.clone())),
        _ => None,
    };
    let steps: Vec<(u64, Vec<Option<f64>>)> = records.iter().filter_map(norms).collect();
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return;
    };
    let points = |layer: usize| -> Vec<(f64, f64)> {
        let point = |(step, norms): &(u64, Vec<Option<f64>>)| Some((*step as f64, norms[layer]?));
        steps.iter().filter_map(point).collect()
    };
    let mut chart = LineChart::new(
        "Gradient norm by layer",
        "steps",
        "norm of the mean gradient",
    );
    // Evenly spread from the first to the last.
    let shown = names.len().min(MOST_LINES);
    for line in 0..shown {
        let layer = line * (names.len() - 1) / (shown - 1).max(1);
        chart = chart.line(&names[layer], thinned(points(layer)));
    }
    let caption = if shown < names.len() {
        format!("Of each recorded step; {shown} of {} layers.", names.len())
    } else {
        "Of each recorded step.".to_owned()
    };
    let caption = caption_of(&caption, &[points(0)]);
    let row = |layer: usize| {
        let cell = |norms: &[Option<f64>]| {
            norms[layer].map_or("not finite".to_owned(), |norm| format!("{norm:.3e}"))
        };
        let all = points(layer);
        let mean = all.iter().map(|point| point.1).sum::<f64>() / all.len() as f64;
        vec![
            names[layer].clone(),
            cell(&first.1),
            format!("{mean:.3e}"),
            cell(&last.1),
        ]
    };
    let rows: Vec<Vec<String>> = (0..names.len()).map(row).collect();
    page.chart("gradient_norm_by_layer", &chart, &caption)
        .table(&["layer", "first", "mean", "last"], &rows);
}

/// The errors of a regression on a part, a row for each target.
fn targets(page: &mut HtmlReport, part: &str, errors: &[TargetErrors]) {
    if errors.is_empty() {
        return;
    }
    let text = |value: Option<f64>| value.map_or("not finite".to_owned(), in_digits);
    let row = |target: &TargetErrors| {
        vec![
            target.name.clone(),
            text(target.rmse),
            text(target.mae),
            target.r2.map_or("none".to_owned(), |r2| format!("{r2:.4}")),
            text(target.rmse_of_mean),
            text(target.mae_of_mean),
        ]
    };
    let rows: Vec<Vec<String>> = errors.iter().map(row).collect();
    let head = [
        "target",
        "RMSE",
        "MAE",
        "R2",
        "RMSE of the mean",
        "MAE of the mean",
    ];
    page.heading(&format!("Errors by target, {part} part"))
        .paragraph("Of the weights that are kept, in the units of each target; beside them those of always answering with the mean of the training rows.")
        .table(&head, &rows);
}

fn phases(page: &mut HtmlReport, manifest: &Manifest) {
    let all: f64 = manifest.phases_s.iter().map(|phase| phase.1).sum();
    if all == 0.0 {
        return;
    }
    let row = |(name, seconds): &(String, f64)| {
        vec![
            name.clone(),
            format!("{seconds:.3}"),
            format!("{:.1}", 100.0 * seconds / all),
        ]
    };
    let rows: Vec<Vec<String>> = manifest.phases_s.iter().map(row).collect();
    page.heading("Where the workers' time went")
        .table(&["phase", "seconds, all workers", "%"], &rows);
}
