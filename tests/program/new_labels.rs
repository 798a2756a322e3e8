//! `eval RUN FILE`: other files with labels, made rows as those of the training were; the rows of
//! the test part give the training's own evaluation.

use crate::cli_arrays::{npy, npz};
use crate::cli_media::png;
use crate::files::Folder;
use crate::program::{stdout, value};
use crate::regression::{houses, text};
use crate::stderr::stderr;

/// The last rows are the test part.
const LAST: [&str; 2] = ["--split", "last"];

/// What is evaluated of a part and of a file must be the same.
fn same(run: &str, file: &str, keys: &[&str]) {
    let (part, other) = (stdout(&["eval", run]), stdout(&["eval", run, file]));
    for key in keys {
        assert_eq!(value(&other, key), value(&part, key), "{file}: {key}");
    }
    let rows = |text: &str| value(text, "rows").split(' ').next().unwrap().to_owned();
    assert_eq!(rows(&other), rows(&part));
    assert!(value(&other, "rows").contains(file), "{other}");
}

/// Trains on a file, and keeps the run.
fn train(folder: &Folder, path: &str, more: &[&str]) -> String {
    let run = folder.0.join("run").to_str().unwrap().to_owned();
    let args = ["train", "--data", path, "--epochs", "2", "--out", &run];
    stdout(&[&args[..], more].concat());
    run
}

/// A size with gaps, a colour and a kind.
fn pet(row: usize) -> [String; 3] {
    let kind = ["cat", "dog", "9"][row % 3];
    let size = match row % 11 {
        5 => String::new(),
        _ => ((row * 37 % 17 + 10 * (row % 3)) as f64 / 2.0).to_string(),
    };
    [size, ["red", "blue"][row % 2].to_owned(), kind.to_owned()]
}

const CLASSES: [&str; 4] = ["loss", "accuracy", "F1, mean", "weights sha256"];

#[test]
fn a_table_is_read_by_the_names_of_its_columns_and_by_the_names_of_its_classes() {
    let folder = Folder::new("eval-table");
    let rows = |order: [usize; 3], rows: std::ops::Range<usize>| -> String {
        let line = |row: usize| order.map(|at| pet(row)[at].clone()).join(",") + "\n";
        rows.map(line).collect()
    };
    let all = format!("size,colour,kind\n{}", rows([0, 1, 2], 0..200));
    let path = folder.file("pets.csv", all.as_bytes());
    let run = train(&folder, text(&path), &LAST);
    let new = format!("kind,size,colour\n{}", rows([2, 0, 1], 180..200));
    let new = folder.file("new.csv", new.as_bytes());
    same(&run, text(&new), &CLASSES);
    let line = stdout(&["eval", &run, text(&new), "--json"]);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["file"], &line["part"]),
        (&text(&new).into(), &().into())
    );
    // Any weights of the run, and a line a class.
    let last = stdout(&["eval", &format!("{run}@last"), text(&new), "--classes"]);
    assert!(
        last.contains("dog") && value(&last, "rows").starts_with("20 "),
        "{last}"
    );
    // One class alone is enough; 9.0 is the class 9.
    let one = folder.file("one.csv", b"kind,size,colour\n9.0,1,red\n9,2,blue\n");
    assert!(value(&stdout(&["eval", &run, text(&one)]), "rows").starts_with("2 "));
    // Rows without a label are left out, and counted.
    let gap = folder.file("gap.csv", b"kind,size,colour\ncat,1,red\n,2,blue\n");
    assert!(value(&stdout(&["eval", &run, text(&gap)]), "rows").starts_with("1 "));
    for (name, bytes, expected) in [
        (
            "bird.csv",
            &b"kind,size,colour\nbird,1,red\ncat,2,red\nowl,3,red\nbird,3,red\n"[..],
            "only classes that the training has: 9, cat, dog, got 3 of 4 rows of others: bird, owl",
        ),
        (
            "bare.csv",
            b"size,colour\n1,red\n",
            "a column called \"kind\", the label's",
        ),
        (
            "empty.csv",
            b"kind,size,colour\n,1,red\n",
            "labels in column kind, got none in 1 rows",
        ),
        (
            "other.csv",
            b"kind,weight,colour\ncat,1,red\n",
            "a column called \"size\"",
        ),
    ] {
        let path = folder.file(name, bytes);
        let said = stderr(&["eval", &run, text(&path)], 2);
        assert!(said.contains(expected) && said.contains(name), "{said}");
    }
    let said = stderr(&["eval", &run, text(&new), "--part", "train"], 2);
    assert!(said.contains("--part"), "{said}");
}

#[test]
fn without_a_header_the_label_stands_where_it_stood() {
    let folder = Folder::new("eval-bare");
    let line = |row: usize| format!("{},{},{}\n", row % 2, row % 7 + 9 * (row % 2), row * 13 % 5);
    let rows = |rows: std::ops::Range<usize>| rows.map(line).collect::<String>();
    let path = folder.file("all.csv", rows(0..100).as_bytes());
    let run = train(&folder, text(&path), &["--label", "0", "--split", "last"]);
    let new = folder.file("new.csv", rows(90..100).as_bytes());
    same(&run, text(&new), &CLASSES);
    let bare = folder.file("features.csv", b"3,4\n");
    let said = stderr(&["eval", &run, text(&bare)], 2);
    assert!(
        said.contains("3 columns as in the training, the label among them, got 2"),
        "{said}"
    );
}

#[test]
fn several_targets_have_their_errors_in_their_units() {
    let folder = Folder::new("eval-targets");
    let path = houses(&folder, "houses.csv", true);
    let more = ["--target", "price,rooms", "--split", "last"];
    let run = train(&folder, text(&path), &more);
    // The head, and the last rows.
    let all = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = all.lines().collect();
    let rows = [&lines[..1], &lines[lines.len() - 40..]]
        .concat()
        .join("\n");
    let new = folder.file("new.csv", rows.as_bytes());
    same(
        &run,
        text(&new),
        &["loss", "R2", "target price", "target rooms"],
    );
    let odd = rows.replace(lines[400].rsplit(',').next().unwrap(), "many");
    let said = stderr(
        &["eval", &run, text(&folder.file("odd.csv", odd.as_bytes()))],
        2,
    );
    assert!(
        said.contains("a number in column") && said.contains("\"many\""),
        "{said}"
    );
}

#[test]
fn texts_and_windows_of_a_text_are_evaluated() {
    let folder = Folder::new("eval-texts");
    let line = |row: usize| {
        let word = ["good", "bad"][row % 2];
        format!(
            "{word} thing number {},{}\n",
            row * 7 % 13,
            ["yes", "no"][row % 2]
        )
    };
    let rows = |rows: std::ops::Range<usize>| rows.map(line).collect::<String>();
    let all = format!("text,label\n{}", rows(0..100));
    let path = folder.file("texts.csv", all.as_bytes());
    let run = train(&folder, text(&path), &["--text", "--split", "last"]);
    let new = format!("text,label\n{}", rows(90..100));
    same(
        &run,
        text(&folder.file("new.csv", new.as_bytes())),
        &CLASSES,
    );
    // A language model: the end of the text is its test part.
    let folder = Folder::new("eval-windows");
    let words = "it was the best of times, it was the worst of times; ".repeat(40);
    let path = folder.file("book.txt", words.as_bytes());
    let run = train(
        &folder,
        text(&path),
        &["--layers", "embedding 8", "--tokens", "characters"],
    );
    let cut = (words.len() as f64 * 0.9) as usize;
    let new = folder.file("end.txt", &words.as_bytes()[cut..]);
    same(&run, text(&new), &["loss", "accuracy"]);
    let said = stderr(&["eval", &run, text(&folder.file("odd.txt", b"it was"))], 2);
    assert!(said.contains("at least 65 tokens"), "{said}");
}

#[test]
fn arrays_give_inputs_and_labels() {
    let folder = Folder::new("eval-arrays");
    let x: Vec<u8> = (0..50_u8)
        .flat_map(|row| [row % 5 * 10 + 50 * (row % 2), row])
        .collect();
    let y: Vec<u8> = (0..50).map(|row| row % 2).collect();
    let file = |rows: std::ops::Range<usize>| {
        let count = rows.len();
        let inputs = npy(
            "|u1",
            false,
            &format!("({count}, 2)"),
            &x[2 * rows.start..2 * rows.end],
        );
        let labels = npy("|u1", false, &format!("({count},)"), &y[rows]);
        (inputs, labels)
    };
    let ((x, y), (new_x, new_y)) = (file(0..50), file(45..50));
    let path = folder.file("all.npz", &npz(&[("x", x), ("y", y)]));
    let run = train(&folder, text(&path), &LAST);
    let new = folder.file(
        "new.npz",
        &npz(&[("X", new_x.clone()), ("Y", new_y.clone())]),
    );
    same(&run, text(&new), &CLASSES);
    // The test part of a file that has one, and a folder of arrays.
    let (train_x, train_y) = file(0..45);
    let arrays = [
        ("x_train", train_x),
        ("y_train", train_y),
        ("x_test", new_x.clone()),
        ("y_test", new_y.clone()),
    ];
    same(
        &run,
        text(&folder.file("parts.npz", &npz(&arrays))),
        &CLASSES,
    );
    folder.file("folder/x.npy", &new_x);
    folder.file("folder/y.npy", &new_y);
    same(&run, text(&folder.0.join("folder")), &CLASSES);
    let said = stderr(&["eval", &run, text(&folder.file("x.npy", &new_x))], 2);
    assert!(said.contains("arrays x and y"), "{said}");
    let odd = npz(&[
        ("x", new_x),
        ("y", npy("|u1", false, "(5,)", &[0, 1, 7, 0, 1])),
    ]);
    let said = stderr(&["eval", &run, text(&folder.file("odd.npz", &odd))], 2);
    assert!(said.contains("1 of 5 rows of others: 7"), "{said}");
}

#[test]
fn folders_of_images_are_classes_by_their_names() {
    let folder = Folder::new("eval-images");
    for row in 0..20_u8 {
        for (class, light) in [("dark", 10), ("light", 200)] {
            folder.file(&format!("all/{class}/{row:02}.png"), &png(light + 2 * row));
        }
    }
    let run = train(&folder, text(&folder.0.join("all")), &["--cache", "none"]);
    let said = stdout(&["eval", &run, text(&folder.0.join("all"))]);
    assert!(value(&said, "rows").starts_with("40 "), "{said}");
    // Both parts together are all rows.
    let right = |text: &str| {
        let share: f64 = value(text, "accuracy")
            .trim_end_matches(" %")
            .parse()
            .unwrap();
        let rows: f64 = value(text, "rows")
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        (share * rows / 100.0).round() as usize
    };
    let parts = ["train", "test"].map(|part| stdout(&["eval", &run, "--part", part]));
    assert_eq!(right(&said), right(&parts[0]) + right(&parts[1]));
    // A class alone, and one that is unknown.
    folder.file("one/test/light/a.png", &png(220));
    folder.file("one/train/dark/a.png", &png(20));
    let one = stdout(&["eval", &run, text(&folder.0.join("one"))]);
    assert!(value(&one, "rows").starts_with("1 "), "{one}");
    folder.file("odd/light/a.png", &png(220));
    folder.file("odd/grey/a.png", &png(100));
    let said = stderr(&["eval", &run, text(&folder.0.join("odd"))], 2);
    assert!(
        said.contains("only classes that the training has: dark, light"),
        "{said}"
    );
    assert!(said.contains("1 of 2 rows of others: grey"), "{said}");
}
