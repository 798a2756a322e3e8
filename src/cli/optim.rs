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
        let (schedule, policy) = (&args.schedule, &batch.batch_policy);
        let of_policy = odd("batch-policy", policy);
        let settings = Self {
            optimizer: optimizer(args)?,
            schedule: schedule.parse().map_err(odd("schedule", schedule))?,
            batch_rule: policy.parse().map_err(of_policy.clone())?,
        };
        settings
            .batch_rule
            .check(batch.batch_size)
            .map_err(of_policy)?;
        let is_staged = matches!(settings.batch_rule, BatchRule::Staged { .. });
        if is_staged && settings.schedule.shape.is_flat() {
            let message = format!(
                "the batch of {policy:?} grows where the schedule's shape falls, and \"{}\" never does; name such a --schedule",
                settings.schedule
            );
            return Err(ArgError::text("batch-policy", &message));
        }
        Ok(settings)
    }
}

/// What is wrong with a text, which is repeated where the message speaks of a number in it.
fn odd(flag: &'static str, text: &str) -> impl Fn(OptimError) -> ArgError + Clone {
    let text = text.to_owned();
    move |error| {
        let message = match error {
            OptimError::OutOfRange { .. } => format!("{error}, in {text:?}"),
            other => other.to_string(),
        };
        ArgError::Text { flag, message }
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
    for (name, factor) in layer_lrs(args)? {
        optimizer = optimizer.with_layer_lr(name, factor);
    }
    for name in args.freeze.iter().flat_map(|names| names.split(',')) {
        if name.trim().is_empty() {
            let got = args.freeze.as_deref().unwrap_or_default();
            let expected = "beginnings of tensors' names with commas between, such as conv0,conv3";
            return Err(refused("freeze", expected, got));
        }
        optimizer = optimizer.with_frozen(name.trim());
    }
    Ok(optimizer)
}

/// The factors of learning rates, each for the tensors whose names begin with its name.
fn layer_lrs(args: &OptimArgs) -> Result<Vec<(String, f32)>, ArgError> {
    let Some(text) = &args.layer_lr else {
        return Ok(Vec::new());
    };
    let pair = |part: &str| {
        let (name, factor) = part.split_once('=')?;
        let factor: f32 = factor.trim().parse().ok()?;
        let is_right = !name.trim().is_empty() && factor.is_finite() && factor >= 0.0;
        is_right.then(|| (name.trim().to_owned(), factor))
    };
    let expected = "NAME=FACTOR with a finite factor of at least 0, such as dense0=0.1,dense2=2";
    let pairs = text.split(',').map(pair);
    pairs
        .collect::<Option<_>>()
        .ok_or_else(|| refused("layer-lr", expected, text))
}
