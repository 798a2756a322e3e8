//! Quantiles of samples, and a test for a shift between two of them.

use statrs::stats_tests::Alternative;
use statrs::stats_tests::mannwhitneyu::{MannWhitneyUMethod, mannwhitneyu};

/// The `q`-quantile of `samples` (0.5 is the median), interpolated between neighbours; NaN without samples.
///
/// ```
/// let samples = [4.0, 1.0, 3.0, 2.0];
/// assert_eq!(unisono::study::quantile(&samples, 0.5), 2.5);
/// ```
pub fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, share) = (at.floor() as usize, at.fract());
    if share == 0.0 {
        // Its neighbour may be infinite.
        return sorted[low];
    }
    let high = (low + 1).min(last);
    sorted[low] * (1.0 - share) + sorted[high] * share
}

/// The median of the samples at `rounds`.
pub(crate) fn median_of(samples: &[f64], rounds: &[u32]) -> f64 {
    let drawn: Vec<f64> = rounds
        .iter()
        .map(|&round| samples[round as usize])
        .collect();
    quantile(&drawn, 0.5)
}

/// The two-sided p-value of Mann and Whitney's U test: how likely samples that differ so much are, if none of the two tends to be larger.
///
/// Exact for few samples without ties, else by the normal approximation with both corrections. NaN if one side has no samples.
///
/// ```
/// use unisono::study::mann_whitney;
/// let (fast, slow) = ([1.0, 1.1, 1.2, 1.3, 1.15], [2.0, 2.1, 2.2, 2.3, 2.15]);
/// assert!(mann_whitney(&fast, &slow) < 0.01 && mann_whitney(&fast, &fast) > 0.9);
/// ```
pub fn mann_whitney(one: &[f64], other: &[f64]) -> f64 {
    let method = MannWhitneyUMethod::Automatic;
    let tested = mannwhitneyu(one, other, method, Alternative::TwoSided);
    tested.map_or(f64::NAN, |(_, p)| p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated_and_bounded() {
        let samples = [3.0, 1.0, 2.0];
        assert_eq!(quantile(&samples, 0.0), 1.0);
        assert_eq!(quantile(&samples, 1.0), 3.0);
        assert_eq!(quantile(&samples, 0.25), 1.5);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
        assert!(mann_whitney(&[], &samples).is_nan());
    }
}
