//! Which policy, as data.
//!
//! ```text
//! fixed
//! staged to N
//! adabatch F every N UNIT lr F to N
//! cabs N..N
//! noise N..N every N steps [lr none|linear|sqrt|adam]
//! adascale from N
//! ```

use std::fmt;
use std::str::FromStr;

use super::super::error::{OptimError, check};
use super::super::scaling::ScalingRule;
use super::super::schedule::Unit;
use super::BatchPolicy;
use super::ada_scale::AdaScale;
use super::cabs::Cabs;
use super::fixed::Fixed;
use super::noise::NoiseDriven;
use super::staged::{AdaBatch, Staged};

/// A batch-size policy; the batch it starts from is set apart.
///
/// ```
/// use unisono::optim::{BatchRule, ScalingRule};
/// let rule: BatchRule = "noise 32..4096 every 100 steps lr sqrt".parse()?;
/// let expected = BatchRule::Noise { least: 32, most: 4096, every: 100, rule: ScalingRule::SquareRoot };
/// assert_eq!(rule, expected);
/// assert_eq!(rule.to_string(), "noise 32..4096 every 100 steps lr sqrt");
/// # Ok::<(), unisono::optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BatchRule {
    /// The same batch throughout.
    #[default]
    Fixed,
    /// Where the schedule's shape would cut the rate, the batch grows instead (Smith 2018).
    Staged {
        /// The largest batch.
        most: usize,
    },
    /// The batch grows by a factor every so often, the rate is cut by another (AdaBatch).
    AdaBatch {
        /// What the batch is multiplied by, above 1.
        growth: f32,
        /// How often.
        every: u64,
        /// In what.
        unit: Unit,
        /// What the rate is multiplied by, in (0, 1].
        lr_factor: f32,
        /// The largest batch.
        most: usize,
    },
    /// From learning rate, loss and the gradient's variance (CABS), for SGD without momentum.
    Cabs {
        /// The smallest batch.
        least: usize,
        /// The largest batch.
        most: usize,
    },
    /// The power of two below the noise scale.
    Noise {
        /// The smallest batch.
        least: usize,
        /// The largest batch.
        most: usize,
        /// Steps between changes.
        every: u64,
        /// What a change does to the learning rate.
        rule: ScalingRule,
    },
    /// The batch stays; the rate is that of a schedule for batches of `base` rows, times the gain
    /// (AdaScale).
    AdaScale {
        /// The batch that learning rate and schedule were made for.
        base: usize,
    },
}

impl BatchRule {
    /// Refuses batches without rows, and of more than can be counted.
    fn check_sizes(&self, initial: usize) -> Result<(), OptimError> {
        check("the batch size", "at least 1", initial as f32, initial > 0)?;
        let largest = match *self {
            BatchRule::Staged { most }
            | BatchRule::AdaBatch { most, .. }
            | BatchRule::Cabs { most, .. }
            | BatchRule::Noise { most, .. } => most.max(initial),
            BatchRule::Fixed | BatchRule::AdaScale { .. } => initial,
        };
        let is_counted = u32::try_from(largest).is_ok();
        check(
            "a batch",
            "at most 4294967295 rows",
            largest as f32,
            is_counted,
        )
    }

    /// The policy, starting from batches of `initial` rows.
    ///
    /// # Errors
    /// [`OptimError::OutOfRange`] for sizes of 0, bounds that are reversed or do not hold the first
    /// batch, and factors outside their range.
    pub fn start(&self, initial: usize) -> Result<Box<dyn BatchPolicy>, OptimError> {
        let count = |name, got: usize, valid| check(name, "at least 1", got as f32, valid);
        self.check_sizes(initial)?;
        let within = |least: usize, most: usize| {
            let name = "the batch size";
            let valid = least > 0 && (least..=most).contains(&initial);
            check(name, "within the policy's bounds", initial as f32, valid)
        };
        let period = |every: u64| count("the policy's period", every as usize, every > 0);
        Ok(match *self {
            BatchRule::Fixed => Box::new(Fixed(initial)),
            BatchRule::Staged { most } => {
                within(1, most)?;
                Box::new(Staged { initial, most })
            }
            BatchRule::AdaBatch {
                growth,
                every,
                unit,
                lr_factor,
                most,
            } => {
                within(1, most)?;
                period(every)?;
                let policy = AdaBatch {
                    initial,
                    most,
                    growth,
                    lr_factor,
                    every: (every, unit),
                };
                policy.check()?;
                Box::new(policy)
            }
            BatchRule::Cabs { least, most } => {
                within(least, most)?;
                Box::new(Cabs::new(initial, (least, most)))
            }
            BatchRule::Noise {
                least,
                most,
                every,
                rule,
            } => {
                within(least, most)?;
                period(every)?;
                Box::new(NoiseDriven::new(initial, (least, most), (every, rule)))
            }
            BatchRule::AdaScale { base } => {
                let valid = (1..=initial).contains(&base);
                let name = "AdaScale's base batch";
                check(
                    name,
                    "at least 1 and at most the batch size",
                    base as f32,
                    valid,
                )?;
                Box::new(AdaScale::new(initial, base))
            }
        })
    }
}

impl fmt::Display for BatchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchRule::Fixed => write!(f, "fixed"),
            BatchRule::Staged { most } => write!(f, "staged to {most}"),
            BatchRule::AdaBatch {
                growth,
                every,
                unit,
                lr_factor,
                most,
            } => {
                let unit = unit.name();
                write!(
                    f,
                    "adabatch {growth} every {every} {unit} lr {lr_factor} to {most}"
                )
            }
            BatchRule::Cabs { least, most } => write!(f, "cabs {least}..{most}"),
            BatchRule::Noise {
                least,
                most,
                every,
                rule,
            } => write!(
                f,
                "noise {least}..{most} every {every} steps lr {}",
                rule.name()
            ),
            BatchRule::AdaScale { base } => write!(f, "adascale from {base}"),
        }
    }
}

impl FromStr for BatchRule {
    type Err = OptimError;

    fn from_str(text: &str) -> Result<Self, OptimError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        read(&words).ok_or_else(|| OptimError::Policy {
            text: text.to_owned(),
        })
    }
}

fn read(words: &[&str]) -> Option<BatchRule> {
    let bounds = |text: &str| {
        let (least, most) = text.split_once("..")?;
        Some((least.parse().ok()?, most.parse().ok()?))
    };
    let rule = |name: &str| {
        ScalingRule::ALL
            .into_iter()
            .find(|rule| rule.name() == name)
    };
    Some(match *words {
        ["fixed"] => BatchRule::Fixed,
        ["staged", "to", most] => BatchRule::Staged {
            most: most.parse().ok()?,
        },
        [
            "adabatch",
            growth,
            "every",
            every,
            unit,
            "lr",
            lr_factor,
            "to",
            most,
        ] => BatchRule::AdaBatch {
            growth: growth.parse().ok()?,
            every: every.parse().ok()?,
            unit: Unit::ALL.into_iter().find(|one| one.name() == unit)?,
            lr_factor: lr_factor.parse().ok()?,
            most: most.parse().ok()?,
        },
        ["cabs", range] => {
            let (least, most) = bounds(range)?;
            BatchRule::Cabs { least, most }
        }
        ["noise", range, "every", every, "steps", ref rest @ ..] => {
            let (least, most) = bounds(range)?;
            BatchRule::Noise {
                least,
                most,
                every: every.parse().ok()?,
                rule: match *rest {
                    [] => ScalingRule::None,
                    ["lr", name] => rule(name)?,
                    _ => return None,
                },
            }
        }
        ["adascale", "from", base] => BatchRule::AdaScale {
            base: base.parse().ok()?,
        },
        _ => return None,
    })
}
