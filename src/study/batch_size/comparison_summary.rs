//! Summary of a comparison of recipes: medians over their seeds.

use serde::Serialize;

use crate::stats::median_of;
use crate::stats::{Bootstrap, Estimate, RESAMPLES};

use super::comparison::{Comparison, RecipeOutcome};

/// The summary of a recipe: medians over its seeds.
///
/// Example: [`comparison_charts`](super::comparison_charts).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecipeSummary {
    /// The recipe.
    #[serde(rename = "arm")]
    pub recipe: String,
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
    /// Median updates, rows and seconds to the target; `None` where half of the trainings or more
    /// did not reach it.
    pub to_target: Option<[Estimate; 3]>,
    /// What else was measured: medians.
    pub measured: Vec<(String, Estimate)>,
}

impl Comparison<'_> {
    /// Each recipe's medians over the seeds, in the order of their first outcome.
    pub fn summary(outcomes: &[RecipeOutcome], seed: u64) -> Vec<RecipeSummary> {
        let mut names: Vec<&str> = Vec::new();
        for outcome in outcomes {
            if !names.contains(&outcome.recipe.as_str()) {
                names.push(&outcome.recipe);
            }
        }
        let of_recipe = |name: &&str| {
            let own: Vec<&RecipeOutcome> = outcomes
                .iter()
                .filter(|outcome| outcome.recipe == **name)
                .collect();
            summary(name, &own, seed)
        };
        names.iter().map(of_recipe).collect()
    }
}

fn summary(name: &str, own: &[&RecipeOutcome], seed: u64) -> RecipeSummary {
    let bootstrap = Bootstrap::new(own.len(), RESAMPLES, seed);
    let median = |of: &dyn Fn(&RecipeOutcome) -> f64| {
        let values: Vec<f64> = own.iter().map(|outcome| of(outcome)).collect();
        bootstrap.estimate(|rounds| median_of(&values, rounds))
    };
    let to_target = |of: &dyn Fn((u64, u64, f64)) -> f64| {
        median(&|outcome| outcome.to_target.map_or(f64::INFINITY, of))
    };
    // Runs that did not get there count as infinite: a median may be none.
    let all = [
        to_target(&|known| known.0 as f64),
        to_target(&|known| known.1 as f64),
        to_target(&|known| known.2),
    ];
    let names = own[0].measured.iter().map(|known| &known.0);
    let measured = names.enumerate().map(|(place, name)| {
        let value = |outcome: &RecipeOutcome| {
            outcome
                .measured
                .get(place)
                .map_or(f64::NAN, |known| known.1)
        };
        (name.clone(), median(&value))
    });
    RecipeSummary {
        recipe: name.to_owned(),
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
