//! The scaling harness, as its users meet it: measuring, reading back, comparing, simulating, and
//! what it refuses.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use unisono::study::scaling::{Kind, Results};

const QUICK: [&str; 7] = [
    "scaling",
    "--preset",
    "mlp_small",
    "--budget",
    "10s",
    "--half-width",
    "0.5",
];

#[test]
fn a_measurement_is_kept_read_back_and_compared_with_itself() {
    let folder = Folder::new("scaling");
    let out = folder.0.join("first");
    let path = out.to_str().unwrap();
    let peer = "echo '{\"median_ms_per_step\": 1000}'";
    let text = stdout(
        &[
            &QUICK[..],
            &["--threads", "1,2,3", "--peer", peer, "--out", path],
        ]
        .concat(),
    );
    assert!(value(&text, "base").ends_with(" samples/s"));
    assert!(text.contains("faster than `echo"));
    for file in [
        "report.html",
        "speedup.svg",
        "efficiency.svg",
        "split.svg",
        "roofline.svg",
    ] {
        assert!(out.join(file).exists(), "{file}");
    }
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    let addresses = report.matches("http").count();
    assert_eq!(addresses, report.matches("http://www.w3.org/").count());

    let results = Results::read(&out).unwrap();
    assert!(results.rounds() >= 1);
    the_rows_are_whole(&results);
    assert_eq!(results.peers.len(), 15.min(3 * results.rounds()));
    assert!(
        results
            .predictions()
            .iter()
            .any(|known| known.threads == 128)
    );
    let text = stdout(&["scaling", "--compare", path, path]);
    // How many rounds there were depends on the machine; few cannot show anything.
    let verdicts = ["no difference shown", "too few samples to tell"];
    let verdicts = verdicts.map(|verdict| text.matches(verdict).count());
    assert_eq!(verdicts.into_iter().sum::<usize>(), 11);
    a_step_is_predicted(path);
}

/// With the constants in a folder: on many threads, and on many ranks.
fn a_step_is_predicted(results: &str) {
    let simulated = |args: &[&str]| {
        let text = stdout(&[&["scaling", "--simulate", "--results", results], args].concat());
        assert!(
            value(&text, "step").ends_with("ms (predicted, not measured)"),
            "{text}"
        );
        text
    };
    simulated(&["--threads", "64", "--straggler", "1.5"]);
    let text = simulated(&["--ranks", "64", "--threads", "1"]);
    assert_eq!(value(&text, "simulated ranks"), "64");
    assert!(value(&text, "link").ends_with("(as given)"), "{text}");
    let sent: u64 = value(&text, "bytes sent a step").parse().unwrap();
    assert!(sent > 0);
}

/// One row a cell, of intervals that hold their values.
fn the_rows_are_whole(results: &Results) {
    let rows = results.rows();
    assert_eq!(
        (rows[0].cell.kind, rows[0].speedup.value),
        (Kind::Base, 1.0)
    );
    // Base, strong on 1, 2, 3, per-worker on 2, 3, weak on 2, 3, two all-reduces, one update.
    assert_eq!(rows.len(), 11);
    for row in &rows {
        assert!(row.step_ms.contains(row.step_ms.value));
        assert_eq!(row.step_ms.samples, results.rounds());
        let phases: f64 = row.phases.iter().map(|phase| phase.max_ms).sum();
        assert!(phases > 0.0 && row.peak_share > 0.0);
    }
}

#[test]
fn results_of_another_schema_or_cut_short_are_named() {
    let folder = Folder::new("schema");
    let out = folder.0.join("a");
    let path = out.to_str().unwrap();
    stdout(&[&QUICK[..], &["--threads", "1", "--out", path]].concat());
    let file = out.join("results.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let refused = |expected: &str| {
        let output = unisono(&["scaling", "--compare", path, path]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    let other = text.replace("\"schema\": 1", "\"schema\": 7");
    folder.file("a/results.json", other.as_bytes());
    refused("results.json is not a result of `unisono scaling`, schema 1: its schema is 7");
    folder.file("a/results.json", b"{");
    refused("results.json is not");
    folder.file("a/results.json", text.as_bytes());
    let samples = out.join("samples.jsonl");
    let lines = std::fs::read_to_string(&samples).unwrap();
    let first = lines.lines().next().unwrap();
    std::fs::write(&samples, format!("{first}\n{}", &first[..20])).unwrap();
    refused("line 2");
    std::fs::remove_file(&samples).unwrap();
    refused("samples.jsonl");
}

#[test]
fn what_cannot_be_measured_is_refused_with_exit_code_2() {
    let cases: [(&[&str], &str); 10] = [
        (
            &["--threads", "0,1"],
            "threads must be numbers of at least 1",
        ),
        (&["--threads", "1,2,1"], "the list of threads has 1 twice"),
        (
            &["--threads", "1,x"],
            "--threads must be numbers from 1 to 4096",
        ),
        (
            &["--threads", "1,8", "--batch-size", "4"],
            "a batch of 4 rows cannot feed 8 threads",
        ),
        (
            &["--mode", "weakly"],
            "--mode must be strong, weak or strong,weak",
        ),
        (
            &["--budget", "soon"],
            "--budget must be a time such as 20s or 5m",
        ),
        (
            &["--budget", "1us", "--threads", "1"],
            "the time is 1.0µs; allow more time",
        ),
        (
            &["--half-width", "0"],
            "--half-width must be above 0 and below 1, got \"0\"",
        ),
        (&["--straggler", "2"], "--simulate"),
        (&["--simulate"], "with --simulate, one number of at least 1"),
    ];
    for (args, message) in cases {
        is_refused(args, message);
    }
    let output = unisono(
        &[
            &QUICK[..],
            &["--threads", "1", "--peer", "echo no >&2; exit 4"],
        ]
        .concat(),
    );
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains("exit status: 4; its stderr ends: no"),
        "{error}"
    );
}

#[test]
fn numbers_of_ranks_that_were_not_launched_are_refused_with_exit_code_2() {
    is_refused(
        &["--ranks", "1,2"],
        "ranks must be 1, as this process was started alone; got [1, 2]",
    );
    is_refused(&["--ranks", "1,x"], "--ranks must be a whole number");
    is_refused(
        &["--simulate", "--threads", "4", "--ranks", "2,4"],
        "--ranks must be with --simulate, one number of at least 1, got \"2,4\"",
    );
}

fn is_refused(args: &[&str], message: &str) {
    let output = unisono(&[&["scaling", "--preset", "mlp_small"], args].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
    assert!(error.contains(message), "{args:?}: {error}");
}
