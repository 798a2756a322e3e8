//! Where each setting acts: one table of every key of a configuration and every flag of a command.
//!
//! What was asked for acts, or is refused by name: by a flag, by `--set` or by a file it is the
//! same. A row says when a setting does not act, and why. `tests` goes through all settings,
//! commands and kinds of data, and fails for a setting without a row.
//!
//! | file | what |
//! |---|---|
//! | `keys`, `data_keys` | the keys of a configuration: `model.layers`, `data.split`, ... |
//! | `rules` | when several of them do not act |
//! | `flags` | the flags that commands have besides |

mod data_keys;
mod flags;
mod keys;
mod rules;

use clap::ArgMatches;
use toml::Value;

use crate::data::DataKind;

use super::data_options::data_options;
use super::document::ResolvedConfig;
use super::error::ArgError;
use super::keys::Key;
use super::options::{DataArgs, RunArgs, TrainArgs};
use super::study_args::StudyArgs;
use super::study_kind::StudyKind;

pub(super) use flags::refuse_flags;

/// What is about to be done, as far as it decides which settings act.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    /// A training, whose run is kept or not.
    Train { keeps: bool },
    /// A training that goes on.
    Resume,
    /// A configuration is printed.
    Config,
    /// Rates are drawn, for a number of rows that was named or for that of the data.
    Schedule { has_rows: bool },
    /// A range test.
    LrRange,
    /// Files are looked at.
    Inspect,
    /// Settings are searched.
    Tune,
    /// A study.
    Study(StudyKind, &'a StudyArgs),
}

impl By<'_> {
    /// As in `unisono NAME`.
    fn name(self) -> String {
        match self {
            By::Train { .. } => "train".to_owned(),
            By::Resume => "train --resume".to_owned(),
            By::Config => "config".to_owned(),
            By::Schedule { has_rows: false } => "schedule".to_owned(),
            By::Schedule { has_rows: true } => "schedule --rows".to_owned(),
            By::LrRange => "lr-range".to_owned(),
            By::Inspect => "data inspect".to_owned(),
            By::Tune => "tune".to_owned(),
            By::Study(kind, _) => kind.command(),
        }
    }

    /// Whether a file describes a training of which this shows a part: it then may say more.
    fn shows_a_part(self) -> bool {
        matches!(self, By::Resume | By::Schedule { .. } | By::LrRange)
    }
}

/// A setting among the others.
#[derive(Debug)]
struct Case<'a> {
    by: By<'a>,
    args: &'a TrainArgs,
    /// What lies at `data.path`.
    data: Option<DataKind>,
    value: Option<Value>,
}

impl Case<'_> {
    fn study(&self) -> Option<StudyKind> {
        match self.by {
            By::Study(kind, _) => Some(kind),
            _ => None,
        }
    }

    fn study_is(&self, holds: impl Fn(StudyKind) -> bool) -> bool {
        self.study().is_some_and(holds)
    }

    /// Whether the labels are said to be numbers.
    fn is_of_numbers(&self) -> bool {
        self.task_is("regress") || self.task_is("multi-label")
    }

    /// Whether `data.task` was set to this.
    fn task_is(&self, name: &str) -> bool {
        self.args.data.task.as_deref() == Some(name)
    }

    fn data_is(&self, holds: impl Fn(DataKind) -> bool) -> bool {
        self.data.is_some_and(holds)
    }
}

/// When a setting does not act, and why.
#[derive(Clone, Copy)]
struct Rule {
    when: fn(&Case<'_>) -> bool,
    why: &'static str,
    /// Whether it is for the data that it does not act, not for the command.
    is_of_data: bool,
}

/// A rule about what is done.
const fn by(when: fn(&Case<'_>) -> bool, why: &'static str) -> Rule {
    Rule {
        when,
        why,
        is_of_data: false,
    }
}

/// A rule about a kind of data.
const fn on(when: fn(&Case<'_>) -> bool, why: &'static str) -> Rule {
    Rule {
        when,
        why,
        is_of_data: true,
    }
}

/// A key of the configuration, and when it does not act; else it does.
struct Row {
    key: &'static str,
    rules: &'static [Rule],
}

const fn row(key: &'static str, rules: &'static [Rule]) -> Row {
    Row { key, rules }
}

/// The first rule by which a key does not act.
fn idle(key: &str, case: &Case<'_>) -> Option<Rule> {
    let row = keys::rows().find(|row| row.key == key)?;
    row.rules.iter().find(|rule| (rule.when)(case)).copied()
}

fn refused_by(rule: Rule, what: String, case: &Case<'_>) -> ArgError {
    let to = match (rule.is_of_data, case.data) {
        (true, Some(kind)) => kind.name().to_owned(),
        _ => format!("`unisono {}`", case.by.name()),
    };
    let why = rule.why;
    ArgError::Unused { what, to, why }
}

/// Refuses the first key that was asked for and does not act.
pub(super) fn refuse(resolved: &ResolvedConfig, by: By<'_>) -> Result<(), ArgError> {
    let mut case = Case {
        by,
        args: &resolved.args,
        data: kind(&resolved.args.data),
        value: None,
    };
    let named = if by.shows_a_part() {
        resolved.given()
    } else {
        resolved.named()
    };
    for key in named {
        case.value = resolved.value(key);
        if let Some(rule) = idle(&key.path(), &case) {
            return Err(refused_by(rule, resolved.source(key), &case));
        }
    }
    Ok(())
}

/// What lies where the data are; what cannot be looked at, or read as asked, is an error of its
/// own, later.
fn kind(data: &DataArgs) -> Option<DataKind> {
    let options = data_options(data, RunArgs::default().seed).ok()?;
    DataKind::of(data.data.as_deref()?, &options).ok()
}

/// Refuses the first flag about data that was given to `data inspect` and does not act on what lies
/// at `data.data`.
pub(super) fn refuse_data(data: &DataArgs, matches: &ArgMatches) -> Result<(), ArgError> {
    let args = TrainArgs {
        data: data.clone(),
        ..TrainArgs::default()
    };
    let case = Case {
        by: By::Inspect,
        args: &args,
        data: kind(data),
        value: None,
    };
    for key in Key::of::<DataArgs>("data") {
        if let (true, Some(rule)) = (key.is_given(matches), idle(&key.path(), &case)) {
            return Err(refused_by(rule, format!("--{}", key.flag()), &case));
        }
    }
    Ok(())
}

/// Refuses the first key of a study's own that was asked for and does not act.
pub(super) fn refuse_study(
    by: By<'_>,
    args: &toml::Table,
    defaults: &toml::Table,
    matches: &ArgMatches,
) -> Result<(), ArgError> {
    let case = Case {
        by,
        args: &TrainArgs::default(),
        data: None,
        value: None,
    };
    for key in Key::of::<StudyArgs>("study") {
        let is_named = key.is_given(matches) || key.value(args) != key.value(defaults);
        if let (true, Some(rule)) = (is_named, idle(&key.path(), &case)) {
            return Err(refused_by(rule, format!("--{}", key.flag()), &case));
        }
    }
    Ok(())
}

#[cfg(test)]
mod inputs;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod studies;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod values;
