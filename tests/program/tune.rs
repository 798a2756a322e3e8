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

/// Rung and number of each trial, and its value.
fn rungs(line: &Value) -> Vec<(u64, u64, f64)> {
    let trials = line["trials"].as_array().unwrap().iter();
    let number = |trial: &Value, key: &str| trial[key].as_u64().unwrap();
    trials
        .map(|trial| {
            let value = trial["value"].as_f64().unwrap();
            (number(trial, "rung"), number(trial, "trial"), value)
        })
        .collect()
}

/// What a file of the search's folder has.
fn kept(out: &std::path::Path, trial: u64, epochs: u32) -> Value {
    let file = out.join(format!("trial-{trial:05}-epochs-{epochs}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn the_best_third_goes_on_as_if_it_had_never_stopped() {
    let folder = Folder::new("tune-halving");
    let path = table(&folder);
    let config = folder.file("search.toml", CONFIG.as_bytes());
    let out = folder.0.join("out");
    let tune = ["tune", "--config", text(&config), "--data", &path];
    let tune = [&tune[..], &["--epochs", "9", "--trials", "9"]].concat();
    let halving = [&tune[..], &["--search", "halving"]].concat();
    let with_out = [&halving[..], &["--out", text(&out)]].concat();
    // Begun anew on every rung, or gone on with from checkpoints; alone or side by side.
    let one = tuned(&[&halving[..], &["--threads", "1"]].concat());
    for args in [
        &[&halving[..], &["--threads", "3"]].concat(),
        &[&halving[..], &["--parallel-trials", "4"]].concat(),
        &with_out,
    ] {
        assert_eq!(tuned(args), one, "{args:?}");
    }
    // Nine trials of one epoch, three of three, one of nine; the best of each rung goes on.
    let all = rungs(&one);
    let of_rung: Vec<u64> = all.iter().map(|(rung, ..)| *rung).collect();
    assert_eq!(of_rung, [3, 2, 2, 1, 1, 1, 1, 1, 1]);
    let mut first: Vec<(u64, f64)> = (1..=9)
        .map(|trial| (trial, kept(&out, trial, 1)["value"].as_f64().unwrap()))
        .collect();
    first.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut went_on: Vec<u64> = all[..3].iter().map(|(_, trial, _)| *trial).collect();
    went_on.sort_unstable();
    let mut best: Vec<u64> = first[..3].iter().map(|(trial, _)| *trial).collect();
    best.sort_unstable();
    assert_eq!(went_on, best);
    assert_eq!(one["trials"][1]["epochs"], 3);
    // The winner is the trial that it would have been without rungs.
    let whole = tuned(&[&tune[..], &["--parallel-trials", "3"]].concat());
    let winner = whole["trials"].as_array().unwrap().iter();
    let winner = winner.filter(|trial| trial["trial"] == one["best"]["trial"]);
    let winner: Vec<&Value> = winner.collect();
    assert_eq!(winner[0]["value"], one["best"]["value"]);
    assert_eq!(
        (&one["best"]["is_whole"], &one["best"]["epoch"]),
        (&true.into(), &9.into())
    );
    // Checkpoints are gone; what is lost is trained again.
    let (_, winner, _) = all[0];
    assert!(!out.join(format!("trial-{winner:05}")).exists());
    std::fs::remove_file(out.join(format!("trial-{winner:05}-epochs-9.json"))).unwrap();
    assert_eq!(tuned(&with_out), one);
    let said = stdout(&with_out);
    assert!(
        said.contains("rung 2 of 3: 3 trials, 3 epochs each"),
        "{said}"
    );
    let other = refused(&[&tune[..], &["--out", text(&out)]].concat());
    assert!(other.contains("has a search with other search"), "{other}");
}

#[test]
fn trials_that_stop_early_or_diverge_end_on_their_rung() {
    let folder = Folder::new("tune-halving-early");
    let path = table(&folder);
    let out = folder.0.join("out");
    let tune = [
        "tune",
        "--data",
        &path,
        "--valid-share",
        "0.2",
        "--search",
        "halving",
    ];
    let rates = ["--set", "optimizer.lr={ log = [1e-2, 1e12] }"];
    let rest = ["--epochs", "30", "--trials", "9", "--early-stopping", "2"];
    let halving = [&tune[..], &rates, &rest].concat();
    let one = tuned(&[&halving[..], &["--threads", "2"]].concat());
    assert_eq!(tuned(&[&halving[..], &["--out", text(&out)]].concat()), one);
    let trials = one["trials"].as_array().unwrap();
    let diverged = trials.iter().filter(|trial| trial["value"].is_null());
    let diverged: Vec<&Value> = diverged.collect();
    assert!(!diverged.is_empty() && trials.last() == diverged.last().copied());
    assert!(diverged.iter().all(|trial| trial["rung"] == 1));
    // Early stopping keeps the best epoch, on every rung.
    let whole = trials.iter().filter(|trial| trial["is_whole"] == true);
    let mut early = whole.filter(|trial| !trial["value"].is_null());
    assert!(early.all(|trial| trial["epoch"].as_u64().unwrap() < 30));
    assert_eq!(one["best"]["rung"], 3);
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
    let few = with(&[&range[..], &["--search", "halving", "--trials", "2"]].concat());
    let expected = "--search must be sobol or random for 2 trials of 30 epochs: of 3 trials one goes on, with 3 times the epochs, got \"halving\"";
    assert!(few.contains(expected), "{few}");
    let odd = with(&[&range[..], &["--search", "halfing"]].concat());
    assert!(odd.contains("halving"), "{odd}");
}
