//! Targets of a regression: real numbers, standardised for the training and given back in their
//! units.
//!
//! # Why this way
//! A loss of prices in the hundred thousands overflows or forbids every usual learning rate; in
//! standard deviations of the training part all targets are of one size. A target in single
//! precision holds its value to 1e-7 of its size: what is given back is rounded to about 1e-6
//! deviations, so that a whole number comes back as one.

use serde::{Deserialize, Serialize};

use super::dataset::{Dataset, Labels};
use super::scale::Standardizer;

/// Rows whose values are looked at together.
const BLOCK: usize = 4096;

/// Digits behind the first of a deviation that values are given back with.
const DIGITS: f64 = 5.0;

/// The targets of a regression: their names, and how they were standardised.
///
/// ```
/// use ndarray::array;
/// use unisono::data::{RealTargets, Standardizer};
/// let prices = array![[150_000.0], [250_000.0]];
/// let scale = Standardizer::fit(prices.view());
/// let targets = RealTargets { names: vec!["price".into()], scale };
/// let standardised = targets.scale.apply(prices.view());
/// assert_eq!(standardised, array![[-1.0], [1.0]]);
/// assert_eq!(targets.in_units(0, 0.1), 205_000.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RealTargets {
    /// Their names: of columns or of an array.
    pub names: Vec<String>,
    /// What each is standardised with, over the training part.
    pub scale: Standardizer,
}

impl RealTargets {
    /// A standardised value of target `target` in its units, to about 1e-6 deviations.
    ///
    /// # Panics
    /// If there is no such target.
    pub fn in_units(&self, target: usize, value: f32) -> f64 {
        let (mean, deviation) = (self.scale.means[target], self.scale.deviations[target]);
        let value = mean + deviation * f64::from(value);
        let places = DIGITS - libm::log10(deviation).floor();
        if !value.is_finite() || !(0.0..=300.0).contains(&places) {
            return value;
        }
        let rounded = format!("{value:.*}", places as usize).parse();
        rounded.map_or(value, |rounded: f64| rounded + 0.0)
    }

    /// Whether there are targets, each with a scale that can be undone.
    pub(super) fn fits(&self) -> bool {
        let Standardizer { means, deviations } = &self.scale;
        let count = self.names.len();
        let are_sound = means.iter().all(|mean| mean.is_finite())
            && deviations
                .iter()
                .all(|deviation| deviation.is_finite() && *deviation > 0.0);
        count > 0 && (means.len(), deviations.len()) == (count, count) && are_sound
    }
}

/// The variance of each value that rows are labelled with, over all rows; nothing where labels are
/// classes.
pub(crate) fn value_variances(data: &dyn Dataset) -> Vec<f64> {
    let Labels::Values(width) = data.labels() else {
        return Vec::new();
    };
    let rows: Vec<u32> = (0..data.len() as u32).collect();
    let count = rows.len() as f64;
    let mut values = Vec::new();
    let mut pass = |add: &mut dyn FnMut(usize, f64)| {
        for rows in rows.chunks(BLOCK) {
            values.resize(rows.len() * width, 0.0_f32);
            data.gather_values(rows, &mut values);
            for (at, &value) in values.iter().enumerate() {
                add(at % width, f64::from(value));
            }
        }
    };
    // The means first: squares of large values would swallow their differences.
    let mut means = vec![0.0; width];
    pass(&mut |target, value| means[target] += value / count);
    let mut variances = vec![0.0; width];
    pass(&mut |target, value| {
        let distance = value - means[target];
        variances[target] += distance * distance / count;
    });
    variances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ArrayDataset;
    use ndarray::{Array2, array};

    #[test]
    fn whole_numbers_come_back_from_single_precision_as_they_were() {
        let prices = Array2::from_shape_fn((400, 1), |(row, _)| {
            (34_181 + row * 1_117 + row * row % 97) as f64
        });
        let targets = RealTargets {
            names: vec!["price".to_owned()],
            scale: Standardizer::fit(prices.view()),
        };
        let standardised = targets.scale.apply(prices.view());
        for (price, value) in prices.iter().zip(&standardised) {
            assert_eq!(targets.in_units(0, *value), *price);
        }
        assert!(targets.in_units(0, f32::NAN).is_nan());
    }

    #[test]
    fn values_of_any_size_come_back_to_a_millionth_of_their_spread() {
        for size in [1e-30, 1e-3, 1.0, 1e9, 1e30] {
            let scale = Standardizer {
                means: vec![3.0 * size],
                deviations: vec![size],
            };
            let names = vec!["y".to_owned()];
            let back = RealTargets { names, scale }.in_units(0, -1.234_567);
            let error = (back - (3.0 - f64::from(1.234_567_f32)) * size).abs() / size;
            assert!(error < 1e-5, "{size}: {back}");
        }
    }

    #[test]
    fn variances_are_of_each_target_alone() {
        let values = array![[1.0, 1e6], [3.0, 1e6], [1.0, 1e6], [3.0, 1e6 + 4.0]];
        let data = ArrayDataset::values(array![[0.0], [1.0], [2.0], [3.0]], values).unwrap();
        assert_eq!(value_variances(&data), [1.0, 3.0]);
        assert!(value_variances(&crate::data::digits().1).is_empty());
    }
}
