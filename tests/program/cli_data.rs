//! Files of data on the command line.

use std::fs;
use std::path::PathBuf;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

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
        (value(&text, "rows"), value(&text, "column age")),
        (
            "90",
            "100 to 104, mean 102.0000; 90 numbers, 0 texts, 0 missing, 5 different"
        )
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
            &["train", "--data", "x", "--augment", "shift"],
            "--augment must be none, or some of",
        ),
        (
            &["train", "--data", "x", "--test-share", "1"],
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

/// A WAV file of 800 samples of a tone.
fn tone(step: f32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for i in 0..800 {
        writer
            .write_sample((20_000.0 * (step * i as f32).sin()) as i16)
            .unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn sounds_are_inspected_and_trained_on_with_nobody_in_both_parts() {
    let folder = Folder::new("cli-sounds");
    for speaker in 0..5 {
        for index in 0..6 {
            let pitch = 1.0 + 0.01 * (speaker * 6 + index) as f32;
            folder.file(&format!("low_s{speaker}_{index}.wav"), &tone(0.3 * pitch));
            folder.file(&format!("high_s{speaker}_{index}.wav"), &tone(1.5 * pitch));
        }
    }
    let path = folder.0.to_str().unwrap();
    let text = stdout(&["data", "inspect", path]);
    assert_eq!(
        (value(&text, "kind"), value(&text, "rows")),
        ("sounds", "60")
    );
    let args = [
        "train",
        "--data",
        path,
        "--split",
        "groups",
        "--test-share",
        "0.2",
    ];
    let augment = ["--augment", "time-shift 2 band-mask 3", "--epochs", "10"];
    let text = stdout(&[&args[..], &augment].concat());
    assert!(value(&text, "data").contains("48 training and 12 test rows"));
    assert_eq!(value(&text, "classes"), "2, of 24 to 24 training rows");
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
}

/// Two classes of PNG images, one dark and one bright.
fn pictures(folder: &Folder) {
    for row in 0..20 {
        for (name, light) in [("dark", 20), ("bright", 220)] {
            let picture = image::GrayImage::from_fn(6, 5, |x, y| {
                image::Luma([(light + row + x * 3 + y) as u8])
            });
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture
                .write_to(&mut bytes, image::ImageFormat::Png)
                .unwrap();
            folder.file(&format!("{name}/{row}.png"), bytes.get_ref());
        }
    }
}

#[test]
fn images_are_decoded_once_laid_out_on_a_sheet_and_trained_on() {
    let (folder, cache) = (Folder::new("cli-images"), Folder::new("cli-cache"));
    pictures(&folder);
    let (path, cache) = (folder.0.to_str().unwrap(), cache.0.to_str().unwrap());
    let sheet = folder.0.join("sheet.png");
    let text = stdout(&["data", "inspect", path, "--sheet", sheet.to_str().unwrap()]);
    assert_eq!(
        value(&text, "images"),
        "5 x 6 x 3 (height, width, channels)"
    );
    let picture = image::open(&sheet).unwrap();
    assert_eq!(
        (picture.width(), picture.height()),
        (16 * 50 + 2, 2 * 42 + 2)
    );
    let args = [
        "train", "--data", path, "--cache", cache, "--epochs", "5", "--grey",
    ];
    let first = stdout(&args);
    assert_eq!(value(&first, "test accuracy"), "100.00 %");
    let changes = [
        "--augment",
        "crop 1 flip contrast 0.2 mixup 0.2",
        "--sampling",
        "balanced",
    ];
    let more = ["--image-size", "8x8", "--preset", "lenet", "--threads", "3"];
    let text = stdout(&[&args[..], &changes, &more].concat());
    let again = stdout(&[&args[..], &changes, &more[..4], &["--threads", "1"]].concat());
    assert_eq!(
        value(&text, "weights sha256"),
        value(&again, "weights sha256")
    );
}

#[test]
fn arrays_are_trained_on_from_the_disk() {
    let folder = Folder::new("cli-arrays");
    let npy = |head: &str, values: &[u8]| {
        let head = format!("{head:<117}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((head.len() as u16).to_le_bytes());
        file.extend(head.bytes().chain(values.iter().copied()));
        file
    };
    for (part, rows) in [("train", 64_u8), ("test", 16)] {
        let head = |descr: &str, shape: String| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
        };
        let values: Vec<u8> = (0..rows)
            .flat_map(|row| [f32::from(row % 2) - 0.5, 0.1 * f32::from(row)])
            .flat_map(f32::to_le_bytes)
            .collect();
        let labels: Vec<u8> = (0..rows).map(|row| row % 2).collect();
        let x = npy(&head("<f4", format!("({rows}, 2)")), &values);
        folder.file(&format!("x_{part}.npy"), &x);
        let y = npy(&head("|u1", format!("({rows},)")), &labels);
        folder.file(&format!("y_{part}.npy"), &y);
    }
    let path = folder.0.to_str().unwrap();
    let args = [
        "train",
        "--data",
        path,
        "--sampling",
        "windows 16",
        "--epochs",
        "30",
    ];
    let text = stdout(&args);
    assert_eq!(value(&text, "test accuracy"), "100.00 %");
    let again = stdout(&[&args[..], &["--threads", "3"]].concat());
    assert_eq!(
        value(&text, "weights sha256"),
        value(&again, "weights sha256")
    );
    let output = unisono(&["train", "--data", path, "--augment", "flip"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("changes of images"), "{stderr}");
}

#[test]
fn sounds_in_folders_have_the_folder_as_class_and_parts_of_their_own_are_kept() {
    let folder = Folder::new("cli-sound-folders");
    for (part, count) in [("train", 12), ("test", 4)] {
        for index in 0..count {
            let pitch = 1.0 + 0.01 * index as f32;
            folder.file(
                &format!("{part}/low/{index:08}_nohash_1.wav"),
                &tone(0.3 * pitch),
            );
            folder.file(
                &format!("{part}/high/{index:08}_nohash_1.wav"),
                &tone(1.5 * pitch),
            );
        }
    }
    let path = folder.0.to_str().unwrap();
    let text = stdout(&["data", "inspect", path]);
    assert_eq!(value(&text, "class low"), "16 rows (50.0 %)");
    let text = stdout(&["train", "--data", path, "--epochs", "5"]);
    assert!(value(&text, "data").contains("24 training and 8 test rows"));
    assert_eq!(value(&text, "classes"), "2, of 12 to 12 training rows");
}

#[test]
fn flags_that_would_be_left_aside_and_parts_without_rows_are_refused() {
    let folder = Folder::new("cli-flags");
    let table = folder.file("t.csv", b"x,k\n1,a\n2,b\n3,a\n4,b\n");
    let odd = folder.file("odd.csv", b"x,k\n1,a\n2,\n");
    let one = folder.file("one.csv", b"x,k\n1,a\n2,a\n");
    let short = folder.file("short.txt", b"to be or not to be");
    let [table, odd, one, short] = [&table, &odd, &one, &short].map(|path| path.to_str().unwrap());
    let cases: [(&[&str], &str); 9] = [
        (&["--grey"], "--grey does not apply to `unisono train`"),
        (
            &["--data", table, "--grey"],
            "--grey does not apply to a table: it is about",
        ),
        (&["--data", table, "--tokens", "bytes"], "--tokens"),
        (&["--data", short, "--split", "random"], "--split"),
        (
            &["--data", table, "--test-share", "0.01"],
            "rows in both parts",
        ),
        (
            &["--data", odd],
            "a label in column k of every row, got none in 1 of 2 rows, first \"\" in line 3; --missing-labels drop",
        ),
        (&["--data", one], "labels of at least 2 classes"),
        (
            &["--data", short],
            "at least 65 tokens in training and test part, got 16 and 2",
        ),
        (
            &["--data", "x", "--augment", "crop -3"],
            "--augment: crop must be a whole number from 1 to 999999, got \"-3\"",
        ),
    ];
    for (args, message) in cases {
        let output = unisono(&[&["train"], args].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

#[test]
fn files_that_lack_something_are_named() {
    let folder = Folder::new("cli-named");
    let refusal = |path: &std::path::Path| {
        let output = unisono(&["train", "--data", path.to_str().unwrap()]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        text
    };
    let empty = refusal(&folder.file("empty.csv", b""));
    assert!(
        empty.contains("empty.csv: the data set has no rows"),
        "{empty}"
    );
    let alone = refusal(&folder.file("one.png", b"?"));
    assert!(
        alone.contains("one.png: expected a folder of images or sounds"),
        "{alone}"
    );
    // MNIST's four files, with a dot in their names, and a label too few.
    let idx = |axes: &[u32], values: &[u8]| {
        let axes_bytes = axes.iter().flat_map(|axis| axis.to_be_bytes());
        let head = [0, 0, 8, axes.len() as u8].into_iter();
        head.chain(axes_bytes)
            .chain(values.iter().copied())
            .collect::<Vec<u8>>()
    };
    let images = idx(&[4, 2, 2], &(0..16).collect::<Vec<u8>>());
    for part in ["train", "t10k"] {
        folder.file(&format!("idx/{part}-images.idx3-ubyte"), &images);
        folder.file(
            &format!("idx/{part}-labels.idx1-ubyte"),
            &idx(&[4], &[0, 1, 0, 1]),
        );
    }
    let path = folder.0.join("idx");
    let text = stdout(&["train", "--data", path.to_str().unwrap(), "--epochs", "1"]);
    assert!(value(&text, "data").contains("4 training and 4 test rows"));
    folder.file("idx/train-labels.idx1-ubyte", &idx(&[3], &[0, 1, 0]));
    let few = refusal(&path);
    assert!(few.contains("idx: there are 3 labels for 4 rows"), "{few}");
}
