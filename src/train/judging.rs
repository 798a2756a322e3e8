//! Judging: the validation part, or the test part where there is no other, is evaluated while
//! training goes on, with the weights that are kept.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::engine::{Batch, Replica};

use super::early_stopping::Evaluated;
use super::error::TrainError;
use super::kept::{EvaluatedPart, Evaluation, Scores};
use super::metrics::Event;
use super::source::TEST;
use super::train_loop::{TrainLoop, Workers};

/// What an evaluation gave, which is nothing without rows; `Break` if the training is to end, before
/// or after it was through.
pub(super) type Judged = ControlFlow<(), Option<Evaluation>>;

/// Evaluates between two steps, for the callback alone.
pub(super) fn report_loss<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<ControlFlow<()>, TrainError> {
    let scores = match judged(run, workers, evaluation)? {
        ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
        ControlFlow::Continue(None) => return Ok(ControlFlow::Continue(())),
        ControlFlow::Continue(Some(Evaluation { scores, .. })) => scores,
    };
    let Scores { loss, accuracy, .. } = scores;
    let event = Event::Evaluation {
        step: run.progress.step,
        loss,
        accuracy,
    };
    Ok(run.notify(workers, &event))
}

/// Evaluates for everything that follows the metric of that part.
pub(super) fn evaluate<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Judged, TrainError> {
    judged(run, workers, |run, workers| {
        let judged = watched(run, workers)?;
        let ControlFlow::Continue(Some(found)) = judged else {
            return Ok(judged);
        };
        let scores = found.scores;
        run.control.evaluated(scores.badness());
        if let Some(early) = &mut run.fit_state.early {
            let evaluated = Evaluated {
                epoch: run.progress.epoch + 1,
                step: run.progress.step,
                scores,
            };
            early.observe(evaluated, || workers.params().to_vec());
        }
        Ok(judged)
    })
}

/// Runs `part` with the weights that evaluations judge: where the optimiser keeps an average, that
/// changes places with the parameters meanwhile, and back whatever happens.
pub(super) fn judged<R: Replica, T>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
    part: impl FnOnce(&mut TrainLoop<'_>, &mut Workers<'_, R>) -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let Some(average) = run.average else {
        return part(run, workers);
    };
    workers.swap_params(average)?;
    let result = part(run, workers);
    workers.swap_params(average)?;
    result
}

/// The same with the metric that chooses.
pub(super) fn watched<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Judged, TrainError> {
    let judged = evaluation(run, workers)?;
    let (ControlFlow::Continue(Some(found)), Some(watcher)) = (judged, run.watcher) else {
        return Ok(judged);
    };
    let Evaluation { part, scores } = found;
    let scores = watcher.watched(scores, workers.params())?;
    Ok(ControlFlow::Continue(Some(Evaluation { part, scores })))
}

/// The loss over the validation or the test set, spread over the workers; `None` without one.
pub(super) fn evaluation<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Judged, TrainError> {
    let (part, order) = (run.evaluated.part, Arc::clone(&run.evaluated.order));
    if order.is_empty() {
        return Ok(ControlFlow::Continue(None));
    }
    let range = 0..order.len();
    let batch = Batch {
        source: TEST,
        order,
        range,
        epoch: run.progress.epoch,
        step: run.progress.step,
    };
    let sums = run.repeated(workers, |_, workers| workers.evaluate(&batch))?;
    // Sums of some of the rows may be among them.
    if run.is_interrupted(workers) {
        return Ok(ControlFlow::Break(()));
    }
    if sums.is_empty() {
        let part = match part {
            EvaluatedPart::Test => "test",
            EvaluatedPart::Validation => "validation",
        };
        return Err(TrainError::NothingCounts { part });
    }
    let scores = Scores::of(&sums);
    Ok(ControlFlow::Continue(Some(Evaluation { part, scores })))
}
