//! Rows as files have them go into an exported model. The models are left in `target/onnx-rows`, with
//! files and predictions, for `tests/parity/raw_rows.py` to run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli_arrays::{npy, npz};
use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::text;
use crate::stderr::refused;

/// Where models are left.
fn place() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/onnx-rows");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Numbers that follow each other by chance.
fn mixed(at: usize) -> u64 {
    ((at as u64 + 1) * 7919).wrapping_mul(2_654_435_761) >> 7
}

/// Trains on a file with more words (`=` stands for a blank within one), exports the model, predicts
/// `rows`, and leaves all of it under a name; what the export says.
fn leave(name: &str, data: &Path, rows: &Path, more: &str) -> String {
    let folder = Folder::new(&format!("onnx-rows-{name}"));
    let run = folder.0.join("run");
    let train = ["train", "--data", text(data), "--out", text(&run)];
    let more: Vec<String> = more.split(' ').map(|word| word.replace('=', " ")).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    stdout(&[&train[..], &more].concat());
    let left = |ending: &str| place().join(format!("{name}.{ending}"));
    let ending = rows.extension().unwrap().to_str().unwrap();
    fs::copy(rows, left(ending)).unwrap();
    fs::write(
        left("jsonl"),
        stdout(&["predict", text(&run), text(&left(ending))]),
    )
    .unwrap();
    let onnx = left("onnx");
    let export = ["export", text(&run), "--format", "onnx", "--force"];
    let said = stdout(&[&export[..], &["--out", text(&onnx)]].concat());
    // Prepared rows go in where they are asked for.
    let prepared = folder.0.join("prepared.onnx");
    let args = ["--out", text(&prepared), "--rows", "prepared"];
    let plain = stdout(&[&export[..], &args].concat());
    assert!(!plain.contains("rows: "), "{plain}");
    assert!(prepared.metadata().unwrap().len() < onnx.metadata().unwrap().len());
    said
}

#[test]
fn columns_of_numbers_go_in_together_with_their_gaps() {
    let folder = Folder::new("onnx-numbers");
    let mut table = "price,rooms,age,area\n".to_owned();
    for row in 0..240 {
        let (rooms, age, area) = (
            mixed(row) % 6 + 1,
            mixed(row + 7) % 90,
            mixed(row + 1000) % 150,
        );
        let price = 1000 * (20 * rooms + area - age / 2);
        let age = if row % 5 == 2 {
            "NA".to_owned()
        } else {
            age.to_string()
        };
        table += &format!("{price},{rooms},{age},{}.25\n", area + 20);
    }
    let data = folder.file("houses.csv", table.as_bytes());
    let said = leave("numbers", &data, &data, "--target price --epochs 5");
    assert_eq!(
        value(&said, "rows"),
        "as in the files, x: f64 (rows, 3): rooms, age, area"
    );
    assert_eq!(value(&said, "target price"), "in its units");
}

#[test]
fn columns_of_words_go_in_one_by_one_with_unknown_values_and_gaps() {
    let folder = Folder::new("onnx-words");
    let line = |row: usize, city: &str| {
        let (y, deck) = (mixed(row) % 40, mixed(row + 3) % 3 + 1);
        let is_sold = (y > 20) == (deck == 1);
        let deck = if row % 6 == 1 {
            String::new()
        } else {
            format!("{deck}.0")
        };
        format!(
            "{y},{city},{deck},{}\n",
            ["no", "yes"][usize::from(is_sold)]
        )
    };
    let mut table = "y,city,deck,sold\n".to_owned();
    for row in 0..300 {
        let city = match row {
            77 => "Ulm",
            _ => ["Oslo", "Rome", "?"][(mixed(row + 50) % 3) as usize],
        };
        table += &line(row, city);
    }
    let data = folder.file("sold.csv", table.as_bytes());
    let mut rows = "y,city,deck,sold\n".to_owned();
    for (row, city) in ["Oslo", "Ulm", "Paris", "", "NaN", "Rome"]
        .iter()
        .enumerate()
    {
        rows += &line(400 + row, city);
    }
    let new = folder.file("new.csv", format!("{rows}7,Oslo,9,no\n").as_bytes());
    let more = "--label sold --task classify --categories deck --epochs 5";
    let said = leave("words", &data, &new, more);
    // The name of the output is taken.
    assert_eq!(
        value(&said, "rows"),
        "as in the files, an input (rows, 1) for each column: column 0 (f64), city (text), deck (text)"
    );
}

#[test]
fn windows_over_a_series_and_bytes_of_images_go_in_as_they_are() {
    let folder = Folder::new("onnx-others");
    let mut table = "load,heat\n".to_owned();
    for row in 0..200 {
        let heat = match row % 9 {
            4 => String::new(),
            _ => (mixed(row) % 30).to_string(),
        };
        table += &format!("{},{heat}\n", 50 + row % 12 * 5);
    }
    let data = folder.file("series.csv", table.as_bytes());
    let more = "--target load --window 6 --horizon 2 --epochs 2 --layers lstm=4";
    let said = leave("series", &data, &data, more);
    assert_eq!(
        value(&said, "rows"),
        "as in the files, x: f64 (rows, 6, 2): load, heat"
    );
    // Images of 3 x 4 bytes.
    let y: Vec<u8> = (0..40).map(|row| row % 2).collect();
    let pixels: Vec<u8> = (0..40 * 12)
        .map(|at| (mixed(at) % 120) as u8 + 100 * y[at / 12])
        .collect();
    let x = npy("|u1", false, "(40, 3, 4, 1)", &pixels);
    let labels = npy("|u1", false, "(40,)", &y);
    let archive = folder.file("images.npz", &npz(&[("x", x.clone()), ("y", labels)]));
    let rows = folder.file("images.npy", &x);
    let said = leave("images", &archive, &rows, "--epochs 2");
    assert_eq!(
        value(&said, "rows"),
        "as in the files, x: bytes (rows, 3, 4, 1)"
    );
}

#[test]
fn rows_that_nodes_cannot_prepare_are_said_to_be_prepared() {
    let folder = Folder::new("onnx-prepared");
    let mut table = "day,heat,load\n".to_owned();
    for row in 0..60 {
        table += &format!("2024-01-{:02},{},{}\n", row % 28 + 1, row % 7, row % 2);
    }
    let data = folder.file("days.csv", table.as_bytes());
    let run = folder.0.join("run");
    let train = ["train", "--data", text(&data), "--epochs", "1"];
    stdout(&[&train[..], &["--out", text(&run)]].concat());
    let out = folder.0.join("model.onnx");
    let export = ["export", text(&run), "--out", text(&out), "--format"];
    let said = stdout(&[&export[..], &["onnx"]].concat());
    assert_eq!(
        value(&said, "rows"),
        "prepared as preparation.json says: parts of dates have no nodes"
    );
    let said = refused(&[&export[..], &["npz", "--force", "--rows", "raw"]].concat());
    assert!(said.contains("--rows must be left out"), "{said}");
}
