//! Help in short: a line for each flag, cut to the terminal's width.

use clap::{Arg, ArgAction, Command};

use super::choices::any_of;
use super::terminal::columns;

/// Columns of a flag and what it takes; longer ones shift their text.
const FLAG: usize = 26;

/// Columns of a list of names that stands where the name of the value would.
const NAMES: usize = 30;

/// Flags for rare needs, which only `--help` shows.
const RARE: [&str; 28] = [
    "all_reduce",
    "allow_change",
    "cache",
    "check_replicas",
    "clip_value",
    "decay_all",
    "delimiter",
    "fold",
    "freeze",
    "huber_delta",
    "ignore_label",
    "l1",
    "layer_lr",
    "missing_labels",
    "new_head",
    "no_balance",
    "no_pin",
    "on_bad_sample",
    "on_non_finite",
    "on_worker_panic",
    "overlay",
    "pin",
    "proximal_l1",
    "split_seed",
    "track",
    "update",
    "watchdog",
    "weights_map",
];

/// Fewer flags than this are all shown.
const FEW: usize = 30;

/// The arguments of a command, which is called `name`.
pub(super) fn short_help(command: &Command, name: &str) -> String {
    let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let args: Vec<&Arg> = args.filter(|arg| arg.get_id() != "help").collect();
    let is_rare = |arg: &Arg| args.len() >= FEW && RARE.contains(&arg.get_id().as_str());
    // Flags of the command itself come first, as in the whole help.
    let mut sections: Vec<(String, String)> = Vec::new();
    for own in [true, false] {
        for arg in &args {
            let heading = match (arg.is_positional(), arg.get_help_heading()) {
                (true, _) => "Arguments",
                (false, heading) => heading.unwrap_or("Options"),
            };
            if arg.get_help_heading().is_none() != own || is_rare(arg) {
                continue;
            }
            let line = help_line(&specification(arg), &meaning(arg), FLAG, columns());
            match sections.iter_mut().find(|(known, _)| known == heading) {
                Some((_, lines)) => lines.push_str(&line),
                None => sections.push((heading.to_owned(), line)),
            }
        }
    }
    // How to come to the rest.
    let sections = sections.into_iter();
    let text: String = sections
        .map(|(heading, lines)| format!("{heading}:\n{lines}"))
        .collect();
    let rare = args.iter().filter(|arg| is_rare(arg)).count();
    let more = match rare {
        0 => format!("`{name} --help` says more of each."),
        rare => format!("`{name} --help` says more of each, and has {rare} for rare needs."),
    };
    format!("{text}\n{more}")
}

/// A name and its text in one line of at most `columns`.
pub(super) fn help_line(name: &str, text: &str, names: usize, columns: usize) -> String {
    let start = format!("  {name:names$}  ");
    let room = columns.saturating_sub(start.chars().count());
    format!("{start}{}\n", cut(text, room))
}

/// A text of at most `room` columns, cut between words.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let room = room.saturating_sub(3);
    let mut kept = String::new();
    for word in text.split(' ') {
        let space = usize::from(!kept.is_empty());
        if kept.chars().count() + space + word.chars().count() > room {
            break;
        }
        kept.push_str(&" "[..space]);
        kept.push_str(word);
    }
    kept + "..."
}

/// `-t, --threads N|auto`.
fn specification(arg: &Arg) -> String {
    let names = names(arg).join("|");
    let named = arg.get_value_names().and_then(|names| names.first());
    let value = match (takes_value(arg), named) {
        (false, _) => String::new(),
        (true, _) if !names.is_empty() && names.len() <= NAMES => names,
        (true, Some(name)) => name.to_string(),
        (true, None) => arg.get_id().as_str().to_uppercase(),
    };
    let short = arg
        .get_short()
        .map_or("    ".to_owned(), |short| format!("-{short}, "));
    match arg.get_long() {
        Some(long) => format!("{short}--{long} {value}").trim_end().to_owned(),
        None => value,
    }
}

/// The names that it takes, if it takes no others.
fn names(arg: &Arg) -> Vec<String> {
    let values = arg.get_possible_values().into_iter();
    let values = values.filter(|_| takes_value(arg));
    values.map(|value| value.get_name().to_owned()).collect()
}

pub(super) fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// The beginning of its text, and its default.
fn meaning(arg: &Arg) -> String {
    let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults = arg.get_default_values().iter().filter(|_| takes_value(arg));
    let default = defaults.map(|value| value.to_string_lossy()).next();
    let default = default.filter(|value| !value.is_empty());
    let default = default.map_or(String::new(), |value| format!(" [{value}]"));
    // Names that are too many for the place of the value.
    let names = names(arg);
    let is_shown = names.join("|").len() <= NAMES;
    let names = match names.is_empty() || is_shown {
        true => String::new(),
        false => format!(
            ": {}",
            any_of(&names.iter().map(String::as_str).collect::<Vec<_>>())
        ),
    };
    format!("{}{default}{names}", first_clause(&text))
}

/// A text up to its details. Conditions such as "With --out:" are no clause of their own.
pub(super) fn first_clause(text: &str) -> &str {
    let is_condition = ["Of ", "With "].iter().any(|word| text.starts_with(word));
    let after = match text.find(": ") {
        Some(colon) if is_condition => colon + 2,
        _ => 0,
    };
    let ends = [": ", "; ", " (", ". ", ", such as ", ", so that "];
    let found = ends.iter().filter_map(|end| text[after..].find(end));
    let end = found.min().map_or(text.len(), |end| after + end);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_where_their_details_begin_and_lines_where_the_terminal_does() {
        assert_eq!(first_clause("Learning rate"), "Learning rate");
        assert_eq!(first_clause("Worker threads: a number"), "Worker threads");
        assert_eq!(
            first_clause("With --out: epochs; 0 for none"),
            "With --out: epochs"
        );
        assert_eq!(
            first_clause("The rate over time, such as \"x\""),
            "The rate over time"
        );
        assert_eq!(cut("one two three", 13), "one two three");
        assert_eq!(cut("one two three", 12), "one two...");
        assert_eq!(help_line("a", "one two three", 3, 16), "  a    one...\n");
    }
}
