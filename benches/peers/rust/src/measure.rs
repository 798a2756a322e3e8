//! Warms up, then times single steps.

use std::time::{Duration, Instant};

use crate::data::NUM_BATCHES;

/// Fewer timed steps make no median.
const MIN_TIMED_STEPS: usize = 5;
/// Warm-up ends after this many steps, or after half of the timed span.
const MAX_WARMUP_STEPS: usize = 8;
const MIN_WARMUP_STEPS: usize = 2;

/// A network, its optimiser and its batches in one framework.
pub trait Trainee {
    /// Trainable numbers.
    fn num_params(&self) -> usize;

    /// One update on batch `batch_index`; returns the loss before it.
    ///
    /// Reading the loss is part of the step: it is one number, and it waits for the forward pass.
    fn step(&mut self, batch_index: usize) -> f32;
}

/// What [`measure`] saw.
pub struct Timing {
    /// Trainable numbers.
    pub num_params: usize,
    /// Timed steps.
    pub steps: usize,
    /// Median over the timed steps.
    pub step_time_ms_p50: f64,
    /// Shortest timed step.
    pub step_time_ms_min: f64,
    /// Loss on batch 0 before the first update.
    pub first_loss: f32,
    /// Loss on the same batch after the last timed step.
    pub final_loss: f32,
}

/// Times steps until `seconds` have passed.
pub fn measure(trainee: &mut dyn Trainee, seconds: f64) -> Timing {
    let span = Duration::from_secs_f64(seconds);
    let first_loss = trainee.step(0);
    let mut next = 1;
    let started = Instant::now();
    while next < MIN_WARMUP_STEPS || next < MAX_WARMUP_STEPS && started.elapsed() < span / 2 {
        trainee.step(next % NUM_BATCHES);
        next += 1;
    }
    let mut times_ms = Vec::new();
    let started = Instant::now();
    while times_ms.len() < MIN_TIMED_STEPS || started.elapsed() < span {
        let step_started = Instant::now();
        trainee.step(next % NUM_BATCHES);
        times_ms.push(step_started.elapsed().as_secs_f64() * 1e3);
        next += 1;
    }
    times_ms.sort_by(f64::total_cmp);
    Timing {
        num_params: trainee.num_params(),
        steps: times_ms.len(),
        step_time_ms_p50: median_of_sorted(&times_ms),
        step_time_ms_min: times_ms[0],
        first_loss,
        final_loss: trainee.step(0),
    }
}

fn median_of_sorted(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}
