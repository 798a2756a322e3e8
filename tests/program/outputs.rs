//! Where the program writes: through what is no plain file, over nothing of others', and only its
//! own is removed.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::stderr::stderr;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A run of one epoch on the digits, and a folder of images beside it.
fn run(folder: &Folder) -> String {
    for number in 0..24 {
        let class = ["a", "b"][number % 2];
        let path = folder.file(&format!("images/{class}/{number}.png"), b"");
        let image = image::GrayImage::from_raw(4, 4, vec![128; 16]).unwrap();
        image.save(path).unwrap();
    }
    let run = folder.0.join("run");
    stdout(&["train", "--epochs", "1", "--out", text(&run), "--quiet"]);
    text(&run).to_owned()
}

/// Every command that writes a file, but for the file.
fn writers(run: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    [
        format!("export {run} --out"),
        format!("export {run} --format npz --out"),
        format!("export {run} --format onnx --out"),
        format!("predict {run} --out"),
        format!("explain {run} --rows 0 --method gradient-input --out"),
        "schedule --rows 320 --epochs 2 --svg".to_owned(),
        "schedule --rows 320 --epochs 2 --csv".to_owned(),
        "lr-range --steps 5 --svg".to_owned(),
        "lr-range --steps 5 --csv".to_owned(),
        format!("data inspect {run}/../images --sheet"),
    ]
    .iter()
    .map(|line| words(line))
    .collect()
}

fn with<'a>(command: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let words = command.iter().map(String::as_str);
    words.chain(more.iter().copied()).collect()
}

#[test]
fn links_and_fifos_stay_what_they_are_whoever_writes() {
    let folder = Folder::new("outputs-kinds");
    let run = run(&folder);
    for command in writers(&run) {
        let file = folder.0.join("plain");
        stdout(&with(&command, &[text(&file)]));
        let expected = fs::read(&file).unwrap();
        let beside = folder.file("beside", b"made by the test");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode();
        assert_eq!(mode(&file), mode(&beside), "{command:?}");

        let link = folder.0.join("link");
        symlink("target", &link).unwrap();
        stdout(&with(&command, &[text(&link)]));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(
            fs::read(folder.0.join("target")).unwrap() == expected,
            "{command:?}"
        );

        let fifo = folder.0.join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read(fifo).unwrap()
        });
        stdout(&with(&command, &[text(&fifo)]));
        assert!(reader.join().unwrap() == expected, "{command:?}");
        assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());

        stdout(&with(&command, &["/dev/null"]));
        let null = fs::metadata("/dev/null").unwrap();
        assert!(null.file_type().is_char_device(), "{command:?}");
        for name in ["plain", "link", "target", "fifo"] {
            fs::remove_file(folder.0.join(name)).unwrap();
        }
    }
}

#[test]
fn stdout_is_the_file_alone() {
    let folder = Folder::new("outputs-stdout");
    let run = run(&folder);
    for command in writers(&run) {
        let file = folder.0.join("plain");
        stdout(&with(&command, &[text(&file)]));
        let expected = fs::read(&file).unwrap();
        for name in ["-", "/dev/stdout", "/dev/fd/1"] {
            let output = unisono(&with(&command, &[name]));
            assert!(output.status.success(), "{command:?}");
            assert!(output.stdout == expected, "{command:?} {name}");
        }
        // What a shell has begun to write stays before it.
        let started = folder.file("started", b"before ");
        let to = fs::File::options().append(true).open(&started).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_unisono"));
        let child = child.args(with(&command, &["/dev/stdout"])).stdout(to);
        let child = child.stderr(Stdio::null()).status().unwrap();
        assert!(child.success());
        let whole = [&b"before "[..], &expected].concat();
        assert!(fs::read(&started).unwrap() == whole, "{command:?}");
        fs::remove_file(file).unwrap();
    }
    // A run is a folder.
    let refused = unisono(&["train", "--epochs", "0", "--out", "-"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(!Path::new("-").exists());
}

#[test]
fn nothing_of_others_is_overwritten_unless_it_is_asked_for() {
    let folder = Folder::new("outputs-others");
    let run = run(&folder);
    let notes = b"row,kind\n1,unisono\n";
    for command in writers(&run) {
        let file = folder.file("data.csv", notes);
        let message = stderr(&with(&command, &[text(&file)]), 2);
        assert!(message.contains("data.csv is there already"), "{message}");
        assert!(message.contains("--force"), "{message}");
        assert_eq!(fs::read(&file).unwrap(), notes);
        stdout(&with(&command, &[text(&file), "--force"]));
        let written = fs::read(&file).unwrap();
        assert_ne!(written, notes);
        // Its own may have been changed since: it is replaced as little, as it is or edited.
        for mine in [&written[..], &[&written[..], b" "].concat()] {
            fs::write(&file, mine).unwrap();
            let message = stderr(&with(&command, &[text(&file)]), 2);
            assert!(message.contains("is there already"), "{message}");
            assert_eq!(fs::read(&file).unwrap(), mine);
        }
        // An empty file holds nothing.
        fs::write(folder.0.join("empty"), "").unwrap();
        stdout(&with(&command, &[text(&folder.0.join("empty"))]));
        // A run is made of its files, whoever has written them.
        for name in ["report.html", "model.safetensors", "config.toml"] {
            let own = Path::new(&run).join(name);
            let before = fs::read(&own).unwrap();
            let message = stderr(&with(&command, &[text(&own)]), 2);
            assert!(message.contains("choose another file"), "{message}");
            assert_eq!(fs::read(&own).unwrap(), before);
        }
    }
    let rows = folder.0.join("rows.csv");
    let predict = ["predict", &run, "--out", text(&rows)];
    assert_eq!(value(&stdout(&predict), "predictions"), text(&rows));
    let of_rows = [&["predict", &run, text(&rows)], &predict[2..]].concat();
    let message = stderr(&of_rows, 2);
    assert!(message.contains("is what the command reads"), "{message}");
}

#[test]
fn folders_of_others_are_not_mixed_up() {
    let folder = Folder::new("outputs-folders");
    let run = run(&folder);
    let notes = folder.file("mine/notes.txt", b"mine");
    let mine = text(notes.parent().unwrap()).to_owned();
    let study = |out: &str| -> Vec<String> {
        let line =
            format!("study recipes --batches 16,32 --repeats 1 --epochs 1 --threads 1 --out {out}");
        line.split(' ').map(str::to_owned).collect()
    };
    let scaling = |out: &str| -> Vec<String> {
        let line =
            format!("scaling --preset mlp_small --threads 1 --mode strong --budget 1s --out {out}");
        line.split(' ').map(str::to_owned).collect()
    };
    for out in [&run, &mine] {
        let before = names(out);
        for command in [study(out), scaling(out)] {
            let message = stderr(&with(&command, &[]), 2);
            assert!(message.contains("is not empty"), "{message}");
            assert!(message.contains("--force"), "{message}");
            assert_eq!(names(out), before, "{command:?}");
        }
    }
    // A study goes on in its own folder, another measurement does not go over the first.
    let own = text(&folder.0.join("own")).to_owned();
    stdout(&with(&study(&own), &[]));
    stdout(&with(&study(&own), &[]));
    let message = stderr(&with(&scaling(&own), &[]), 2);
    assert!(message.contains("is not empty"), "{message}");
    stdout(&with(&study(&mine), &["--force"]));
    assert_eq!(fs::read(notes).unwrap(), b"mine");
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_training_that_never_began_removes_its_own_files_and_no_others() {
    let folder = Folder::new("outputs-back");
    // Found to be odd once the run's folder has been made.
    let data = folder.file("odd.csv", b"1,2\n3\n");
    let train = |out: &Path| stderr(&["train", "--data", text(&data), "--out", text(out)], 2);
    let users = folder.0.join("users");
    fs::create_dir(&users).unwrap();
    train(&users);
    assert!(users.is_dir() && names(text(&users)).is_empty());
    let new = folder.0.join("new");
    train(&new);
    assert!(!new.exists());
}

#[test]
fn a_run_that_goes_on_writes_through_no_link() {
    let folder = Folder::new("outputs-in-run");
    let run = run(&folder);
    let mine = folder.file("mine.txt", b"mine");
    let checkpoint = fs::read_dir(Path::new(&run).join("checkpoints")).unwrap();
    let checkpoint = checkpoint.map(|entry| entry.unwrap().file_name()).next();
    let checkpoint = format!("checkpoints/{}", checkpoint.unwrap().to_str().unwrap());
    for name in [
        "config.toml",
        "manifest.json",
        "metrics.jsonl",
        "model.safetensors",
        "last.safetensors",
        "report.html",
        "lock",
        &checkpoint,
        "checkpoints/step-999.json",
        "events.out.tfevents.1",
    ] {
        let own = Path::new(&run).join(name);
        let before = fs::read(&own).ok();
        let _ = fs::remove_file(&own);
        symlink(&mine, &own).unwrap();
        let message = stderr(&["train", "--resume", &run, "--epochs", "2"], 2);
        assert!(message.contains("is a link or a device"), "{message}");
        assert!(message.contains(name), "{message}");
        assert_eq!(fs::read(&mine).unwrap(), b"mine", "{name}");
        fs::remove_file(&own).unwrap();
        if let Some(before) = before {
            fs::write(own, before).unwrap();
        }
    }
    // A link of the user's own, under another name, is no matter.
    symlink(&mine, Path::new(&run).join("notes")).unwrap();
    stdout(&["train", "--resume", &run, "--epochs", "2", "--quiet"]);
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
}

#[test]
fn what_the_path_is_to_blame_for_ends_with_2_and_what_the_machine_is_with_1() {
    let folder = Folder::new("outputs-codes");
    let run = run(&folder);
    let file = folder.file("file", b"mine");
    let [below, none] = [file.join("below"), folder.0.join("no/such/file")];
    let [file, below, none] = [&file, &below, &none].map(|path| text(path));
    let study = "study recipes --batches 16,32 --repeats 1 --epochs 1 --threads 1 --out";
    let study: Vec<&str> = study.split(' ').collect();
    let scaling = "scaling --preset mlp_small --threads 1 --budget 1s --out";
    let scaling: Vec<&str> = scaling.split(' ').collect();
    let cases: &[(&[&str], &str)] = &[
        (&["train", "--epochs", "1", "--out"], file),
        (&["train", "--epochs", "1", "--out"], below),
        (&["train", "--resume"], file),
        (&["train", "--config"], none),
        (&["list"], none),
        (&["list"], file),
        (&["export", &run, "--out"], none),
        (&["predict", &run, "--out"], none),
        (&["schedule", "--svg"], none),
        (&study, file),
        (&study, below),
        (&scaling, file),
        (&scaling, below),
    ];
    for (command, path) in cases {
        let message = stderr(&[*command, &[*path]].concat(), 2);
        assert!(message.contains(path), "{message}");
        assert_eq!(
            message
                .lines()
                .filter(|line| line.starts_with("unisono: "))
                .count(),
            1
        );
    }
    assert_eq!(fs::read(file).unwrap(), b"mine");
    if Path::new("/dev/full").exists() {
        stderr(&["export", &run, "--out", "/dev/full"], 1);
    }
}

#[test]
fn copies_beside_checkpoints_are_not_pruned() {
    let folder = Folder::new("outputs-copies");
    let run = run(&folder);
    let checkpoints = Path::new(&run).join("checkpoints");
    let copy = checkpoints.join("step-backup.json");
    fs::write(&copy, "a copy of mine").unwrap();
    stdout(&[
        "train", "--resume", &run, "--epochs", "6", "--keep", "1", "--quiet",
    ]);
    assert_eq!(fs::read(copy).unwrap(), b"a copy of mine");
}
