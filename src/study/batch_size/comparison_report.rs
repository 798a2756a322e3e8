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

/// The test error of each recipe, by its place in the table from 1 on; and updates against rows to the target.
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
    let mut error = LineChart::new(title, "recipe, as in the table", "% of the test rows");
    for (place, recipe) in summary.iter().enumerate() {
        let (x, share) = ((place + 1) as f64, |accuracy: f64| 100.0 * (1.0 - accuracy));
        error = error.points(
            recipe.recipe.clone(),
            vec![(x, share(recipe.accuracy.value))],
        );
        if let Some((low, high)) = recipe.accuracy.bounds() {
            error = error.band(vec![(x, share(high), share(low))]);
        }
    }
    // Updates against rows, for the recipes that reached the target.
    let mut figures = vec![("error", error, medians(summary))];
    let reached = || {
        let known = |recipe: &RecipeSummary| Some((recipe.recipe.clone(), recipe.to_target?));
        summary.iter().filter_map(known)
    };
    if reached().next().is_some() {
        let mut chart = LineChart::new(
            "Updates and rows to the target",
            "rows to the target",
            "updates to the target",
        )
        .log_x()
        .log_y();
        for (name, [updates, rows, _]) in reached() {
            chart = chart.points(name, vec![(rows.value, updates.value)]);
            if let Some((low, high)) = updates.bounds() {
                chart = chart.band(vec![(rows.value, low, high)]);
            }
        }
        let caption = "Further down: fewer updates. Further left: fewer rows, that is less work. Recipes half of whose trainings did not get there are left out; of points on one another the last of the table is seen.";
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
