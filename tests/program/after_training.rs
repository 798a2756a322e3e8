//! Runs after training: listed, inspected, compared, evaluated, exported.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::stderr::stderr;
use unisono::data::read_npz;
use unisono::export::read_safetensors;
use unisono::nn::Sequential;

struct Runs {
    folder: Folder,
    one: String,
    other: String,
}

fn runs(name: &str) -> Runs {
    let folder = Folder::new(name);
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (one, other) = (place("one"), place("other"));
    for (path, seed) in [(&one, "1"), (&other, "2")] {
        stdout(&[
            "train", "--epochs", "3", "--seed", seed, "--out", path, "--quiet",
        ]);
    }
    Runs { folder, one, other }
}

#[test]
fn runs_are_listed_inspected_and_compared() {
    let runs = runs("after-list");
    let root = runs.folder.0.to_str().unwrap();
    let list = stdout(&["list", root]);
    assert_eq!(list.matches("finished").count(), 2);
    let file = runs.folder.file("empty/notes.txt", b"no run");
    let empty = file.parent().unwrap().to_str().unwrap();
    assert!(stdout(&["list", empty]).starts_with("no runs in "));

    let text = stdout(&["inspect", &runs.one]);
    assert_eq!(value(&text, "parameters"), "4810");
    assert!(
        text.lines()
            .any(|line| line.contains("64x64") && line.contains("4096"))
    );

    let text = stdout(&["diff", &runs.one, &runs.other]);
    assert_eq!(value(&text, "run.seed"), "1, 2");
    assert!(text.contains("differ by at most"));
    assert!(!text.contains("data sha256"));
    let text = stdout(&["diff", &runs.one, &runs.one]);
    assert!(text.starts_with("weights: the same bits"), "{text}");
    let text = stderr(&["inspect", root], 2);
    assert!(text.contains("is no run's folder"), "{text}");
}

#[test]
fn an_evaluation_gives_the_loss_of_the_training_and_predictions_their_accuracy() {
    let runs = runs("after-eval");
    let manifest = std::fs::read_to_string(format!("{}/manifest.json", runs.one)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let text = stdout(&["eval", &runs.one]);
    let loss = format!("{:.6}", manifest["test_loss"].as_f64().unwrap());
    assert_eq!(value(&text, "loss"), loss);
    assert_eq!(
        value(&text, "weights sha256"),
        manifest["weights_sha256"].as_str().unwrap()
    );
    let file = runs.folder.0.join("p.jsonl");
    stdout(&["predict", &runs.one, "--out", file.to_str().unwrap()]);
    let lines = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let right = lines
        .iter()
        .filter(|line| line["predicted"] == line["class"])
        .count();
    let accuracy = right as f64 / lines.len() as f64;
    assert_eq!(accuracy, manifest["test_accuracy"].as_f64().unwrap());
    for line in &lines {
        let probability = line["probability"].as_f64().unwrap();
        assert!((0.1..=1.0).contains(&probability));
    }
    let text = stdout(&["eval", &runs.one, "--part", "train"]);
    assert_eq!(value(&text, "rows"), "1437 (train part)");
    let text = stderr(&["eval", &runs.one, "--part", "rest"], 2);
    assert!(
        text.contains("--part must be train, valid or test"),
        "{text}"
    );
}

#[test]
fn weights_are_exported_and_come_back_whole() {
    let runs = runs("after-export");
    let place = |name: &str| runs.folder.0.join(name);
    let model = || Sequential::new(64).dense(64).relu().dense(10);
    let file = place("a.safetensors");
    stdout(&["export", &runs.one, "--out", file.to_str().unwrap()]);
    let network = read_safetensors(&file, model()).unwrap();
    let text = stdout(&["inspect", &runs.one]);
    assert_eq!(value(&text, "weights sha256"), network.weights_sha256());
    let file = place("a.npz");
    stdout(&[
        "export",
        &runs.one,
        "--format",
        "npz",
        "--out",
        file.to_str().unwrap(),
    ]);
    assert_eq!(read_npz(&file).unwrap().len(), 4);
    let text = stderr(
        &["export", &runs.one, "--format", "pickle", "--out", "x"],
        2,
    );
    assert!(text.contains("--format must be"), "{text}");
}

#[test]
fn doctor_says_what_the_machine_has() {
    let text = stdout(&["doctor"]);
    for key in [
        "processor",
        "pinning",
        "kernels",
        "physical cores of these",
        "peak of a core, measured",
        "commit",
    ] {
        assert!(text.contains(key), "{key}: {text}");
    }
}

#[test]
fn a_resume_with_other_data_is_refused_and_leaves_what_the_run_keeps_of_its_own() {
    let folder = Folder::new("after-other");
    let table = |shift: i32| {
        let row = |at: i32| format!("{},{},{}\n", at * at % (7 + shift), at % 5, at % 2);
        (0..80).map(row).collect::<String>()
    };
    let data = folder.file("t.csv", table(0).as_bytes());
    let run = folder.0.join("run");
    let (path, run_path) = (data.to_str().unwrap(), run.to_str().unwrap());
    stdout(&[
        "train", "--data", path, "--epochs", "1", "--out", run_path, "--quiet",
    ]);
    let files = [
        "preparation.json",
        "config.toml",
        "metrics.jsonl",
        "manifest.json",
    ];
    let kept = || files.map(|name| std::fs::read(run.join(name)).unwrap());
    let before = kept();
    folder.file("t.csv", table(3).as_bytes());
    let text = stderr(&["train", "--resume", run_path, "--epochs", "2"], 2);
    assert!(text.contains("the data's sha256 was"), "{text}");
    assert_eq!(kept(), before);
    let more = [
        "train",
        "--resume",
        run_path,
        "--epochs",
        "2",
        "--allow-change",
    ];
    stdout(&[&more[..], &["--quiet"]].concat());
    let after = kept();
    assert!(before.iter().zip(&after).all(|(was, is)| was != is));
}

#[test]
fn metrics_of_an_evaluation_are_those_of_the_predictions() {
    let runs = runs("after-metrics");
    let manifest = std::fs::read_to_string(format!("{}/manifest.json", runs.one)).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let text = stdout(&["eval", &runs.one]);
    let lines = stdout(&["predict", &runs.one]);
    let lines = lines.lines().map(serde_json::from_str);
    let lines: Vec<serde_json::Value> = lines.map(Result::unwrap).collect();
    let json = stdout(&["eval", &runs.one, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let metrics = &json["metrics"];
    assert_eq!(metrics["accuracy"], manifest["test_accuracy"]);
    assert_eq!(json["loss"], manifest["test_loss"]);
    let three_as_eight =
        |line: &&serde_json::Value| line["class"] == "3" && line["predicted"] == "8";
    let count = lines.iter().filter(three_as_eight).count();
    assert_eq!(metrics["confusion"][3][8].as_u64().unwrap(), count as u64);
    let of_class = lines.iter().filter(|line| line["class"] == "3").count();
    assert_eq!(
        metrics["classes"][3]["rows"].as_u64().unwrap(),
        of_class as u64
    );
    let f1 = format!("{:.4}", metrics["f1"].as_f64().unwrap());
    assert_eq!(value(&text, "F1, mean"), f1);
    let by_class = stdout(&["eval", &runs.one, "--classes"]);
    let head = [
        "class",
        "rows",
        "precision",
        "recall",
        "F1",
        "ROC",
        "AUC",
        "average",
        "precision",
    ];
    let mut table = by_class
        .lines()
        .skip_while(|line| !line.starts_with("class "));
    assert_eq!(
        table.next().unwrap().split_whitespace().collect::<Vec<_>>(),
        head
    );
    assert_eq!(table.count(), 10);
}

#[test]
fn weights_whose_outputs_are_no_numbers_are_evaluated_without_metrics() {
    let folder = Folder::new("after-diverged");
    let run = folder.0.join("run").display().to_string();
    let far = ["--lr", "1e19", "--on-non-finite", "skip", "--epochs", "1"];
    let args = ["train", "--layers", "dense 64, dense 64", "--out", &run];
    // It says that it came to nothing.
    unisono(&[&args[..], &far].concat());
    let text = stdout(&["eval", &run]);
    assert!(
        value(&text, "loss") == "NaN" || value(&text, "loss") == "inf",
        "{text}"
    );
    assert!(!text.contains("balanced accuracy"), "{text}");
}
