//! Faults in every phase of a step: each ends in an error that names it, or in the bits of a quiet
//! training; and nobody hangs.

use std::sync::Arc;
use std::time::Duration;

use crate::data::{ArrayDataset, synthetic_classes};
use crate::engine::faults::{Fault, Kind, Plan};
use crate::engine::{EngineError, Phase, Shards, Stalled, Watchdog};
use crate::nn::{Loss, Sequential};
use crate::optim::Optimizer;
use crate::seed::{Purpose, Stream};
use crate::sync::Mutex;
use crate::train::{OnWorkerPanic, Report, TrainError, Trainer};

/// Where a fault may be.
const PHASES: [Phase; 5] = [
    Phase::Forward,
    Phase::Backward,
    Phase::Reduce,
    Phase::Update,
    Phase::Broadcast,
];

/// Steps of a training: two epochs of five.
const STEPS: u64 = 10;

fn data() -> ArrayDataset {
    synthetic_classes([30, 6], 3, 7)
}

fn trainer(threads: usize) -> Trainer {
    let model = Sequential::new(6).dense(9).tanh().dense(3);
    Trainer::new(model, Loss::SoftmaxCrossEntropy)
        .optimizer(Optimizer::adam_w(0.01))
        .shards(Shards::Fixed(6))
        .batch_size(6)
        .epochs(2)
        .threads(threads)
}

fn fit(trainer: &mut Trainer, data: &ArrayDataset) -> Result<Report, TrainError> {
    trainer.fit(data, data)
}

fn hash(trainer: &Trainer) -> String {
    trainer.network().unwrap().weights_sha256()
}

/// The hash of a quiet training.
fn quiet(data: &ArrayDataset) -> String {
    let mut trainer = trainer(1);
    fit(&mut trainer, data).unwrap();
    hash(&trainer)
}

fn fault(kind: Kind, worker: usize, phase: Phase, step: u64) -> Fault {
    Fault {
        kind,
        worker,
        phase,
        step,
        times: 1,
    }
}

/// Trains with a fault, and goes on after it; `quiet` is the hash that a quiet training has.
fn survives(fault: Fault, threads: usize, action: OnWorkerPanic, quiet: &str) {
    let (data, named) = (data(), Arc::new(Mutex::new(Vec::new())));
    Plan::run(vec![fault], |plan| {
        let mut trainer = trainer(threads).on_worker_panic(action);
        if fault.kind == Kind::Stalls {
            let (plan, named) = (Arc::clone(plan), Arc::clone(&named));
            // On a busy machine others may be named, too; who stalls goes on once it is.
            let tell = move |stalled: &Stalled| {
                named.lock().push(*stalled);
                if is_at(stalled, fault) {
                    plan.saw();
                }
            };
            trainer = trainer.watchdog(Watchdog::new(Duration::from_millis(1), tell));
        }
        let outcome = fit(&mut trainer, &data);
        if plan.left() > 0 {
            // A worker without a part of what would be spoiled.
            assert_eq!(outcome.unwrap().repeated_steps, 0, "{fault:?}");
        } else if (fault.kind, fault.phase) == (Kind::Nan, Phase::Broadcast) {
            // Weights that are spoiled are seen in the next step, or in the evaluation after the last:
            // a checkpoint is what is left.
            match outcome {
                Err(TrainError::NonFinite { step, .. }) => assert_eq!(step, fault.step + 1),
                Ok(report) => assert!(report.test_loss().is_nan(), "{fault:?}"),
                Err(other) => panic!("{fault:?}: {other}"),
            }
            return;
        } else {
            check(fault, action, outcome, &named.lock());
        }
        // What is left of the training is made, from where the trainer stands.
        if trainer.progress.step < STEPS {
            fit(&mut trainer, &data).unwrap();
        }
        let end = (trainer.progress.step, hash(&trainer));
        assert_eq!(end, (STEPS, quiet.to_owned()), "{fault:?}");
    });
}

/// Whether a worker stalls where a fault lets it.
fn is_at(stalled: &Stalled, fault: Fault) -> bool {
    let Stalled {
        worker,
        phase,
        step,
        ..
    } = *stalled;
    (worker, phase, step) == (fault.worker, fault.phase, fault.step)
}

/// Checks what a training with a fault came to.
fn check(
    fault: Fault,
    action: OnWorkerPanic,
    outcome: Result<Report, TrainError>,
    named: &[Stalled],
) {
    let is_in_replica = matches!(fault.phase, Phase::Forward | Phase::Backward);
    match (fault.kind, outcome) {
        (Kind::Stalls, outcome) => {
            outcome.unwrap();
            let is_it = |stalled: &Stalled| is_at(stalled, fault);
            assert!(named.iter().any(is_it), "{fault:?}: {named:?}");
        }
        (Kind::Panics, Ok(report)) => {
            assert_eq!(report.repeated_steps, 1, "{fault:?}");
            assert!(is_in_replica && action == OnWorkerPanic::Retry, "{fault:?}");
        }
        (Kind::Panics, Err(TrainError::Engine(error))) => match error {
            EngineError::WorkerPanicked { worker, step, .. } => {
                assert_eq!((worker, step), (fault.worker, fault.step));
                assert!(is_in_replica && action == OnWorkerPanic::Stop, "{fault:?}");
            }
            EngineError::Broken { reason } => {
                let is_it = !is_in_replica && reason.contains("a cosmic ray");
                assert!(is_it, "{fault:?}: {reason}");
            }
            other => panic!("{fault:?}: {other}"),
        },
        (Kind::Nan, Err(TrainError::NonFinite { step, .. })) => assert_eq!(step, fault.step),
        (_, outcome) => panic!("{fault:?}: {outcome:?}"),
    }
}

#[test]
fn a_fault_in_any_phase_on_any_worker_is_named_or_leaves_no_trace() {
    let quiet = quiet(&data());
    for phase in PHASES {
        for worker in 0..3 {
            for kind in [Kind::Panics, Kind::Stalls, Kind::Nan] {
                for action in [OnWorkerPanic::Stop, OnWorkerPanic::Retry] {
                    survives(fault(kind, worker, phase, 6), 3, action, &quiet);
                }
            }
        }
    }
}

#[test]
fn a_thousand_random_faults_are_named_or_leave_no_trace() {
    let quiet = quiet(&data());
    for number in 0..1000 {
        let mut random = Stream::new(37, Purpose::Trial, number, 0);
        let threads = 1 + random.below(5);
        let kind = [Kind::Panics, Kind::Nan, Kind::Stalls][random.below(3) as usize];
        let phase = PHASES[random.below(5) as usize];
        let (worker, step) = (random.below(threads), random.below(STEPS as u32));
        let action = [OnWorkerPanic::Stop, OnWorkerPanic::Retry][random.below(2) as usize];
        let fault = fault(kind, worker as usize, phase, step.into());
        survives(fault, threads as usize, action, &quiet);
    }
}

#[test]
fn a_fault_that_comes_back_every_time_ends_the_training_after_three_tries() {
    let data = data();
    let often = |times| Fault {
        times,
        ..fault(Kind::Panics, 1, Phase::Backward, 4)
    };
    let tries = OnWorkerPanic::TRIES as usize;
    for times in [tries - 1, tries] {
        Plan::run(vec![often(times)], |_| {
            let mut trainer = trainer(2).on_worker_panic(OnWorkerPanic::Retry);
            let outcome = fit(&mut trainer, &data);
            if times < tries {
                assert_eq!(outcome.unwrap().repeated_steps, 2);
                assert_eq!(hash(&trainer), quiet(&data));
                return;
            }
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("worker 1 panicked in step 4"), "{error}");
            assert_eq!(trainer.progress.step, 4);
        });
    }
}

#[test]
fn a_model_that_keeps_a_state_of_its_rows_does_no_step_again() {
    use crate::data::synthetic_tokens;
    use crate::nn::{Embedding, Recurrent};
    let data = synthetic_tokens([12, 4], 5, 3);
    let model = Sequential::new([4])
        .layer(Embedding::new(5, 3))
        .layer(Recurrent::lstm(4).carry_state())
        .dense(5);
    Plan::run(vec![fault(Kind::Panics, 1, Phase::Backward, 1)], |_| {
        let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
            .on_worker_panic(OnWorkerPanic::Retry)
            .shards(Shards::Fixed(2))
            .batch_size(4)
            .threads(2);
        let error = trainer.fit(&data, &data).unwrap_err().to_string();
        assert!(error.contains("worker 1 panicked in step 1"), "{error}");
    });
}
