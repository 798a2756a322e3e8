//! NumPy's arrays of every type and order: an archive and a folder of them are read, split and
//! standardised alike.

use std::io::Write;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

/// A NumPy file.
pub(crate) fn npy(descr: &str, is_fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let head = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let head = format!("{head:<117}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((head.len() as u16).to_le_bytes());
    file.extend(head.bytes().chain(values.iter().copied()));
    file
}

pub(crate) fn npz(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Rows of two whole numbers below 100, which all types hold, and a class each.
fn rows(from: usize, to: usize) -> (Vec<[u8; 2]>, Vec<u8>) {
    let row = |at: usize| [(at * 37 % 50 + 50 * (at % 2)) as u8, (at * 13 % 100) as u8];
    let rows = from..to;
    (
        rows.clone().map(row).collect(),
        rows.map(|at| (at % 2) as u8).collect(),
    )
}

/// The bits of a whole number below 100 in half precision.
fn half(value: u8) -> u16 {
    let value = u32::from(value);
    if value == 0 {
        return 0;
    }
    let exponent = 31 - value.leading_zeros();
    (((exponent + 15) << 10) | ((value << (10 - exponent)) & 1023)) as u16
}

/// The rows in a type, in C's or Fortran's order.
fn encoded(descr: &str, is_fortran: bool, rows: &[[u8; 2]]) -> Vec<u8> {
    let values: Vec<u8> = match is_fortran {
        true => (0..2)
            .flat_map(|c| rows.iter().map(move |row| row[c]))
            .collect(),
        false => rows.concat(),
    };
    let big = descr.starts_with('>');
    let mut bytes = Vec::new();
    for value in values {
        let mut one = match &descr[1..] {
            "u1" | "i1" => vec![value],
            "i2" | "u2" => u16::from(value).to_le_bytes().to_vec(),
            "i4" | "u4" => u32::from(value).to_le_bytes().to_vec(),
            "i8" | "u8" => u64::from(value).to_le_bytes().to_vec(),
            "f2" => half(value).to_le_bytes().to_vec(),
            "f4" => f32::from(value).to_le_bytes().to_vec(),
            "f8" => f64::from(value).to_le_bytes().to_vec(),
            other => panic!("{other}"),
        };
        if big {
            one.reverse();
        }
        bytes.extend(one);
    }
    npy(descr, is_fortran, &format!("({}, 2)", rows.len()), &bytes)
}

fn labels(descr: &str, labels: &[u8]) -> Vec<u8> {
    let bytes: Vec<u8> = match descr {
        "|u1" | "|b1" => labels.to_vec(),
        "<i8" => labels
            .iter()
            .flat_map(|&l| i64::from(l).to_le_bytes())
            .collect(),
        "<f8" => labels
            .iter()
            .flat_map(|&l| f64::from(l).to_le_bytes())
            .collect(),
        other => panic!("{other}"),
    };
    npy(descr, false, &format!("({},)", labels.len()), &bytes)
}

fn hash(path: &str, more: &[&str]) -> (String, String) {
    let args = ["train", "--data", path, "--epochs", "3", "--threads", "1"];
    let text = stdout(&[&args[..], more].concat());
    (value(&text, "weights sha256").to_owned(), text)
}

fn refused(path: &str, more: &[&str]) -> String {
    let output = unisono(&[&["train", "--data", path][..], more].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

#[test]
fn every_type_and_order_is_the_same_rows_in_an_archive_and_in_a_folder() {
    let folder = Folder::new("cli-types");
    let ((x, y), (test_x, test_y)) = (rows(0, 80), rows(80, 100));
    let mut expected = None;
    for (at, descr) in [
        "<f4", "<f8", ">f8", ">f4", "<f2", ">f2", "|u1", "|i1", "<i2", ">i2", "<u2", "<i4", ">u4",
        "<i8", ">i8", "<u8",
    ]
    .into_iter()
    .enumerate()
    {
        let is_fortran = at % 2 == 1;
        let label = ["|u1", "<i8", "<f8", "|b1"][at % 4];
        let files = [
            ("x_train", encoded(descr, is_fortran, &x)),
            ("y_train", labels(label, &y)),
            ("x_test", encoded(descr, is_fortran, &test_x)),
            ("y_test", labels(label, &test_y)),
        ];
        let archive = folder.file("a.npz", &npz(&files));
        for (name, bytes) in &files {
            folder.file(&format!("files/{name}.npy"), bytes);
        }
        for path in [archive, folder.0.join("files")] {
            let (hash, text) = hash(path.to_str().unwrap(), &[]);
            let expected = expected.get_or_insert_with(|| hash.clone());
            assert_eq!(&hash, expected, "{descr}, {}", path.display());
            assert!(text.contains("80 training and 20 test rows"), "{text}");
            let shown = stdout(&["data", "inspect", path.to_str().unwrap()]);
            for key in ["training part", "test part", "label", "inputs"] {
                assert_eq!(value(&shown, key), value(&text, key));
            }
        }
    }
}

#[test]
fn a_part_for_validation_is_that_where_other_files_are_the_test_part() {
    let folder = Folder::new("cli-other-test");
    let (x, y) = rows(0, 100);
    let parts = [
        ("x_train", encoded("<f4", false, &x)),
        ("y_train", labels("|u1", &y)),
        ("x_valid", encoded("<f4", false, &x)),
        ("y_valid", labels("|u1", &y)),
    ];
    let whole = [("x", parts[0].1.clone()), ("y", parts[1].1.clone())];
    let other = folder.file("other.npz", &npz(&whole));
    let archive = folder.file("valid.npz", &npz(&parts));
    for (name, bytes) in &parts {
        folder.file(&format!("valid/{name}.npy"), bytes);
    }
    for path in [archive, folder.0.join("valid")] {
        let beside = ["--test", other.to_str().unwrap(), "--early-stopping", "2"];
        let text = hash(path.to_str().unwrap(), &beside).1;
        assert_eq!(value(&text, "validation part"), "x_valid, labels y_valid");
        assert!(
            text.contains("100 training, 100 validation and 100 test rows"),
            "{text}"
        );
        assert_eq!(value(&text, "chosen on"), "the validation part");
    }
}

#[test]
fn names_in_capitals_and_parts_for_validation_are_said() {
    let folder = Folder::new("cli-names");
    let (x, y) = rows(0, 100);
    let whole = [("X", encoded("<f4", false, &x)), ("y", labels("<f8", &y))];
    let path = folder.file("whole.npz", &npz(&whole));
    let path = path.to_str().unwrap();
    let (first, text) = hash(path, &[]);
    assert_eq!(value(&text, "rows"), "X, labels y");
    // The same arrays in a folder are split and standardised the same way.
    for (name, bytes) in &whole {
        folder.file(&format!("whole/{name}.npy"), bytes);
    }
    let files = folder.0.join("whole");
    let files = files.to_str().unwrap();
    assert_eq!(hash(files, &[]).0, first);
    let seeds = ["--split-seed", "7", "--test-share", "0.3"];
    assert_eq!(hash(path, &seeds).0, hash(files, &seeds).0);
    let mut parts = vec![
        ("X_train", encoded("<f4", false, &x)),
        ("Y_train", labels("|u1", &y)),
        ("x_valid", encoded("<f4", false, &x)),
        ("y_valid", labels("|u1", &y)),
        ("names", npy("<U3", false, "(1,)", &[0; 12])),
    ];
    let path = folder.file("valid.npz", &npz(&parts));
    let path = path.to_str().unwrap();
    let text = hash(path, &[]).1;
    assert!(value(&text, "test part").starts_with("x_valid, labels y_valid (named for validation"));
    assert_eq!(value(&text, "left out"), "names (<U3), no numbers");
    let error = refused(path, &["--split-seed", "1"]);
    assert!(
        error.contains("--split-seed does not apply to arrays with their own parts"),
        "{error}"
    );
    parts.push(("x_test", encoded("<f4", false, &x)));
    parts.push(("y_test", labels("|u1", &y)));
    // All three parts, in an archive and in a folder.
    let path = folder.file("all.npz", &npz(&parts));
    for (name, bytes) in parts.iter().filter(|(name, _)| *name != "names") {
        folder.file(&format!("all/{name}.npy"), bytes);
    }
    let (path, files) = (path.to_str().unwrap(), folder.0.join("all"));
    let kept = ["--early-stopping", "2"];
    let (sha, text) = hash(path, &kept);
    assert_eq!(value(&text, "validation part"), "x_valid, labels y_valid");
    assert_eq!(value(&text, "chosen on"), "the validation part");
    assert!(
        text.contains("100 training, 100 validation and 100 test rows"),
        "{text}"
    );
    let (folders, text) = hash(files.to_str().unwrap(), &kept);
    assert_eq!(folders, sha);
    assert_eq!(value(&text, "chosen on"), "the validation part");
    let error = refused(path, &["--valid-share", "0.1"]);
    assert!(
        error.contains("--valid-share does not apply to files with their own validation part"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_named_with_its_type() {
    let folder = Folder::new("cli-odd-arrays");
    let (x, y) = rows(0, 40);
    let file = |files: &[(&str, Vec<u8>)]| {
        let path = folder.file("odd.npz", &npz(files));
        path.to_str().unwrap().to_owned()
    };
    let complex = npy("<c8", false, "(40, 1)", &[0; 320]);
    let error = refused(&file(&[("x", complex), ("y", labels("|u1", &y))]), &[]);
    assert!(
        error.contains("x (<c8, complex numbers)") && !error.contains("damaged"),
        "{error}"
    );
    let reals: Vec<u8> = (0..40)
        .flat_map(|at| (at as f64 * 0.37).to_le_bytes())
        .collect();
    let reals = npy("<f8", false, "(40,)", &reals);
    let (_, text) = hash(
        &file(&[("x", encoded("<f4", false, &x)), ("y", reals)]),
        &[],
    );
    let said = value(&text, "target");
    assert!(
        said.contains("as of a regression") && said.contains("--task classify"),
        "{text}"
    );
    // Labels of -1 and 1 are two classes, with these names.
    let signs: Vec<u8> = y
        .iter()
        .flat_map(|&l| (f64::from(l) * 2.0 - 1.0).to_le_bytes())
        .collect();
    let signs = npy("<f8", false, "(40,)", &signs);
    let text = hash(
        &file(&[("x", encoded("<f4", false, &x)), ("y", signs)]),
        &[],
    )
    .1;
    assert_eq!(value(&text, "label"), "y, 2 classes, -1, 1");
    let hot = npy("|u1", false, "(40, 2)", &[1, 0, 0, 1].repeat(20));
    let error = refused(&file(&[("x", encoded("<f4", false, &x)), ("y", hot)]), &[]);
    assert!(
        error.contains("shape [40, 2]") && error.contains("argmax"),
        "{error}"
    );
}

#[test]
fn a_value_that_is_not_finite_is_a_clean_error_in_either_part_of_a_folder() {
    let folder = Folder::new("cli-nan");
    let (x, y) = rows(0, 40);
    for (odd, descr) in [("x_train", "<f4"), ("x_test", "<f8")] {
        for part in ["train", "test"] {
            let (name, label) = (format!("x_{part}"), format!("y_{part}"));
            let mut bytes = encoded(descr, false, &x);
            if name == odd {
                let end = bytes.len();
                bytes[end - 2..].copy_from_slice(&[0xff, 0x7f]);
            }
            folder.file(&format!("{name}.npy"), &bytes);
            folder.file(&format!("{label}.npy"), &labels("|u1", &y));
        }
        let error = refused(folder.0.to_str().unwrap(), &[]);
        assert!(
            error.contains(&format!("{odd}.npy: input 1 of row 39 is NaN")),
            "{error}"
        );
    }
}

#[test]
fn a_clock_in_double_precision_keeps_its_seconds_apart() {
    let folder = Folder::new("cli-npz-clock");
    let seconds = |at: usize| {
        [
            1_700_000_000.0 + (at + 30 * (at / 250)) as f64,
            (at * 37 % 11) as f64,
        ]
    };
    let x: Vec<u8> = (0..500)
        .flat_map(seconds)
        .flat_map(f64::to_le_bytes)
        .collect();
    let y: Vec<u8> = (0..500).map(|at| u8::from(at >= 250)).collect();
    let files = [
        ("x", npy("<f8", false, "(500, 2)", &x)),
        ("y", labels("<i8", &y)),
    ];
    let path = folder.file("clock.npz", &npz(&files));
    let run = folder.0.join("run");
    let (path, run) = (path.to_str().unwrap(), run.to_str().unwrap());
    let text = stdout(&["train", "--data", path, "--out", run, "--epochs", "60"]);
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
    let lines = stdout(&["predict", run, path]);
    assert_eq!(lines.lines().count(), 500);
    let own = stdout(&["predict", run]);
    let tail = |line: &str| line[line.find("\"probabilities\"").unwrap()..].to_owned();
    let all: Vec<String> = lines.lines().map(tail).collect();
    assert!(own.lines().all(|line| all.contains(&tail(line))));
}

#[test]
fn bytes_of_images_are_images_in_a_folder_too() {
    let folder = Folder::new("cli-byte-images");
    let (_, y) = rows(0, 40);
    let pixels: Vec<u8> = (0..40 * 12)
        .map(|at| (at * 7 % 90) as u8 + 100 * y[at / 12])
        .collect();
    let x = npy("|u1", false, "(40, 3, 4)", &pixels);
    let files = [
        ("x_train", x.clone()),
        ("y_train", labels("|u1", &y)),
        ("x_test", x),
        ("y_test", labels("|u1", &y)),
    ];
    for (name, bytes) in &files {
        folder.file(&format!("files/{name}.npy"), bytes);
    }
    let archive = folder.file("a.npz", &npz(&files));
    let (first, text) = hash(archive.to_str().unwrap(), &["--augment", "flip"]);
    assert_eq!(
        value(&text, "images"),
        "3 x 4 x 1 (height, width, channels)"
    );
    let files = folder.0.join("files");
    assert_eq!(
        hash(files.to_str().unwrap(), &["--augment", "flip"]).0,
        first
    );
}
