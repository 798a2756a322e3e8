//! Ranges in the place of values: `lr = { log = [1e-3, 1] }` in a file, or by `--set`.

use std::path::Path;

use toml::{Table, Value};

use crate::cli::config_file::parse;
use crate::cli::document::table;
use crate::cli::error::{ArgError, CommandError};
use crate::cli::keys::Key;
use crate::cli::options::{FromArgs, TrainArgs};
use crate::input;
use crate::study::batch_size::Search;

/// What is said of a range that is none.
const FORMS: &str = "a range is { log = [LOW, HIGH] }, { uniform = [LOW, HIGH] } or { choice = [A, B, ...] }, with LOW below HIGH, and above 0 for log";

/// The values of a key that are searched.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// Evenly by the logarithm.
    Log(f64, f64),
    Uniform(f64, f64),
    Choice(Vec<Value>),
}

/// A key whose value is searched.
#[derive(Clone, Debug)]
pub(super) struct Searched {
    pub(super) key: Key,
    values: Values,
    /// As it was written.
    text: String,
}

/// Keys that are searched, and settings without them.
pub(super) struct Ranges {
    pub(super) searched: Vec<Searched>,
    /// The file's other settings.
    pub(super) base: Table,
    /// `--set` without ranges.
    pub(super) from: FromArgs,
}

impl Ranges {
    /// Those in the file of `--config` and in `--set`.
    pub(super) fn of(from: &FromArgs) -> Result<Self, CommandError> {
        let keys = Key::all();
        let (mut searched, mut base) = (Vec::new(), Table::new());
        if let Some(path) = &from.config {
            let text = input::read_text_or_pipe(path).map_err(|source| CommandError::Read {
                path: path.clone(),
                source,
            })?;
            // What is no TOML is told with its place by the reader of plain settings.
            let mut file: Table = match toml::from_str(&text) {
                Ok(file) => file,
                Err(_) => parse::<TrainArgs>(&text, path)?,
            };
            searched = taken(&mut file, &keys)?;
            base = match searched.is_empty() {
                true => parse::<TrainArgs>(&text, path)?,
                false => plain(&file, path)?,
            };
        }
        let mut set = Vec::new();
        for text in &from.set {
            match range_of(text, &keys)? {
                Some(range) => {
                    searched.retain(|known: &Searched| known.key.path() != range.key.path());
                    searched.push(range);
                }
                None => set.push(text.clone()),
            }
        }
        if searched.is_empty() {
            let message = format!(
                "no range to search; {FORMS}, such as --set 'optimizer.lr={{ log = [1e-3, 1] }}'"
            );
            return Err(ArgError::text("set", &message).into());
        }
        let from = FromArgs {
            config: from.config.clone(),
            set,
        };
        Ok(Self {
            searched,
            base,
            from,
        })
    }
}

/// Takes the ranges out of a file's settings.
fn taken(file: &mut Table, keys: &[Key]) -> Result<Vec<Searched>, ArgError> {
    let mut searched = Vec::new();
    for key in keys {
        let section = file.get_mut(key.section).and_then(Value::as_table_mut);
        let Some(section) = section else { continue };
        if let Some(Value::Table(range)) = section.get(&key.name) {
            searched.push(Searched::new(key, range, "config")?);
            section.remove(&key.name);
        }
    }
    Ok(searched)
}

/// The settings that are left, checked.
fn plain(file: &Table, path: &Path) -> Result<Table, CommandError> {
    let text = toml::to_string(file).expect("it was read as such");
    parse::<TrainArgs>(&text, path)
}

/// The range of `optimizer.lr={ log = [1e-3, 1] }`; nothing if it is another setting.
fn range_of(text: &str, keys: &[Key]) -> Result<Option<Searched>, ArgError> {
    let Some((path, value)) = text.split_once('=') else {
        return Ok(None);
    };
    let parsed = toml::from_str::<Table>(&format!("value = {value}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    let key = keys.iter().find(|key| key.path() == path.trim());
    match (value, key) {
        (Some(Value::Table(range)), Some(key)) => Searched::new(key, &range, "set").map(Some),
        _ => Ok(None),
    }
}

impl Searched {
    fn new(key: &Key, range: &Table, flag: &'static str) -> Result<Self, ArgError> {
        let path = key.path();
        let odd = || ArgError::text(flag, &format!("{path}: {FORMS}"));
        let mut entries = range.iter();
        let (Some((form, Value::Array(ends))), None) = (entries.next(), entries.next()) else {
            return Err(odd());
        };
        let number = |value: &Value| value.as_float().or(value.as_integer().map(|n| n as f64));
        let pair = || match ends.as_slice() {
            [low, high] => number(low).zip(number(high)),
            _ => None,
        };
        let values = match (form.as_str(), pair()) {
            ("log", Some((low, high))) if low > 0.0 && low < high => Values::Log(low, high),
            ("uniform", Some((low, high))) if low < high => Values::Uniform(low, high),
            ("choice", _) if !ends.is_empty() => Values::Choice(ends.clone()),
            _ => return Err(odd()),
        };
        let text = Value::Table(range.clone()).to_string();
        let searched = Self {
            key: key.clone(),
            values,
            text,
        };
        // What the flag of the key refuses is refused before anything is trained.
        for value in searched.ends() {
            let written = match &value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if let Some(refusal) = key.refusal(&written) {
                return Err(ArgError::text(flag, &refusal.said(&path, &written)));
            }
        }
        Ok(searched)
    }

    /// The ends of a range, or all choices.
    fn ends(&self) -> Vec<Value> {
        match &self.values {
            Values::Choice(all) => all.clone(),
            _ => vec![self.at(0.0), self.at(1.0)],
        }
    }

    /// As it was written.
    pub(super) fn text(&self) -> String {
        format!("{} = {}", self.key.path(), self.text)
    }

    /// Whether charts of it have a logarithmic axis; nothing where values are no numbers.
    pub(super) fn is_log(&self) -> Option<bool> {
        match &self.values {
            Values::Log(..) => Some(true),
            Values::Uniform(..) => Some(false),
            Values::Choice(_) => None,
        }
    }

    /// The value at `share` of the way, from 0 to 1: numbers in four digits, whole where the key has
    /// whole ones.
    fn at(&self, share: f64) -> Value {
        let value = match &self.values {
            Values::Choice(all) => {
                let place = (share * all.len() as f64) as usize;
                return all[place.min(all.len() - 1)].clone();
            }
            Values::Log(low, high) => low * libm::pow(high / low, share),
            Values::Uniform(low, high) => low + share * (high - low),
        };
        let defaults = table(&TrainArgs::default());
        match self.key.value(&defaults) {
            Some(Value::Integer(_)) => Value::Integer(value.round() as i64),
            _ => Value::Float(format!("{value:.3e}").parse().unwrap_or(value)),
        }
    }

    /// The value of a trial, the `axis`-th of those that are searched.
    pub(super) fn of_trial(&self, search: Search, trial: usize, axis: u32, seed: u64) -> Value {
        self.at(search.coordinate(trial, axis, seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(text: &str) -> Result<Searched, String> {
        let found = range_of(text, &Key::all()).map_err(|error| error.to_string())?;
        found.ok_or_else(|| "no range".to_owned())
    }

    #[test]
    fn values_lie_in_their_ranges_and_have_the_types_of_their_keys() {
        let rate = searched("optimizer.lr={ log = [1e-3, 1] }").unwrap();
        assert_eq!(rate.at(0.0), Value::Float(1e-3));
        assert_eq!(rate.at(0.5), Value::Float(0.03162));
        let epochs = searched("run.epochs={ uniform = [1, 9] }").unwrap();
        assert_eq!(epochs.at(0.4), Value::Integer(4));
        let sizes = searched("batch.size={ choice = [16, 64] }").unwrap();
        assert_eq!(
            (sizes.at(0.49), sizes.at(0.99)),
            (Value::Integer(16), Value::Integer(64))
        );
    }

    #[test]
    fn what_is_no_range_is_refused_by_its_key() {
        for odd in [
            "optimizer.lr={ log = [0, 1] }",
            "optimizer.lr={ log = [1, 0.1] }",
            "optimizer.lr={ between = [0.1, 1] }",
            "optimizer.lr={ log = [0.1, 1], uniform = [0.1, 1] }",
            "batch.size={ choice = [] }",
        ] {
            let error = searched(odd).unwrap_err();
            assert!(error.contains(": a range is { log"), "{odd}: {error}");
        }
        let error = searched("optimizer.momentum={ uniform = [0.5, 1.5] }").unwrap_err();
        assert!(
            error.contains("optimizer.momentum must be at least 0 and below 1"),
            "{error}"
        );
        assert_eq!(searched("optimizer.lr=0.1").unwrap_err(), "no range");
    }
}
