//! At which steps the test part is evaluated, besides the ends of epochs.

/// Steps at which the test part is evaluated.
///
/// ```
/// use unisono::train::Evaluations;
/// let thinning = Evaluations::Geometric { first: 10, ratio: 2.0 };
/// let steps: Vec<u64> = (1..=100).filter(|&step| thinning.is_due(step)).collect();
/// assert_eq!(steps, [10, 20, 40, 80]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evaluations {
    /// Every so many steps.
    Every(u64),
    /// At step `first`, and where steps have grown by `ratio` since: where something was reached is known to this share.
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
                // The power below the step; a step is due where it is another one than that of the step before.
                let power = |step: u64| {
                    let power = (step as f64 / first.max(1) as f64).ln() / ratio.ln();
                    (power + 1e-9).floor()
                };
                step >= first.max(1) && (step == first.max(1) || power(step) > power(step - 1))
            }
        }
    }
}
