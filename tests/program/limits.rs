//! Numbers beyond all bounds: every flag and every key answers them by a line, and takes no memory
//! before.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::stderr::stderr;

/// Nothing, less than nothing, what is no number, and what some type has no room for.
const ODD: [&str; 8] = [
    "0",
    "-1",
    "nan",
    "inf",
    "2147483648",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999",
];

/// Kilobytes of addresses that a command may have.
const MOST_KIB: &str = "6000000";

/// Runs the program in `folder`, with bounds on memory and time.
fn bounded(folder: &Path, args: &[&str]) -> Output {
    let script = format!("ulimit -v {MOST_KIB}; exec timeout 60 \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_unisono")])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What is wrong with how it ended, unless it is done, refused, or failed with a line.
fn fault(folder: &Path, args: &[&str]) -> Option<String> {
    let output = bounded(folder, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    let last = said.lines().last().unwrap_or_default();
    let is_fine = match code {
        Some(0 | 1) => !said.contains("panicked"),
        Some(2) => last.starts_with("unisono: "),
        _ => false,
    };
    (!is_fine).then(|| format!("{args:?} ended with {code:?}: {said}"))
}

/// The flags of a command that take a value, as its help has them.
fn flags(command: &[&str]) -> Vec<String> {
    let help = stdout(&[command, &["--help"]].concat());
    let mut found = Vec::new();
    for line in help.lines().map(str::trim_start) {
        let Some(at) = line.starts_with('-').then(|| line.find("--")).flatten() else {
            continue;
        };
        if let Some((flag, rest)) = line[at..].split_once(' ')
            && rest.starts_with('<')
        {
            found.push(flag.to_owned());
        }
    }
    assert!(!found.is_empty(), "{command:?}: {help}");
    found
}

/// Runs every one of `cases` in `folder`, some at a time; none may go wrong.
fn check(folder: &Path, cases: &[Vec<String>]) {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // Relaxed: a counter that publishes nothing.
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let words: Vec<&str> = case.iter().map(String::as_str).collect();
                    faults.lock().unwrap().extend(fault(folder, &words));
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `command` with each of `flags` set to each odd value, in place of the one that it has there.
fn odd_cases(command: &str, base: &[(&str, &str)], flags: &[String]) -> Vec<Vec<String>> {
    let mut cases = Vec::new();
    for flag in flags {
        for odd in ODD {
            let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            for (name, value) in base.iter().filter(|(name, _)| name != flag) {
                words.extend([(*name).to_owned(), (*value).to_owned()]);
            }
            words.push(format!("{flag}={odd}"));
            cases.push(words);
        }
    }
    cases
}

#[test]
fn every_flag_answers_numbers_that_it_cannot_take() {
    let folder = Folder::new("limits-flags");
    let train = [("--epochs", "1"), ("--max-steps", "1"), ("--threads", "1")];
    let of_training = flags(&["train"]);
    let mut cases = odd_cases("train --quiet", &train, &of_training);
    let own = |command: &[&str]| -> Vec<String> {
        let all = flags(command).into_iter();
        all.filter(|flag| !of_training.contains(flag)).collect()
    };
    let rates = [("--rows", "320"), ("--epochs", "2")];
    let both = [
        "--rows".to_owned(),
        "--epochs".to_owned(),
        "--batch-size".to_owned(),
    ];
    cases.extend(odd_cases("schedule", &rates, &both));
    cases.extend(odd_cases(
        "lr-range",
        &[("--steps", "3")],
        &own(&["lr-range"]),
    ));
    let bench = [
        ("--preset", "mlp_small"),
        ("--steps", "1"),
        ("--warmup", "0"),
        ("--threads", "1"),
    ];
    cases.extend(odd_cases("bench", &bench, &flags(&["bench"])));
    let study = [
        ("--batches", "16,32"),
        ("--candidates", "1"),
        ("--repeats", "1"),
        ("--epochs", "1"),
        ("--parallel-trials", "1"),
    ];
    let own_of_study: Vec<String> = own(&["study", "steps"]);
    cases.extend(odd_cases("study steps", &study, &own_of_study));
    check(&folder.0, &cases);
}

#[test]
fn studies_answer_numbers_that_they_cannot_take() {
    let folder = Folder::new("limits-studies");
    let mut cases = Vec::new();
    let recipes = [
        ("--batches", "16,32"),
        ("--repeats", "1"),
        ("--epochs", "1"),
    ];
    let of_recipes = ["--batches", "--repeats", "--parallel-trials", "--slice"];
    cases.extend(odd_cases(
        "study recipes",
        &recipes,
        &of_recipes.map(str::to_owned),
    ));
    let branches = [
        ("--batches", "16,32"),
        ("--repeats", "1"),
        ("--branch-at", "0.1"),
        ("--branch-length", "0.1"),
    ];
    let of_branches = ["--batches", "--branch-at", "--branch-length", "--tolerance"];
    cases.extend(odd_cases(
        "study branches",
        &branches,
        &of_branches.map(str::to_owned),
    ));
    check(&folder.0, &cases);
}

#[test]
fn scaling_answers_numbers_that_it_cannot_take() {
    let folder = Folder::new("limits-scaling");
    let base = [
        ("--preset", "mlp_small"),
        ("--threads", "1"),
        ("--mode", "strong"),
        ("--budget", "200ms"),
    ];
    let flags = [
        "--threads",
        "--batch-size",
        "--budget",
        "--half-width",
        "--seed",
    ];
    let mut cases = odd_cases("scaling", &base, &flags.map(str::to_owned));
    let simulated = [
        "--threads",
        "--batch-size",
        "--straggler",
        "--jitter",
        "--ranks",
        "--cores",
        "--link-latency-us",
        "--link-message-us",
        "--link-gbit",
    ];
    cases.extend(odd_cases(
        "scaling --simulate",
        &base[..2],
        &simulated.map(str::to_owned),
    ));
    check(&folder.0, &cases);
}

#[test]
fn a_runs_commands_answer_numbers_that_they_cannot_take() {
    let folder = Folder::new("limits-after");
    let book: String = "a text that repeats itself, line after line\n".repeat(60);
    let book = folder.file("book.txt", book.as_bytes());
    let (text, digits) = (folder.0.join("text"), folder.0.join("digits"));
    let [book, text, digits] = [&book, &text, &digits].map(|path| path.to_str().unwrap());
    let short = ["--max-steps", "1", "--epochs", "1", "--quiet", "--out"];
    stdout(&[&["train", "--data", book], &short[..], &[text]].concat());
    stdout(&[&["train"], &short[..], &[digits]].concat());
    let generate = flags(&["generate"]);
    let mut cases = odd_cases(&format!("generate {text}"), &[("--tokens", "1")], &generate);
    let explain = [("--rows", "0"), ("--steps", "1"), ("--out", "-")];
    let of_explain = ["--rows", "--steps"].map(str::to_owned);
    cases.extend(odd_cases(
        &format!("explain {digits}"),
        &explain,
        &of_explain,
    ));
    check(&folder.0, &cases);
}

#[test]
fn every_key_of_a_configuration_answers_them_too() {
    let folder = Folder::new("limits-keys");
    let config = stdout(&["config"]);
    let (mut section, mut cases) = ("", Vec::new());
    for line in config.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") else {
            continue;
        };
        for odd in ["-1", "18446744073709551615", "\"11000000000\"", "nan"] {
            let set = format!("{section}.{key}={odd}");
            let short = ["run.max_steps=1", "run.epochs=1"];
            let mut words = vec!["train".to_owned(), "--quiet".to_owned()];
            for pair in short
                .into_iter()
                .filter(|pair| !set.starts_with(&pair[..10]))
            {
                words.extend(["--set".to_owned(), pair.to_owned()]);
            }
            words.extend(["--set".to_owned(), set]);
            cases.push(words);
        }
    }
    assert!(cases.len() > 100);
    check(&folder.0, &cases);
}

#[test]
fn every_seed_trains_is_kept_and_goes_on() {
    let folder = Folder::new("limits-seeds");
    for seed in ["9223372036854775808", "18446744073709551615"] {
        let run = folder.0.join(seed);
        let run = run.to_str().unwrap();
        let hash = |args: &[&str]| value(&stdout(args), "weights sha256").to_owned();
        let train = ["train", "--seed", seed, "--epochs"];
        hash(&[&train[..], &["1", "--out", run]].concat());
        let whole = hash(&[&train[..], &["2"]].concat());
        assert_eq!(hash(&["train", "--resume", run, "--epochs", "2"]), whole);
        let config = stdout(&["config", "--seed", seed]);
        assert!(config.contains(&format!("seed = \"{seed}\"")), "{config}");
        let config = folder.file("a.toml", config.as_bytes());
        let config = config.to_str().unwrap();
        assert_eq!(hash(&["train", "--config", config, "--epochs", "2"]), whole);
        let set = format!("run.seed={seed}");
        assert_eq!(hash(&["train", "--set", &set, "--epochs", "2"]), whole);
        assert!(stdout(&["inspect", run]).contains("weights sha256"));
    }
}

#[test]
fn bounds_are_named() {
    let cases: [(&[&str], &str); 8] = [
        (
            &["train", "--batch-size", "4294967296"],
            "--batch-size must be a whole number from 1 to 4294967295, got \"4294967296\"",
        ),
        (
            &["train", "--shards", "2147483648"],
            "--shards must be a whole number from 1 to 65536, auto or per-worker, got \"2147483648\"",
        ),
        (
            &["train", "--set", "engine.threads=\"11000000000\""],
            "engine.threads must be a whole number from 1 to 4096 or auto, got \"11000000000\"",
        ),
        (
            &["train", "--layers", "dense 9223372036854775807"],
            "at most 16777216",
        ),
        (
            &["train", "--layers", "dense 16777216, dense 16777216"],
            "expected at most 8589934592",
        ),
        (
            &["schedule", "--epochs", "1000000"],
            "10000000 steps at most are drawn",
        ),
        (
            &["bench", "--batch-size", "99999999999"],
            "to 4294967295, got \"99999999999\"",
        ),
        (
            &["scaling", "--batch-size", "99999999999"],
            "--batch-size must be a whole number from 1 to 4294967295",
        ),
    ];
    for (args, expected) in cases {
        let said = stderr(args, 2);
        assert!(said.contains(expected), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_models_sizes_are_those_of_its_files() {
    let folder = Folder::new("limits-files");
    let run = folder.0.join("run");
    let path = run.to_str().unwrap();
    stdout(&["train", "--max-steps", "1", "--quiet", "--out", path]);
    let own = run.join("preparation.json");
    let good = std::fs::read_to_string(&own).unwrap();
    for shape in [
        (8_u64, 1_000_000_u64),
        (1 << 40, 1_u64 << 40),
        (u64::MAX, 1),
        (0, 8),
    ] {
        let (height, width) = shape;
        let odd = good
            .replace("\"height\":8", &format!("\"height\":{height}"))
            .replace("\"width\":8", &format!("\"width\":{width}"));
        assert_ne!(odd, good);
        std::fs::write(&own, odd).unwrap();
        for command in ["eval", "inspect", "predict"] {
            assert_eq!(fault(&folder.0, &[command, path]), None);
        }
    }
    std::fs::write(&own, &good).unwrap();
    let config = run.join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let wide = text.replace("# layers = \"LAYERS\"", "layers = \"dense 16777216\"");
    assert_ne!(wide, text);
    std::fs::write(&config, wide).unwrap();
    let said = String::from_utf8(bounded(&folder.0, &["eval", path]).stderr).unwrap();
    assert!(
        said.contains("dense outputs 16777216 as layer 0, got dense outputs 64"),
        "{said}"
    );
}
