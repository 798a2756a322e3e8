//! Quantiles of samples.

/// The `q`-quantile of `samples` (0.5 is the median), interpolated between neighbours; NaN without
/// samples.
///
/// ```
/// let samples = [4.0, 1.0, 3.0, 2.0];
/// assert_eq!(unisono::stats::quantile(&samples, 0.5), 2.5);
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
    }
}
