//! Settings that act later than the training ends: they are told of before it begins.
//!
//! # Why this way
//! They are no mistakes: a short training tries the settings of a long one, and a longer one goes on
//! from it.

use crate::optim::{BatchRule, Progress};

use super::config::TrainSettings;

/// Points of a training at which the rate is looked at.
const POINTS: u64 = 64;

/// Steps of a training that is looked at: a longer one is no short training.
const MOST_STEPS: u64 = 10_000_000;

/// What of schedule and batches a training on `rows` rows never comes to.
pub(super) fn unreached(settings: &TrainSettings, rows: usize) -> Option<String> {
    let batch = settings.batch_size.clamp(1, rows.max(1));
    let per_epoch = rows.div_ceil(batch) as u64;
    let all = u64::from(settings.epochs).saturating_mul(per_epoch);
    let steps = all.min(settings.max_steps.unwrap_or(u64::MAX));
    let last = steps.checked_sub(1).filter(|last| *last < MOST_STEPS)?;
    let at = |step: u64| {
        let start = step % per_epoch * batch as u64;
        Progress {
            step,
            epoch: (step / per_epoch) as u32,
            in_epoch: start as f64 / rows as f64,
            examples: step / per_epoch * rows as u64 + start,
        }
    };
    // The shape of the schedule, and the stages of a policy.
    let schedule = &settings.optim.schedule;
    let places = (0..=POINTS).map(|point| last * point / POINTS);
    let mut factors = places.map(|step| schedule.shape_factor(&at(step)));
    if !schedule.shape.is_flat() && factors.all(|factor| factor == 1.0) {
        return Some(format!(
            "the schedule \"{schedule}\" changes nothing in {steps} steps; take more epochs, or leave it out"
        ));
    }
    let rule = &settings.optim.batch_rule;
    let (every, now) = match rule {
        BatchRule::AdaBatch { every, unit, .. } => (every, unit.of(&at(last))),
        BatchRule::Noise { every, .. } => (every, last as f64),
        _ => return None,
    };
    (now < *every as f64).then(|| {
        format!("the batch policy \"{rule}\" changes nothing in {steps} steps; take more epochs, or leave it out")
    })
}
