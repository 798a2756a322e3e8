//! `--folds K`: a training for each fold, with the same bits however they are made; what is printed,
//! kept, gone on with and refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli_arrays::{npy, npz};
use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::regression::houses;
use crate::runs::{send, start, text, wait_for_checkpoint};

/// Three classes of unlike sizes that overlap.
fn table(folder: &Folder) -> String {
    let row = |at: usize| {
        let kind = [0, 0, 0, 1, 1, 2][at % 6];
        let noise = |by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
        let (a, b) = (kind as f64 + noise(31), noise(17) - kind as f64);
        format!("{a:.3},{b:.3},{}\n", ["x", "y", "z"][kind])
    };
    let rows: String = (0..121).map(row).collect();
    let path = folder.file("own.csv", format!("a,b,kind\n{rows}").as_bytes());
    text(&path).to_owned()
}

fn refused(args: &[&str], expected: &str) {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.contains(expected), "{text} has not {expected}");
}

fn lines(args: &[&str]) -> Vec<Value> {
    let printed = stdout(args);
    let read = |line| serde_json::from_str(line).unwrap();
    printed.lines().map(read).collect()
}

/// The cells of a file of comma-separated values.
fn cells(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines();
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn folds_have_the_same_bits_on_any_number_of_threads_and_side_by_side() {
    let folder = Folder::new("folds-bits");
    let path = table(&folder);
    let train = [
        "train", "--data", &path, "--folds", "4", "--epochs", "3", "--json",
    ];
    let with = |more: &[&str]| {
        let mut all = lines(&[&train[..], more].concat());
        // How many run side by side is said first.
        let first = all.remove(0);
        assert_eq!((&first["rows"], &first["folds"]), (&121.into(), &4.into()));
        all
    };
    let one = with(&["--parallel-trials", "1", "--threads", "1"]);
    assert_eq!(one.len(), 5);
    for more in [
        &["--threads", "2"][..],
        &["--threads", "3"],
        &["--threads", "5"],
        &["--parallel-trials", "2"],
        &["--parallel-trials", "4"],
        &[],
    ] {
        assert_eq!(with(more), one, "{more:?}");
    }
    // Sizes differ by one row at most; another seed cuts other folds.
    let sizes: Vec<u64> = one[..4]
        .iter()
        .map(|fold| fold["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(sizes, [31, 30, 30, 30]);
    let other = with(&["--split-seed", "7"]);
    assert_ne!(other[0]["weights_sha256"], one[0]["weights_sha256"]);
    // The mean and the deviation of a sample.
    let values: Vec<f64> = one[..4]
        .iter()
        .map(|fold| fold["metrics"]["f1"].as_f64().unwrap())
        .collect();
    let mean = values.iter().sum::<f64>() / 4.0;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let f1 = &one[4]["metrics"]["f1"];
    assert!((f1["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
    assert!((f1["deviation"].as_f64().unwrap() - (squares / 3.0).sqrt()).abs() < 1e-12);
}

#[test]
fn runs_and_predictions_of_all_rows_are_kept_and_finished_folds_are_not_trained_again() {
    let folder = Folder::new("folds-kept");
    let (path, out) = (table(&folder), folder.0.join("out"));
    let train = [
        "train",
        "--data",
        &path,
        "--folds",
        "3",
        "--epochs",
        "4",
        "--out",
        text(&out),
    ];
    let shown = stdout(&train);
    assert_eq!(
        value(&shown, "folds"),
        "3, of 40 or 41 rows each, drawn from the seed 42"
    );
    // Every row once, by the fold that holds it, with its own label.
    let rows = cells(&out.join("out_of_fold.csv"));
    assert_eq!(
        rows[0],
        ["row", "fold", "class", "predicted", "p(x)", "p(y)", "p(z)"]
    );
    assert_eq!(rows.len(), 122);
    let own = cells(Path::new(&path));
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (at, row) in rows[1..].iter().enumerate() {
        assert_eq!(
            (row[0].as_str(), &row[2]),
            (at.to_string().as_str(), &own[at + 1][2])
        );
        *counts.entry((&row[2], &row[1])).or_default() += 1;
    }
    for class in ["x", "y", "z"] {
        let of_class = ["1", "2", "3"].map(|fold| counts[&(class, fold)]);
        assert!(of_class.iter().max().unwrap() - of_class.iter().min().unwrap() <= 1);
    }
    // Each run is a run like any other, whose test part is its fold.
    for fold in ["1", "2", "3"] {
        let of_fold: Vec<_> = rows[1..].iter().filter(|row| row[1] == fold).collect();
        let right = of_fold.iter().filter(|row| row[2] == row[3]).count();
        let share = format!("{:.2} %", 100.0 * right as f64 / of_fold.len() as f64);
        let eval = stdout(&["eval", text(&out.join(format!("fold-{fold}")))]);
        assert_eq!(value(&eval, "accuracy"), share);
    }
    let kept = std::fs::read_to_string(out.join("folds.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        kept["metrics"]["accuracy"]["values"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    goes_on(&train, &out, &kept, &rows);
}

/// The same command trains what is missing, and comes to the same.
fn goes_on(train: &[&str], out: &Path, kept: &Value, rows: &[Vec<String>]) {
    let path = train[2];
    let before = std::fs::read(out.join("fold-1/manifest.json")).unwrap();
    std::fs::remove_dir_all(out.join("fold-2")).unwrap();
    std::fs::remove_file(out.join("out_of_fold.csv")).unwrap();
    let again = lines(&[train, &["--json"]].concat());
    let found: Vec<&Value> = again[1..4].iter().map(|fold| &fold["is_found"]).collect();
    assert_eq!(found, [true, false, true]);
    assert_eq!(again[4]["metrics"], kept["metrics"]);
    assert_eq!(cells(&out.join("out_of_fold.csv")), rows);
    assert_eq!(
        std::fs::read(out.join("fold-1/manifest.json")).unwrap(),
        before
    );
    // One fold by itself is the same training; another setting is another cross-validation.
    let alone = [
        "train", "--data", path, "--folds", "3", "--fold", "2", "--epochs", "4",
    ];
    assert_eq!(
        value(&stdout(&alone), "weights sha256"),
        again[2]["weights_sha256"]
    );
    let other = [
        "train",
        "--data",
        path,
        "--folds",
        "3",
        "--epochs",
        "5",
        "--out",
        text(out),
    ];
    refused(
        &other,
        "was trained with run.epochs = 4, not 5; take another folder",
    );
}

#[test]
fn a_stopped_cross_validation_goes_on_where_it_was() {
    let folder = Folder::new("folds-stopped");
    let (path, out) = (table(&folder), folder.0.join("out"));
    let train = ["train", "--data", &path, "--folds", "2", "--epochs", "400"];
    let long = [&train[..], &["--parallel-trials", "2", "--out", text(&out)]].concat();
    let mut child = start(Command::new(env!("CARGO_BIN_EXE_unisono")).args(&long));
    wait_for_checkpoint(&mut child, &out.join("fold-1"));
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    // Both folds may have been through by then.
    if output.status.success() {
        return;
    }
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.contains("the same command goes on"), "{error}");
    let rest = lines(&[&long[..], &["--json"]].concat());
    let whole = lines(&[&train[..], &["--json"]].concat());
    assert_eq!(rest[3]["metrics"], whole[3]["metrics"]);
    for fold in [1, 2] {
        assert_eq!(rest[fold]["weights_sha256"], whole[fold]["weights_sha256"]);
    }
}

#[test]
fn regressions_and_the_digits_have_folds_too() {
    let folder = Folder::new("folds-tasks");
    let (path, out) = (houses(&folder, "houses.csv", true), folder.0.join("out"));
    let train = [
        "train",
        "--data",
        text(&path),
        "--folds",
        "3",
        "--epochs",
        "2",
        "--task",
        "regress",
    ];
    let all = lines(&[&train[..], &["--json", "--out", text(&out)]].concat());
    assert!(all[4]["metrics"]["r2"]["mean"].is_f64() && all[4]["metrics"]["rmse"]["mean"].is_f64());
    let rows = cells(&out.join("out_of_fold.csv"));
    assert!(rows[0][2].starts_with("target(") && rows[0][3].starts_with("predicted("));
    let stops = [
        "train",
        "--folds",
        "2",
        "--epochs",
        "1",
        "--early-stopping",
        "1",
    ];
    let said = String::from_utf8(unisono(&stops).stderr).unwrap();
    assert!(
        said.contains("early stopping chooses on each fold itself"),
        "{said}"
    );
    let digits = lines(&["train", "--folds", "5", "--epochs", "1", "--json"]);
    assert_eq!(digits[6]["rows"], 1797);
    assert!(digits[6]["metrics"]["accuracy"]["mean"].as_f64().unwrap() > 0.5);
}

#[test]
fn folds_that_cannot_be_are_refused_by_name() {
    let folder = Folder::new("folds-odd");
    let path = table(&folder);
    let with = |more: &[&str], expected: &str| {
        refused(
            &[&["train", "--data", &path, "--epochs", "1"][..], more].concat(),
            expected,
        );
    };
    with(&["--folds", "1"], "--folds must be a whole number from 2");
    with(
        &["--folds", "122"],
        "expected at least 122 rows, one for each fold, got 121; take fewer --folds",
    );
    with(
        &["--fold", "2"],
        "--fold does not apply to `unisono train`: --folds says how many",
    );
    with(&["--folds", "3", "--fold", "4"], "--fold must be at most 3");
    for (flag, given) in [
        ("--valid-share", "0.2"),
        ("--valid", "other.csv"),
        ("--test", "other.csv"),
        ("--test-share", "0.2"),
    ] {
        with(
            &["--folds", "3", flag, given],
            &format!("{flag} does not apply"),
        );
    }
    with(
        &["--folds", "3", "--split", "last"],
        "later rows would be trained on",
    );
    with(
        &["--folds", "3", "--split", "rows.txt"],
        "--folds must be of rows that are drawn",
    );
    with(
        &["--parallel-trials", "2"],
        "--parallel-trials does not apply",
    );
    with(
        &["--folds", "3", "--parallel-trials", "2", "--threads", "2"],
        "--threads does not apply to `unisono train --folds`",
    );
    refused(
        &["train", "--folds", "2000"],
        "--folds must be at most 1797, the number of rows",
    );
    refused(
        &["data", "inspect", &path, "--folds", "3"],
        "--folds does not apply",
    );
}

#[test]
fn texts_and_files_with_a_test_part_of_their_own_have_no_folds() {
    let folder = Folder::new("folds-parts");
    let words = folder.file("words.txt", "to be or not to be ".repeat(40).as_bytes());
    refused(
        &["train", "--data", text(&words), "--folds", "3"],
        "--folds does not apply to a text",
    );
    // Files with a test part of their own.
    let (x, y) = (
        npy("<f4", false, "(4, 1)", &[0; 16]),
        npy("|u1", false, "(4,)", &[0, 1, 0, 1]),
    );
    let names = ["x_train", "y_train", "x_test", "y_test"];
    let arrays = names.map(|name| {
        (
            name,
            if name.starts_with('x') {
                x.clone()
            } else {
                y.clone()
            },
        )
    });
    let parts = folder.file("parts.npz", &npz(&arrays));
    refused(
        &["train", "--data", text(&parts), "--folds", "2"],
        "--folds does not apply to arrays with their own parts",
    );
}
