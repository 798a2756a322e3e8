//! The reduced step: sums over the whole batch, the gradient's norm, norms over its shards.

use super::sums::Sums;

/// What the master sees before it decides.
///
/// ```
/// use unisono::engine::{Reduced, Sums};
/// let sums = Sums { loss: f64::INFINITY, weight: 32.0, rows: 32.0, correct: 0.0, ..Sums::default() };
/// assert!(!Reduced { sums, grad_norm: 1.5, shards: None }.is_finite());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduced {
    /// Sums over the whole batch.
    pub sums: Sums,
    /// The L2 norm of the mean gradient; 0 where no row counts.
    pub grad_norm: f64,
    /// What the shards' own gradients tell, if they are tracked ([`super::Track::ShardNorms`]).
    pub shards: Option<ShardNorms>,
}

/// Sums over the shards of a batch, of which each has rows that count and a gradient (their sum).
///
/// ```
/// use unisono::engine::{Batch, Decision, Engine, EngineConfig};
/// use unisono::engine::{Replica, Shard, Shards, Sums, Track};
/// use unisono::{optim::Optimizer, train::ChainUpdate};
///
/// /// One parameter, whose gradient for a row is the row's number.
/// struct Numbers;
/// impl Replica for Numbers {
///     fn num_params(&self) -> usize {
///         1
///     }
///     fn add_loss_and_grad(&mut self, _: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
///         grad[0] += shard.rows.iter().map(|&row| row as f32).sum::<f32>();
///         let rows = shard.rows.len() as f64;
///         Sums { weight: rows, rows, ..Sums::default() }
///     }
///     fn evaluate(&mut self, _: &[f32], _: &Shard<'_>) -> Sums {
///         Sums::default()
///     }
/// }
///
/// let (threads, shards, track) = (1.into(), Shards::Fixed(2), Track::ShardNorms);
/// let config = EngineConfig { threads, shards, track, ..EngineConfig::default() };
/// let update = ChainUpdate::new(&Optimizer::sgd(0.1), 1)?;
/// let mut engine = Engine::new(config, &[0.0], update, |_| Numbers)?;
/// // Shards of the rows 1 and 2, and 3 and 4: gradients 3 and 7, of the batch 10.
/// let batch = Batch::whole([1, 2, 3, 4].into(), 0);
/// let norms = engine.run(|session| session.step(&batch, |_| Decision::Skip))??.shards.unwrap();
/// assert_eq!((norms.count, norms.squares, norms.whole), (2, 9.0 + 49.0, 100.0));
/// assert_eq!(norms.row_squares, 8.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShardNorms {
    /// Shards that are not empty.
    pub count: usize,
    /// The sum of the squares of the gradients' L2 norms.
    pub squares: f64,
    /// The sum of the squares of the numbers of rows.
    pub row_squares: f64,
    /// The square of the L2 norm of the whole batch's gradient.
    pub whole: f64,
}

impl ShardNorms {
    /// Counts a shard.
    pub(crate) fn add(&mut self, rows: f64, square: f64) {
        self.count += usize::from(rows > 0.0);
        self.squares += square;
        self.row_squares += rows * rows;
    }
}

impl Reduced {
    /// Whether loss and gradient are finite, so that an update makes sense.
    pub fn is_finite(&self) -> bool {
        self.sums.loss.is_finite() && self.grad_norm.is_finite()
    }

    /// Whether there is a mean to make a step by: some row counts, loss and gradient are finite.
    pub fn is_usable(&self) -> bool {
        !self.sums.is_empty() && self.is_finite()
    }
}
