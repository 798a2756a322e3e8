//! Numbers reported beside a hash belong to the weights with that hash: in the summary, JSON,
//! manifest, list, report and API.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use serde_json::Value;
use unisono::Trainer;
use unisono::data::digits;
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;
use unisono::train::{EarlyStopping, KeptWeights};

/// Settings under which the weights that are kept are not those of the last step, or are.
const CASES: [(&str, &[&str]); 4] = [
    ("plain", &["--epochs", "3"]),
    // So high a rate that an early epoch is the best one.
    (
        "early",
        &["--epochs", "9", "--early-stopping", "2", "--lr", "0.9"],
    ),
    ("average", &["--epochs", "3", "--average", "0.999"]),
    (
        "both",
        &[
            "--epochs",
            "9",
            "--early-stopping",
            "2",
            "--lr",
            "0.9",
            "--average",
            "0.9",
        ],
    ),
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn manifest(run: &Path) -> Value {
    let text = std::fs::read(run.join("manifest.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Asserts that all that is told of a finished run are the numbers that `eval` finds for the saved
/// model.
fn check(name: &str, run: &Path, summary: &str) {
    let eval = stdout(&["eval", text(run)]);
    let (loss, accuracy) = (value(&eval, "loss"), value(&eval, "accuracy"));
    let hash = value(&eval, "weights sha256");
    for (key, expected) in [
        ("test loss", loss),
        ("test accuracy", accuracy),
        ("weights sha256", hash),
    ] {
        assert_eq!(value(summary, key), expected, "{name}: the summary's {key}");
    }
    let manifest = manifest(run);
    let number = |key: &str| manifest[key].as_f64().unwrap();
    assert_eq!(format!("{:.6}", number("test_loss")), loss, "{name}");
    let share = format!("{:.2} %", 100.0 * number("test_accuracy"));
    assert_eq!(share, accuracy, "{name}");
    assert_eq!(manifest["weights_sha256"], hash, "{name}");
    let list = stdout(&["list", text(run.parent().unwrap())]);
    let row = list
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    let row = row.unwrap_or_else(|| panic!("{name} is not in {list}"));
    assert!(row.contains(accuracy) && row.contains(loss), "{row}");
    assert!(row.contains(&hash[..12]), "{row}");
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for told in [loss, accuracy, hash] {
        assert!(report.contains(told), "{name}: {told} is not in the report");
    }
    let same = stdout(&["diff", text(run), text(run)]);
    assert!(
        same.contains(&format!("the same bits, sha256 {hash}")),
        "{same}"
    );
}

#[test]
fn every_number_is_that_of_the_saved_model_resumed_or_not() {
    let folder = Folder::new("kept");
    // What is no run is left out of the list.
    folder.file("plain.txt", b"not a run");
    let mut kept = Vec::new();
    for (name, settings) in CASES {
        let run = folder.0.join(name);
        let train = [&["train", "--out", text(&run)], settings].concat();
        let summary = stdout(&train);
        check(name, &run, &summary);
        kept.push(manifest(&run)["kept"]["weights"].clone());
        // The same in two processes.
        let broken = format!("{name}-resumed");
        let run = folder.0.join(&broken);
        let first = [
            &["train", "--out", text(&run)],
            settings,
            &["--epochs", "2"],
        ]
        .concat();
        // clap takes the last of two values only where that is said: the settings come without
        // their own.
        let first: Vec<&str> = without_epochs(&first);
        stdout(&[&first[..], &["--epochs", "2"]].concat());
        let resumed = stdout(&["train", "--resume", text(&run), "--epochs", settings[1]]);
        check(&broken, &run, &resumed);
        assert_eq!(
            value(&resumed, "weights sha256"),
            value(&summary, "weights sha256"),
            "{name}"
        );
    }
    assert_eq!(
        kept,
        [
            "last_step",
            "best_epoch",
            "average",
            "average_of_best_epoch"
        ]
    );
    // The average is the model; what training would go on from lies beside it.
    assert!(folder.0.join("average/last.safetensors").is_file());
    assert!(!folder.0.join("plain/last.safetensors").exists());
}

fn without_epochs<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--epochs" => drop(args.next()),
            _ => kept.push(arg),
        }
    }
    kept
}

#[test]
fn a_run_cut_within_an_epoch_and_resumed_is_the_run_that_was_never_cut() {
    let folder = Folder::new("cut-run");
    for (name, args) in CASES {
        let (cut, whole) = (folder.0.join(name), folder.0.join(format!("{name}-whole")));
        let short = ["train", "--quiet", "--max-steps", "70", "--out", text(&cut)];
        let summary = stdout(&[&short[..], args].concat());
        check(name, &cut, &summary);
        assert!(
            summary.contains("epochs: 2, the last one cut short\n"),
            "{summary}"
        );
        let resume = [
            "train",
            "--quiet",
            "--max-steps",
            "999",
            "--resume",
            text(&cut),
        ];
        let resumed = stdout(&resume);
        check(name, &cut, &resumed);
        let train = ["train", "--quiet", "--out", text(&whole)];
        let unbroken = stdout(&[&train[..], args].concat());
        for key in ["weights sha256", "kept", "test loss", "test accuracy"] {
            assert_eq!(value(&resumed, key), value(&unbroken, key), "{name}: {key}");
        }
        // The epoch that was cut is recorded once, whole.
        let epochs = |run: &Path| {
            let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
            let records = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let epochs = records.filter(|record| record["event"] == "epoch");
            epochs
                .map(|record| (record["epoch"].clone(), record["test_loss"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(epochs(&cut), epochs(&whole), "{name}");
    }
}

#[test]
fn the_last_line_of_json_has_the_numbers_of_the_saved_model() {
    let folder = Folder::new("kept-json");
    for (name, settings) in CASES {
        let run = folder.0.join(name);
        let lines = stdout(&[&["train", "--json", "--out", text(&run)], settings].concat());
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        let eval = stdout(&["eval", text(&run)]);
        let loss = format!("{:.6}", last["test_loss"].as_f64().unwrap());
        assert_eq!(loss, value(&eval, "loss"), "{name}");
        assert_eq!(last["weights_sha256"], value(&eval, "weights sha256"));
        // Without early stopping the last epoch is the one that is kept.
        let is_last = last["last_epoch"]["test_loss"] == last["test_loss"];
        assert_eq!(is_last, !settings.contains(&"--early-stopping"), "{last}");
        assert_eq!(last["kept"]["step"] == last["steps"], is_last, "{last}");
    }
}

#[test]
fn the_report_of_the_library_has_the_numbers_of_the_network_that_it_gives() {
    let (train, test) = digits();
    let plain = Optimizer::sgd(0.9).with_momentum(0.9);
    let early = Some(EarlyStopping {
        patience: 2,
        ..EarlyStopping::default()
    });
    let cases = [
        (plain.clone(), None, KeptWeights::LastStep),
        (plain.clone(), early, KeptWeights::BestEpoch),
        (plain.clone().with_average(0.9), None, KeptWeights::Average),
        (
            plain.with_average(0.9),
            early,
            KeptWeights::AverageOfBestEpoch,
        ),
    ];
    for (optimizer, early, weights) in cases {
        let model = Sequential::new(64).dense(20).relu().dense(10);
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .optimizer(optimizer)
            .threads(2)
            .epochs(9);
        if let Some(rule) = early {
            trainer = trainer.early_stopping(rule);
        }
        let report = trainer.fit(&train, &test).unwrap();
        assert_eq!(report.kept.weights, weights);
        let numbers = (report.test_loss(), report.test_accuracy());
        assert_eq!(trainer.evaluate(&test).unwrap(), numbers, "{weights}");
        let network = trainer.network().unwrap();
        // A checkpoint of the finished training knows which weights are kept, too.
        let checkpoint = trainer.checkpoint().unwrap();
        let mut resumed = trainer;
        resumed.resume(checkpoint).unwrap();
        assert_eq!(resumed.network().unwrap(), network, "{weights}");
    }
    // Nothing was trained: the numbers are still those of the network.
    let mut idle = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(0);
    let report = idle.fit(&train, &test).unwrap();
    let numbers = (report.test_loss(), report.test_accuracy());
    assert_eq!(idle.evaluate(&test).unwrap(), numbers);
}

#[test]
fn a_stopped_run_tells_no_numbers_of_other_weights() {
    let folder = Folder::new("kept-stopped");
    let run = folder.0.join("run");
    let args = [
        "train",
        "--preset",
        "mlp_small",
        "--epochs",
        "100000",
        "--shards",
        "4",
    ];
    let mut child = Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(args)
        .args(["--out", text(&run), "--average", "0.9"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !run.join("checkpoints").is_dir()
        || std::fs::read_dir(run.join("checkpoints")).unwrap().count() < 3
    {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let process = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &process])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let manifest = manifest(&run);
    let eval = stdout(&["eval", text(&run)]);
    assert_eq!(manifest["weights_sha256"], value(&eval, "weights sha256"));
    if let Some(loss) = manifest["test_loss"].as_f64() {
        assert_eq!(format!("{loss:.6}"), value(&eval, "loss"));
    }
    assert!(manifest["last_epoch"]["epoch"].as_u64().unwrap() > 0);
    assert!(unisono(&["list", text(&folder.0)]).status.success());
}

#[test]
fn an_average_before_the_first_step_is_of_the_weights_that_training_starts_from() {
    let start = stdout(&["train", "--epochs", "0", "--quiet"]);
    for ends in [["--epochs", "0"], ["--max-steps", "0"]] {
        let args = [&["train", "--quiet", "--average", "0.9"], &ends[..]].concat();
        let averaged = stdout(&args);
        for key in ["weights sha256", "test loss", "test accuracy"] {
            assert_eq!(value(&averaged, key), value(&start, key), "{ends:?}: {key}");
        }
    }
}
