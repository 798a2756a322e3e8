//! Sums of a pass over rows: loss, what its mean divides by, rows, and those classified correctly.

/// Sums over rows: what a replica returns and the coordinator divides.
///
/// ```
/// use unisono::engine::Sums;
/// // The rows of two shards, of classes with weight 0.5.
/// let mut sums = Sums { loss: 3.0, weight: 1.0, rows: 2.0, correct: 1.0 };
/// sums += Sums { loss: 5.0, weight: 1.0, rows: 2.0, correct: 2.0 };
/// assert_eq!((sums.mean_loss(), sums.accuracy()), (4.0, 0.75));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Sum of the loss.
    pub loss: f64,
    /// What the sum is divided by to give the mean loss and gradient: usually the number of rows.
    pub weight: f64,
    /// Rows that count, whatever their weight: all but those whose label is ignored. Where every
    /// position of a row has a label, positions.
    pub rows: f64,
    /// Rows classified correctly; 0 where that makes no sense.
    pub correct: f64,
}

impl Sums {
    /// The mean loss; NaN for no weight.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.weight
    }

    /// The share of rows classified correctly, in 0..=1; NaN for no rows.
    pub fn accuracy(&self) -> f64 {
        self.correct / self.rows
    }

    /// Whether there is no weight to divide by: no row counts.
    pub fn is_empty(&self) -> bool {
        self.weight == 0.0
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.weight += other.weight;
        self.rows += other.rows;
        self.correct += other.correct;
    }
}

impl std::iter::Sum for Sums {
    /// Adds from the left.
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut total, part| {
            total += part;
            total
        })
    }
}
