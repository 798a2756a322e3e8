//! Output shared by the commands: tables on the terminal, files in a folder.

use std::path::Path;

use crate::report::{Chart, HtmlReport};

use super::error::CommandError;
use super::stdout::formatted;
use super::terminal::terminal_columns;

/// As it was typed, without the program's folder.
pub(super) fn command_line() -> String {
    let quoted = |word: String| {
        if word.contains([' ', '{', '"', '\'', '$']) {
            format!("'{}'", word.replace('\'', "'\\''"))
        } else {
            word
        }
    };
    let words = std::env::args().skip(1).map(quoted);
    ["unisono".to_owned()]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Narrowest column that is cut to fit a terminal.
const NARROWEST: usize = 8;

/// Columns as wide as their widest cell. On a terminal the widest are cut until a row is a line;
/// elsewhere nothing is cut.
/// With `--format` they are printed in that.
pub(super) fn aligned(head: &[&str], rows: &[Vec<String>]) {
    if formatted(head, rows) {
        return;
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let widths = match terminal_columns() {
        Some(columns) => fitted(widths, columns),
        None => widths,
    };
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells
            .zip(&widths)
            .map(|(cell, &width)| format!("{:<width$}", cut(cell, width)));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    say!("{}", line(&mut head.iter().copied()));
    for row in rows {
        say!("{}", line(&mut row.iter().map(String::as_str)));
    }
}

/// Widths of which the widest are cut until a row of them, two spaces between, has `columns`.
fn fitted(mut widths: Vec<usize>, columns: usize) -> Vec<usize> {
    let room = columns.saturating_sub(2 * widths.len().saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let widest = widths.iter_mut().max();
        let Some(widest) = widest.filter(|width| **width > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

/// A cell of at most `width` characters.
fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(width.saturating_sub(3)).collect();
    kept + "..."
}

/// A file in `folder`.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
    let path = folder.join(name);
    crate::output::write(&path, bytes).map_err(|source| CommandError::Write { path, source })
}

/// A chart as SVG and PNG, and its numbers as CSV.
pub(super) fn picture(folder: &Path, name: &str, chart: &dyn Chart) -> Result<(), CommandError> {
    write(folder, &format!("{name}.svg"), chart.svg().as_bytes())?;
    write(folder, &format!("{name}.csv"), chart.csv().as_bytes())?;
    match chart.png() {
        Some(png) => write(folder, &format!("{name}.png"), &png),
        None => {
            note!("warning: no font for {name}.png; the SVG has the same picture");
            Ok(())
        }
    }
}

/// A page.
pub(super) fn report(folder: &Path, page: &HtmlReport) -> Result<(), CommandError> {
    write(folder, "report.html", page.html().as_bytes())?;
    say!("report: {}", folder.join("report.html").display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_are_cut_to_the_terminal_and_others_stay() {
        assert_eq!(fitted(vec![5, 30, 9], 60), [5, 30, 9]);
        assert_eq!(fitted(vec![5, 30, 9], 40), [5, 22, 9]);
        assert_eq!(fitted(vec![20, 30, 3], 37), [15, 15, 3]);
        // Narrower than that nothing could be read.
        assert_eq!(fitted(vec![20, 30, 3], 10), [8, 8, 3]);
        assert_eq!(cut("accuracy", 8), "accuracy");
        assert_eq!(cut("accuracy of it", 8), "accur...");
    }
}
