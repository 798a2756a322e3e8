//! Report of a comparison of recipes: charts, table, page.

use crate::report::{HtmlReport, LineChart};
use crate::stats::spread_text;

use super::comparison_summary::RecipeSummary;
use super::overlay::Figure;
use super::report::{add, headed};

/// The names of [`comparison_charts`]; the second is drawn where recipes reached a target.
///
/// Example: [`comparison_charts`].
pub const COMPARISON_CHARTS: &[&str] = &["error", "to_target"];

/// The test error of each recipe, in the order of the table; and updates against rows to the target.
///
/// ```
/// use std::ops::ControlFlow;
/// use unisono::{Trainer, data::digits, nn::{Loss, Sequential}};
/// use unisono::study::batch_size::{COMPARISON_CHARTS, Comparison, Recipe, Store};
/// use unisono::study::batch_size::{comparison_charts, comparison_report};
/// let (train, test) = digits();
/// let recipe = Recipe::new("one epoch", || {
///     Trainer::new(Sequential::new(64).dense(10), Loss::SoftmaxCrossEntropy).epochs(1)
/// });
/// let comparison = Comparison::new(&train, &test, vec![recipe]);
/// let outcomes = comparison.run(&mut Store::in_memory(), |_| ControlFlow::Continue(()))?;
/// assert_eq!((outcomes[0].updates, outcomes[0].examples), (45, 1_437));
/// let summary = Comparison::summary(&outcomes, 1);
/// assert_eq!((summary[0].trainings, summary[0].accuracy.value), ((1, 0), outcomes[0].accuracy));
/// let figures = comparison_charts(&summary);
/// assert_eq!(figures[0].0, COMPARISON_CHARTS[0]); // no target was set, so there is one chart
/// let page = comparison_report("Recipes", "my_study", &summary, &["A note."], &figures);
/// assert!(page.html().contains("one epoch"));
/// # Ok::<(), unisono::study::batch_size::StudyError>(())
/// ```
pub fn comparison_charts(summary: &[RecipeSummary]) -> Vec<Figure> {
    let title = "Test error of each recipe";
    let share = |accuracy: f64| 100.0 * (1.0 - accuracy);
    let places = || (1..).map(f64::from).zip(summary);
    let medians_of = places().map(|(x, recipe)| (x, share(recipe.accuracy.value)));
    let band = places().filter_map(|(x, recipe)| {
        let (low, high) = recipe.accuracy.bounds()?;
        Some((x, share(high), share(low)))
    });
    let error = LineChart::new(title, "recipe", "% of the test rows")
        .names(summary.iter().map(|recipe| recipe.recipe.clone()).collect())
        .points("test error", medians_of.collect())
        .band(band.collect());
    // Updates against rows, for the recipes that reached the target.
    let mut figures = vec![("error", error, medians(summary))];
    if summary.iter().any(|recipe| recipe.to_target.is_some()) {
        let mut chart = LineChart::new(
            "Updates and rows to the target",
            "rows to the target",
            "updates to the target",
        )
        .log_x()
        .log_y();
        for recipe in summary {
            let name = recipe.recipe.clone();
            let Some([updates, rows, _]) = recipe.to_target else {
                // All of its updates and rows were not enough.
                let tried = (recipe.examples.value, recipe.updates.value);
                chart = chart.points(name, Vec::new()).censored(vec![tried]);
                continue;
            };
            let at = (rows.value, updates.value);
            chart = chart.points(name, vec![at]);
            if let Some((low, high)) = updates.bounds() {
                chart = chart.band(vec![(at.0, low, high)]);
            }
            if let Some((low, high)) = rows.bounds() {
                chart = chart.across(vec![(at.1, low, high)]);
            }
        }
        let caption = "Further down: fewer updates. Further left: fewer rows, that is less work. Open arrows: recipes half of whose trainings or more did not get there, at all their updates and rows. Rings: points under the one that is seen.";
        figures.push(("to_target", chart, caption.to_owned()));
    }
    figures
}

/// The page of recipes side by side, with what has to be said of them and their charts.
///
/// Example: [`comparison_charts`].
pub fn comparison_report(
    title: &str,
    command: &str,
    summary: &[RecipeSummary],
    notes: &[&str],
    figures: &[Figure],
) -> HtmlReport {
    let mut page = headed(title, command);
    page.heading("Recipes").paragraph(&medians(summary));
    for note in notes {
        page.paragraph(note);
    }
    let (head, rows) = RecipeSummary::table(summary);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    page.table(&head, &rows);
    add(&mut page, figures);
    page
}

impl RecipeSummary {
    /// Head and rows of a table.
    pub fn table(summary: &[RecipeSummary]) -> (Vec<String>, Vec<Vec<String>>) {
        let mut head: Vec<String> = [
            "recipe",
            "trainings",
            "test accuracy, %",
            "test loss",
            "training loss",
            "updates",
            "rows",
        ]
        .map(ToOwned::to_owned)
        .into();
        // Columns that only some comparisons have.
        let has_target = summary.iter().any(|recipe| recipe.reached > 0);
        if has_target {
            head.extend(
                [
                    "reached the target",
                    "updates to it",
                    "rows to it",
                    "seconds to it",
                ]
                .map(ToOwned::to_owned),
            );
        }
        if let Some(first) = summary.first() {
            head.extend(first.measured.iter().map(|known| known.0.clone()));
        }
        let row = |recipe: &RecipeSummary| {
            let mut row = vec![
                recipe.recipe.clone(),
                format!("{} ({} diverged)", recipe.trainings.0, recipe.trainings.1),
                recipe
                    .accuracy
                    .text(|share| format!("{:.2}", 100.0 * share)),
                lost_or(recipe.loss.value, 4),
                lost_or(recipe.train_loss.value, 4),
                format!("{:.0}", recipe.updates.value),
                format!("{:.0}", recipe.examples.value),
            ];
            if has_target {
                let to = |place: usize, digits: usize| {
                    recipe.to_target.map_or("not reached".to_owned(), |known| {
                        known[place].text(|number| format!("{number:.digits$}"))
                    })
                };
                row.push(format!("{} of {}", recipe.reached, recipe.trainings.0));
                row.extend([to(0, 0), to(1, 0), to(2, 3)]);
            }
            row.extend(recipe.measured.iter().map(|known| known.1.to_string()));
            row
        };
        (head, summary.iter().map(row).collect())
    }
}

/// What the numbers of the recipes are.
fn medians(summary: &[RecipeSummary]) -> String {
    let trainings = summary.iter().map(|recipe| recipe.accuracy.samples);
    format!("Medians over the seeds, {}.", spread_text(trainings))
}

fn lost_or(loss: f64, digits: usize) -> String {
    if loss == f64::MAX {
        "diverged".to_owned()
    } else {
        format!("{loss:.digits$}")
    }
}
