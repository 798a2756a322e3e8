//! The weights that commands use are the newest of a run, and the bits that were written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::stderr::stderr;
use unisono::nn::Sequential;
use unisono::run::{Manifest, RunError, RunWeights};
use unisono::train::Checkpoints;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A run that has ended after two epochs.
fn finished(folder: &Folder, name: &str, seed: &str) -> PathBuf {
    let run = folder.0.join(name);
    let out = text(&run);
    stdout(&[
        "train", "--epochs", "2", "--seed", seed, "--out", out, "--quiet",
    ]);
    run
}

/// Goes on with it for long, until a checkpoint of more steps is there; then `signal`.
fn interrupted(run: &Path, signal: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisono"));
    let more = ["--epochs", "1000000", "--threads", "1", "--quiet"];
    let command = command.args(["train", "--resume", text(run)]).args(more);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let step = || {
        let latest = Checkpoints::latest(&run.join("checkpoints")).unwrap();
        Checkpoints::step_of(&latest.unwrap()).unwrap()
    };
    while step() <= 90 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap();
    assert!(step() > 90);
}

/// Commands that use a run's weights.
fn users(run: &Path) -> Vec<Vec<String>> {
    let run = text(run);
    let out = run.to_owned() + ".out";
    let lines = [
        format!("eval {run}"),
        format!("inspect {run}"),
        format!("predict {run} --out {out}.csv --force"),
        format!("explain {run} --rows 0 --method gradient-input --out {out}.html --force"),
        format!("export {run} --out {out}.safetensors --force"),
        format!("diff {run} {run}"),
    ];
    let words = |line: &String| line.split(' ').map(str::to_owned).collect();
    lines.iter().map(words).collect()
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[test]
fn what_was_trained_last_is_used_and_named() {
    let folder = Folder::new("newest");
    for signal in ["-INT", "-KILL"] {
        let run = finished(&folder, signal, "1");
        for command in users(&run) {
            let output = unisono(&words(&command));
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains(", of a training of 90 steps\n"),
                "{command:?}: {said}"
            );
            assert!(said.contains("model.safetensors"), "{command:?}: {said}");
        }
        let before = stdout(&["eval", text(&run)]);
        interrupted(&run, signal);
        let latest = Checkpoints::latest(&run.join("checkpoints")).unwrap();
        let step = Checkpoints::step_of(&latest.unwrap()).unwrap();
        for command in users(&run) {
            let output = unisono(&words(&command));
            let said = String::from_utf8(output.stderr).unwrap();
            let expected = format!(", of step {step}\n");
            assert!(said.contains(&expected), "{signal} {command:?}: {said}");
            assert!(said.contains("checkpoints"), "{command:?}: {said}");
        }
        let after = stdout(&["eval", text(&run)]);
        assert_ne!(value(&before, "loss"), value(&after, "loss"));
        let list = stdout(&["list", text(&folder.0)]);
        let row = list.lines().find(|line| line.starts_with(signal)).unwrap();
        assert!(row.contains(&step.to_string()), "{row}");
    }
}

#[test]
fn a_changed_bit_and_another_runs_weights_are_refused() {
    let folder = Folder::new("newest-bits");
    let (run, other) = (
        finished(&folder, "run", "1"),
        finished(&folder, "other", "2"),
    );
    let model = run.join("model.safetensors");
    let good = fs::read(&model).unwrap();
    let hash = Manifest::read(&run).unwrap().weights_sha256.unwrap();
    let mut flipped = good.clone();
    let at = flipped.len() - 100;
    flipped[at] ^= 1;
    let others = fs::read(other.join("model.safetensors")).unwrap();
    let hash_of_other = Manifest::read(&other).unwrap().weights_sha256.unwrap();
    for (bytes, got) in [(&flipped, None), (&others, Some(hash_of_other))] {
        fs::write(&model, bytes).unwrap();
        for command in users(&run) {
            let said = stderr(&words(&command), 2);
            assert!(said.contains(&hash), "{command:?}: {said}");
            assert!(said.contains("model.safetensors"), "{said}");
            if let Some(got) = &got {
                assert!(said.contains(got), "{command:?}: {said}");
            }
        }
        let spec = Sequential::new(64).dense(64).relu().dense(10);
        let read = RunWeights::find(&run).and_then(|weights| weights.read(spec));
        assert!(matches!(
            read,
            Err(RunError::Hash { .. } | RunError::Export(_))
        ));
    }
    // Without it the last checkpoint is used, and checked likewise.
    fs::remove_file(&model).unwrap();
    let said = stdout(&["eval", text(&run)]);
    assert_eq!(value(&said, "weights sha256"), hash);
    let latest = Checkpoints::latest(&run.join("checkpoints"))
        .unwrap()
        .unwrap();
    let weights = latest.with_extension("safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    fs::write(&weights, bytes).unwrap();
    for command in users(&run) {
        let said = stderr(&words(&command), 2);
        assert!(said.contains("sha256"), "{command:?}: {said}");
    }
}

#[test]
fn a_run_without_its_manifest_says_whether_its_weights_were_checked() {
    let folder = Folder::new("newest-old");
    let run = finished(&folder, "run", "1");
    let model = run.join("model.safetensors");
    let good = fs::read(&model).unwrap();
    fs::remove_file(run.join("manifest.json")).unwrap();
    let eval = || unisono(&["eval", text(&run)]);
    let said = String::from_utf8(eval().stderr).unwrap();
    assert!(said.contains(", of a training of 90 steps\n"), "{said}");
    assert!(!said.contains("not checked"), "{said}");
    // The file has a hash of its own.
    let mut flipped = good.clone();
    let at = flipped.len() - 100;
    flipped[at] ^= 1;
    fs::write(&model, flipped).unwrap();
    let said = stderr(&["eval", text(&run)], 2);
    assert!(said.contains("it was written with"), "{said}");
    // One of before there were such: the names of its texts are others, of the same length.
    let mut old = good;
    for name in [&b"\"weights_sha256\""[..], b"\"step\""] {
        let at = old.windows(name.len()).position(|at| at == name).unwrap();
        old[at + 1] = b'x';
    }
    fs::write(&model, old).unwrap();
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    // Others' files are no checkpoints.
    folder.file("run/checkpoints/step-backup.json", b"{}");
    let output = eval();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("not checked"), "{said}");
}

#[test]
fn other_weights_of_a_run_are_named_behind_its_folder() {
    let folder = Folder::new("which-weights");
    let run = folder.0.join("at@home");
    let out = text(&run);
    // So fast that the loss of the last epoch is not the smallest.
    let settings = ["--epochs", "3", "--lr", "1"];
    let log = stdout(&[&["train", "--out", out, "--json"][..], &settings].concat());
    let epochs = log.lines().filter_map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let loss = record["test_loss"].as_f64();
        (record["event"] == "epoch").then(|| (record["step"].as_u64().unwrap(), loss.unwrap()))
    });
    let epochs: Vec<(u64, f64)> = epochs.collect();
    assert_eq!(
        epochs.iter().map(|epoch| epoch.0).collect::<Vec<_>>(),
        [45, 90, 135]
    );
    let best = epochs
        .iter()
        .min_by(|one, other| one.1.total_cmp(&other.1))
        .unwrap();
    assert!(best.0 < 135, "{epochs:?}");
    let loss_of =
        |which: &str| value(&stdout(&["eval", &format!("{out}{which}")]), "loss").to_owned();
    for (step, loss) in &epochs {
        assert_eq!(loss_of(&format!("@{step}")), format!("{loss:.6}"));
    }
    assert_eq!(loss_of("@best"), format!("{:.6}", best.1));
    assert_eq!(loss_of("@last"), loss_of(""));
    // All commands take them.
    let exported = folder.0.join("best.safetensors");
    let named = format!("{out}@best");
    stdout(&["export", &named, "--out", text(&exported)]);
    let hash = value(&stdout(&["inspect", &named]), "weights sha256").to_owned();
    assert_eq!(hash, value(&stdout(&["eval", &named]), "weights sha256"));
    assert_ne!(hash, value(&stdout(&["inspect", out]), "weights sha256"));
    // What there is not.
    let said = stderr(&["eval", &format!("{out}@7")], 2);
    assert!(
        said.contains("keeps no weights of step 7, only those of step 45, 90, 135"),
        "{said}"
    );
    let said = stderr(&["eval", &format!("{out}@worst")], 2);
    assert!(
        said.contains("with @best, @last or @STEP behind it"),
        "{said}"
    );
}
