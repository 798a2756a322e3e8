//! Standard output: the only place that writes to it.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use super::shown::shown;
use super::table_format::TableFormat;

/// Prints a line to stdout. Unlike `println!` it does not panic where nobody reads: it ends the
/// program, as the signal would.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::cli::stdout::line(format_args!($($text)*))
    };
}

/// The exit code where the reader of stdout has gone: 128 and SIGPIPE's number.
pub(super) const CLOSED_PIPE: i32 = 141;

/// Set once stdout is a command's file: what is said besides then goes to stderr.
static STDOUT_IS_TAKEN: OnceLock<()> = OnceLock::new();

/// Keeps stdout free for a file.
pub(super) fn take_stdout() {
    STDOUT_IS_TAKEN.get_or_init(|| ());
}

/// Set where the command prints one JSON object, and nothing else, to stdout.
static IS_JSON: OnceLock<()> = OnceLock::new();

/// Prints nothing but the object of [`json`] from now on, if `is_json`.
pub(super) fn only_json(is_json: bool) {
    if is_json {
        IS_JSON.get_or_init(|| ());
    }
}

/// Prints a command's results as an object in one line, where [`only_json`] has asked for it.
pub(super) fn json(results: impl FnOnce() -> serde_json::Value) {
    if IS_JSON.get().is_some() {
        write(format_args!("{}\n", results()));
    }
}

/// Set where nothing but tables is printed, in this format.
static TABLES: OnceLock<TableFormat> = OnceLock::new();

thread_local! {
    /// What was said as `name: value` where only tables are printed: a table of its own, if there is
    /// no other.
    static FACTS: RefCell<Option<Vec<Vec<String>>>> = const { RefCell::new(Some(Vec::new())) };
}

/// Prints nothing but tables from now on, if there is a format.
pub(super) fn only_tables(format: Option<TableFormat>) {
    if let Some(format) = format {
        TABLES.get_or_init(|| format);
    }
}

/// Prints a table, where only tables are printed; whether it did.
pub(super) fn formatted(head: &[&str], rows: &[Vec<String>]) -> bool {
    let Some(format) = TABLES.get() else {
        return false;
    };
    // Of several tables an empty line stands between two.
    let is_first = FACTS.take().is_some();
    let between = if is_first { "" } else { "\n" };
    write(format_args!("{between}{}\n", format.table(head, rows)));
    true
}

/// Ends what [`only_tables`] began: a command that printed no table has said facts, which are one.
pub(super) fn end_tables() {
    let facts = FACTS.take().filter(|facts| !facts.is_empty());
    if let (Some(format), Some(facts)) = (TABLES.get(), facts) {
        write(format_args!("{}\n", format.table(&["", "value"], &facts)));
    }
}

/// Keeps a fact for [`end_tables`]; other lines go to stderr.
fn keep_fact(line: &str) {
    let Some((name, value)) = line.trim_end().split_once(": ") else {
        if !line.trim().is_empty() {
            tell_at_once(format_args!("{line}"));
        }
        return;
    };
    let fact = vec![name.to_owned(), value.to_owned()];
    FACTS.with_borrow_mut(|facts| facts.iter_mut().for_each(|facts| facts.push(fact.clone())));
}

/// Set on all ranks of a training but the first.
static IS_SILENT: OnceLock<()> = OnceLock::new();

/// Says nothing from now on, but errors: another process of the same training does.
pub(super) fn silence() {
    IS_SILENT.get_or_init(|| ());
}

/// Whether nothing is said.
pub(super) fn is_silent() -> bool {
    IS_SILENT.get().is_some()
}

/// Prints a note or a warning to stderr, unless another process does.
macro_rules! note {
    ($($text:tt)*) => {
        if !$crate::cli::stdout::is_silent() {
            tell!($($text)*);
        }
    };
}

/// Prints a line to stderr, whichever process this is. Unlike `eprintln!` it does not panic where
/// stderr is closed or cannot be written.
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::cli::stdout::tell_at_once(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// Prints to stderr, without a line's end.
pub(super) fn tell_at_once(text: std::fmt::Arguments<'_>) {
    // What tests make the program say is shown where they fail.
    #[cfg(test)]
    eprint!("{text}");
    // Nobody can be told that nothing can be told.
    #[cfg(not(test))]
    let _ = send(&mut std::io::stderr(), text);
}

/// Set where what the command does is kept elsewhere, and worth more than what it says.
static OUTLIVES: OnceLock<()> = OnceLock::new();

/// Set once stdout could not be written.
static IS_GONE: OnceLock<()> = OnceLock::new();

/// Goes on without stdout from now on, if its reader leaves or it cannot be written.
pub(super) fn outlive() {
    OUTLIVES.get_or_init(|| ());
}

pub(super) fn line(text: std::fmt::Arguments<'_>) {
    print(format_args!("{text}\n"));
}

/// Prints at once, without a line's end.
pub(super) fn print(text: std::fmt::Arguments<'_>) {
    if TABLES.get().is_some() {
        keep_fact(&text.to_string());
    } else if IS_JSON.get().is_none() {
        write(text);
    }
}

fn write(text: std::fmt::Arguments<'_>) {
    if is_silent() || IS_GONE.get().is_some() {
        return;
    }
    if STDOUT_IS_TAKEN.get().is_some() {
        tell_at_once(text);
        return;
    }
    let mut out = std::io::stdout();
    let Err(error) = send(&mut out, text).and_then(|()| out.flush()) else {
        return;
    };
    if OUTLIVES.get().is_some() {
        IS_GONE.get_or_init(|| ());
        tell!(
            "warning: cannot write to stdout: {error}; the training goes on, its run has what it comes to"
        );
        return;
    }
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(CLOSED_PIPE);
    }
    tell!("unisono: cannot write to stdout: {error}");
    std::process::exit(1);
}

/// Writes a text: to a terminal as that may show it, elsewhere as it is.
fn send<W: Write + IsTerminal>(to: &mut W, text: std::fmt::Arguments<'_>) -> io::Result<()> {
    if to.is_terminal() {
        return to.write_all(shown(&text.to_string()).as_bytes());
    }
    to.write_fmt(text)
}
