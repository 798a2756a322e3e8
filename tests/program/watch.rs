//! `--watch`: what is printed, kept, gone on with and refused.

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// One row in nine is of the class that is looked for.
fn rare(folder: &Folder) -> String {
    let noise = |at: usize, by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
    let row = |at: usize| {
        let is_rare = at.is_multiple_of(9);
        let shift = if is_rare { 0.9 } else { 0.0 };
        let (a, b) = (noise(at, 31) + shift, noise(at, 17) + shift);
        format!("{a:.3},{b:.3},{}\n", if is_rare { "fraud" } else { "fair" })
    };
    let rows: String = (0..540).map(row).collect();
    let path = folder.file("rare.csv", format!("a,b,kind\n{rows}").as_bytes());
    path.to_str().unwrap().to_owned()
}

fn refused(args: &[&str], expected: &[&str]) {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    for part in expected {
        assert!(text.contains(part), "{text} has not {part}");
    }
}

fn json(path: std::path::PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_metric_chooses_and_is_printed_kept_and_gone_on_with() {
    let folder = Folder::new("watch");
    let path = rare(&folder);
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let train = [
        "train",
        "--data",
        &path,
        "--valid-share",
        "0.3",
        "--early-stopping",
        "4",
        "--lr",
        "0.6",
    ];
    let text = stdout(&[&train[..], &["--watch", "average-precision", "--out", &run]].concat());
    assert_eq!(
        value(&text, "early stopping"),
        "after 4 epochs without a larger validation average precision"
    );
    let kept = value(&text, "kept");
    assert!(
        kept.starts_with("the whole epoch with the largest validation average precision, after"),
        "{kept}"
    );
    assert!(text.contains("  average precision 0."), "{text}");
    // The numbers are those of the weights that are kept, as `eval` finds them.
    for (part, name) in [("valid", "validation"), ("test", "test")] {
        let shown = stdout(&["eval", &run, "--part", part]);
        let told = value(&text, &format!("{name} average precision"));
        assert_eq!(value(&shown, "average precision"), told);
    }
    // Another choice than that of the loss.
    let by_loss = stdout(&train);
    assert_ne!(value(&by_loss, "best epoch"), value(&text, "best epoch"));
    assert_eq!(
        value(&by_loss, "early stopping"),
        "after 4 epochs without a smaller validation loss"
    );
    is_in_json_and_folder(&folder, &train, &text);
    // It goes on with the same metric, and with no other.
    let changed = ["train", "--resume", &run, "--watch", "f1", "--epochs", "60"];
    refused(
        &changed,
        &["run.watch was \"average-precision\", is \"f1\""],
    );
    let longer = stdout(&["train", "--resume", &run, "--epochs", "60"]);
    assert_eq!(
        value(&longer, "weights sha256"),
        value(&text, "weights sha256")
    );
}

fn is_in_json_and_folder(folder: &Folder, train: &[&str], text: &str) {
    // By another of its names, on another number of threads.
    let more = ["--watch", "Average precision", "--json", "--threads", "3"];
    let printed = stdout(&[train, &more].concat());
    let read = |line| serde_json::from_str(line).unwrap();
    let lines: Vec<Value> = printed.lines().map(read).collect();
    let (epochs, last) = (&lines[1..lines.len() - 1], &lines[lines.len() - 1]);
    assert_eq!(last["weights_sha256"], value(text, "weights sha256"));
    assert_eq!(last["kept"]["watch"], "average_precision");
    let real = |value: &Value| value.as_f64().unwrap();
    let best = epochs
        .iter()
        .map(|epoch| real(&epoch["watched"]))
        .fold(0.0, f64::max);
    assert_eq!(real(&last["valid_watched"]), best);
    let manifest = json(folder.0.join("run/manifest.json"));
    assert_eq!(manifest["valid_watched"], last["valid_watched"]);
    assert_eq!(manifest["test_watched"], last["test_watched"]);
    assert_eq!(manifest["kept"]["watch"], "average_precision");
    let page = std::fs::read_to_string(folder.0.join("run/report.html")).unwrap();
    let shown = format!("average precision {best:.4}");
    assert!(
        page.contains(&shown) && page.contains("Watched metric"),
        "{shown}"
    );
    assert!(page.contains("with the largest validation average precision"));
    let config = std::fs::read_to_string(folder.0.join("run/config.toml")).unwrap();
    assert!(
        config.contains("\nwatch = \"average-precision\"\n"),
        "{config}"
    );
}

#[test]
fn the_best_checkpoint_is_that_of_the_metric() {
    let folder = Folder::new("watch-best");
    let path = rare(&folder);
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let train = [
        "train",
        "--data",
        &path,
        "--valid-share",
        "0.3",
        "--lr",
        "0.3",
        "--epochs",
        "25",
    ];
    stdout(
        &[
            &train[..],
            &["--keep", "1", "--watch", "recall", "--out", &run],
        ]
        .concat(),
    );
    let lines = std::fs::read_to_string(folder.0.join("run/metrics.jsonl")).unwrap();
    let records = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let best = records
        .filter_map(|record| record["watched"].as_f64())
        .fold(0.0, f64::max);
    let shown = stdout(&["eval", &format!("{run}@best"), "--part", "valid"]);
    assert_eq!(value(&shown, "recall, mean"), format!("{best:.4}"));
}

#[test]
fn metrics_that_a_task_has_not_are_refused_with_those_that_it_has() {
    let folder = Folder::new("watch-odd");
    let path = rare(&folder);
    let train = [
        "train",
        "--data",
        &path,
        "--epochs",
        "1",
        "--early-stopping",
        "1",
    ];
    let with = |more: &[&str], expected: &[&str]| refused(&[&train[..], more].concat(), expected);
    with(
        &["--watch", "acuracy"],
        &[
            "--watch must be loss, accuracy",
            "got \"acuracy\"; did you mean accuracy?",
        ],
    );
    with(
        &["--watch", "mae"],
        &[
            "--watch: expected one of loss, accuracy, balanced-accuracy, precision, recall, f1, roc-auc, average-precision, log-loss, the metrics of a classification, got \"mae\"",
        ],
    );
    with(
        &["--watch", "top-5"],
        &["of a classification, got \"top-5\""],
    );
    with(
        &["--target", "a", "--drop", "kind", "--watch", "f1"],
        &["--watch: expected one of loss, mae, rmse, r2, the metrics of a regression"],
    );
    let text = folder.file(
        "text.txt",
        "to be or not to be, that is it. ".repeat(40).as_bytes(),
    );
    let text = text.to_str().unwrap();
    refused(
        &[
            "train",
            "--data",
            text,
            "--watch",
            "roc-auc",
            "--early-stopping",
            "1",
        ],
        &["one of loss, accuracy, perplexity, the metrics of a language model"],
    );
    refused(
        &["train", "--data", &path, "--watch", "f1"],
        &["--watch does not apply to `unisono train`: nothing is chosen"],
    );
    refused(
        &["study", "steps", "--watch", "f1"],
        &["--watch does not apply"],
    );
}
