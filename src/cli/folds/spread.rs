//! Spread: mean and deviation of a metric over the folds.

use serde_json::{Value, json};

use super::outcome::FoldOutcome;

/// A metric over the folds.
pub(super) struct Spread {
    pub(super) name: String,
    pub(super) mean: f64,
    /// The standard deviation of a fold's value, from a sample of so many folds.
    pub(super) deviation: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// By fold.
    values: Vec<f64>,
}

impl Spread {
    /// Of every metric that all folds have.
    pub(super) fn of(outcomes: &[FoldOutcome]) -> Vec<Self> {
        let Some(first) = outcomes.first() else {
            return Vec::new();
        };
        let names = first.metrics.iter().map(|(name, _)| name);
        let spread = |name: &String| {
            let values: Option<Vec<f64>> = outcomes.iter().map(|fold| fold.metric(name)).collect();
            Some(Self::of_values(name, values?))
        };
        names.filter_map(spread).collect()
    }

    fn of_values(name: &str, values: Vec<f64>) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean));
        Self {
            name: name.to_owned(),
            mean,
            deviation: (squares.sum::<f64>() / (count - 1.0).max(1.0)).sqrt(),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            values,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "mean": self.mean, "deviation": self.deviation, "values": self.values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_that_of_a_sample() {
        // statistics.stdev([0.9, 1.0, 0.8, 0.9]) of Python.
        let spread = Spread::of_values("accuracy", vec![0.9, 1.0, 0.8, 0.9]);
        assert!((spread.deviation - 0.081_649_658_092_772_6).abs() < 1e-15);
        assert!((spread.mean - 0.9).abs() < 1e-15);
        assert_eq!((spread.least, spread.most), (0.8, 1.0));
    }
}
