//! What a reader says of what it took: lines of `key: value`, which `train` and `data inspect`
//! print alike.

use crate::data::{Dataset, Labels, listed};

use super::Loaded;

/// Lines that a training prints; `data inspect` prints all.
const LINES: usize = 24;

/// The first lines, and how many more there are.
pub(crate) fn cut(lines: &[String]) -> Vec<String> {
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

/// `name: 3 rows` of each class, in both parts together.
pub(crate) fn class_counts(loaded: &Loaded) -> Vec<(String, usize)> {
    let Labels::Classes(num_classes) = loaded.data[0].labels() else {
        return Vec::new();
    };
    let mut counts = vec![0; num_classes];
    for part in &loaded.data {
        classes(&**part)
            .iter()
            .for_each(|&class| counts[class as usize] += 1);
    }
    let named = |(class, count): (usize, usize)| {
        let name = loaded.class_names.get(class).cloned();
        (name.unwrap_or_else(|| class.to_string()), count)
    };
    counts.into_iter().enumerate().map(named).collect()
}

fn classes(part: &dyn Dataset) -> Vec<u32> {
    let rows: Vec<u32> = (0..part.len() as u32).collect();
    let mut classes = vec![0; rows.len()];
    part.gather_classes(&rows, &mut classes);
    classes
}

/// `labels: 3 classes, a, b, c`.
pub(super) fn classes_line(names: &[String]) -> String {
    format!("labels: {} classes, {}", names.len(), listed(names))
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
