//! A configuration as a document: a TOML file, `--set` and flags become one set of settings.
//!
//! Flags and `--set` take precedence over the file; two of them for the same key contradict each
//! other.

use std::path::PathBuf;

use clap::ArgMatches;
use toml::{Table, Value};

use crate::meant::did_you_mean;

use super::config::TrainSettings;
use super::config_file::{explained, read, unknown_key};
use super::error::{ArgError, CommandError};
use super::keys::Key;
use super::options::{FromArgs, TrainArgs};
use super::recipe::Recipe;

/// Settings, and which of them a file gave.
#[derive(Debug)]
pub(super) struct ResolvedConfig {
    pub(super) args: TrainArgs,
    /// What of them comes from the preset's recipe.
    pub(super) recipe: Recipe,
    file: Option<PathBuf>,
    from_file: Vec<Key>,
    /// Those that flags and `--set` gave.
    set: Vec<Key>,
}

impl ResolvedConfig {
    /// Puts together what the flags in `matches`, `--set`, the file and the preset's recipe say, of
    /// a training that begins.
    pub(super) fn new(
        flags: &TrainArgs,
        matches: &ArgMatches,
        from: &FromArgs,
    ) -> Result<Self, CommandError> {
        let base = match &from.config {
            Some(path) => read(path)?,
            None => Table::new(),
        };
        Self::of_base(base, flags, matches, from)
    }

    /// The same over what has been read of the file.
    pub(super) fn of_base(
        base: Table,
        flags: &TrainArgs,
        matches: &ArgMatches,
        from: &FromArgs,
    ) -> Result<Self, CommandError> {
        let mut asked = Self::over(base, from.config.clone(), flags, matches, from)?;
        let table = asked.asked();
        asked.recipe = Recipe::of(&asked.args, &table);
        asked.follow_recipe();
        Ok(asked)
    }

    /// The same over the settings in `base`, which come from `file`.
    pub(super) fn over(
        mut base: Table,
        file: Option<PathBuf>,
        flags: &TrainArgs,
        matches: &ArgMatches,
        from: &FromArgs,
    ) -> Result<Self, CommandError> {
        // Flags take precedence over the file.
        let keys = Key::all();
        let in_file = |key: &&Key| key.value(&base).is_some();
        let mut from_file: Vec<Key> = keys.iter().filter(in_file).cloned().collect();
        let table = table(flags);
        let mut set: Vec<Key> = Vec::new();
        for key in keys.iter().filter(|key| key.is_given(matches)) {
            let value = key.value(&table).expect("what was given has a value");
            key.put(&mut base, value.clone());
            set.push(key.clone());
        }
        // So does --set; a key that both set is an error.
        for text in &from.set {
            let (key, value) = assignment(text, &keys)?;
            if set.iter().any(|other| other.path() == key.path()) {
                return Err(ArgError::Twice {
                    key: key.path(),
                    flag: key.flag().to_owned(),
                }
                .into());
            }
            key.put(&mut base, value);
            set.push(key.clone());
        }
        from_file.retain(|key| set.iter().all(|other| other.path() != key.path()));
        let args = base
            .try_into()
            .map_err(|error: toml::de::Error| ArgError::text("set", error.message()))?;
        Ok(Self {
            args,
            recipe: Recipe::default(),
            file,
            from_file,
            set,
        })
    }

    /// The keys that somebody asked for: by a flag, by `--set`, or by another value than the
    /// default in the file.
    pub(super) fn named(&self) -> Vec<&Key> {
        let tables = (table(&self.args), table(&TrainArgs::default()));
        let is_other = |key: &&Key| key.value(&tables.0) != key.value(&tables.1);
        let from_file = self.from_file.iter().filter(is_other);
        self.set.iter().chain(from_file).collect()
    }

    /// Whether the key at this path is one of [`ResolvedConfig::named`].
    pub(super) fn is_named(&self, path: &str) -> bool {
        self.named().iter().any(|key| key.path() == path)
    }

    /// The values that somebody gave, by a flag, by `--set` or in the file.
    fn asked(&self) -> Table {
        let (all, mut asked) = (table(&self.args), Table::new());
        for key in self.set.iter().chain(&self.from_file) {
            if let Some(value) = key.value(&all) {
                key.put(&mut asked, value.clone());
            }
        }
        asked
    }

    /// Puts the recipe's values into the settings.
    fn follow_recipe(&mut self) {
        let mut all = table(&self.args);
        for (key, value) in &self.recipe.values {
            key.put(&mut all, value.clone());
        }
        self.args = all
            .try_into()
            .expect("recipes have values of the keys' types");
    }

    /// The keys that flags and `--set` gave.
    pub(super) fn given(&self) -> Vec<&Key> {
        self.set.iter().collect()
    }

    /// The value of a key, if it has one.
    pub(super) fn value(&self, key: &Key) -> Option<Value> {
        key.value(&table(&self.args)).cloned()
    }

    /// Where a key was asked for: its flag, or its place in the file.
    pub(super) fn source(&self, key: &Key) -> String {
        let is_from_file = self
            .from_file
            .iter()
            .any(|other| other.path() == key.path());
        match (&self.file, is_from_file) {
            (Some(file), true) => format!("{}: {}", file.display(), key.path()),
            _ => format!("--{}", key.flag()),
        }
    }

    /// Settings that were kept in `file`.
    pub(super) fn stored(args: TrainArgs, file: PathBuf) -> Self {
        Self {
            args,
            recipe: Recipe::default(),
            file: Some(file),
            from_file: Key::all(),
            set: Vec::new(),
        }
    }

    /// The settings, checked.
    pub(super) fn settings(&self) -> Result<TrainSettings, ArgError> {
        TrainSettings::try_from(self.args.clone()).map_err(|error| self.explain(error))
    }

    /// Says of a setting that came from the file where it stands there, not which flag it would
    /// have been.
    fn explain(&self, error: ArgError) -> ArgError {
        let Some(file) = &self.file else {
            return error;
        };
        let (flag, problem) = match &error {
            ArgError::Value {
                flag,
                expected,
                got,
                meant,
            } => {
                let meant = did_you_mean(meant.as_ref());
                (*flag, format!("must be {expected}, got {got:?}{meant}"))
            }
            ArgError::Text { flag, message } => (*flag, message.clone()),
            _ => return error,
        };
        match self.from_file.iter().find(|key| key.flag() == flag) {
            Some(key) => ArgError::Key {
                path: file.clone(),
                key: key.path(),
                problem,
            },
            None => error,
        }
    }
}

/// The settings as a document; what is not set is not in it.
pub(super) fn table(args: &TrainArgs) -> Table {
    Table::try_from(args).expect("settings are plain values")
}

/// A document of every key with what it means, that `--config` takes.
pub(super) fn commented(args: &TrainArgs) -> String {
    let table = table(args);
    let mut text =
        String::from("# A training of unisono. Keys without a value are shown behind a #.\n");
    let mut last = "";
    for key in Key::all() {
        if key.section != last {
            text += &format!("\n[{}]\n", key.section);
            last = key.section;
        }
        for line in key.help().lines() {
            text += &format!("# {line}\n");
        }
        text += &match key.value(&table) {
            Some(value) => format!("{} = {value}\n", key.name),
            None => format!("# {} = {:?}\n", key.name, key.value_name()),
        };
    }
    text
}

/// Every key in its section, with its value or null.
pub(super) fn all_keys(args: &TrainArgs) -> serde_json::Value {
    let table = table(args);
    let mut sections = serde_json::Map::new();
    for key in Key::all() {
        let section = sections
            .entry(key.section)
            .or_insert_with(|| serde_json::Map::new().into());
        section[&key.name] = serde_json::json!(key.value(&table));
    }
    sections.into()
}

/// The keys whose values differ: their paths, what was and what is.
pub(super) fn differences(before: &TrainArgs, after: &TrainArgs) -> Vec<(String, String, String)> {
    let text = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or("not set".to_owned(), ToString::to_string)
    };
    let differing = differing([before, after]).into_iter();
    let both = differing.map(|(path, values)| (path, text(&values[0]), text(&values[1])));
    both.collect()
}

/// The keys whose values differ in any of these settings: their paths, and the value in each.
pub(super) fn differing<'a>(
    all: impl IntoIterator<Item = &'a TrainArgs>,
) -> Vec<(String, Vec<Option<Value>>)> {
    let tables: Vec<Table> = all.into_iter().map(table).collect();
    let keys = Key::all().into_iter();
    let values = keys.map(|key| {
        let values = tables.iter().map(|table| key.value(table).cloned());
        (key.path(), values.collect::<Vec<_>>())
    });
    let differ = |values: &[Option<Value>]| values.iter().any(|value| *value != values[0]);
    values.filter(|(_, values)| differ(values)).collect()
}

/// `optimizer.lr=0.1`: the key, and its value as TOML or as bare text.
fn assignment<'k>(text: &str, keys: &'k [Key]) -> Result<(&'k Key, Value), ArgError> {
    // The key.
    let (path, given) = text.split_once('=').ok_or_else(|| ArgError::Value {
        flag: "set",
        expected: "KEY=VALUE, such as optimizer.lr=0.1".to_owned(),
        got: text.to_owned(),
        meant: None,
    })?;
    let (path, given) = (path.trim(), given.trim());
    let key = keys.iter().find(|key| key.path() == path).ok_or_else(|| {
        let paths: Vec<String> = keys.iter().map(Key::path).collect();
        let known = paths.iter().map(String::as_str);
        ArgError::text("set", &unknown_key(path, known))
    })?;
    // The value: what its flag would take, and what TOML reads, or else bare text, if the key takes
    // it.
    let parsed = toml::from_str::<Table>(&format!("value = {given}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    let bare = value.as_ref().and_then(Value::as_str).unwrap_or(given);
    if let Some(refusal) = key.refusal(bare) {
        return Err(ArgError::text("set", &refusal.said(path, bare)));
    }
    let fits = |value: Value| {
        let mut table = Table::new();
        key.put(&mut table, value.clone());
        table.try_into::<TrainArgs>().map(|_| value)
    };
    let as_text = || fits(Value::String(given.to_owned()));
    let value = match value {
        Some(value) => fits(value).or_else(|error| as_text().map_err(|_| error)),
        None => as_text(),
    };
    let value = value.map_err(|error| {
        ArgError::text("set", &format!("{path}: {}", explained(error.message())))
    })?;
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::config_file::parse;

    #[test]
    fn every_key_can_stand_in_a_file_and_the_printed_document_reads_back() {
        let mut args = TrainArgs::default();
        args.optim.weight_decay = Some(0.25);
        args.engine.threads = "3".to_owned();
        let text = commented(&args);
        let read: TrainArgs = parse::<TrainArgs>(&text, Path::new("a.toml"))
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(read, args);
        // Behind the # stand keys that exist: with a text for a value, wrong types are the only
        // errors.
        let names = Key::all();
        for line in text.lines().filter(|line| line.starts_with("# ")) {
            let Some((name, _)) = line[2..].split_once(" = \"") else {
                continue;
            };
            assert!(names.iter().any(|key| key.name == name), "{name}");
        }
    }

    #[test]
    fn reals_of_either_precision_survive_a_document_exactly() {
        let mut args = TrainArgs::default();
        args.optim.lr = 0.1;
        args.optim.l2 = Some(1.000_000_1e-7);
        // In double precision, but with the value of a number of single precision.
        args.data.test_share = Some(f64::from(0.1_f32));
        let text = commented(&args);
        assert!(text.contains("\nlr = 0.1\n"), "{text}");
        let read = parse::<TrainArgs>(&text, Path::new("a.toml")).unwrap();
        let read: TrainArgs = read.try_into().unwrap();
        assert_eq!(read, args);
    }

    #[test]
    fn set_takes_toml_values_and_bare_text() {
        let keys = Key::all();
        let value = |text: &str| assignment(text, &keys).map(|(key, value)| (key.path(), value));
        let lr = value("optimizer.lr=0.5").unwrap();
        assert_eq!(lr, ("optimizer.lr".to_owned(), Value::Float(0.5)));
        let schedule = value("optimizer.schedule=cosine over 3 epochs").unwrap().1;
        assert_eq!(schedule.as_str(), Some("cosine over 3 epochs"));
        for (text, expected) in [
            ("optimizer.lr", "--set must be KEY=VALUE"),
            (
                "optimizer.rl=1",
                "unknown key `optimizer.rl`; did you mean `optimizer.lr`?",
            ),
            (
                "run.epochs=many",
                "run.epochs must be a whole number from 0 to 4294967295, got \"many\"",
            ),
            (
                "optimizer.momentum=0.9999999999",
                "optimizer.momentum must be at least 0 and below 1 in single precision, got \"0.9999999999\"",
            ),
            (
                "optimizer.lr=1e-400",
                "where it is not 0 (single precision), got \"1e-400\"",
            ),
        ] {
            let error = value(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
