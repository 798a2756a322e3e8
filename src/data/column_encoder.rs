//! Encoder of a table's column: what its cells are, and the inputs that they become.
//!
//! # Layout
//! | cells | code of a cell | inputs |
//! |---|---|---|
//! | numbers | the number | it; the median where there is none |
//! | categories | the place of its value, or [`UNKNOWN`] | one for each value that comes more than once in the training part, and one for all others if there are such; 1 for the cell's own, else 0 |
//! | dates | days since 1970 | days, year, month and weekday, and the hour where there are times; the medians where there is none |
//!
//! The code of a gap is NaN. Where the training part has gaps one more input is 1 for them, else 0.
//!
//! # Why this way
//! An input for values that the training part has not would keep the weights that it was drawn
//! with, and add noise to a prediction. So unknown values share the input of those that come once;
//! where there are none of these, all inputs of an unknown value are 0, unlike those of any other.
//! scikit-learn's `OneHotEncoder` calls it `min_frequency=2, handle_unknown="infrequent_if_exist"`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::cells::is_whole;
use super::dates::{Date, PARTS, parts};
use super::gaps::{gaps_in_words, is_gap, is_gap_in_words};

/// The code of a value that comes at most once in the training part.
pub(super) const UNKNOWN: f64 = -1.0;

/// How a column's cells become inputs of a model.
///
/// ```
/// use unisono::data::{ColumnCells, ColumnEncoder};
/// let values = vec!["no".to_owned(), "yes".to_owned()];
/// let cells = ColumnCells::Categories { values, has_others: false, most_frequent: 1 };
/// let encoder = ColumnEncoder { cells, has_gaps: true };
/// assert_eq!(encoder.input_names("sold"), ["sold = no", "sold = yes", "sold is missing"]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnEncoder {
    /// What the cells are.
    pub cells: ColumnCells,
    /// Whether the training part has gaps, for which there is an input.
    pub has_gaps: bool,
}

/// What the cells of a column are.
///
/// ```
/// use unisono::data::ColumnCells;
/// assert_eq!(ColumnCells::Numbers { median: Some(28.0) }.kind(), "numbers");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ColumnCells {
    /// Numbers.
    Numbers {
        /// What gaps are filled with; gaps are refused where there is none.
        median: Option<f64>,
    },
    /// Words, or what is taken for such.
    Categories {
        /// Those that come more than once in the training part, in order.
        values: Vec<String>,
        /// Whether there are others.
        has_others: bool,
        /// The place of the most frequent one: that of the others is behind all values.
        most_frequent: usize,
    },
    /// Dates.
    Dates {
        /// What the parts of gaps are filled with.
        medians: Vec<f64>,
    },
}

impl ColumnCells {
    /// Its name in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            ColumnCells::Numbers { .. } => "numbers",
            ColumnCells::Categories { .. } => "categories",
            ColumnCells::Dates { .. } => "dates",
        }
    }

    /// Inputs beside that of gaps.
    fn width(&self) -> usize {
        match self {
            ColumnCells::Numbers { .. } => 1,
            ColumnCells::Categories {
                values, has_others, ..
            } => values.len() + usize::from(*has_others),
            ColumnCells::Dates { medians } => medians.len(),
        }
    }
}

/// The text of a category: `7.0` is the whole number `7`, as programs write one beside gaps.
pub(super) fn category(cell: &str) -> &str {
    let whole = cell.strip_suffix(".0").filter(|whole| is_whole(whole));
    whole.unwrap_or(cell)
}

impl ColumnEncoder {
    /// That of numbers without gaps.
    pub(super) fn of_numbers() -> Self {
        Self {
            cells: ColumnCells::Numbers { median: None },
            has_gaps: false,
        }
    }

    /// How many inputs a cell becomes.
    pub fn width(&self) -> usize {
        self.cells.width() + usize::from(self.has_gaps)
    }

    /// The names of the inputs of a column that is called `name`.
    pub fn input_names(&self, name: &str) -> Vec<String> {
        let mut names = match &self.cells {
            ColumnCells::Numbers { .. } => vec![name.to_owned()],
            ColumnCells::Categories {
                values, has_others, ..
            } => {
                let values = values.iter().map(|value| format!("{name} = {value}"));
                let others = has_others.then(|| format!("{name} = another value"));
                values.chain(others).collect()
            }
            ColumnCells::Dates { medians } => {
                let parts = PARTS.iter().take(medians.len());
                parts.map(|part| format!("{name} ({part})")).collect()
            }
        };
        names.extend(self.has_gaps.then(|| format!("{name} is missing")));
        names
    }

    /// The inputs of a cell, before standardisation; `None` for one that does not fit the column.
    ///
    /// ```
    /// use unisono::data::{ColumnCells, ColumnEncoder};
    /// let encoder = ColumnEncoder { cells: ColumnCells::Numbers { median: Some(28.0) }, has_gaps: true };
    /// assert_eq!(encoder.inputs("31"), Some(vec![31.0, 0.0]));
    /// assert_eq!(encoder.inputs("NaN"), Some(vec![28.0, 1.0]));
    /// assert_eq!(encoder.inputs("old"), None);
    /// ```
    pub fn inputs(&self, cell: &str) -> Option<Vec<f64>> {
        let code = self.code(cell)?;
        let mut inputs = vec![0.0; self.width()];
        self.write(code, &mut inputs);
        Some(inputs)
    }

    /// The texts that a column of categories knows: its values and what stands for a gap, each once.
    /// All others are an unknown value. None of other columns.
    ///
    /// ```
    /// use unisono::data::{ColumnCells, ColumnEncoder};
    /// let values = vec!["1".to_owned(), "2".to_owned()];
    /// let cells = ColumnCells::Categories { values, has_others: true, most_frequent: 0 };
    /// let known = ColumnEncoder { cells, has_gaps: false }.texts();
    /// assert_eq!(&known[..4], ["1", "1.0", "2", "2.0"]);
    /// assert!(known.contains(&"NaN".to_owned()) && !known.contains(&"3".to_owned()));
    /// ```
    pub fn texts(&self) -> Vec<String> {
        let ColumnCells::Categories { values, .. } = &self.cells else {
            return Vec::new();
        };
        let forms = values.iter().flat_map(|value| {
            let beside_gaps = is_whole(value).then(|| format!("{value}.0"));
            [value.clone()].into_iter().chain(beside_gaps)
        });
        let mut seen = HashSet::new();
        let all = forms.chain(gaps_in_words());
        all.filter(|text| seen.insert(text.clone())).collect()
    }

    /// The code of a cell; nothing for one that does not fit the column.
    pub(super) fn code(&self, cell: &str) -> Option<f64> {
        match &self.cells {
            ColumnCells::Numbers { median } => match cell.parse() {
                Ok(number) if f64::is_finite(number) => Some(number),
                _ => (is_gap(cell) && median.is_some()).then_some(f64::NAN),
            },
            ColumnCells::Categories { .. } if is_gap_in_words(cell) => Some(f64::NAN),
            ColumnCells::Categories { values, .. } => {
                let at = values.binary_search_by(|value| (**value).cmp(category(cell)));
                Some(at.map_or(UNKNOWN, |at| at as f64))
            }
            ColumnCells::Dates { medians } => match Date::parse(cell) {
                // Times are no part of dates without one.
                Some(date) if medians.len() < PARTS.len() => Some(date.days.floor()),
                Some(date) => Some(date.days),
                None => is_gap(cell).then_some(f64::NAN),
            },
        }
    }

    /// The inputs of a code, before standardisation.
    pub(super) fn write(&self, code: f64, to: &mut [f64]) {
        let (to, gap) = to.split_at_mut(self.cells.width());
        gap.fill(f64::from(u8::from(code.is_nan())));
        match &self.cells {
            ColumnCells::Numbers { median } => {
                to[0] = if code.is_nan() {
                    median.unwrap_or(code)
                } else {
                    code
                };
            }
            ColumnCells::Categories {
                values,
                has_others,
                most_frequent,
            } => {
                to.fill(0.0);
                let place = match code {
                    code if code.is_nan() => Some(*most_frequent),
                    UNKNOWN => has_others.then_some(values.len()),
                    code => Some(code as usize),
                };
                if let Some(place) = place {
                    to[place] = 1.0;
                }
            }
            ColumnCells::Dates { medians } if code.is_nan() => to.copy_from_slice(medians),
            ColumnCells::Dates { .. } => {
                let parts = parts(code);
                to.copy_from_slice(&parts[..to.len()]);
            }
        }
    }

    /// Which inputs are 0 or 1, and stay so.
    #[cfg(feature = "files")]
    pub(super) fn binary_inputs(&self) -> std::ops::Range<usize> {
        match self.cells {
            ColumnCells::Categories { .. } => 0..self.width(),
            _ => self.cells.width()..self.width(),
        }
    }

    /// Whether its parts fit each other.
    pub(super) fn fits(&self) -> bool {
        match &self.cells {
            ColumnCells::Numbers { median } => median.is_none_or(f64::is_finite),
            ColumnCells::Categories {
                values,
                most_frequent,
                ..
            } => *most_frequent < self.cells.width() && values.is_sorted(),
            ColumnCells::Dates { medians } => {
                let has_parts = [PARTS.len() - 1, PARTS.len()].contains(&medians.len());
                has_parts && medians.iter().all(|median| median.is_finite())
            }
        }
    }
}
