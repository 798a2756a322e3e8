//! Sums of a pass over rows: loss, what its mean divides by, rows, those classified correctly, and
//! the errors of values.

/// Sums over rows: what a replica returns and the coordinator divides.
///
/// ```
/// use unisono::engine::Sums;
/// // The rows of two shards, of classes with weight 0.5.
/// let mut sums = Sums { loss: 3.0, weight: 1.0, rows: 2.0, correct: 1.0, ..Sums::default() };
/// sums += Sums { loss: 5.0, weight: 1.0, rows: 2.0, correct: 2.0, ..Sums::default() };
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
    /// Errors of outputs that are compared with values, where they were measured.
    pub errors: ErrorSums,
}

/// Errors of outputs that are compared with values, summed over rows and outputs.
///
/// ```
/// use unisono::engine::ErrorSums;
/// let mut sums = ErrorSums { outputs: 1.0, squared: 4.0, absolute: 2.0 };
/// assert_eq!(ErrorSums::default().means(), None);
/// sums += ErrorSums { outputs: 1.0, squared: 0.0, absolute: 0.0 };
/// let means = sums.means().unwrap();
/// assert_eq!((means.squared, means.absolute), (2.0, 1.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorSums {
    /// Outputs that were compared; 0 where none was.
    pub outputs: f64,
    /// Their squared errors.
    pub squared: f64,
    /// Their absolute errors.
    pub absolute: f64,
}

/// Means of [`ErrorSums`].
///
/// Example: [`ErrorSums`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanErrors {
    /// The mean squared error of an output, in the square of the targets' unit.
    pub squared: f64,
    /// The mean absolute error of an output, in the targets' unit.
    pub absolute: f64,
}

impl ErrorSums {
    /// The means; `None` where no output was compared.
    pub fn means(&self) -> Option<MeanErrors> {
        (self.outputs > 0.0).then(|| MeanErrors {
            squared: self.squared / self.outputs,
            absolute: self.absolute / self.outputs,
        })
    }
}

impl std::ops::AddAssign for ErrorSums {
    fn add_assign(&mut self, other: Self) {
        self.outputs += other.outputs;
        self.squared += other.squared;
        self.absolute += other.absolute;
    }
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
        self.errors += other.errors;
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
