//! Order of an epoch: how it visits the rows, a function of seed and epoch alone, so a training
//! that goes on elsewhere sees the same.

use std::sync::Arc;

use crate::seed::{Purpose, Stream};

use super::error::DataError;

/// Batches of one epoch's part that [`Sampling::ByLength`] sorts together.
const SORTED_BATCHES: usize = 64;

/// The sampling of an epoch: which rows it draws, in which order.
///
/// ```
/// use unisono::data::Sampling;
/// assert_eq!(Sampling::InOrder.order(3, 42, 7)?[..], [0, 1, 2]);
/// let rare = Sampling::balanced(&[0, 0, 0, 0, 0, 0, 0, 1], 2);
/// let drawn = rare.order(8, 42, 0)?;
/// assert!(drawn.iter().filter(|&&row| row == 7).count() > 1);
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Sampling {
    /// Every row once, shuffled anew.
    #[default]
    Shuffle,
    /// Every row once, from the first to the last.
    InOrder,
    /// As many rows as there are, each drawn with a probability in proportion to its weight, so
    /// that some come often and some not at all.
    Weighted(Arc<[f64]>),
    /// Every row once, rows of like lengths in one batch: shuffled, sorted by length within some 64
    /// batches, the batches shuffled.
    ByLength {
        /// The length of each row.
        lengths: Arc<[u32]>,
        /// Rows of a batch, at least 1.
        batch_size: usize,
    },
    /// Every row once, shuffled within windows of so many neighbouring rows, at least 1, and the
    /// windows shuffled: for rows that lie on a disk, which then is read in stretches.
    Windows(usize),
}

impl Sampling {
    /// Weighted so that every class comes up as often: the weight of a row is 1 over the rows of
    /// its class.
    ///
    /// # Panics
    /// If a class is not below `num_classes`.
    pub fn balanced(classes: &[u32], num_classes: usize) -> Self {
        let mut counts = vec![0_u32; num_classes];
        classes
            .iter()
            .for_each(|&class| counts[class as usize] += 1);
        let weight = |&class: &u32| 1.0 / f64::from(counts[class as usize]);
        Sampling::Weighted(classes.iter().map(weight).collect())
    }

    /// Checks it against a data set of `rows` rows.
    ///
    /// # Errors
    /// [`DataError::Sampling`].
    pub fn check(&self, rows: usize) -> Result<(), DataError> {
        let refuse = |expected: String, got: String| Err(DataError::Sampling { expected, got });
        match self {
            Sampling::Weighted(weights) if weights.len() != rows => refuse(
                format!("{rows} weights, one a row"),
                weights.len().to_string(),
            ),
            Sampling::Weighted(weights) => {
                let odd = weights.iter().position(|&w| !(w.is_finite() && w >= 0.0));
                let sum: f64 = weights.iter().sum();
                match odd {
                    Some(row) => refuse(
                        format!("a finite weight of at least 0 for row {row}"),
                        weights[row].to_string(),
                    ),
                    None if !(sum.is_finite() && sum > 0.0) => refuse(
                        "weights with a positive, finite sum".to_owned(),
                        sum.to_string(),
                    ),
                    None => Ok(()),
                }
            }
            Sampling::ByLength { lengths, .. } if lengths.len() != rows => refuse(
                format!("{rows} lengths, one a row"),
                lengths.len().to_string(),
            ),
            Sampling::ByLength { batch_size: 0, .. } | Sampling::Windows(0) => refuse(
                "batches and windows of at least 1 row".to_owned(),
                "0".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// The rows of epoch `epoch`, in order.
    ///
    /// # Errors
    /// Those of [`Sampling::check`].
    pub fn order(&self, rows: u32, seed: u64, epoch: u32) -> Result<Arc<[u32]>, DataError> {
        self.check(rows as usize)?;
        Ok(match self {
            Sampling::Shuffle => epoch_order(rows, seed, epoch),
            Sampling::InOrder => (0..rows).collect(),
            Sampling::Weighted(weights) => weighted(weights, seed, epoch),
            Sampling::ByLength {
                lengths,
                batch_size,
            } => by_length(lengths, *batch_size, seed, epoch),
            Sampling::Windows(window) => windows(rows, *window, seed, epoch),
        })
    }
}

/// By inversion of the cumulative weights.
fn weighted(weights: &[f64], seed: u64, epoch: u32) -> Arc<[u32]> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    let mut random = Stream::new(seed, Purpose::Shuffle, epoch, 1);
    let mut draw = || {
        let at = random.uniform() * sum;
        let row = cumulative.partition_point(|&upto| upto <= at);
        // Rounding may put the number at the sum itself; rows of weight 0 at the end are not drawn
        // then either.
        let last = weights
            .iter()
            .rposition(|&weight| weight > 0.0)
            .unwrap_or(0);
        row.min(last) as u32
    };
    weights.iter().map(|_| draw()).collect()
}

/// Batches of rows of like length, in a drawn order.
fn by_length(lengths: &[u32], batch_size: usize, seed: u64, epoch: u32) -> Arc<[u32]> {
    let mut order = epoch_order(lengths.len() as u32, seed, epoch).to_vec();
    for part in order.chunks_mut(batch_size.saturating_mul(SORTED_BATCHES)) {
        part.sort_by_key(|&row| lengths[row as usize]);
    }
    // The rest, shorter than a batch, stays at the end.
    let (batches, rest) = order.split_at(order.len() / batch_size * batch_size);
    let count = (batches.len() / batch_size) as u32;
    let shuffled = Stream::new(seed, Purpose::Shuffle, epoch, 2).permutation(count);
    let batch = |at: u32| &batches[at as usize * batch_size..][..batch_size];
    let all = shuffled.into_iter().flat_map(batch).chain(rest);
    all.copied().collect()
}

/// Stretches of rows that lie together, in a drawn order, each shuffled.
fn windows(rows: u32, window: usize, seed: u64, epoch: u32) -> Arc<[u32]> {
    let window = window.min(rows.max(1) as usize) as u32;
    let mut random = Stream::new(seed, Purpose::Shuffle, epoch, 3);
    let order = random.permutation(rows.div_ceil(window));
    let mut all = Vec::with_capacity(rows as usize);
    for at in order {
        let first = at * window;
        let inside = random.permutation(window.min(rows - first));
        all.extend(inside.into_iter().map(|row| first + row));
    }
    all.into()
}

/// All rows, shuffled anew each epoch; a function of seed and epoch alone.
///
/// ```
/// let order = unisono::data::epoch_order(5, 42, 0);
/// assert_eq!(order, unisono::data::epoch_order(5, 42, 0));
/// ```
pub fn epoch_order(rows: u32, seed: u64, epoch: u32) -> Arc<[u32]> {
    Stream::new(seed, Purpose::Shuffle, epoch, 0)
        .permutation(rows)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(order: &[u32]) -> Vec<u32> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        sorted
    }

    #[test]
    fn epochs_and_seeds_differ_and_every_row_comes_once() {
        let lengths: Arc<[u32]> = (0..103).map(|row| row * 7 % 31).collect();
        let by_length = Sampling::ByLength {
            lengths,
            batch_size: 10,
        };
        for sampling in [Sampling::Shuffle, by_length, Sampling::Windows(10)] {
            let order = |seed, epoch| sampling.order(103, seed, epoch).unwrap();
            assert_eq!(order(1, 0), order(1, 0));
            assert_ne!(order(1, 0), order(1, 1));
            assert_ne!(order(1, 0), order(2, 0));
            assert_eq!(sorted(&order(1, 0)), (0..103).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_batch_holds_rows_of_like_lengths() {
        let lengths: Arc<[u32]> = (0..1000).map(|row| row * 7919 % 1000).collect();
        let sampling = Sampling::ByLength {
            lengths: lengths.clone(),
            batch_size: 10,
        };
        for batch in sampling.order(1000, 1, 0).unwrap().chunks(10) {
            let of = batch.iter().map(|&row| lengths[row as usize]);
            let (least, most) = (of.clone().min().unwrap(), of.max().unwrap());
            // Ten rows at random span some 820.
            assert!(most - least < 100, "{least} to {most}");
        }
    }

    #[test]
    fn rows_come_as_often_as_their_weights_say_and_windows_stay_together() {
        let weights: Arc<[f64]> = (0..4000).map(|row| f64::from(row % 4)).collect();
        let order = Sampling::Weighted(weights).order(4000, 3, 0).unwrap();
        let share = |kind: u32| order.iter().filter(|&&row| row % 4 == kind).count();
        assert_eq!(share(0), 0);
        for kind in 1..4 {
            let expected = 4000.0 * f64::from(kind) / 6.0;
            assert!((share(kind) as f64 - expected).abs() < 5.0 * expected.sqrt());
        }
        let order = Sampling::Windows(16).order(160, 3, 0).unwrap();
        assert!(
            order
                .chunks(16)
                .all(|part| part.iter().all(|row| row / 16 == part[0] / 16))
        );
    }

    #[test]
    fn what_does_not_fit_the_rows_is_refused() {
        let weights = |weights: &[f64]| Sampling::Weighted(weights.into());
        let lengths = Sampling::ByLength {
            lengths: [1, 2].into(),
            batch_size: 0,
        };
        let cases = [
            (weights(&[1.0]), "2 weights"),
            (weights(&[1.0, -1.0]), "row 1"),
            (weights(&[1.0, f64::NAN]), "row 1"),
            (weights(&[0.0, 0.0]), "positive"),
            (lengths, "at least 1"),
            (Sampling::Windows(0), "at least 1"),
        ];
        for (sampling, message) in cases {
            let error = sampling.order(2, 1, 0).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
