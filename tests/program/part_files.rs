//! `--valid FILE` and `--test FILE`: parts that are other files, prepared as the training part is.

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::{houses, text};
use crate::stderr::refused;

/// Two numbers and a kind, in an order of columns.
fn rows(rows: std::ops::Range<usize>, order: [usize; 3]) -> String {
    let noise = |at: usize, by: usize| ((at * by + 13) * 7919 % 997) as f64 / 500.0 - 1.0;
    let line = |at: usize| {
        let kind = at % 3;
        let cells = [
            format!("{:.3}", kind as f64 + noise(at, 31)),
            format!("{:.3}", noise(at, 17) - kind as f64),
            ["x", "y", "z"][kind].to_owned(),
        ];
        order.map(|column| cells[column].clone()).join(",") + "\n"
    };
    rows.map(line).collect()
}

struct Files {
    folder: Folder,
    /// All rows.
    all: String,
    train: String,
    valid: String,
    test: String,
}

/// The same rows in one file, and in three whose columns have other orders.
fn files(name: &str) -> Files {
    let folder = Folder::new(name);
    let file = |name: &str, head: &str, rows: String| {
        let path = folder.file(name, format!("{head}\n{rows}").as_bytes());
        path.to_str().unwrap().to_owned()
    };
    Files {
        all: file("all.csv", "a,b,kind", rows(0..300, [0, 1, 2])),
        train: file("train.csv", "a,b,kind", rows(0..210, [0, 1, 2])),
        valid: file("valid.csv", "kind,b,a", rows(210..270, [2, 1, 0])),
        test: file("test.csv", "b,kind,a", rows(270..300, [1, 2, 0])),
        folder,
    }
}

const RULES: [&str; 4] = ["--early-stopping", "3", "--epochs", "12"];

#[test]
fn files_for_the_parts_are_the_shares_that_hold_the_same_rows() {
    let Files {
        folder,
        all,
        train,
        valid,
        test,
    } = files("part-files");
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let shares = [
        "train",
        "--data",
        &all,
        "--split",
        "last",
        "--valid-share",
        "0.2",
    ];
    let shares = stdout(&[&shares[..], &RULES].concat());
    let own = [
        "train", "--data", &train, "--valid", &valid, "--test", &test, "--out", &run,
    ];
    let own = stdout(&[&own[..], &RULES].concat());
    for key in [
        "chosen on",
        "validation loss",
        "validation accuracy",
        "test loss",
        "test accuracy",
        "weights sha256",
    ] {
        assert_eq!(value(&own, key), value(&shares, key), "{key}");
    }
    assert!(
        own.contains("210 training, 60 validation and 30 test rows"),
        "{own}"
    );
    assert_eq!(
        value(&own, "validation part"),
        format!("60 rows of {valid}")
    );
    // The parts of the run are those files.
    for (part, file, name) in [("valid", &valid, "validation"), ("test", &test, "test")] {
        let (of_part, of_file) = (
            stdout(&["eval", &run, "--part", part]),
            stdout(&["eval", &run, file]),
        );
        assert_eq!(value(&of_part, "loss"), value(&of_file, "loss"));
        assert_eq!(
            value(&of_part, "loss"),
            value(&own, &format!("{name} loss"))
        );
    }
    let longer = stdout(&["train", "--resume", &run, "--epochs", "14"]);
    assert!(
        longer.contains("60 validation and 30 test rows"),
        "{longer}"
    );
}

#[test]
fn a_part_without_a_file_is_drawn() {
    let Files {
        train, valid, test, ..
    } = &files("drawn-parts");
    let half = stdout(&["train", "--data", train, "--valid", valid, "--epochs", "2"]);
    assert!(
        half.contains("189 training, 60 validation and 21 test rows"),
        "{half}"
    );
    let more = ["--test", test, "--valid-share", "0.1", "--epochs", "2"];
    let half = stdout(&[&["train", "--data", train][..], &more].concat());
    assert!(
        half.contains("189 training, 21 validation and 30 test rows"),
        "{half}"
    );
    let parts = stdout(&["data", "inspect", train, "--valid", valid, "--test", test]);
    assert_eq!(
        value(&parts, "parts"),
        "210 training, 60 validation and 30 test rows"
    );
}

#[test]
fn files_of_targets_and_of_texts_are_parts_too() {
    let folder = Folder::new("part-targets");
    let path = houses(&folder, "houses.csv", true);
    let all = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let part = |name: &str, rows: std::ops::Range<usize>| {
        let rows = [&lines[..1], &lines[1 + rows.start..1 + rows.end]]
            .concat()
            .join("\n");
        text(&folder.file(name, rows.as_bytes())).to_owned()
    };
    let (train, test) = (part("train.csv", 0..360), part("test.csv", 360..400));
    let drawn = stdout(&[
        "train",
        "--data",
        text(&path),
        "--split",
        "last",
        "--epochs",
        "3",
    ]);
    let own = stdout(&["train", "--data", &train, "--test", &test, "--epochs", "3"]);
    for key in ["test loss", "test R2", "target price", "weights sha256"] {
        assert_eq!(value(&own, key), value(&drawn, key), "{key}");
    }
    // A text, whose test part is its end.
    let words = "it was the best of times, it was the worst of times; ".repeat(40);
    let cut = (words.len() as f64 * 0.9) as usize;
    let book = folder.file("book.txt", words.as_bytes());
    let begin = folder.file("begin.txt", &words.as_bytes()[..cut]);
    let end = folder.file("end.txt", &words.as_bytes()[cut..]);
    let layers = ["--layers", "embedding 8", "--epochs", "2"];
    let drawn = stdout(&[&["train", "--data", text(&book)][..], &layers].concat());
    let own = ["train", "--data", text(&begin), "--test", text(&end)];
    let own = stdout(&[&own[..], &layers].concat());
    for key in ["test loss", "weights sha256"] {
        assert_eq!(value(&own, key), value(&drawn, key), "{key}");
    }
}

#[test]
fn parts_that_cannot_be_are_refused_by_name() {
    let Files {
        folder,
        train,
        valid,
        test,
        ..
    } = files("odd-parts");
    let file = |name: &str, text: &str| {
        let path = folder.file(name, text.as_bytes());
        path.to_str().unwrap().to_owned()
    };
    let unknown = file("unknown.csv", "a,b,kind\n1,2,w\n1,2,x\n");
    let other = file("other.csv", "a,c,kind\n1,2,x\n");
    let none = file("none.csv", "a,b,kind\n");
    for (more, expected) in [
        (
            &["--valid", &unknown][..],
            "unknown.csv: expected only classes that the training has: x, y, z, got 1 of 2 rows of others: w",
        ),
        (&["--test", &unknown], "1 of 2 rows of others: w"),
        (
            &["--valid", &other],
            "other.csv: expected a header with a column called \"b\"",
        ),
        (&["--valid", &none], "none.csv: the data set has no rows"),
        (&["--valid", "nowhere.csv"], "nowhere.csv"),
        (
            &["--valid", &train],
            "other files than those of the training as validation part",
        ),
        (
            &["--valid", &test, "--test", &test],
            "--valid must be other files than those of",
        ),
        (
            &["--valid", &valid, "--valid-share", "0.1"],
            "--valid-share",
        ),
        (&["--test", &test, "--test-share", "0.1"], "--test-share"),
        (
            &["--test", &test, "--split", "random"],
            "--split does not apply",
        ),
    ] {
        let said = refused(&[&["train", "--data", &train, "--epochs", "1"][..], more].concat());
        assert!(said.contains(expected), "{more:?}: {said}");
    }
}

#[test]
fn files_without_data_or_with_classes_of_the_test_part_alone_are_refused() {
    let Files { folder, valid, .. } = files("no-parts");
    let file = |name: &str, text: &str| {
        let path = folder.file(name, text.as_bytes());
        path.to_str().unwrap().to_owned()
    };
    let unknown = file("unknown.csv", "a,b,kind\n1,2,w\n1,2,x\n");
    let said = refused(&["train", "--valid", &valid]);
    assert!(said.contains("--valid"), "{said}");
    // A class that is in the test part alone can choose nothing.
    let rare = file(
        "rare.csv",
        &format!("a,b,kind\n{}0,0,w\n", rows(0..99, [0, 1, 2])),
    );
    let more = [
        "--split",
        "last",
        "--test-share",
        "0.01",
        "--valid",
        &unknown,
    ];
    let said = refused(&[&["train", "--data", &rare, "--epochs", "1"][..], &more].concat());
    assert!(said.contains("no training row of w"), "{said}");
}
