//! `--window`: windows over one long series, from the table to predictions of rows to come.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::{json, number, text};
use crate::stderr::{refused, stderr};

/// Hours of load and temperature: two waves, one of which follows the other.
fn hour(row: usize) -> (f64, f64) {
    let wave = |period: f64, shift: f64| {
        let angle = (row as f64 + shift) * std::f64::consts::TAU / period;
        angle.sin()
    };
    let noise = ((row as u64 * 2_654_435_761) >> 7 & 0xff) as f64 / 256.0;
    (
        100.0 + 20.0 * wave(12.0, 0.0) + noise,
        15.0 + 5.0 * wave(12.0, 3.0),
    )
}

/// Rows of the series, with a header; a row may lack its load.
fn table(folder: &Folder, name: &str, rows: Range<usize>) -> PathBuf {
    let mut lines = "hour,load,temperature\n".to_owned();
    for row in rows {
        let (load, temperature) = hour(row);
        lines += &format!("2024-01-{:02}T{:02}:00", row / 24 + 1, row % 24);
        lines += &format!(",{load},{temperature}\n");
    }
    folder.file(name, lines.as_bytes())
}

fn rows_of(rows: Range<usize>) -> String {
    rows.map(|row| format!("{}\n", hour(row).0)).collect()
}

/// A training on `data` with more words.
fn train<'a>(data: &'a Path, more: &'a str) -> Vec<&'a str> {
    let start = ["train", "--data", text(data)];
    start.into_iter().chain(more.split_whitespace()).collect()
}

/// Windows of 12 rows, of which the load is told from load and temperature.
const DAY: &str = "--drop hour --target load --window 12 --batch-size 16 --epochs 8";

#[test]
fn windows_predict_later_rows_with_the_same_bits_on_any_number_of_threads() {
    let folder = Folder::new("series");
    let data = table(&folder, "series.csv", 0..600);
    let run = folder.0.join("run");
    let args = train(&data, DAY);
    let said = stdout(&[&args[..], &["--out", text(&run), "--threads", "1"]].concat());
    assert_eq!(
        value(&said, "windows"),
        "12 rows of 2 inputs each, the target 1 behind the last"
    );
    assert_eq!(
        value(&said, "split"),
        "by time, training rows 0 to 539, test rows 540 to 599; no window lies in two parts"
    );
    assert_eq!(value(&said, "features"), "2, load, temperature");
    // It is better than the last value, which is far off on a wave.
    let naive = number(value(&said, "naive forecast"), "load");
    let reached: f64 = value(&said, "test R2").parse().unwrap();
    assert!(reached > 0.9 && naive < 0.8, "{reached}, {naive}");
    for threads in ["2", "3", "5"] {
        let other = stdout(&[&args[..], &["--threads", threads]].concat());
        let sha = "weights sha256";
        assert_eq!(value(&other, sha), value(&said, sha), "{threads}");
    }
}

#[test]
fn a_file_of_the_test_rows_is_evaluated_and_predicted_as_that_part() {
    let folder = Folder::new("series-new");
    let data = table(&folder, "series.csv", 0..600);
    let run = folder.0.join("run");
    stdout(&[&train(&data, DAY)[..], &["--out", text(&run)]].concat());
    let evaluated = stdout(&["eval", text(&run)]);
    let test = table(&folder, "test.csv", 540..600);
    let new = stdout(&["eval", text(&run), text(&test)]);
    assert_eq!(value(&new, "loss"), value(&evaluated, "loss"));
    assert!(value(&new, "rows").starts_with("48 "), "{new}");
    // One prediction for each whole window, the last of a row that is yet to come.
    let rows = json(&stdout(&["predict", text(&run), text(&test)]));
    let own = json(&stdout(&["predict", text(&run)]));
    assert_eq!((rows.len(), own.len()), (49, 48));
    assert_eq!(
        (&rows[0]["row"], &rows[48]["row"]),
        (&12.into(), &60.into())
    );
    for (own, new) in own.iter().zip(&rows) {
        for key in ["row", "predicted"] {
            assert_eq!(own[key], new[key]);
        }
        // Its target is the load of that row.
        let (load, _) = hour(540 + own["row"].as_u64().unwrap() as usize);
        let target = own["target"]["load"].as_f64().unwrap();
        assert!((target - load).abs() < 1e-3, "{own}: {load}");
    }
    let (next, _) = hour(600);
    let predicted = rows[48]["predicted"]["load"].as_f64().unwrap();
    assert!((predicted - next).abs() < 8.0, "{predicted}, {next}");
}

#[test]
fn sequence_layers_several_targets_and_a_validation_part_take_windows() {
    let folder = Folder::new("series-layers");
    let data = table(&folder, "series.csv", 0..200);
    let load = "--window 6 --horizon 3 --target load --epochs 1 --valid-share 0.2";
    for layers in [
        "lstm 4",
        "gru 4",
        "conv1d 4 3, relu",
        "flatten, dense 8",
        "dense 8",
    ] {
        let said = stdout(&[&train(&data, load)[..], &["--layers", layers]].concat());
        let split = value(&said, "split");
        assert!(split.contains("validation rows 140 to 179"), "{split}");
        assert!(value(&said, "windows").ends_with("the target 3 behind the last"));
    }
    let run = folder.0.join("run");
    let both = "--window 6 --horizon 3 --target load,temperature --epochs 1";
    let said = stdout(&[&train(&data, both)[..], &["--out", text(&run)]].concat());
    let naive = value(&said, "naive forecast");
    let names = ["load ", "temperature "];
    assert!(names.iter().all(|name| naive.contains(name)), "{naive}");
    let rows = json(&stdout(&["predict", text(&run), text(&data)]));
    assert_eq!((rows.len(), &rows[0]["row"]), (195, &8.into()));
    assert!(rows[0]["predicted"]["temperature"].is_number());
}

#[test]
fn a_configuration_other_files_and_a_look_take_windows() {
    let folder = Folder::new("series-config");
    let data = table(&folder, "series.csv", 0..200);
    let test = table(&folder, "test.csv", 200..260);
    let keys = format!(
        "[data]\npath = {:?}\ntarget = \"load\"\nwindow = 6\nhorizon = 3\n[run]\nepochs = 1\n",
        text(&data)
    );
    let config = folder.file("train.toml", keys.as_bytes());
    let said = stdout(&["train", "--config", text(&config), "--test", text(&test)]);
    assert!(said.contains("52 rows of"), "{said}");
    let look = ["data", "inspect", text(&data), "--target", "load"];
    let said = stdout(&[&look[..], &["--window", "6", "--valid-share", "0.2"]].concat());
    assert!(value(&said, "windows").starts_with("6 rows of"), "{said}");
    let parts = "134 training, 34 validation and 14 test rows";
    assert_eq!(
        (value(&said, "rows"), value(&said, "parts")),
        ("182", parts)
    );
}

#[test]
fn a_series_of_one_column_is_enough() {
    let folder = Folder::new("series-column");
    let named = |name: &str, rows| folder.file(name, format!("load\n{rows}").as_bytes());
    let data = named("load.csv", rows_of(0..200));
    let run = folder.0.join("run");
    let more = "--window 12 --epochs 2";
    let said = stdout(&[&train(&data, more)[..], &["--out", text(&run)]].concat());
    assert!(value(&said, "windows").starts_with("12 rows of 1 inputs"));
    let new = named("new.csv", rows_of(200..212));
    let rows = json(&stdout(&["predict", text(&run), text(&new)]));
    assert_eq!((rows.len(), &rows[0]["row"]), (1, &12.into()));
    // The same without a name.
    let plain = folder.file("plain.csv", rows_of(0..200).as_bytes());
    let sha = |said: &str| value(said, "weights sha256").to_owned();
    assert_eq!(sha(&stdout(&train(&plain, more))), sha(&said));
    // An empty line is a step without a value.
    let holed = named("holed.csv", format!("1\n\n{}", rows_of(0..200)));
    for command in [
        &["predict", text(&run), text(&holed)][..],
        &["eval", text(&run), text(&holed)],
        &train(&holed, more),
    ] {
        let error = stderr(command, 2);
        assert!(error.contains("got an empty line 3"), "{error}");
    }
}

/// Words of a training on 100 rows, and what is answered.
const ODD: &[(&str, &str)] = &[
    ("--window 0", "--window must be a whole number from 1"),
    (
        "--window 8 --horizon 0",
        "--horizon must be a whole number from 1",
    ),
    (
        "--window 100",
        "at least 101 rows, a window of 100 and the target 1 behind it, got 100",
    ),
    ("--window 20", "at least 21 rows in the test part"),
    (
        "--window 4 --valid-share 0.03",
        "at least 5 rows in the validation part",
    ),
    (
        "--horizon 2",
        "--window says how many rows lie before the target",
    ),
    ("--window 4 --split random", "as --split last has them"),
    ("--window 4 --folds 3", "--folds does not apply"),
    ("--window 4 --split-seed 3", "--split-seed does not apply"),
    (
        "--window 4 --weight-column temperature",
        "--weight-column does not apply",
    ),
    (
        "--window 4 --missing-labels drop",
        "--missing-labels does not apply",
    ),
];

#[test]
fn what_makes_no_windows_is_refused_with_what_would() {
    let folder = Folder::new("series-odd");
    let data = table(&folder, "series.csv", 0..100);
    for (more, said) in ODD {
        let error = refused(&train(&data, &format!("--target load {more}")));
        assert!(error.contains(said), "{more:?}: {error}");
    }
    let classes = train(&data, "--label load --window 4 --task classify");
    assert!(refused(&classes).contains("windows predict numbers"));
    let texts = train(&data, "--label load --window 4 --text");
    assert!(refused(&texts).contains("--window does not apply"));
    // Words, and a gap, where numbers are to be predicted.
    let words: String = (0..60)
        .map(|row| format!("{row},{}\n", ["a", "b"][row % 2]))
        .collect();
    let words = folder.file("words.csv", format!("x,kind\n{words}").as_bytes());
    let gap = "x,y\n1,2\n2,3\n3,\n".to_owned() + &"5,9\n6,7\n".repeat(30);
    let gap = folder.file("gap.csv", gap.as_bytes());
    for path in [&words, &gap] {
        let error = refused(&train(path, "--window 4"));
        assert!(error.contains("each row needs a number"), "{error}");
    }
    let error = refused(&["train", "--window", "4"]);
    assert!(error.contains("--window does not apply"), "{error}");
    let prose = folder.file("prose.txt", "to be or not to be. ".repeat(50).as_bytes());
    let error = refused(&train(&prose, "--window 4"));
    assert!(error.contains("only tables have columns"), "{error}");
}

#[test]
fn new_rows_that_make_no_windows_are_refused() {
    let folder = Folder::new("series-holes");
    let data = table(&folder, "series.csv", 0..100);
    let run = folder.0.join("run");
    let more = "--target load --window 5 --epochs 1";
    stdout(&[&train(&data, more)[..], &["--out", text(&run)]].concat());
    let short = table(&folder, "short.csv", 0..4);
    let error = stderr(&["predict", text(&run), text(&short)], 2);
    assert!(
        error.contains("at least 5 rows, those of a window, got 4"),
        "{error}"
    );
    let error = stderr(&["eval", text(&run), text(&short)], 2);
    assert!(error.contains("at least 6 rows, a window of 5"), "{error}");
    let lines = std::fs::read_to_string(&data).unwrap();
    let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    lines[40] = "2024-01-02T15:00,,15".to_owned();
    let holed = folder.file("holed.csv", (lines.join("\n") + "\n").as_bytes());
    let error = stderr(&["eval", text(&run), text(&holed)], 2);
    assert!(
        error.contains("a value of each target in every row"),
        "{error}"
    );
    // The past of the target is an input: without it nothing can be told.
    let lacking = folder.file(
        "lacking.csv",
        b"hour,temperature\n2024-01-01,3\n2024-01-02,4\n",
    );
    let error = stderr(&["predict", text(&run), text(&lacking)], 2);
    assert!(error.contains("a column called \"load\""), "{error}");
}
