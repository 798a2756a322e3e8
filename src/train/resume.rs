//! Resuming: a trainer becomes a checkpoint, and a checkpoint a trainer that goes on.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::checkpoint::{Checkpoint, IS_BEST, WATCH};
use super::control::Control;
use super::error::TrainError;
use super::fit_state::{FitState, TrainState, restored};
use super::metric::Metric;
use super::model::Model;
use super::train_loop::shapes;
use super::trainer::Trainer;
use crate::nn::Precision;

/// The optimiser in a text, and what that leaves out.
const OPTIMIZER: &str = "optimizer";
const DETAILS: &str = "optimizer's details";

/// The name of the setting that checkpoints of older versions do not have.
const PRECISION: &str = "precision";

impl<M: Model> Trainer<M> {
    /// All that a later call of [`Trainer::fit`] goes on from.
    ///
    /// # Errors
    /// [`TrainError`] if the model or the settings are impossible.
    pub fn checkpoint(&self) -> Result<Checkpoint, TrainError> {
        let layout = self.model.tensors()?;
        let begins = Control::new(&self.config)?;
        let begun = FitState::new(&self.config, &self.progress);
        let train_state = TrainState {
            progress: &self.progress,
            control: self.control.as_ref().unwrap_or(&begins),
            fit_state: self.fit_state.as_ref().unwrap_or(&begun),
            settings: &self.settings,
        };
        let state = self.state.clone().unwrap_or_default();
        let mut checkpoint = train_state.checkpoint(shapes(&layout), self.last_params()?, state);
        checkpoint.dict.set(IS_BEST, [self.is_best.into()]);
        Ok(checkpoint)
    }

    /// Takes a checkpoint's place: the next call of [`Trainer::fit`] finishes what that training
    /// began, with the same weights at the end, for any number of threads. Its settings must be the
    /// same; `fit` refuses others.
    ///
    /// # Errors
    /// [`TrainError::Resume`] if it is of another model, optimiser or batch policy.
    pub fn resume(&mut self, mut checkpoint: Checkpoint) -> Result<(), TrainError> {
        let odd = |what: &str, expected: String, got: String| TrainError::Resume {
            what: what.to_owned(),
            expected,
            got,
        };
        // Compared before anything is made in the model's size.
        let own = shapes(&self.model.tensors()?);
        if own != checkpoint.layout {
            let differs = own
                .iter()
                .zip(&checkpoint.layout)
                .find(|(one, other)| one != other);
            let (expected, got) = match differs {
                Some((own, other)) => (format!("{own:?}"), format!("{other:?}")),
                None => (
                    format!("{} tensors", own.len()),
                    checkpoint.layout.len().to_string(),
                ),
            };
            return Err(odd("the model", expected, got));
        }
        // The optimiser must be able to go on from the buffers, unless changes are allowed.
        let own = self.config.optimizer.build().map_err(TrainError::from)?;
        let state = &mut checkpoint.state;
        // Checkpoints of older versions have no names.
        if state.names.is_empty() && state.buffers.len() == own.num_state_buffers() {
            state.names = own.state_names();
        }
        let has_begun = !state.buffers.is_empty() || checkpoint.step() > 0;
        let names = |names: &[String]| match names {
            [] => "no state".to_owned(),
            names => names.join(", "),
        };
        if has_begun
            && !checkpoint.state.fits(&self.config.optimizer)?
            && !self.config.allows_changes
        {
            let (expected, got) = (names(&own.state_names()), names(&checkpoint.state.names));
            return Err(odd("the optimizer", expected, got));
        }
        // So must batch policy, plateau and early stopping from what they have remembered.
        let mut control = Control::new(&self.config)?;
        let (progress, fit_state) = restored(&mut checkpoint, &self.config, &mut control)
            .ok_or_else(|| {
                let expected = "what batch policy, plateau and early stopping remember";
                odd("the settings", expected.to_owned(), "others".to_owned())
            })?;
        // All fits: the trainer takes it over.
        self.params = Some(checkpoint.params);
        self.is_best = checkpoint.dict.get(IS_BEST) == Some([1]);
        self.state = has_begun.then_some(checkpoint.state);
        (self.progress, self.control, self.fit_state) = (progress, Some(control), Some(fit_state));
        (self.settings, self.is_resumed) = (checkpoint.settings, true);
        Ok(())
    }

    /// Lets [`Trainer::fit`] go on from a checkpoint with other settings; the weights are then not
    /// those of an unbroken training.
    pub fn allow_changes(mut self) -> Self {
        self.config.allows_changes = true;
        self
    }

    /// Says what else the weights depend on, such as a hash of the data or how they are augmented:
    /// a training that is resumed with another value is refused, as one with other settings is.
    /// Checkpoints that do not name it are gone on from.
    ///
    /// ```
    /// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, train::TrainError};
    /// let (train, test) = digits();
    /// let trainer = |data: &str| {
    ///     let model = Sequential::new(64).dense(10);
    ///     Trainer::new(model, Loss::SoftmaxCrossEntropy).epochs(1).depends_on("data", data)
    /// };
    /// let mut begun = trainer("version 1");
    /// begun.fit(&train, &test)?;
    /// let mut other = trainer("version 2").epochs(2);
    /// other.resume(begun.checkpoint()?)?;
    /// let error = other.fit(&train, &test).unwrap_err();
    /// assert!(error.to_string().contains("data was version 1, is version 2"));
    /// # Ok::<(), TrainError>(())
    /// ```
    pub fn depends_on(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.dependencies.insert(name.into(), value.into());
        self
    }

    /// Compares what the weights depend on with the checkpoint's, and notes it.
    pub(super) fn check_settings(&mut self, shards: usize, rows: usize) -> Result<(), TrainError> {
        self.config
            .check_shards(self.model.layers(), shards, rows)?;
        let now = self.settings(shards, rows);
        if self.is_resumed && !self.config.allows_changes {
            let differs = |(name, value): (&String, &String)| {
                // Checkpoints of older versions do not name it.
                let older = match name.as_str() {
                    PRECISION => Some(Precision::F32.to_string()),
                    WATCH => Some(Metric::Loss.key().to_owned()),
                    _ => None,
                };
                let before = self.settings.get(name).cloned().or(older);
                let before = before.filter(|before| before != value)?;
                // Another optimiser has other details.
                if name == DETAILS && self.settings.get(OPTIMIZER) != now.get(OPTIMIZER) {
                    return None;
                }
                Some(format!("{name} was {before}, is {value}"))
            };
            let differences: Vec<String> = now.iter().filter_map(differs).collect();
            if !differences.is_empty() {
                return Err(TrainError::Changed { differences });
            }
        }
        (self.settings, self.is_resumed) = (now, false);
        Ok(())
    }

    fn settings(&self, shards: usize, rows: usize) -> BTreeMap<String, String> {
        let config = &self.config;
        let digest = |text: String| format!("{:x}", Sha256::digest(text));
        let pairs = [
            ("seed", config.seed.to_string()),
            (OPTIMIZER, config.optimizer.to_string()),
            (DETAILS, config.optimizer.details()),
            ("schedule", config.schedule.to_string()),
            ("batch size", config.batch_size.to_string()),
            ("batch policy", config.batch_rule.to_string()),
            (
                "loss",
                config
                    .loss
                    .as_ref()
                    .map_or_else(String::new, |loss| loss.name()),
            ),
            ("sampling", digest(format!("{:?}", config.sampling))),
            ("plateau", format!("{:?}", config.plateau)),
            (WATCH, config.watch.key().to_owned()),
            ("architecture", digest(self.model.structure())),
            (PRECISION, self.model.precision().to_string()),
            ("shards", shards.to_string()),
            ("training rows", rows.to_string()),
        ];
        let own = pairs.map(|(name, value)| (name.to_owned(), value));
        let given = config.dependencies.clone().into_iter();
        own.into_iter().chain(given).collect()
    }
}
