//! Fit of a table's encoder: medians, categories, means and deviations of the training part, and
//! what is said of them.

use std::path::Path;

use rayon::prelude::*;

use super::cells::column_called;
use super::column_encoder::{ColumnCells, ColumnEncoder, UNKNOWN};
use super::dates::{PARTS, parts};
use super::error::DataError;
use super::feature_cells::{CellKind, FeatureCells, all_gaps};
use super::listed::listed;
use super::scale::{Fitting, Standardizer};
use super::table_encoder::TableEncoder;

/// Values of a column that are categories at most.
const MOST_CATEGORIES: usize = 256;

/// Values that may be as many as half of the rows: more of them name rows.
const FEW: usize = 20;

/// What was fitted to a column.
struct Fitted {
    encoder: ColumnEncoder,
    /// Means and deviations of its inputs.
    scale: Standardizer,
    /// Of categories, what each of all values is to the encoder.
    places: Option<Vec<f64>>,
}

impl TableEncoder {
    /// Fits one to the training rows; codes of categories become those of the encoder.
    pub(super) fn fit(
        cells: &mut FeatureCells,
        names: &[String],
        train: &[usize],
        path: &Path,
    ) -> Result<Self, DataError> {
        let fit = |at: usize| {
            let column = cells.codes.column(at);
            let codes: Vec<f64> = train.iter().map(|&row| column[row]).collect();
            fit_column(&cells.kinds[at], &codes, &names[at], path)
        };
        let fitted: Vec<Result<Fitted, DataError>> =
            (0..names.len()).into_par_iter().map(fit).collect();
        let mut encoders = Vec::new();
        let mut scale = Standardizer {
            means: Vec::new(),
            deviations: Vec::new(),
        };
        for (at, fitted) in fitted.into_iter().enumerate() {
            let fitted = fitted?;
            encoders.push(fitted.encoder);
            scale.means.extend(fitted.scale.means);
            scale.deviations.extend(fitted.scale.deviations);
            if let Some(places) = fitted.places {
                let known = |code: f64| {
                    if code.is_nan() {
                        code
                    } else {
                        places[code as usize]
                    }
                };
                cells.codes.column_mut(at).mapv_inplace(known);
            }
        }
        Ok(Self { encoders, scale })
    }

    /// What columns other than plain numbers were taken for, a line each; of `cells`, whose columns
    /// have these names.
    pub(super) fn lines(&self, cells: &FeatureCells, names: &[String]) -> Vec<String> {
        let rows = cells.codes.nrows();
        let (mut lines, mut gaps) = (Vec::new(), Vec::new());
        for (at, (encoder, name)) in self.encoders.iter().zip(names).enumerate() {
            lines.extend(match (&encoder.cells, &cells.kinds[at]) {
                (ColumnCells::Categories { has_others, .. }, CellKind::Categories(values)) => {
                    let count = values.len();
                    let others = match has_others {
                        true => "; those that come once in the training part share an input with unknown ones",
                        false => "; unknown ones are none of them",
                    };
                    Some(format!("categories: {name}, {count} values, {}{others}", listed(values)))
                }
                (ColumnCells::Dates { medians }, _) => {
                    let parts = PARTS[..medians.len()].join(", ");
                    Some(format!("dates: {name}, as {parts}"))
                }
                _ => None,
            });
            if cells.gaps[at] > 0 {
                gaps.push(format!("{name} {}{}", cells.gaps[at], filled_with(encoder)));
            }
        }
        if !gaps.is_empty() {
            lines.push(format!("gaps: of {rows} rows, {}", listed(gaps)));
        }
        if self.width() != names.len() {
            lines.push(format!(
                "inputs: {}, of {} features",
                self.width(),
                names.len()
            ));
        }
        lines
    }
}

/// What the gaps of a column are filled with, in parentheses.
fn filled_with(encoder: &ColumnEncoder) -> String {
    match &encoder.cells {
        ColumnCells::Numbers { median: None } => String::new(),
        ColumnCells::Numbers {
            median: Some(median),
        } => format!(" (filled with the median, {median})"),
        ColumnCells::Categories {
            values,
            most_frequent,
            ..
        } => match values.get(*most_frequent) {
            Some(value) => format!(" (filled with the most frequent, {value})"),
            None => String::new(),
        },
        ColumnCells::Dates { .. } => " (filled with the medians)".to_owned(),
    }
}

/// The encoder of a column whose training rows have these codes.
fn fit_column(
    kind: &CellKind,
    codes: &[f64],
    name: &str,
    path: &Path,
) -> Result<Fitted, DataError> {
    let mut known: Vec<f64> = codes
        .iter()
        .copied()
        .filter(|code| !code.is_nan())
        .collect();
    let has_gaps = known.len() < codes.len();
    if known.is_empty() {
        return Err(all_gaps(name, codes.len(), "training rows", path));
    }
    let (cells, places) = match kind {
        CellKind::Numbers => {
            let median = Some(median(&mut known));
            (ColumnCells::Numbers { median }, None)
        }
        CellKind::Dates { has_time } => {
            let count = PARTS.len() - usize::from(!has_time);
            let part =
                |at: usize| -> Vec<f64> { known.iter().map(|&days| parts(days)[at]).collect() };
            let medians = (0..count).map(|at| median(&mut part(at))).collect();
            (ColumnCells::Dates { medians }, None)
        }
        CellKind::Categories(values) => {
            let (cells, places) = fit_categories(values, &known, name, path)?;
            (cells, Some(places))
        }
    };
    let encoder = ColumnEncoder { cells, has_gaps };
    Ok(Fitted {
        scale: fit_scale(&encoder, codes),
        encoder,
        places,
    })
}

/// What the inputs of a column are standardised with, if its training rows have these codes.
fn fit_scale(encoder: &ColumnEncoder, codes: &[f64]) -> Standardizer {
    let (width, binary) = (encoder.width(), encoder.binary_inputs());
    if binary.len() == width {
        return Standardizer {
            means: vec![0.0; width],
            deviations: vec![1.0; width],
        };
    }
    let mut inputs = vec![0.0; width];
    let mut fitting = Fitting::new(width);
    for &code in codes {
        encoder.write(code, &mut inputs);
        fitting.add(inputs.iter().copied());
    }
    fitting.end_first_pass();
    for &code in codes {
        encoder.write(code, &mut inputs);
        fitting.add_squares(inputs.iter().copied());
    }
    let mut scale = fitting.finished();
    scale.means[binary.clone()].fill(0.0);
    scale.deviations[binary].fill(1.0);
    scale
}

/// The categories among `values`, and the code of each of these.
fn fit_categories(
    values: &[String],
    codes: &[f64],
    name: &str,
    path: &Path,
) -> Result<(ColumnCells, Vec<f64>), DataError> {
    let mut counts = vec![0_usize; values.len()];
    for &code in codes {
        counts[code as usize] += 1;
    }
    let different = counts.iter().filter(|count| **count > 0).count();
    if different > MOST_CATEGORIES || different > FEW && 2 * different > codes.len() {
        return Err(DataError::unfit(
            path,
            format!(
                "at most {MOST_CATEGORIES} different categories in {}, and half as many as rows",
                column_called(name)
            ),
            format!(
                "{different} in {} training rows, {}",
                codes.len(),
                listed(values)
            ),
            format!("`drop` {name} leaves it out, `columns` says which columns are used"),
        ));
    }
    // Those that come more than once have inputs of their own.
    let mut places = vec![UNKNOWN; values.len()];
    let (mut kept, mut most_frequent) = (Vec::new(), None);
    for (at, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 1) {
        if most_frequent.is_none_or(|(most, _)| count > most) {
            most_frequent = Some((count, kept.len()));
        }
        places[at] = kept.len() as f64;
        kept.push(values[at].clone());
    }
    let cells = ColumnCells::Categories {
        has_others: counts.contains(&1),
        most_frequent: most_frequent.map_or(kept.len(), |(_, place)| place),
        values: kept,
    };
    Ok((cells, places))
}

/// The value in the middle, or between the two there.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if is_odd {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum = lower + upper;
    // Huge values.
    if sum.is_finite() {
        sum / 2.0
    } else {
        lower / 2.0 + upper / 2.0
    }
}
