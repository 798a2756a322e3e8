//! `--weight-column`: how much each row of a table counts.

use unisono::Trainer;
use unisono::data::{Column, DataOptions, open};
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::{json, text};
use crate::stderr::refused;

/// A table of 200 rows, whose second column is a weight.
fn table(folder: &Folder, name: &str, weight: impl Fn(usize) -> String) -> std::path::PathBuf {
    let mut lines = "a,w,b,kind\n".to_owned();
    for row in 0..200 {
        let (a, b) = (row * 37 % 101, row * row % 89);
        let kind = ["no", "yes"][usize::from(a + b + row % 5 * 9 > 100)];
        lines += &format!("{a},{},{b},{kind}\n", weight(row));
    }
    folder.file(name, lines.as_bytes())
}

#[test]
fn the_column_weighs_rows_as_the_librarys_and_is_no_feature() {
    let folder = Folder::new("weights");
    let path = table(&folder, "rows.csv", |row| format!("{}", row % 4));
    let mut options = DataOptions::default();
    options.table.weights = Some(Column::Name("w".to_owned()));
    let opened = open(&path, &options).unwrap();
    assert!(opened.train.has_weights() && opened.test.has_weights());
    let model = Sequential::flat(&[2]).dense(64).relu().dense(2);
    let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::sgd(0.05).with_momentum(0.9))
        .batch_size(32)
        .epochs(3)
        .seed(42);
    let report = trainer.fit(&*opened.train, &*opened.test).unwrap();
    let expected = trainer.network().unwrap().weights_sha256();
    let run = folder.0.join("3");
    let data = ["train", "--data", text(&path), "--epochs", "3"];
    for threads in ["1", "3"] {
        let run = folder.0.join(threads);
        let more = [
            "--weight-column",
            "w",
            "--out",
            text(&run),
            "--threads",
            threads,
        ];
        let said = stdout(&[&data[..], &more].concat());
        assert_eq!(value(&said, "weights sha256"), expected);
        assert_eq!(value(&said, "weights"), "w, from 0 to 3");
        assert_eq!(value(&said, "features"), "2, a, b");
        let loss = format!("{:.6}", report.test_loss());
        assert_eq!(value(&said, "test loss"), loss);
    }
    let evaluated = stdout(&["eval", text(&run)]);
    let loss = format!("{:.6}", report.test_loss());
    assert_eq!(value(&evaluated, "loss"), loss);
    // New rows need no weight; a table may have the column all the same.
    let new = folder.file("new.csv", b"a,b\n10,20\n90,80\n");
    assert_eq!(json(&stdout(&["predict", text(&run), text(&new)])).len(), 2);
    let all = json(&stdout(&["predict", text(&run), text(&path)]));
    assert_eq!(all.len(), 200);
    // Without it the column is a feature like others.
    let said = stdout(&data);
    assert_eq!(value(&said, "features"), "3, a, w, b");
}

#[test]
fn weights_that_are_none_are_refused_with_line_and_column() {
    let folder = Folder::new("weights-odd");
    let at_5 = |odd: &'static str| {
        move |row| match row {
            5 => odd.to_owned(),
            _ => "1".to_owned(),
        }
    };
    let of = |name: &str, odd| table(&folder, name, at_5(odd));
    let good = of("good.csv", "1");
    let zero = table(&folder, "zero.csv", |_| "0".to_owned());
    // The last rows are the test part.
    let late = table(&folder, "late.csv", |row| u8::from(row < 100).to_string());
    let weigh = ["--weight-column", "w"];
    for (path, more, said) in [
        (
            of("below.csv", "-1"),
            &weigh[..],
            "column w, got \"-1\" in line 7",
        ),
        (
            of("nan.csv", "NaN"),
            &weigh,
            "column w, got \"NaN\" in line 7",
        ),
        (of("gap.csv", ""), &weigh, "column w, got \"\" in line 7"),
        (of("word.csv", "many"), &weigh, "got \"many\" in line 7"),
        (of("huge.csv", "1e60"), &weigh, "got \"1e60\" in line 7"),
        (
            zero,
            &weigh,
            "above 0 for some row in column w, got 0 in all 200",
        ),
        (
            late,
            &["--weight-column", "w", "--split", "last"],
            "above 0 for some test row in column w",
        ),
        (good.clone(), &["--weight-column", "kind"], "`label`"),
        (
            good.clone(),
            &["--weight-column", "w", "--drop", "w"],
            "weights of rows in a column of their own",
        ),
        (
            good.clone(),
            &["--weight-column", "v"],
            "a column called \"v\"",
        ),
    ] {
        let said = said.replace("`label`", "--label");
        let error = refused(&[&["train", "--data", text(&path)], more].concat());
        assert!(error.contains(&said), "{more:?}: {error}");
    }
    let error = refused(&["train", "--weight-column", "w"]);
    assert!(error.contains("--weight-column does not apply"), "{error}");
}
