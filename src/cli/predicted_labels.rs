//! `unisono predict` of rows with any number of labels: a probability for each label.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::run::PredictedLabels;

use super::error::CommandError;
use super::out_file::OutFile;
use super::saved_run::SavedRun;

/// Prints the rows, or writes them to a file: a line of JSON a row, or of comma-separated values.
pub(super) fn predicted_labels(
    rows: &[PredictedLabels],
    saved: &SavedRun,
    inputs: &[String],
    out: Option<&OutFile>,
) -> Result<(), CommandError> {
    let width = rows.first().map_or(0, |row| row.probabilities.len());
    let names: Vec<String> = (0..width).map(|label| saved.class(label)).collect();
    let line = |row: &PredictedLabels| {
        let line = serde_json::to_string(&line(row, &names, inputs));
        line.expect("lines are plain values")
    };
    let Some(out) = out else {
        rows.iter().for_each(|row| say!("{}", line(row)));
        return Ok(());
    };
    let text = if out.path().extension().is_some_and(|end| end == "csv") {
        table(rows, &names, inputs)
    } else {
        rows.iter().map(|row| line(row) + "\n").collect()
    };
    out.write(text.as_bytes())?;
    say!("predictions: {}", out.path().display());
    Ok(())
}

/// What is said of a row.
#[derive(Serialize)]
struct Line<'a> {
    row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    /// The labels whose probability is above a half.
    predicted: Vec<&'a str>,
    /// The labels that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<&'a str>>,
    probabilities: Map<String, Value>,
}

fn line<'a>(row: &PredictedLabels, names: &'a [String], inputs: &'a [String]) -> Line<'a> {
    let named = |is_there: &[bool]| -> Vec<&'a str> {
        let pairs = names.iter().zip(is_there);
        pairs
            .filter(|(_, is_there)| **is_there)
            .map(|(name, _)| name.as_str())
            .collect()
    };
    let shares = names.iter().zip(&row.probabilities);
    Line {
        row: row.row,
        input: inputs.get(row.row).map(String::as_str),
        predicted: named(&row.predicted()),
        labels: row.labels.as_deref().map(named),
        probabilities: shares
            .map(|(name, share)| (name.clone(), json!(share)))
            .collect(),
    }
}

/// The rows as comma-separated values: a column for the probability of each label, and one for each
/// label, where rows have some.
fn table(rows: &[PredictedLabels], names: &[String], inputs: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<String>| {
        writer.write_record(cells).expect("memory takes every line");
    };
    let has_labels = rows.first().is_some_and(|row| row.labels.is_some());
    let mut head = vec!["row".to_owned()];
    head.extend(inputs.first().map(|_| "input".to_owned()));
    head.extend(names.iter().map(|name| format!("p({name})")));
    let own = names.iter().filter(|_| has_labels);
    head.extend(own.map(|name| format!("label({name})")));
    write(head);
    for row in rows {
        let mut cells = vec![row.row.to_string()];
        cells.extend(inputs.get(row.row).cloned());
        cells.extend(row.probabilities.iter().map(f64::to_string));
        let labels = row.labels.iter().flatten();
        cells.extend(labels.map(|is_there| u8::from(*is_there).to_string()));
        write(cells);
    }
    let bytes = writer.into_inner().expect("memory takes every line");
    String::from_utf8(bytes).expect("it was made of text")
}
