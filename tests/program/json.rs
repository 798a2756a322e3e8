//! `--json`: every command prints objects with the keys that the guide's page has, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, unisono};

/// The page of the guide.
const PAGE: &str = include_str!("../../src/guide/json.md");

/// How deep keys are told of: `a`, `a.b` and `a[].b`.
const DEPTH: usize = 2;

/// The keys of each command, as its table on the page has them.
fn documented() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut command = "";
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("## `") {
            command = name.trim_end_matches('`');
            found.entry(command).or_default();
        }
        let cells = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split_once(" | "));
        if let Some((keys, meaning)) = cells {
            assert!(meaning.len() > 4, "{command}: {keys} has no meaning");
            let keys = keys.trim_end_matches('`').split("`, `");
            found
                .get_mut(command)
                .unwrap()
                .extend(keys.map(str::to_owned));
        }
    }
    found
}

/// The keys of a value, down to `DEPTH`.
fn add_keys(value: &Value, path: &str, depth: usize, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if depth < DEPTH => {
            for (key, inner) in map {
                let dot = if path.is_empty() { "" } else { "." };
                add_keys(inner, &format!("{path}{dot}{key}"), depth + 1, found);
            }
        }
        Value::Array(list) if depth < DEPTH && list.iter().any(Value::is_object) => {
            for inner in list {
                add_keys(inner, &format!("{path}[]"), depth, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// The keys of all objects that a command prints, each in a line.
fn printed(args: &[&str], found: &mut BTreeSet<String>) {
    for line in stdout(args).lines() {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("{args:?}: {line}"));
        assert!(value.is_object(), "{args:?}: {line}");
        add_keys(&value, "", 0, found);
    }
}

/// Runs, tables and other files that commands are given.
struct Given {
    folder: Folder,
}

impl Given {
    fn new() -> Self {
        let given = Self {
            folder: Folder::new("json"),
        };
        let row = |row: usize| format!("{},{},{}\n", row % 7, row % 5, 3 * (row % 7) + row % 5);
        let rows: String = (0..80).map(row).collect();
        given
            .folder
            .file("table.csv", format!("one,two,three\n{rows}").as_bytes());
        given
            .folder
            .file("words.txt", "to be or not to be ".repeat(40).as_bytes());
        given
    }

    fn path(&self, name: &str) -> String {
        self.folder.0.join(name).to_str().unwrap().to_owned()
    }

    /// A command's words, with `@name` for a path here.
    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name),
            None => word.to_owned(),
        };
        line.split(' ').map(word).collect()
    }
}

const REGRESSION: &str = "--data @table.csv --task regress --valid-share 0.2 --epochs 2";
const STUDY: &str = "--batches 16,32 --candidates 2 --repeats 1 --target-error 0.5 --epochs 2";

/// Commands, and what is asked of each.
const CASES: [(&str, &[&str]); 21] = [
    (
        "train",
        &[
            "train --epochs 2 --out @runs/one --early-stopping 2",
            "train --epochs 2 --seed 7 --out @runs/two",
            "train --data @table.csv --task classify --valid-share 0.2 --track noise-scale --epochs 2",
            "train --data @table.csv --task classify --valid-share 0.2 --early-stopping 1 --watch f1 --epochs 2",
            "train --preset mlp --max-steps 2",
            "train --data @table.csv --task regress --epochs 1",
            "train REGRESSION --out @runs/three",
            "train --data @table.csv --task classify --folds 2 --epochs 1 --out @folds",
        ],
    ),
    ("config", &["config"]),
    ("list", &["list @runs"]),
    ("inspect", &["inspect @runs/one"]),
    ("diff", &["diff @runs/one @runs/two"]),
    ("compare", &["compare @runs/one @runs/two @runs/three"]),
    ("eval", &["eval @runs/one", "eval @runs/three"]),
    ("doctor", &["doctor"]),
    (
        "data inspect",
        &[
            "data inspect @table.csv",
            "data inspect @table.csv --task regress",
            "data inspect @words.txt",
        ],
    ),
    ("schedule", &["schedule --epochs 2"]),
    ("lr-range", &["lr-range --steps 5"]),
    (
        "tune",
        &[
            "tune --data @table.csv --task classify --set optimizer.lr={log=[0.01,1]} --trials 2 --epochs 1",
            "tune --data @table.csv --task classify --set optimizer.lr={log=[0.01,1]} --trials 3 --epochs 3 --search halving",
        ],
    ),
    ("bench", &["bench --preset mlp_small --steps 12"]),
    (
        "scaling",
        &["scaling --preset mlp_small --threads 1,2 --budget 2s --half-width 0.5 --out @scaling"],
    ),
    (
        "scaling --compare",
        &["scaling --compare @scaling @scaling"],
    ),
    (
        "scaling --simulate",
        &["scaling --simulate --threads 4 --results @scaling"],
    ),
    (
        "study steps",
        &["study steps STUDY --slice 1/1 --out @slice"],
    ),
    ("study time", &["study time STUDY --on-threads 1"]),
    (
        "study branches",
        &["study branches --batches 16,32 --repeats 1 --branch-at 0.5 --branch-length 0.5"],
    ),
    (
        "study recipes",
        &["study recipes --batches 16,32 --repeats 1 --target-error 0.5 --epochs 2"],
    ),
    ("study merge", &["study merge @slice --into @merged"]),
];

#[test]
fn every_command_prints_the_keys_that_the_page_has_and_no_others() {
    let (given, page) = (Given::new(), documented());
    assert_eq!(page.len(), CASES.len(), "{:?}", page.keys());
    for (command, lines) in CASES {
        let mut found = BTreeSet::new();
        for line in lines {
            let line = line
                .replace("REGRESSION", REGRESSION)
                .replace("STUDY", STUDY);
            let words = given.words(&(line + " --json"));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            printed(&words, &mut found);
        }
        // What is null or empty in one case has keys of its own in another.
        let all = found.clone();
        found.retain(|key| {
            let has_inner = |other: &String| {
                let rest = other.strip_prefix(key.as_str());
                rest.is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            !all.iter().any(has_inner)
        });
        let known = page
            .get(command)
            .unwrap_or_else(|| panic!("`{command}` is not on the page"));
        // `a.*` stands for a null `a` too.
        let is_within = |key: &str, start: &str| {
            let container = start.trim_end_matches('.').trim_end_matches("[]");
            key.starts_with(start) || key == container
        };
        let has = |key: &String| {
            let mut stars = known.iter().filter_map(|known| known.strip_suffix('*'));
            known.contains(key) || stars.any(|start| is_within(key, start))
        };
        let missing: Vec<&String> = found.iter().filter(|key| !has(key)).collect();
        assert!(
            missing.is_empty(),
            "`{command}` prints keys that the page has not: {missing:?}"
        );
        let is_printed = |key: &&String| match key.strip_suffix('*') {
            Some(start) => found.iter().any(|found| is_within(found, start)),
            None => found.contains(*key),
        };
        let idle: Vec<&String> = known.iter().filter(|key| !is_printed(key)).collect();
        assert!(
            idle.is_empty(),
            "`{command}` does not print these keys of the page: {idle:?}"
        );
    }
    assert!(
        Path::new(&given.path("merged"))
            .join("trials.jsonl")
            .exists()
    );
}

#[test]
fn runs_are_listed_in_the_order_that_was_asked_for() {
    let given = Given::new();
    for (name, lr) in [("b", "0.05"), ("a", "0.2"), ("c", "0.0001")] {
        let line = format!("train --epochs 1 --lr {lr} --quiet --out @runs/{name}");
        let words = given.words(&line);
        stdout(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    given.folder.file("runs/odd/config.toml", b"");
    let runs = given.path("runs");
    let names = |more: &[&str]| {
        let text = stdout(&[&["list", &runs], more].concat());
        let lines = text.lines().skip(1);
        let names: String = lines.filter_map(|line| line.chars().next()).collect();
        names.replace('o', "")
    };
    assert_eq!(names(&[]), "abc");
    assert_eq!(names(&["--reverse"]), "cba");
    assert_eq!(names(&["--sort", "lr"]), "cba");
    assert_eq!(names(&["--sort", "lr", "--reverse"]), "abc");
    assert_eq!(names(&["--sort", "date"]).len(), 3);
    // The smallest loss and the highest accuracy first, as the objects have them.
    let text = stdout(&["list", &runs, "--json", "--sort", "loss"]);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let losses = listed["runs"].as_array().unwrap().iter();
    let losses: Vec<f64> = losses.filter_map(|run| run["test_loss"].as_f64()).collect();
    assert!(losses.len() == 3 && losses.is_sorted(), "{losses:?}");
    let text = stdout(&["list", &runs, "--json", "--sort", "accuracy"]);
    let listed: Value = serde_json::from_str(&text).unwrap();
    let shares = listed["runs"].as_array().unwrap().iter();
    let shares: Vec<f64> = shares
        .filter_map(|run| run["test_accuracy"].as_f64())
        .collect();
    assert!(shares.is_sorted_by(|one, other| one >= other), "{shares:?}");
    let text = stdout(&["list", &runs]);
    let head = text.lines().next().unwrap();
    for column in ["date", "best", "lr", "data"] {
        assert!(head.contains(column), "{head}");
    }
    assert!(
        text.contains("  epoch 1  ") && text.contains("  0.0001  ") && text.contains("  digits  ")
    );
    let output = unisono(&["list", &runs, "--sort", "size"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("--sort must be name, date, loss, accuracy or lr, got \"size\""),
        "{error}"
    );
}

#[test]
fn charts_in_a_pipe_have_80_columns_or_as_many_as_are_asked_for() {
    let widest = |columns: Option<&str>| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_unisono"));
        program.args(["schedule", "--rows", "320", "--epochs", "2"]);
        if let Some(columns) = columns {
            program.env("COLUMNS", columns);
        }
        let text = String::from_utf8(program.output().unwrap().stdout).unwrap();
        let (chart, _) = text.split_once("\noptimizer: ").unwrap();
        let lines = chart.lines().map(|line| line.chars().count());
        lines.max().unwrap()
    };
    let (pipe, narrow, wide) = (widest(None), widest(Some("60")), widest(Some("110")));
    assert!(
        narrow <= 60 && pipe <= 80 && wide <= 110,
        "{narrow} {pipe} {wide}"
    );
    assert!(narrow < pipe && pipe < wide, "{narrow} {pipe} {wide}");
}
