//! Files that say one thing and could be taken for another: it is said, or refused by its cause
//! before anything is written.

use std::path::Path;

use crate::cli_arrays::{npy, npz};
use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// The one line of a refusal, without a run folder.
fn refused(folder: &Folder, args: &[&str]) -> String {
    let run = folder.0.join("no-run");
    let run = run.to_str().unwrap();
    let out: &[&str] = match args[0] {
        "train" => &["--epochs", "1", "--out", run],
        _ => &[],
    };
    let output = unisono(&[args, out].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    // `predict` says first which weights it takes.
    let said = text.lines().filter(|line| !line.starts_with("weights: "));
    let text = said.collect::<Vec<_>>().join("\n");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(
        !text.contains("learning rate") && !text.contains("damaged"),
        "{text}"
    );
    assert!(!Path::new(run).exists(), "{text}");
    text
}

fn path(folder: &Folder, name: &str, bytes: &[u8]) -> String {
    folder.file(name, bytes).to_str().unwrap().to_owned()
}

/// What `data inspect` and a training say alike of the first line with this key.
fn said(path: &str, key: &str) -> String {
    let shown = stdout(&["data", "inspect", path]);
    let text = stdout(&["train", "--data", path, "--epochs", "1", "--threads", "1"]);
    assert_eq!(value(&text, key), value(&shown, key));
    value(&text, key).to_owned()
}

/// Forty rows of one value each, and their labels.
fn arrays(descr: &str, value_of: impl Fn(u64) -> [u8; 8]) -> [(&'static str, Vec<u8>); 2] {
    let values: Vec<u8> = (0..40).flat_map(value_of).collect();
    let labels: Vec<u8> = (0..40).map(|row| (row % 2) as u8).collect();
    [
        ("x", npy(descr, false, "(40, 1)", &values)),
        ("y", npy("|u1", false, "(40,)", &labels)),
    ]
}

#[test]
fn whole_numbers_that_fall_together_are_counted_in_arrays_folders_and_tables() {
    let folder = Folder::new("said-rounded");
    let large = 1_u64 << 60;
    for (name, descr, more) in [("i8", "<i8", 0), ("u8", "<u8", 1_u64 << 63)] {
        let files = arrays(descr, |row| (large + more + row).to_le_bytes());
        let archive = path(&folder, &format!("{name}.npz"), &npz(&files));
        let expected = "input 0: 40 different whole numbers become 1 in single precision";
        assert!(said(&archive, "rounded").starts_with(expected));
        for (file, bytes) in &files {
            folder.file(&format!("{name}/{file}.npy"), bytes);
        }
        // The training part alone is looked at there.
        let rows = folder.0.join(name);
        let line = said(rows.to_str().unwrap(), "rounded");
        assert!(
            line.starts_with("input 0: 36 different whole numbers become 1"),
            "{line}"
        );
    }
    // Few apart near 2^53 stay apart, and are learned.
    let files = arrays("<i8", |row| ((1 << 53) - 1 - row % 2).to_le_bytes());
    let archive = path(&folder, "near.npz", &npz(&files));
    let text = stdout(&[
        "train",
        "--data",
        &archive,
        "--epochs",
        "20",
        "--threads",
        "1",
    ]);
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
    assert!(!text.contains("rounded: "), "{text}");
    let rows: String = (0..40)
        .map(|at| format!("{},{}\n", large + at, at % 2))
        .collect();
    let table = path(&folder, "keys.csv", format!("key,kind\n{rows}").as_bytes());
    let line = said(&table, "rounded");
    assert!(
        line.starts_with("key: 40 different whole numbers become 1 in double"),
        "{line}"
    );
}

#[test]
fn values_that_nothing_can_be_computed_with_are_refused_with_their_place() {
    let folder = Folder::new("said-huge");
    // A constant in the training part, and a value that is finite and huge in the test part.
    let x = |rows: usize, last: f64| -> Vec<u8> {
        let value = |row| if row + 1 == rows { last } else { 1.0 };
        (0..rows)
            .flat_map(|row| f64::to_le_bytes(value(row)))
            .collect()
    };
    let y = |rows: usize| (0..rows).map(|row| (row % 2) as u8).collect::<Vec<u8>>();
    let part = |rows: usize| (format!("({rows}, 1)"), format!("({rows},)"));
    let ((train, train_y), (test, test_y)) = (part(20), part(8));
    let files = [
        ("x_train", npy("<f8", false, &train, &x(20, 1.0))),
        ("y_train", npy("|u1", false, &train_y, &y(20))),
        ("x_test", npy("<f8", false, &test, &x(8, 1e300))),
        ("y_test", npy("|u1", false, &test_y, &y(8))),
    ];
    let archive = path(&folder, "huge.npz", &npz(&files));
    let error = refused(&folder, &["train", "--data", &archive]);
    assert!(
        error.contains("input 0 of row 27 is 1e300, expected a value within 1e12"),
        "{error}"
    );
    for (name, bytes) in &files {
        folder.file(&format!("rows/{name}.npy"), bytes);
    }
    let rows = folder.0.join("rows");
    let error = refused(&folder, &["train", "--data", rows.to_str().unwrap()]);
    assert!(
        error.contains("x_test.npy: input 0 of row 7 is 1e300"),
        "{error}"
    );
    // In a table, by the column's name; in rows that a model is asked about, too.
    let lines = |last: &str| -> String {
        let row = |at: usize| format!("{},{}\n", if at == 7 { last } else { "1" }, at % 2);
        "size,kind\n".to_owned() + &(0..40).map(row).collect::<String>()
    };
    let good = path(&folder, "good.csv", lines("2").as_bytes());
    let run = folder.0.join("run");
    let run = run.to_str().unwrap();
    stdout(&["train", "--data", &good, "--epochs", "1", "--out", run]);
    let bad = path(&folder, "bad.csv", lines("1e39").as_bytes());
    let error = refused(&folder, &["predict", run, &bad]);
    assert!(error.contains("bad.csv: size of row 7 is 1e39"), "{error}");
}

#[test]
fn sounds_with_samples_that_no_scale_has_are_refused_by_their_file() {
    let folder = Folder::new("said-loud");
    for class in ["low", "high"] {
        for at in 0..4_u8 {
            let last = if class == "low" && at == 2 { 3e38 } else { 0.5 };
            let samples = [0.1_f32, 0.2, last].map(f32::to_le_bytes).concat();
            let mut bytes = b"RIFF\x30\0\0\0WAVEfmt \x10\0\0\0\x03\0\x01\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x20\0data\x0c\0\0\0".to_vec();
            bytes.extend(samples);
            folder.file(&format!("sounds/{class}/{at}.wav"), &bytes);
        }
    }
    let sounds = folder.0.join("sounds");
    let error = refused(&folder, &["train", "--data", sounds.to_str().unwrap()]);
    assert!(
        error.contains("low/2.wav: expected finite samples"),
        "{error}"
    );
    assert!(error.contains("got 3e38 in frame 2, channel 0"), "{error}");
}

#[test]
fn what_is_not_there_or_no_file_is_named_whatever_its_name() {
    let folder = Folder::new("said-missing");
    for name in [
        "no.npy",
        "no.npz",
        "no.csv",
        "no.tar",
        "no-idx3-ubyte",
        "no.png",
        "no.txt",
        "no",
    ] {
        let missing = folder.0.join(name);
        let missing = missing.to_str().unwrap();
        for args in [
            &["train", "--data", missing][..],
            &["data", "inspect", missing],
        ] {
            let error = refused(&folder, args);
            assert!(
                error.contains("cannot read") && error.contains(missing),
                "{error}"
            );
        }
    }
    #[cfg(unix)]
    {
        let error = refused(&folder, &["train", "--data", "/dev/null"]);
        assert!(
            error.contains("expected a file or a folder, got a pipe or a device"),
            "{error}"
        );
    }
}

#[test]
fn settings_that_do_nothing_for_what_is_inspected_are_refused_by_name() {
    let folder = Folder::new("said-idle");
    let alone = path(&folder, "alone.npy", &npy("<f4", false, "(2,)", &[0; 8]));
    for (flag, value) in [
        ("--split-seed", "3"),
        ("--test-share", "0.5"),
        ("--split", "random"),
    ] {
        let error = refused(&folder, &["data", "inspect", &alone, flag, value]);
        assert!(
            error.contains(&format!(
                "{flag} does not apply to a NumPy array: one array"
            )),
            "{error}"
        );
    }
    let sheet = folder.0.join("sheet.png");
    let sheet = sheet.to_str().unwrap();
    let rows: String = (0..40).map(|at| format!("{at}.5,{}\n", at % 2)).collect();
    let table = path(&folder, "t.csv", rows.as_bytes());
    let reals = arrays("<f8", |row| (row as f64).to_le_bytes());
    let archive = path(&folder, "reals.npz", &npz(&reals));
    for (data, got) in [
        (&table, "a table"),
        (&archive, "arrays that are no bytes of images"),
    ] {
        let error = refused(&folder, &["data", "inspect", data, "--sheet", sheet]);
        assert!(
            error.contains(&format!("--sheet does not apply to {got}")),
            "{error}"
        );
        assert!(!Path::new(sheet).exists());
    }
}

#[test]
fn arrays_without_values_or_numbers_are_described_as_such() {
    let folder = Folder::new("said-empty");
    let empty = path(&folder, "empty.npy", &npy("<f4", false, "(0, 3)", &[]));
    let text = stdout(&["data", "inspect", &empty]);
    assert_eq!(
        value(&text, "array"),
        "reals of shape [0, 3], no values, 0 not finite"
    );
    let nan = npy(
        "<f4",
        false,
        "(2,)",
        &[f32::NAN; 2].map(f32::to_le_bytes).concat(),
    );
    let text = stdout(&["data", "inspect", &path(&folder, "nan.npy", &nan)]);
    assert_eq!(
        value(&text, "array"),
        "reals of shape [2], no numbers, 2 not finite"
    );
    let largest = npy("<u8", false, "(1,)", &u64::MAX.to_le_bytes());
    let text = stdout(&["data", "inspect", &path(&folder, "u8.npy", &largest)]);
    let most = u64::MAX;
    assert_eq!(
        value(&text, "array"),
        format!("integers of shape [1], {most} to {most}, 0 not finite")
    );
}

#[test]
fn numbers_of_types_that_are_not_read_are_named_with_what_makes_them_readable() {
    let folder = Folder::new("said-types");
    // Beside rows that can be trained on, numbers of another type are left out with a remedy.
    let mut files = arrays("<f8", |row| (row as f64).to_le_bytes()).to_vec();
    files.push(("z", npy("<c16", false, "(1,)", &[0; 16])));
    let line = said(&path(&folder, "beside.npz", &npz(&files)), "left out");
    assert_eq!(
        line,
        "z (<c16), complex numbers, which are not read; save real ones, such as np.abs(z), or np.stack([z.real, z.imag], -1)"
    );
    // In their place they are refused with it.
    files.remove(0);
    files[1].0 = "x";
    let error = refused(
        &folder,
        &["train", "--data", &path(&folder, "x.npz", &npz(&files))],
    );
    assert!(
        error.contains("x (<c16, complex numbers)")
            && error.contains("; save real ones, such as np.abs(x)"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_wherever_a_file_is_read_and_no_folder_is_left() {
    let folder = Folder::new("said-pipes");
    let text = path(
        &folder,
        "text.txt",
        b"to be or not to be, that is the question",
    );
    let table = path(&folder, "table.csv", b"a,l\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n");
    let pipe = folder.0.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for odd in ["/dev/zero", pipe.to_str().unwrap()] {
        for args in [
            vec!["train", "--weights", odd],
            vec!["train", "--data", &text, "--tokens", odd],
            vec!["train", "--data", &table, "--split", odd],
            vec!["train", "--data", odd],
        ] {
            let error = refused(&folder, &args);
            assert!(error.contains("a pipe or a device"), "{args:?}: {error}");
        }
    }
    // Of a pipe in a configuration's place what comes out of it is read; a device has no end.
    let error = refused(&folder, &["train", "--config", "/dev/zero"]);
    assert!(error.contains("a pipe or a device"), "{error}");
}

#[test]
fn what_is_lost_of_files_is_warned_of_where_nothing_else_is_said_of_them() {
    let folder = Folder::new("said-quietly");
    let row = |at: u64| format!("{},{}\n", (1_u64 << 53) + at, at % 2);
    let rows: String = (0..60).map(row).collect();
    let file = path(&folder, "big.csv", format!("big,label\n{rows}").as_bytes());
    for mode in ["--quiet", "--json"] {
        let output = unisono(&["train", "--data", &file, "--max-steps", "1", mode]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{error}");
        assert!(error.contains("warning: rounded: big: "), "{mode}: {error}");
    }
    // The mean lies between the numbers, however large they are.
    let said = stdout(&["data", "inspect", &file]);
    assert!(said.contains("mean 90071992547410"), "{said}");
}
