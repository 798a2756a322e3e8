//! Rows with any number of labels, from the file to the exported model: each label has a
//! probability of its own.

use std::path::{Path, PathBuf};

use serde_json::Value;
use unisono::Trainer;
use unisono::data::{DataOptions, open};
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;

use crate::cli_arrays::{npy, npz};
use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::regression::{json, text};
use crate::stderr::refused;

/// Two numbers, and whether a row is sweet, red or round.
fn row(row: usize) -> ([f64; 2], [u8; 3]) {
    let (a, b) = ((row * 37 % 101) as f64, (row * row % 89) as f64);
    let labels = [a + b > 90.0, b > 50.0, a > 80.0 || row.is_multiple_of(11)];
    ([a, b], labels.map(u8::from))
}

/// A table of 300 of them; `written` says how 0 and 1 are.
fn table(folder: &Folder, name: &str, written: [&str; 2]) -> PathBuf {
    let mut lines = "a,b,sweet,red,round\n".to_owned();
    for at in 0..300 {
        let ([a, b], labels) = row(at);
        let labels = labels.map(|label| written[usize::from(label)]);
        lines += &format!("{a},{b},{}\n", labels.join(","));
    }
    folder.file(name, lines.as_bytes())
}

const TARGET: [&str; 2] = ["--target", "sweet,red,round"];

fn train(path: &Path, more: &[&str]) -> String {
    let args = ["train", "--data", text(path), "--epochs", "6"];
    stdout(&[&args[..], more].concat())
}

#[test]
fn columns_of_0_and_1_are_labels_and_the_weights_are_the_librarys_on_any_number_of_threads() {
    let folder = Folder::new("labels-bits");
    let path = table(&folder, "plain.csv", ["0", "1"]);
    let mut options = DataOptions::default();
    options.table.targets = ["sweet", "red", "round"]
        .map(|name| unisono::data::Column::Name(name.to_owned()))
        .into();
    let opened = open(&path, &options).unwrap();
    let library = |loss: Loss| {
        let model = Sequential::flat(&[2]).dense(64).relu().dense(3);
        let mut trainer = Trainer::new(model, loss)
            .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
            .batch_size(32)
            .epochs(6)
            .seed(42);
        trainer.fit(&*opened.train, &*opened.test).unwrap();
        trainer.network().unwrap().weights_sha256()
    };
    let plain = library(Loss::BinaryCrossEntropy);
    for threads in ["1", "2", "3", "5"] {
        let said = train(&path, &[&TARGET[..], &["--threads", threads]].concat());
        assert_eq!(value(&said, "weights sha256"), plain, "{threads}");
        assert_eq!(value(&said, "task"), "multi-label");
    }
    // True and False, one label, and what is asked for by name.
    let words = table(&folder, "words.csv", ["False", "true"]);
    let asked = ["--task", "multi-label", "--loss", "bce"];
    let said = train(&words, &[&TARGET[..], &asked].concat());
    assert_eq!(value(&said, "weights sha256"), plain);
    let one = train(&path, &["--target", "red", "--task", "multi-label"]);
    assert!(value(&one, "labels").starts_with("1, red in "), "{one}");
    // Numbers, where these are asked for.
    let numbers = train(&path, &[&TARGET[..], &["--task", "regress"]].concat());
    assert_eq!(value(&numbers, "task"), "regress");
    // Weights of positives.
    let weighted = |list: &str| {
        let said = train(
            &path,
            &[&TARGET[..], &["--positive-weights", list]].concat(),
        );
        value(&said, "weights sha256").to_owned()
    };
    let loss = Loss::WeightedBinaryCrossEntropy([1.0, 3.0, 0.5].into());
    let expected = library(loss);
    assert_eq!(weighted("1,3,0.5"), expected);
    assert_eq!(weighted("round=0.5,red=3"), expected);
    assert_eq!(weighted("1,1,1").len(), 64);
    assert!(![plain, expected].contains(&weighted("balanced")));
}

/// The mean of what predictions of a part are right in, and of whole rows that are.
fn shares(rows: &[Value]) -> f64 {
    let right = rows.iter().filter(|row| row["predicted"] == row["labels"]);
    right.count() as f64 / rows.len() as f64
}

#[test]
fn a_run_predicts_a_probability_for_each_label_and_is_evaluated_by_them() {
    let folder = Folder::new("labels-run");
    let path = table(&folder, "plain.csv", ["0", "1"]);
    let run = folder.0.join("run");
    let kept = ["--out", text(&run), "--threads", "2"];
    let said = train(&path, &[&TARGET[..], &kept].concat());
    let rows = json(&stdout(&["predict", text(&run)]));
    assert_eq!(rows.len(), 30);
    let accuracy = format!("{:.2} %", 100.0 * shares(&rows));
    assert_eq!(value(&said, "test accuracy"), accuracy);
    for row in &rows {
        let share = row["probabilities"]["sweet"].as_f64().unwrap();
        let predicted = row["predicted"].as_array().unwrap();
        assert_eq!(predicted.contains(&"sweet".into()), share > 0.5, "{row}");
    }
    // Evaluation, in lines and as JSON.
    let evaluated = stdout(&["eval", text(&run), "--classes"]);
    assert_eq!(value(&evaluated, "accuracy"), accuracy);
    assert_eq!(value(&evaluated, "loss"), value(&said, "test loss"));
    assert!(evaluated.contains("\nround "), "{evaluated}");
    let line = json(&stdout(&["eval", text(&run), "--json"])).remove(0);
    let f1 = line["metrics"]["macro"]["f1"].as_f64().unwrap();
    assert_eq!(value(&evaluated, "F1, macro"), format!("{f1:.4}"));
    assert_eq!(line["class_names"][1], "red");
    assert!(line["metrics"]["labels"][2]["roc_auc"].is_f64(), "{line}");
    assert!(line["metrics"]["micro"]["average_precision"].is_f64());
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("precision, micro") && page.contains("round"));
    // New rows, with and without labels.
    let new = folder.file("new.csv", b"a,b\n100,80\n1,2\n");
    let out = folder.0.join("out.csv");
    stdout(&["predict", text(&run), text(&new), "--out", text(&out)]);
    let lines = std::fs::read_to_string(out).unwrap();
    assert!(lines.starts_with("row,p(sweet),p(red),p(round)\n0,0."));
    let out = folder.0.join("own.csv");
    stdout(&["predict", text(&run), "--out", text(&out)]);
    let lines = std::fs::read_to_string(out).unwrap();
    let head = "row,p(sweet),p(red),p(round),label(sweet),label(red),label(round)\n";
    assert!(lines.starts_with(head), "{lines}");
    // An exported model names them.
    let onnx = folder.0.join("model.onnx");
    stdout(&[
        "export",
        text(&run),
        "--format",
        "onnx",
        "--out",
        text(&onnx),
    ]);
    let bytes = std::fs::read(onnx).unwrap();
    let names = br#"["sweet","red","round"]"#;
    assert!(bytes.windows(names.len()).any(|found| found == names));
    let explained = unisono(&["explain", text(&run), "--out", "page.html"]);
    let error = String::from_utf8(explained.stderr).unwrap();
    assert_eq!(explained.status.code(), Some(2), "{error}");
    assert!(error.contains("each row has one class"), "{error}");
    let shown = stdout(&["data", "inspect", text(&path), TARGET[0], TARGET[1]]);
    assert!(value(&shown, "label red").contains(" rows ("), "{shown}");
    assert_eq!(value(&shown, "rows"), "300");
}

/// An archive of rows whose labels have these values.
fn arrays(folder: &Folder, labels: impl Fn(usize) -> [u8; 3]) -> PathBuf {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for at in 0..300 {
        x.extend(row(at).0.iter().flat_map(|value| value.to_le_bytes()));
        y.extend(labels(at));
    }
    let x = npy("<f8", false, "(300, 2)", &x);
    let y = npy("|u1", false, "(300, 3)", &y);
    folder.file("labels.npz", &npz(&[("x", x), ("y", y)]))
}

#[test]
fn an_array_of_0_and_1_has_labels_in_its_columns() {
    let folder = Folder::new("labels-arrays");
    let path = arrays(&folder, |at| row(at).1);
    let said = train(&path, &[]);
    assert_eq!(value(&said, "task"), "multi-label");
    let table = table(&folder, "plain.csv", ["0", "1"]);
    let other = train(&table, &TARGET);
    assert_eq!(
        value(&said, "weights sha256"),
        value(&other, "weights sha256")
    );
    // Rows with exactly one 1 may be classes: which is meant has to be said.
    let path = arrays(&folder, |at| {
        let mut labels = [0; 3];
        labels[at % 3] = 1;
        labels
    });
    let error = refused(&["train", "--data", text(&path)]);
    assert!(error.contains("--task multi-label takes"), "{error}");
    let said = train(&path, &["--task", "multi-label"]);
    assert!(said.contains("every row has exactly one"), "{said}");
}

#[test]
fn labels_and_losses_that_do_not_fit_are_refused_by_name() {
    let folder = Folder::new("labels-odd");
    let path = table(&folder, "plain.csv", ["0", "1"]);
    let odd = table(&folder, "odd.csv", ["0", "2"]);
    let same = table(&folder, "same.csv", ["1", "1"]);
    let labels = [&TARGET[..], &["--task", "multi-label"]].concat();
    for (path, more, said) in [
        (&odd, &labels[..], "0 or 1 in column round of every row"),
        (&odd, &labels, "in line "),
        (&same, &labels, "different values of the target sweet"),
        (&path, &[], "--positive-weights does not apply"),
        (
            &path,
            &["--task", "multi-label", "--loss", "mse"],
            "bce for label sets",
        ),
        (
            &path,
            &["--task", "regress", "--loss", "bce"],
            "mse, l1 or huber",
        ),
        (
            &path,
            &["--task", "multi-label", "--class-weights", "balanced"],
            "--class-weights",
        ),
        (
            &path,
            &["--task", "multi-label", "--sampling", "balanced"],
            "--sampling balanced",
        ),
        (
            &path,
            &["--task", "multi-label", "--positive-weights", "1,2"],
            "1 numbers, one for each",
        ),
        (
            &path,
            &["--task", "multi-label", "--positive-weights", "blue=2"],
            "one of the labels round",
        ),
        (
            &path,
            &["--task", "multi-label", "--positive-weights", "-1"],
            "at least 0",
        ),
    ] {
        let more = match more {
            [] => &["--positive-weights", "2"],
            more => more,
        };
        let error = refused(&[&["train", "--data", text(path)], more].concat());
        assert!(error.contains(said), "{more:?}: {error}");
    }
}
