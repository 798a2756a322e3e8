//! Standard output: the only place that writes to it.

use std::io::Write;
use std::sync::OnceLock;

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
            eprintln!($($text)*);
        }
    };
}

pub(super) fn line(text: std::fmt::Arguments<'_>) {
    print(format_args!("{text}\n"));
}

/// Prints at once, without a line's end.
pub(super) fn print(text: std::fmt::Arguments<'_>) {
    if is_silent() {
        return;
    }
    if STDOUT_IS_TAKEN.get().is_some() {
        // Nobody who listens to stderr is waiting for this.
        let _ = std::io::stderr().write_fmt(text);
        return;
    }
    let mut out = std::io::stdout();
    let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) else {
        return;
    };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(CLOSED_PIPE);
    }
    eprintln!("unisono: cannot write to stdout: {error}");
    std::process::exit(1);
}
