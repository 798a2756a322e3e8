//! Width of the terminal, which help, tables and charts keep to.

use std::io::IsTerminal;

use console::Term;

/// Columns where there is no terminal, or one that does not tell.
const COLUMNS: usize = 80;

/// Columns of the terminal that stdout is; none where it is another thing, whose lines have no end.
pub(super) fn terminal_columns() -> Option<usize> {
    std::io::stdout().is_terminal().then(columns)
}

/// Columns of lines on stdout: those of the terminal, or those of `COLUMNS` where it is set.
pub(super) fn columns() -> usize {
    let named = std::env::var("COLUMNS").ok();
    let named = named
        .and_then(|text| text.parse().ok())
        .filter(|&columns| columns > 0);
    let shown = || std::io::stdout().is_terminal().then(Term::stdout);
    let measured = || shown().and_then(|term| term.size_checked());
    named
        .or_else(|| measured().map(|size| usize::from(size.1)))
        .unwrap_or(COLUMNS)
}
