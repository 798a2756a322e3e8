//! Time to a target: the base, the arithmetic of gain and loss, what does not get there, and
//! workloads that break the promise.

use std::ops::ControlFlow;

use unisono::engine::{Pinning, Threads};
use unisono::study::batch_size::{
    Limit, Outcome, Store, StudyError, Target, TimePoint, TimeToTarget, Trial, Workload,
};

/// Takes `1000 / batch` steps of 1 / threads seconds a row, unless the batch is 8, which gets there
/// every third time.
struct Made {
    depends_on_threads: bool,
}

impl Workload for Made {
    fn describe(&self) -> String {
        "made up".to_owned()
    }

    fn train(&self, trial: &Trial, _target: Target, limit: Limit) -> Result<Outcome, StudyError> {
        let Threads::Fixed(threads) = limit.threads else {
            panic!("a number of threads is asked for");
        };
        let more = if self.depends_on_threads {
            threads as u64
        } else {
            0
        };
        let steps = 1000 / trial.batch_size as u64 + 10 * trial.repeat as u64 + more;
        let is_there = trial.batch_size != 8 || trial.repeat == 3;
        Ok(Outcome {
            trial: trial.clone(),
            steps_to_target: is_there.then_some(steps),
            steps: (steps, limit.steps),
            best: None,
            diverged: false,
            seconds: steps as f64 * trial.batch_size as f64 / threads as f64,
            threads,
            noise_scale: None,
        })
    }
}

fn known(workload: &Made) -> Vec<Outcome> {
    let limit = Limit {
        steps: 5_000,
        threads: Threads::Fixed(1),
        pinning: Pinning::Off,
    };
    let trial = |batch_size, repeat| Trial {
        batch_size,
        candidate: 0,
        repeat,
        lr: 0.1,
        momentum: 0.0,
        schedule: None,
        seed: 1,
    };
    let trials = [2, 4, 8]
        .into_iter()
        .flat_map(|size| (0..4).map(move |repeat| trial(size, repeat)));
    let made = trials.map(|trial| workload.train(&trial, Target::Error(0.1), limit).unwrap());
    made.collect()
}

fn study(threads: &[usize]) -> TimeToTarget {
    TimeToTarget {
        threads: threads.to_vec(),
        target: Target::Error(0.1),
        pinning: Pinning::Off,
        seed: 3,
    }
}

#[test]
fn the_true_speed_up_is_the_gain_in_throughput_less_the_loss_of_examples() {
    let workload = Made {
        depends_on_threads: false,
    };
    let go_on = |_: &Outcome| ControlFlow::Continue(());
    let mut store = Store::in_memory();
    let timed = study(&[4, 1])
        .run(&workload, &known(&workload), &mut store, go_on)
        .unwrap();
    // What is kept is not made again.
    let never = |_: &Outcome| panic!("it has been timed");
    let again = study(&[4, 1]).run(&workload, &known(&workload), &mut store, never);
    assert_eq!(again.unwrap(), timed);
    // The search's own runs are left out.
    assert_eq!(timed.len(), 3 * 3 * 2);
    let points = TimePoint::of(&timed, 3);
    let at = |batch: usize, threads: usize| {
        let found = points
            .iter()
            .find(|p| (p.batch_size, p.threads) == (batch, threads));
        found.unwrap()
    };
    // Medians of three repeats: 520 steps of 2 rows, 270 of 4.
    assert_eq!(at(2, 1).examples, Some(1040.0));
    assert_eq!(at(4, 4).examples, Some(1080.0));
    assert_eq!(at(4, 4).seconds.unwrap().value, 270.0);
    assert_eq!(at(2, 1).true_speed_up.unwrap().value, 1.0);
    let (gain, loss) = (
        at(4, 4).throughput_gain.unwrap(),
        at(4, 4).examples_loss.unwrap(),
    );
    assert!((gain.value - 4.0).abs() < 1e-12 && (loss - 1080.0 / 1040.0).abs() < 1e-12);
    let true_speed_up = at(4, 4).true_speed_up.unwrap().value;
    assert!((true_speed_up - gain.value / loss).abs() < 1e-12);
    // One of three runs is no median.
    let lost = at(8, 4);
    assert_eq!((lost.reached, lost.examples), ((1, 3), None));
    assert_eq!((lost.seconds, lost.true_speed_up), (None, None));
}

#[test]
fn odd_threads_a_stop_and_a_workload_that_depends_on_threads_are_refused() {
    let workload = Made {
        depends_on_threads: true,
    };
    let go_on = |_: &Outcome| ControlFlow::Continue(());
    let known = known(&workload);
    let error = study(&[3])
        .run(&workload, &known, &mut Store::in_memory(), go_on)
        .unwrap_err();
    assert!(
        matches!(error, StudyError::Threads { threads: 3, .. }),
        "{error}"
    );
    for threads in [&[][..], &[0], &[2, 2]] {
        let error = study(threads)
            .run(&workload, &known, &mut Store::in_memory(), go_on)
            .unwrap_err();
        assert!(matches!(error, StudyError::Value { .. }), "{error}");
    }
    let stop = |_: &Outcome| ControlFlow::Break(());
    let error = study(&[1])
        .run(&workload, &known, &mut Store::in_memory(), stop)
        .unwrap_err();
    assert!(
        matches!(error, StudyError::Stopped { trials: 1 }),
        "{error}"
    );
}
