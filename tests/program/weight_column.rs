//! `--weight-column`: how much each row of a table counts.

use unisono::Trainer;
use unisono::data::{Column, DataOptions, open};
use unisono::nn::{Loss, Sequential};
use unisono::optim::Optimizer;

use crate::cli_arrays::{npy, npz};
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

/// Arrays of 60 rows of a number, a class and a weight; labels of rows of weight 0 are turned where
/// asked.
fn arrays(is_turned: bool) -> [(&'static str, Vec<u8>); 3] {
    let rows = || 0..60_u8;
    let weight = |row: u8| row % 4;
    let class = |row: u8| u8::from(row % 7 > 3) ^ u8::from(is_turned && weight(row) == 0);
    let x: Vec<u8> = rows()
        .flat_map(|row| ((u32::from(row) * 37 % 61) as f32).to_le_bytes())
        .collect();
    let y: Vec<u8> = rows().map(class).collect();
    let w: Vec<u8> = rows()
        .flat_map(|row| f64::from(weight(row)).to_le_bytes())
        .collect();
    [
        ("x", npy("<f4", false, "(60, 1)", &x)),
        ("y", npy("|u1", false, "(60,)", &y)),
        ("w", npy("<f8", false, "(60,)", &w)),
    ]
}

#[test]
fn arrays_have_weights_of_rows_too() {
    let folder = Folder::new("array-weights");
    let hash = |path: &std::path::Path| {
        let said = stdout(&[
            "train",
            "--data",
            text(path),
            "--split",
            "last",
            "--epochs",
            "3",
        ]);
        let weights = said.lines().find_map(|line| line.strip_prefix("weights: "));
        let weights = weights.map(str::to_owned);
        (value(&said, "weights sha256").to_owned(), weights)
    };
    let all = arrays(false);
    let whole = hash(&folder.file("whole.npz", &npz(&all)));
    assert_eq!(whole.1.as_deref(), Some("w, from 0 to 3"));
    // A folder of the same arrays, and labels of rows that do not count.
    for (name, bytes) in &all {
        folder.file(&format!("folder/{name}.npy"), bytes);
    }
    assert_eq!(hash(&folder.0.join("folder")), whole);
    assert_eq!(hash(&folder.file("turned.npz", &npz(&arrays(true)))), whole);
    let without = hash(&folder.file("without.npz", &npz(&all[..2])));
    assert!(without.1.is_none() && without.0 != whole.0);
}

#[test]
fn arrays_of_what_is_no_weight_are_refused_by_name() {
    let folder = Folder::new("array-weights-odd");
    let [x, y, w] = arrays(false);
    let one = |values: &[f64], shape: &str| {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        npy("<f8", false, shape, &bytes)
    };
    let mut odd = [1.0; 60];
    odd[7] = -1.0;
    for (weights, said) in [
        (
            one(&odd, "(60,)"),
            "a finite weight of at least 0, got -1 in row 7",
        ),
        (one(&[1.0; 9], "(9,)"), "got 9"),
        (
            one(&odd, "(30, 2)"),
            "weights of one number a row, got shape [30, 2]",
        ),
        (
            one(&[0.0; 60], "(60,)"),
            "a weight above 0 for some row in the arrays w, got 0 in all 60",
        ),
    ] {
        let path = folder.file("odd.npz", &npz(&[x.clone(), y.clone(), ("w", weights)]));
        let text = refused(&["train", "--data", text(&path)]);
        assert!(text.contains(said), "{text}");
    }
    let parts = [
        ("x_train", x.1.clone()),
        ("y_train", y.1.clone()),
        ("w_train", w.1),
    ];
    let parts = [&parts[..], &[("x_test", x.1), ("y_test", y.1)]].concat();
    let path = folder.file("parts.npz", &npz(&parts));
    let text = refused(&["train", "--data", text(&path)]);
    assert!(
        text.contains("expected weights of the rows of every part, or of none, got w_train"),
        "{text}"
    );
}
