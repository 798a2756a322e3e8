//! A run is a folder that can be stopped, killed, resumed and looked at: by the program, as its
//! users do.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// A training of many short steps: 200 epochs of 32.
pub(crate) const LONG: [&str; 10] = [
    "train",
    "--preset",
    "mlp_small",
    "--epochs",
    "200",
    "--shards",
    "4",
    "--quiet",
    "--checkpoint-every-steps",
    "25",
];

/// The same where nothing is kept.
pub(crate) fn unbroken() -> String {
    stdout(&LONG[..8])
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn spawn(args: &[&str]) -> Child {
    start(Command::new(env!("CARGO_BIN_EXE_unisono")).args(args))
}

pub(crate) fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn send(signal: &str, child: &Child) {
    let process = child.id().to_string();
    let sent = Command::new("kill").args([signal, &process]).status();
    assert!(sent.unwrap().success());
}

/// Waits until the run in `folder` has a checkpoint, or is over.
pub(crate) fn wait_for_checkpoint(child: &mut Child, folder: &Path) {
    while !checkpoints(folder)
        .iter()
        .any(|path| path.extension().unwrap() == "json")
    {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join("checkpoints")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some()).collect();
    paths.sort();
    paths
}

fn last_checkpoint(folder: &Path) -> PathBuf {
    let mut all = checkpoints(folder);
    all.retain(|path| path.extension().unwrap() == "json");
    all.pop().expect("a run has a checkpoint")
}

#[test]
fn a_run_killed_at_twenty_points_ends_with_the_weights_of_an_unbroken_one() {
    let folder = Folder::new("killed");
    let run = folder.0.join("run");
    let unbroken = unbroken();
    let first = [&LONG[..], &["--out", text(&run)]].concat();
    let mut child = spawn(&first);
    wait_for_checkpoint(&mut child, &run);
    let (mut kills, mut is_over) = (0, false);
    for threads in [1, 2, 3, 5].into_iter().cycle() {
        // Not a multiple of anything that the program does.
        std::thread::sleep(Duration::from_micros(
            1_000 + (7_919 * (kills + 1)) % 60_000,
        ));
        // A child that is through already cannot be killed: that is the end of the test.
        child.kill().unwrap();
        is_over = child.wait().unwrap().code().is_some();
        kills += 1;
        if kills == 20 || is_over {
            break;
        }
        let threads = threads.to_string();
        child = spawn(&[
            "train",
            "--resume",
            text(&run),
            "--threads",
            &threads,
            "--quiet",
        ]);
    }
    // How many hit depends on the machine; whatever they hit, the end is the same.
    let hash = if is_over {
        let manifest = std::fs::read_to_string(run.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        manifest["weights_sha256"].as_str().unwrap().to_owned()
    } else {
        let rest = stdout(&["train", "--resume", text(&run), "--quiet"]);
        value(&rest, "weights sha256").to_owned()
    };
    assert_eq!(
        hash,
        value(&unbroken, "weights sha256"),
        "after {kills} kills"
    );
    // Every epoch stands in the log once.
    let log = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let epochs = log
        .lines()
        .filter(|line| line.contains("\"event\":\"epoch\""));
    assert_eq!(epochs.count(), 200);
}

#[test]
fn a_run_in_use_and_a_folder_in_use_are_refused() {
    let folder = Folder::new("in-use");
    let run = folder.0.join("run");
    let endless = LONG.map(|word| if word == "200" { "100000" } else { word });
    let mut child = spawn(&[&endless[..], &["--out", text(&run)]].concat());
    wait_for_checkpoint(&mut child, &run);
    let output = unisono(&["train", "--resume", text(&run)]);
    let expected = format!("is open in process {}", child.id());
    assert!(error(&output).contains(&expected), "{}", error(&output));
    assert_eq!(output.status.code(), Some(2));
    child.kill().unwrap();
    child.wait().unwrap();
    let output = unisono(&["train", "--out", text(&run)]);
    assert!(
        error(&output).contains("is not empty"),
        "{}",
        error(&output)
    );
    let output = unisono(&["train", "--resume", text(&folder.0)]);
    assert!(
        error(&output).contains("is no run's folder"),
        "{}",
        error(&output)
    );
    // What fails before its first step leaves nothing behind.
    let other = folder.0.join("other");
    let output = unisono(&["train", "--out", text(&other), "--threads", "0"]);
    assert_eq!((output.status.code(), other.exists()), (Some(2), false));
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_gives_the_same_weights() {
    let folder = Folder::new("damaged");
    let run = folder.0.join("run");
    let unbroken = unbroken();
    let mut child = spawn(&[&LONG[..], &["--out", text(&run), "--keep", "4"]].concat());
    // The signal leaves the second one.
    wait_for_checkpoint(&mut child, &run);
    send("-INT", &child);
    child.wait_with_output().unwrap();
    let newest = last_checkpoint(&run);
    let weights = newest.with_extension("safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let output = unisono(&["train", "--resume", text(&run)]);
    let message = error(&output);
    assert_eq!(
        (output.status.code(), message.lines().count()),
        (Some(2), 1),
        "{message}"
    );
    assert!(
        message.contains(weights.file_name().unwrap().to_str().unwrap()),
        "{message}"
    );
    let before = message
        .trim()
        .split("--resume ")
        .nth(1)
        .expect("the one before it is offered");
    let rest = stdout(&["train", "--resume", before, "--threads", "2"]);
    assert_eq!(
        value(&rest, "weights sha256"),
        value(&unbroken, "weights sha256")
    );
}

#[test]
fn changed_settings_are_listed_and_refused_unless_they_are_allowed() {
    let folder = Folder::new("changed");
    let run = folder.0.join("run");
    let few = ["train", "--epochs", "3", "--quiet", "--out", text(&run)];
    stdout(&few);
    let more = ["train", "--resume", text(&run), "--epochs", "5", "--quiet"];
    let output = unisono(&[&more[..], &["--lr", "0.01", "--set", "batch.size=64"]].concat());
    let message = error(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(
        message.contains("optimizer.lr was 0.05, is 0.01"),
        "{message}"
    );
    assert!(message.contains("batch.size was 32, is 64"), "{message}");
    // More epochs and other threads are no change of the training.
    let longer = stdout(&[&more[..], &["--threads", "3"]].concat());
    let whole = stdout(&["train", "--epochs", "5", "--quiet"]);
    assert_eq!(
        value(&longer, "weights sha256"),
        value(&whole, "weights sha256")
    );
    let allowed = [
        "train",
        "--resume",
        text(&run),
        "--epochs",
        "6",
        "--lr",
        "0.01",
        "--allow-change",
    ];
    assert_eq!(value(&stdout(&allowed), "steps"), "270 (0 skipped)");
    let stored = std::fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(stored.contains("\nlr = 0.01\n") && stored.contains("\nepochs = 6\n"));
}

#[test]
fn no_checkpoint_to_keep_is_refused_before_a_folder_is_made() {
    let folder = Folder::new("keeps-none");
    let (file, run) = (
        folder.file("b.toml", b"[run]\nkeep = 0\n"),
        folder.0.join("run"),
    );
    let none = unisono(&["train", "--config", text(&file), "--out", text(&run)]);
    let expected = "run.keep must be a whole number from 1 to 4294967295, got \"0\"";
    assert!(error(&none).contains(expected), "{}", error(&none));
    assert_eq!((none.status.code(), run.exists()), (Some(2), false));
}

#[test]
fn a_configuration_comes_from_a_file_from_set_and_from_flags_in_this_order() {
    let folder = Folder::new("config");
    let printed = stdout(&["config", "--epochs", "3", "--set", "engine.threads=2"]);
    let file = folder.file("a.toml", printed.as_bytes());
    let (file, plain) = (text(&file), stdout(&["train", "--epochs", "3"]));
    let same = stdout(&["train", "--config", file]);
    assert_eq!(
        value(&same, "weights sha256"),
        value(&plain, "weights sha256")
    );
    assert_eq!(value(&same, "threads requested"), "2");
    let other = stdout(&[
        "train",
        "--config",
        file,
        "--set",
        "run.seed=7",
        "--epochs",
        "2",
    ]);
    assert_eq!((value(&other, "seed"), value(&other, "epochs")), ("7", "2"));
    let broken = folder.0.join("b.toml");
    let cases = [
        (
            "[optimizer]\nname = \"magic\"\n",
            "b.toml, line 2, column 8: optimizer.name must be sgd, momentum",
        ),
        (
            "[run]\nepocs = 3\n",
            "b.toml, line 2, column 1: unknown key `epocs`; did you mean `epochs`?",
        ),
        (
            "[run]\nkeep = 5\n",
            "run.keep does not apply to `unisono train`: nothing is kept without --out DIR",
        ),
        (
            "[engine]\nthreads = 0\n",
            "b.toml, line 2, column 11: engine.threads must be a whole number from 1 to 4096 or auto, got \"0\"",
        ),
        ("run = 3\n", "b.toml, line 1, column 7"),
    ];
    for (config, message) in cases {
        folder.file("b.toml", config.as_bytes());
        let output = unisono(&["train", "--config", text(&broken)]);
        assert!(error(&output).contains(message), "{}", error(&output));
        assert_eq!(
            (output.status.code(), error(&output).lines().count()),
            (Some(2), 1)
        );
    }
    let twice = unisono(&["train", "--lr", "0.1", "--set", "optimizer.lr=0.2"]);
    assert!(
        error(&twice).contains("optimizer.lr is set twice"),
        "{}",
        error(&twice)
    );
    let schema: serde_json::Value = serde_json::from_str(&stdout(&["config", "--schema"])).unwrap();
    assert!(schema["$defs"]["OptimArgs"]["properties"]["lr"]["description"].is_string());
}

#[test]
fn events_are_lines_of_json_and_the_report_stands_alone() {
    let folder = Folder::new("report");
    let run = folder.0.join("run");
    let lines = stdout(&["train", "--epochs", "4", "--json", "--out", text(&run)]);
    let events: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["started", "epoch", "epoch", "epoch", "epoch", "finished"]
    );
    assert_eq!(events[5]["steps"], 180);
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    for part in [
        "<svg",
        "Confusion",
        "Mistakes",
        "data:image/png;base64,",
        "Where the workers",
        "Gradient norm by layer",
        "<td>dense2</td>",
        "<td>optimizer.name</td>",
    ] {
        assert!(report.contains(part), "{part}");
    }
    // Only the names of the SVG's own vocabulary look like addresses.
    let addresses = report.matches("http").count();
    assert_eq!(addresses, report.matches("http://www.w3.org/").count());
    assert!(!report.contains("<script"));
    let quiet = stdout(&["train", "--epochs", "1", "--quiet"]);
    assert!(!quiet.contains("epoch   1") && quiet.contains("weights sha256"));
}
