//! Values of a study's flags: targets, lists of batch sizes, slices.

use crate::study::batch_size::{Slice, Target};

use super::error::{ArgError, at_most, refused};
use super::study_args::StudyArgs;

/// The target where none is named: a share of the test rows.
const TARGET_ERROR: f64 = 0.05;

/// Epochs before a branch.
const MOST_EPOCHS: f64 = 100_000.0;

pub(super) fn target(args: &StudyArgs) -> Result<Target, ArgError> {
    match (args.target_error, args.target_loss) {
        (Some(_), Some(_)) => {
            let expected = "an error or a loss, not both";
            Err(refused("target-error", expected, "both"))
        }
        (None, Some(loss)) => Ok(Target::Loss(loss)),
        (error, None) => Ok(Target::Error(error.unwrap_or(TARGET_ERROR))),
    }
}

/// Numbers of epochs, with commas between them.
pub(super) fn epochs(text: &str) -> Result<Vec<f64>, ArgError> {
    let within = |epochs: &f64| (0.0..=MOST_EPOCHS).contains(epochs);
    let number = |text: &str| text.trim().parse().ok().filter(within);
    let all: Option<Vec<f64>> = text.split(',').map(number).collect();
    let expected = format!("numbers of epochs with commas, from 0 to {MOST_EPOCHS}");
    all.ok_or_else(|| refused("branch-at", expected, text))
}

/// `1,2,4`, or `1..1024` for powers of two.
pub(super) fn batches(text: &str) -> Result<Vec<usize>, ArgError> {
    let odd = || refused("batches", "numbers with commas, or LOW..HIGH", text);
    let number = |text: &str| {
        let size = text.trim().parse::<usize>().map_err(|_| odd())?;
        at_most("batches", size, u32::MAX as usize)
    };
    let Some((low, high)) = text.split_once("..") else {
        return text.split(',').map(number).collect();
    };
    let (low, high) = (number(low)?, number(high)?);
    if low == 0 || low > high {
        return Err(odd());
    }
    let doubled = std::iter::successors(Some(low), |size| size.checked_mul(2));
    Ok(doubled.take_while(|&size| size <= high).collect())
}

/// `K/N`.
pub(super) fn slice(text: &str) -> Result<Slice, ArgError> {
    let parsed = text.split_once('/').and_then(|(k, n)| {
        Some(Slice {
            part: k.trim().parse().ok()?,
            of: n.trim().parse().ok()?,
        })
    });
    parsed.ok_or_else(|| refused("slice", "K/N with K from 1 to N", text))
}
