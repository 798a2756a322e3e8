//! Regression: targets that measure something are predicted, in their units, from the file to the
//! exported model.

use std::path::{Path, PathBuf};

use serde_json::Value;
use unisono::Trainer;
use unisono::data::{DataOptions, open};
use unisono::nn::{Loss, MseConvention, Sequential};
use unisono::optim::Optimizer;

use crate::cli_arrays::{npy, npz};
use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::stderr::refused;

/// A number that looks drawn, from -1 to 1.
fn noise(row: usize, column: usize) -> f64 {
    let mixed = (row as u64 * 7919 + column as u64 * 104_729 + 13).wrapping_mul(2_654_435_761);
    (mixed >> 7 & 0xffff) as f64 / 32768.0 - 1.0
}

/// Area, rooms and age of a house, and its price.
fn house(row: usize) -> ([f64; 3], i64) {
    let area = 115.0 + 85.0 * noise(row, 0);
    let (rooms, age) = ((row * 7 % 6 + 1) as f64, (row * 31 % 80) as f64);
    let price = 2000.0 * area + 15_000.0 * rooms - 900.0 * age + 8000.0 * noise(row, 1);
    ([area, rooms, age], price as i64)
}

/// A table of houses, the last column the price, or without it.
pub(crate) fn houses(folder: &Folder, name: &str, has_price: bool) -> PathBuf {
    let mut text = "area,rooms,age".to_owned() + if has_price { ",price\n" } else { "\n" };
    for row in 0..400 {
        let ([area, rooms, age], price) = house(row);
        text += &format!("{area},{rooms},{age}");
        text += &if has_price {
            format!(",{price}\n")
        } else {
            "\n".to_owned()
        };
    }
    folder.file(name, text.as_bytes())
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A number at the beginning of what follows `name `.
pub(crate) fn number(line: &str, name: &str) -> f64 {
    let rest = line.split(&format!("{name} ")).nth(1).unwrap();
    let end = rest.find([',', ';']).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

#[test]
fn a_regression_is_the_librarys_bit_for_bit_on_any_number_of_threads() {
    let folder = Folder::new("regression-bits");
    let path = houses(&folder, "houses.csv", true);
    let opened = open(&path, &DataOptions::default()).unwrap();
    let model = Sequential::flat(&[3]).dense(64).relu().dense(1);
    let mut trainer = Trainer::new(model, Loss::Mse(MseConvention::MeanOverAll))
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
        .batch_size(32)
        .epochs(3)
        .seed(42);
    let report = trainer.fit(&*opened.train, &*opened.test).unwrap();
    let expected = trainer.network().unwrap().weights_sha256();
    for threads in ["1", "2", "3", "5"] {
        let args = ["train", "--data", text(&path), "--epochs", "3", "--threads"];
        let said = stdout(&[&args[..], &[threads]].concat());
        assert_eq!(value(&said, "weights sha256"), expected, "{threads}");
        let loss = format!("{:.6}", report.test_loss());
        assert_eq!(value(&said, "test loss"), loss);
        assert_eq!(value(&said, "task"), "regress");
        assert!(!said.contains("accuracy"), "{said}");
    }
}

/// Lines of JSON.
pub(crate) fn json(lines: &str) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).unwrap();
    lines.lines().map(read).collect()
}

/// Trains on the houses of a folder, and keeps the run there.
fn train(folder: &Folder, run: &str, epochs: &str) -> (String, PathBuf) {
    let (path, run) = (houses(folder, "houses.csv", true), folder.0.join(run));
    let args = ["train", "--data", text(&path), "--early-stopping", "3"];
    let more = ["--epochs", epochs, "--threads", "2", "--out", text(&run)];
    (stdout(&[&args[..], &more].concat()), run)
}

#[test]
fn predictions_are_in_the_targets_units_and_give_the_evaluation() {
    let folder = Folder::new("regression-units");
    let (said, run) = train(&folder, "run", "20");
    let errors = value(&said, "target price");
    assert!(number(errors, "R2") > 0.95, "{errors}");
    assert!(number(errors, "mean: RMSE") > 50_000.0, "{errors}");
    // Errors of what is predicted for the test part, as they are told.
    let rows = json(&stdout(&["predict", text(&run)]));
    assert_eq!(rows.len(), 40);
    let of = |row: &Value, key: &str| row[key]["price"].as_f64().unwrap();
    let misses = rows
        .iter()
        .map(|row| of(row, "predicted") - of(row, "target"));
    let rmse = (misses.clone().map(|miss| miss * miss).sum::<f64>() / 40.0).sqrt();
    let mae = misses.map(f64::abs).sum::<f64>() / 40.0;
    for (got, name) in [(rmse, "RMSE"), (mae, "MAE")] {
        let ratio = got / number(errors, name);
        assert!((ratio - 1.0).abs() < 1e-4, "{got}: {errors}");
    }
    // Prices come back as they stand in the file.
    let prices: Vec<f64> = (0..400).map(|row| house(row).1 as f64).collect();
    assert!(rows.iter().all(|row| prices.contains(&of(row, "target"))));
    let evaluated = stdout(&["eval", text(&run)]);
    assert_eq!(value(&evaluated, "target price"), errors);
    assert_eq!(value(&evaluated, "loss"), value(&said, "test loss"));
    assert_eq!(value(&evaluated, "R2"), value(&said, "test R2"));
    let line = json(&stdout(&["eval", text(&run), "--json"])).remove(0);
    assert!(line["accuracy"].is_null() && line["targets"][0]["rmse"].is_f64());
}

#[test]
fn files_with_or_without_the_target_get_the_same_predictions() {
    let folder = Folder::new("regression-files");
    let (_, run) = train(&folder, "run", "3");
    let new = houses(&folder, "new.csv", false);
    let out = folder.0.join("out.csv");
    stdout(&["predict", text(&run), text(&new), "--out", text(&out)]);
    let table = std::fs::read_to_string(out).unwrap();
    assert!(table.starts_with("row,predicted(price)\n0,"), "{table}");
    let labelled = folder.0.join("houses.csv");
    let all = json(&stdout(&["predict", text(&run), text(&labelled)]));
    assert_eq!((all.len(), table.lines().count()), (400, 401));
    for (line, row) in table.lines().skip(1).zip(&all) {
        let predicted: f64 = line.split(',').nth(1).unwrap().parse().unwrap();
        assert_eq!(Some(predicted), row["predicted"]["price"].as_f64());
    }
    let out = folder.0.join("own.csv");
    stdout(&[
        "predict",
        text(&run),
        "--part",
        "train",
        "--out",
        text(&out),
    ]);
    let table = std::fs::read_to_string(out).unwrap();
    assert!(
        table.starts_with("row,predicted(price),target(price)\n0,"),
        "{table}"
    );
}

#[test]
fn a_run_keeps_its_errors_and_goes_on_to_the_same_bits() {
    let folder = Folder::new("regression-run");
    let (said, whole) = train(&folder, "whole", "6");
    let (_, cut) = train(&folder, "cut", "2");
    let args = [
        "train",
        "--resume",
        text(&cut),
        "--epochs",
        "6",
        "--threads",
        "3",
    ];
    let resumed = stdout(&args);
    for key in ["weights sha256", "test loss", "test R2", "target price"] {
        assert_eq!(value(&resumed, key), value(&said, key));
    }
    // Manifest, log, page and list.
    let read = |name: &str| std::fs::read_to_string(cut.join(name)).unwrap();
    let manifest = serde_json::from_str::<Value>(&read("manifest.json")).unwrap();
    let kept = &manifest["targets"][0];
    assert_eq!(kept["name"], "price");
    assert!(manifest["test_accuracy"].is_null() && kept["r2"].as_f64().unwrap() > 0.9);
    let mut records = json(&read("metrics.jsonl"));
    records.retain(|record| record["event"] == "epoch");
    assert_eq!(records.len(), 6);
    for epoch in &records {
        assert!(epoch.get("test_accuracy").is_none() && epoch.get("train_accuracy").is_none());
        let (rmse, r2) = (epoch["test_rmse"].as_f64().unwrap(), &epoch["test_r2"]);
        assert!(rmse > 1000.0 && r2.as_f64().unwrap() < 1.0, "{epoch}");
    }
    let page = read("report.html");
    assert!(page.contains("Errors by target") && !page.contains("Confusion"));
    let list = stdout(&["list", text(&folder.0)]);
    let r2: f64 = value(&said, "test R2").parse().unwrap();
    assert_eq!(list.matches(&format!("R2 {r2:.4}")).count(), 2, "{list}");
    assert!(stdout(&["diff", text(&cut), text(&whole)]).contains("weights: the same bits"));
}

#[test]
fn exports_say_in_which_units_their_outputs_are() {
    let folder = Folder::new("regression-export");
    let (_, run) = train(&folder, "run", "1");
    let export = |format: &str| {
        let out = folder.0.join(format);
        stdout(&[
            "export",
            text(&run),
            "--format",
            format,
            "--out",
            text(&out),
        ])
    };
    assert_eq!(value(&export("onnx"), "target price"), "in its units");
    for format in ["safetensors", "npz"] {
        let said = export(format);
        assert!(
            value(&said, "target price").ends_with("times the output"),
            "{said}"
        );
    }
    for args in [
        &["explain", text(&run), "--out", "page.html"][..],
        &["eval", text(&run), "--classes"],
    ] {
        let output = unisono(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("class"), "{error}");
    }
}

#[test]
fn json_has_the_errors_and_no_accuracy() {
    let folder = Folder::new("regression-json");
    let path = houses(&folder, "houses.csv", true);
    let lines = stdout(&["train", "--data", text(&path), "--epochs", "3", "--json"]);
    let lines = json(&lines);
    let (last, epoch) = (&lines[lines.len() - 1], &lines[lines.len() - 2]);
    assert_eq!(last["targets"][0]["name"], "price");
    assert!(last["test_accuracy"].is_null());
    let rmse = |value: &Value| value.as_f64().unwrap();
    let (of_epoch, of_end) = (rmse(&epoch["test_rmse"]), rmse(&last["targets"][0]["rmse"]));
    assert!(
        (of_epoch / of_end - 1.0).abs() < 1e-9,
        "{of_epoch}, {of_end}"
    );
    assert!((rmse(&epoch["test_r2"]) - rmse(&last["test_r2"])).abs() < 1e-9);
}

/// Doubles, or singles.
fn reals(values: &[f64], is_double: bool) -> Vec<u8> {
    let bytes = |value: &f64| match is_double {
        true => value.to_le_bytes().to_vec(),
        false => (*value as f32).to_le_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

/// Two inputs of 200 rows.
fn two_inputs() -> Vec<u8> {
    let inputs = (0..200).flat_map(|row| [noise(row, 0), noise(row, 1)]);
    npy(
        "<f4",
        false,
        "(200, 2)",
        &reals(&inputs.collect::<Vec<_>>(), false),
    )
}

fn train_array(path: &Path, more: &[&str]) -> String {
    let args = [
        "train",
        "--data",
        text(path),
        "--epochs",
        "8",
        "--threads",
        "2",
    ];
    stdout(&[&args[..], more].concat())
}

#[test]
fn arrays_have_values_of_one_or_several_targets_in_memory_and_on_the_disk() {
    let folder = Folder::new("regression-arrays");
    let sum = |row| 900.0 + 30.0 * noise(row, 0) - 10.0 * noise(row, 1);
    let sums: Vec<f64> = (0..200).map(sum).collect();
    let pairs: Vec<f64> = sums
        .iter()
        .flat_map(|sum| [*sum, 1.0 - sum / 500.0])
        .collect();
    let x = two_inputs();
    for (shape, values, names) in [
        ("(200,)", &sums, &["y"][..]),
        ("(200, 1)", &sums, &["y"]),
        ("(200, 2)", &pairs, &["y[0]", "y[1]"]),
    ] {
        let y = npy("<f8", false, shape, &reals(values, true));
        let archive = folder.file("data.npz", &npz(&[("x", x.clone()), ("y", y.clone())]));
        folder.file("rows/x.npy", &x);
        folder.file("rows/y.npy", &y);
        let one = train_array(&archive, &[]);
        let other = train_array(&folder.0.join("rows"), &[]);
        assert_eq!(
            value(&one, "weights sha256"),
            value(&other, "weights sha256")
        );
        for name in names {
            let errors = value(&one, &format!("target {name}"));
            assert_eq!(errors, value(&other, &format!("target {name}")));
            assert!(number(errors, "R2") > 0.9, "{name}: {errors}");
        }
    }
}

#[test]
fn whole_numbers_in_arrays_are_values_where_that_is_said() {
    let folder = Folder::new("regression-whole");
    let array = |name: &str, shape: &str, values: Vec<u8>| {
        let y = npy("|u1", false, shape, &values);
        folder.file(name, &npz(&[("x", two_inputs()), ("y", y)]))
    };
    let few = array(
        "few.npz",
        "(200,)",
        (0..200).map(|row| (row % 3) as u8).collect(),
    );
    assert_eq!(value(&train_array(&few, &[]), "task"), "classify");
    let asked = train_array(&few, &["--task", "regress"]);
    assert_eq!(value(&asked, "target"), "y, real values");
    // Zeros and ones of several columns are label sets, unless numbers are asked for.
    let both = array(
        "both.npz",
        "(200, 2)",
        (0..400).map(|at| (at % 3 % 2) as u8).collect(),
    );
    assert_eq!(value(&train_array(&both, &[]), "task"), "multi-label");
    let asked = train_array(&both, &["--task", "regress"]);
    assert_eq!(value(&asked, "target"), "y, 2 values a row");
}

#[test]
fn what_a_regression_has_no_use_for_is_refused_by_name() {
    let folder = Folder::new("regression-odd");
    let path = houses(&folder, "houses.csv", true);
    let data = ["train", "--data", text(&path)];
    for (more, said) in [
        (
            &["--split", "stratified"][..],
            "--split stratified does not apply to values",
        ),
        (
            &["--sampling", "balanced"],
            "--sampling balanced does not apply to values",
        ),
        (&["--task", "language"], "--task does not apply to a table"),
        (
            &["--task", "prices"],
            "--task must be auto, classify, regress, multi-label or language",
        ),
    ] {
        let error = refused(&[&data[..], more].concat());
        assert!(error.contains(said), "{error}");
    }
    let error = refused(&["study", "steps", "--data", text(&path)]);
    assert!(
        error.contains("--task must be classify or language in a study"),
        "{error}"
    );
    let words = folder.file("words.csv", b"x,price\n1,10\n2,cheap\n3,30\n");
    let error = refused(&["train", "--data", text(&words), "--task", "regress"]);
    assert!(error.contains("a number in column price of every row, got \"cheap\" in line 3"));
    let constant = folder.file("constant.csv", b"x,price\n1,10\n2,10\n3,10\n4,10\n");
    let error = refused(&["train", "--data", text(&constant), "--task", "regress"]);
    assert!(
        error.contains("different values of the target price"),
        "{error}"
    );
    let gaps = folder.file("gaps.csv", b"x,price\n1,10.5\n2,\n3,30.5\n");
    let error = refused(&["train", "--data", text(&gaps), "--task", "regress"]);
    assert!(error.contains("none in 1 of 3 rows"), "{error}");
    let error = refused(&["train", "--task", "regress"]);
    assert!(error.contains("--task does not apply"), "{error}");
}
