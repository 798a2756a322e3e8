//! The noisy quadratic model: a training whose answer is known.
//!
//! # Formulas
//! In dimension i the curvature and the variance of a row's gradient are h = c = 1/i, and every
//! parameter begins at 1. A step with learning rate a and batch size B is θ <- θ - a (h θ +
//! sqrt(c/B) ε), ε normal; the risk is Σ h θ²/2. So E θ² = (1 - a h)^(2t) + (1 - (1 - a h)^(2t)) a
//! c / (B h (2 - a h)) after t steps.
//!
//! # References
//! Zhang, Li, Nado, Martens, Sachdeva, Dahl, Shallue, Grosse: "Which algorithmic choices matter at
//! which batch sizes? Insights from a noisy quadratic model", 2019.

use std::time::Instant;

use crate::seed::{Purpose, Stream};

use super::error::StudyError;
use super::trial::{Outcome, Range, Target, Trial};
use super::workload::{Limit, Workload};

/// Learning rates among which the theory's best is taken.
const GRID: usize = 400;

/// The model. A trial's risk is the mean over `copies` independent runs.
///
/// ```
/// use unisono::study::batch_size::NoisyQuadratic;
/// let model = NoisyQuadratic { dimensions: 100, copies: 8 };
/// let (few, many) = (model.best_steps(1, 0.05).unwrap(), model.best_steps(1024, 0.05).unwrap());
/// assert!(few > 10 * many);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoisyQuadratic {
    /// Dimensions, at least 1.
    pub dimensions: usize,
    /// Runs whose risk is averaged, at least 1.
    pub copies: usize,
}

impl NoisyQuadratic {
    fn curvatures(&self) -> impl Iterator<Item = f64> + Clone {
        (1..=self.dimensions).map(|i| 1.0 / i as f64)
    }

    /// The expected risk after `steps` steps.
    pub fn expected_risk(&self, lr: f64, batch_size: usize, steps: f64) -> f64 {
        let of_dimension = |h: f64| {
            let left = (1.0 - lr * h).abs().powf(2.0 * steps);
            let noise = lr / (batch_size as f64 * (2.0 - lr * h));
            0.5 * h * (left + (1.0 - left) * noise)
        };
        self.curvatures().map(of_dimension).sum()
    }

    /// The fewest steps to an expected risk below `target`, over all learning rates; `None` if none
    /// gets there within 2^40.
    pub fn best_steps(&self, batch_size: usize, target: f64) -> Option<u64> {
        let range = Range {
            low: 1e-4,
            high: 1.99,
        };
        let steps = |lr: f64| {
            let is_below = |steps: u64| self.expected_risk(lr, batch_size, steps as f64) < target;
            let above = (0..40)
                .map(|power| 1_u64 << power)
                .find(|&steps| is_below(steps))?;
            let (mut low, mut high) = (above / 2, above);
            while low + 1 < high {
                let middle = u64::midpoint(low, high);
                if is_below(middle) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            Some(high)
        };
        (0..=GRID)
            .filter_map(|k| steps(range.at(k as f64 / GRID as f64)))
            .min()
    }
}

impl Workload for NoisyQuadratic {
    fn describe(&self) -> String {
        let Self { dimensions, copies } = self;
        format!("noisy quadratic of {dimensions} dimensions, {copies} copies")
    }

    fn train(&self, trial: &Trial, target: Target, limit: Limit) -> Result<Outcome, StudyError> {
        let started = Instant::now();
        let wanted = match target {
            Target::Loss(wanted) => wanted,
            Target::Error(_) => {
                return Err(StudyError::Value {
                    what: "the target of the noisy quadratic model",
                    expected: "a loss",
                    got: "an error".to_owned(),
                });
            }
        };
        if trial.momentum != 0.0 || trial.schedule.is_some() {
            return Err(StudyError::Value {
                what: "the noisy quadratic model",
                expected: "trained without momentum and schedule, as its formula has it",
                got: format!("momentum {}, schedule {:?}", trial.momentum, trial.schedule),
            });
        }
        // Each dimension's curvature, and the noise of a batch in it.
        let curvatures: Vec<f64> = self.curvatures().collect();
        let deviations: Vec<f64> = curvatures
            .iter()
            .map(|c| (c / trial.batch_size as f64).sqrt())
            .collect();
        let mut params = vec![vec![1.0_f64; self.dimensions]; self.copies];
        let batch = trial.batch_size as u32;
        let mut stream = Stream::new(trial.seed, Purpose::Trial, batch, trial.candidate as u16);
        let (mut best, mut reached, mut made) = (f64::INFINITY, None, 0);
        // Steps of SGD on all copies, until their mean loss is low enough.
        while made < limit.steps && reached.is_none() {
            let mut risk = 0.0;
            for copy in &mut params {
                for ((param, h), deviation) in copy.iter_mut().zip(&curvatures).zip(&deviations) {
                    *param -= trial.lr * (h * *param + deviation * stream.normal());
                    risk += 0.5 * h * *param * *param;
                }
            }
            made += 1;
            risk /= self.copies as f64;
            best = best.min(risk);
            if !risk.is_finite() || risk > 1e6 {
                break;
            }
            reached = (risk < wanted).then_some(made);
        }
        Ok(Outcome {
            trial: trial.clone(),
            steps_to_target: reached,
            steps: (made, limit.steps),
            best: Some(best).filter(|best| best.is_finite()),
            diverged: reached.is_none() && made < limit.steps,
            seconds: started.elapsed().as_secs_f64(),
            threads: 1,
            noise_scale: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Pinning, Threads};

    #[test]
    fn a_run_takes_the_steps_that_the_formula_says() {
        let model = NoisyQuadratic {
            dimensions: 50,
            copies: 400,
        };
        let (lr, batch_size) = (0.3, 8);
        let target = model.expected_risk(lr, batch_size, 40.0);
        let trial = Trial {
            batch_size,
            candidate: 0,
            repeat: 0,
            lr,
            momentum: 0.0,
            schedule: None,
            seed: 3,
        };
        let limit = Limit {
            steps: 400,
            threads: Threads::Fixed(1),
            pinning: Pinning::Off,
        };
        let outcome = model.train(&trial, Target::Loss(target), limit).unwrap();
        let steps = outcome.steps_to_target.unwrap();
        assert!((36..=44).contains(&steps), "{steps}");
    }
}
