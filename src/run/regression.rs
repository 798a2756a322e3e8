//! A regression's predictions and errors, in the units of its targets.

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Labels, RealTargets, value_variances};
use crate::engine::MeanErrors;
use crate::nn::{Network, NnError};
use crate::train::of_rows;

/// What a regression predicts for a row.
///
/// ```
/// # use ndarray::array;
/// # use unisono::{data::{ArrayDataset, RealTargets, Standardizer}, nn::{Network, Sequential}, run::values_of};
/// let data = ArrayDataset::values(array![[1.0], [2.0]], array![[-1.0], [1.0]])?;
/// let scale = Standardizer { means: vec![300.0], deviations: vec![100.0] };
/// let targets = RealTargets { names: vec!["price".into()], scale };
/// let network = Network::with_params(Sequential::new(1).dense(1), vec![2.0, -3.0])?;
/// let rows = values_of(&network, &data, &targets)?.unwrap();
/// assert_eq!((&rows[0].predicted, &rows[0].targets), (&vec![200.0], &Some(vec![200.0])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PredictedValues {
    /// Its number.
    pub row: usize,
    /// A value for each target, in its units.
    pub predicted: Vec<f64>,
    /// What the row is labelled with; `None` for rows without labels.
    pub targets: Option<Vec<f64>>,
}

/// What a network predicts for every row of `data`, which may be without labels; `None` where rows
/// or network have other targets.
///
/// Example: [`PredictedValues`].
///
/// # Errors
/// [`NnError`] if the network takes other rows.
pub fn values_of(
    network: &Network,
    data: &dyn Dataset,
    targets: &RealTargets,
) -> Result<Option<Vec<PredictedValues>>, NnError> {
    let width = targets.names.len();
    let has_values = match data.labels() {
        Labels::Values(values) if values == width => true,
        Labels::None => false,
        _ => return Ok(None),
    };
    if network.model().output_shape()?.len() != width {
        return Ok(None);
    }
    let in_units = |values: &[f32]| -> Vec<f64> {
        let values = values.iter().enumerate();
        values
            .map(|(target, &value)| targets.in_units(target, value))
            .collect()
    };
    let found = compared(network, data, has_values)?.into_iter().enumerate();
    let found = found.map(|(row, Compared { outputs, values })| PredictedValues {
        row,
        predicted: in_units(&outputs),
        targets: has_values.then(|| in_units(&values)),
    });
    Ok(Some(found.collect()))
}

/// A row: what the network gives, and what it is labelled with, both standardised.
struct Compared {
    outputs: Vec<f32>,
    /// Zeros for rows without labels.
    values: Vec<f32>,
}

/// All rows.
fn compared(
    network: &Network,
    data: &dyn Dataset,
    has_values: bool,
) -> Result<Vec<Compared>, NnError> {
    let width = network.model().output_shape()?.len();
    let all: Vec<u32> = (0..data.len() as u32).collect();
    let labels = |rows: &[u32]| {
        let mut values = vec![0.0; rows.len() * width];
        if has_values {
            data.gather_values(rows, &mut values);
        }
        values
    };
    of_rows(network, data, &all, labels, |row| {
        let values = &row.labels[row.place * width..][..width];
        Ok(Compared {
            outputs: row.outputs.to_vec(),
            values: values.to_vec(),
        })
    })
}

/// The errors of a regression's target on a data set, in its units; beside them those of always
/// answering with the mean of the training part.
///
/// ```
/// # use ndarray::array;
/// # use unisono::{data::{ArrayDataset, RealTargets, Standardizer}, nn::{Network, Sequential}, run::TargetErrors};
/// let data = ArrayDataset::values(array![[1.0], [2.0]], array![[-1.0], [1.0]])?;
/// let scale = Standardizer { means: vec![300.0], deviations: vec![100.0] };
/// let targets = RealTargets { names: vec!["price".into()], scale };
/// let network = Network::with_params(Sequential::new(1).dense(1), vec![1.0, -1.5])?;
/// let errors = TargetErrors::of(&network, &data, &targets)?.unwrap();
/// assert_eq!((errors[0].rmse, errors[0].r2), (Some(50.0), Some(0.75)));
/// assert_eq!(errors[0].rmse_of_mean, Some(100.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetErrors {
    /// The target.
    pub name: String,
    /// The root of the mean squared error; `None` if it is not finite.
    pub rmse: Option<f64>,
    /// The mean absolute error.
    pub mae: Option<f64>,
    /// The coefficient of determination, 1 less the squared error over that of the data's own mean;
    /// `None` too where the target does not vary.
    pub r2: Option<f64>,
    /// The root of the mean squared error of the mean of the training part.
    pub rmse_of_mean: Option<f64>,
    /// Its mean absolute error.
    pub mae_of_mean: Option<f64>,
}

impl TargetErrors {
    /// Of every target; `None` where rows or network have other targets.
    ///
    /// # Errors
    /// [`NnError`] if the network takes other rows.
    pub fn of(
        network: &Network,
        data: &dyn Dataset,
        targets: &RealTargets,
    ) -> Result<Option<Vec<Self>>, NnError> {
        let width = targets.names.len();
        let fits = data.labels() == Labels::Values(width)
            && network.model().output_shape()?.len() == width;
        if !fits || data.is_empty() {
            return Ok(None);
        }
        // Sums of squares and sizes: of the errors, and of the values, whose mean was 0 in training.
        let mut sums = vec![[0.0; 4]; width];
        for Compared { outputs, values } in compared(network, data, true)? {
            for ((sums, output), value) in sums.iter_mut().zip(outputs).zip(values) {
                let (value, error) = (f64::from(value), f64::from(output) - f64::from(value));
                let terms = [error * error, error.abs(), value * value, value.abs()];
                sums.iter_mut()
                    .zip(terms)
                    .for_each(|(sum, term)| *sum += term);
            }
        }
        let variances = value_variances(data);
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let one = |target: usize| {
            let [squared, absolute, of_mean, size] =
                sums[target].map(|sum| sum / data.len() as f64);
            let deviation = targets.scale.deviations[target];
            let variance = variances[target];
            Self {
                name: targets.names[target].clone(),
                rmse: finite(deviation * squared.sqrt()),
                mae: finite(deviation * absolute),
                r2: finite(1.0 - squared / variance).filter(|_| variance > 0.0),
                rmse_of_mean: finite(deviation * of_mean.sqrt()),
                mae_of_mean: finite(deviation * size),
            }
        };
        Ok(Some((0..width).map(one).collect()))
    }

    /// The mean of the targets' coefficients of determination, as far as all have one.
    pub fn mean_r2(errors: &[Self]) -> Option<f64> {
        let all: Option<Vec<f64>> = errors.iter().map(|target| target.r2).collect();
        let all = all.filter(|all| !all.is_empty())?;
        Some(all.iter().sum::<f64>() / all.len() as f64)
    }
}

impl std::fmt::Display for TargetErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: Option<f64>| value.map_or("not finite".to_owned(), in_digits);
        let r2 = self.r2.map_or("none".to_owned(), |r2| format!("{r2:.4}"));
        write!(
            f,
            "RMSE {}, MAE {}, R2 {r2}; always the mean: RMSE {}, MAE {}",
            text(self.rmse),
            text(self.mae),
            text(self.rmse_of_mean),
            text(self.mae_of_mean)
        )
    }
}

/// A number in six digits.
pub(crate) fn in_digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&value.abs()) {
        return format!("{value:.5e}");
    }
    let before = libm::log10(value.abs()).floor() as i32;
    format!("{value:.*}", (5 - before).max(0) as usize)
}

/// What the mean errors of standardised targets are in their units.
///
/// ```
/// use ndarray::array;
/// use unisono::{data::{ArrayDataset, RealTargets, Standardizer}, engine::MeanErrors, run::ErrorUnits};
/// let data = ArrayDataset::values(array![[1.0], [2.0]], array![[-1.0], [1.0]])?;
/// let scale = Standardizer { means: vec![300.0], deviations: vec![100.0] };
/// let units = ErrorUnits::of(&RealTargets { names: vec!["price".into()], scale }, &data);
/// let errors = units.errors(MeanErrors { squared: 0.25, absolute: 0.5 });
/// assert_eq!((errors.rmse, errors.mae, errors.r2), (Some(50.0), Some(50.0), Some(0.75)));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorUnits {
    /// The deviation of a single target.
    unit: Option<f64>,
    /// The mean of the variances of the data's targets, standardised.
    variance: f64,
}

/// Errors of all targets together.
///
/// Example: [`ErrorUnits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitErrors {
    /// The root of the mean squared error of a single target, in its units.
    #[serde(rename = "test_rmse", default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// The mean absolute error of a single target, in its units.
    #[serde(rename = "test_mae", default, skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// The coefficient of determination; of several targets each counts by its variance.
    #[serde(rename = "test_r2", default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
}

/// [`UnitErrors`] of validation rows, as records name them.
#[derive(Serialize, Deserialize)]
#[serde(remote = "UnitErrors")]
pub(super) struct ValidErrors {
    #[serde(
        rename = "valid_rmse",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    rmse: Option<f64>,
    #[serde(rename = "valid_mae", default, skip_serializing_if = "Option::is_none")]
    mae: Option<f64>,
    #[serde(rename = "valid_r2", default, skip_serializing_if = "Option::is_none")]
    r2: Option<f64>,
}

impl ErrorUnits {
    /// For evaluations of `data`.
    pub fn of(targets: &RealTargets, data: &dyn Dataset) -> Self {
        let variances = value_variances(data);
        Self {
            unit: match targets.scale.deviations[..] {
                [deviation] => Some(deviation),
                _ => None,
            },
            variance: variances.iter().sum::<f64>() / variances.len() as f64,
        }
    }

    /// Mean errors of an evaluation in these units.
    pub fn errors(self, means: MeanErrors) -> UnitErrors {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let in_unit = |value: f64| self.unit.and_then(|unit| finite(unit * value));
        UnitErrors {
            rmse: in_unit(means.squared.sqrt()),
            mae: in_unit(means.absolute),
            r2: finite(1.0 - means.squared / self.variance).filter(|_| self.variance > 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (12_345.678, "12345.7"),
            (0.012_345_678, "0.0123457"),
            (1_234_567.8, "1234568"),
            (1.5e12, "1.50000e12"),
        ] {
            assert_eq!(in_digits(value), text);
        }
    }
}
