//! Analysis of a measurement: rows, laws and predictions, which tables and charts show.

use super::laws::LawReport;
use super::predict::Prediction;
use super::results::Results;
use super::summary::Row;

/// The analysis of results: computed once, shown in several places.
///
/// ```
/// use std::time::Duration;
/// use unisono::nn::presets;
/// use unisono::study::scaling::{Analysis, Mode, Scaling, charts, html_report, table, table_head};
/// let preset = presets::by_name("mlp_small").unwrap();
/// // As few rounds as there can be, and short ones.
/// let (threads, modes, half_width) = (vec![1, 2], vec![Mode::Strong], 10.0);
/// let (batch_size, budget) = (32, Duration::from_secs(2));
/// let scaling = Scaling { threads, modes, half_width, batch_size, budget, ..Scaling::new(preset) };
/// let results = scaling.run(|_, _| ())?;
/// let analysis = Analysis::of(&results);
/// // The base, and its speed-up over itself.
/// let base = &analysis.rows[0];
/// assert_eq!((base.cell.name().as_str(), base.speedup.value), ("base", 1.0));
/// assert!(base.phases.iter().all(|phase| phase.min_ms <= phase.max_ms));
/// assert_eq!(table(&analysis.rows)[0].len(), table_head(&analysis.rows).len());
/// assert!(analysis.laws.iter().all(|law| law.fit.rate > 0.0));
/// assert!(analysis.predictions.iter().all(|step| step.threads <= 32));
/// assert_eq!(charts(&results, &analysis)[0].0, "speedup");
/// assert!(html_report(&results, &analysis).html().contains("Scaling of mlp_small"));
/// # Ok::<(), unisono::study::scaling::ScalingError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Analysis {
    /// What each cell came to.
    pub rows: Vec<Row>,
    /// The laws through them.
    pub laws: Vec<LawReport>,
    /// The model of the step.
    pub predictions: Vec<Prediction>,
}

impl Analysis {
    /// Of `results`.
    pub fn of(results: &Results) -> Self {
        Self {
            rows: results.rows(),
            laws: results.laws(),
            predictions: results.predictions(),
        }
    }
}
