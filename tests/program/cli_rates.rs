//! Optimisers, schedules and batch policies on the command line.

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use crate::stderr::stderr;

#[test]
fn a_schedule_is_drawn_in_plain_text_and_as_svg() {
    let path = std::env::temp_dir().join(format!("unisono-{}.svg", std::process::id()));
    let svg = path.to_str().unwrap();
    let schedule = "warmup 2 epochs, cosine to 0.1 over 30 epochs";
    let text = stdout(&[
        "schedule",
        "--lr",
        "0.2",
        "--schedule",
        schedule,
        "--svg",
        svg,
    ]);
    assert_eq!(value(&text, "schedule"), schedule);
    assert_eq!(value(&text, "steps"), "1350");
    assert!(value(&text, "learning rate").starts_with("first 0.000000, highest 0.19"));
    assert!(text.contains('─') && !text.contains('\u{1b}'));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("<svg"));
    std::fs::remove_file(path).unwrap();
    let staged = [
        "schedule",
        "--schedule",
        "step 0.5 every 10 epochs",
        "--batch-policy",
    ];
    let text = stdout(&[&staged[..], &["staged to 64"]].concat());
    assert!(text.contains("rows of a batch"));
}

#[test]
fn a_charts_numbers_go_to_a_file_of_their_own() {
    let folder = Folder::new("schedule-numbers");
    let [svg, csv] = ["rate.svg", "rate.csv"].map(|name| folder.0.join(name));
    let [svg, csv] = [&svg, &csv].map(|path| path.to_str().unwrap());
    let command = ["schedule", "--rows", "64", "--batch-size", "32"];
    let more = [
        "--epochs",
        "2",
        "--lr",
        "0.5",
        "--schedule",
        "linear to 0 over 2 epochs",
    ];
    let command = [&command[..], &more].concat();
    stdout(&[&command[..], &["--svg", svg, "--csv", csv]].concat());
    let text = std::fs::read_to_string(csv).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[0], "series,x,y,low,high,censored,x_low,x_high");
    // Four steps, each once, though the last is drawn in any case.
    let rates: Vec<&str> = rows[1..].iter().map(|row| &row[..row.len() - 10]).collect();
    assert_eq!(
        rates,
        ["lr,0,0.5", "lr,0.5,0.375", "lr,1,0.25", "lr,1.5,0.125"]
    );
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    // One file cannot be both, however it is named.
    let dotted = folder.0.join("./rate.svg");
    for [one, other] in [[svg, svg], [svg, dotted.to_str().unwrap()], ["-", "-"]] {
        let same = [&command[..], &["--force", "--svg", one, "--csv", other]].concat();
        assert!(
            stderr(&same, 2).contains("another file than --svg"),
            "{other}"
        );
    }
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
}

#[test]
fn a_configurations_schedule_is_drawn_over_its_own_data() {
    let folder = Folder::new("schedule-config");
    let config = "[optimizer]\nschedule = \"cosine to 0 over 4 epochs\"\n[run]\nepochs = 4\n[batch]\nsize = 100\n";
    let file = folder.file("a.toml", config.as_bytes());
    let file = file.to_str().unwrap();
    let text = stdout(&["schedule", "--config", file]);
    assert_eq!(value(&text, "schedule"), "cosine to 0 over 4 epochs");
    // 1437 rows of the digits, in batches of 100.
    assert_eq!(value(&text, "steps"), "60");
    let text = stdout(&[
        "schedule", "--config", file, "--rows", "200", "--epochs", "2",
    ]);
    assert_eq!(value(&text, "steps"), "4");
}

#[test]
fn optimisers_schedules_and_policies_are_taken_from_the_command_line() {
    let text = stdout(&[
        "train",
        "--optimizer",
        "lamb",
        "--lr",
        "0.01",
        "--clip-norm",
        "1",
        "--average",
        "0.9",
        "--schedule",
        "cosine over 4 epochs",
        "--batch-policy",
        "noise 32..64 every 9 steps lr sqrt",
        "--track",
        "noise-scale",
        "--early-stopping",
        "3",
        "--epochs",
        "4",
    ]);
    let optimizer =
        "lamb (lr 0.01, betas 0.9 and 0.999, weight decay 0.01, clip norm 1, average 0.9)";
    assert_eq!(value(&text, "optimizer"), optimizer);
    assert!(value(&text, "noise scale").ends_with(" rows"));
    assert!(value(&text, "best epoch").ends_with(", kept"));
    let text = stdout(&["lr-range", "--steps", "50"]);
    assert!(value(&text, "suggested learning rate").contains("steepest fall"));
}

#[test]
fn settings_that_mean_nothing_are_named_with_exit_code_2() {
    let cases: [(&[&str], &str); 6] = [
        (
            &["train", "--optimizer", "adamax"],
            "--optimizer must be sgd, momentum,",
        ),
        (
            &["train", "--schedule", "cosine over 5"],
            "steps, epochs or examples, got \"its end\"",
        ),
        (
            &["train", "--batch-policy", "cabs"],
            "the batch policy must be one of",
        ),
        (
            &["train", "--l2", "-1"],
            "--l2 must be finite and at least 0, got \"-1\"",
        ),
        (
            &["schedule", "--batch-policy", "cabs 8..64"],
            "cannot be drawn ahead",
        ),
        (
            &["schedule", "--svg", "/no/such/folder/x.svg"],
            "cannot write /no/such/folder/x.svg",
        ),
    ];
    for (args, message) in cases {
        let output = unisono(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}
