//! How many steps a batch size needs:
//! `cargo run --release --example batch_size_sweep [FIGURE.svg]`.
//!
//! Handwritten digits to 6 % errors with plain SGD, batches of 4 to 1024 rows, a search over
//! learning rates for each, five fresh seeds of every winner. Takes a second on two cores.

use std::ops::ControlFlow;

use unisono::data::digits;
use unisono::engine::{Pinning, Threads};
use unisono::nn::Sequential;
use unisono::report::Chart;
use unisono::study::batch_size::{
    Curve, Range, Search, Slice, Space, StepsToTarget, Store, StudyEvent, Target, Training,
    curve_charts,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = digits();
    let model = Sequential::new(64).dense(64).relu().dense(10);
    let workload = Training::new(model, &train, &test);
    let study = StepsToTarget {
        batch_sizes: (2..=10).map(|power| 1 << power).collect(),
        space: Space {
            lr: Range::new(0.01, 2.0)?,
            one_minus_momentum: None,
            schedules: Vec::new(),
        },
        search: Search::Sobol,
        candidates: 12,
        repeats: 5,
        target: Target::Error(0.06),
        max_steps: 20_000,
        max_epochs: 40.0,
        seed: 42,
        parallel: 2,
        threads: (Threads::Auto, Pinning::Auto),
        slice: Slice::WHOLE,
    };
    let mut diverged = 0;
    let outcomes = study.run(&workload, &mut Store::in_memory(), |event| {
        if let StudyEvent::Finished(outcome) = event {
            diverged += u32::from(outcome.diverged);
        }
        ControlFlow::Continue(())
    })?;
    println!("{} trials, {diverged} diverged", outcomes.len());

    let curve = Curve::of(&outcomes, study.seed);
    for point in &curve.points {
        match (point.steps, point.regime) {
            (Some(steps), Some(regime)) => {
                println!(
                    "batch {}: {steps} steps, {}",
                    point.batch_size,
                    regime.name()
                );
            }
            _ => println!("batch {}: never got there", point.batch_size),
        }
    }
    if let Some(critical) = curve.critical_batch {
        println!("critical batch size: {critical}");
    }
    if let Some(path) = std::env::args().nth(1)
        && let Some((_, chart, _)) = curve_charts(&curve, study.target).first()
    {
        std::fs::write(&path, chart.svg())?;
        println!("figure: {path}");
    }
    Ok(())
}
