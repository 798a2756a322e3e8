//! Outcome of a fold: metrics of its rows, and their predictions, by the training without them.

use crate::cli::part_errors::{errors, if_numbers};
use crate::cli::task::Task;
use crate::metrics::{Classification, MultiLabel};
use crate::nn::{Criterion, Network};
use crate::run::{
    TargetErrors, classification, label_sets_of, multi_label, predictions as classified, values_of,
};
use crate::train::{Scores, TrainError};

/// What came of a fold.
pub(super) struct FoldOutcome {
    /// The fold, from 1.
    pub(super) number: usize,
    /// Its rows.
    pub(super) rows: usize,
    /// Names and values, the loss first.
    pub(super) metrics: Vec<(String, f64)>,
    pub(super) weights_sha256: String,
    /// Whether the folder had the training.
    pub(super) is_found: bool,
    /// The columns of its predictions.
    head: Vec<String>,
    /// A row's number among all rows, and its cells.
    predicted: Vec<(usize, Vec<String>)>,
}

impl FoldOutcome {
    /// Of the weights of a training, whose evaluation on the fold gave these scores.
    pub(super) fn of(
        number: usize,
        task: &Task,
        network: &Network,
        scores: Scores,
    ) -> Result<Self, TrainError> {
        let test = &*task.data[1];
        let mut outcome = Self {
            number,
            rows: test.len(),
            metrics: vec![("loss".to_owned(), scores.loss)],
            weights_sha256: network.weights_sha256(),
            is_found: false,
            head: Vec::new(),
            predicted: Vec::new(),
        };
        if task.targets().is_some() {
            outcome.add_values(task, network)?;
        } else {
            outcome.add("accuracy", Some(scores.accuracy));
            match task.is_multi_label() {
                true => outcome.add_labels(task, network)?,
                false => outcome.add_classes(task, network)?,
            }
        }
        Ok(outcome)
    }

    /// The value of a metric, if it has one.
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        let known = self.metrics.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| *value)
    }

    fn add(&mut self, name: &str, value: Option<f64>) {
        let value = value.filter(|value| value.is_finite());
        self.metrics
            .extend(value.map(|value| (name.to_owned(), value)));
    }

    fn add_classes(&mut self, task: &Task, network: &Network) -> Result<(), TrainError> {
        let Some(rows) = if_numbers(classified(network, &*task.data[1]))? else {
            return Ok(());
        };
        if let Some(found) = classification(&rows, task.loss.ignored_class()) {
            let Classification {
                roc_auc,
                average_precision,
                top_5,
                ..
            } = found;
            for (name, value) in [
                ("balanced_accuracy", Some(found.balanced_accuracy)),
                ("top_5", top_5),
                ("precision", Some(found.precision)),
                ("recall", Some(found.recall)),
                ("f1", Some(found.f1)),
                ("roc_auc", roc_auc),
                ("average_precision", average_precision),
                ("log_loss", Some(found.log_loss)),
            ] {
                self.add(name, value);
            }
        }
        let names = |class| task.class(class);
        let width = rows.first().map_or(0, |row| row.probabilities.len());
        self.head = ["class", "predicted"].map(str::to_owned).to_vec();
        self.head
            .extend((0..width).map(|class| format!("p({})", names(class))));
        for row in rows {
            let class = row.class.map(names).unwrap_or_default();
            let mut cells = vec![class, names(row.predicted)];
            cells.extend(row.probabilities.iter().map(f64::to_string));
            self.predicted.push((task.test_rows[row.row], cells));
        }
        Ok(())
    }

    fn add_labels(&mut self, task: &Task, network: &Network) -> Result<(), TrainError> {
        let Some(rows) = if_numbers(label_sets_of(network, &*task.data[1]))? else {
            return Ok(());
        };
        if let Some(MultiLabel {
            hamming_loss,
            micro,
            macro_,
            ..
        }) = multi_label(&rows)
        {
            self.add("wrong_labels", Some(hamming_loss));
            for (end, of) in [("", macro_), ("_micro", micro)] {
                for (name, value) in [
                    ("precision", Some(of.precision)),
                    ("recall", Some(of.recall)),
                    ("f1", Some(of.f1)),
                    ("roc_auc", of.roc_auc),
                    ("average_precision", of.average_precision),
                ] {
                    self.add(&format!("{name}{end}"), value);
                }
            }
        }
        let width = rows.first().map_or(0, |row| row.probabilities.len());
        let column = |what: &str, label| format!("{what}({})", task.class(label));
        self.head = (0..width).map(|label| column("label", label)).collect();
        self.head.extend((0..width).map(|label| column("p", label)));
        for row in rows {
            let labels = row.labels.iter().flatten();
            let labels = labels.map(|is_there| u8::from(*is_there).to_string());
            let shares = row.probabilities.iter().map(f64::to_string);
            self.predicted
                .push((task.test_rows[row.row], labels.chain(shares).collect()));
        }
        Ok(())
    }

    fn add_values(&mut self, task: &Task, network: &Network) -> Result<(), TrainError> {
        let test = &*task.data[1];
        let (Some(targets), found) = (task.targets(), errors(network, test, task.targets())?)
        else {
            return Ok(());
        };
        self.add("r2", TargetErrors::mean_r2(&found));
        for target in &found {
            let end = match found.len() {
                1 => String::new(),
                _ => format!("({})", target.name),
            };
            self.add(&format!("rmse{end}"), target.rmse);
            self.add(&format!("mae{end}"), target.mae);
        }
        let column = |what: &str, name: &String| format!("{what}({name})");
        let names = targets.names.iter();
        self.head = names.clone().map(|name| column("target", name)).collect();
        self.head
            .extend(names.map(|name| column("predicted", name)));
        for row in values_of(network, test, targets)?.unwrap_or_default() {
            let values = row.targets.iter().flatten().chain(&row.predicted);
            let cells = values.map(f64::to_string).collect();
            self.predicted.push((task.test_rows[row.row], cells));
        }
        Ok(())
    }
}

/// The predictions of all rows in their order, as comma-separated values: a row's number from 0, its
/// fold, what it is labelled with and what is predicted.
pub(super) fn predictions(outcomes: &[FoldOutcome]) -> String {
    let mut rows: Vec<(usize, usize, &Vec<String>)> = outcomes
        .iter()
        .flat_map(|fold| {
            let rows = fold.predicted.iter();
            rows.map(move |(row, cells)| (*row, fold.number, cells))
        })
        .collect();
    rows.sort_unstable_by_key(|(row, ..)| *row);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: Vec<&str>| {
        writer.write_record(cells).expect("memory takes every line");
    };
    let head = outcomes.first().into_iter().flat_map(|fold| &fold.head);
    write(
        ["row", "fold"]
            .into_iter()
            .chain(head.map(String::as_str))
            .collect(),
    );
    for (row, fold, cells) in rows {
        let numbers = [row.to_string(), fold.to_string()];
        let cells = cells.iter().map(String::as_str);
        write(numbers.iter().map(String::as_str).chain(cells).collect());
    }
    let bytes = writer.into_inner().expect("memory takes every line");
    String::from_utf8(bytes).expect("it was made of text")
}
