//! `unisono study`, as its users meet it.

use crate::files::Folder;
use crate::program::{stdout, value};
use crate::stderr::stderr;

const QUICK: [&str; 10] = [
    "--batches",
    "16..64",
    "--candidates",
    "4",
    "--repeats",
    "2",
    "--target-error",
    "0.1",
    "--epochs",
    "20",
];

#[test]
fn a_study_is_kept_and_the_same_command_goes_on_or_only_reports() {
    let folder = Folder::new("cli-study");
    let out = folder.0.join("a");
    let path = out.to_str().unwrap();
    let command = [&["study", "steps", "--out", path], &QUICK[..]].concat();
    let first = stdout(&command);
    assert!(value(&first, "critical batch size").contains(" to "));
    let trials = std::fs::read_to_string(out.join("trials.jsonl")).unwrap();
    assert_eq!(trials.lines().count(), 3 * (4 + 2));
    for file in ["report.html", "steps.svg", "examples.svg"] {
        assert!(out.join(file).exists(), "{file}");
    }
    // A line less is a trial that was not finished.
    let shorter: Vec<&str> = trials.lines().skip(1).collect();
    folder.file("a/trials.jsonl", (shorter.join("\n") + "\n").as_bytes());
    let again = stdout(&[&command[..], &["--parallel-trials", "1"]].concat());
    assert_eq!(again, first);
    let other = stderr(&[&command[..], &["--lr-range", "0.1..1"]].concat(), 2);
    assert!(other.contains("has other settings: space was"), "{other}");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    let addresses = report.matches("http").count();
    assert_eq!(addresses, report.matches("http://www.w3.org/").count());
}

#[test]
fn slices_are_made_merged_and_finished() {
    let folder = Folder::new("cli-slices");
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (one, two, whole) = (place("1"), place("2"), place("whole"));
    for (slice, path) in [("1/2", &one), ("2/2", &two)] {
        stdout(
            &[
                &["study", "steps", "--out", path, "--slice", slice],
                &QUICK[..],
            ]
            .concat(),
        );
    }
    let text = stdout(&["study", "merge", &one, &two, "--into", &whole]);
    assert_eq!(value(&text, "trials"), "12");
    let merged = stdout(&[&["study", "steps", "--out", &whole], &QUICK[..]].concat());
    let alone = stdout(&[&["study", "steps"], &QUICK[..]].concat());
    assert_eq!(
        value(&merged, "critical batch size"),
        value(&alone, "critical batch size")
    );
    let nothing = stderr(
        &["study", "merge", &place("none"), "--into", &place("x")],
        2,
    );
    assert!(nothing.contains("study.json"), "{nothing}");
}

#[test]
fn recipes_of_every_kind_run_from_a_configuration() {
    let folder = Folder::new("cli-recipes");
    let config =
        "[optimizer]\nlr = 0.05\n[run]\nepochs = 4\n[study]\nbatches = \"16,128\"\nrepeats = 2\n";
    let file = folder.file("study.toml", config.as_bytes());
    let file = file.to_str().unwrap();
    for (kind, rows, column) in [
        ("recipes", 7, "updates to it"),
        ("adaptive", 9, "updates to it"),
        ("gap", 3, "sharpness, worst, eps 0.001"),
    ] {
        // What the file says stands, but for what a flag says.
        let text = stdout(&["study", kind, "--config", file, "--target-error", "0.3"]);
        let table: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("diverged)"))
            .collect();
        assert_eq!(table.len(), rows, "{kind}: {text}");
        assert!(text.contains(column), "{kind}: {text}");
    }
    folder.file("study.toml", b"[study]\nbatch = \"8\"\n");
    let odd = stderr(&["study", "steps", "--config", file], 2);
    let expected = "study.toml, line 2, column 1: unknown key `batch`; did you mean `batches`?";
    assert!(odd.contains(expected), "{odd}");
}

#[test]
fn recipes_side_by_side_or_in_slices_come_to_the_same() {
    let folder = Folder::new("cli-arms");
    let place = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let quick = ["--batches", "16,64", "--epochs", "3", "--repeats", "2"];
    let gap = |more: &[&str]| {
        stdout(
            &[
                &["study", "gap", "--layers", "dense 16, batch-norm, relu"],
                &quick[..],
                more,
            ]
            .concat(),
        )
    };
    let table = |text: &str| -> Vec<String> {
        text.lines()
            .skip(1)
            .take(3)
            .map(ToOwned::to_owned)
            .collect()
    };
    let alone = table(&gap(&["--threads", "2"]));
    assert_eq!(alone.len(), 3);
    assert_eq!(table(&gap(&["--parallel-trials", "3"])), alone);
    let slices = [place("1"), place("2")];
    for (slice, path) in ["1/2", "2/2"].iter().zip(&slices) {
        gap(&["--out", path, "--slice", slice]);
    }
    let whole = place("whole");
    let text = stdout(&["study", "merge", &slices[0], &slices[1], "--into", &whole]);
    assert_eq!(value(&text, "trials"), "6");
    assert_eq!(table(&gap(&["--out", &whole])), alone);
    // The groups of batch norm are the recipes': so many rows as the small batch has.
    let odd = ["study", "gap", "--layers", "batch-norm"];
    let text = stderr(&[&odd[..], &["--shards", "2"]].concat(), 2);
    assert!(text.contains("--shards must be left out"), "{text}");
    let text = stderr(&[&odd[..], &["--batches", "16,40"]].concat(), 2);
    assert!(text.contains("a multiple of the small one"), "{text}");
}

#[test]
fn schedules_are_searched_and_an_optimiser_of_ones_own_trains() {
    let folder = Folder::new("cli-schedules");
    let out = folder.0.join("a");
    let searched = [
        "--schedules",
        "constant; linear over 20 epochs",
        "--optimizer",
        "adamw",
    ];
    let more = ["--lr-range", "0.001..0.05", "--out", out.to_str().unwrap()];
    let text = stdout(&[&["study", "steps"], &QUICK[..], &searched, &more].concat());
    assert!(
        value(&text, "critical batch size").contains(" to "),
        "{text}"
    );
    let trials = std::fs::read_to_string(out.join("trials.jsonl")).unwrap();
    for schedule in ["constant", "linear to 0 over 20 epochs"] {
        let wanted = format!("\"schedule\":\"{schedule}\"");
        assert!(trials.contains(&wanted), "{schedule}: {trials}");
    }
    let settings = std::fs::read_to_string(out.join("study.json")).unwrap();
    assert!(settings.contains("adamw (lr of the trial"), "{settings}");
    let other = [&["study", "steps"], &QUICK[..], &more, &["--shards", "2"]].concat();
    let other = stderr(&other, 2);
    assert!(other.contains("engine.shards was not set"), "{other}");
}

#[test]
fn what_a_study_would_not_use_is_refused() {
    let cases: [(&str, &[&str], &str); 11] = [
        (
            "gap",
            &["--repeats", "0"],
            "--repeats must be a whole number from 1 to 100000, got \"0\"",
        ),
        (
            "steps",
            &["--lr", "0.1"],
            "--lr does not apply to `unisono study steps`: --lr-range says",
        ),
        (
            "steps",
            &["--batch-size", "8"],
            "--batch-size does not apply to `unisono study steps`: --batches",
        ),
        (
            "steps",
            &["--momentum", "0.8", "--momentum-range", "0.1..1"],
            "--momentum-range says",
        ),
        (
            "steps",
            &["--set", "run.keep=2"],
            "--keep does not apply to `unisono study steps`: it keeps",
        ),
        (
            "steps",
            &["--threads", "2", "--parallel-trials", "2"],
            "side by side have one thread each",
        ),
        ("time", &["--threads", "2"], "--on-threads says on how many"),
        (
            "recipes",
            &["--schedule", "linear over 2 epochs"],
            "its recipes have schedules of their own",
        ),
        (
            "recipes",
            &["--candidates", "3"],
            "--candidates does not apply to `unisono study recipes`",
        ),
        (
            "adaptive",
            &["--l2", "0.1"],
            "its policies are compared with plain SGD",
        ),
        ("gap", &["--max-steps", "5"], "--epochs says how long"),
    ];
    for (kind, args, message) in cases {
        let text = stderr(&[&["study", kind], args].concat(), 2);
        assert!(text.contains(message), "{kind} {args:?}: {text}");
    }
    let folder = Folder::new("cli-unused");
    let file = folder.file("a.toml", b"[run]\nepochs = 4\nearly_stopping = 3\n");
    let text = stderr(&["study", "gap", "--config", file.to_str().unwrap()], 2);
    let expected =
        "a.toml: run.early_stopping does not apply to `unisono study gap`: its trainings have";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn what_cannot_be_studied_is_refused_with_exit_code_2() {
    let cases: [(&[&str], &str); 8] = [
        (
            &["--batches", "64..8"],
            "--batches must be numbers with commas, or LOW..HIGH",
        ),
        (
            &["--batches", "8,8"],
            "the batch sizes must be each named once",
        ),
        (
            &["--lr-range", "1..0.1"],
            "--lr-range must be LOW..HIGH with 0 < LOW <= HIGH, got \"1..0.1\"",
        ),
        (
            &["--search", "grid"],
            "--search must be random, sobol or halving, got \"grid\"",
        ),
        (
            &["--slice", "3/2"],
            "a slice must be K/N with K from 1 to N, got 3/2",
        ),
        (&["--slice", "half"], "--slice must be K/N"),
        (
            &["--target-error", "0.1", "--target-loss", "1"],
            "cannot be used with",
        ),
        (
            &["--parallel-trials", "0"],
            "--parallel-trials must be a whole number from 1 to 4096",
        ),
    ];
    let kinds = ["gap", "recipes", "adaptive"];
    let cases = cases.map(|(args, message)| ("steps", args, message));
    let idle: &[&str] = &["--batches", "16,64", "--epochs", "0"];
    let idle = kinds.map(|kind| (kind, idle, "the epochs must be at least 1, got 0"));
    for (kind, args, message) in cases.into_iter().chain(idle) {
        let text = stderr(&[&["study", kind], args].concat(), 2);
        assert!(text.contains(message), "{args:?}: {text}");
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("unisono:"))
                .count(),
            1
        );
    }
}

#[test]
fn a_model_of_layers_trains_and_layers_that_there_are_not_are_named() {
    let layers = "conv 8 3 pad 1, relu, max-pool 2";
    let folder = Folder::new("cli-layers");
    // The digits are a row of features, or images where layers take images.
    let text = stdout(&[
        "train",
        "--layers",
        "dense 32, relu, dense 16, tanh",
        "--epochs",
        "3",
    ]);
    assert!(value(&text, "model").starts_with("64-dense 32-relu-dense 16-tanh-dense 10"));
    let text = stdout(&["train", "--layers", layers, "--epochs", "1"]);
    assert!(
        value(&text, "model").starts_with("8x8x1-conv2d 8x8x8-relu-max_pool 4x4x8-flatten 128")
    );
    let odd = stderr(&["train", "--layers", "dens 32"], 2);
    assert!(
        odd.contains("layer 0 (`dens 32`) must be one of dense N"),
        "{odd}"
    );
    let file = folder.file(
        "a.toml",
        b"[model]\npreset = \"mlp\"\nlayers = \"dense 8\"\n",
    );
    let odd = stderr(&["train", "--config", file.to_str().unwrap()], 2);
    assert!(
        odd.contains("model.layers must be without a preset"),
        "{odd}"
    );
}

#[test]
fn time_to_a_target_is_measured_over_threads_after_the_same_study_of_steps() {
    let folder = Folder::new("cli-time");
    let out = folder.0.join("a");
    let path = out.to_str().unwrap();
    let steps = [&["study", "steps", "--out", path], &QUICK[..]].concat();
    stdout(&steps);
    let time = [&["study", "time", "--out", path], &QUICK[..]].concat();
    let text = stdout(&[&time[..], &["--on-threads", "1,3"]].concat());
    assert_eq!(value(&text, "target"), "an error below 10.00 %");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .skip(2)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 3 * 2, "{text}");
    for pair in rows.chunks(2) {
        let [one, three] = pair else {
            panic!("two numbers of threads a batch size")
        };
        // batch, threads, reached, of, all, examples
        assert_eq!((one[0], one[1], three[1]), (three[0], "1", "3"));
        assert_eq!(one[2..6], three[2..6], "{text}");
    }
    assert!(
        rows[0].ends_with(&["1.000", "(range", "of", "2:", "1.000", "to", "1.000)"]),
        "{text}"
    );
    // The study was there: nothing was tried again.
    let trials = std::fs::read_to_string(out.join("trials.jsonl")).unwrap();
    assert_eq!(trials.lines().count(), 3 * (4 + 2));
    let times = || std::fs::read_to_string(out.join("times.jsonl")).unwrap();
    assert_eq!(times().lines().count(), 3 * 2 * 2);
    // More threads are timed beside those that have been.
    stdout(&[&time[..], &["--on-threads", "1,2,3"]].concat());
    assert_eq!(times().lines().count(), 3 * 2 * 3);
    assert!(out.join("time.html").exists() && out.join("true_speed_up.png").exists());
    let odd = stderr(&[&time[..], &["--on-threads", "0"]].concat(), 2);
    assert!(odd.contains("the numbers of threads must be"), "{odd}");
    let cut = ["study", "time", "--slice", "1/2"];
    let cut = stderr(&[&cut[..], &QUICK[..]].concat(), 2);
    assert!(cut.contains("none of them a fresh run"), "{cut}");
}
