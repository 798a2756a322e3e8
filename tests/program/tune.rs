//! `unisono tune`: the same trials however they are made, the best configuration, going on, and what
//! is refused.

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::runs::text;
use crate::stderr::refused;

/// Two classes that overlap.
fn table(folder: &Folder) -> String {
    let row = |at: usize| {
        let noise = |by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
        let kind = at % 2;
        let (a, b) = (kind as f64 + noise(31), noise(17) - kind as f64);
        format!("{a:.3},{b:.3},{}\n", ["x", "y"][kind])
    };
    let rows: String = (0..150).map(row).collect();
    let path = folder.file("own.csv", format!("a,b,kind\n{rows}").as_bytes());
    text(&path).to_owned()
}

const CONFIG: &str = "[data]\nvalid_share = 0.2\n\n[optimizer]\nlr = { log = [1e-4, 1] }\nmomentum = { uniform = [0.1, 0.9] }\n\n[batch]\nsize = { choice = [8, 16] }\n\n[run]\nepochs = 3\n";

fn tuned(args: &[&str]) -> Value {
    let mut line: Value = serde_json::from_str(&stdout(&[args, &["--json"]].concat())).unwrap();
    for trial in line["trials"].as_array_mut().unwrap() {
        trial["seconds"] = Value::Null;
    }
    line["best"]["seconds"] = Value::Null;
    line
}

#[test]
fn trials_are_the_same_side_by_side_and_the_best_is_a_configuration() {
    let folder = Folder::new("tune");
    let path = table(&folder);
    let config = folder.file("search.toml", CONFIG.as_bytes());
    let out = folder.0.join("out");
    let tune = [
        "tune",
        "--config",
        text(&config),
        "--data",
        &path,
        "--trials",
        "6",
    ];
    let tune = [&tune[..], &["--watch", "accuracy"]].concat();
    let one = tuned(&[&tune[..], &["--threads", "1"]].concat());
    for more in [
        &["--threads", "3"][..],
        &["--parallel-trials", "3"],
        &["--out", text(&out)],
    ] {
        assert_eq!(tuned(&[&tune[..], more].concat()), one, "{more:?}");
    }
    // Values lie in their ranges, and differ; the best is first.
    let trials = one["trials"].as_array().unwrap();
    let real = |trial: &Value, key: &str| trial["values"][key].as_f64().unwrap();
    for trial in trials {
        assert!((1e-4..=1.0).contains(&real(trial, "optimizer.lr")));
        assert!((0.1..=0.9).contains(&real(trial, "optimizer.momentum")));
        assert!([8.0, 16.0].contains(&real(trial, "batch.size")));
    }
    let values: Vec<f64> = trials
        .iter()
        .map(|trial| trial["value"].as_f64().unwrap())
        .collect();
    assert!(
        values.is_sorted_by(|one, other| one >= other) && values[0] > values[5],
        "{values:?}"
    );
    assert_eq!(one["best"], trials[0]);
    // The configuration of the best trains to its value; the test part stays for the end.
    let best = out.join("best.toml");
    let run = folder.0.join("best");
    let trained = stdout(&["train", "--config", text(&best), "--out", text(&run)]);
    let share = format!("{:.2} %", 100.0 * values[0]);
    assert_eq!(value(&trained, "validation accuracy"), share);
    assert!(out.join("report.html").is_file() && out.join("tune-lr.svg").is_file());
    goes_on(&tune, &out);
    // Rows that have changed are another search's.
    let rows = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, rows + "0.5,0.5,x\n").unwrap();
    let other = refused(&[&tune[..], &["--out", text(&out)]].concat());
    assert!(other.contains("has a search with other data"), "{other}");
}

/// What is there is not trained again, more trials are, and another search is refused.
fn goes_on(tune: &[&str], out: &std::path::Path) {
    let fifth = out.join("trial-00005.json");
    let known = std::fs::read_to_string(&fifth).unwrap();
    let mut marked: Value = serde_json::from_str(&known).unwrap();
    marked["seconds"] = 1234.5.into();
    std::fs::write(&fifth, marked.to_string()).unwrap();
    std::fs::remove_file(out.join("trial-00002.json")).unwrap();
    let mut more = tune.to_vec();
    let count = more.iter().position(|word| *word == "6").unwrap();
    more[count] = "7";
    let text_of = stdout(&[&more[..], &["--out", text(out)]].concat());
    assert!(text_of.contains("1234.5"), "{text_of}");
    assert!(out.join("trial-00002.json").is_file() && out.join("trial-00007.json").is_file());
    let other = [tune, &["--epochs", "4", "--out", text(out)]].concat();
    assert!(refused(&other).contains("has a search with other settings; take another folder"));
}

#[test]
fn searches_that_cannot_be_are_refused() {
    let folder = Folder::new("tune-odd");
    let path = table(&folder);
    let with = |more: &[&str]| refused(&[&["tune", "--data", &path][..], more].concat());
    assert!(with(&[]).contains("no range to search"));
    let range = "optimizer.lr={ log = [1, 0.1] }";
    assert!(with(&["--set", range]).contains("optimizer.lr: a range is { log = [LOW, HIGH] }"));
    let range = ["--set", "optimizer.lr={ log = [0.1, 1] }"];
    let more = ["--threads", "2", "--parallel-trials", "2"];
    assert!(with(&[&range[..], &more].concat()).contains("--threads does not apply"));
    assert!(
        with(&[&range[..], &["--keep", "5"]].concat())
            .contains("--keep does not apply to `unisono tune`")
    );
    assert!(with(&[&range[..], &["--folds", "5"]].concat()).contains("--folds does not apply"));
}
