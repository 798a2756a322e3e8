//! The program as its users see it.

use crate::program::{stdout, unisono, value};

#[test]
fn the_default_run_reaches_97_percent_and_ends_with_the_weights_hash() {
    let text = stdout(&["train"]);
    let accuracy: f64 = value(&text, "test accuracy")
        .trim_end_matches(" %")
        .parse()
        .unwrap();
    assert!(accuracy >= 97.0, "{accuracy}");
    let last = text.lines().last().unwrap();
    let hash = last.strip_prefix("weights sha256: ").unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(value(&text, "throughput").ends_with(" samples/s"));
    assert_eq!(value(&text, "threads requested"), "auto");
    assert!(
        text.lines()
            .filter(|line| line.starts_with("epoch "))
            .count()
            >= 10,
        "plain lines without a terminal"
    );
}

#[test]
fn the_weights_are_the_same_for_every_thread_count_algorithm_and_update_mode() {
    let hash = |args: &[&str]| {
        let text = stdout(&[&["train", "--epochs", "3"], args].concat());
        value(&text, "weights sha256").to_owned()
    };
    let expected = hash(&["--threads", "1"]);
    assert_eq!(
        hash(&["--threads", "1"]),
        expected,
        "two runs after each other"
    );
    for threads in ["2", "3", "5", "8", "13", "16"] {
        assert_eq!(hash(&["--threads", threads]), expected, "{threads} threads");
    }
    for threads in ["1", "2", "3"] {
        for all_reduce in ["naive", "tree", "segmented"] {
            for update in ["fused", "master"] {
                let args = [
                    "--threads",
                    threads,
                    "--all-reduce",
                    all_reduce,
                    "--update",
                    update,
                ];
                assert_eq!(hash(&args), expected, "{args:?}");
            }
        }
    }
    assert_ne!(hash(&["--seed", "43"]), expected);
    assert_ne!(
        hash(&["--shards", "8"]),
        expected,
        "shards belong to the configuration"
    );
}

/// Arguments of `train`, and a part of why they are refused.
const BAD_INPUT: [(&[&str], &str); 15] = [
    (
        &["--threads", "0"],
        "--threads must be a whole number from 1 to 4096 or auto, got \"0\"",
    ),
    (
        &["--threads", "many"],
        "--threads must be a whole number from 1 to 4096 or auto, got \"many\"",
    ),
    (
        &["--shards", "0"],
        "--shards must be a whole number from 1 to 65536, auto or per-worker, got \"0\"",
    ),
    (
        &["--shards", "x"],
        "--shards must be a whole number from 1 to 65536, auto or per-worker, got \"x\"",
    ),
    (
        &["--batch-size", "0"],
        "--batch-size must be a whole number from 1 to 4294967295, got \"0\"",
    ),
    (
        &["--batch-size", "-1"],
        "--batch-size must be a whole number from 1 to 4294967295, got \"-1\"",
    ),
    (
        &["--lr", "-0.1"],
        "--lr must be finite and at least 0, got \"-0.1\"",
    ),
    (
        &["--lr", "nan"],
        "--lr must be finite and at least 0, got \"nan\"",
    ),
    (
        &["--momentum", "1"],
        "--momentum must be at least 0 and below 1, got \"1\"",
    ),
    (
        &["--optimizer", "magic"],
        "--optimizer must be sgd, momentum",
    ),
    (
        &["--all-reduce", "ring"],
        "--all-reduce must be naive, tree or segmented, got \"ring\"",
    ),
    (&["--update", "x"], "--update must be fused or master"),
    (
        &["--optimizer", "adam", "--momentum", "0.9"],
        "--momentum does not apply to `unisono train`: the optimizer has none",
    ),
    (
        &["--set", "optimizer.decay_all=true"],
        "--decay-all does not apply to `unisono train`: nothing decays",
    ),
    (&["--unknown"], "--unknown"),
];

#[test]
fn bad_input_is_one_line_and_exit_code_2() {
    for (args, message) in BAD_INPUT {
        let output = unisono(&[&["train"], args].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_diverging_run_says_when_and_what_to_do() {
    let output = unisono(&["train", "--lr", "1e30", "--epochs", "2"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("was not applied") && stderr.contains("lower the learning rate"),
        "{stderr}"
    );
}

#[test]
fn what_was_asked_for_and_what_is_used_is_said() {
    let output = unisono(&[
        "train",
        "--epochs",
        "1",
        "--threads",
        "13",
        "--batch-size",
        "5000",
    ]);
    let (text, warnings) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(value(&text, "threads requested"), "13");
    assert!(value(&text, "threads").starts_with("13 ("));
    assert!(
        warnings.contains("batch of 5000 rows is larger than the 1437 rows"),
        "{warnings}"
    );
    let per_worker = stdout(&[
        "train",
        "--epochs",
        "1",
        "--threads",
        "2",
        "--shards",
        "per-worker",
    ]);
    assert!(value(&per_worker, "shards").contains("not the same bits"));
}

#[test]
fn bench_prints_one_line_of_json_with_every_figure_and_the_same_hash_for_any_threads() {
    let line = |threads: &str| {
        let args = [
            "bench",
            "--preset",
            "mlp_small",
            "--batch-size",
            "32",
            "--steps",
            "5",
            "--json",
        ];
        let text = stdout(&[&args[..], &["--threads", threads]].concat());
        assert_eq!(text.lines().count(), 1);
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let one = line("1");
    let keys = [
        "framework",
        "mode",
        "preset",
        "batch",
        "threads",
        "shards",
        "params",
        "median_ms_per_step",
        "p10",
        "p90",
        "samples_per_s",
        "gflops",
        "counted_gflops",
        "peak_share",
        "phases_ms",
        "worker_memory_bytes",
        "steps",
        "weights_sha256",
    ];
    for key in keys {
        assert!(!one[key].is_null(), "{key}");
    }
    assert_eq!((&one["params"], &one["steps"]), (&2410.into(), &5.into()));
    assert_eq!(one["gflops"], one["counted_gflops"]);
    for phase in [
        "forward",
        "backward",
        "fold",
        "wait",
        "reduce",
        "update",
        "broadcast",
    ] {
        assert!(one["phases_ms"][phase].as_f64().unwrap() >= 0.0, "{phase}");
    }
    let share = one["peak_share"].as_f64().unwrap();
    // A busy machine slows the measurement of the peak as well: the share has no upper bound to
    // hold.
    assert!(share > 0.0 && share.is_finite(), "{share}");
    for threads in ["2", "3", "5"] {
        assert_eq!(line(threads)["weights_sha256"], one["weights_sha256"]);
    }
}

#[test]
fn a_preset_trains_on_synthetic_data_and_learns() {
    let text = stdout(&["train", "--preset", "mlp_small", "--epochs", "5"]);
    let accuracy: f64 = value(&text, "test accuracy")
        .trim_end_matches(" %")
        .parse()
        .unwrap();
    assert!(accuracy > 90.0, "{accuracy}");
    assert!(value(&text, "data").contains("1024 training and 256 test rows"));
    assert!(value(&text, "model").contains("2410 parameters"));
}

#[test]
fn bad_input_of_bench_is_one_line_and_exit_code_2() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["bench", "--network"],
            "start several: mpirun -n 2 unisono bench --network",
        ),
        (
            &["bench", "--preset", "alexnet"],
            "--preset must be mlp_small, mlp, lenet, resnet20, lstm or gpt, got \"alexnet\"",
        ),
        (
            &["bench", "--preset", "mlp_small", "--steps", "0"],
            "--steps must be a whole number from 1 to 1000000, got \"0\"",
        ),
        (
            &["bench", "--preset", "mlp_small", "--batch-size", "0"],
            "--batch-size must be a whole number from 1 to 4294967295, got \"0\"",
        ),
        (
            &["bench", "--preset", "mlp_small", "--threads", "0"],
            "--threads must be a whole number from 1 to 4096 or auto, got \"0\"",
        ),
    ];
    for (args, message) in cases {
        let output = unisono(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    }
}

#[test]
fn help_names_every_option() {
    let help = stdout(&["train", "--help"]);
    let options = [
        "threads",
        "shards",
        "batch-size",
        "epochs",
        "lr",
        "seed",
        "optimizer",
        "all-reduce",
        "update",
    ];
    for option in options {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    assert!(stdout(&["--help"]).contains("train"));
}
