//! Progress of a study: how long it will take, and a table that grows as it runs.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::Duration;

use indicatif::HumanDuration;

use crate::study::batch_size::{
    Comparison, CostEstimate, Curve, Outcome, RecipeOutcome, StepsToTarget, Store, StudyError,
    StudyEvent, Workload,
};

use super::error::CommandError;
use super::signals::Stops;
use super::stdout::tell_at_once;
use super::units::{percent, seconds};

/// Every trial, with a line for each batch size that is through, and on a terminal one that says
/// how far it is.
pub(super) fn tried(
    plan: &StepsToTarget,
    workload: &dyn Workload,
    store: &mut Store,
) -> Result<Vec<Outcome>, CommandError> {
    let shows = std::io::stderr().is_terminal();
    note!("{}: {} trials", workload.describe(), plan.num_trials());
    let is_new = store.is_empty();
    if let Some(estimate) = is_new
        .then(|| plan.cost_estimate(workload))
        .transpose()?
        .flatten()
    {
        note!(
            "before the start: an epoch of each takes {}, all of them to their last step {}; they end at the target",
            span(estimate.epoch),
            span(estimate.seconds)
        );
    }
    let (mut spent, mut made, mut rows) = (0.0, 0, Rows::new(plan.seed, shows));
    let outcomes = stoppable(|flow| {
        plan.run(workload, store, |event| {
            match event {
                StudyEvent::Wave {
                    batch_size,
                    done,
                    all,
                } if shows => {
                    let one = spent / f64::from(made).max(1.0) / plan.parallel as f64;
                    let left = span(one * all.saturating_sub(done) as f64);
                    tell_at_once(format_args!(
                        "{CLEAR}batch {batch_size}: {done} of {all} trials, about {left} left"
                    ));
                }
                StudyEvent::Finished(outcome) => {
                    (spent, made) = (spent + outcome.seconds, made + 1);
                    rows.add(outcome);
                }
                StudyEvent::Wave { .. } => {}
            }
            flow()
        })
    });
    match &outcomes {
        Ok(_) => rows.close(),
        // What is at hand is not through.
        Err(_) if shows => note!(""),
        Err(_) => {}
    }
    outcomes
}

/// Begins the terminal's line anew.
const CLEAR: &str = "\r\x1b[K";

/// The batch sizes that are through, as they come.
struct Rows {
    /// Outcomes of the batch size at hand.
    own: Vec<Outcome>,
    has_head: bool,
    seed: u64,
    /// What a line begins with.
    clear: &'static str,
}

impl Rows {
    fn new(seed: u64, shows: bool) -> Self {
        Self {
            own: Vec::new(),
            has_head: false,
            seed,
            clear: if shows { CLEAR } else { "" },
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        let size = outcome.trial.batch_size;
        if self
            .own
            .first()
            .is_some_and(|own| own.trial.batch_size != size)
        {
            self.close();
        }
        // A search by halving tries some again, for longer.
        self.own.retain(|own| own.trial != outcome.trial);
        self.own.push(outcome.clone());
    }

    /// The row of the batch size at hand.
    fn close(&mut self) {
        let clear = self.clear;
        let points = Curve::of(&std::mem::take(&mut self.own), self.seed).points;
        for point in points {
            if !self.has_head {
                note!("{clear}   batch  steps (of fresh runs)       learning rate  reached");
                self.has_head = true;
            }
            let steps = point.steps.map_or("censored".to_owned(), |steps| {
                steps.text(|steps| format!("{steps:.0}"))
            });
            let lr = point
                .winner
                .map_or(String::new(), |winner| format!("{:.4}", winner.lr));
            let (size, (all, reached, _)) = (point.batch_size, point.trials);
            note!("{clear}{size:>8}  {steps:<26}  {lr:<13}  {reached} of {all}");
        }
    }
}

/// Every recipe with every seed, a line each.
pub(super) fn trained(
    comparison: &Comparison<'_>,
    side_by_side: usize,
    store: &mut Store,
) -> Result<Vec<RecipeOutcome>, CommandError> {
    let (all, mut made) = (comparison.num_trainings()?, (0, 0.0));
    if store.is_empty() {
        estimate("trainings", comparison.cost_estimate()?);
    }
    stoppable(|flow| {
        comparison.run(store, |outcome| {
            // A line for each training, with what is left by the mean so far.
            let (recipe, seed) = (&outcome.recipe, outcome.seed);
            let accuracy = percent(outcome.accuracy);
            made = (made.0 + 1, made.1 + outcome.seconds);
            let left = (all - made.0) as f64 * made.1 / made.0 as f64 / side_by_side as f64;
            let left = match all - made.0 {
                0 => String::new(),
                _ => format!(", about {} left", span(left)),
            };
            note!(
                "{recipe}, seed {seed}: {accuracy}, {}; {} of {all}{left}",
                seconds(outcome.seconds),
                made.0
            );
            flow()
        })
    })
}

/// Says before the start what a study will take.
pub(super) fn estimate(what: &str, estimate: CostEstimate) {
    let (count, seconds) = (estimate.trainings, span(estimate.seconds));
    note!("{count} {what}, about {seconds} in all");
}

/// Seconds, to be read.
fn span(seconds: f64) -> String {
    match seconds {
        ..0.9995 => format!("{:.0} ms", 1e3 * seconds),
        ..99.5 => format!("{seconds:.*} s", usize::from(seconds < 9.95)),
        _ => HumanDuration(Duration::from_secs_f64(seconds.min(1e15))).to_string(),
    }
}

/// Does `work`, which asks the flow that it is given whether to go on; a stop by a signal ends the
/// program as the signal would.
pub(super) fn stoppable<T>(
    work: impl FnOnce(&mut dyn FnMut() -> ControlFlow<()>) -> Result<T, StudyError>,
) -> Result<T, CommandError> {
    let stops = Stops::listen().map_err(|source| CommandError::Signals { source })?;
    let mut signal = None;
    work(&mut || stops.flow(&mut signal)).map_err(|error| match (signal, error) {
        (Some(signal), StudyError::Stopped { trials }) => {
            CommandError::StudyStopped { signal, trials }
        }
        (_, error) => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_that_suits_it() {
        let told = [0.0004, 0.25, 1.04, 42.0, 99.7, 3_000.0, f64::INFINITY].map(span);
        assert_eq!(told[..5], ["0 ms", "250 ms", "1.0 s", "42 s", "2 minutes"]);
        assert_eq!(told[5], "50 minutes");
        assert!(told[6].ends_with("years"));
    }
}
