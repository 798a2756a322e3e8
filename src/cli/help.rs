//! Help: the commands in groups, and the flags of each in the sections of a configuration: a line
//! for each (`-h`), or all that they take (`--help`).
//!
//! # Invariants
//! 1. A flag stands in the section that its key has: one that is added needs no word here.
//! 2. Every command is in one group; a test says which is not.

use clap::{Arg, ArgAction, Command};

use crate::nn::LAYERS;

use super::keys::Key;
use super::short_help::{first_clause, help_line, short_help, takes_value};
use super::study_args::StudyArgs;
use super::terminal::columns;

/// Widest lines of help, which are read like a text.
const WIDEST: usize = 100;

/// The commands, by what they are for.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Train, and what follows",
        &[
            "train", "eval", "predict", "generate", "explain", "export", "list", "inspect", "diff",
            "compare",
        ],
    ),
    ("Measure", &["bench", "scaling"]),
    ("Study", &["schedule", "lr-range", "tune", "study"]),
    (
        "About data, settings and this machine",
        &["data", "cache", "config", "doctor", "completions", "man"],
    ),
];

/// What to begin with.
const FIRST: &str = "A first example, on the handwritten digits that the program brings along:
  unisono train --epochs 5 --out runs/first
  unisono eval runs/first
Your own files:
  unisono data inspect table.csv
  unisono train --data table.csv --out runs/second

`unisono COMMAND -h` shows the flags of a command in a line each, `--help` all that they take.";

/// Sections of a configuration, as the help of their flags is headed.
const SECTIONS: [(&str, &str); 8] = [
    ("model", "Model"),
    ("data", "Data"),
    ("loss", "Loss"),
    ("optimizer", "Optimiser and schedule"),
    ("batch", "Batch"),
    ("engine", "Threads and engine"),
    ("run", "Length, seed and checkpoints"),
    ("study", "Study"),
];

/// Short flags, by the names of arguments: `-t` of `--threads`, for which `-j` is taken too.
const SHORTS: [(&str, char, Option<char>); 7] = [
    ("threads", 't', Some('j')),
    ("out", 'o', None),
    ("quiet", 'q', None),
    ("data", 'd', None),
    ("config", 'c', None),
    ("epochs", 'e', None),
    ("batch_size", 'b', None),
];

/// Columns of a layer's words.
const LAYER: usize = 22;

/// What --layers means for the kinds of data.
const LAYERS_OF_TEXTS: &str = "Rows of a text begin with an embedding, and each position may see only those before it: attention and conv1d are causal there.
Rows of an array (N, T, C) are sequences where the layers take sequences (lstm, gru, rnn, conv1d, attention, positions), else grey images (N, H, W).
Spectrograms and grey images are images (H, W, 1), or with such layers sequences of their rows.";

/// The program's commands, with their help and their short flags.
pub(super) fn with_help(program: Command) -> Command {
    let width = columns().clamp(40, WIDEST);
    let overview = overview(&program) + FIRST;
    let keys = [Key::all(), Key::of::<StudyArgs>("study")].concat();
    let program = program.mut_subcommands(|command| {
        let name = format!("unisono {}", command.get_name());
        explained(command, &name, &keys)
    });
    program
        .term_width(width)
        .before_help(overview)
        .help_template("{about}\n\n{usage-heading} {usage}\n\n{before-help}")
}

/// The commands in their groups, each with its line.
fn overview(program: &Command) -> String {
    let mut text = String::new();
    for (heading, names) in GROUPS {
        text += &format!("{heading}:\n");
        for name in names {
            let command = program.find_subcommand(name);
            let about = command.and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text += &help_line(name, first_clause(&about), 10, columns());
        }
        text.push('\n');
    }
    text
}

/// A command with its help; `name` as it is called.
fn explained(command: Command, name: &str, keys: &[Key]) -> Command {
    if command.has_subcommands() {
        return command.mut_subcommands(|inner| {
            let name = format!("{name} {}", inner.get_name());
            explained(inner, &name, keys)
        });
    }
    // Only what reads data has the sections of a configuration: elsewhere --seed is another flag.
    let has_sections = command
        .get_arguments()
        .any(|arg| arg.get_id() == "categories");
    let has_layers = command.get_arguments().any(|arg| arg.get_id() == "layers");
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help("Print this; -h in short");
    let command = command.disable_help_flag(true).arg(help).mut_args(|arg| {
        let key = keys.iter().find(|key| arg.get_id() == key.id());
        let section = key.filter(|_| has_sections).map(|key| heading(key.section));
        let arg = match section {
            Some(section) => arg.help_heading(section),
            None => arg,
        };
        listing_values(with_short(arg))
    });
    let short = short_help(&command, name);
    let command = command.mut_args(|arg| arg.hide_short_help(true));
    let long = if has_layers { layers() } else { String::new() };
    command.after_help(short).after_long_help(long)
}

/// `Data, [data] of a configuration`.
fn heading(section: &'static str) -> String {
    let known = SECTIONS.iter().find(|(name, _)| *name == section);
    let title = known.map_or(section, |(_, title)| *title);
    format!("{title} ([{section}] of a configuration)")
}

fn with_short(arg: Arg) -> Arg {
    let known = SHORTS.iter().find(|(id, ..)| arg.get_id() == id);
    let takes = arg.get_long().is_some() && arg.get_short().is_none();
    match known.filter(|_| takes) {
        Some((_, short, Some(alias))) => arg.short(*short).visible_short_alias(*alias),
        Some((_, short, None)) => arg.short(*short),
        None => arg,
    }
}

/// With a list of the names that it takes, unless its text says what each of them means.
fn listing_values(arg: Arg) -> Arg {
    let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = arg.get_possible_values();
    let is_said = |name: &str| {
        let mut words = text.split(|sign: char| !sign.is_alphanumeric() && !"-_".contains(sign));
        words.any(|word| word == name)
    };
    let are_said = values.iter().all(|value| is_said(value.get_name()));
    match takes_value(&arg) {
        true => arg.hide_possible_values(are_said),
        false => arg,
    }
}

/// The words of --layers.
fn layers() -> String {
    // A longer one has its meaning in the line below.
    let line = |(syntax, meaning): &(&str, &str)| match syntax.len() > LAYER {
        true => format!("  {syntax}\n  {:LAYER$}  {meaning}\n", ""),
        false => format!("  {syntax:LAYER$}  {meaning}\n"),
    };
    format!(
        "Layers of --layers, with commas between them:\n{}\n{LAYERS_OF_TEXTS}",
        LAYERS.iter().map(line).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn every_command_is_in_one_group_and_every_section_has_a_heading() {
        let program = Args::command();
        let commands: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        for name in &commands {
            let times = grouped.iter().filter(|other| *other == name).count();
            assert_eq!(times, 1, "`{name}` is in {times} groups");
        }
        assert_eq!(grouped.len(), commands.len());
        for key in Key::all() {
            let known = SECTIONS.iter().any(|(section, _)| *section == key.section);
            assert!(known, "{} has no heading", key.path());
        }
    }

    #[test]
    fn short_flags_contradict_no_others() {
        with_help(Args::command()).debug_assert();
    }
}
