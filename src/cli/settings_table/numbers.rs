//! Every flag that takes a number refuses what it cannot take by its name, by the text that was given
//! and by its range.

use clap::ArgAction;
use clap::error::ErrorKind;

use super::tests::commands;
use crate::cli::flag_error::in_one_line;
use crate::cli::keys::Key;
use crate::cli::study_args::StudyArgs;

/// Refused by every flag, and refused by every flag for whole numbers.
const ODD: [&str; 4] = ["-1", "1e400", "nan", ""];
const ODD_WHOLE: [&str; 2] = ["0.99999999999", "99999999999999999999"];

/// What is said of a value, if it is refused as one.
fn refusal(command: &clap::Command, flag: &str, value: &str) -> Option<String> {
    let command = command.clone().no_binary_name(true);
    let error = command
        .try_get_matches_from([format!("--{flag}={value}")])
        .err()?;
    (error.kind() == ErrorKind::ValueValidation).then(|| in_one_line(&error))
}

#[test]
fn every_flag_refuses_numbers_as_they_were_written() {
    let mut count = 0;
    for (name, command) in commands() {
        let flags = command.get_arguments().filter(|arg| {
            let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            takes && arg.get_long().is_some()
        });
        for flag in flags.filter_map(clap::Arg::get_long) {
            // Names and paths take any text.
            let Some(said) = refusal(&command, flag, "?") else {
                continue;
            };
            count += 1;
            let is_whole = said.contains("must be a whole number from ");
            assert!(
                is_whole || said.contains("must be a number "),
                "{name}: {said}"
            );
            let odd = ODD.iter().chain(ODD_WHOLE.iter().filter(|_| is_whole));
            for odd in odd {
                let said = refusal(&command, flag, odd);
                let said = said.unwrap_or_else(|| panic!("{name} takes --{flag}={odd}"));
                let has_name = said.starts_with(&format!("--{flag} must be "));
                let has_range = ["from ", "above ", "at least "]
                    .iter()
                    .any(|word| said.contains(word));
                let has_text = said.ends_with(&format!(", got {odd:?}"));
                assert!(has_name && has_range && has_text, "{name}: {said}");
            }
        }
    }
    assert!(count > 60, "{count} flags with numbers");
}

#[test]
fn a_key_refuses_what_its_flag_refuses() {
    let keys = [Key::all(), Key::of::<StudyArgs>("study")].concat();
    let numbers = keys.iter().filter(|key| key.refusal("?").is_some());
    let mut count = 0;
    for key in numbers {
        count += 1;
        for odd in ODD {
            assert!(key.refusal(odd).is_some(), "{} takes {odd:?}", key.path());
        }
    }
    assert!(count > 20, "{count} keys with numbers");
}
