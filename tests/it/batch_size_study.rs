//! Studies find what theory says, whatever runs side by side, wherever they were stopped.

use std::ops::ControlFlow;

use crate::files::Folder;
use unisono::data::digits;
use unisono::engine::{Pinning, Threads};
use unisono::nn::Sequential;
use unisono::study::batch_size::{
    Curve, NoisyQuadratic, Outcome, Range, Search, Slice, Space, StepsToTarget, Store, StudyError,
    StudyEvent, Target, Training, merge,
};

fn study(batch_sizes: &[usize]) -> StepsToTarget {
    StepsToTarget {
        batch_sizes: batch_sizes.to_vec(),
        space: Space {
            lr: Range::new(0.02, 1.0).unwrap(),
            one_minus_momentum: Some(Range::new(0.1, 1.0).unwrap()),
            schedules: Vec::new(),
        },
        search: Search::Sobol,
        candidates: 6,
        repeats: 2,
        target: Target::Error(0.12),
        max_steps: 600,
        max_epochs: 20.0,
        seed: 5,
        parallel: 1,
        threads: (Threads::Auto, Pinning::Auto),
        slice: Slice::WHOLE,
    }
}

fn go_on(_: StudyEvent<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Everything but the seconds and threads, in one order.
fn sorted(outcomes: &[Outcome]) -> Vec<Outcome> {
    let mut outcomes = outcomes.to_vec();
    for outcome in &mut outcomes {
        (outcome.seconds, outcome.threads) = (0.0, 0);
    }
    outcomes.sort_by_key(|outcome| {
        let trial = &outcome.trial;
        (
            trial.batch_size,
            trial.repeat,
            trial.candidate,
            outcome.steps.1,
        )
    });
    outcomes
}

#[test]
fn the_whole_pipeline_recovers_the_critical_batch_of_the_noisy_quadratic_model() {
    let model = NoisyQuadratic {
        dimensions: 50,
        copies: 400,
    };
    let target = 0.15;
    let sizes: Vec<usize> = (0..11).map(|power| 1 << power).collect();
    let outcomes = {
        let study = StepsToTarget {
            repeats: 6,
            candidates: 32,
            space: Space {
                lr: Range::new(0.04, 1.9).unwrap(),
                one_minus_momentum: None,
                schedules: Vec::new(),
            },
            target: Target::Loss(target),
            max_steps: 20_000,
            parallel: 2,
            ..study(&sizes)
        };
        study.run(&model, &mut Store::in_memory(), go_on).unwrap()
    };
    let curve = Curve::of(&outcomes, 1);
    let critical = curve.critical_batch.unwrap();
    // The same hyperbola through the steps that the formula gives.
    let exact = |&size: &usize| {
        let mut outcome = outcomes[0].clone();
        outcome.trial.batch_size = size;
        outcome.steps_to_target = model.best_steps(size, target);
        outcome
    };
    let exact: Vec<Outcome> = sizes.iter().map(exact).collect();
    let expected = Curve::of(&exact, 1).critical_batch.unwrap().value;
    assert!(
        critical.contains(expected),
        "{critical}, in theory {expected}"
    );
    assert!(critical.half_width() < 0.3, "{critical}");
}

#[test]
fn trials_side_by_side_and_one_after_the_other_come_to_the_same() {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(16).relu().dense(10);
    let workload = Training::new(model, &train, &test);
    for search in [Search::Sobol, Search::Halving] {
        let study = StepsToTarget {
            search,
            ..study(&[16, 64])
        };
        let run = |parallel: usize| {
            let study = StepsToTarget {
                parallel,
                ..study.clone()
            };
            study
                .run(&workload, &mut Store::in_memory(), go_on)
                .unwrap()
        };
        let (one, three) = (sorted(&run(1)), sorted(&run(3)));
        assert_eq!(one, three, "{search:?}");
        assert!(one.iter().any(|outcome| outcome.steps_to_target.is_some()));
    }
}

#[test]
fn a_stopped_study_goes_on_without_repeating_a_trial() {
    let folder = Folder::new("study-stopped");
    let path = folder.0.join("a");
    let (train, test) = digits();
    let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
    let study = study(&[16, 64]);
    let settings = study.settings(&workload);
    let whole = study
        .run(&workload, &mut Store::in_memory(), go_on)
        .unwrap();
    let mut finished = 0;
    let mut store = Store::open(&path, &settings).unwrap();
    let stopped = study.run(&workload, &mut store, |event| match event {
        StudyEvent::Finished(_) => {
            finished += 1;
            match finished {
                9 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(StudyError::Stopped { .. })));
    let in_use = Store::open(&path, &settings).unwrap_err().to_string();
    assert!(in_use.contains("is open in process"), "{in_use}");
    drop(store);
    // A kill may cut the last line.
    let lines = path.join("trials.jsonl");
    let text = std::fs::read_to_string(&lines).unwrap();
    let kept = text.lines().count();
    folder.file("a/trials.jsonl", format!("{text}{{\"trial\":").as_bytes());
    let mut store = Store::open(&path, &settings).unwrap();
    assert_eq!(store.all::<Outcome>().unwrap().len(), kept);
    let rest = study.run(&workload, &mut store, go_on).unwrap();
    assert_eq!(sorted(&rest), sorted(&whole));
    drop(store);
    let text = std::fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), whole.len());
    // Other settings are listed.
    let other = StepsToTarget {
        candidates: 7,
        ..study
    };
    let error = Store::open(&path, &other.settings(&workload))
        .unwrap_err()
        .to_string();
    assert!(error.contains("candidates was 6, is 7"), "{error}");
}

#[test]
fn slices_are_merged_and_finished_as_one_study() {
    let folder = Folder::new("study-slices");
    let (train, test) = digits();
    let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
    let study = study(&[32]);
    let settings = study.settings(&workload);
    let mut paths = Vec::new();
    for slice in 1..=2 {
        let path = folder.0.join(slice.to_string());
        let part = StepsToTarget {
            slice: Slice { part: slice, of: 2 },
            ..study.clone()
        };
        let mut store = Store::open(&path, &settings).unwrap();
        let outcomes = part.run(&workload, &mut store, go_on).unwrap();
        assert_eq!(outcomes.len(), 3);
        paths.push(path);
    }
    let whole = folder.0.join("whole");
    assert_eq!(merge(&paths, &whole).unwrap(), 6);
    // Merging again changes nothing.
    assert_eq!(merge(&paths, &whole).unwrap(), 6);
    let mut store = Store::open(&whole, &settings).unwrap();
    let merged = study.run(&workload, &mut store, go_on).unwrap();
    let alone = study
        .run(&workload, &mut Store::in_memory(), go_on)
        .unwrap();
    let steps = |outcomes: &[Outcome]| Curve::of(outcomes, 1).points[0].steps;
    assert_eq!(steps(&merged), steps(&alone));
}

#[test]
fn studies_that_mean_nothing_are_named() {
    let (train, test) = digits();
    let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
    let base = study(&[16]);
    let error = |study: StepsToTarget| {
        let run = study.run(&workload, &mut Store::in_memory(), go_on);
        run.unwrap_err().to_string()
    };
    let cases = [
        (study(&[]), "the batch sizes must be at least 1"),
        (
            study(&[8, 8]),
            "the batch sizes must be each named once, got 8 twice",
        ),
        (
            StepsToTarget {
                slice: Slice { part: 3, of: 2 },
                ..base.clone()
            },
            "a slice must be K/N with K from 1 to N, got 3/2",
        ),
        (
            StepsToTarget {
                candidates: 0,
                ..base.clone()
            },
            "at least 1 each, got 0, 1, 600",
        ),
        (
            StepsToTarget {
                target: Target::Error(-0.1),
                ..base.clone()
            },
            "the target must be positive",
        ),
        (
            StepsToTarget {
                max_epochs: f64::NAN,
                ..base
            },
            "the epochs must be more than 0",
        ),
    ];
    for (study, message) in cases {
        let error = error(study);
        assert!(error.contains(message), "{error}");
    }
    let reversed = Range::new(1.0, 0.1).unwrap_err().to_string();
    assert!(reversed.contains("LOW..HIGH"), "{reversed}");
}

#[test]
fn trials_that_diverge_at_once_are_kept_and_read_back() {
    let folder = Folder::new("study-diverged");
    let (train, test) = digits();
    let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
    let mut study = study(&[16]);
    study.space.lr = Range::new(1e38, 3e38).unwrap();
    let settings = study.settings(&workload);
    let run = || {
        let mut store = Store::open(&folder.0.join("a"), &settings).unwrap();
        study.run(&workload, &mut store, go_on).unwrap()
    };
    let first = run();
    assert!(
        first
            .iter()
            .all(|outcome| outcome.diverged && outcome.best.is_none())
    );
    assert_eq!(run(), first);
}

#[test]
fn a_target_that_is_never_reached_is_censored() {
    let (train, test) = digits();
    let workload = Training::new(Sequential::new(64).dense(10), &train, &test);
    let study = StepsToTarget {
        target: Target::Error(1e-6),
        max_steps: 40,
        candidates: 2,
        ..study(&[32, 64])
    };
    let outcomes = study
        .run(&workload, &mut Store::in_memory(), go_on)
        .unwrap();
    let curve = Curve::of(&outcomes, 1);
    assert_eq!(curve.points.len(), 2);
    for point in &curve.points {
        assert_eq!((point.steps, point.trials.0, point.trials.1), (None, 2, 0));
    }
    assert!(curve.critical_batch.is_none());
}
