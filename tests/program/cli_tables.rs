//! Columns of a table: header, index, label, target; and files that are no tables.

use std::path::Path;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// A number that looks drawn, from -1 to 1.
fn noise(row: usize, column: usize) -> f64 {
    let mixed = (row as u64 * 7919 + column as u64 * 104_729 + 13).wrapping_mul(2_654_435_761);
    (mixed >> 7 & 0xffff) as f64 / 32768.0 - 1.0
}

/// `head`, and `rows` lines.
fn table(folder: &Folder, name: &str, head: &str, row: impl Fn(usize) -> String) -> String {
    let lines: String = (0..300).map(|at| row(at) + "\n").collect();
    let path = folder.file(name, format!("{head}{lines}").as_bytes());
    path.to_str().unwrap().to_owned()
}

fn refused(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(!text.contains("damaged"), "{text}");
    text
}

fn train<'a>(path: &'a str, more: &[&'a str]) -> String {
    let args = ["train", "--data", path, "--epochs", "5", "--threads", "1"];
    stdout(&[&args[..], more].concat())
}

/// What `data inspect` and `train` say of the same file: the same lines.
fn both(path: &str, more: &[&str]) -> String {
    let (text, shown) = (
        train(path, more),
        stdout(&[&["data", "inspect", path][..], more].concat()),
    );
    for key in ["kind", "header", "features", "label", "delimiter"] {
        assert_eq!(value(&text, key), value(&shown, key));
    }
    text
}

#[test]
fn a_header_of_numbers_is_no_row() {
    let folder = Folder::new("cli-numbers");
    let row = |at: usize| {
        let kind = at % 3;
        let x = |column| kind as f64 + 0.3 * noise(at, column);
        format!(
            "{:.3},{:.3},{:.3},{}",
            x(0),
            x(1),
            x(2),
            ["x", "y", "z"][kind]
        )
    };
    let path = table(&folder, "numbers.csv", "0,1,2,kind\n", row);
    let text = both(&path, &[]);
    assert_eq!(value(&text, "label"), "kind, 3 classes, x, y, z");
    assert!(value(&text, "data").ends_with("270 training and 30 test rows"));
    let none = table(&folder, "none.csv", "", row);
    let bare = both(&none, &[]);
    assert!(value(&bare, "header").starts_with("none"));
    // The same rows, the same weights.
    assert_eq!(
        value(&bare, "weights sha256"),
        value(&text, "weights sha256")
    );
    let all = both(&none, &["--header", "yes"]);
    assert_eq!(value(&all, "header"), "line 1");
    // Numbers over numbers: places of all columns, over decimals.
    let labels = |at: usize| format!("{:.3},{:.3},{}", noise(at, 0), noise(at, 1), at % 2);
    let path = table(&folder, "places.csv", "0,1,2\n", labels);
    assert_eq!(value(&both(&path, &[]), "header"), "line 1");
}

#[test]
fn an_index_is_no_feature_and_can_be_kept() {
    let folder = Folder::new("cli-index");
    let row = |at: usize| format!("{at},{:.3},{:.3},{}", noise(at, 0), noise(at, 1), at / 100);
    for head in [",a,b,kind\n", "Id,a,b,kind\n", "Unnamed: 0,a,b,kind\n", ""] {
        let path = table(&folder, "index.csv", head, row);
        let text = both(&path, &[]);
        assert!(value(&text, "features").starts_with("2, "), "{text}");
        assert!(
            value(&text, "left out").contains("--drop none keeps it"),
            "{text}"
        );
        let kept = both(&path, &["--drop", "none"]);
        assert!(value(&kept, "features").starts_with("3, "), "{kept}");
    }
    // A feature that is named as one stays, and what is dropped is said.
    let path = table(&folder, "time.csv", "time,a,b,kind\n", row);
    assert!(value(&both(&path, &[]), "features").starts_with("3, time"));
    let text = both(&path, &["--drop", "time,2"]);
    assert_eq!(value(&text, "left out"), "time, b (--drop)");
    assert_eq!(value(&text, "features"), "1, a");
    let error = refused(&["train", "--data", &path, "--drop", "nothing"]);
    assert!(
        error.contains("a column called \"nothing\", got time, a, b, kind"),
        "{error}"
    );
}

#[test]
fn missing_labels_are_refused_dropped_or_a_class() {
    let folder = Folder::new("cli-missing");
    let row = |at: usize| {
        let label = if at.is_multiple_of(11) {
            "NA"
        } else {
            ["p", "q"][at % 2]
        };
        format!(
            "{:.3},{:.3},{label}",
            noise(at, 0) + (at % 2) as f64,
            noise(at, 1)
        )
    };
    let path = table(&folder, "missing.csv", "a,b,y\n", row);
    let error = refused(&["train", "--data", &path]);
    assert!(
        error.contains("none in 28 of 300 rows, first \"NA\" in line 2"),
        "{error}"
    );
    assert!(error.contains("--missing-labels drop"), "{error}");
    let shown = stdout(&["data", "inspect", &path]);
    assert!(
        value(&shown, "train").contains("none in 28 of 300 rows"),
        "{shown}"
    );
    let text = both(&path, &["--missing-labels", "drop"]);
    assert_eq!(value(&text, "label"), "y, 2 classes, p, q");
    assert_eq!(
        value(&text, "rows left out"),
        "28 of 300, which have no label"
    );
    let text = both(&path, &["--missing-labels", "class"]);
    assert_eq!(value(&text, "label"), "y, 3 classes, NA, p, q");
}

#[test]
fn numbers_that_measure_are_predicted_unless_they_are_said_to_be_classes() {
    let folder = Folder::new("cli-target");
    for (name, value_of) in [
        (
            "price",
            (|at| format!("{:.4}", 40.0 * noise(at, 9))) as fn(usize) -> String,
        ),
        ("age", |at| format!("{}", 50 + (30.0 * noise(at, 9)) as i32)),
    ] {
        let row = |at: usize| format!("{:.3},{:.3},{}", noise(at, 0), noise(at, 1), value_of(at));
        let path = table(&folder, "target.csv", &format!("a,b,{name}\n"), row);
        let (text, shown) = (train(&path, &[]), stdout(&["data", "inspect", &path]));
        for key in ["task", "target"] {
            assert_eq!(value(&text, key), value(&shown, key));
        }
        assert_eq!(value(&text, "task"), "regress");
        let said = value(&text, "target");
        assert!(said.starts_with(&format!("{name}, ")), "{said}");
        assert!(said.contains("different") && said.contains("--task classify"));
        let split = ["--task", "classify", "--split", "random"];
        let classes = both(&path, &split);
        assert_eq!(value(&classes, "task"), "classify");
        assert!(value(&classes, "label").starts_with(&format!("{name}, ")));
    }
    let row = |at: usize| format!("{:.3},{}", noise(at, 0), at % 40);
    let path = table(&folder, "many.csv", "a,k\n", row);
    let text = both(&path, &["--split", "random"]);
    assert_eq!(
        value(&text, "label"),
        "k, 40 classes, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 30 more"
    );
    // Names of rows are no classes.
    let row = |at: usize| format!("{:.3},row {at}", noise(at, 0));
    let path = table(&folder, "names.csv", "a,name\n", row);
    let error = refused(&["train", "--data", &path]);
    assert!(
        error.contains("300 different texts in 300 rows; --label COLUMN"),
        "{error}"
    );
}

#[test]
fn a_clock_keeps_its_seconds_apart_and_predict_sees_the_rows_of_the_training() {
    let folder = Folder::new("cli-clock");
    let row = |at: usize| {
        format!(
            "{},{:.3},{}",
            1_700_000_000 + at + 30 * (at / 150),
            noise(at, 0),
            u8::from(at >= 150)
        )
    };
    let path = table(&folder, "clock.csv", "t,noise,y\n", row);
    let run = folder.0.join("run");
    let run = run.to_str().unwrap();
    let args = ["--epochs", "40", "--out", run, "--test-share", "0.2"];
    let text = stdout(&[&["train", "--data", &path][..], &args].concat());
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
    // All rows at once, and one that was left out of the training, as predict makes them.
    let own = stdout(&["predict", run, "--part", "test"]);
    let new = stdout(&["predict", run, &path]);
    assert_eq!(new.lines().count(), 300);
    let probabilities = |line: &str| -> String {
        let from = line.find("\"probabilities\"").unwrap();
        line[from..].to_owned()
    };
    let all: Vec<String> = new.lines().map(probabilities).collect();
    assert!(own.lines().all(|line| all.contains(&probabilities(line))));
}

#[test]
fn delimiters_are_found_or_named() {
    let folder = Folder::new("cli-delimiters");
    let row = |at: usize| format!("{:.3}|{:.3}|{}", noise(at, 0), noise(at, 1), at % 2);
    let path = table(&folder, "pipes.csv", "a|b|k\n", row);
    assert_eq!(value(&both(&path, &[]), "delimiter"), "pipe");
    let row = |at: usize| format!("{:.3}~{:.3}~{}", noise(at, 0), noise(at, 1), at % 2);
    let path = table(&folder, "odd.csv", "a~b~k\n", row);
    let error = refused(&["train", "--data", &path]);
    assert!(
        error.contains("columns beside the label, got one column; say with --delimiter"),
        "{error}"
    );
    assert_eq!(
        value(&both(&path, &["--delimiter", "~"]), "features"),
        "2, a, b"
    );
    let row = |at: usize| format!(" {:.3}  {:.3}   {}", noise(at, 0), noise(at, 1), at % 2);
    let path = table(&folder, "spaces.csv", "", row);
    assert_eq!(value(&both(&path, &[]), "delimiter"), "space");
    let error = refused(&["train", "--data", &path, "--delimiter", "ab"]);
    assert!(error.contains("--delimiter must be comma"), "{error}");
    let wrong = table(&folder, "label.csv", "a,b,k\n", |at| {
        format!("{at},1,{}", at % 2)
    });
    let error = refused(&["train", "--data", &wrong, "--label", "kind"]);
    assert!(
        error.contains("\"kind\", got a, b, k; --label takes"),
        "{error}"
    );
    let error = refused(&["train", "--data", &wrong, "--label", "b"]);
    assert!(
        error.contains("at least 2 classes") && error.contains("--label"),
        "{error}"
    );
}

#[test]
fn a_split_of_its_own_seed_holds_the_test_rows() {
    let folder = Folder::new("cli-split");
    let row = |at: usize| format!("{:.3},{:.3},{}", noise(at, 0), noise(at, 1), at % 2);
    let path = table(&folder, "t.csv", "a,b,k\n", row);
    let tested = |seeds: &[&str]| {
        let run = folder.0.join(format!("run{}", seeds.join("")));
        let out = ["--out", run.to_str().unwrap(), "--epochs", "1"];
        let text = stdout(&[&["train", "--data", &path][..], seeds, &out].concat());
        let lines = stdout(&["predict", run.to_str().unwrap()]);
        let class = |line: &str| line.split("\"class\"").nth(1).map(str::to_owned);
        let _ = class;
        let manifest = std::fs::read_to_string(run.join("preparation.json")).unwrap();
        assert!(!lines.is_empty());
        (manifest, value(&text, "weights sha256").to_owned())
    };
    // What rows are standardised with comes from the training rows: the same where these are.
    let (same, first) = tested(&["--seed", "1", "--split-seed", "5"]);
    let (again, second) = tested(&["--seed", "2", "--split-seed", "5"]);
    assert_eq!(same, again);
    assert_ne!(first, second);
    let (own, by_seed) = tested(&["--seed", "5"]);
    assert_eq!(own, same);
    let (_, said) = tested(&["--seed", "5", "--split-seed", "5"]);
    assert_eq!(by_seed, said);
    assert_ne!(tested(&["--seed", "6"]).0, same);
    let rows = folder.file("rows.txt", b"0\n1\n2\n3\n");
    let rows = rows.to_str().unwrap();
    let error = refused(&[
        "train",
        "--data",
        &path,
        "--split",
        rows,
        "--split-seed",
        "1",
    ]);
    assert!(
        error.contains("--split-seed does not apply to `unisono train`: the file of --split says"),
        "{error}"
    );
    let text = folder.file("t.txt", "so it goes. ".repeat(60).as_bytes());
    let error = refused(&[
        "train",
        "--data",
        text.to_str().unwrap(),
        "--split-seed",
        "1",
    ]);
    assert!(
        error.contains("--split-seed does not apply to a text"),
        "{error}"
    );
    let error = refused(&["train", "--split-seed", "1"]);
    assert!(
        error.contains(
            "--split-seed does not apply to `unisono train`: it is about the files of --data"
        ),
        "{error}"
    );
}

#[test]
fn files_are_what_is_in_them() {
    let folder = Folder::new("cli-sniff");
    let row = |at: usize| {
        format!(
            "{:.3},{:.3},{}",
            noise(at, 0),
            noise(at, 1),
            ["rose", "lily"][at % 2]
        )
    };
    let path = table(&folder, "iris.data", "", row);
    let text = both(&path, &[]);
    assert!(
        value(&text, "kind").starts_with("table (by its lines"),
        "{text}"
    );
    assert_eq!(value(&text, "label"), "column 2, 2 classes, lily, rose");
    let as_text = train(&path, &["--tokens", "characters", "--max-steps", "2"]);
    assert_eq!(value(&as_text, "kind"), "text");
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "a.jsonl",
            b"{\"a\": 1}\n{\"a\": 2}\n",
            "lines of JSON; write its records",
        ),
        (
            "a.parquet",
            b"PAR1\x15\x04\x15PAR1",
            "a Parquet file; write it as a table",
        ),
        (
            "a.zip",
            b"PK\x03\x04\x14\0notes.txt",
            "a zip archive; unpack it",
        ),
        (
            "a.csv",
            b"PK\x03\x04\x14\0xl/workbook.xml",
            "an Office document",
        ),
        ("a.pkl", b"\x80\x04\x95\x02\0\0\0\0\0\0\0K\x01.", "a pickle"),
        (
            "a.bin",
            b"\0\x01\x02\x03",
            "binary data of a kind that is not known",
        ),
    ];
    for (name, bytes, message) in cases {
        let path = folder.file(name, bytes);
        for args in [&["train", "--data"][..], &["data", "inspect"]] {
            let path = path.to_str().unwrap();
            let error = refused(&[args, &[path]].concat());
            assert!(error.contains(message), "{error}");
        }
    }
}

#[test]
fn texts_in_other_encodings_and_folders_of_nothing_known_are_named() {
    let folder = Folder::new("cli-encodings");
    let latin = folder.file("latin.txt", &b"caf\xe9 au lait. ".repeat(50));
    let error = refused(&["train", "--data", latin.to_str().unwrap()]);
    assert!(
        error.contains("text in UTF-8") && error.contains("iconv"),
        "{error}"
    );
    folder.file("odd/notes.parquet", b"PAR1");
    let odd: &Path = &folder.0.join("odd");
    let error = refused(&["train", "--data", odd.to_str().unwrap()]);
    assert!(error.contains("one with notes.parquet"), "{error}");
}
