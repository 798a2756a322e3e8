//! Every key that acts in a study decides its outcomes, and so stands among what its store knows it
//! by; all others are refused.

use clap::{CommandFactory, FromArgMatches};

use super::values::VALUES;
use crate::cli::args::{Args, Command};
use crate::cli::error::exit_code;
use crate::cli::message::message;
use crate::cli::study::identity;
use crate::cli::study_args::StudyCommand;
use crate::cli::study_kind::StudyKind;

/// Keys of a study's own, with values that are not the defaults.
const STUDY: [(&str, &str); 9] = [
    ("batches", "16,64"),
    ("target_error", "0.2"),
    ("target_loss", "0.2"),
    ("search", "random"),
    ("candidates", "3"),
    ("repeats", "2"),
    ("lr_range", "0.1..0.2"),
    ("momentum_range", "0.1..0.2"),
    ("schedules", "constant; cosine over 5 epochs"),
];

/// Keys that leave every outcome as it is: how the engine works, how files are read, how much of a
/// study is made.
const HARMLESS: [&str; 14] = [
    "run.track",
    "engine.threads",
    "engine.all_reduce",
    "engine.update",
    "engine.pin",
    "engine.no_pin",
    "data.header",
    "data.delimiter",
    "data.missing_labels",
    "data.task",
    "engine.no_balance",
    "data.on_bad_sample",
    "data.cache",
    "study.repeats",
];

/// What a study with this more is known by.
fn known_by(kind: StudyKind, more: &[String]) -> Result<String, String> {
    let name = kind.command();
    let words = ["unisono"].into_iter().chain(name.split(' '));
    let line = words.map(str::to_owned).chain(more.iter().cloned());
    let matches = Args::command().try_get_matches_from(line).unwrap();
    let Command::Study(command) = Args::from_arg_matches(&matches).unwrap().command else {
        unreachable!("it says study");
    };
    let flags = matches.subcommand_matches("study").unwrap();
    let (_, flags) = flags.subcommand().unwrap();
    let of = match &*command {
        StudyCommand::Steps(of)
        | StudyCommand::Recipes(of)
        | StudyCommand::Adaptive(of)
        | StudyCommand::Gap(of) => of,
        StudyCommand::Time { of, .. } | StudyCommand::Branches { of, .. } => of,
        StudyCommand::Merge { .. } => unreachable!("it is made of slices"),
    };
    identity(kind, of, flags)
        .map(|settings| format!("{settings:?}"))
        .map_err(|error| {
            assert_eq!(exit_code(&error), 2, "{more:?}: {error}");
            message(&error)
        })
}

#[test]
fn every_key_of_a_study_decides_its_outcomes_or_is_refused() {
    let mut settings: Vec<(String, Vec<String>, &str)> = Vec::new();
    for (key, values) in VALUES {
        // Studies that search have plain SGD where nothing is said.
        let value = values[usize::from(key == "optimizer.name")];
        let setting = vec!["--set".to_owned(), format!("{key}={value}")];
        settings.push((key.to_owned(), setting, value));
    }
    for (key, value) in STUDY {
        let setting = vec![format!("--{}", key.replace('_', "-")), value.to_owned()];
        settings.push((format!("study.{key}"), setting, value));
    }
    for kind in [
        StudyKind::Steps,
        StudyKind::Time,
        StudyKind::Recipes,
        StudyKind::Adaptive,
        StudyKind::Gap,
    ] {
        let unchanged = known_by(kind, &[]).unwrap();
        for (key, setting, value) in &settings {
            match known_by(kind, setting) {
                Err(text) => {
                    let flag = key.split('.').nth(1).unwrap().replace('_', "-");
                    let is_named = text.contains(&format!("--{flag}"))
                        || ["--batch", "--optimizer ", "--loss "]
                            .iter()
                            .any(|flag| text.contains(flag))
                        || text.contains(value);
                    assert!(
                        is_named && !text.contains('\n'),
                        "{kind:?}, {setting:?}: {text}"
                    );
                }
                Ok(_) if HARMLESS.contains(&&**key) => {}
                Ok(known) => assert_ne!(known, unchanged, "{kind:?}: {setting:?} changes nothing"),
            }
        }
    }
}
