//! Files of data on the command line.

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::path::PathBuf;

use program::{stdout, unisono, value};

/// A table of two classes that one feature tells apart.
fn table() -> PathBuf {
    let path = std::env::temp_dir().join(format!("unisono-cli-{}.csv", std::process::id()));
    let row = |i: usize| {
        let (side, name) = if i.is_multiple_of(3) {
            (1.0, "cat")
        } else {
            (-1.0, "dog")
        };
        format!("{name},{},{}\n", side * (1.0 + (i % 7) as f32), 100 + i % 5)
    };
    fs::write(
        &path,
        (0..90)
            .map(row)
            .fold("kind,size,age\n".to_owned(), |all, row| all + &row),
    )
    .unwrap();
    path
}

#[test]
fn a_table_is_inspected_and_trained_on() {
    let path = table();
    let file = path.to_str().unwrap();
    let text = stdout(&["data", "inspect", file, "--label", "kind"]);
    assert_eq!(
        (value(&text, "rows"), value(&text, "feature age")),
        ("90", "100 to 104, mean 102.0000")
    );
    assert_eq!(value(&text, "class cat"), "30 rows (33.3 %)");
    let args = [
        "train",
        "--data",
        file,
        "--label",
        "kind",
        "--test-share",
        "0.2",
        "--epochs",
        "10",
    ];
    let text = stdout(&args);
    assert!(value(&text, "data").contains("classes cat, dog, 72 training and 18 test rows"));
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
    let again = stdout(&[&args[..], &["--threads", "5"]].concat());
    assert_eq!(
        value(&again, "weights sha256"),
        value(&text, "weights sha256")
    );
    fs::remove_file(path).unwrap();
}

#[test]
fn a_text_is_inspected_and_a_run_may_end_inside_an_epoch() {
    let path = std::env::temp_dir().join(format!("unisono-cli-{}.txt", std::process::id()));
    fs::write(
        &path,
        "to be or not to be, that is the question. ".repeat(60),
    )
    .unwrap();
    let file = path.to_str().unwrap();
    let text = stdout(&["data", "inspect", file]);
    assert_eq!(
        (value(&text, "kind"), value(&text, "characters")),
        ("text", "2520")
    );
    let text = stdout(&[
        "train",
        "--data",
        file,
        "--batch-size",
        "8",
        "--max-steps",
        "3",
        "--epochs",
        "9",
    ]);
    assert_eq!(value(&text, "steps"), "3 (0 skipped)");
    fs::remove_file(path).unwrap();
}

#[test]
fn data_that_are_not_there_or_odd_are_refused_with_exit_code_2() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["train", "--data", "/no/such/file"],
            "cannot read /no/such/file",
        ),
        (&["train", "--data", "src"], "train-images-idx3-ubyte"),
        (
            &["train", "--augment", "shift"],
            "--augment must be none, or some of",
        ),
        (
            &["train", "--test-share", "1"],
            "--test-share must be above 0 and below 1, got \"1\"",
        ),
        (
            &["data", "inspect", "/no/such/file.csv"],
            "cannot read /no/such/file.csv",
        ),
    ];
    for (args, message) in cases {
        let output = unisono(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

#[test]
fn a_reader_that_leaves_ends_the_program_without_a_panic() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_unisono"))
        .args(["train", "--epochs", "2000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
