//! `fit` of a model of one's own: its replicas know data and loss.

use std::ops::ControlFlow;

use crate::data::DataError;
use crate::engine::Replica;

use super::callback::{Callback, Observing};
use super::error::TrainError;
use super::fit::Job;
use super::metrics::{Event, Report};
use super::model::ReplicaModel;
use super::rows::RowCounts;
use super::trainer::Trainer;

impl Trainer<ReplicaModel> {
    /// A trainer of a model behind [`Replica`]: one of another library, or one written by hand. It
    /// has schedules, batch policies, early stopping, checkpoints and callbacks like any other.
    ///
    /// ```
    /// use unisono::engine::{Replica, Shard, Sums};
    /// use unisono::train::{ReplicaModel, RowCounts};
    /// use unisono::{Trainer, optim::Optimizer};
    ///
    /// /// The mean of 0, 1, 2, ... by least squares.
    /// struct Mean;
    ///
    /// impl Replica for Mean {
    ///     fn num_params(&self) -> usize {
    ///         1
    ///     }
    ///     fn add_loss_and_grad(&mut self, params: &[f32], shard: &Shard<'_>, grad: &mut [f32]) -> Sums {
    ///         let errors = shard.rows.iter().map(|&row| params[0] - row as f32);
    ///         grad[0] += errors.clone().sum::<f32>();
    ///         let rows = shard.rows.len() as f64;
    ///         let loss = errors.map(|error| f64::from(0.5 * error * error)).sum();
    ///         Sums { loss, weight: rows, rows, correct: 0.0, ..Sums::default() }
    ///     }
    ///     fn evaluate(&mut self, params: &[f32], shard: &Shard<'_>) -> Sums {
    ///         self.add_loss_and_grad(params, shard, &mut [0.0])
    ///     }
    /// }
    ///
    /// let mut trainer = Trainer::of_replicas(ReplicaModel::new("mean", vec![0.0]))
    ///     .optimizer(Optimizer::sgd(0.5))
    ///     .batch_size(9)
    ///     .threads(2)
    ///     .epochs(30);
    /// let report = trainer.fit_replicas(RowCounts::training(9), |_worker| Mean)?;
    /// assert_eq!(report.steps, 30);
    /// assert!((trainer.kept_params()?[0] - 4.0).abs() < 1e-6);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn of_replicas(model: ReplicaModel) -> Self {
        Self::of(model, None)
    }

    /// Trains for the set number of epochs over rows 0 to `rows.train`, and evaluates rows 0 to
    /// `rows.test` after each, of [`crate::engine::Batch::source`] 0 and 1. `replica` makes worker
    /// number so and so its replica. Further calls go on as those of [`Trainer::fit`] do.
    ///
    /// # Errors
    /// As [`Trainer::fit`]; [`TrainError::NoTest`] where a setting follows the test loss and there
    /// are no test rows.
    pub fn fit_replicas<R: Replica>(
        &mut self,
        rows: RowCounts,
        replica: impl FnMut(usize) -> R,
    ) -> Result<Report, TrainError> {
        let mut silent = Observing(|_: &Event<'_>| ControlFlow::Continue(()));
        self.fit_replicas_with(rows, replica, &mut silent)
    }

    /// The same, with a callback.
    ///
    /// # Errors
    /// As [`Trainer::fit_replicas`].
    ///
    /// # Panics
    /// If `callback` panics; the trainer stays at the last whole step.
    pub fn fit_replicas_with<R: Replica>(
        &mut self,
        rows: RowCounts,
        replica: impl FnMut(usize) -> R,
        callback: &mut dyn Callback,
    ) -> Result<Report, TrainError> {
        let job = self.prepared(rows, replica);
        let job = self.or_abort(job)?;
        self.run(job, callback)
    }

    /// Checks all that can be checked, and brings the engine up.
    fn prepared<R: Replica>(
        &self,
        rows: RowCounts,
        replica: impl FnMut(usize) -> R,
    ) -> Result<Job<'static, R>, TrainError> {
        self.config.check()?;
        self.config.check_test(rows.test > 0)?;
        let most = rows.train.max(rows.test);
        if rows.train == 0 {
            return Err(DataError::Empty.into());
        }
        if u32::try_from(most).is_err() {
            return Err(DataError::TooManyRows { rows: most }.into());
        }
        self.config.sampling.check(rows.train)?;
        let engine = self.build_engine(rows.train, &self.last_params()?, replica)?;
        Ok(Job {
            engine,
            rows,
            valid_rows: 0,
            watcher: None,
            data: None,
        })
    }
}
