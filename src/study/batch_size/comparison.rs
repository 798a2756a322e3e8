//! Comparison of recipes: the same data, several seeds, whole trainings.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::engine::{Pinning, Threads};
use crate::nn::Network;
use crate::train::{Evaluations, Event, OnNonFinite, TrainError, Trainer};

use super::error::StudyError;
use super::runner::{Job, Runner};
use super::slice::Slice;
use super::store::Store;
use super::trial::Target;

/// When the target is looked for: updates to it are known to this share.
pub(super) const LOOKS: Evaluations = Evaluations::Geometric {
    first: 8,
    ratio: 1.02,
};

type MakeTrainer = Box<dyn Fn() -> Trainer + Send + Sync>;
type Adjust<'d> = Box<dyn Fn(Trainer) -> Trainer + Send + Sync + 'd>;
type Measure<'d> =
    Box<dyn Fn(&Network) -> Result<Vec<(String, f64)>, StudyError> + Send + Sync + 'd>;

/// A recipe: a name and a trainer of it.
///
/// Example: [`Comparison`].
pub struct Recipe {
    name: String,
    make: MakeTrainer,
}

impl Recipe {
    /// A recipe; threads and seed are set apart.
    pub fn new(
        name: impl Into<String>,
        make: impl Fn() -> Trainer + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Box::new(make),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recipe").field(&self.name).finish()
    }
}

/// One training of a recipe.
pub(super) struct RecipeJob<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) seed: u64,
}

impl Job for RecipeJob<'_> {
    type Outcome = RecipeOutcome;

    fn find(&self, known: &[RecipeOutcome]) -> Option<RecipeOutcome> {
        let is_it =
            |known: &&RecipeOutcome| known.recipe == self.recipe.name && known.seed == self.seed;
        known.iter().find(is_it).cloned()
    }
}

/// The outcome of one training of a recipe.
///
/// Example: [`comparison_charts`](super::comparison_charts).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecipeOutcome {
    /// The recipe.
    #[serde(rename = "arm")]
    pub recipe: String,
    /// The seed.
    pub seed: u64,
    /// The test accuracy at the end, in 0..=1; 0 after a divergence.
    pub accuracy: f64,
    /// The test loss at the end.
    pub loss: f64,
    /// The training loss of the last epoch.
    pub train_loss: f64,
    /// Updates.
    pub updates: u64,
    /// Rows trained on.
    pub examples: u64,
    /// Seconds on the wall.
    pub seconds: f64,
    /// Updates, rows and seconds until the target was reached.
    pub to_target: Option<(u64, u64, f64)>,
    /// Rows of the last batch that was planned.
    pub last_batch: usize,
    /// What else was measured of the trained network.
    pub measured: Vec<(String, f64)>,
}

/// Recipes to compare.
///
/// ```
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}, optim::Optimizer};
/// use unisono::study::batch_size::{Recipe, Comparison, Store};
/// let (train, test) = digits();
/// let recipe = |lr: f32| Recipe::new(format!("lr {lr}"), move || {
///     let model = Sequential::new(64).dense(10);
///     Trainer::new(model, Loss::SoftmaxCrossEntropy).optimizer(Optimizer::sgd(lr)).epochs(2)
/// });
/// let comparison = Comparison::new(&train, &test, vec![recipe(0.1), recipe(0.001)]).seeds(2);
/// let summary = Comparison::summary(&comparison.run(&mut Store::in_memory(), |_| std::ops::ControlFlow::Continue(()))?, 1);
/// assert!(summary[0].accuracy.value > summary[1].accuracy.value);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
pub struct Comparison<'d> {
    pub(super) data: [&'d dyn Dataset; 2],
    pub(super) recipes: Vec<Recipe>,
    seeds: u64,
    seed: u64,
    pub(super) target: Option<Target>,
    threads: Threads,
    pub(super) parallel: usize,
    slice: Slice,
    adjust: Adjust<'d>,
    measure: Option<Measure<'d>>,
}

impl std::fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Comparison").field(&self.recipes).finish()
    }
}

impl<'d> Comparison<'d> {
    /// One seed, no target, one training after another on all threads.
    pub fn new(train: &'d dyn Dataset, test: &'d dyn Dataset, recipes: Vec<Recipe>) -> Self {
        Self {
            data: [train, test],
            recipes,
            seeds: 1,
            seed: 1,
            target: None,
            threads: Threads::Auto,
            parallel: 1,
            slice: Slice::WHOLE,
            adjust: Box::new(|trainer| trainer),
            measure: None,
        }
    }

    /// So many trainings of each, at least 1.
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// The first seed; by default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Notes when a target is reached; the trainings go on.
    pub fn target(mut self, target: Option<Target>) -> Self {
        self.target = target;
        self
    }

    /// Threads of a training.
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Trainings side by side, each on one thread, where that is more than 1: the outcomes are the
    /// same, but for their seconds.
    pub fn parallel(mut self, trainings: usize) -> Self {
        self.parallel = trainings;
        self
    }

    /// Only a part of the trainings; [`super::merge`] puts the parts together.
    pub fn slice(mut self, slice: Slice) -> Self {
        self.slice = slice;
        self
    }

    /// Changes every trainer before it trains, such as its shards or how an epoch is drawn.
    pub fn adjust(mut self, adjust: impl Fn(Trainer) -> Trainer + Send + Sync + 'd) -> Self {
        self.adjust = Box::new(adjust);
        self
    }

    /// Measures more of each trained network.
    pub fn measure(
        mut self,
        measure: impl Fn(&Network) -> Result<Vec<(String, f64)>, StudyError> + Send + Sync + 'd,
    ) -> Self {
        self.measure = Some(Box::new(measure));
        self
    }

    /// What decides the outcomes, by name: [`Store::open`] takes it.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let names: Vec<&str> = self.recipes.iter().map(Recipe::name).collect();
        BTreeMap::from([
            ("recipes".to_owned(), names.join("; ")),
            (
                "rows".to_owned(),
                format!("{:?}", self.data.map(Dataset::len)),
            ),
            (
                "target".to_owned(),
                serde_json::json!(self.target).to_string(),
            ),
            ("seed".to_owned(), self.seed.to_string()),
        ])
    }

    /// Trainings of a whole study, or of a slice of it.
    ///
    /// # Errors
    /// [`StudyError::Value`] for a slice that there is not, no seeds, or no trainings side by side.
    pub fn num_trainings(&self) -> Result<usize, StudyError> {
        Ok(self.jobs()?.len())
    }

    /// Trains every recipe with every seed, but for what `store` has; all outcomes. The recipes
    /// take turns, seed by seed. `observe` is called with every outcome, those of the store first,
    /// and may end it.
    ///
    /// # Errors
    /// [`StudyError`]; a training that diverges is an outcome.
    pub fn run(
        &self,
        store: &mut Store,
        mut observe: impl FnMut(&RecipeOutcome) -> ControlFlow<()>,
    ) -> Result<Vec<RecipeOutcome>, StudyError> {
        let jobs = self.jobs()?;
        let train = |job: &RecipeJob<'_>| self.train(job.recipe, job.seed);
        let mut runner = Runner::new(store)?;
        runner.run_side_by_side(&jobs, self.parallel, train, |finished| {
            observe(finished.outcome())
        })
    }

    /// Every seed with every recipe that belongs to the slice.
    pub(super) fn jobs(&self) -> Result<Vec<RecipeJob<'_>>, StudyError> {
        self.slice.check()?;
        let none = |what| StudyError::Value {
            what,
            expected: "at least 1",
            got: "0".to_owned(),
        };
        if self.seeds == 0 {
            return Err(none("the trainings of a recipe"));
        }
        if self.parallel == 0 {
            return Err(none("the trainings side by side"));
        }
        let seeds = self.seed..self.seed.saturating_add(self.seeds);
        let all = seeds.flat_map(|seed| {
            self.recipes
                .iter()
                .map(move |recipe| RecipeJob { recipe, seed })
        });
        Ok(self.slice.take(all).collect())
    }

    /// A recipe with a seed, on the study's threads.
    pub(super) fn trainer(&self, recipe: &Recipe, seed: u64) -> Trainer {
        let (threads, pinning) = match self.parallel {
            1 => (self.threads, Pinning::Auto),
            _ => (Threads::Fixed(1), Pinning::Off),
        };
        let trainer = (recipe.make)()
            .seed(seed)
            .threads(threads)
            .pinning(pinning)
            .on_non_finite(OnNonFinite::Stop);
        let trainer = (self.adjust)(trainer);
        match self.target {
            Some(_) => trainer.evaluate_at(LOOKS),
            None => trainer,
        }
    }

    fn train(&self, recipe: &Recipe, seed: u64) -> Result<RecipeOutcome, StudyError> {
        let started = Instant::now();
        let mut trainer = self.trainer(recipe, seed);
        let mut outcome = RecipeOutcome {
            recipe: recipe.name.clone(),
            seed,
            accuracy: 0.0,
            loss: f64::INFINITY,
            train_loss: f64::INFINITY,
            updates: 0,
            examples: 0,
            seconds: 0.0,
            to_target: None,
            last_batch: 0,
            measured: Vec::new(),
        };
        // The whole training; what is measured comes after its end.
        let trained = trainer.fit_observed(self.data[0], self.data[1], |event| {
            self.take_down(event, &mut outcome, started);
            ControlFlow::Continue(())
        });
        outcome.seconds = started.elapsed().as_secs_f64();
        match trained {
            Ok(_) => {}
            Err(TrainError::NonFinite { .. }) => {
                // JSON knows no infinity; what was lost has no loss.
                (outcome.accuracy, outcome.loss, outcome.train_loss) = (0.0, f64::MAX, f64::MAX);
                return Ok(outcome);
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(measure) = &self.measure {
            outcome.measured = measure(&trainer.network()?)?;
        }
        Ok(outcome)
    }

    fn take_down(&self, event: &Event<'_>, outcome: &mut RecipeOutcome, started: Instant) {
        let (loss, accuracy) = match *event {
            Event::Step {
                step, batch_size, ..
            } => {
                (outcome.updates, outcome.last_batch) = (step, batch_size);
                outcome.examples += batch_size as u64;
                return;
            }
            Event::Evaluation { loss, accuracy, .. } => (loss, accuracy),
            Event::Epoch(metrics) => {
                (outcome.accuracy, outcome.loss) = (metrics.test_accuracy, metrics.test_loss);
                outcome.train_loss = metrics.train_loss;
                outcome.last_batch = metrics.batch_size;
                (metrics.test_loss, metrics.test_accuracy)
            }
            _ => return,
        };
        // The first evaluation at which the target is reached.
        let is_reached = match self.target {
            Some(Target::Error(wanted)) => 1.0 - accuracy < wanted,
            Some(Target::Loss(wanted)) => loss < wanted,
            None => false,
        };
        if is_reached && outcome.to_target.is_none() {
            let seconds = started.elapsed().as_secs_f64();
            outcome.to_target = Some((outcome.updates, outcome.examples, seconds));
        }
    }
}
