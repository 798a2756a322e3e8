//! Help: what there is, in a line each or whole, and what was meant by a name that there is not.

use std::process::Command;

use crate::files::Folder;
use crate::program::{stdout, unisono};

/// Commands with flags of their own.
const COMMANDS: [&str; 28] = [
    "train",
    "eval",
    "predict",
    "generate",
    "explain",
    "export",
    "list",
    "inspect",
    "diff",
    "compare",
    "bench",
    "scaling",
    "schedule",
    "lr-range",
    "study steps",
    "study time",
    "study branches",
    "study recipes",
    "study adaptive",
    "study gap",
    "study merge",
    "data inspect",
    "cache clear",
    "config",
    "doctor",
    "completions",
    "man",
    "study",
];

fn help(command: &str, flag: &str) -> String {
    let words: Vec<&str> = command.split(' ').chain([flag]).collect();
    stdout(&words)
}

/// The lines of a help that begin with a flag.
fn flags(text: &str) -> Vec<&str> {
    let is_flag = |line: &&str| line.trim_start().starts_with('-') && !line.starts_with("       ");
    text.lines().filter(is_flag).collect()
}

#[test]
fn the_program_alone_shows_its_commands_and_examples_that_run() {
    let output = unisono(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text, stdout(&["--help"]));
    assert!(text.lines().count() < 50 && text.lines().all(|line| line.len() <= 80));
    for command in COMMANDS {
        let name = command.split(' ').next().unwrap();
        let line = |line: &str| {
            line.strip_prefix("  ")?
                .split(' ')
                .next()
                .map(str::to_owned)
        };
        assert!(
            text.lines().filter_map(line).any(|known| known == name),
            "{name}"
        );
    }
    // The examples, where there is a table of that name.
    let folder = Folder::new("help-examples");
    let row = |row: usize| format!("{},{},{}\n", row % 7, row % 5, ["a", "b"][row % 2]);
    let rows: String = (0..60).map(row).collect();
    folder.file("table.csv", format!("one,two,class\n{rows}").as_bytes());
    let examples: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  unisono "))
        .collect();
    assert_eq!(examples.len(), 4, "{text}");
    for example in examples {
        let mut program = Command::new(env!("CARGO_BIN_EXE_unisono"));
        let output = program
            .current_dir(&folder.0)
            .args(example.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "{example}: {output:?}");
    }
}

#[test]
fn short_help_has_a_line_for_each_flag_and_tells_how_many_only_the_whole_help_has() {
    for command in COMMANDS {
        let (short, whole) = (help(command, "-h"), help(command, "--help"));
        assert!(short.lines().count() < 90, "{command}: {short}");
        for line in short.lines().chain(whole.lines()) {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
        if command == "study" {
            continue;
        }
        let left_out = match short.split_once(", and has ") {
            Some((_, rest)) => rest.split(' ').next().unwrap().parse().unwrap(),
            None => 0,
        };
        // --help itself has no line in the short help.
        let count = flags(&short).len() + left_out + 1;
        assert_eq!(count, flags(&whole).len(), "{command}");
        assert!(
            short.contains(&format!("`unisono {command} --help`")),
            "{short}"
        );
    }
    assert!(flags(&help("train", "-h")).len() > 40);
}

#[test]
fn flags_stand_in_the_sections_that_a_configuration_has() {
    let config = stdout(&["config"]);
    let sections = config.lines().filter(|line| line.starts_with('['));
    for command in ["train", "config", "schedule", "lr-range", "study steps"] {
        let text = help(command, "--help");
        let mut at = 0;
        for section in sections.clone() {
            let heading = format!(" ({section} of a configuration):\n");
            let found = text.find(&heading);
            let found = found.unwrap_or_else(|| panic!("{command} has no {section}"));
            assert!(found > at, "{command}: {section}");
            at = found;
        }
    }
    // Where the flags are those of a section.
    let text = help("train", "--help");
    let place = |flag: &str| text.find(&format!("--{flag} ")).unwrap();
    let heading = |name: &str| text.find(&format!("([{name}]")).unwrap();
    for (flag, section, next) in [
        ("preset", "model", "data"),
        ("label", "data", "loss"),
        ("huber-delta", "loss", "optimizer"),
        ("lr", "optimizer", "batch"),
        ("batch-size", "batch", "engine"),
        ("threads", "engine", "run"),
    ] {
        let range = heading(section)..heading(next);
        assert!(range.contains(&place(flag)), "{flag}");
    }
    assert!(place("out") < heading("model") && place("keep") > heading("run"));
}

#[test]
fn help_names_the_values_that_a_flag_takes() {
    let short = help("train", "-h");
    for line in [
        "--precision f32|bf16",
        "--header auto|yes|no",
        "What is learned: auto, classify, regress,...",
        "--loss cross-entropy|mse|l1|huber|bce",
        "-t, --threads N|auto",
        "Optimiser [momentum]: sgd, momentum, nesterov,...",
    ] {
        assert!(short.contains(line), "{line}: {short}");
    }
    let short = help("export", "-h");
    assert!(short.contains("--format safetensors|npz|onnx"), "{short}");
}

#[test]
fn short_flags_are_the_long_ones() {
    let long = [
        "config",
        "--threads",
        "2",
        "--epochs",
        "3",
        "--batch-size",
        "8",
        "--data",
        "a.csv",
    ];
    let expected = stdout(&long);
    let short = ["config", "-t", "2", "-e", "3", "-b", "8", "-d", "a.csv"];
    assert_eq!(stdout(&short), expected);
    assert_eq!(
        stdout(&["config", "-j2", "-e3", "-b8", "-da.csv"]),
        expected
    );
    let folder = Folder::new("help-short");
    let run = folder.0.join("run");
    let text = stdout(&["train", "-q", "-e", "1", "-o", run.to_str().unwrap()]);
    assert!(
        run.join("config.toml").exists() && !text.contains("\nepoch "),
        "{text}"
    );
    let output = unisono(&["train", "-t", "-1"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("--threads must be a whole number"),
        "{error}"
    );
}

#[test]
fn a_mistyped_name_is_refused_with_the_one_that_was_probably_meant() {
    let folder = Folder::new("help-meant");
    let table = folder.file("table.csv", b"a,b\n1,2\n");
    let table = table.to_str().unwrap();
    let config = folder.file("odd.toml", b"[model]\npreset = \"resnet\"\n");
    let config = config.to_str().unwrap();
    let meant = format!("unexpected argument '{table}' found; did you mean --data {table}?");
    let cases: [(&[&str], &str); 13] = [
        (
            &["trian"],
            "unrecognized subcommand 'trian'; did you mean train?",
        ),
        (&["xyzzy"], "'xyzzy'; `unisono --help` lists all commands"),
        (&["study", "step"], "did you mean steps?"),
        (&["train", "--epoch", "3"], "found; did you mean --epochs?"),
        (
            &["train", "--learning-rate", "1"],
            "found; did you mean --lr?",
        ),
        (
            &["train", "--zzz"],
            "found; `unisono train --help` lists all flags",
        ),
        (
            &["study", "steps", "--zzz"],
            "`unisono study steps --help` lists all flags",
        ),
        (
            &["train", "--optimizer", "adamm"],
            "lamb or lion, got \"adamm\"; did you mean adam?",
        ),
        (
            &["train", "--preset", "lenet5"],
            "got \"lenet5\"; did you mean lenet?",
        ),
        (
            &["bench", "--preset", "resnet"],
            "got \"resnet\"; did you mean resnet20?",
        ),
        (
            &["train", "--set", "loss.name=huberr"],
            "--set: loss.name must be cross-entropy, mse, l1, huber or bce, got \"huberr\"; did you mean huber?",
        ),
        (
            &["train", "--config", config],
            "odd.toml, line 2, column 10: model.preset must be mlp_small, mlp, lenet, resnet20, lstm or gpt, got \"resnet\"; did you mean resnet20?",
        ),
        (&["train", table], &meant),
    ];
    for (args, expected) in cases {
        let output = unisono(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    }
}

#[test]
fn help_keeps_to_the_width_that_is_asked_for() {
    for columns in [50, 100] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_unisono"));
        let program = program.env("COLUMNS", columns.to_string());
        let output = program.args(["train", "-h"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(
            widest <= columns && widest + 8 > columns,
            "{widest} of {columns}"
        );
    }
}
