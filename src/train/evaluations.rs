//! Evaluation rule: at which steps evaluations are made, besides the ends of epochs.

/// Steps at which the validation part, or the test part where there is no other, is evaluated.
///
/// ```
/// use unisono::train::Evaluations;
/// let thinning = Evaluations::Geometric { first: 10, ratio: 2.0 };
/// let steps: Vec<u64> = (1..=100).filter(|&step| thinning.is_due(step)).collect();
/// assert_eq!(steps, [10, 20, 40, 80]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Evaluations {
    /// Every N steps.
    Every(u64),
    /// At step `first`, and where steps have grown by `ratio` since: where something was reached is
    /// known to this share.
    Geometric {
        /// The first step, at least 1.
        first: u64,
        /// More than 1.
        ratio: f64,
    },
}

impl Evaluations {
    /// Whether one is due after `step` steps.
    pub fn is_due(self, step: u64) -> bool {
        match self {
            Evaluations::Every(steps) => steps > 0 && step > 0 && step.is_multiple_of(steps),
            Evaluations::Geometric { first, ratio } => {
                // The power below the step; a step is due where it is another one than that of the
                // step before.
                let power = |step: u64| {
                    let power = libm::log(step as f64 / first.max(1) as f64) / libm::log(ratio);
                    (power + 1e-9).floor()
                };
                step >= first.max(1) && (step == first.max(1) || power(step) > power(step - 1))
            }
        }
    }

    /// About how many are due in `steps` steps.
    #[cfg(any(feature = "study", test))]
    pub(crate) fn count(self, steps: u64) -> f64 {
        let steps = steps as f64;
        match self {
            Evaluations::Every(0) => 0.0,
            Evaluations::Every(every) => (steps / every as f64).floor(),
            Evaluations::Geometric { first, ratio } => {
                // At first each step is due, as long as the ratio is less than a step; then the
                // logarithm counts.
                let first = first.max(1) as f64;
                let dense = (1.0 / (ratio - 1.0)).max(first);
                let thinning = libm::log(steps / dense).max(0.0) / libm::log(ratio);
                (steps.min(dense) - first).max(0.0) + thinning
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_are_counted_as_they_are_due() {
        let geometric = [1.02, 1.03, 1.5].map(|ratio| Evaluations::Geometric { first: 8, ratio });
        for evaluations in geometric
            .into_iter()
            .chain([0, 1, 7].map(Evaluations::Every))
        {
            for steps in [1, 8, 20, 100, 1_000, 100_000] {
                let due = (1..=steps).filter(|&step| evaluations.is_due(step));
                let (due, counted) = (due.count() as f64, evaluations.count(steps));
                let text = format!("{evaluations:?}, {steps}: {counted} for {due}");
                assert!((counted - due).abs() <= 0.1 * due + 3.0, "{text}");
            }
        }
    }
}
