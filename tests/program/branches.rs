//! Branches of a training are what it would have been, with another batch; wherever they were
//! stopped, on any number of threads.

use std::ops::ControlFlow;

use crate::files::Folder;
use crate::program::{stdout, unisono, value};
use unisono::Trainer;
use unisono::data::{Dataset, digits};
use unisono::nn::{Loss, Sequential};
use unisono::optim::{Optimizer, ScalingRule};
use unisono::study::batch_size::{
    BranchOutcome, BranchPlan, BranchPoint, Branches, Store, StudyError,
};

fn trainer(threads: usize) -> Trainer {
    let model = Sequential::new(64).dense(24).relu().dense(10);
    Trainer::new(model, Loss::SoftmaxCrossEntropy).threads(threads)
}

fn optimizer() -> Optimizer {
    Optimizer::sgd(0.05).with_momentum(0.9)
}

fn plan() -> BranchPlan {
    BranchPlan {
        batch_sizes: vec![32, 128, 1024],
        at: vec![0.5, 1.0, 3.0],
        window: 1.0,
        rule: ScalingRule::Linear,
        seeds: 2,
        seed: 7,
    }
}

fn run(threads: usize, plan: &BranchPlan, store: &mut Store) -> Vec<BranchOutcome> {
    let (train, test) = digits();
    let parts: [&dyn Dataset; 2] = [&train, &test];
    Branches::new(parts, optimizer(), || trainer(threads))
        .run(plan, store, |_| ControlFlow::Continue(()))
        .unwrap()
}

#[test]
fn a_branch_with_the_same_batch_is_the_training_itself() {
    let outcomes = run(2, &plan(), &mut Store::in_memory());
    assert_eq!(outcomes.len(), 2 * 3 * 3);
    for seed in [7, 8] {
        let report = unbroken(seed);
        for (at, epochs) in [(1.0, 2), (3.0, 4)] {
            let is_it = |one: &&BranchOutcome| (one.seed, one.at, one.batch_size) == (seed, at, 32);
            let branch = outcomes.iter().find(is_it).unwrap();
            let whole = &report[epochs - 1];
            assert_eq!(branch.loss, whole.0, "seed {seed}, {at}");
            assert_eq!(branch.noise_scale, report[at as usize - 1].1);
        }
    }
}

/// Losses and noise scales after the epochs of a training that nothing breaks.
fn unbroken(seed: u64) -> Vec<(f64, Option<f64>)> {
    let (train, test) = digits();
    let trainer = trainer(2).optimizer(optimizer()).seed(seed).epochs(4);
    let report = trainer.track_noise_scale().fit(&train, &test).unwrap();
    let epochs = report.epochs.iter();
    epochs
        .map(|epoch| (epoch.test_loss, epoch.noise_scale))
        .collect()
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let whole = run(2, &plan(), &mut Store::in_memory());
    assert_eq!(run(5, &plan(), &mut Store::in_memory()), whole);
    // What is there is not made again; what is missing is what it would have been, though the
    // training before it is made anew.
    for missing in [0, 4, 11, 17] {
        let mut store = Store::in_memory();
        for (place, outcome) in whole.iter().enumerate() {
            if place != missing {
                store.add(outcome).unwrap();
            }
        }
        assert_eq!(run(1, &plan(), &mut store), whole, "without {missing}");
        assert_eq!(store.all::<BranchOutcome>().unwrap().len(), whole.len());
    }
}

#[test]
fn the_critical_batch_is_the_largest_before_the_first_beyond_the_tolerance() {
    let outcome = |(seed, batch_size, loss)| BranchOutcome {
        seed,
        at: 1.0,
        batch_size,
        loss,
        noise_scale: Some(100.0),
    };
    let losses = [
        (1, 8, 1.0),
        (2, 8, 2.0),
        (1, 16, 1.01),
        (2, 16, 2.0),
        (1, 32, 1.5),
        (2, 32, 2.1),
        (1, 64, 1.0),
        (2, 64, 2.0),
    ];
    let outcomes: Vec<BranchOutcome> = losses.map(outcome).into();
    let point = &BranchPoint::of(&outcomes, 0.05, 1)[0];
    assert_eq!((point.critical_batch.value, point.is_open), (16.0, false));
    let excess: Vec<f64> = point.excess.iter().map(|known| known.1.value).collect();
    assert!((excess[2] - 0.275).abs() < 1e-12, "{excess:?}");
    let point = &BranchPoint::of(&outcomes, 0.5, 1)[0];
    assert_eq!((point.critical_batch.value, point.is_open), (64.0, true));
}

#[test]
fn one_update_is_no_match_for_many() {
    let plan = BranchPlan {
        rule: ScalingRule::None,
        at: vec![0.0],
        ..plan()
    };
    let outcomes = run(3, &plan, &mut Store::in_memory());
    let point = &BranchPoint::of(&outcomes, 0.02, 1)[0];
    assert!(point.critical_batch.value < 1024.0 && point.noise_scale.is_none());
    assert!(point.excess[2].1.value > 0.5, "{:?}", point.excess);
}

#[test]
fn points_closer_than_a_step_share_it() {
    let close = |at: &[f64]| BranchPlan {
        at: at.to_vec(),
        seeds: 1,
        ..plan()
    };
    // Of 1,437 rows: none, 29 and 32 are one step of 32; 50 are two, 72 lie nearest to two as well.
    let at = [0.0, 0.02, 0.0225, 0.035, 0.05];
    let all = run(1, &close(&at), &mut Store::in_memory());
    assert_eq!(all.len(), 5 * 3);
    for (place, point) in at.iter().enumerate() {
        let alone = run(1, &close(&[*point]), &mut Store::in_memory());
        let losses =
            |ends: &[BranchOutcome]| -> Vec<f64> { ends.iter().map(|end| end.loss).collect() };
        assert_eq!(
            losses(&alone),
            losses(&all[3 * place..3 * place + 3]),
            "{point}"
        );
    }
}

#[test]
fn a_plan_that_means_nothing_is_refused_before_anything_runs() {
    let (train, test) = digits();
    let branches = Branches::new([&train, &test], optimizer(), || trainer(1));
    let cases = [
        (BranchPlan { seeds: 0, ..plan() }, "the trainings to branch"),
        (
            BranchPlan {
                batch_sizes: vec![32],
                ..plan()
            },
            "two or more",
        ),
        (
            BranchPlan {
                batch_sizes: vec![64, 32],
                ..plan()
            },
            "ascending",
        ),
        (
            BranchPlan {
                at: vec![2.0, 1.0],
                ..plan()
            },
            "ascending, from 0 on",
        ),
        (
            BranchPlan {
                at: vec![],
                ..plan()
            },
            "the points to branch at",
        ),
        (
            BranchPlan {
                window: 0.5,
                ..plan()
            },
            "as many rows as the largest batch",
        ),
        (
            BranchPlan {
                window: f64::NAN,
                ..plan()
            },
            "the window",
        ),
    ];
    for (plan, message) in cases {
        let error = branches
            .run(&plan, &mut Store::in_memory(), |_| {
                unreachable!("nothing runs")
            })
            .unwrap_err();
        assert!(matches!(error, StudyError::Value { .. }), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn the_program_prints_the_points_and_keeps_a_report() {
    let folder = Folder::new("branches");
    let config = folder.file("a.toml", b"[optimizer]\nlr = 0.1\n");
    let out = folder.0.join("a");
    let command = [
        "study",
        "branches",
        "--batches",
        "32,256",
        "--branch-at",
        "0.5,2",
        "--repeats",
        "2",
        "--config",
        config.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let text = stdout(&command);
    assert!(
        text.contains("critical batch") && text.contains("256: excess, %"),
        "{text}"
    );
    assert!(value(&text, "report").ends_with("report.html"));
    assert!(out.join("critical_batch.png").exists() && out.join("excess.svg").exists());
    let lines = || std::fs::read_to_string(out.join("trials.jsonl")).unwrap();
    assert_eq!(lines().lines().count(), 2 * 2 * 2);
    assert_eq!(stdout(&command), text);
    for (more, message) in [
        (
            ["--epochs", "3"],
            "--branch-at and --branch-length say how long it trains",
        ),
        (["--target-error", "0.1"], "it compares losses"),
        (["--average", "0.9"], "by the weights themselves"),
        (
            ["--branch-at", "1,x"],
            "--branch-at must be numbers of epochs with commas",
        ),
        (
            ["--scaling", "log"],
            "--scaling must be none, linear, sqrt or adam",
        ),
        (["--tolerance", "-1"], "--tolerance"),
        (["--slice", "1/2"], "goes on from the training before it"),
    ] {
        let output = unisono(&[&["study", "branches"][..], &more].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {error}");
        assert!(error.contains(message), "{more:?}: {error}");
    }
}
