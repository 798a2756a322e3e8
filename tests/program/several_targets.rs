//! Several columns of a table as targets, each in its units.

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::{houses, json, number, text};
use crate::stderr::refused;

#[test]
fn several_columns_are_targets_each_in_its_units() {
    let folder = Folder::new("several");
    let path = houses(&folder, "houses.csv", true);
    let data = ["train", "--data", text(&path), "--threads", "2"];
    let train = |more: &[&str]| stdout(&[&data[..], more].concat());
    // One target is the label of a regression.
    let (one, other) = (
        train(&["--target", "price", "--epochs", "2"]),
        train(&["--label", "price", "--epochs", "2"]),
    );
    assert_eq!(
        value(&one, "weights sha256"),
        value(&other, "weights sha256")
    );
    let run = folder.0.join("run");
    let both = [
        "--target",
        "price,rooms",
        "--epochs",
        "9",
        "--out",
        text(&run),
    ];
    let said = train(&both);
    assert_eq!(value(&said, "features"), "2, area, age");
    assert!(number(value(&said, "target price"), "RMSE") > 1000.0);
    assert!(number(value(&said, "target rooms"), "RMSE") < 10.0);
    let mean = |names: [&str; 2]| {
        let r2 = names.map(|name| number(value(&said, &format!("target {name}")), "R2"));
        (r2[0] + r2[1]) / 2.0
    };
    let r2: f64 = value(&said, "test R2").parse().unwrap();
    assert!((mean(["price", "rooms"]) - r2).abs() < 1e-4, "{said}");
    for row in json(&stdout(&["predict", text(&run)])) {
        let (predicted, target) = (&row["predicted"], &row["target"]);
        assert!(predicted["rooms"].as_f64().unwrap().abs() < 20.0, "{row}");
        assert!(
            (1.0..=6.0).contains(&target["rooms"].as_f64().unwrap()),
            "{row}"
        );
        assert!(target["price"].as_f64().unwrap() > 1000.0, "{row}");
    }
    // New tables have the features alone, or all columns.
    let new = folder.file("new.csv", b"age,area\n10,100\n20,150\n");
    assert_eq!(json(&stdout(&["predict", text(&run), text(&new)])).len(), 2);
    assert_eq!(
        json(&stdout(&["predict", text(&run), text(&path)])).len(),
        400
    );
    let shown = stdout(&["data", "inspect", text(&path), "--target", "price,rooms"]);
    assert!(
        value(&shown, "target rooms").contains("deviation"),
        "{shown}"
    );
}

#[test]
fn targets_that_are_none_are_refused_by_name() {
    let folder = Folder::new("several-odd");
    let path = houses(&folder, "houses.csv", true);
    let data = ["train", "--data", text(&path)];
    for (more, said) in [
        (
            &["--target", "price", "--label", "price"][..],
            "--target must be left out beside --label",
        ),
        (&["--target", "price,price"], "column price twice"),
        (&["--target", "price,cost"], "a column called \"cost\""),
        (
            &["--target", "price", "--drop", "price"],
            "a label that is not dropped",
        ),
        (
            &["--target", "area,rooms,age,price"],
            "columns beside the targets",
        ),
        (
            &["--target", "price", "--task", "classify"],
            "--target does not apply to",
        ),
        (
            &["--target", "price", "--text"],
            "--target does not apply to",
        ),
    ] {
        let error = refused(&[&data[..], more].concat());
        assert!(error.contains(said), "{error}");
    }
}
