//! Thinning: of a line of very many points, those that its picture needs.

/// Parts of a line, more than its picture has columns of pixels.
const PARTS: usize = 1_000;

/// What stands below a chart of lines that were thinned.
pub(crate) const THINNED: &str = "Of each thousandth of a line of more than 4,000 points its first, \
last, least and greatest one; metrics.jsonl has all.";

/// The points themselves up to four for each part; of more, in the order of x, the first, the last,
/// the least and the greatest of each part, which make the same picture (Jugel et al. 2014, M4: A
/// Visualization-Oriented Time Series Data Aggregation).
pub(crate) fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if !is_long(&points) {
        return points;
    }
    let len = points.len();
    let part = |at: usize| &points[at * len / PARTS..(at + 1) * len / PARTS];
    let mut kept = Vec::with_capacity(4 * PARTS);
    for part in (0..PARTS).map(part) {
        let by_height = |&one: &usize, &other: &usize| part[one].1.total_cmp(&part[other].1);
        let least = (0..part.len()).min_by(by_height).unwrap_or(0);
        let greatest = (0..part.len()).max_by(by_height).unwrap_or(0);
        let mut places = vec![0, least, greatest, part.len() - 1];
        places.sort_unstable();
        places.dedup();
        kept.extend(places.into_iter().map(|at| part[at]));
    }
    kept
}

/// Whether a line of these points is thinned.
pub(crate) fn is_long(points: &[(f64, f64)]) -> bool {
    points.len() > 4 * PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_is_whole_and_a_long_one_keeps_its_ends_and_every_peak() {
        let line = |len: usize| -> Vec<(f64, f64)> {
            let height = |at: usize| match at {
                1_234 => 50.0,
                4_567 => -50.0,
                _ => (at % 7) as f64,
            };
            (0..len).map(|at| (at as f64, height(at))).collect()
        };
        assert_eq!(thinned(line(4_000)), line(4_000));
        for len in [4_001, 5_999, 100_003] {
            let all = line(len);
            let kept = thinned(all.clone());
            assert!(kept.len() <= 4_000 && kept.len() > 1_000, "{}", kept.len());
            assert_eq!((kept[0], kept.last()), (all[0], all.last()));
            assert!(kept.contains(&(1_234.0, 50.0)));
            assert_eq!(len > 4_567, kept.contains(&(4_567.0, -50.0)));
            assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
