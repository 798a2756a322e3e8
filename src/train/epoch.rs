//! An epoch on one page, and its end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::{Batch, Replica};
use crate::optim::Progress;

use super::control::PlannedStep;
use super::error::TrainError;
use super::judging::{evaluate, judged, report_loss, watched};
use super::metrics::{EpochMetrics, Event};
use super::source::TRAIN;
use super::train_loop::{TrainLoop, Workers};

/// One epoch: shuffle; for each batch plan, forward, backward, all-reduce, decide, update;
/// evaluate. `None` if the callback ended it before its end.
pub(super) fn run_epoch<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Ended, TrainError> {
    let epoch = run.progress.epoch;
    let order = run.order()?;
    let mut started = Instant::now();
    while run.fit_state.position < order.len() && !run.is_over() {
        // Plan the batch; the next one's rows are fetched meanwhile.
        let start = run.fit_state.position;
        run.progress.in_epoch = start as f64 / order.len() as f64;
        let plan = run.control.plan(run.config, run.progress)?;
        let rows_from =
            |start: usize| start..start.saturating_add(plan.batch_size).min(order.len());
        let range = rows_from(start);
        let end = range.end;
        let step = PlannedStep {
            plan,
            rows: range.len(),
        };
        run.prefetch(&order[rows_from(end)]);
        let batch = Batch {
            source: TRAIN,
            order: Arc::clone(&order),
            range,
            epoch,
            step: run.progress.step,
        };
        // The step.
        workers.wish(run.asks);
        let reduced = run.step(workers, &batch, step)?;
        run.count(&reduced, step)?;
        run.fit_state.position = end;
        run.fit_state.sums.add(&reduced, step);
        run.compare_replicas(workers)?;
        // Tell the callback; evaluate and make a checkpoint where they are due.
        let mut flow = run.tell(workers, &reduced, step);
        let saves = run.saves(|rule, progress| rule.is_due(progress.step));
        let evaluates = run.evaluates();
        if saves || evaluates || flow.is_break() {
            run.fit_state.sums.time += started.elapsed();
            if evaluates && flow.is_continue() {
                flow = report_loss(run, workers)?;
            }
            if saves {
                run.save(workers)?;
            }
            if flow.is_break() {
                return Ok(None);
            }
            started = Instant::now();
        }
    }
    run.fit_state.sums.time += started.elapsed();
    if run.fit_state.position < order.len() {
        return cut_epoch(run, workers);
    }
    end_epoch(run, workers)
}

/// An epoch that is through, and whether to go on; `None` if the training is to end before that.
type Ended = Option<(EpochMetrics, ControlFlow<()>)>;

/// Evaluates, reports, and makes a checkpoint if one is due.
fn end_epoch<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Ended, TrainError> {
    if run.fit_state.sums.steps == 0 && run.fit_state.sums.rows > 0 {
        return Err(TrainError::NothingCounts { part: "training" });
    }
    // First of all: where it fails or is interrupted, a further call begins with it.
    let ControlFlow::Continue(evaluation) = evaluate(run, workers)? else {
        return Ok(None);
    };
    run.progress.epoch += 1;
    run.progress.in_epoch = 0.0;
    run.fit_state.position = 0;
    run.fit_state.evaluation = evaluation;
    let sums = std::mem::take(&mut run.fit_state.sums);
    let (Progress { epoch, step, .. }, scale) = (*run.progress, run.control.noise_scale());
    let metrics = sums.metrics(epoch, step, evaluation, scale);
    // Before the checkpoint, so that nothing of what lies before it is lost to a log.
    let flow = run.notify(workers, &Event::Epoch(&metrics));
    if run.saves(|rule, progress| rule.is_due_after(progress.epoch)) {
        run.save(workers)?;
    }
    Ok(Some((metrics, flow)))
}

/// Evaluates an epoch of which all steps that were asked for are made, and others are left: for the
/// report alone, since a further call makes the rest as if it had never been cut.
fn cut_epoch<R: Replica>(
    run: &mut TrainLoop<'_>,
    workers: &mut Workers<'_, R>,
) -> Result<Ended, TrainError> {
    let ControlFlow::Continue(evaluation) = judged(run, workers, watched)? else {
        return Ok(None);
    };
    run.fit_state.evaluation = evaluation;
    let (Progress { epoch, step, .. }, scale) = (*run.progress, run.control.noise_scale());
    let metrics = EpochMetrics {
        is_whole: false,
        ..run
            .fit_state
            .sums
            .metrics(epoch + 1, step, evaluation, scale)
    };
    let flow = run.notify(workers, &Event::Epoch(&metrics));
    run.save(workers)?;
    Ok(Some((metrics, flow)))
}
