//! A run outlives its terminal, what killed processes have left in its folder, and going back to an
//! earlier checkpoint.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::runs::error;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn hash_of(run: &Path) -> String {
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["status"], "finished");
    manifest["weights_sha256"].as_str().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A training of some epochs into a folder.
fn train(run: &Path, more: &[&str]) -> String {
    let command = ["train", "--epochs", "4", "--keep", "9", "--out", text(run)];
    let told = stdout(&[&command[..], more].concat());
    value(&told, "weights sha256").to_owned()
}

#[test]
fn a_run_goes_on_when_nobody_reads_what_it_says() {
    let folder = Folder::new("survives-readers");
    let expected = train(&folder.0.join("read"), &[]);
    let command = |name: &str| {
        let run = folder.0.join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisono"));
        command.args(["train", "--epochs", "4", "--keep", "9", "--out", text(&run)]);
        (run, command)
    };
    // Both pipes are closed at once.
    let (run, mut closed) = command("closed");
    let closed = closed.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = closed.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert!(child.wait().unwrap().success());
    assert_eq!(hash_of(&run), expected);
    // A disk that is full.
    if Path::new("/dev/full").exists() {
        let (run, mut full) = command("full");
        let file = || fs::File::options().write(true).open("/dev/full").unwrap();
        assert!(
            full.stdout(file())
                .stderr(file())
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(hash_of(&run), expected);
    }
}

#[test]
fn what_killed_processes_have_left_is_swept_and_what_is_not_theirs_stays() {
    let folder = Folder::new("survives-leftovers");
    let unbroken = train(&folder.0.join("unbroken"), &[]);
    let run = folder.0.join("run");
    stdout(&["train", "--epochs", "2", "--out", text(&run)]);
    let checkpoints = run.join("checkpoints");
    for path in [
        run.join(".model.safetensors.1-0.tmp"),
        checkpoints.join(".step-000000135.json.1-0.tmp"),
        checkpoints.join("step-000000135.safetensors"),
        checkpoints.join("step-000000135.state.safetensors"),
        checkpoints.join("step-backup.json"),
        checkpoints.join("notes.safetensors"),
    ] {
        fs::write(path, "left").unwrap();
    }
    // A line that is no text, as a disk may leave it.
    let mut log = fs::read(run.join("metrics.jsonl")).unwrap();
    log.extend([0xff, 0, b'\n']);
    fs::write(run.join("metrics.jsonl"), log).unwrap();
    let told = stdout(&["train", "--resume", text(&run), "--epochs", "3"]);
    assert!(!told.is_empty());
    let left = names(&checkpoints).join(" ");
    for name in ["step-backup.json", "notes.safetensors"] {
        assert!(left.contains(name), "{left}");
    }
    assert!(!left.contains(".tmp"), "{left}");
    assert!(!names(&run).join(" ").contains(".tmp"));
    assert_eq!(
        fs::metadata(checkpoints.join("step-backup.json"))
            .unwrap()
            .len(),
        4
    );
    stdout(&["train", "--resume", text(&run), "--epochs", "4"]);
    assert_eq!(hash_of(&run), unbroken);
}

#[test]
fn a_folder_that_a_kill_left_with_nothing_in_it_is_empty() {
    let folder = Folder::new("survives-nothing");
    let run = folder.0.join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("lock"), "1\n").unwrap();
    fs::write(run.join(".config.toml.1-0.tmp"), "[run]").unwrap();
    train(&run, &[]);
    assert!(!names(&run).join(" ").contains(".tmp"));
}

#[test]
fn later_checkpoints_of_another_line_are_set_aside_and_can_be_gone_on_from() {
    let folder = Folder::new("survives-lines");
    let run = folder.0.join("run");
    let checkpoint = |folder: &str, step: u64| -> PathBuf {
        let checkpoints = run.join("checkpoints").join(folder);
        checkpoints.join(format!("step-{step:09}.json"))
    };
    let first = train(&run, &[]);
    // Back to the first epoch, with another rate, for one epoch more.
    let early = checkpoint("", 45);
    let other = ["--lr", "0.01", "--allow-change", "--epochs", "2"];
    stdout(&[&["train", "--resume", text(&early)][..], &other].concat());
    let second = hash_of(&run);
    assert_ne!(first, second);
    for step in [90, 135, 180] {
        assert!(checkpoint("aside-1", step).exists(), "{step}");
    }
    assert!(!checkpoint("", 135).exists() && checkpoint("", 90).exists());
    // Its model went with them: that of the run is of the new line.
    assert!(run.join("checkpoints/aside-2/model.safetensors").exists());
    let told = stdout(&["eval", text(&run)]);
    assert!(!told.is_empty());
    // The newest is of the new line, and the old one goes on to its own end.
    let old = checkpoint("aside-1", 135);
    let back = ["--lr", "0.05", "--allow-change", "--epochs", "4"];
    stdout(&[&["train", "--resume", text(&old)][..], &back].concat());
    assert_eq!(hash_of(&run), first);
}

#[test]
fn settings_and_data_that_were_changed_behind_a_run_are_refused_by_name() {
    let folder = Folder::new("behind");
    let rows = |factor: usize| {
        let row = |row: usize| {
            format!(
                "{},{},{}\n",
                (factor * row) % 7,
                row % 3,
                ["a", "b"][row % 2]
            )
        };
        let lines: String = (0..40).map(row).collect();
        folder.file("rows.csv", format!("x,y,label\n{lines}").as_bytes())
    };
    let (data, run) = (rows(1), folder.0.join("run"));
    stdout(&[
        "train",
        "--data",
        text(&data),
        "--layers",
        "dense 3",
        "--epochs",
        "1",
        "--l2",
        "0.1",
        "--label",
        "label",
        "--out",
        text(&run),
    ]);
    let refused = |message: &str| {
        let output = unisono(&["train", "--resume", text(&run), "--epochs", "2"]);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(message), "{}", error(&output));
    };
    // A setting that the text of an optimiser leaves out.
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    let edited = config.replace("decay_all = false", "decay_all = true");
    assert_ne!(edited, config);
    fs::write(run.join("config.toml"), edited).unwrap();
    refused("optimizer's details was Sgd, decays all: false");
    fs::write(run.join("config.toml"), &config).unwrap();
    // Other rows, with the manifest and without one that can be read.
    rows(3);
    refused("the data's sha256 was");
    fs::write(run.join("manifest.json"), "{").unwrap();
    refused("data's sha256 was");
}
