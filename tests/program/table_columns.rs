//! A table of passengers with words, dates and gaps: from the file to predictions and the exported
//! model, with the same bits on any number of threads.

use std::path::PathBuf;

use serde_json::Value;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::regression::{json, text};
use crate::stderr::refused;

/// Passengers, whose survival depends on sex, deck and age; each seventh age and some ports are not
/// known.
fn passengers(folder: &Folder, rows: usize) -> PathBuf {
    let mut table = "name,sex,age,deck,port,boarded,survived\n".to_owned();
    for row in 0..rows {
        let mixed = (row as u64 * 7919 + 13).wrapping_mul(2_654_435_761) >> 7;
        let (sex, deck) = (["male", "female"][mixed as usize % 2], mixed / 2 % 3 + 1);
        let age = mixed / 6 % 70 + 1;
        let survives = 3 * (sex == "female") as u64 + (deck == 1) as u64 + (age < 12) as u64 >= 2;
        let age = if row % 7 == 3 {
            String::new()
        } else {
            age.to_string()
        };
        let port = ["Southampton", "Cherbourg", "?", "Southampton"][row % 4];
        table += &format!(
            "passenger {row},{sex},{age},{deck},{port},1912-04-{:02},{}\n",
            mixed % 9 + 1,
            ["no", "yes"][usize::from(survives)]
        );
    }
    folder.file("passengers.csv", table.as_bytes())
}

/// Trains with these arguments beside, and keeps the run.
fn train(folder: &Folder, run: &str, more: &[&str]) -> (String, PathBuf) {
    let (path, run) = (passengers(folder, 420), folder.0.join(run));
    let args = [
        "train",
        "--data",
        text(&path),
        "--drop",
        "name",
        "--categories",
        "deck",
        "--epochs",
        "20",
        "--out",
        text(&run),
    ];
    (stdout(&[&args[..], more].concat()), run)
}

#[test]
fn passengers_are_learned_with_the_same_bits_on_any_number_of_threads() {
    let folder = Folder::new("passengers-bits");
    let runs = ["1", "2", "3", "5"].map(|threads| train(&folder, threads, &["--threads", threads]));
    let (said, run) = &runs[0];
    for (other, _) in &runs[1..] {
        for key in ["weights sha256", "test loss", "test accuracy"] {
            assert_eq!(value(other, key), value(said, key));
        }
    }
    assert_eq!(value(said, "features"), "5, sex, age, deck, port, boarded");
    assert_eq!(value(said, "inputs"), "14, of 5 features");
    let gaps = value(said, "gaps");
    assert!(
        gaps.starts_with("of 420 rows, age 60 (filled with the median, "),
        "{gaps}"
    );
    assert!(
        gaps.ends_with("port 105 (filled with the most frequent, Southampton)"),
        "{gaps}"
    );
    let accuracy = value(said, "test accuracy").trim_end_matches(" %");
    assert!(accuracy.parse::<f64>().unwrap() > 90.0, "{accuracy}");
    // What is predicted for the file of the training is what the evaluations count.
    let path = folder.0.join("passengers.csv");
    let rows = json(&stdout(&["predict", text(run), text(&path)]));
    let table = std::fs::read_to_string(&path).unwrap();
    let labels = table.lines().skip(1).map(|line| line.rsplit(',').next());
    let is_right = |(row, label): (&Value, Option<&str>)| row["predicted"].as_str() == label;
    let right = rows
        .iter()
        .zip(labels)
        .filter(|pair| is_right(*pair))
        .count();
    let counted = ["train", "test"].map(|part| {
        let line = json(&stdout(&["eval", text(run), "--part", part, "--json"])).remove(0);
        line["accuracy"].as_f64().unwrap() * line["rows"].as_f64().unwrap()
    });
    assert_eq!(rows.len(), 420);
    assert_eq!(right as f64, (counted[0] + counted[1]).round());
}

#[test]
fn columns_of_new_tables_stand_in_any_order_and_are_named_where_they_are_missing() {
    let folder = Folder::new("passengers-new");
    let (_, run) = train(&folder, "run", &["--threads", "1"]);
    let first = folder.file(
        "new.csv",
        b"port,deck,boarded,age,sex\nCherbourg,1,1912-04-02,30,female\n,2.0,1912-04-02,,male\n",
    );
    let other = folder.file(
        "other.csv",
        b"sex,who,age,boarded,deck,port\nfemale,x,30,1912-04-02,1,Cherbourg\nmale,y,NA,1912-04-02,2,?\n",
    );
    let one = stdout(&["predict", text(&run), text(&first)]);
    assert_eq!(one, stdout(&["predict", text(&run), text(&other)]));
    let odd = folder.file(
        "odd.csv",
        b"sex,age,deck,port,boarded\nunknown,30,9,Atlantis,1912-04-02\n",
    );
    let output = unisono(&["predict", text(&run), text(&odd)]);
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success());
    let said =
        "unknown values: sex 1 (first \"unknown\" in line 2), deck 1 (first \"9\" in line 2)";
    assert!(notes.contains(said), "{notes}");
    let short = folder.file("short.csv", b"sex,age,deck,port\nmale,1,1,Cherbourg\n");
    let error = crate::stderr::stderr(&["predict", text(&run), text(&short)], 2);
    assert!(
        error.contains("a header with a column called \"boarded\""),
        "{error}"
    );
}

#[test]
fn inspect_shows_columns_and_onnx_says_how_rows_are_made() {
    let folder = Folder::new("passengers-shown");
    let (said, run) = train(&folder, "run", &["--threads", "1", "--max-steps", "2"]);
    let path = folder.0.join("passengers.csv");
    let args = [
        "data",
        "inspect",
        text(&path),
        "--drop",
        "name",
        "--categories",
        "deck",
    ];
    let shown = stdout(&args);
    for key in ["features", "categories", "dates", "gaps", "inputs"] {
        assert_eq!(value(&shown, key), value(&said, key));
    }
    let sex = value(&shown, "column sex");
    let line = "0 numbers, 420 texts, 0 missing, 2 different; categories female, male";
    assert_eq!(sex, line);
    assert!(
        value(&shown, "column boarded").ends_with("different; dates"),
        "{shown}"
    );
    assert!(
        value(&shown, "column port").contains("105 missing, 2 different"),
        "{shown}"
    );
    let out = folder.0.join("model.onnx");
    stdout(&[
        "export",
        text(&run),
        "--format",
        "onnx",
        "--out",
        text(&out),
    ]);
    let bytes = std::fs::read(out).unwrap();
    let kept = std::fs::read(run.join("preparation.json")).unwrap();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|bytes| bytes == part);
    assert!(holds(&kept) && holds(b"input_names"));
    // An entry of the metadata: its key and its value, each with its length before it.
    assert!(holds(b"\x0a\x0bclass_names\x12\x0c[\"no\",\"yes\"]"));
    // Names are no categories, and that is said.
    let error = refused(&["train", "--data", text(&path), "--categories", "deck"]);
    assert!(
        error.contains("categories in column name") && error.contains("--drop name leaves it out"),
        "{error}"
    );
    let error = refused(&[
        "train",
        "--data",
        text(&path),
        "--text",
        "--categories",
        "deck",
    ]);
    assert!(error.contains("--categories does not apply to"), "{error}");
}
