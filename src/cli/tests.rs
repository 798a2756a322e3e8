//! The program on a disk that fails: each call of a training, of its resumption, of an export and of a
//! study fails in each way, or is the last before a kill or a loss of power. Nothing is damaged, and
//! what is done again has the same bits.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use sha2::{Digest, Sha256};

use crate::disk::Call;
use crate::disk::tests::{EINTR, EIO, ENOSPC, Fault, Folder, Planned, Turn};
use crate::run::{Manifest, RunFolder, Status};

use super::stdout::silence;

/// Runs the program; whether it came to its end.
fn unisono(words: &[&str]) -> bool {
    let words = ["unisono"].iter().chain(words);
    let code = super::run(words.map(OsString::from));
    format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
}

/// What becomes of the disk after a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Stays,
    /// It goes, and all that was not synced with it.
    Goes,
    /// It goes, and of what was not synced some things.
    GoesWithSome,
}

/// Every way in which a call can fail.
const WAYS: [(Fault, Power); 7] = [
    (Fault::Error(EIO), Power::Stays),
    (Fault::Error(ENOSPC), Power::Stays),
    (Fault::Error(EINTR), Power::Stays),
    (Fault::Part, Power::Stays),
    (Fault::Kill, Power::Stays),
    (Fault::Kill, Power::Goes),
    (Fault::Kill, Power::GoesWithSome),
];

/// How many of them each call is tried with; the calls beside it have others. All of them, if this
/// is set: minutes.
const EACH: usize = 2;
const ALL: &str = "UNISONO_ALL_FAULTS";

/// A command, and what it must come to.
struct Case<'c> {
    name: &'static str,
    /// Makes what the command finds; given the folder.
    before: &'c dyn Fn(&Path),
    command: &'c dyn Fn(&Path) -> bool,
    /// Does what a user would do until the command has come to its end; gives what came out.
    outcome: &'c dyn Fn(&Path) -> String,
}

impl Case<'_> {
    /// Tries every call with ways to fail.
    fn try_all(&self) {
        let turn = Turn::wait();
        silence();
        let folder = Folder::new(self.name);
        let (root, copy) = (folder.0.join("root"), folder.0.join("copy"));
        fs::create_dir(&root).unwrap();
        (self.before)(&root);
        copy_all(&root, &copy);
        let (done, calls, _) = turn.with(&root, None, || (self.command)(&root));
        assert!(done, "{} fails by itself", self.name);
        let expected = (self.outcome)(&root);
        for at in 1..=calls.len() {
            let has_bytes = matches!(calls[at - 1], Call::Read | Call::Write);
            let each = std::env::var_os(ALL).map_or(EACH, |_| WAYS.len());
            for (fault, power) in (0..each).map(|turn| WAYS[(at + 3 * turn) % WAYS.len()]) {
                if fault == Fault::Part && !has_bytes {
                    continue;
                }
                fs::remove_dir_all(&root).unwrap();
                copy_all(&copy, &root);
                let planned = Some(Planned { at, fault });
                let (done, _, disk) = turn.with(&root, planned, || (self.command)(&root));
                let draws = Cell::new(at as u64);
                match power {
                    Power::Stays => {}
                    Power::Goes => disk.lose_power(|| false),
                    Power::GoesWithSome => disk.lose_power(|| is_drawn(&draws)),
                }
                let case = format!("{}: {fault:?} at {at} of {calls:?}, {power:?}", self.name);
                let is_nothing = matches!(fault, Fault::Error(EINTR) | Fault::Part);
                assert!(done || !is_nothing, "{case}");
                assert_eq!((self.outcome)(&root), expected, "{case}");
            }
        }
        println!("{}: {} calls", self.name, calls.len());
    }
}

/// A coin, by a linear congruential generator.
fn is_drawn(state: &Cell<u64>) -> bool {
    let next = state
        .get()
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1);
    state.set(next);
    next >> 63 == 1
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Forty rows of two classes.
fn table(root: &Path) {
    let rows = (0..40).map(|row| format!("{},{},{}\n", row % 7, row % 3, ["a", "b"][row % 2]));
    let text: String = ["x,y,label\n".to_owned()].into_iter().chain(rows).collect();
    fs::write(root.join("rows.csv"), text).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A training that ends within its third epoch.
fn train(root: &Path) -> bool {
    let (data, run) = (root.join("rows.csv"), root.join("run"));
    unisono(&[
        "train",
        "--data",
        text(&data),
        "--layers",
        "dense 3, relu",
        "--batch-size",
        "8",
        "--epochs",
        "4",
        "--max-steps",
        "11",
        "--keep",
        "1",
        "--threads",
        "1",
        "--out",
        text(&run),
    ])
}

fn resume(root: &Path, steps: &str) -> bool {
    let run = root.join("run");
    unisono(&[
        "train",
        "--resume",
        text(&run),
        "--max-steps",
        steps,
        "--threads",
        "2",
    ])
}

/// Trains on until `steps` are made. Gives the weights' hash and their loss.
fn trained(root: &Path, steps: u64) -> String {
    let run = root.join("run");
    let read = || Manifest::read(&run).ok();
    let is_there = || {
        let is_whole = |known: Manifest| known.status == Status::Finished && known.steps == steps;
        read().is_some_and(is_whole)
    };
    for _ in 0..3 {
        if is_there() {
            break;
        }
        let done = match RunFolder::is_run(&run) {
            true => resume(root, &steps.to_string()),
            false => train(root),
        };
        assert!(done, "it cannot be gone on with");
    }
    let manifest = read().expect("a run has one");
    assert!(is_there(), "{manifest:?}");
    let reader = RunFolder::read_only(&run).unwrap();
    let hash = reader.network().unwrap().weights_sha256();
    assert_eq!(Some(&hash), manifest.weights_sha256.as_ref());
    for folder in [run.clone(), run.join("checkpoints")] {
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.ends_with(".tmp"), "{name} is left");
        }
    }
    assert!(run.join("report.html").exists());
    format!(
        "{hash}, {:?}",
        manifest.test_loss.expect("it was evaluated")
    )
}

#[test]
fn a_training_survives_the_failure_of_every_call() {
    let case = Case {
        name: "train",
        before: &table,
        command: &train,
        outcome: &|root| trained(root, 11),
    };
    case.try_all();
}

#[test]
fn a_resumption_survives_the_failure_of_every_call() {
    let case = Case {
        name: "resume",
        before: &|root| {
            table(root);
            assert!(train(root));
        },
        command: &|root| resume(root, "18"),
        outcome: &|root| trained(root, 18),
    };
    case.try_all();
}

#[test]
fn an_export_survives_the_failure_of_every_call() {
    let export = |root: &Path| {
        let (run, file) = (root.join("run"), root.join("weights.npz"));
        let out = ["--format", "npz", "--force", "--out", text(&file)];
        unisono(&[&["export", text(&run)][..], &out].concat())
    };
    let hash = |root: &Path| {
        let bytes = fs::read(root.join("weights.npz")).unwrap();
        (bytes != b"old").then(|| format!("{:x}", Sha256::digest(bytes)))
    };
    let case = Case {
        name: "export",
        before: &|root| {
            table(root);
            assert!(train(root));
            fs::write(root.join("weights.npz"), "old").unwrap();
        },
        command: &export,
        // The file is the old one or the new one, and nothing between.
        outcome: &|root| {
            let known = hash(root);
            assert!(export(root));
            let expected = hash(root).expect("it was replaced");
            assert!(known.is_none_or(|known| known == expected), "damaged");
            expected
        },
    };
    case.try_all();
}

#[test]
fn a_study_survives_the_failure_of_every_call() {
    let study = |root: &Path| {
        let (data, out) = (root.join("rows.csv"), root.join("study"));
        unisono(&[
            "study",
            "steps",
            "--data",
            text(&data),
            "--layers",
            "dense 3",
            "--batches",
            "8..16",
            "--candidates",
            "2",
            "--repeats",
            "2",
            "--epochs",
            "2",
            "--target-error",
            "0.6",
            "--out",
            text(&out),
            "--parallel-trials",
            "1",
        ])
    };
    let case = Case {
        name: "study",
        before: &table,
        command: &study,
        outcome: &|root| {
            assert!(study(root), "it cannot be gone on with");
            let lines = fs::read_to_string(root.join("study/trials.jsonl")).unwrap();
            let timeless = |line: &str| {
                let mut trial: serde_json::Value = serde_json::from_str(line).unwrap();
                let fields = trial.as_object_mut().unwrap();
                fields.retain(|name, _| !name.contains("second"));
                trial.to_string()
            };
            let mut trials: Vec<String> = lines.lines().map(timeless).collect();
            trials.sort();
            trials.join("\n")
        },
    };
    case.try_all();
}
