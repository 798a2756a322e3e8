//! Mann and Whitney's U test: whether one of two samples tends to be larger.

use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

/// The two-sided p-value of Mann and Whitney's U test: how likely samples that differ so much are,
/// if none of the two tends to be larger.
///
/// Exact for few samples without ties, else by the normal approximation with both corrections. NaN
/// if a side has fewer than two samples: of one there is nothing to test.
///
/// ```
/// use unisono::stats::mann_whitney;
/// let (fast, slow) = ([1.0, 1.1, 1.2, 1.3, 1.15], [2.0, 2.1, 2.2, 2.3, 2.15]);
/// assert_eq!((mann_whitney(&fast, &slow), mann_whitney(&fast, &fast)), (2.0 / 252.0, 1.0));
/// ```
pub fn mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let few = one.len().min(other.len());
    if few < 2 {
        return f64::NAN;
    }
    let mut all = [one, other].concat();
    all.sort_by(f64::total_cmp);
    let has_ties = all.windows(2).any(|pair| pair[0] == pair[1]);
    if !has_ties && few <= FEW {
        return exact_mann_whitney(one, other);
    }
    let method = MannWhitneyUMethod::AsymptoticInclContinuityCorrection;
    let tested = mannwhitneyu(one, other, method, Alternative::TwoSided);
    tested.map_or(f64::NAN, |(_, p)| p)
}

/// Samples of the smaller side up to which the test is exact.
const FEW: usize = 8;

/// Of samples without ties, by counting: all choices of ranks for one side are as likely. (statrs
/// 0.19 gives 1 where the sides do not overlap at all.)
fn exact_mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (one.len(), other.len());
    let pairs = one.iter().flat_map(|x| other.iter().map(move |y| x > y));
    let above = pairs.filter(|&is_above| is_above).count();
    let extreme = above.max(n * m - above);
    // counts[k][u]: choices of k of the ranks so far, of which u pairs lie above one that was not
    // chosen.
    let mut counts = vec![vec![0.0_f64; n * m + 1]; n + 1];
    counts[0][0] = 1.0;
    for rank in 0..n + m {
        for k in (1..=n.min(rank + 1)).rev() {
            // The new rank lies above those below it that were not chosen.
            let below = rank - (k - 1);
            for u in (below..=n * m).rev() {
                counts[k][u] += counts[k - 1][u - below];
            }
        }
    }
    let all: f64 = counts[n].iter().sum();
    let tail: f64 = counts[n][extreme..].iter().sum();
    (2.0 * tail / all).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fewer_than_two_samples_there_is_nothing_to_test() {
        let samples = [3.0, 1.0, 2.0];
        assert!(mann_whitney(&[], &samples).is_nan() && mann_whitney(&[1.0], &[2.0]).is_nan());
    }
}
