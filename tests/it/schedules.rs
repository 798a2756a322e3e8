//! Schedules and the plateau rule against PyTorch's, on the fixtures of
//! `tests/parity/make_optim_fixtures.py`.

use safetensors::SafeTensors;
use unisono::optim::{Plateau, Progress, Schedule, Shape, Unit};

const FIXTURES: &[u8] = include_bytes!("../parity/optim.safetensors");

fn doubles(name: &str) -> Vec<f64> {
    let file = SafeTensors::deserialize(FIXTURES).unwrap();
    let view = file.tensor(name).unwrap();
    let words = view.data().chunks_exact(8);
    words
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// Asserts that a schedule gives PyTorch's rates from 0.4 on.
fn check(schedule: &Schedule, name: &str) {
    for (step, expected) in doubles(&format!("schedule.{name}")).into_iter().enumerate() {
        let progress = Progress {
            step: step as u64,
            ..Progress::default()
        };
        let got = 0.4 * schedule.factor(&progress);
        assert!(
            (got - expected).abs() <= 1e-5 * 0.4,
            "{name}, step {step}: {got}, PyTorch {expected}"
        );
    }
}

#[test]
fn every_schedule_gives_pytorchs_rates() {
    for (name, text) in [
        ("step", "step 0.5 every 10 steps"),
        ("multistep", "multistep 0.3 at 5,20,21 steps"),
        ("exponential", "exponential 0.95 every 1 steps"),
        ("linear", "linear to 0.1 over 40 steps"),
        ("warmup", "warmup 20 steps from 0.1, constant"),
        ("cosine", "cosine to 0.1 over 50 steps"),
        ("restarts", "restarts to 0.1 first 7 steps growth 2"),
        ("polynomial", "polynomial 2 to 0 over 40 steps"),
    ] {
        let schedule: Schedule = text.parse().unwrap();
        check(&schedule, name);
    }
}

/// PyTorch turns one step before the share of the total, and ends at its last step: its cycle is
/// ours over one step less.
#[test]
fn one_cycle_gives_pytorchs_rates() {
    let total = 60.0;
    let shape = Shape::OneCycle {
        over: 59,
        rise: ((0.3 * total - 1.0) / (total - 1.0)) as f32,
        from: 0.04,
        to: 1e-4,
    };
    let schedule = Schedule::new(shape, Unit::Steps);
    check(&schedule, "onecycle");
}

#[test]
fn the_plateau_rule_cuts_where_pytorchs_does() {
    let rule = Plateau {
        factor: 0.5,
        patience: 2,
        threshold: 1e-3,
        cooldown: 1,
        min_factor: 0.01 / 0.4,
    };
    let mut state = rule.start();
    let rates = doubles("schedule.plateau");
    assert!(rates.last() < rates.first(), "the fixture must hold a cut");
    for (at, (loss, expected)) in doubles("plateau.losses").into_iter().zip(rates).enumerate() {
        let got = 0.4 * f64::from(state.observe(loss));
        assert!(
            (got - expected).abs() < 1e-6,
            "evaluation {at}: {got}, PyTorch {expected}"
        );
    }
}

/// What PyTorch lacks, against the formulas.
#[test]
fn trapezoid_inverse_root_and_sequences_follow_their_formulas() {
    let factor = |text: &str, step: u64| {
        let schedule: Schedule = text.parse().unwrap();
        let progress = Progress {
            step,
            ..Progress::default()
        };
        (schedule.factor(&progress) * 1e6).round() / 1e6
    };
    let trapezoid = "warmup 10 steps, wsd stable 80 decay 20 steps to 0.1";
    let seen = [0, 5, 10, 80, 90, 100, 150].map(|step| factor(trapezoid, step));
    assert_eq!(seen, [0.0, 0.5, 1.0, 1.0, 0.55, 0.1, 0.1]);
    let root = "warmup 100 steps, rsqrt after 100 steps";
    assert_eq!(
        [50, 100, 400, 10_000].map(|step| factor(root, step)),
        [0.5, 1.0, 0.5, 0.1]
    );
    let joined = "constant for 10 steps then linear to 0 over 10 steps for 10 steps then step 0.5 every 5 steps";
    assert_eq!(
        [9, 15, 20, 26].map(|step| factor(joined, step)),
        [1.0, 0.5, 1.0, 0.5]
    );
}
