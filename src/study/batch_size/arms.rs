//! Recipes side by side: the same data, several seeds, whole trainings.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::engine::{Pinning, Threads};
use crate::nn::Network;
use crate::study::stats::median_of;
use crate::study::{Bootstrap, Estimate, RESAMPLES};
use crate::train::{Evaluations, Event, OnNonFinite, TrainError, Trainer};

use super::error::StudyError;
use super::store::Store;
use super::trial::Target;

/// How often the target is looked for: updates to it are known to this share.
const RATIO: f64 = 1.02;

type MakeTrainer = Box<dyn Fn() -> Trainer + Send + Sync>;
type Measure<'d> =
    Box<dyn Fn(&Network) -> Result<Vec<(String, f64)>, StudyError> + Send + Sync + 'd>;

/// A recipe: a name and a trainer of it.
pub struct Arm {
    name: String,
    make: MakeTrainer,
}

impl Arm {
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

impl std::fmt::Debug for Arm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Arm").field(&self.name).finish()
    }
}

/// What came of one training of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmOutcome {
    /// The recipe.
    pub arm: String,
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
/// use unisono::study::batch_size::{Arm, Arms, Store};
/// let (train, test) = digits();
/// let arm = |lr: f32| Arm::new(format!("lr {lr}"), move || {
///     let model = Sequential::new(64).dense(10);
///     Trainer::new(model, Loss::SoftmaxCrossEntropy).optimizer(Optimizer::sgd(lr)).epochs(2)
/// });
/// let arms = Arms::new(&train, &test, vec![arm(0.1), arm(0.001)]).seeds(2);
/// let summary = Arms::summary(&arms.run(&mut Store::in_memory(), |_| std::ops::ControlFlow::Continue(()))?, 1);
/// assert!(summary[0].accuracy.value > summary[1].accuracy.value);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
pub struct Arms<'d> {
    data: [&'d dyn Dataset; 2],
    arms: Vec<Arm>,
    seeds: u64,
    seed: u64,
    target: Option<Target>,
    threads: Threads,
    measure: Option<Measure<'d>>,
}

impl std::fmt::Debug for Arms<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Arms").field(&self.arms).finish()
    }
}

impl<'d> Arms<'d> {
    /// One seed, no target, all threads.
    pub fn new(train: &'d dyn Dataset, test: &'d dyn Dataset, arms: Vec<Arm>) -> Self {
        Self {
            data: [train, test],
            arms,
            seeds: 1,
            seed: 1,
            target: None,
            threads: Threads::Auto,
            measure: None,
        }
    }

    /// So many trainings of each, at least 1.
    pub fn seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds.max(1);
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
        let names: Vec<&str> = self.arms.iter().map(Arm::name).collect();
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

    /// Trains every recipe with every seed, but for what `store` has; all outcomes. The recipes take turns, seed by seed.
    ///
    /// # Errors
    /// [`StudyError`]; a training that diverges is an outcome.
    pub fn run(
        &self,
        store: &mut Store,
        mut observe: impl FnMut(&ArmOutcome) -> ControlFlow<()>,
    ) -> Result<Vec<ArmOutcome>, StudyError> {
        let known: Vec<ArmOutcome> = store.all()?;
        let mut outcomes = Vec::new();
        for seed in self.seed..self.seed + self.seeds {
            for arm in &self.arms {
                let is_it = |known: &&ArmOutcome| known.arm == arm.name && known.seed == seed;
                let outcome = match known.iter().find(is_it) {
                    Some(known) => known.clone(),
                    None => {
                        let made = self.train(arm, seed)?;
                        store.add(&made)?;
                        made
                    }
                };
                let flow = observe(&outcome);
                outcomes.push(outcome);
                if flow.is_break() {
                    return Err(StudyError::Stopped {
                        trials: outcomes.len(),
                    });
                }
            }
        }
        Ok(outcomes)
    }

    fn train(&self, arm: &Arm, seed: u64) -> Result<ArmOutcome, StudyError> {
        let started = Instant::now();
        let mut trainer = (arm.make)()
            .seed(seed)
            .threads(self.threads)
            .pinning(Pinning::Auto)
            .on_non_finite(OnNonFinite::Stop);
        if self.target.is_some() {
            trainer = trainer.evaluate_at(Evaluations::Geometric {
                first: 8,
                ratio: RATIO,
            });
        }
        let mut outcome = ArmOutcome {
            arm: arm.name.clone(),
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

    fn take_down(&self, event: &Event<'_>, outcome: &mut ArmOutcome, started: Instant) {
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

/// What a recipe came to, over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmSummary {
    /// The recipe.
    pub arm: String,
    /// Trainings, and those that diverged.
    pub trainings: (usize, usize),
    /// The median test accuracy.
    pub accuracy: Estimate,
    /// The median test loss.
    pub loss: Estimate,
    /// The median training loss of the last epoch.
    pub train_loss: Estimate,
    /// Median updates, rows and seconds of a training.
    pub updates: Estimate,
    /// Rows trained on.
    pub examples: Estimate,
    /// Seconds on the wall.
    pub seconds: Estimate,
    /// Trainings that reached the target.
    pub reached: usize,
    /// Median updates, rows and seconds to the target; `None` where half of the trainings or more did not reach it.
    pub to_target: Option<[Estimate; 3]>,
    /// What else was measured: medians.
    pub measured: Vec<(String, Estimate)>,
}

impl Arms<'_> {
    /// Each recipe's medians with 95 % bootstrap intervals over the seeds, in the order of their first outcome.
    pub fn summary(outcomes: &[ArmOutcome], seed: u64) -> Vec<ArmSummary> {
        let mut names: Vec<&str> = Vec::new();
        for outcome in outcomes {
            if !names.contains(&outcome.arm.as_str()) {
                names.push(&outcome.arm);
            }
        }
        let of_arm = |name: &&str| {
            let own: Vec<&ArmOutcome> = outcomes
                .iter()
                .filter(|outcome| outcome.arm == **name)
                .collect();
            summary(name, &own, seed)
        };
        names.iter().map(of_arm).collect()
    }
}

fn summary(name: &str, own: &[&ArmOutcome], seed: u64) -> ArmSummary {
    let bootstrap = Bootstrap::new(own.len(), RESAMPLES, seed);
    let median = |of: &dyn Fn(&ArmOutcome) -> f64| {
        let values: Vec<f64> = own.iter().map(|outcome| of(outcome)).collect();
        bootstrap.estimate(|rounds| median_of(&values, rounds))
    };
    let to_target = |of: &dyn Fn((u64, u64, f64)) -> f64| {
        median(&|outcome| outcome.to_target.map_or(f64::INFINITY, of))
    };
    let all = [
        to_target(&|known| known.0 as f64),
        to_target(&|known| known.1 as f64),
        to_target(&|known| known.2),
    ];
    let names = own[0].measured.iter().map(|known| &known.0);
    let measured = names.enumerate().map(|(place, name)| {
        let value = |outcome: &ArmOutcome| {
            outcome
                .measured
                .get(place)
                .map_or(f64::NAN, |known| known.1)
        };
        (name.clone(), median(&value))
    });
    ArmSummary {
        arm: name.to_owned(),
        trainings: (
            own.len(),
            own.iter()
                .filter(|outcome| outcome.loss == f64::MAX)
                .count(),
        ),
        accuracy: median(&|outcome| outcome.accuracy),
        loss: median(&|outcome| outcome.loss),
        train_loss: median(&|outcome| outcome.train_loss),
        updates: median(&|outcome| outcome.updates as f64),
        examples: median(&|outcome| outcome.examples as f64),
        seconds: median(&|outcome| outcome.seconds),
        reached: own
            .iter()
            .filter(|outcome| outcome.to_target.is_some())
            .count(),
        to_target: all[0].value.is_finite().then_some(all),
        measured: measured.collect(),
    }
}
