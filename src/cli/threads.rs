//! Numbers of threads: lists of them, and the default one.

use crate::engine::{Pinning, Placement, Threads};
use crate::train::TrainError;

use super::error::{ArgError, CommandError, refused};

/// The number of threads beyond which nobody's list is meant.
const MOST_THREADS: usize = 4_096;

/// The numbers of a list of threads.
pub(super) fn threads(flag: &'static str, list: &str) -> Result<Vec<usize>, ArgError> {
    let number = |text: &str| match text.trim().parse() {
        Ok(count) if count <= MOST_THREADS => Ok(count),
        _ => Err(refused(flag, "numbers from 1 to 4096, such as 1,2,4", list)),
    };
    list.split(',').map(number).collect()
}

/// Powers of two up to `most`, and `most`.
pub(super) fn powers_up_to(most: usize) -> Vec<usize> {
    let powers = (0..).map(|power| 1 << power);
    let powers = powers.take_while(|&count| count < most);
    powers.chain([most]).collect()
}

/// Powers of two up to the usable cores, and all of them.
pub(super) fn default_threads() -> Result<Vec<usize>, CommandError> {
    let placement = Placement::of_process(Threads::Fixed(1), Pinning::Auto);
    let cores = placement.map_err(TrainError::from)?.num_usable_cores;
    Ok(powers_up_to(cores))
}
