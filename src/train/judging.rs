//! Judging: the test part is evaluated while training goes on, with the weights that are kept.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::engine::{Batch, Replica};

use super::early_stopping::Evaluated;
use super::error::TrainError;
use super::kept::Scores;
use super::metrics::Event;
use super::source::TEST;
use super::train_loop::{TrainLoop, Workers};

/// Evaluates between two steps, for the callback alone.
pub(super) fn report_loss<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<ControlFlow<()>, TrainError> {
    let Some(Scores { loss, accuracy, .. }) = judged(run, workers, test_scores)? else {
        return Ok(ControlFlow::Continue(()));
    };
    let event = Event::Evaluation {
        step: run.progress.step,
        loss,
        accuracy,
    };
    Ok(run.notify(workers, &event))
}

/// Evaluates for everything that follows the test loss.
pub(super) fn evaluate<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Option<Scores>, TrainError> {
    judged(run, workers, |run, workers| {
        let Some(scores) = test_scores(run, workers)? else {
            return Ok(None);
        };
        run.control.evaluated(scores.loss);
        if let Some(early) = &mut run.fit_state.early {
            let evaluated = Evaluated {
                epoch: run.progress.epoch + 1,
                step: run.progress.step,
                scores,
            };
            early.observe(evaluated, || workers.params().to_vec());
        }
        Ok(Some(scores))
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

/// The loss over the test set, spread over the workers; `None` without one.
pub(super) fn test_scores<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Option<Scores>, TrainError> {
    if run.test_order.is_empty() {
        return Ok(None);
    }
    let order = Arc::clone(&run.test_order);
    let range = 0..order.len();
    let batch = Batch {
        source: TEST,
        order,
        range,
        epoch: run.progress.epoch,
        step: run.progress.step,
    };
    let sums = workers.evaluate(&batch)?;
    if sums.is_empty() {
        return Err(TrainError::NothingCounts { part: "test" });
    }
    Ok(Some(Scores::of(&sums)))
}
