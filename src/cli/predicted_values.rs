//! `unisono predict` of a regression: a value for each target, in its units.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::data::RealTargets;
use crate::run::PredictedValues;

use super::error::CommandError;
use super::out_file::OutFile;

/// Prints the rows, or writes them to a file: a line of JSON a row, or of comma-separated values.
pub(super) fn predicted_values(
    rows: &[PredictedValues],
    targets: &RealTargets,
    names: &[String],
    out: Option<&OutFile>,
) -> Result<(), CommandError> {
    let json = |row| serde_json::to_string(&line(row, targets, names));
    let json = |row| json(row).expect("lines are plain values");
    let lines = rows.iter().map(json);
    let Some(out) = out else {
        lines.for_each(|line| say!("{line}"));
        return Ok(());
    };
    let text = if out.path().extension().is_some_and(|end| end == "csv") {
        table(rows, targets, names)
    } else {
        lines.map(|line| line + "\n").collect()
    };
    out.write(text.as_bytes())?;
    say!("predictions: {}", out.path().display());
    Ok(())
}

/// What is said of a row, by target.
#[derive(Serialize)]
struct Line<'a> {
    row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    predicted: Map<String, Value>,
    /// What it is labelled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Map<String, Value>>,
}

fn line<'a>(row: &PredictedValues, targets: &RealTargets, names: &'a [String]) -> Line<'a> {
    let by_target = |values: &[f64]| -> Map<String, Value> {
        let pairs = targets.names.iter().zip(values);
        pairs
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect()
    };
    Line {
        row: row.row,
        input: names.get(row.row).map(String::as_str),
        predicted: by_target(&row.predicted),
        target: row.targets.as_deref().map(by_target),
    }
}

/// The rows as comma-separated values: a column for what is predicted of each target, and one for
/// each target, where rows have one.
fn table(rows: &[PredictedValues], targets: &RealTargets, names: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<String>| {
        writer.write_record(cells).expect("memory takes every line");
    };
    let has_targets = rows.first().is_some_and(|row| row.targets.is_some());
    let mut head = vec!["row".to_owned()];
    head.extend(names.first().map(|_| "input".to_owned()));
    head.extend(
        targets
            .names
            .iter()
            .map(|name| format!("predicted({name})")),
    );
    let own = targets.names.iter().filter(|_| has_targets);
    head.extend(own.map(|name| format!("target({name})")));
    write(head);
    for row in rows {
        let mut cells = vec![row.row.to_string()];
        cells.extend(names.get(row.row).cloned());
        let values = row.predicted.iter().chain(row.targets.iter().flatten());
        cells.extend(values.map(f64::to_string));
        write(cells);
    }
    let bytes = writer.into_inner().expect("memory takes every line");
    String::from_utf8(bytes).expect("it was made of text")
}
