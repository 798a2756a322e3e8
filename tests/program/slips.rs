//! Slips of those who come with a table of their own: each is answered with what was meant, or with
//! what to do, and what can be read is read.

use std::path::PathBuf;

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::text;
use crate::stderr::{refused, stderr};

/// Cars, whose price depends on their age; a comma or a point stands before decimals.
fn cars(folder: &Folder, name: &str, comma: &str) -> PathBuf {
    let mut table = "brand;age;price\n".to_owned();
    for row in 0..120 {
        let (brand, age) = (["Audi", "Fiat"][row % 2], row * 7 % 15);
        let price = 20_000 - 900 * age + 3_000 * (row % 2);
        table += &format!("{brand};{age}{comma}5;{price}{comma}25\n");
    }
    folder.file(name, table.as_bytes())
}

#[test]
fn commas_before_decimals_are_points_in_training_evaluation_and_prediction() {
    let folder = Folder::new("slips-decimals");
    let [points, commas] =
        [("points.csv", "."), ("commas.csv", ",")].map(|(name, comma)| cars(&folder, name, comma));
    let run = folder.0.join("run");
    let train = |data, out: &[&str]| {
        let words = [
            "train",
            "--data",
            text(data),
            "--target",
            "price",
            "--epochs",
            "4",
        ];
        stdout(&[&words[..], out].concat())
    };
    let (plain, read) = (train(&points, &[]), train(&commas, &["--out", text(&run)]));
    let sha = "weights sha256";
    assert_eq!(value(&read, sha), value(&plain, sha));
    assert_eq!(value(&read, "decimals"), "behind commas in age, price");
    for command in ["eval", "predict"] {
        let of = |data| stdout(&[command, text(&run), text(data)]);
        let without_name = |said: String| said.replace("commas.csv", "points.csv");
        assert_eq!(without_name(of(&commas)), of(&points));
    }
    let shown = stdout(&["data", "inspect", text(&commas)]);
    assert!(
        value(&shown, "column age").starts_with("0.5 to 14.5, "),
        "{shown}"
    );
}

#[test]
fn files_and_columns_of_nearly_the_right_name_are_offered() {
    let folder = Folder::new("slips-names");
    let data = cars(&folder, "cars.csv", ".");
    let missing = folder.0.join("car.csv");
    let error = refused(&["train", "--data", text(&missing)]);
    let meant = format!("did you mean {}?", data.display());
    assert!(error.contains(&meant), "{error}");
    // A folder of tables is no data, but they are.
    let error = refused(&["train", "--data", text(&folder.0)]);
    let give = format!("give one of its tables, such as {}", data.display());
    assert!(error.contains(&give), "{error}");
    // Columns in other letters.
    let run = folder.0.join("run");
    let train = ["train", "--data", text(&data), "--target", "price"];
    stdout(&[&train[..], &["--epochs", "1", "--out", text(&run)]].concat());
    let new = folder.file("new.csv", b"Brand;Age\nAudi;3\n");
    let error = stderr(&["predict", text(&run), text(&new)], 2);
    assert!(
        error.contains("is it Brand? Columns are found by name"),
        "{error}"
    );
}

#[test]
fn a_target_of_words_and_a_label_of_names_are_told_in_one_message() {
    let folder = Folder::new("slips-targets");
    let data = cars(&folder, "cars.csv", ".");
    let error = refused(&["train", "--data", text(&data), "--target", "brand"]);
    let remedy = "--label brand takes each of its values for a class";
    assert!(error.contains(remedy), "{error}");
    let label = stdout(&[
        "train",
        "--data",
        text(&data),
        "--label",
        "brand",
        "--epochs",
        "1",
    ]);
    assert_eq!(value(&label, "always the most frequent class"), "50.00 %");
    // A column in which each row has a value of its own.
    let names: String = (0..50).map(|row| format!("{row},car {row}\n")).collect();
    let names = folder.file("names.csv", format!("km,name\n{names}").as_bytes());
    let error = refused(&["train", "--data", text(&names), "--task", "classify"]);
    assert!(
        error.contains(
            "expected classes that several rows have, got another one in each of 50 rows"
        ),
        "{error}"
    );
}

#[test]
fn columns_of_one_name_are_said() {
    let folder = Folder::new("slips-twice");
    let rows: String = (0..60)
        .map(|row| format!("{},{},{}\n", row % 7, row % 5, row % 2))
        .collect();
    let data = folder.file("twice.csv", format!("a,a,y\n{rows}").as_bytes());
    let said = stdout(&[
        "train",
        "--data",
        text(&data),
        "--label",
        "y",
        "--epochs",
        "1",
    ]);
    assert_eq!(
        value(&said, "columns"),
        "2 are called \"a\", each is a feature of its own"
    );
}
