//! `unisono predict`, `generate` and `explain`: a run's model applied to files.

use std::path::Path;

use ndarray::ArrayView2;
use serde::Serialize;

use crate::data::{Dataset, Preparation, RowKind};
use crate::report::HtmlReport;
use crate::run::{
    Generation, Predicted, Saliency, heat_map, label_sets_of, picture, predictions, predictions_of,
    values_of,
};
use crate::train::TrainError;

use super::choices::METHODS;
use super::error::{CommandError, refused};
use super::out_file::OutFile;
use super::predicted_labels::predicted_labels;
use super::predicted_values::predicted_values;
use super::runs_args::{ExplainArgs, GenerateArgs, PredictArgs, RowsArgs};
use super::saved_run::SavedRun;
use super::stdout::print;

/// Inputs of a row that are listed, where it is no picture and no text.
const LISTED: usize = 20;

/// The rows that a command is about, and their names, if they have any.
type Rows = (Box<dyn Dataset>, Vec<String>);

fn rows(saved: &SavedRun, from: &RowsArgs) -> Result<Rows, CommandError> {
    match &from.input {
        None => Ok((saved.part(&from.of.part)?, Vec::new())),
        Some(path) => {
            let preparation = saved.preparation()?;
            if let RowKind::Tokens { .. } = preparation.rows {
                return Err(saved.no_classifier());
            }
            let new = preparation.rows(path).map_err(TrainError::from)?;
            for line in &new.notes {
                note!("{line}");
            }
            Ok((new.data, new.names))
        }
    }
}

/// The files that rows are made from.
fn inputs<'a>(saved: &'a SavedRun, from: &'a RowsArgs) -> Vec<&'a Path> {
    let data = saved.settings.data.as_deref();
    from.input.as_deref().into_iter().chain(data).collect()
}

/// `unisono predict`: a line of JSON, or of CSV, a row.
pub(super) fn predict(args: &PredictArgs) -> Result<(), CommandError> {
    let saved = SavedRun::open(&args.from.of.run)?;
    let out = args.out.as_deref();
    let out = out.map(|path| OutFile::new(path, args.force, &inputs(&saved, &args.from)));
    let out = out.transpose()?;
    let (data, names) = rows(&saved, &args.from)?;
    if let Some(targets) = saved.targets() {
        let found = values_of(&saved.network, &*data, targets).map_err(TrainError::from)?;
        let mut found = found.ok_or_else(|| saved.no_classifier())?;
        // The row that is predicted, of which a window does not tell by its number.
        if let Some(windows) = saved.preparation()?.rows.windows() {
            found
                .iter_mut()
                .for_each(|window| window.row = windows.target_row(window.row));
        }
        return predicted_values(&found, targets, &names, out.as_ref());
    }
    if saved.is_multi_label() {
        let found = label_sets_of(&saved.network, &*data).map_err(TrainError::from)?;
        let found = found.ok_or_else(|| saved.no_classifier())?;
        return predicted_labels(&found, &saved, &names, out.as_ref());
    }
    // What the network takes each row for.
    let rows = predictions(&saved.network, &*data).map_err(TrainError::from)?;
    let rows = rows.ok_or_else(|| saved.no_classifier())?;
    let line = |row: Predicted| Line {
        row: row.row,
        input: names.get(row.row).cloned(),
        predicted: saved.class(row.predicted),
        probability: row.probability(),
        class: row.class.map(|class| saved.class(class)),
        probabilities: row.probabilities,
    };
    let lines = rows.into_iter().map(line);
    // Lines of JSON on stdout, or a file of them, or of CSV.
    let json = |line: Line| serde_json::to_string(&line).expect("lines are plain values");
    let Some(out) = out else {
        lines.for_each(|line| say!("{}", json(line)));
        return Ok(());
    };
    let text = if out.path().extension().is_some_and(|end| end == "csv") {
        table(&saved, &lines.collect::<Vec<_>>())
    } else {
        lines.map(|line| json(line) + "\n").collect()
    };
    out.write(text.as_bytes())?;
    say!("predictions: {}", out.path().display());
    Ok(())
}

/// What is said of a row.
#[derive(Serialize)]
struct Line {
    row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    predicted: String,
    probability: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    probabilities: Vec<f64>,
}

/// The lines as comma-separated values, a column for the probability of each class.
fn table(saved: &SavedRun, lines: &[Line]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<Option<String>>| {
        let cells = cells.into_iter().flatten();
        writer.write_record(cells).expect("memory takes every line");
    };
    for (at, line) in lines.iter().enumerate() {
        let name = |name: &str| Some(name.to_owned());
        // The head: columns that no row has are left out.
        if at == 0 {
            let mut head = vec![
                name("row"),
                line.input.as_ref().and(name("input")),
                name("predicted"),
                name("probability"),
                line.class.as_ref().and(name("class")),
            ];
            let classes = 0..line.probabilities.len();
            head.extend(classes.map(|class| Some(format!("p({})", saved.class(class)))));
            write(head);
        }
        let mut cells = vec![
            Some(line.row.to_string()),
            line.input.clone(),
            Some(line.predicted.clone()),
            Some(line.probability.to_string()),
            line.class.clone(),
        ];
        let shares = line.probabilities.iter();
        cells.extend(shares.map(|share| Some(share.to_string())));
        write(cells);
    }
    let bytes = writer.into_inner().expect("memory takes every line");
    String::from_utf8(bytes).expect("it was made of text")
}

/// `unisono generate`: text that follows the prompt.
pub(super) fn generate(args: &GenerateArgs) -> Result<(), CommandError> {
    let saved = SavedRun::open(&args.run)?;
    let RowKind::Tokens { tokenizer, .. } = &saved.preparation()?.rows else {
        let expected = "of a language model, trained on a text";
        return Err(refused("run", expected, &args.run.display().to_string()).into());
    };
    let prompt = tokenizer.encode(&args.prompt).map_err(TrainError::from)?;
    let how = Generation {
        temperature: args.temperature,
        top_k: args.top_k,
        seed: args.seed,
    };
    let mut tokens = prompt.clone();
    let mut shown = tokenizer.decode(&tokens);
    print(format_args!("{shown}"));
    let each = |token| {
        tokens.push(token);
        let text = tokenizer.decode(&tokens);
        // What may still become another character waits.
        let is_whole = !text.ends_with(char::REPLACEMENT_CHARACTER);
        if let (true, Some(more)) = (is_whole, text.strip_prefix(&shown)) {
            print(format_args!("{more}"));
            shown = text;
        }
    };
    let made = how.continued(&saved.network, &prompt, args.tokens, each);
    made.map_err(TrainError::from)?;
    // What waited to the end, or was another text with the tokens after it.
    let text = tokenizer.decode(&tokens);
    match text.strip_prefix(&shown) {
        Some(rest) => say!("{rest}"),
        None => say!("\n{text}"),
    }
    Ok(())
}

/// `unisono explain`: a page that shows what of each row counts for the class that it was taken
/// for.
pub(super) fn explain(args: &ExplainArgs) -> Result<(), CommandError> {
    let how = (METHODS.of(&args.method)?)(args.steps);
    let saved = SavedRun::open(&args.from.of.run)?;
    let out = OutFile::new(&args.out, args.force, &inputs(&saved, &args.from))?;
    let preparation = saved.preparation()?;
    if saved.is_multi_label() {
        return Err(saved.no_classifier());
    }
    if let (RowKind::Texts { .. }, None) = (&preparation.rows, &args.from.input) {
        let expected = "given for a classifier of texts: a CSV file, or a text a line";
        return Err(refused("input", expected, "none").into());
    }
    // Rows, what they are taken for, and what counts for that.
    let (data, names) = rows(&saved, &args.from)?;
    let numbers = chosen(args.rows.as_deref(), data.len())?;
    let mut inputs = vec![0.0; numbers.len() * data.input_len()];
    data.gather_inputs(&numbers, &mut inputs);
    let inputs = ArrayView2::from_shape((numbers.len(), data.input_len()), &inputs)
        .expect("a row after another");
    let taken = predictions_of(&saved.network, &*data, &numbers).map_err(TrainError::from)?;
    let taken = taken.ok_or_else(|| saved.no_classifier())?;
    let classes: Vec<usize> = taken.iter().map(|row| row.predicted).collect();
    let counts = how.of(&saved.network, inputs, &classes);
    let counts = counts.map_err(TrainError::from)?;
    // The page: a section a row.
    let mut page = HtmlReport::new(format!("What counts: {}", args.from.of.run.display()));
    page.paragraph(&format!(
        "How much each input counts for the class that a row was taken for, by {}. Blue speaks for it, orange against it.",
        match how {
            Saliency::GradientTimesInput => "gradient times input".to_owned(),
            Saliency::IntegratedGradients { steps } => format!("integrated gradients in {steps} steps"),
        }
    ));
    for (at, row) in taken.iter().enumerate() {
        let name = names.get(row.row).map_or("", String::as_str);
        let own = row.class.map_or(String::new(), |class| {
            format!(", is {}", saved.class(class))
        });
        page.heading(&format!("Row {} {name}", row.row))
            .paragraph(&format!(
                "Taken for {} with probability {:.3}{own}.",
                saved.class(row.predicted),
                row.probability()
            ));
        let (values, counts) = (inputs.row(at).to_vec(), counts.row(at).to_vec());
        let row = Explained {
            name,
            values: &values,
            counts: &counts,
        };
        section(&mut page, preparation, &row);
    }
    out.write(page.html().as_bytes())?;
    say!("rows: {}", taken.len());
    say!("page: {}", args.out.display());
    Ok(())
}

/// The rows that were asked for, or the first twelve.
fn chosen(text: Option<&str>, len: usize) -> Result<Vec<u32>, CommandError> {
    let Some(text) = text else {
        return Ok((0..len.min(12) as u32).collect());
    };
    let number = |word: &str| word.trim().parse().ok().filter(|&row| (row as usize) < len);
    let rows: Option<Vec<u32>> = text.split(',').map(number).collect();
    let expected = "row numbers below the number of rows, such as 0,5,9";
    rows.ok_or_else(|| refused("rows", expected, &format!("{text}, of {len} rows")).into())
}

/// A row, and how much each of its values counts.
struct Explained<'a> {
    name: &'a str,
    values: &'a [f32],
    counts: &'a [f32],
}

/// What counts of one row: words in their colours, two pictures, or a table.
fn section(page: &mut HtmlReport, preparation: &Preparation, row: &Explained<'_>) {
    let Explained {
        name,
        values,
        counts,
    } = *row;
    let shape = preparation.rows.input_shape();
    if let RowKind::Texts { hasher, .. } = &preparation.rows {
        page.shaded_words(&hasher.shares(name, counts));
        return;
    }
    // Images.
    if let (Some(row), Some(heat)) = (picture(&shape, values), heat_map(&shape, counts)) {
        page.pictures(&[
            (row, "the row".to_owned()),
            (heat, "what counts".to_owned()),
        ]);
        return;
    }
    // Anything else: the inputs that count most.
    let names = preparation.rows.input_names();
    let column = |at: usize| names.get(at).cloned().unwrap_or_else(|| at.to_string());
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| counts[b].abs().total_cmp(&counts[a].abs()));
    let line = |&at: &usize| {
        vec![
            column(at),
            format!("{:.4}", values[at]),
            format!("{:+.4}", counts[at]),
        ]
    };
    let lines: Vec<Vec<String>> = order.iter().take(LISTED).map(line).collect();
    page.table(&["input", "value (standardised)", "counts"], &lines);
}
