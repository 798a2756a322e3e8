//! Settings that would change nothing, and numbers out of their range: refused by name, and as they
//! were written.

use crate::files::Folder;
use crate::program::{stdout, unisono};
use crate::stderr::stderr;

/// Settings that would change nothing, and a part of why they are refused.
const IDLE: &[(&str, &str)] = &[
    (
        "train --batch-policy 'staged to 64'",
        "\"constant\" never does; name such a --schedule",
    ),
    (
        "train --batch-policy 'staged to 32' --schedule 'linear over 9 epochs'",
        "largest batch must be above the batch size, got 32, in \"staged to 32\"",
    ),
    ("train --batch-policy 'cabs 32..32'", "above its smallest"),
    (
        "train --batch-policy 'noise 32..32 every 3 steps'",
        "above its smallest",
    ),
    (
        "train --batch-policy 'adascale from 32'",
        "at least 1 and below the batch size, got 32",
    ),
    (
        "train --schedule 'step 1 every 3 epochs'",
        "never changes the rate",
    ),
    (
        "train --schedule 'cosine to 1 over 3 epochs'",
        "never changes",
    ),
    (
        "train --average 0",
        "--average must be above 0 and below 1, got \"0\"",
    ),
    (
        "train --decay-all --l2 0",
        "--decay-all does not apply to `unisono train`: nothing decays",
    ),
    (
        "train --shards 65536 --batch-size 8",
        "--shards must be at most 8, the rows of the largest batch, got \"65536\"",
    ),
    (
        "bench --shards 9 --batch-size 8",
        "--shards must be at most 8",
    ),
    (
        "lr-range --shards 9 --batch-size 8",
        "--shards must be at most 8",
    ),
    (
        "study steps --batches 8,16 --shards 17",
        "--shards must be at most 16",
    ),
    (
        "train --checkpoint-every-epochs 0 --keep 2 --out never",
        "--keep does not apply to `unisono train`: there is no second checkpoint",
    ),
    (
        "study steps --repeats 0",
        "--repeats must be a whole number from 1",
    ),
    (
        "study steps --target-error 2",
        "--target-error must be above 0 and below 1, got \"2\"",
    ),
    (
        "train --early-stopping 0",
        "--early-stopping must be a whole number from 1",
    ),
    (
        "train --lr 1e-320",
        "--lr must be finite and at least 0, and at least 1e-45",
    ),
    ("train --weight-decay 1e-60", "--weight-decay must be"),
    ("train --l1 1e-60", "--l1 must be"),
    ("train --momentum 1e-60", "--momentum must be"),
    ("train --clip-norm 1e-60", "--clip-norm must be"),
    ("train --set optimizer.l2=1e-60", "optimizer.l2 must be"),
    (
        "train --schedule 'cosine to 1e-60 over 3 epochs'",
        "at least 1e-45 (single precision), or 0, got \"1e-60\"",
    ),
    (
        "train --data x --augment 'noise 1e-60'",
        "--augment: noise must be finite and above 0, got \"1e-60\"",
    ),
];

/// The words of a line, with single quotes.
fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        })
        .collect()
}

#[test]
fn what_would_change_nothing_is_refused_by_name() {
    for (line, why) in IDLE {
        let said = stderr(&words(line), 2);
        assert!(said.contains(why), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
    }
    assert!(!std::path::Path::new("never").exists());
}

#[test]
fn augmentations_by_nothing_are_refused_for_every_kind_of_data() {
    let folder = Folder::new("asked-augment");
    let table: String = (0..40)
        .map(|row| format!("{row},{}\n", ["a", "b"][row % 2]))
        .collect();
    let table = folder.file("table.csv", table.as_bytes());
    let text = folder.file("text.txt", "to be or not to be ".repeat(40).as_bytes());
    for number in 0..24 {
        let class = ["a", "b"][number % 2];
        let path = folder.file(&format!("images/{class}/{number}.png"), b"");
        let image = image::GrayImage::from_raw(4, 4, vec![10 * number as u8; 16]).unwrap();
        image.save(path).unwrap();
    }
    let images = folder.0.join("images");
    for data in [&table, &text, &images] {
        for augment in [
            "shift 0",
            "rotate 0",
            "cutout 0",
            "flip noise 0",
            "time-mask 0",
            "token-dropout 0",
        ] {
            let said = stderr(
                &[
                    "train",
                    "--data",
                    data.to_str().unwrap(),
                    "--augment",
                    augment,
                ],
                2,
            );
            let word = augment.split(' ').rev().nth(1).unwrap();
            assert!(
                said.contains(&format!("--augment: {word} must be")),
                "{said}"
            );
            assert!(said.contains("got \"0\"; leave the word out"), "{said}");
        }
    }
    let said = stderr(
        &[
            "train",
            "--data",
            images.to_str().unwrap(),
            "--grey",
            "--augment",
            "saturation 0.5",
        ],
        2,
    );
    assert!(
        said.contains("--augment") && said.contains("grey"),
        "{said}"
    );
}

#[test]
fn what_acts_later_than_the_training_ends_is_told() {
    let cases = [
        (
            &["--schedule", "step 0.1 every 9 epochs"][..],
            "the schedule",
        ),
        (
            &["--batch-policy", "adabatch 2 every 9 epochs lr 1 to 64"],
            "the batch policy",
        ),
    ];
    for (setting, what) in cases {
        let train = [&["train", "--quiet", "--epochs"][..], &["2"], setting].concat();
        let said = stderr(&train, 0);
        let expected = format!("warning: {what} ");
        assert!(
            said.contains(&expected) && said.contains("changes nothing in 90 steps"),
            "{said}"
        );
        let train = [&["train", "--quiet", "--epochs"][..], &["10"], setting].concat();
        assert!(!stderr(&train, 0).contains("changes nothing"));
    }
}

/// Flags whose numbers stand in a text, and the command that has each.
const LISTS: &[(&str, &str)] = &[
    ("study steps", "--batches"),
    ("study steps", "--lr-range"),
    ("study steps", "--momentum-range"),
    ("study steps", "--slice"),
    ("study time", "--on-threads"),
    ("study branches", "--branch-at"),
    ("scaling --preset mlp_small", "--threads"),
    ("scaling --preset mlp_small", "--budget"),
    ("scaling --simulate", "--threads"),
    ("train --data x", "--image-size"),
    ("train --data x", "--sampling"),
    ("train --data x", "--augment"),
    ("train", "--schedule"),
    ("train", "--batch-policy"),
];

#[test]
fn numbers_in_texts_are_refused_by_name_and_as_they_were_written() {
    for (command, flag) in LISTS {
        for odd in [
            "-1",
            "1e400",
            "0.99999999999",
            "99999999999999999999",
            "nan",
            "",
        ] {
            let mut args: Vec<&str> = command.split(' ').collect();
            args.extend([*flag, odd]);
            // A range may be one number, and a branch begin within an epoch.
            let takes = match *flag {
                "--lr-range" | "--momentum-range" => {
                    ["0.99999999999", "99999999999999999999"].contains(&odd)
                }
                "--branch-at" => odd == "0.99999999999",
                _ => false,
            };
            if takes {
                continue;
            }
            let said = stderr(&args, 2);
            assert!(said.contains(flag), "{args:?}: {said}");
            assert!(said.contains(odd), "{args:?}: {said}");
        }
    }
}

#[test]
fn what_begins_with_a_minus_is_a_number_wherever_one_is_taken() {
    for (args, expected) in [
        (
            &["train", "--seed", "-3"][..],
            "--seed must be a whole number from 0",
        ),
        (
            &["train", "--test-share", "-.5"],
            "--test-share must be above 0",
        ),
        (
            &["train", "--keep", "-3"],
            "--keep must be a whole number from 1",
        ),
        (&["train", "--lr", "-inf"], "--lr must be finite"),
        (&["scaling", "--half-width", "-0.1"], "--half-width must be"),
        (
            &["lr-range", "--from", "-1e-3"],
            "--from must be finite and above 0",
        ),
        (&["generate", "run", "--top-k", "-1"], "--top-k must be"),
    ] {
        let said = stderr(args, 2);
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    // What is no number is still told from a flag.
    let missing = stderr(&["train", "--lr", "--epochs", "3"], 2);
    assert!(
        missing.contains("a value is required for '--lr"),
        "{missing}"
    );
}

#[test]
fn rates_of_0_and_neutral_penalties_may_be_said() {
    let hash = |more: &[&str]| {
        let text = stdout(&[&["train", "--max-steps", "3"], more].concat());
        crate::program::value(&text, "weights sha256").to_owned()
    };
    assert_eq!(hash(&["--l2", "0", "--weight-decay", "0"]), hash(&[]));
    assert_ne!(hash(&["--lr", "0"]), hash(&[]));
    assert!(unisono(&["schedule", "--epochs", "2"]).status.success());
}
