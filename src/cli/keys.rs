//! The keys of a configuration: every flag of a training is one.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args as ClapArgs, Command};
use toml::{Table, Value};

use super::flag_error::Refusal;
use super::options::{BatchArgs, DataArgs, EngineArgs, LossArgs, ModelArgs, OptimArgs, RunArgs};

/// A key of the configuration: the flag it is, where it stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: String,
    arg: Arg,
    /// A command with the arguments of the section.
    section_of: fn() -> Command,
}

impl Key {
    /// All of them, in the order of the sections.
    pub(super) fn all() -> Vec<Self> {
        let mut keys = Vec::new();
        keys.extend(Self::of::<ModelArgs>("model"));
        keys.extend(Self::of::<DataArgs>("data"));
        keys.extend(Self::of::<LossArgs>("loss"));
        keys.extend(Self::of::<OptimArgs>("optimizer"));
        keys.extend(Self::of::<BatchArgs>("batch"));
        keys.extend(Self::of::<EngineArgs>("engine"));
        keys.extend(Self::of::<RunArgs>("run"));
        keys
    }

    /// Those of a section.
    pub(super) fn of<T: ClapArgs>(section: &'static str) -> Vec<Self> {
        let section_of = || T::augment_args(Command::new("unisono").no_binary_name(true));
        let command = section_of();
        let key = |arg: &Arg| Key {
            section,
            section_of,
            name: match (section, arg.get_id().as_str()) {
                ("data", "data") => "path",
                ("optimizer", "optimizer") | ("loss", "loss") => "name",
                ("batch", "batch_size") => "size",
                ("batch", "batch_policy") => "policy",
                (_, other) => other,
            }
            .to_owned(),
            arg: arg.clone(),
        };
        command.get_arguments().map(key).collect()
    }

    /// `optimizer.lr`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Its value in `table`.
    pub(super) fn value<'t>(&self, table: &'t Table) -> Option<&'t Value> {
        table.get(self.section)?.as_table()?.get(&self.name)
    }

    /// Sets its value in `table`.
    pub(super) fn put(&self, table: &mut Table, value: Value) {
        let section = table
            .entry(self.section)
            .or_insert_with(|| Value::Table(Table::new()));
        let section = section.as_table_mut().expect("a section is a table");
        section.insert(self.name.clone(), value);
    }

    /// The name of its argument.
    pub(super) fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// Whether it was given as a flag.
    pub(super) fn is_given(&self, matches: &ArgMatches) -> bool {
        matches.value_source(self.arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    }

    /// Why its flag refuses this text, if it does.
    pub(super) fn refusal(&self, text: &str) -> Option<Refusal> {
        let flag = format!("--{}={text}", self.flag());
        let error = (self.section_of)().try_get_matches_from([flag]).err()?;
        Refusal::of(&error)
    }

    /// `lr`, as in `--lr`.
    pub(super) fn flag(&self) -> &str {
        self.arg.get_long().expect("every setting has a flag")
    }

    /// What it means.
    pub(super) fn help(&self) -> String {
        self.arg
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// What a value looks like.
    pub(super) fn value_name(&self) -> String {
        let names = self.arg.get_value_names().unwrap_or_default();
        names
            .first()
            .map_or("VALUE".to_owned(), ToString::to_string)
    }
}
