//! `--valid-share` and `--split last`: what is printed, kept, resumed and refused.

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// Three classes that overlap, so that a training overfits.
fn table(folder: &Folder) -> String {
    let row = |at: usize| {
        let kind = at % 3;
        let noise = |by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
        let (a, b) = (kind as f64 + noise(31), noise(17) - kind as f64);
        format!("{a:.3},{b:.3},{}\n", ["x", "y", "z"][kind])
    };
    let rows: String = (0..300).map(row).collect();
    let path = folder.file("own.csv", format!("a,b,kind\n{rows}").as_bytes());
    path.to_str().unwrap().to_owned()
}

fn refused(args: &[&str], expected: &str) {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.contains(expected), "{text}");
}

/// The same in JSON, in the records, the manifest and the report.
fn is_in_json_and_folder(folder: &Folder, train: &[&str], text: &str) {
    let json = stdout(&[train, &["--lr", "0.3", "--json", "--threads", "3"]].concat());
    let lines: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(
        (&first["rows"], &first["valid_rows"], &first["test_rows"]),
        (&210.into(), &60.into(), &30.into())
    );
    assert_eq!(last["kept"]["chosen_on"], "validation");
    assert_eq!(last["weights_sha256"], value(text, "weights sha256"));
    let record = &lines[1];
    assert!(record["valid_loss"].is_f64() && record["test_loss"].is_null());
    let manifest = std::fs::read_to_string(folder.0.join("run/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["valid_loss"], last["valid_loss"]);
    assert_eq!(manifest["test_loss"], last["test_loss"]);
    assert_eq!(manifest["valid_rows"], 60);
    let page = std::fs::read_to_string(folder.0.join("run/report.html")).unwrap();
    assert!(page.contains("validation accuracy") && page.contains("chosen on the validation part"));
}

#[test]
fn a_validation_part_chooses_and_the_test_part_is_evaluated_at_the_end() {
    let folder = Folder::new("valid-share");
    let path = table(&folder);
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let train = [
        "train",
        "--data",
        &path,
        "--valid-share",
        "0.2",
        "--early-stopping",
        "3",
    ];
    let text = stdout(&[&train[..], &["--out", &run, "--lr", "0.3"]].concat());
    assert!(
        text.contains("210 training, 60 validation and 30 test rows"),
        "{text}"
    );
    assert_eq!(
        value(&text, "early stopping"),
        "after 3 epochs without a smaller validation loss"
    );
    assert!(
        text.contains("  valid loss ") && !text.contains("  test loss "),
        "{text}"
    );
    assert_eq!(value(&text, "chosen on"), "the validation part");
    assert!(value(&text, "kept").starts_with("the whole epoch with the smallest validation loss"));
    // The numbers are those of the weights that are kept, of each part.
    for (part, name) in [("valid", "validation"), ("test", "test")] {
        let shown = stdout(&["eval", &run, "--part", part]);
        assert_eq!(value(&shown, "loss"), value(&text, &format!("{name} loss")));
        assert_eq!(
            value(&shown, "accuracy"),
            value(&text, &format!("{name} accuracy"))
        );
    }
    is_in_json_and_folder(&folder, &train, &text);
    // It goes on with the same parts, and with no others.
    let changed = [
        "train",
        "--resume",
        &run,
        "--valid-share",
        "0.3",
        "--epochs",
        "60",
    ];
    refused(&changed, "data.valid_share was 0.2, is 0.3");
    let longer = stdout(&["train", "--resume", &run, "--epochs", "60"]);
    assert!(
        longer.contains("210 training, 60 validation and 30 test rows"),
        "{longer}"
    );
    let parts = stdout(&["data", "inspect", &path, "--valid-share", "0.2"]);
    assert_eq!(
        value(&parts, "parts"),
        "210 training, 60 validation and 30 test rows"
    );
}

#[test]
fn what_is_chosen_on_the_test_part_is_called_so() {
    let folder = Folder::new("chosen-on-test");
    let path = table(&folder);
    let text = stdout(&[
        "train",
        "--data",
        &path,
        "--early-stopping",
        "2",
        "--epochs",
        "8",
    ]);
    let chosen = value(&text, "chosen on");
    assert!(
        chosen.starts_with("the test part, so its figures are better"),
        "{chosen}"
    );
    let plain = stdout(&["train", "--data", &path, "--epochs", "2"]);
    assert!(!plain.contains("chosen on"), "{plain}");
}

#[test]
fn shares_and_splits_that_cannot_be_are_refused_by_name() {
    let folder = Folder::new("odd-shares");
    let path = table(&folder);
    let with = |more: &[&str], expected: &str| {
        refused(
            &[&["train", "--data", &path, "--epochs", "1"][..], more].concat(),
            expected,
        );
    };
    with(
        &["--valid-share", "0.9"],
        "--valid-share must be less than what the test part leaves",
    );
    with(
        &["--valid-share", "1.5"],
        "--valid-share must be above 0 and below 1",
    );
    with(
        &["--valid-share", "0.001"],
        "got 270 and 0 with a share of 0.001",
    );
    with(
        &["--split", "last", "--split-seed", "3"],
        "--split-seed does not apply",
    );
    refused(
        &["train", "--valid-share", "0.1"],
        "--valid-share does not apply",
    );
    // The last rows are of a class of their own.
    let sorted: String = (0..60)
        .map(|at| format!("{at},{}\n", ["old", "late"][at / 48]))
        .collect();
    let sorted = folder.file("sorted.csv", sorted.as_bytes());
    let args = [
        "train",
        "--data",
        sorted.to_str().unwrap(),
        "--split",
        "last",
        "--valid-share",
        "0.1",
    ];
    refused(&args, "no training row of late");
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    stdout(&["train", "--data", &path, "--epochs", "1", "--out", &run]);
    // Beside the line that names the weights.
    let output = unisono(&["eval", &run, "--part", "valid"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("the run has no validation part"), "{text}");
}

/// A number that two columns give, with noise.
fn prices(folder: &Folder) -> String {
    let noise = |at: usize, by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
    let row = |at: usize| {
        let (a, b) = (noise(at, 31), noise(at, 17));
        let price = 500.0 + 100.0 * (a - b) + 60.0 * noise(at, 7);
        format!("{a:.3},{b:.3},{price:.2}\n")
    };
    let rows: String = (0..300).map(row).collect();
    let path = folder.file("prices.csv", format!("a,b,price\n{rows}").as_bytes());
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_regression_prints_keeps_and_chooses_by_the_errors_of_the_validation_part() {
    let folder = Folder::new("valid-regression");
    let (path, run) = (prices(&folder), folder.0.join("run"));
    let run = run.to_str().unwrap().to_owned();
    let train = ["train", "--data", &path, "--task", "regress", "--lr", "0.1"];
    let more = [
        "--valid-share",
        "0.2",
        "--early-stopping",
        "3",
        "--epochs",
        "60",
    ];
    let train = [&train[..], &more].concat();
    let text = stdout(&[&train[..], &["--out", &run]].concat());
    assert!(
        text.contains("  valid loss ") && text.contains("  RMSE "),
        "{text}"
    );
    assert!(
        !text.contains("  test loss ") && !text.contains("accuracy"),
        "{text}"
    );
    assert_eq!(value(&text, "chosen on"), "the validation part");
    // The errors are those of the weights that are kept, of each part.
    for (part, name, target) in [
        ("valid", "validation", "validation target price"),
        ("test", "test", "target price"),
    ] {
        let shown = stdout(&["eval", &run, "--part", part]);
        assert_eq!(value(&shown, "loss"), value(&text, &format!("{name} loss")));
        assert_eq!(value(&shown, "R2"), value(&text, &format!("{name} R2")));
        assert_eq!(value(&shown, "target price"), value(&text, target));
    }
    errors_are_in_json_and_folder(&folder, &train);
}

/// The same in JSON, in the manifest and the report.
fn errors_are_in_json_and_folder(folder: &Folder, train: &[&str]) {
    let json = stdout(&[train, &["--json", "--threads", "3"]].concat());
    let read = |line| serde_json::from_str(line).unwrap();
    let lines: Vec<Value> = json.lines().map(read).collect();
    let (epochs, last) = (&lines[1..lines.len() - 1], &lines[lines.len() - 1]);
    let real = |value: &Value| value.as_f64().unwrap();
    let best = epochs
        .iter()
        .min_by(|one, other| real(&one["valid_loss"]).total_cmp(&real(&other["valid_loss"])))
        .unwrap();
    assert_eq!(best["epoch"], last["kept"]["epoch"]);
    assert!(
        best["valid_mae"].is_f64() && best["test_r2"].is_null(),
        "{best}"
    );
    let target = &last["valid_targets"][0];
    for (of_epoch, of_kept) in [
        ("valid_r2", "r2"),
        ("valid_rmse", "rmse"),
        ("valid_mae", "mae"),
    ] {
        let ratio = real(&best[of_epoch]) / real(&target[of_kept]);
        assert!((ratio - 1.0).abs() < 1e-6, "{best}, {target}");
    }
    let manifest = std::fs::read_to_string(folder.0.join("run/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["valid_targets"], last["valid_targets"]);
    assert_eq!(manifest["targets"], last["targets"]);
    let page = std::fs::read_to_string(folder.0.join("run/report.html")).unwrap();
    assert!(page.contains("validation R2") && page.contains("test R2"));
    assert!(page.contains("Errors by target, validation part"));
}
