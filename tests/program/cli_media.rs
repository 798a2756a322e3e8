//! Folders and archives of images and sounds, by the program: their parts, what was read of them
//! and what was left out.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};

fn refusal(args: &[&str]) -> String {
    let output = unisono(args);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
    text
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
        let value = 20_000.0 * (step * i as f32).sin();
        writer.write_sample(value as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// An archive whose names are as they are given, `./` before them and all.
fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        let place = &mut header.as_gnu_mut().unwrap().name;
        place[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Sounds of two classes in these parts, with a note among them.
fn sounds(parts: &[(&str, usize)]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("notes.txt".to_owned(), b"no".to_vec())];
    for (part, count) in parts {
        for index in 0..*count {
            let pitch = 1.0 + 0.01 * index as f32;
            all.push((format!("{part}/low/{index}.wav"), tone(0.3 * pitch)));
            all.push((format!("{part}/high/x/{index}.wav"), tone(1.5 * pitch)));
        }
    }
    all
}

#[test]
fn archives_with_a_dot_or_a_folder_around_keep_their_parts() {
    let folder = Folder::new("media-archives");
    for (around, eval) in [
        ("", "test"),
        ("./", "val"),
        ("speech/", "Test"),
        ("./a/b/", "valid"),
    ] {
        let files: Vec<(String, Vec<u8>)> = sounds(&[("train", 4), (eval, 2)])
            .into_iter()
            .map(|(name, bytes)| (format!("{around}{name}"), bytes))
            .collect();
        let path = folder.file("all.tar", &archive(&files));
        let text = stdout(&["data", "inspect", path.to_str().unwrap()]);
        let line = |key| value(&text, key);
        assert_eq!(line("sounds"), "12 WAV files, 16-bit PCM, 8000 Hz, mono");
        assert_eq!(
            line("part folders"),
            format!("train for training, {eval} to evaluate on")
        );
        assert_eq!(line("parts"), "8 training and 4 test rows", "{around}");
        assert_eq!(line("labels"), "2 classes, high/x, low");
        assert_eq!(line("left out"), "1 .txt");
    }
}

#[test]
fn sounds_of_a_folder_below_a_class_are_of_it_and_other_parts_are_left_out() {
    let folder = Folder::new("media-sounds");
    let mut files = sounds(&[("train", 3), ("test", 2), ("val", 1), ("more", 1)]);
    files.push(("train/high/y.wav".to_owned(), tone(1.4)));
    files.push(("train/loose.wav".to_owned(), tone(1.4)));
    for (name, bytes) in &files {
        folder.file(name, bytes);
    }
    let path = folder.0.to_str().unwrap();
    let text = stdout(&["train", "--data", path, "--epochs", "1"]);
    assert_eq!(
        value(&text, "part folders"),
        "train for training, val for validation, test to evaluate on; not used: more"
    );
    assert_eq!(value(&text, "labels"), "2 classes, high, low");
    assert_eq!(
        value(&text, "left out"),
        "2 sounds of no part that is used, 1 .txt, 1 sounds in no class folder"
    );
    assert!(value(&text, "data").contains("7 training, 2 validation and 4 test rows"));
    let text = refusal(&["train", "--data", path, "--test-share", "0.5"]);
    assert!(
        text.contains("--test-share does not apply to sounds with their own parts"),
        "{text}"
    );
}

pub(crate) fn png(light: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(6, 5, |x, y| {
        image::Luma([light.wrapping_add((x * 3 + y) as u8)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// Dark and bright pictures in a folder.
fn pictures(folder: &Folder, part: &str, classes: &[&str], count: u8) {
    for row in 0..count {
        for class in classes {
            let light = if *class == "dark" { 20 } else { 200 };
            folder.file(&format!("{part}/{class}/{row}.png"), &png(light + row));
        }
    }
}

#[test]
fn a_validation_part_is_evaluated_where_there_is_no_other() {
    let folder = Folder::new("media-val");
    let both = ["bright", "dark"];
    pictures(&folder, "around/train", &both, 10);
    pictures(&folder, "around/val", &["dark"], 4);
    let path = folder.0.to_str().unwrap();
    let args = ["train", "--data", path, "--cache", "none", "--epochs", "40"];
    let text = stdout(&args);
    assert_eq!(
        value(&text, "part folders"),
        "train for training, val to evaluate on"
    );
    assert_eq!(value(&text, "files"), "24 PNG, of 5x6 pixels");
    assert!(value(&text, "data").contains("20 training and 4 test rows"));
    // The class of a part that lacks one keeps its number.
    assert_eq!(value(&text, "test accuracy"), "100.00 %");

    pictures(&folder, "around/test", &both, 3);
    let text = stdout(&["data", "inspect", path, "--cache", "none"]);
    assert_eq!(
        value(&text, "part folders"),
        "train for training, val for validation, test to evaluate on"
    );
    assert_eq!(
        value(&text, "parts"),
        "20 training, 4 validation and 6 test rows"
    );
    let text = stdout(
        &[
            &args[..4],
            &["none", "--epochs", "2", "--early-stopping", "1"],
        ]
        .concat(),
    );
    assert_eq!(value(&text, "chosen on"), "the validation part");
    for (flag, file) in [
        ("--valid-share", "0.2"),
        ("--valid", path),
        ("--test", path),
    ] {
        let text = refusal(&[&args[..], &[flag, file]].concat());
        assert!(
            text.contains(&format!("{flag} does not apply to ")),
            "{text}"
        );
    }

    pictures(&folder, "around/test", &["grey"], 1);
    let text = refusal(&args);
    assert!(
        text.contains("expected only the training's classes, bright, dark, got grey"),
        "{text}"
    );
    assert!(!text.contains("damaged"), "{text}");
}

#[test]
fn folders_for_training_and_validation_take_other_files_as_test_part() {
    let folder = Folder::new("media-other-test");
    let both = ["bright", "dark"];
    for (part, count) in [("own/train", 10), ("own/val", 4), ("other", 3)] {
        pictures(&folder, part, &both, count);
    }
    let [own, other] = ["own", "other"].map(|name| folder.0.join(name));
    let (own, other) = (own.to_str().unwrap(), other.to_str().unwrap());
    let args = ["train", "--data", own, "--test", other, "--cache", "none"];
    let args = [&args[..], &["--epochs", "3", "--early-stopping", "2"]].concat();
    let text = stdout(&args);
    assert!(
        text.contains("20 training, 8 validation and 6 test rows"),
        "{text}"
    );
    assert_eq!(value(&text, "chosen on"), "the validation part");
    assert_eq!(value(&text, "test part"), format!("6 rows of {other}"));
    let text = refusal(&[&args[..], &["--valid-share", "0.2"]].concat());
    assert!(text.contains("--valid-share does not apply to "), "{text}");
}

#[test]
fn sounds_for_training_and_validation_take_other_files_as_test_part() {
    let folder = Folder::new("media-other-sounds");
    let own = sounds(&[("own/train", 6), ("own/val", 3), ("other", 2)]);
    let whole = sounds(&[("whole/train", 6), ("whole/val", 3), ("whole/test", 2)]);
    for (name, bytes) in own.iter().chain(&whole) {
        folder.file(name, bytes);
    }
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let [own, other, whole] = ["own", "other", "whole"].map(place);
    let rest = ["--epochs", "3", "--early-stopping", "2"];
    let train = |data: &[&str]| stdout(&[&["train", "--data"][..], data, &rest].concat());
    // Alone, the folder `val` is what is evaluated; beside other files it is what chooses.
    let alone = train(&[&own]);
    assert!(
        value(&alone, "data").contains("12 training and 6 test rows"),
        "{alone}"
    );
    let both = train(&[&own, "--test", &other]);
    assert!(both.contains("12 training, 6 validation and 4 test rows"));
    assert_eq!(value(&both, "chosen on"), "the validation part");
    assert_eq!(value(&both, "test part"), format!("4 rows of {other}"));
    // It is the training with the same sounds in one folder.
    let one = train(&[&whole]);
    for key in ["validation loss", "test loss", "weights sha256"] {
        assert_eq!(value(&both, key), value(&one, key), "{key}");
    }
    for more in [
        ["--valid-share", "0.2"],
        ["--split", "random"],
        ["--valid", &whole],
    ] {
        let args = ["train", "--data", &own, "--test", &other];
        let text = refusal(&[&args[..], &more].concat());
        assert!(
            text.contains(&format!("{} does not apply to ", more[0])),
            "{text}"
        );
    }
    let text = refusal(&["train", "--data", &whole, "--test", &other]);
    assert!(text.contains("--test does not apply to "), "{text}");
}

#[test]
fn a_part_with_another_name_is_no_class() {
    let folder = Folder::new("media-parts");
    let both = ["bright", "dark"];
    pictures(&folder, "train", &both, 5);
    pictures(&folder, "holdout", &both, 2);
    let path = folder.0.to_str().unwrap();
    let text = refusal(&["data", "inspect", path, "--cache", "none"]);
    assert!(
        text.contains("got holdout, with the same classes"),
        "{text}"
    );
    std::fs::rename(folder.0.join("holdout"), folder.0.join("dev")).unwrap();
    let text = stdout(&["data", "inspect", path, "--cache", "none"]);
    assert_eq!(
        value(&text, "part folders"),
        "train for training, dev to evaluate on"
    );
}

#[test]
fn a_part_of_sounds_with_another_name_is_no_class() {
    let folder = Folder::new("media-sound-parts");
    for (name, bytes) in sounds(&[("train", 4), ("holdout", 2)]) {
        folder.file(&name, &bytes);
    }
    let text = refusal(&["data", "inspect", folder.0.to_str().unwrap()]);
    assert!(
        text.contains("got holdout, with the same classes"),
        "{text}"
    );
}

#[test]
fn a_folder_around_classes_is_passed_and_a_single_class_is_refused_with_what_helps() {
    let folder = Folder::new("media-around");
    pictures(&folder, "unpacked/pictures", &["bright", "dark"], 5);
    let path = folder.0.to_str().unwrap();
    let text = stdout(&["data", "inspect", path, "--cache", "none"]);
    assert_eq!(value(&text, "labels"), "2 classes, bright, dark");
    std::fs::remove_dir_all(folder.0.join("unpacked/pictures/dark")).unwrap();
    let text = refusal(&["train", "--data", path, "--cache", "none"]);
    assert!(
        text.contains("at least 2 folders, each with the images of a class, got 1 of them; put"),
        "{text}"
    );
    let alone = folder.file("one.webp", b"RIFF");
    let text = refusal(&["train", "--data", alone.to_str().unwrap()]);
    assert!(
        text.contains("got one of them; give the folder in which they lie"),
        "{text}"
    );
}
