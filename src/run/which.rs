//! Which weights of a run: the newest, the best, the last, or those of a step.

use std::fmt;

use crate::meant::{did_you_mean, nearest};

/// Which weights of a run.
///
/// ```
/// use unisono::run::Which;
/// let which = |name: &str| name.parse::<Which>();
/// assert_eq!((which("best"), which("900")), (Ok(Which::Best), Ok(Which::Step(900))));
/// assert_eq!(which("worst").unwrap_err(), "expected best, last or a step, got worst");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Which {
    /// What the run ended with; of a run that has not ended, its last checkpoint.
    #[default]
    Newest,
    /// The checkpoint with the smallest loss that an evaluation found.
    Best,
    /// After the last step, whatever the run keeps.
    Last,
    /// After so many updates.
    Step(u64),
}

impl std::str::FromStr for Which {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let odd = |_| {
            let meant = did_you_mean(nearest(name, ["best", "last"]));
            format!("expected best, last or a step, got {name}{meant}")
        };
        match name {
            "best" => Ok(Which::Best),
            "last" => Ok(Which::Last),
            step => step.parse().map(Which::Step).map_err(odd),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Newest => write!(f, "of any step"),
            Which::Best => write!(f, "of a checkpoint whose validation or test loss is known"),
            Which::Last => write!(f, "of the last step"),
            Which::Step(step) => write!(f, "of step {step}"),
        }
    }
}
