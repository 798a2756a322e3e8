//! Ready-made recipes to compare: large batches, adaptive batches, the generalisation gap.

use crate::engine::Shards;
use crate::nn::{Loss, Sequential};
use crate::optim::{BatchRule, Optimizer, ScalingRule, Schedule};
use crate::train::Trainer;

use super::comparison::Recipe;
use super::error::StudyError;

/// The trainer that recipes start from.
fn trainer(model: &Sequential, batch_size: usize, epochs: u32) -> Trainer {
    Trainer::new(model.clone(), Loss::SoftmaxCrossEntropy)
        .batch_size(batch_size)
        .epochs(epochs)
}

/// A fixed batch with its optimiser and schedule.
#[derive(Clone)]
struct FixedBatch {
    /// Those that the model wants if `None`.
    shards: Option<usize>,
    batch: usize,
    optimizer: Optimizer,
    schedule: Schedule,
    epochs: u32,
}

impl FixedBatch {
    fn recipe(self, name: String, model: &Sequential) -> Recipe {
        let model = model.clone();
        Recipe::new(name, move || {
            let trainer = trainer(&model, self.batch, self.epochs)
                .optimizer(self.optimizer.clone())
                .schedule(self.schedule.clone());
            match self.shards {
                Some(shards) => trainer.shards(Shards::Fixed(shards)),
                None => trainer,
            }
        })
    }
}

/// Rows of a small batch and of a larger one.
///
/// ```
/// use unisono::study::batch_size::BatchPair;
/// assert_eq!(BatchPair { small: 32, large: 512 }.ratio(), 16.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPair {
    /// The smaller one's.
    pub small: usize,
    /// The larger one's.
    pub large: usize,
}

impl BatchPair {
    /// How many times as large the larger one is.
    pub fn ratio(self) -> f64 {
        self.large as f64 / self.small as f64
    }

    /// Shards of the large batch that have as many rows as the small one, if they come out even.
    fn groups(self) -> Option<usize> {
        let Self { small, large } = self;
        large.is_multiple_of(small).then_some(large / small)
    }
}

/// How many epochs of the larger batch have the smaller one's updates. Refuses batches that are not
/// a small one, of `least` rows or more, and a larger one, and no epochs.
fn longer(least: usize, batches: BatchPair, epochs: u32) -> Result<u32, StudyError> {
    let BatchPair { small, large } = batches;
    if !(least..large).contains(&small) {
        return Err(StudyError::Value {
            what: "the batches to compare",
            expected: "a small one, of at least 2 rows where batches adapt, and a larger one",
            got: format!("{small} and {large}"),
        });
    }
    if epochs == 0 {
        return Err(StudyError::Value {
            what: "the epochs",
            expected: "at least 1",
            got: "0".to_owned(),
        });
    }
    Ok((f64::from(epochs) * batches.ratio()).round() as u32)
}

fn schedule(text: &str) -> Result<Schedule, StudyError> {
    Ok(text.parse()?)
}

/// What is known about training with batches `large` instead of `small`, with `base` made for the
/// small ones, at the same epochs; the last recipe has the small batch's updates instead.
///
/// | recipe | source |
/// |---|---|
/// | same learning rate | - |
/// | linear scaling, warm-up | Goyal et al. 2017 |
/// | square-root scaling, warm-up | Krizhevsky 2014, Hoffer et al. 2017 |
/// | LARS | You et al. 2017 |
/// | LAMB | You et al. 2019 |
/// | as many updates | Hoffer et al. 2017 |
/// | ghost batch norm: its groups have as many rows as the small batch, where the model has batch norm and `large` is a multiple of `small` | Hoffer et al. 2017 |
///
/// ```
/// use unisono::{nn::Sequential, optim::Optimizer, study::batch_size::{BatchPair, large_batches}};
/// let model = Sequential::new(64).dense(10);
/// let recipes = large_batches(&model, &Optimizer::sgd(0.1), BatchPair { small: 32, large: 512 }, 20)?;
/// assert_eq!((recipes.len(), recipes[0].name()), (7, "batch 32"));
/// let model = Sequential::new(64).dense(10).layer(unisono::nn::BatchNorm::new());
/// let recipes = large_batches(&model, &Optimizer::sgd(0.1), BatchPair { small: 32, large: 512 }, 20)?;
/// assert!(recipes[7].name().ends_with("ghost batch norm of 32"));
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
///
/// # Errors
/// [`StudyError::Value`] if the batches are not in order; [`StudyError::Optim`].
pub fn large_batches(
    model: &Sequential,
    base: &Optimizer,
    batches: BatchPair,
    epochs: u32,
) -> Result<Vec<Recipe>, StudyError> {
    let (k, longer) = (batches.ratio(), longer(1, batches, epochs)?);
    let BatchPair { small, large } = batches;
    let warmup = (epochs / 5).max(1);
    let warmup = schedule(&format!(
        "warmup {warmup} epochs, cosine to 0.01 over {epochs} epochs"
    ))?;
    // Schedules and scaled optimisers that recipes share.
    let cosine = schedule(&format!("cosine to 0.01 over {epochs} epochs"))?;
    let long_cosine = schedule(&format!("cosine to 0.01 over {longer} epochs"))?;
    let linear = ScalingRule::Linear.optimizer(base, k)?;
    let square_root = ScalingRule::SquareRoot.optimizer(base, k)?;
    let recipe = |text: &str, optimizer: &Optimizer, schedule: &Schedule, epochs: u32| {
        let batch_recipe = FixedBatch {
            shards: None,
            batch: large,
            optimizer: optimizer.clone(),
            schedule: schedule.clone(),
            epochs,
        };
        batch_recipe.recipe(format!("batch {large}, {text}"), model)
    };
    let first = FixedBatch {
        shards: None,
        batch: small,
        optimizer: base.clone(),
        schedule: cosine.clone(),
        epochs,
    };
    // The small batch, and the large one in each way.
    let (lars, lamb) = (Optimizer::lars(5.0), Optimizer::lamb(0.02));
    let (longest, many) = (&long_cosine, "square-root scaling, as many updates");
    let mut recipes = vec![
        first.recipe(format!("batch {small}"), model),
        recipe("same learning rate", base, &cosine, epochs),
        recipe("linear scaling, warm-up", &linear, &warmup, epochs),
        recipe(
            "square-root scaling, warm-up",
            &square_root,
            &warmup,
            epochs,
        ),
        recipe("LARS, warm-up", &lars, &warmup, epochs),
        recipe("LAMB, warm-up", &lamb, &warmup, epochs),
        recipe(many, &square_root, longest, longer),
    ];
    recipes.extend(ghosts(model, batches, square_root, warmup, epochs));
    Ok(recipes)
}

/// A large batch whose batch norm has groups of as many rows as the small one has, where the model
/// has batch norm and they come out even.
fn ghosts(
    model: &Sequential,
    batches: BatchPair,
    optimizer: Optimizer,
    schedule: Schedule,
    epochs: u32,
) -> Option<Recipe> {
    let BatchPair { small, large } = batches;
    let batch_recipe = FixedBatch {
        shards: Some(batches.groups().filter(|_| model.has_cross_row_stats())?),
        batch: large,
        optimizer,
        schedule,
        epochs,
    };
    let name = format!("batch {large}, square-root scaling, warm-up, ghost batch norm of {small}");
    Some(batch_recipe.recipe(name, model))
}

/// Batches that grow, against batches that stay: from `small` up to `large` rows, plain SGD of
/// learning rate `lr`.
///
/// ```
/// use unisono::{nn::Sequential, study::batch_size::{BatchPair, adaptive_batches}};
/// let recipes = adaptive_batches(&Sequential::new(64).dense(10), 0.1, BatchPair { small: 16, large: 256 }, 12)?;
/// assert!(recipes.iter().any(|recipe| recipe.name().starts_with("cabs")));
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
///
/// # Errors
/// [`StudyError::Value`] if the batches are not in order; [`StudyError::Optim`].
pub fn adaptive_batches(
    model: &Sequential,
    lr: f32,
    batches: BatchPair,
    epochs: u32,
) -> Result<Vec<Recipe>, StudyError> {
    // One shard tells nothing of the gradient's variance.
    longer(2, batches, epochs)?;
    let BatchPair { small, large } = batches;
    let recipe = |name: String, batch: usize, rule: &str, lr: f32, text: &str| {
        let batch_recipe = AdaptiveBatch {
            batch,
            rule: rule.parse()?,
            lr,
            schedule: schedule(text)?,
            epochs,
        };
        Ok::<Recipe, StudyError>(batch_recipe.recipe(name, model))
    };
    let mut recipes = Vec::new();
    // Every power of two between, each with the rate of the square-root rule: the best of them is
    // what a policy has to beat.
    let mut batch = small;
    while batch <= large {
        let rate = lr * ((batch as f32) / (small as f32)).sqrt();
        recipes.push(recipe(
            format!("fixed {batch}, lr {rate:.3}"),
            batch,
            "fixed",
            rate,
            "constant",
        )?);
        batch *= 2;
    }
    for (rule, schedule) in policies(batches, epochs) {
        recipes.push(recipe(rule.clone(), small, &rule, lr, &schedule)?);
    }
    let middle = (small * large).isqrt().max(small);
    let rule = format!("adascale from {small}");
    recipes.push(recipe(
        format!("{rule}, batch {middle}"),
        middle,
        &rule,
        lr,
        "constant",
    )?);
    Ok(recipes)
}

/// The rules of batches that grow, each with the schedule of its learning rate.
fn policies(batches: BatchPair, epochs: u32) -> [(String, String); 4] {
    let BatchPair { small, large } = batches;
    let third = (epochs / 3).max(1);
    let constant = || "constant".to_owned();
    [
        (
            format!("staged to {large}"),
            format!("step 0.5 every {third} epochs"),
        ),
        (
            format!("adabatch 2 every {third} epochs lr 1 to {large}"),
            constant(),
        ),
        (format!("cabs {small}..{large}"), constant()),
        (
            format!("noise {small}..{large} every 20 steps lr sqrt"),
            constant(),
        ),
    ]
}

/// A batch that follows a policy, under plain SGD.
struct AdaptiveBatch {
    batch: usize,
    rule: BatchRule,
    lr: f32,
    schedule: Schedule,
    epochs: u32,
}

impl AdaptiveBatch {
    fn recipe(self, name: String, model: &Sequential) -> Recipe {
        let model = model.clone();
        Recipe::new(name, move || {
            let trainer = trainer(&model, self.batch, self.epochs)
                .optimizer(Optimizer::sgd(self.lr))
                .schedule(self.schedule.clone())
                .batch_policy(self.rule.clone());
            match self.rule {
                BatchRule::Cabs { .. } | BatchRule::Noise { .. } | BatchRule::AdaScale { .. } => {
                    trainer.track_noise_scale()
                }
                _ => trainer,
            }
        })
    }
}

/// The generalisation gap of Hoffer et al. 2017 (table 1, F1): a small batch, a large one as it is,
/// and one that is adapted: the learning rate times the root of the ratio, the gradient's norm
/// clipped, as many updates as the small one's. `epochs` are those of the small batch.
///
/// Where the model has batch norm, its statistics are those of the whole batch, as in the paper,
/// and in the adapted one of as many rows as the small batch has (ghost batch norm): of so many
/// rows are the shards.
///
/// ```
/// use unisono::{nn::Sequential, optim::Optimizer, study::batch_size::{BatchPair, generalisation_gap}};
/// let recipes = generalisation_gap(&Sequential::new(64).dense(10), &Optimizer::sgd(0.1), BatchPair { small: 32, large: 512 }, 10)?;
/// assert_eq!(recipes.len(), 3);
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
///
/// # Errors
/// [`StudyError::Value`] if the batches are not in order; [`StudyError::Optim`].
pub fn generalisation_gap(
    model: &Sequential,
    base: &Optimizer,
    batches: BatchPair,
    epochs: u32,
) -> Result<Vec<Recipe>, StudyError> {
    let (k, longer) = (batches.ratio(), longer(1, batches, epochs)?);
    let BatchPair { small, large } = batches;
    let adapted = ScalingRule::SquareRoot
        .optimizer(base, k)?
        .with_clip_norm(1.0);
    // Where there is batch norm, the shards are its groups.
    let couples = model.has_cross_row_stats();
    let ghosts = batches.groups().filter(|_| couples);
    if couples && ghosts.is_none() {
        return Err(StudyError::Value {
            what: "the batches to compare",
            expected: "a large one that is a multiple of the small one, of whose size the groups of batch norm are",
            got: format!("{small} and {large}"),
        });
    }
    let whole = couples.then_some(1);
    let recipe = |name: String, batch, shards, optimizer: Optimizer, epochs: u32| {
        let steps = [epochs * 2 / 5, epochs * 7 / 10].map(|at| at.max(1));
        let cuts = if steps[0] < steps[1] {
            format!("multistep 0.1 at {},{} epochs", steps[0], steps[1])
        } else {
            format!("step 0.1 every {} epochs", steps[0])
        };
        let batch_recipe = FixedBatch {
            shards,
            batch,
            optimizer,
            schedule: schedule(&cuts)?,
            epochs,
        };
        Ok::<Recipe, StudyError>(batch_recipe.recipe(name, model))
    };
    let (first, second) = (
        format!("small batch {small}"),
        format!("large batch {large}"),
    );
    let third = format!("{second}, adapted");
    Ok(vec![
        recipe(first, small, whole, base.clone(), epochs)?,
        recipe(second, large, whole, base.clone(), epochs)?,
        recipe(third, large, ghosts, adapted, longer)?,
    ])
}
