//! Settings that would have no effect are refused by name: keys by commands, flags beside others.

use clap::CommandFactory;

use super::By;
use super::inputs::Inputs;
use super::tests::resolved;
use crate::cli::args::Args;
use crate::cli::error::exit_code;
use crate::cli::keys::Key;
use crate::cli::study_args::StudyArgs;
use crate::cli::study_kind::StudyKind;

/// What is done, a key that it leaves aside, and a part of why.
fn idle(study: &StudyArgs) -> [(By<'_>, &'static str, &'static str); 14] {
    let trains = By::Train { keeps: false };
    [
        (trains, "run.keep=5", "nothing is kept without --out DIR"),
        (trains, "run.checkpoint_every_steps=5", "nothing is kept"),
        (trains, "run.checkpoint_every_epochs=5", "nothing is kept"),
        (
            By::Resume,
            "model.weights=a",
            "the checkpoint has the weights",
        ),
        (By::Config, "data.label=a", "there is none"),
        (By::LrRange, "run.epochs=3", "it makes --steps steps"),
        (By::LrRange, "optimizer.lr=3", "it makes --steps steps"),
        (
            By::Schedule { has_rows: false },
            "engine.threads=3",
            "trains nothing",
        ),
        (
            By::Schedule { has_rows: false },
            "run.seed=3",
            "for every seed",
        ),
        (
            By::Schedule { has_rows: true },
            "model.preset=mlp",
            "--rows says",
        ),
        (
            By::Study(StudyKind::Gap, study),
            "run.keep=3",
            "keeps what has finished",
        ),
        (
            By::Study(StudyKind::Branches, study),
            "run.track=noise-scale",
            "as it is",
        ),
        (
            By::Study(StudyKind::Time, study),
            "engine.threads=3",
            "--on-threads",
        ),
        (
            By::Study(StudyKind::Adaptive, study),
            "optimizer.l2=1",
            "plain SGD",
        ),
    ]
}

#[test]
fn what_a_command_would_leave_aside_is_refused_by_name() {
    let study = StudyArgs::default();
    for (by, setting, why) in idle(&study) {
        let args = ["--set".to_owned(), setting.to_owned()];
        let error = resolved(&args, by).unwrap_err();
        let (key, text) = (setting.split('=').next().unwrap(), error.to_string());
        let key = Key::all()
            .into_iter()
            .find(|known| known.path() == key)
            .unwrap();
        let named = format!("--{} does not apply to `unisono {}`", key.flag(), by.name());
        assert!(text.starts_with(&named) && text.contains(why), "{text}");
        assert_eq!(exit_code(&error), 2);
    }
    let inputs = Inputs::new("split-file");
    let [data, split] = ["table.csv", "split.txt"].map(|name| inputs.path(name));
    let args = [
        format!("--data={}", data.display()),
        format!("--split={}", split.display()),
        "--test-share=0.3".to_owned(),
    ];
    let error = resolved(&args, By::Train { keeps: true }).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("--test-share does not apply") && text.contains("--split"),
        "{text}"
    );
    assert!(resolved(&["--keep=5".to_owned()], By::Train { keeps: true }).is_ok());
}

/// Lines, and the flag in each that would be left aside.
const LEFT_ASIDE: &[(&str, &str)] = &[
    (
        "scaling --simulate --threads 4 --preset mlp --results R",
        "--preset",
    ),
    (
        "scaling --simulate --threads 4 --results R --out O",
        "--out",
    ),
    ("scaling --simulate --threads 4 --out O", "--out"),
    ("scaling --simulate --threads 4 --peer p", "--peer"),
    ("scaling --simulate --threads 4 --mode weak", "--mode"),
    (
        "scaling --simulate --threads 4 --results R --seed 3",
        "--seed",
    ),
    (
        "scaling --simulate --threads 4 --results R --budget 3s",
        "--budget",
    ),
    ("bench --network --preset mlp", "--preset"),
    ("bench --network --threads 2 --steps 9", "--threads"),
    (
        "scaling --simulate --threads 4 --link-latency-us 3",
        "--link-latency-us",
    ),
    (
        "scaling --simulate --threads 4 --link-message-us 3",
        "--link-message-us",
    ),
    (
        "scaling --simulate --threads 4 --link-gbit 3",
        "--link-gbit",
    ),
    (
        "scaling --simulate --threads 4 --link-half-duplex",
        "--link-half-duplex",
    ),
    ("scaling --compare A B --threads 2", "--threads"),
    ("scaling --compare A B --ranks 2", "--ranks"),
    ("scaling --never-slower --ranks 2", "--ranks"),
    ("scaling --compare A B --out C", "--out"),
    ("scaling --never-slower --preset mlp", "--preset"),
    ("scaling --never-slower --batch-size 8", "--batch-size"),
    ("scaling --never-slower --mode strong", "--mode"),
    ("study branches --slice 1/2", "--slice"),
    ("study branches --parallel-trials 2", "--parallel-trials"),
    ("generate run --temperature 0 --seed 3", "--seed"),
    ("generate run --temperature 0 --top-k 3", "--top-k"),
    (
        "explain run --method gradient-input --steps 9 --out o",
        "--steps",
    ),
    ("config --schema --lr 1", "--lr"),
    ("config --schema --set run.seed=1", "--set"),
];

#[test]
fn flags_that_would_be_left_aside_beside_others_are_refused_by_name() {
    for (line, named) in LEFT_ASIDE {
        let words = ["unisono"].into_iter().chain(line.split(' '));
        let matches = Args::command().try_get_matches_from(words);
        let error = super::refuse_flags(&matches.unwrap_or_else(|error| panic!("{line}: {error}")));
        let text = error.expect_err(line).to_string();
        assert!(
            text.starts_with(&format!("{named} does not apply to")),
            "{line}: {text}"
        );
    }
    for line in [
        "scaling --simulate --threads 4 --preset mlp --seed 3 --budget 3s",
        "scaling --simulate --threads 4 --results R --jitter 0.1 --seed 3",
        "bench --network --steps 9 --json",
        "scaling --threads 1,2 --ranks 1,2",
        "scaling --simulate --threads 4 --ranks 2 --link-latency-us 3 --link-gbit 1",
        "scaling --simulate --threads 4 --cores 2",
        "scaling --never-slower --threads 1,2 --budget 3s --out O",
        "explain run --steps 9 --out o",
        "config --lr 1",
    ] {
        let words = ["unisono"].into_iter().chain(line.split(' '));
        let matches = Args::command().try_get_matches_from(words).unwrap();
        assert!(super::refuse_flags(&matches).is_ok(), "{line}");
    }
}
