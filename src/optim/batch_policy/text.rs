//! Batch rules as text.
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

use crate::meant::nearest;
use crate::real::single;

use super::super::error::OptimError;
use super::super::scaling::ScalingRule;
use super::super::schedule::Unit;
use super::rule::BatchRule;

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
            BatchRule::Custom(policy) => f.write_str(&policy.named.name),
        }
    }
}

impl FromStr for BatchRule {
    type Err = OptimError;

    fn from_str(text: &str) -> Result<Self, OptimError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        read(&words).ok_or_else(|| OptimError::Policy {
            text: text.to_owned(),
            meant: meant(&words),
        })
    }
}

/// The words of each rule, the first of which is its name.
const WORDS: [&[&str]; 6] = [
    &["fixed"],
    &["staged", "to"],
    &[
        "adabatch", "every", "lr", "to", "steps", "epochs", "examples",
    ],
    &["cabs"],
    &[
        "noise", "every", "steps", "lr", "none", "linear", "sqrt", "adam",
    ],
    &["adascale", "from"],
];

/// The word that was probably meant by the first that does not belong there.
fn meant(words: &[&str]) -> Option<&'static str> {
    let (name, rest) = words.split_first()?;
    let Some(known) = WORDS.iter().find(|known| known[0] == *name) else {
        return nearest(name, WORDS.iter().map(|known| known[0]));
    };
    let is_number = |word: &str| word.split("..").all(|part| part.parse::<f64>().is_ok());
    let odd = rest
        .iter()
        .find(|word| !known.contains(word) && !is_number(word))?;
    nearest(odd, known[1..].iter().copied())
}

fn read(words: &[&str]) -> Option<BatchRule> {
    let bounds = |text: &str| {
        let (least, most) = text.split_once("..")?;
        Some((least.parse().ok()?, most.parse().ok()?))
    };
    let rule = |name: &str| {
        ScalingRule::EACH
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
            growth: single(growth).ok()?,
            every: every.parse().ok()?,
            unit: Unit::EACH.into_iter().find(|one| one.name() == unit)?,
            lr_factor: single(lr_factor).ok()?,
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
