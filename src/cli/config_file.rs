//! Files of configurations, read: what is wrong in one is told with its place.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table};

use crate::input;
use crate::meant::{did_you_mean, nearest};

use super::error::{ArgError, CommandError};
use super::keys::Key;
use super::options::TrainArgs;
use super::study_args::StudyArgs;

/// Reads a file; unknown keys and wrong types are errors with their place.
pub(super) fn read(path: &Path) -> Result<Table, CommandError> {
    parse_as::<TrainArgs>(path)
}

/// Reads a file that has to be a `T`.
pub(super) fn parse_as<T: DeserializeOwned>(path: &Path) -> Result<Table, CommandError> {
    let text = input::read_text_or_pipe(path).map_err(|source| CommandError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse::<T>(&text, path)
}

pub(super) fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<Table, CommandError> {
    let odd = |span: Option<Range<usize>>, problem: String| {
        let at = span.map_or(0, |span| span.start).min(text.len());
        let before = &text[..at];
        CommandError::Args(ArgError::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|&c| c != '\n').count() + 1,
            problem,
        })
    };
    let odd_toml = |error: toml::de::Error| odd(error.span(), explained(error.message()));
    let document = DeTable::parse(text).map_err(odd_toml)?;
    if let Some((span, problem)) = out_of_range(document.get_ref()) {
        return Err(odd(Some(span), problem));
    }
    toml::from_str::<T>(text).map_err(odd_toml)?;
    toml::from_str(text).map_err(odd_toml)
}

/// The first value that the flag of its key would refuse.
fn out_of_range(document: &DeTable<'_>) -> Option<(Range<usize>, String)> {
    let keys = [Key::all(), Key::of::<StudyArgs>("study")].concat();
    keys.iter().find_map(|key| {
        let section = document.get(key.section)?.get_ref().as_table()?;
        let value: &Spanned<DeValue<'_>> = section.get(&*key.name)?;
        // As it is written, not as it would be rounded.
        let written = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(is) => is.to_string(),
            _ => return None,
        };
        let refusal = key.refusal(&written)?;
        Some((value.span(), refusal.said(&key.path(), &written)))
    })
}

/// An unknown key in fewer words, with the known one that is most like it.
pub(super) fn explained(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let Some(name) = first
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next())
    else {
        return first.to_owned();
    };
    // What would have been known stands behind the name, between backticks.
    let known = first.split('`').skip(3).step_by(2);
    unknown_key(name, known)
}

/// A key that there is not, with the one that was probably meant or where all are.
pub(super) fn unknown_key<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> String {
    let remedy = match nearest(name, known) {
        Some(known) => did_you_mean(Some(format!("`{known}`"))),
        None => "; `unisono config` prints all keys".to_owned(),
    };
    format!("unknown key `{name}`{remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_with_their_place_and_the_nearest_key() {
        let cases = [
            (
                "[optimizer]\nlrr = 0.1\n",
                "a.toml, line 2, column 1: unknown key `lrr`; did you mean `lr`?",
            ),
            (
                "[optimiser]\n",
                "line 1, column 2: unknown key `optimiser`; did you mean `optimizer`?",
            ),
            (
                "[run]\nepochs = \"ten\"\n",
                "line 2, column 10: run.epochs must be a whole number from 0 to 4294967295, got \"ten\"",
            ),
            (
                "[run]\nepochs = [3]\n",
                "line 2, column 10: invalid type: sequence, expected u32",
            ),
            (
                "[run]\nepochs = 1\nepochs = 2\n",
                "line 3, column 1: duplicate key",
            ),
            ("[run\n", "line 1"),
            (
                "[engine]\nthreads = 1.5\n",
                "line 2, column 11: engine.threads must be a whole number from 1 to 4096 or auto, got \"1.5\"",
            ),
            (
                "[engine]\nthreads = [1]\n",
                "invalid type: sequence, expected a whole number or a name",
            ),
            (
                "[optimizer]\nlr = 1e400\n",
                "line 2, column 6: optimizer.lr must be finite and at least 0, got \"1e400\"",
            ),
            (
                "[optimizer]\nl2 = 1e-60\n",
                "where it is not 0 (single precision), got \"1e-60\"",
            ),
            (
                "[optimizer]\nmomentum = 0.9999999999\n",
                "below 1 in single precision, got \"0.9999999999\"",
            ),
        ];
        for (text, expected) in cases {
            let error = parse::<TrainArgs>(text, Path::new("a.toml"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
    }
}
