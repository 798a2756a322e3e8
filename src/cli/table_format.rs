//! Tables for papers and pages: LaTeX (booktabs) and Markdown, the cells as they are printed.

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Markdown,
    Latex,
}

impl TableFormat {
    /// The table, without an end of its last line.
    pub(super) fn table(self, head: &[&str], rows: &[Vec<String>]) -> String {
        let columns: Vec<Column> = (0..head.len()).map(|at| Column::of(rows, at)).collect();
        match self {
            TableFormat::Markdown => markdown(&columns, head, rows),
            TableFormat::Latex => latex(&columns, head, rows),
        }
    }
}

/// How a column's cells stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Left,
    Right,
}

impl Column {
    /// Numbers stand at the right, whatever follows them after a blank, and with them empty cells.
    fn of(rows: &[Vec<String>], at: usize) -> Self {
        let is_number = |cell: &str| {
            let bare = cell.trim_start_matches(['-', '+', '<', '>', '=', ' ', '~']);
            let rest =
                bare.trim_start_matches(|sign: char| sign.is_ascii_digit() || ".,".contains(sign));
            let has_end = rest.is_empty() || rest.starts_with([' ', 'e']);
            cell.is_empty() || cell == "-" || (rest.len() < bare.len() && has_end)
        };
        let mut cells = rows.iter().map(|row| row[at].as_str());
        match cells.all(is_number) {
            true => Column::Right,
            false => Column::Left,
        }
    }
}

fn markdown(columns: &[Column], head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(in_markdown).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = columns.iter().map(|column| match column {
        Column::Left => "---",
        Column::Right => "---:",
    });
    let rule = format!("|{}|", rule.collect::<Vec<_>>().join("|"));
    let mut lines = vec![line(&mut head.iter().copied()), rule];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

fn latex(columns: &[Column], head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells: Vec<String> = cells.map(in_latex).collect();
        format!("{} \\\\", cells.join(" & "))
    };
    let form = columns.iter().map(|column| match column {
        Column::Left => 'l',
        Column::Right => 'r',
    });
    let form: String = form.collect();
    let mut lines = vec![
        "% Needs \\usepackage{booktabs}.".to_owned(),
        format!("\\begin{{tabular}}{{{form}}}"),
        "\\toprule".to_owned(),
        line(&mut head.iter().copied()),
        "\\midrule".to_owned(),
    ];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.extend(["\\bottomrule".to_owned(), "\\end{tabular}".to_owned()]);
    lines.join("\n")
}

fn in_markdown(cell: &str) -> String {
    let mut text = String::new();
    for sign in cell.chars() {
        match sign {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' => text.extend(['\\', sign]),
            '<' => text += "&lt;",
            '>' => text += "&gt;",
            '&' => text += "&amp;",
            '\n' | '\r' => text.push(' '),
            other => text.push(other),
        }
    }
    text
}

/// A `[` at the beginning of a line would be read as an argument of the `\\` before it.
fn in_latex(cell: &str) -> String {
    let mut text = String::new();
    for sign in cell.chars() {
        match sign {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => text.extend(['\\', sign]),
            '\\' => text += "\\textbackslash{}",
            '~' => text += "\\textasciitilde{}",
            '^' => text += "\\textasciicircum{}",
            '<' => text += "\\textless{}",
            '>' => text += "\\textgreater{}",
            '|' => text += "\\textbar{}",
            '[' => text += "{[}",
            ']' => text += "{]}",
            '*' if text.is_empty() => text += "{*}",
            '\n' | '\r' => text.push(' '),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["a_b & 5 %", "12.50", "[1, 2]"]),
            row(["c|d\\~^", ">= 3", "*x* <y> {#$}"]),
            row(["", "-", ""]),
        ]
    }

    #[test]
    fn latex_is_a_booktabs_table_whose_cells_are_what_was_printed() {
        let text = TableFormat::Latex.table(&["run", "loss, %", "range"], &rows());
        let expected = r"% Needs \usepackage{booktabs}.
\begin{tabular}{lrl}
\toprule
run & loss, \% & range \\
\midrule
a\_b \& 5 \% & 12.50 & {[}1, 2{]} \\
c\textbar{}d\textbackslash{}\textasciitilde{}\textasciicircum{} & \textgreater{}= 3 & {*}x* \textless{}y\textgreater{} \{\#\$\} \\
 & - &  \\
\bottomrule
\end{tabular}";
        assert_eq!(text, expected);
    }

    #[test]
    fn markdown_cells_do_not_end_early_or_become_markup() {
        let text = TableFormat::Markdown.table(&["run", "loss, %", "range"], &rows());
        let expected = r"| run | loss, % | range |
|---|---:|---|
| a\_b &amp; 5 % | 12.50 | \[1, 2\] |
| c\|d\\~^ | &gt;= 3 | \*x\* &lt;y&gt; {#$} |
|  | - |  |";
        assert_eq!(text, expected);
    }

    #[test]
    fn dates_and_words_stand_at_the_left() {
        let row = |cell: &str| vec![cell.to_owned()];
        let form =
            |cells: &[&str]| Column::of(&cells.iter().map(|c| row(c)).collect::<Vec<_>>(), 0);
        assert!(form(&["2026-12-03 07:45"]) == Column::Left);
        assert!(form(&["3", "ten"]) == Column::Left);
        assert!(form(&["64-dense-relu-dense 10"]) == Column::Left);
        assert!(form(&["3", "", "-", "4 (2, 1)"]) == Column::Right);
    }
}
