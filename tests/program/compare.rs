//! `unisono compare`: runs beside each other, in a table, as JSON and on a page.

use std::path::Path;

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::runs::{LONG, spawn, text, wait_for_checkpoint};
use crate::stderr::refused;

/// Trains with these arguments in `folder/name`, and gives that path.
fn trained(folder: &Folder, name: &str, args: &[&str]) -> String {
    let path = folder.0.join(name).to_str().unwrap().to_owned();
    stdout(&[&["train", "--quiet", "--out", &path][..], args].concat());
    path
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&stdout(&[&["compare", "--json"][..], args].concat())).unwrap()
}

fn manifest(run: &str) -> Value {
    let text = std::fs::read(Path::new(run).join("manifest.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn page(runs: &[&str]) -> String {
    stdout(&[&["compare"][..], runs, &["--out", "-"]].concat())
}

/// A table whose last column is `kind` or a number.
fn table(folder: &Folder, name: &str, label: impl Fn(usize) -> String) -> String {
    let row = |at: usize| format!("{},{},{}\n", at % 7, (at * at) % 11, label(at));
    let rows: String = (0..120).map(row).collect();
    let path = folder.file(name, format!("a,b,label\n{rows}").as_bytes());
    path.to_str().unwrap().to_owned()
}

/// The same in JSON, with the numbers of the manifests.
fn is_in_json(one: &str, other: &str) {
    let all = json(&[one, other]);
    for (run, path) in all["runs"].as_array().unwrap().iter().zip([one, other]) {
        let known = manifest(path);
        for key in [
            "test_loss",
            "test_accuracy",
            "weights_sha256",
            "kept",
            "threads",
        ] {
            assert_eq!(run[key], known[key], "{key}");
        }
        assert_eq!(run["steps"], known["steps"]);
        assert_eq!(run["valid_loss"], Value::Null);
    }
    assert_eq!(all["settings"][0]["key"], "optimizer.lr");
    assert_eq!(all["settings"][0]["values"][1], 0.2);
}

/// The same on a page without outside parts.
fn is_on_a_page(one: &str, other: &str) {
    let page = page(&[one, other]);
    for part in [
        "<td>optimizer.lr</td>",
        "Training loss",
        "Accuracy",
        "a/same",
        "<svg",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("RMSE"));
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("http://www.w3.org/").count());
}

#[test]
fn runs_of_other_settings_and_lengths_stand_beside_each_other() {
    let folder = Folder::new("compare-two");
    let one = trained(&folder, "a/same", &["--epochs", "3"]);
    let other = trained(&folder, "b/same", &["--epochs", "1", "--lr", "0.2"]);
    let both = stdout(&["compare", &one, &other]);
    let (results, settings) = both.split_once("\n\n").unwrap();
    // Folders of the same name are told apart by those that they lie in.
    let lines: Vec<&str> = results.lines().collect();
    assert_eq!(lines.len(), 3, "{both}");
    assert!(lines[1].starts_with("a/same  finished  3"), "{both}");
    assert!(lines[2].starts_with("b/same  finished  1"), "{both}");
    let share = manifest(&one)["test_accuracy"].as_f64().unwrap();
    assert!(lines[1].contains(&format!("{:.2} %", 100.0 * share)));
    // No regression: no column of one.
    assert!(!lines[0].contains("R2") && !lines[0].contains("data"));
    let rows: Vec<Vec<&str>> = settings
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["setting", "a/same", "b/same"]);
    assert!(
        rows.contains(&vec!["optimizer.lr", "0.05", "0.2"]),
        "{both}"
    );
    assert!(rows.contains(&vec!["run.epochs", "3", "1"]), "{both}");
    assert_eq!(rows.len(), 3, "{both}");
    is_in_json(&one, &other);
    is_on_a_page(&one, &other);
    // As many parts of the path as tell it from all others.
    let inside = trained(&folder, "b/same/same", &["--epochs", "0"]);
    let all = json(&[&one, &other, &inside]);
    let names: Vec<&Value> = (0..3).map(|at| &all["runs"][at]["name"]).collect();
    assert_eq!(names, ["a/same", "b/same", "same/same"]);
}

#[test]
fn regressions_and_classifications_have_charts_of_their_own() {
    let folder = Folder::new("compare-mixed");
    let kinds = table(&folder, "kinds.csv", |at| ["x", "y"][at % 7 / 4].to_owned());
    let prices = table(&folder, "prices.csv", |at| format!("{}.5", 3 * at));
    let few = ["--epochs", "2", "--data"];
    let parts = ["--valid-share", "0.2"];
    let [kinds, prices] = [&*kinds, &*prices];
    let class = trained(&folder, "class", &[&few[..], &[kinds]].concat());
    let with_valid = trained(&folder, "valid", &[&few[..], &[kinds], &parts].concat());
    let real = trained(&folder, "real", &[&few[..], &[prices]].concat());
    let runs = [&*class, &*with_valid, &*real];
    let output = unisono(&[&["compare"][..], &runs].concat());
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(
        warned.contains("warning: the runs have different data"),
        "{warned}"
    );
    let all = json(&runs);
    assert_eq!(all["runs"][0]["test_r2"], Value::Null);
    assert!(all["runs"][1]["valid_accuracy"].is_f64());
    assert!(all["runs"][2]["test_r2"].is_f64() && all["runs"][2]["test_accuracy"].is_null());
    let page = page(&runs);
    for part in [
        "Loss of classes",
        "Loss of label, real",
        "R2 of label, real",
        "RMSE of label, real",
        "Accuracy of classes",
        // Which part a line is of is said where they are not the same.
        "valid (validation)",
        "class (test)",
        "Careful: the runs have different data",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("Accuracy of label"));
}

#[test]
fn runs_that_go_on_or_were_never_evaluated_are_shown_as_far_as_they_are() {
    let folder = Folder::new("compare-open");
    let run = folder.0.join("run");
    let endless = LONG.map(|word| if word == "200" { "100000" } else { word });
    let mut child = spawn(&[&endless[..], &["--out", text(&run)]].concat());
    wait_for_checkpoint(&mut child, &run);
    let none = trained(&folder, "none", &["--epochs", "0"]);
    let bare = trained(&folder, "bare", &["--epochs", "1"]);
    std::fs::remove_file(Path::new(&bare).join("manifest.json")).unwrap();
    let all = json(&[text(&run), &none, &bare]);
    child.kill().unwrap();
    child.wait().unwrap();
    let status = |at: usize| all["runs"][at]["status"].as_str().unwrap();
    assert_eq!(
        [status(0), status(1), status(2)],
        ["running", "finished", "no manifest"]
    );
    assert!(all["runs"][0]["steps"].as_u64().unwrap() > 0);
    assert_eq!(all["runs"][1]["epochs"], 0);
    assert!(all["runs"][2]["last_epoch"]["test_loss"].is_f64());
    assert!(all["runs"][2]["weights_sha256"].is_null());
    // A figure of no kept weights says of which epoch it is.
    let texts = stdout(&["compare", &bare]);
    assert!(texts.contains("% (epoch 1)"), "{texts}");
    assert_eq!(value(&texts, "settings"), "one run has none that differ");
    let empty = page(&[&none]);
    assert!(empty.contains("None: no run has recorded a step yet."));
    let broken = Path::new(&none).join("manifest.json");
    std::fs::write(&broken, "{").unwrap();
    let text = refused(&["compare", &none]);
    assert!(
        text.contains("manifest.json: expected a manifest"),
        "{text}"
    );
}

#[test]
fn what_is_no_run_or_no_whole_run_is_refused() {
    let folder = Folder::new("compare-refused");
    let run = trained(&folder, "run", &["--epochs", "1"]);
    let [best, none, own] = ["@best", "/none", "/report.html"].map(|end| format!("{run}{end}"));
    let root = text(&folder.0);
    let page = folder.file("page.html", b"mine");
    let run = run.as_str();
    let cases: [(&[&str], &str); 7] = [
        (&[run, &best], "run@best does not apply to a comparison"),
        (&[run, root], "is no run's folder"),
        (&[run, &none], "none: No such file"),
        (
            &[run, run],
            "run, given twice, does not apply to a comparison",
        ),
        (&[run, "--out", text(&page)], "page.html is there already"),
        (&[run, "--out", &own], "a run's own"),
        (&[], "required"),
    ];
    for (args, expected) in cases {
        let error = refused(&[&["compare"][..], args].concat());
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    assert_eq!(std::fs::read(&page).unwrap(), b"mine");
    let told = stdout(&["compare", run, "--out", text(&page), "--force"]);
    assert_eq!(value(&told, "report"), text(&page));
    assert!(
        std::fs::read_to_string(&page)
            .unwrap()
            .contains("Runs compared")
    );
}
