//! Analysis of steps to a target: steps by batch size, a hyperbola through them, the regimes.
//!
//! # Formulas
//! S(B) = S_min + E_min / B, which is (S/S_min - 1)(E/E_min - 1) = 1 with the examples E = S B; the
//! critical batch size is E_min/S_min (McCandlish et al. 2018, equation 2.11 and section 2.3).
//! Fitted by least squares of relative residuals; the intervals come from resampling both batch
//! sizes and fresh runs; of fewer than six batch sizes there is the range of the fits through one
//! fresh run of each.

use serde::Serialize;

use crate::stats::Resampled;
use crate::stats::median_of;
use crate::stats::{Bootstrap, Estimate, FEWEST, RESAMPLES, least_squares};

use super::trial::{Outcome, Trial, fewest_steps};

/// How far from a limit of the hyperbola a batch counts as in it.
const NEAR: f64 = 0.2;

/// The regime of a batch size: what more rows in a batch bring.
///
/// Example: [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Regime {
    /// Twice the rows, half the steps: at most 20 % more examples than with the smallest batch (B
    /// up to a fifth of the critical batch).
    PerfectScaling,
    /// Between the two.
    DiminishingReturns,
    /// More rows bring nothing: at most 20 % more steps than with the largest batch (B from five
    /// critical batches on).
    MaximalParallelism,
}

impl Regime {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Regime::PerfectScaling => "perfect scaling",
            Regime::DiminishingReturns => "diminishing returns",
            Regime::MaximalParallelism => "maximal parallelism",
        }
    }
}

/// A batch size.
///
/// Example: [`Curve`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BatchPoint {
    /// Rows of a batch.
    pub batch_size: usize,
    /// Trials that were made: searched, of these reached the target, diverged.
    pub trials: (usize, usize, usize),
    /// The trial that won; `None` if none got there: the batch size is censored.
    pub winner: Option<Trial>,
    /// Steps of the winner's fresh runs, median and interval; those of the search where there are
    /// none.
    pub steps: Option<Estimate>,
    /// Of a censored batch size the most steps of a training that did not get there.
    pub tried_steps: Option<u64>,
    /// Fresh runs that did not get there, of so many.
    pub censored: (usize, usize),
    /// Seconds of the median run on the wall, on so many threads.
    pub seconds: Option<(f64, usize)>,
    /// The median noise scale at the target.
    pub noise_scale: Option<f64>,
    /// The regime by the fit.
    pub regime: Option<Regime>,
}

/// Steps by batch size.
///
/// ```
/// use unisono::study::batch_size::{Curve, Outcome, Regime, Trial};
/// // Trials that took 100 + 16,000 / B steps.
/// let outcomes = [16, 160, 1600].map(|batch_size| {
///     let (lr, momentum, schedule) = (0.1, 0.0, None);
///     let trial = Trial { batch_size, candidate: 0, repeat: 0, lr, momentum, schedule, seed: 1 };
///     let steps = 100 + 16_000 / batch_size as u64;
///     Outcome { steps_to_target: Some(steps), steps: (steps, 5_000), ..Outcome::of(trial) }
/// });
/// let curve = Curve::of(&outcomes, 1);
/// assert!((curve.critical_batch.unwrap().value - 160.0).abs() < 0.01);
/// assert_eq!(curve.points[0].winner.as_ref().unwrap().batch_size, 16);
/// assert_eq!(curve.points[0].regime, Some(Regime::PerfectScaling));
/// assert_eq!(curve.points[2].regime, Some(Regime::MaximalParallelism));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Curve {
    /// Each batch size, ascending.
    pub points: Vec<BatchPoint>,
    /// The fewest steps, of the largest batches.
    pub s_min: Option<Estimate>,
    /// The fewest examples, of the smallest batches.
    pub e_min: Option<Estimate>,
    /// The critical batch size, E_min/S_min.
    pub critical_batch: Option<Estimate>,
}

impl Curve {
    /// Of all outcomes of a study.
    pub fn of(outcomes: &[Outcome], seed: u64) -> Self {
        let mut sizes: Vec<usize> = outcomes
            .iter()
            .map(|outcome| outcome.trial.batch_size)
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        let runs: Vec<Vec<f64>> = sizes.iter().map(|&size| runs(outcomes, size)).collect();
        let rounds = runs.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let points = sizes.iter().zip(&runs).map(|(&size, runs)| {
            let own = Bootstrap::new(runs.len().max(1), RESAMPLES, seed);
            point(outcomes, size, runs, &own)
        });
        let mut curve = Self {
            points: points.collect(),
            s_min: None,
            e_min: None,
            critical_batch: None,
        };
        // The hyperbola, through the batch sizes that got there.
        let known: Vec<(f64, &Vec<f64>)> = sizes
            .iter()
            .map(|&size| size as f64)
            .zip(&runs)
            .filter(|(_, runs)| median_run(runs, &all(rounds)).is_finite())
            .collect();
        if known.len() < 3 {
            return curve;
        }
        let fit = |sizes: &[u32], rounds: &[u32]| -> Option<[f64; 2]> {
            let drawn = sizes.iter().map(|&place| known[place as usize]);
            let points = drawn.map(|(size, runs)| (size, median_run(runs, rounds)));
            hyperbola(
                &points
                    .filter(|point| point.1.is_finite())
                    .collect::<Vec<_>>(),
            )
        };
        let fits = resampled(known.len(), rounds, seed, fit);
        if fits.whole.is_none() {
            return curve;
        }
        let estimate = |of: &dyn Fn([f64; 2]) -> f64| {
            let estimate = fits.estimate(|fit| fit.map_or(f64::NAN, of));
            match known.len() {
                FEWEST.. => estimate,
                _ => estimate.with_range(),
            }
        };
        // Constants, and the regime of each batch size by them.
        let critical = estimate(&|[s_min, e_min]| e_min / s_min);
        for point in &mut curve.points {
            point.regime = Some(regime(point.batch_size as f64 / critical.value));
        }
        curve.s_min = Some(estimate(&|fit| fit[0]));
        curve.e_min = Some(estimate(&|fit| fit[1]));
        curve.critical_batch = Some(critical);
        curve
    }

    /// The hyperbola's steps at a batch size.
    pub fn fitted_steps(&self, batch_size: f64) -> Option<f64> {
        Some(self.s_min?.value + self.e_min?.value / batch_size)
    }
}

/// S_min and E_min through points of batch size and steps; `None` if they are fewer than three, or
/// no hyperbola with both positive.
fn hyperbola(points: &[(f64, f64)]) -> Option<[f64; 2]> {
    if points.len() < 3 {
        return None;
    }
    let steps: Vec<f64> = points.iter().map(|point| point.1).collect();
    let weights: Vec<f64> = steps.iter().map(|steps| 1.0 / steps).collect();
    let columns = [
        vec![1.0; points.len()],
        points.iter().map(|point| 1.0 / point.0).collect(),
    ];
    let solved = least_squares(&columns, &steps, &weights)?;
    (solved[0] > 0.0 && solved[1] > 0.0).then(|| [solved[0], solved[1]])
}

/// Fits of resampled batch sizes and runs. The sizes too: each has had a search of its own, whose
/// luck the fresh runs do not show. Too few sizes to resample have the fits through each round's
/// runs.
fn resampled<T>(
    sizes: usize,
    rounds: usize,
    seed: u64,
    fit: impl Fn(&[u32], &[u32]) -> T,
) -> Resampled<T> {
    match sizes {
        FEWEST.. => {
            let runs = Bootstrap::with_replacement(rounds, RESAMPLES, seed);
            Bootstrap::new(sizes, RESAMPLES, seed.wrapping_add(1)).map_beside(&runs, fit)
        }
        _ => Bootstrap::one_by_one(rounds).map(|rounds| fit(&all(sizes), rounds)),
    }
}

fn regime(of_critical: f64) -> Regime {
    match of_critical {
        share if share <= NEAR => Regime::PerfectScaling,
        share if share >= 1.0 / NEAR => Regime::MaximalParallelism,
        _ => Regime::DiminishingReturns,
    }
}

fn all(rounds: usize) -> Vec<u32> {
    (0..rounds as u32).collect()
}

/// The median of runs at `rounds`, which may be more than there are; infinite where half of them
/// are censored.
pub(super) fn median_run(runs: &[f64], rounds: &[u32]) -> f64 {
    if runs.is_empty() {
        return f64::INFINITY;
    }
    let count = runs.len() as u32;
    let rounds: Vec<u32> = rounds
        .iter()
        .map(|round| round % count)
        .take(runs.len())
        .collect();
    median_of(runs, &rounds)
}

/// The winner of a batch size's search.
fn winner(outcomes: &[Outcome], size: usize) -> Option<&Outcome> {
    fewest_steps(
        outcomes
            .iter()
            .filter(|outcome| outcome.trial.batch_size == size && outcome.trial.repeat == 0),
    )
}

/// Steps of the winner's fresh runs, infinite where one did not get there; of the search where
/// there are none.
fn runs(outcomes: &[Outcome], size: usize) -> Vec<f64> {
    let Some(winner) = winner(outcomes, size) else {
        return Vec::new();
    };
    let steps = |outcome: &Outcome| {
        outcome
            .steps_to_target
            .map_or(f64::INFINITY, |steps| steps as f64)
    };
    let fresh: Vec<f64> = fresh(outcomes, winner).map(steps).collect();
    if fresh.is_empty() {
        vec![steps(winner)]
    } else {
        fresh
    }
}

fn fresh<'o>(outcomes: &'o [Outcome], winner: &'o Outcome) -> impl Iterator<Item = &'o Outcome> {
    outcomes.iter().filter(|outcome| {
        let (trial, won) = (&outcome.trial, &winner.trial);
        trial.repeat > 0 && trial.batch_size == won.batch_size && trial.candidate == won.candidate
    })
}

fn point(outcomes: &[Outcome], size: usize, runs: &[f64], bootstrap: &Bootstrap) -> BatchPoint {
    let searched = || {
        outcomes
            .iter()
            .filter(|outcome| outcome.trial.batch_size == size && outcome.trial.repeat == 0)
    };
    let winner = winner(outcomes, size);
    let steps = bootstrap.estimate(|rounds| median_run(runs, rounds));
    // The winner's fresh runs, or the winner itself, by their seconds.
    let mut timed: Vec<&Outcome> = winner
        .map(|winner| fresh(outcomes, winner).collect())
        .unwrap_or_default();
    timed.extend(winner.filter(|_| timed.is_empty()));
    timed.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let mut scales: Vec<f64> = timed
        .iter()
        .filter_map(|outcome| outcome.noise_scale)
        .collect();
    scales.sort_by(f64::total_cmp);
    let steps = Some(steps).filter(|steps| steps.value.is_finite());
    let missed = outcomes
        .iter()
        .filter(|outcome| outcome.trial.batch_size == size && outcome.steps_to_target.is_none());
    BatchPoint {
        batch_size: size,
        trials: (
            searched().count(),
            searched()
                .filter(|outcome| outcome.steps_to_target.is_some())
                .count(),
            searched().filter(|outcome| outcome.diverged).count(),
        ),
        winner: winner.map(|winner| winner.trial.clone()),
        steps,
        tried_steps: match steps {
            Some(_) => None,
            None => missed.map(|outcome| outcome.steps.0).max(),
        },
        censored: (
            runs.iter().filter(|steps| steps.is_infinite()).count(),
            runs.len(),
        ),
        seconds: timed
            .get(timed.len() / 2)
            .map(|outcome| (outcome.seconds, outcome.threads)),
        noise_scale: scales.get(scales.len() / 2).copied(),
        regime: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(
        batch_size: usize,
        (candidate, repeat): (usize, usize),
        steps: Option<u64>,
    ) -> Outcome {
        Outcome {
            trial: Trial {
                batch_size,
                candidate,
                repeat,
                lr: 0.1,
                momentum: 0.0,
                schedule: None,
                seed: repeat as u64,
            },
            steps_to_target: steps,
            steps: (steps.unwrap_or(9_000), 9_000),
            best: Some(0.1),
            diverged: false,
            seconds: 1.0,
            threads: 1,
            noise_scale: None,
        }
    }

    #[test]
    fn the_hyperbola_gives_back_its_constants_and_regimes() {
        let (s_min, e_min) = (100.0, 6_400.0);
        let mut outcomes = Vec::new();
        for power in 0..13 {
            let batch_size = 1 << power;
            let steps = (s_min + e_min / batch_size as f64).round() as u64;
            outcomes.push(outcome(batch_size, (0, 0), Some(steps + 50)));
            outcomes.push(outcome(batch_size, (1, 0), Some(steps - 10)));
            outcomes.push(outcome(batch_size, (1, 1), Some(steps)));
            outcomes.push(outcome(batch_size, (1, 2), Some(steps)));
        }
        let curve = Curve::of(&outcomes, 1);
        let critical = curve.critical_batch.unwrap();
        assert!((critical.value / 64.0 - 1.0).abs() < 0.02, "{critical}");
        assert_eq!(curve.points[0].steps.unwrap().value, 6_500.0);
        assert_eq!(curve.points[3].regime, Some(Regime::PerfectScaling));
        assert_eq!(curve.points[6].regime, Some(Regime::DiminishingReturns));
        assert_eq!(curve.points[9].regime, Some(Regime::MaximalParallelism));
    }

    #[test]
    fn batch_sizes_that_never_get_there_are_censored_and_left_out_of_the_fit() {
        let mut outcomes: Vec<Outcome> = (2..8)
            .map(|power| outcome(1 << power, (0, 0), Some(50 + (4_096 >> power))))
            .collect();
        outcomes.push(outcome(1, (0, 0), None));
        let curve = Curve::of(&outcomes, 1);
        let first = &curve.points[0];
        assert_eq!(
            (first.batch_size, first.steps, &first.winner),
            (1, None, &None)
        );
        assert_eq!(first.trials, (1, 0, 0));
        let tried = |point: &BatchPoint| point.tried_steps;
        assert_eq!((tried(first), tried(&curve.points[1])), (Some(9_000), None));
        assert!(curve.critical_batch.is_some());
        assert!(Curve::of(&outcomes[..2], 1).critical_batch.is_none());
    }
}
