//! Errors of flags: clap's, in the words of this program, with what was probably meant.

use std::error::Error as _;
use std::path::Path;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::choices::any_of;

/// Flags by the names that they have elsewhere, where those are not alike.
const ELSEWHERE: [(&str, &str); 14] = [
    ("--learning-rate", "--lr"),
    ("--workers", "--threads"),
    ("--num-workers", "--threads"),
    ("--jobs", "--threads"),
    ("--output", "--out"),
    ("--patience", "--early-stopping"),
    ("--steps", "--max-steps"),
    ("--wd", "--weight-decay"),
    ("--bs", "--batch-size"),
    ("--dataset", "--data"),
    ("--model", "--layers"),
    ("--dtype", "--precision"),
    ("--verbose", "--json"),
    ("--lr-schedule", "--schedule"),
];

/// Why a value is refused: what it should have been.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    expected: String,
    /// The name that is most like the value.
    nearest: Option<String>,
}

impl Refusal {
    /// Of an error about a value.
    pub(super) fn of(error: &Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::ValueValidation => Some(Self {
                expected: error.source()?.to_string(),
                nearest: None,
            }),
            ErrorKind::InvalidValue => {
                let names = texts(error, ContextKind::ValidValue);
                let suggested = texts(error, ContextKind::SuggestedValue);
                (!names.is_empty()).then(|| Self {
                    expected: any_of(&names),
                    nearest: suggested.first().map(ToString::to_string),
                })
            }
            _ => None,
        }
    }

    /// `--lr must be ..., got "x"`.
    pub(super) fn said(&self, what: &str, got: &str) -> String {
        let meant = self.nearest.as_ref().map(|name| did_you_mean(name));
        let meant = meant.unwrap_or_default();
        format!("{what} must be {}, got {got:?}{meant}", self.expected)
    }
}

fn did_you_mean(name: &str) -> String {
    format!("; did you mean {name}?")
}

/// The texts that an error carries of a kind.
fn texts(error: &Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// An error in one line.
pub(super) fn in_one_line(error: &Error) -> String {
    let context = |kind| texts(error, kind).first().copied().unwrap_or_default();
    // A value is told as every command tells of one.
    if let Some(refusal) = Refusal::of(error) {
        let flag = context(ContextKind::InvalidArg);
        let flag = flag.split(' ').next().unwrap_or_default();
        return refusal.said(flag, context(ContextKind::InvalidValue));
    }
    // Else clap's message up to the usage, without its prefix.
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let message = line.strip_prefix("error: ").unwrap_or(&line);
    let remedy = match error.kind() {
        ErrorKind::UnknownArgument => {
            let suggested = texts(error, ContextKind::SuggestedArg);
            unknown_flag(context(ContextKind::InvalidArg), suggested.first(), &text)
        }
        ErrorKind::InvalidSubcommand => {
            let suggested = texts(error, ContextKind::SuggestedSubcommand);
            let meant = suggested.last().map(|name| did_you_mean(name));
            meant.unwrap_or_else(|| "; `unisono --help` lists all commands".to_owned())
        }
        _ => String::new(),
    };
    format!("{message}{remedy}")
}

/// What was probably meant by a flag that there is not, or by a word without a flag before it, in
/// the command whose usage stands in `text`.
fn unknown_flag(name: &str, suggested: Option<&&str>, text: &str) -> String {
    let usage = text.lines().find(|line| line.starts_with("Usage: "));
    let command = usage.and_then(|line| line.split(" [").next());
    let command = command.and_then(|line| line.strip_prefix("Usage: "));
    let command = command.unwrap_or("unisono");
    let word = name.split(['=', ' ']).next().unwrap_or_default();
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == word);
    if !name.starts_with('-') && command == "unisono train" && Path::new(name).exists() {
        return did_you_mean(&format!("--data {name}"));
    }
    match (elsewhere, suggested) {
        (Some((_, flag)), _) => did_you_mean(flag),
        (None, Some(flag)) => did_you_mean(flag),
        (None, None) => format!("; `{command} --help` lists all flags"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn flags_that_are_meant_by_names_from_elsewhere_exist_and_those_names_do_not() {
        let program = Args::command();
        let train = program.find_subcommand("train").unwrap();
        let has = |name: &str| {
            let longs = train.get_arguments().filter_map(clap::Arg::get_long);
            let mut longs = longs.map(|long| format!("--{long}"));
            longs.any(|long| long == name)
        };
        for (elsewhere, flag) in ELSEWHERE {
            assert!(has(flag) && !has(elsewhere), "{elsewhere} {flag}");
        }
    }
}
