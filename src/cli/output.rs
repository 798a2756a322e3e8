//! Output shared by the commands: tables on the terminal, files in a folder.

use std::path::Path;

use crate::report::{Chart, HtmlReport};

use super::error::CommandError;

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

/// Columns as wide as their widest cell.
pub(super) fn aligned(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    say!("{}", line(&mut head.iter().copied()));
    for row in rows {
        say!("{}", line(&mut row.iter().map(String::as_str)));
    }
}

/// A file in `folder`.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CommandError> {
    let path = folder.join(name);
    crate::output::write(&path, bytes).map_err(|source| CommandError::Write { path, source })
}

/// A chart as SVG and PNG.
pub(super) fn picture(folder: &Path, name: &str, chart: &dyn Chart) -> Result<(), CommandError> {
    write(folder, &format!("{name}.svg"), chart.svg().as_bytes())?;
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
