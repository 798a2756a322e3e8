//! Tables: rows of numbers, categories or dates, each with a label.

use ndarray::Array2;

use super::arrays::ArrayDataset;
use super::columns::Columns;
use super::error::DataError;
use super::feature_cells::{CellKind, FeatureCells};
use super::row_labels::RowLabels;
use super::row_weights::RowWeights;

/// A table, each row with a label.
///
/// ```
/// use unisono::data::{Column, CsvTable, Dataset};
/// let table = CsvTable::parse(b"size,kind\n1.5,cat\n2,dog\n1,cat\n", &Column::Name("kind".into()), "pets.csv".as_ref())?;
/// assert_eq!((table.names(), table.classes()), (&["size".to_owned()][..], &["cat".to_owned(), "dog".to_owned()][..]));
/// assert_eq!(table.dataset()?.class_labels(), Some(&[0, 1, 0][..]));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CsvTable {
    pub(super) columns: Columns,
    pub(super) features: FeatureCells,
    pub(super) labels: RowLabels,
    pub(super) weights: Option<RowWeights>,
    pub(super) reading: Vec<String>,
}

impl CsvTable {
    /// The names of the features: those of the header, or their places.
    pub fn names(&self) -> &[String] {
        &self.columns.names
    }

    /// Where features and label stand.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The labels that there are: in order of their numbers if all of them are numbers, else of the
    /// alphabet; of label sets the names of their columns, of a regression none.
    pub fn classes(&self) -> &[String] {
        self.labels.classes().1
    }

    /// The class of each row; nothing where rows are labelled with values.
    pub fn labels(&self) -> &[u32] {
        self.labels.classes().0
    }

    /// The values that rows are labelled with, (rows, targets): those of a regression, or 1 for each
    /// label that a row has and 0 for others.
    pub fn targets(&self) -> Option<&Array2<f64>> {
        match &self.labels {
            RowLabels::Classes { .. } => None,
            RowLabels::Values { values, .. } | RowLabels::Sets { values, .. } => Some(values),
        }
    }

    /// The features, (rows, columns): numbers; dates as days since 1970; words as their places
    /// among those of their column, in the order of the alphabet. Gaps are NaN.
    pub fn values(&self) -> &Array2<f64> {
        &self.features.codes
    }

    /// How much each row counts, if a column says it; [`CsvTable::dataset`] has rows without weights,
    /// [`Weighted`](super::Weighted) gives them theirs.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_ref().map(|found| &*found.weights)
    }

    /// The features, the labels and the weights alone.
    #[cfg(feature = "files")]
    pub(super) fn into_parts(self) -> (FeatureCells, RowLabels, Option<RowWeights>) {
        (self.features, self.labels, self.weights)
    }

    /// What each part of the table was taken for, `key: value` each.
    pub fn reading(&self) -> &[String] {
        &self.reading
    }

    /// All rows, as they are, in single precision: large numbers of small spread, such as seconds
    /// of a clock, are to be standardised first ([`crate::data::Standardizer`]).
    ///
    /// # Errors
    /// [`DataError::NoInputs`] if all columns but the label were dropped; [`DataError::OutOfReach`]
    /// for a number that single precision does not hold; [`DataError::Combination`] for a table with
    /// gaps, or with columns that are not of numbers: `open` prepares these.
    pub fn dataset(&self) -> Result<ArrayDataset, DataError> {
        self.refuse_all_but_numbers()?;
        let mut cells = self.values().indexed_iter();
        let is_large = |value: f64| (value as f32).is_infinite();
        if let Some(((row, column), &got)) = cells.find(|(_, value)| is_large(**value)) {
            return Err(DataError::OutOfReach {
                place: format!("column {}", self.names()[column]),
                row,
                got,
                expected: format!("a size up to {:e}, that of single precision", f32::MAX),
            });
        }
        let values = self.values().mapv(|value| value as f32);
        match &self.labels {
            RowLabels::Classes { labels, names } => {
                ArrayDataset::classes(values, labels, names.len())
            }
            RowLabels::Values {
                values: targets, ..
            }
            | RowLabels::Sets {
                values: targets, ..
            } => ArrayDataset::values(values, targets.mapv(|target| target as f32)),
        }
    }
    /// Refuses gaps, and columns that are not of numbers.
    fn refuse_all_but_numbers(&self) -> Result<(), DataError> {
        let columns = self.names().iter().zip(&self.features.kinds);
        for ((name, kind), gaps) in columns.zip(&self.features.gaps) {
            let got = match kind {
                CellKind::Categories(_) => format!("words in column {name}"),
                CellKind::Dates { .. } => format!("dates in column {name}"),
                CellKind::Numbers if *gaps > 0 => {
                    format!("a gap in column {name}")
                }
                CellKind::Numbers => continue,
            };
            return Err(DataError::Combination {
                what: "rows of a table as they are",
                expected: "numbers in all columns".to_owned(),
                got,
            });
        }
        Ok(())
    }
}
