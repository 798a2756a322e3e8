//! `fit` of a network: on data sets.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::data::Dataset;
#[cfg(doc)]
use crate::nn::Sequential;
use crate::nn::kernel::Isa;
use crate::nn::{Criterion, NetworkReplica, Precision, ReplicaSettings};

use super::callback::{Callback, Observing};
use super::config::check_data;
use super::error::TrainError;
use super::fit::Job;
use super::kept::EvaluatedPart;
use super::metrics::{Event, Report};
use super::network_engine::{Evaluations, NetworkEngine, network_replicas};
use super::parts::Parts;
use super::rows::RowCounts;
use super::source::Sources;
use super::trainer::Trainer;
use super::watcher::Watcher;

impl Trainer {
    /// The precision of the operands of matrix products, in training and evaluation; by default
    /// `f32`. Parameters, the optimiser's state and all else are `f32` ([`Sequential::precision`]
    /// says which layers take part).
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Precision, Sequential}};
    /// let (train, test) = digits();
    /// let model = Sequential::new(64).dense(32).relu().dense(10);
    /// let mut trainer = Trainer::new(model, Loss::SoftmaxCrossEntropy)
    ///     .precision(Precision::Bf16)
    ///     .epochs(5);
    /// assert!(trainer.fit(&train, &test)?.test_accuracy() > 0.8);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn precision(mut self, precision: Precision) -> Self {
        self.model = self.model.precision(precision);
        self
    }

    /// The instruction set of the kernels, one of [`Isa::available`]; by default the one that the
    /// environment variable `UNISONO_ISA` names, or else the fastest. It changes no bit.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Isa, Loss, Sequential}};
    /// let (train, test) = digits();
    /// let trained = |isa| {
    ///     let trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1);
    ///     let mut trainer = trainer.isa(isa);
    ///     trainer.fit(&train, &test)?;
    ///     Ok::<_, unisono::TrainError>(trainer.network()?.weights_sha256())
    /// };
    /// assert_eq!(trained(Isa::Portable)?, trained(Isa::detect())?);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    pub fn isa(mut self, isa: Isa) -> Self {
        self.config.isa = Some(isa);
        self
    }

    /// Trains for the set number of epochs, evaluating `test` after each. A further call goes on
    /// where this one ended: if that was before its end, by the observer, an error or a panic, it
    /// finishes the epochs of that call, with the bits of an unbroken one. Settings may be changed
    /// between two calls: the next one follows them all.
    ///
    /// # Errors
    /// [`TrainError`]: settings or data that do not fit, before anything runs; a loss that is not
    /// finite, or a panic in a data set, while it runs; a checkpoint that cannot be written. The
    /// network is then that of the last whole step.
    pub fn fit(&mut self, train: &dyn Dataset, test: &dyn Dataset) -> Result<Report, TrainError> {
        self.fit_observed(train, test, |_| ControlFlow::Continue(()))
    }

    /// Like [`Trainer::fit`], without evaluations: the report's test losses and accuracies are NaN,
    /// and the weights of the last step, or their average, are kept.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(2);
    /// let report = trainer.fit_without_test(&train)?;
    /// assert!(report.kept.test.is_none() && report.epochs[1].test_loss.is_nan());
    /// assert!(trainer.evaluate(&test)?.1 > 0.8);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::fit`]; [`TrainError::NoTest`] where a setting follows the test loss.
    pub fn fit_without_test(&mut self, train: &dyn Dataset) -> Result<Report, TrainError> {
        let mut silent = Observing(|_: &Event<'_>| ControlFlow::Continue(()));
        self.fit_parts_with(Parts::new(train), &mut silent)
    }

    /// Like [`Trainer::fit`], telling `observer` what happens. `ControlFlow::Break` after a step or
    /// an epoch ends training. It runs on worker 0's thread, which may be pinned to a core
    /// ([`crate::engine::Pinning`]): start threads of your own before this call, not in it.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::Event};
    /// let (train, test) = digits();
    /// let mut trainer = Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(9);
    /// let report = trainer.fit_observed(&train, &test, |event| match event {
    ///     Event::Epoch(_) => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(report.epochs.len(), 1);
    /// # Ok::<(), unisono::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    ///
    /// # Panics
    /// If `observer` panics; the trainer stays at the last whole step.
    pub fn fit_observed(
        &mut self,
        train: &dyn Dataset,
        test: &dyn Dataset,
        observer: impl FnMut(&Event<'_>) -> ControlFlow<()> + Send,
    ) -> Result<Report, TrainError> {
        let parts = Parts::new(train).test(test);
        self.fit_parts_with(parts, &mut Observing(observer))
    }

    /// Like [`Trainer::fit_observed`], with a callback that sees the weights too ([`Callback`] has
    /// an example).
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    ///
    /// # Panics
    /// If `callback` panics; the trainer stays at the last whole step.
    pub fn fit_with(
        &mut self,
        train: &dyn Dataset,
        test: &dyn Dataset,
        callback: &mut dyn Callback,
    ) -> Result<Report, TrainError> {
        self.fit_parts_with(Parts::new(train).test(test), callback)
    }

    /// Checks all that can be checked, and brings the engine up.
    pub(super) fn prepared<'d>(
        &self,
        parts: Parts<'d>,
    ) -> Result<Job<'d, NetworkReplica<Sources<'d>>>, TrainError> {
        let Parts { train, valid, test } = parts;
        let rows = RowCounts {
            train: train.len(),
            test: test.map_or(0, Dataset::len),
        };
        let evaluated = valid.or(test);
        self.config.check_room(&self.model, rows.train)?;
        self.config.check()?;
        self.config.check_test(evaluated.is_some())?;
        self.check_data("training", train)?;
        for (part, data) in [("validation", valid), ("test", test)] {
            if let Some(data) = data {
                self.check_data(part, data)?;
            }
        }
        self.config.sampling.check(rows.train)?;
        self.compare_data(&parts)?;
        let data = [train, evaluated.unwrap_or(train)];
        // Ranks end after the same evaluation, as each has its share of the sums.
        let stop = self.config.engine.ranks.is_none().then(|| self.stop.flag());
        let part = match valid {
            Some(_) => EvaluatedPart::Validation,
            None => EvaluatedPart::Test,
        };
        let watcher = evaluated.map(|data| self.watcher(data, Some(part)));
        let watcher = watcher.transpose()?.flatten();
        let evaluations = Evaluations {
            stop,
            kept: watcher.as_ref().and_then(Watcher::kept),
        };
        let engine = self.network_engine(&self.last_params()?, data, &evaluations)?;
        Ok(Job {
            engine,
            rows,
            valid_rows: valid.map_or(0, Dataset::len),
            watcher,
            data: Some(train),
        })
    }

    /// Refuses data that do not fit the model and its loss.
    pub(super) fn check_data(
        &self,
        part: &'static str,
        data: &dyn Dataset,
    ) -> Result<(), TrainError> {
        check_data(part, data, &*self.loss(), &self.model)
    }

    /// The engine for training and test set, with these parameters and the optimiser's state so
    /// far.
    pub(super) fn network_engine<'d>(
        &self,
        params: &[f32],
        data: [&'d dyn Dataset; 2],
        evaluations: &Evaluations,
    ) -> Result<NetworkEngine<'d>, TrainError> {
        let settings = ReplicaSettings {
            loss: self.loss(),
            isa: self.config.isa.map_or_else(Isa::chosen, Isa::given)?,
            seed: self.config.seed,
        };
        let mut replicas = network_replicas(&self.model, settings, data)?;
        self.build_engine(data[0].len(), params, |worker| {
            let Evaluations { stop, kept } = evaluations;
            replicas(worker).evaluating(stop.clone(), kept.clone())
        })
    }

    /// The loss that it was made with.
    fn loss(&self) -> Arc<dyn Criterion> {
        let loss = self.config.loss.clone();
        loss.expect("a trainer of a network has a loss")
    }
}
