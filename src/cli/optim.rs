//! Optimiser, schedule and batch policy: from options to values of the library.

use crate::optim::{BatchRule, OptimError, Optimizer, Schedule};

use super::choices;
use super::error::{ArgError, refused};
use super::options::{BatchArgs, OptimArgs};

/// Optimiser, schedule and batch policy as asked for.
#[derive(Debug)]
pub(super) struct OptimSettings {
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    pub(super) batch_rule: BatchRule,
}

impl OptimSettings {
    pub(super) fn new(args: &OptimArgs, batch: &BatchArgs) -> Result<Self, ArgError> {
        Ok(Self {
            optimizer: optimizer(args)?,
            schedule: args.schedule.parse().map_err(unreadable("schedule"))?,
            batch_rule: batch
                .batch_policy
                .parse()
                .map_err(unreadable("batch-policy"))?,
        })
    }
}

fn unreadable(flag: &'static str) -> impl Fn(OptimError) -> ArgError {
    move |error| ArgError::Text {
        flag,
        message: error.to_string(),
    }
}

fn optimizer(args: &OptimArgs) -> Result<Optimizer, ArgError> {
    let choice = choices::optimizer(&args.optimizer)
        .ok_or_else(|| refused("optimizer", choices::optimizers(), &args.optimizer))?;
    let mut optimizer = (choice.make)(args.lr, args.momentum);
    type Setter = fn(Optimizer, f32) -> Optimizer;
    let settings: [(Option<f32>, Setter); 7] = [
        (args.weight_decay, Optimizer::with_weight_decay),
        (args.l2, Optimizer::with_l2),
        (args.l1, Optimizer::with_l1),
        (args.proximal_l1, Optimizer::with_proximal_l1),
        (args.clip_norm, Optimizer::with_clip_norm),
        (args.clip_value, Optimizer::with_clip_value),
        (args.average, Optimizer::with_average),
    ];
    for (value, set) in settings {
        if let Some(value) = value {
            optimizer = set(optimizer, value);
        }
    }
    if args.decay_all {
        optimizer = optimizer.decay_all();
    }
    Ok(optimizer)
}
