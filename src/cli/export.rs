//! `unisono export`: weights and models for other programs.

use std::path::Path;

use crate::data::RealTargets;
use crate::export::{OnnxParts, OutputScale, write_npz, write_onnx_whole, write_safetensors};

use super::choices::{EXPORTED_ROWS, FORMATS};
use super::error::{CommandError, refused};
use super::out_file::OutFile;
use super::raw_rows::{about, raw_rows};
use super::runs_args::ExportArgs;
use super::saved_run::SavedRun;

/// `unisono export`.
pub(super) fn export(args: &ExportArgs) -> Result<(), CommandError> {
    let format = args.format.as_str();
    FORMATS.of(format)?;
    let is_raw = match (args.rows.as_deref(), format) {
        (None, _) => true,
        (Some(rows), "onnx") => EXPORTED_ROWS.of(rows)?,
        (Some(rows), _) => {
            let expected = "left out: only files of --format onnx take rows";
            return Err(refused("rows", expected, rows).into());
        }
    };
    let out = OutFile::new(&args.out, args.force, &[])?;
    let saved = SavedRun::open(&args.run)?;
    let model = saved.network.model().to_string();
    match format {
        "npz" => write_npz(out.path(), &saved.network)?,
        "onnx" => onnx(&saved, is_raw, out.path())?,
        _ => {
            let targets = saved
                .targets()
                .map(|targets| serde_json::to_string(targets).expect("targets are plain values"));
            let mut metadata = vec![("format", "pt"), ("model", &*model)];
            metadata.extend(targets.as_deref().map(|targets| ("targets", targets)));
            write_safetensors(out.path(), &saved.network, &metadata)?;
        }
    }
    say!("model: {model}");
    for line in units(saved.targets(), format) {
        say!("{line}");
    }
    say!("file: {}", out.path().display());
    Ok(())
}

/// Writes the whole model; of rows as files have them, as far as nodes can prepare them.
fn onnx(saved: &SavedRun, is_raw: bool, path: &Path) -> Result<(), CommandError> {
    let kind = saved.preparation().ok().map(|known| &known.rows);
    let rows = kind.filter(|_| is_raw).map(raw_rows);
    // Why the model takes prepared rows, where it does though others were wanted.
    let rows = match rows {
        Some(Err(why)) => {
            say!("rows: prepared as preparation.json says: {why}");
            None
        }
        Some(Ok(rows)) => {
            say!("rows: {}", about(&rows, kind));
            Some(rows)
        }
        None => None,
    };
    let scale = saved.targets().map(output_scale);
    let mut described = described(saved);
    if let Some(rows) = &rows {
        let names = rows.input_names();
        described.push((
            "inputs",
            serde_json::to_string(&names).expect("names are texts"),
        ));
    }
    let described: Vec<(&str, &str)> = described
        .iter()
        .map(|(key, text)| (*key, &**text))
        .collect();
    let parts = OnnxParts {
        rows: rows.as_ref(),
        scale: scale.as_ref(),
        metadata: &described,
    };
    Ok(write_onnx_whole(path, &saved.network, &parts)?)
}

/// What an ONNX file says of its rows and outputs, as JSON: how rows are made, and the names of
/// inputs, classes and targets.
fn described(saved: &SavedRun) -> Vec<(&'static str, String)> {
    let Ok(preparation) = saved.preparation() else {
        return Vec::new();
    };
    let names = |names: &[String]| serde_json::to_string(names).expect("names are texts");
    let targets = preparation
        .targets
        .iter()
        .flat_map(|targets| &targets.names);
    let lists = [
        ("input_names", preparation.rows.input_names()),
        (
            match preparation.is_multi_label {
                true => "label_names",
                false => "class_names",
            },
            preparation.class_names.clone(),
        ),
        ("targets", targets.cloned().collect()),
    ];
    let whole = String::from_utf8(preparation.to_json()).expect("JSON is text");
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let lists = lists.map(|(key, list)| (key, names(&list)));
    [("preparation", whole)].into_iter().chain(lists).collect()
}

/// What brings a model's outputs to the units of its targets.
fn output_scale(targets: &RealTargets) -> OutputScale {
    let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
    OutputScale {
        factors: single(&targets.scale.deviations),
        summands: single(&targets.scale.means),
    }
}

/// In which units a file's outputs are.
fn units(targets: Option<&RealTargets>, format: &str) -> Vec<String> {
    let Some(targets) = targets else {
        return Vec::new();
    };
    let scale = &targets.scale;
    let scales = scale.means.iter().zip(&scale.deviations);
    let line = |(name, (mean, deviation)): (&String, (&f64, &f64))| match format {
        "onnx" => format!("target {name}: in its units"),
        _ => format!("target {name}: {mean} + {deviation} times the output"),
    };
    targets.names.iter().zip(scales).map(line).collect()
}
