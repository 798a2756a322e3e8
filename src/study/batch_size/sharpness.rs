//! Sharpness: how the loss rises around a minimum.
//!
//! # Formula
//! 100 (max f(x + y) - f(x)) / (1 + f(x)) over |y_i| <= eps (|x_i| + 1) (Keskar et al. 2017, metric
//! 2.1, without a subspace).
//!
//! # Caveat
//! It is not invariant: the same function with its weights scaled differently from layer to layer
//! has another sharpness (Dinh et al. 2017). Compare networks of one architecture, trained alike,
//! at best.

use std::sync::Arc;

use crate::data::Dataset;
use crate::engine::{Batch, Replica, Sums};
use crate::nn::kernel::Isa;
use crate::nn::{Criterion, Network, NetworkReplica, ReplicaSettings};
use crate::seed::{Purpose, Stream};
use crate::train::{Sources, TrainError};

use super::error::StudyError;

/// Shards of the rows: gradients are added in their order.
const SHARDS: usize = 8;
/// Steps towards the worst point.
const ASCENT: usize = 10;
/// Corners of the box that are tried at random.
const CORNERS: usize = 10;

/// Where a higher loss is looked for.
///
/// Example: [`Sharpness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// At random corners of the box.
    Random,
    /// By steps along the gradient's signs, to the corner of the box that they lead to.
    Worst,
}

/// A measure of sharpness.
///
/// ```
/// use unisono::{data::digits, nn::{Loss, Network, Sequential}, study::batch_size::{Direction, Sharpness}};
/// let (train, _) = digits();
/// let network = Network::new(Sequential::new(64).dense(10), 1)?;
/// let sharpness = |direction| {
///     let how = Sharpness { rows: 500, eps: 5e-4, direction };
///     how.of(&network, Loss::SoftmaxCrossEntropy, &train)
/// };
/// assert!(sharpness(Direction::Worst)? > sharpness(Direction::Random)? && sharpness(Direction::Random)? >= 0.0);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharpness {
    /// Rows of the data set, from its beginning.
    pub rows: usize,
    /// The size of the box, above 0.
    pub eps: f32,
    /// Where in it a higher loss is looked for.
    pub direction: Direction,
}

impl Sharpness {
    /// The sharpness of a network in per cent.
    ///
    /// # Errors
    /// [`StudyError::Value`] for an eps that is not positive, or no rows; [`StudyError::Nn`].
    pub fn of(
        &self,
        network: &Network,
        loss: impl Criterion + 'static,
        data: &dyn Dataset,
    ) -> Result<f64, StudyError> {
        let &Self { eps, direction, .. } = self;
        let rows = self.rows.min(data.len());
        let is_valid = eps > 0.0 && eps.is_finite() && rows > 0;
        if !is_valid {
            return Err(StudyError::Value {
                what: "sharpness",
                expected: "of an eps above 0 and a row at least",
                got: format!("eps {eps} and {rows} rows"),
            });
        }
        // A replica that can be evaluated anywhere around the minimum.
        let settings = ReplicaSettings {
            loss: Arc::new(loss),
            isa: Isa::chosen()?,
            seed: 0,
        };
        let mut around = Around {
            replica: NetworkReplica::new(network.model(), settings, Sources([data, data]))?,
            batch: Batch {
                source: 1,
                ..Batch::whole((0..rows as u32).collect(), 0)
            },
            center: network.params().to_vec(),
            eps,
        };
        let here = around.loss(&around.center.clone());
        if here.is_nan() && around.is_empty() {
            return Err(TrainError::NothingCounts { part: "given" }.into());
        }
        let highest = match direction {
            Direction::Random => around.random(),
            Direction::Worst => around.worst(),
        };
        Ok(100.0 * (highest - here).max(0.0) / (1.0 + here))
    }
}

/// A network and the box around its parameters.
struct Around<'d> {
    replica: NetworkReplica<Sources<'d>>,
    batch: Batch,
    center: Vec<f32>,
    eps: f32,
}

impl Around<'_> {
    /// Whether no row counts.
    fn is_empty(&mut self) -> bool {
        self.sums(&self.center.clone()).is_empty()
    }

    fn loss(&mut self, params: &[f32]) -> f64 {
        self.sums(params).mean_loss()
    }

    fn sums(&mut self, params: &[f32]) -> Sums {
        self.replica.params_changed();
        let one = |shard| {
            let shard = self.batch.shard(SHARDS, shard);
            self.replica.evaluate(params, &shard)
        };
        let shards = (0..SHARDS).map(one);
        shards.sum()
    }

    /// The point at `share` of the way to the box's edge in each coordinate, in -1..=1.
    fn point(&self, shares: &[f32]) -> Vec<f32> {
        let moved = self.center.iter().zip(shares);
        moved
            .map(|(x, share)| x + share * self.eps * (x.abs() + 1.0))
            .collect()
    }

    fn random(&mut self) -> f64 {
        let mut highest = f64::NEG_INFINITY;
        for corner in 0..CORNERS {
            let mut stream = Stream::new(0, Purpose::Trial, corner as u32, 1);
            let shares: Vec<f32> = self
                .center
                .iter()
                .map(|_| if stream.below(2) == 0 { -1.0 } else { 1.0 })
                .collect();
            let point = self.point(&shares);
            highest = highest.max(self.loss(&point));
        }
        highest
    }

    fn worst(&mut self) -> f64 {
        let mut shares = vec![0.0_f32; self.center.len()];
        let mut highest = f64::NEG_INFINITY;
        let step = 2.0 / ASCENT as f32;
        for _ in 0..ASCENT {
            let point = self.point(&shares);
            self.replica.params_changed();
            let mut grad = vec![0.0; point.len()];
            for shard in 0..SHARDS {
                let shard = self.batch.shard(SHARDS, shard);
                self.replica.add_loss_and_grad(&point, &shard, &mut grad);
            }
            for (share, slope) in shares.iter_mut().zip(&grad) {
                let sign = if *slope == 0.0 { 0.0 } else { slope.signum() };
                *share = (*share + step * sign).clamp(-1.0, 1.0);
            }
            let point = self.point(&shares);
            highest = highest.max(self.loss(&point));
        }
        highest
    }
}
