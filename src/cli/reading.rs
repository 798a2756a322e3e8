//! Lines about what was read, which `train` and `data inspect` print alike.

/// Lines that a training prints; `data inspect` prints all.
const LINES: usize = 24;

/// The first lines, and how many more there are.
pub(super) fn cut(lines: &[String]) -> Vec<String> {
    if lines.len() <= LINES {
        return lines.to_vec();
    }
    let mut shown = lines[..LINES - 1].to_vec();
    let more = lines.len() - shown.len();
    shown.push(format!(
        "reading: {more} more lines; `unisono data inspect` prints them"
    ));
    shown
}

/// How lines begin that tell of something in the files that does not come to be learned.
const LOSSES: [&str; 4] = ["rounded: ", "crowded: ", "left out: ", "silent: "];

/// Whether a line tells of something that is lost.
pub(super) fn is_loss(line: &str) -> bool {
    LOSSES.iter().any(|begin| line.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_prints_the_first_lines_and_says_how_many_more_there_are() {
        let lines: Vec<String> = (0..30).map(|at| format!("column {at}: numbers")).collect();
        let shown = cut(&lines);
        assert_eq!(shown.len(), LINES);
        assert!(shown[LINES - 1].contains("7 more lines"), "{shown:?}");
        assert_eq!(cut(&lines[..5]), lines[..5]);
    }
}
