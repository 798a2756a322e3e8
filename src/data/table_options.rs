//! Options of reading a table: which of its columns are what.

use std::path::Path;

use super::column_choice::{Column, Header};
use super::columns::{Columns, Head};
use super::csv::{delimiter_name, records, table_bytes, texts};
use super::error::DataError;
use super::feature_cells::{FeatureCells, FeatureColumn};
use super::listed::listed;
use super::records::Records;
use super::row_labels::RowLabels;
use super::row_weights::RowWeights;
use super::table::CsvTable;
use super::targets::{MissingLabels, Target};
use super::text_features::LabelledTexts;

/// Options of reading a table; by default its cells decide.
///
/// ```
/// use unisono::data::{Column, TableOptions};
/// let text = b"Id,size,note,kind\n1,1.5,a,cat\n2,2,b,dog\n3,1,c,cat\n";
/// let options = TableOptions { drop: vec![Column::Name("note".into())], ..TableOptions::default() };
/// let table = options.parse(text, "pets.csv".as_ref())?;
/// assert_eq!(table.names(), ["size"]);
/// assert!(table.reading().iter().any(|line| line.starts_with("left out: Id")));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The column that holds the label.
    pub label: Column,
    /// Whether the first line holds the names of the columns.
    pub header: Header,
    /// What stands between fields, an ASCII character; nothing for what cuts all lines alike.
    pub delimiter: Option<u8>,
    /// Columns that are left out.
    pub drop: Vec<Column>,
    /// The columns that are features; all others, where none is named.
    pub columns: Vec<Column>,
    /// Columns whose cells are categories, also where they are numbers.
    pub categories: Vec<Column>,
    /// Whether a first column that only counts the rows is a feature like others.
    pub keeps_index: bool,
    /// What becomes of rows without a label.
    pub missing_labels: MissingLabels,
    /// What the labels are.
    pub target: Target,
    /// Columns to be predicted, in the place of `label`: values, or several of 0 and 1 that are labels
    /// of which a row has any number.
    pub targets: Vec<Column>,
    /// The column of the rows' weights, if there is one ([`Weighted`](super::Weighted)); it is no
    /// feature.
    pub weights: Option<Column>,
    /// Whether rows are steps of time: the columns of labels are then features too, since the past
    /// of what is predicted tells of its future.
    pub is_series: bool,
}

/// A table cut into what it is made of.
struct Cut {
    rows: Records,
    columns: Columns,
    /// The places of columns that are said to be categories.
    categories: Vec<usize>,
    labels: RowLabels,
    weights: Option<RowWeights>,
    reading: Vec<String>,
}

impl TableOptions {
    /// Only where the label stands.
    pub(super) fn labelled(label: &Column) -> Self {
        Self {
            label: label.clone(),
            ..Self::default()
        }
    }

    /// Reads a table of numbers, words and dates; cells may be empty, but for labels.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Cell`] for a cell that is no number in a column of such;
    /// [`DataError::Unfit`] for rows of different lengths, a column that there is not or that is
    /// empty, labels that are missing or no classes, or text that is not UTF-8;
    /// [`DataError::Memory`] for more than fits into memory.
    pub fn read(&self, path: &Path) -> Result<CsvTable, DataError> {
        self.of_bytes(table_bytes(path)?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`TableOptions::read`].
    pub fn parse(&self, bytes: &[u8], path: &Path) -> Result<CsvTable, DataError> {
        self.of_bytes(bytes.to_vec(), path)
    }

    fn of_bytes(&self, bytes: Vec<u8>, path: &Path) -> Result<CsvTable, DataError> {
        let cut = self.cut(bytes, path)?;
        if self.is_series {
            cut.rows.refuse_empty_steps(path)?;
        }
        let mut reading = cut.reading;
        let (places, names) = (cut.columns.features(), &cut.columns.names);
        let features: Vec<FeatureColumn<'_>> = places
            .iter()
            .zip(names)
            .map(|(&place, name)| FeatureColumn {
                place,
                name,
                is_category: cut.categories.contains(&place),
            })
            .collect();
        let (features, said) = FeatureCells::read(&cut.rows, &features, path)?;
        reading.extend(said);
        Ok(CsvTable {
            features,
            columns: cut.columns,
            labels: cut.labels,
            weights: cut.weights,
            reading,
        })
    }

    /// Reads a table of texts: one column is the label, the others make up the text.
    ///
    /// # Errors
    /// As [`TableOptions::read`], but for cells that are no numbers.
    pub fn read_texts(&self, path: &Path) -> Result<LabelledTexts, DataError> {
        self.texts_of_bytes(table_bytes(path)?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`TableOptions::read_texts`].
    pub fn parse_texts(&self, bytes: &[u8], path: &Path) -> Result<LabelledTexts, DataError> {
        self.texts_of_bytes(bytes.to_vec(), path)
    }

    fn texts_of_bytes(&self, bytes: Vec<u8>, path: &Path) -> Result<LabelledTexts, DataError> {
        let cut = self.cut(bytes, path)?;
        let RowLabels::Classes { labels, names } = cut.labels else {
            return Err(DataError::unfit(
                path,
                "labels of classes beside texts",
                cut.reading.last().cloned().unwrap_or_default(),
                "`task` classify takes each number for a class, `label` COLUMN names another column",
            ));
        };
        Ok(LabelledTexts {
            texts: texts(&cut.rows, &cut.columns.features()),
            labels,
            classes: names,
            columns: cut.columns,
            reading: cut.reading,
        })
    }

    fn cut(&self, bytes: Vec<u8>, path: &Path) -> Result<Cut, DataError> {
        let mut records = records(bytes, path, self.delimiter)?;
        let head = Head::of(&records)?;
        if head.width() == 1 && !self.is_series {
            let remedy =
                "say with `delimiter` what stands between the fields, such as `delimiter` space";
            let expected = "columns beside the label";
            return Err(DataError::unfit(path, expected, "one column", remedy));
        }
        // What the columns are, and what is said of it.
        let labels = self.label_places(head, path)?;
        let label = labels[0];
        let has_header = self.holds_names(head, label, path)?;
        let mut reading = self.header_lines(head, label, has_header);
        reading.extend(marks(&records, |place| head.name(place, has_header)));
        let names = labels.iter().map(|&place| head.name(place, has_header));
        let names = names.collect();
        let weights = self.weight_place(head, &labels, path)?;
        let weights = weights.map(|place| (place, head.name(place, has_header)));
        let categories = self.category_places(head, path)?;
        // Columns that are no features: labels, the first of them before all, and weights.
        let others: Vec<usize> = labels
            .iter()
            .copied()
            .chain(weights.iter().map(|(place, _)| *place))
            .collect();
        let (columns, left_out) = self.chosen_columns(head, &others, has_header, path)?;
        columns.refuse_others(&categories, head, path)?;
        reading.extend(left_out);
        // The rows, and the labels of each.
        records.skip(usize::from(has_header));
        if records.len() == 0 {
            return Err(DataError::Empty);
        }
        let labels = self.label_columns(labels, names);
        reading.extend(self.in_steps(labels.settle_missing(&mut records, path))?);
        let (labels, said) = self.in_steps(labels.of(&records, path))?;
        let weights = weights.map(|(place, name)| RowWeights::of(&records, place, name, path));
        let weights = weights.transpose()?;
        // What it came to, in lines.
        let features = &columns.names;
        reading.push(format!(
            "features: {}, {}",
            features.len(),
            listed(features)
        ));
        reading.extend(said);
        reading.extend(weights.as_ref().map(RowWeights::line));
        Ok(Cut {
            rows: records,
            columns,
            categories,
            labels,
            weights,
            reading,
        })
    }

    /// What was read of labels; in a series an error says that every step needs a number.
    fn in_steps<T>(&self, read: Result<T, DataError>) -> Result<T, DataError> {
        read.map_err(|error| match error {
            DataError::Unfit {
                path,
                expected,
                got,
                ..
            } if self.is_series => DataError::Unfit {
                path,
                expected,
                got,
                remedy: "each row needs a number to be predicted from earlier ones: fill it in, name other columns with `target`, or \
                         leave `window` out"
                    .to_owned(),
            },
            other => other,
        })
    }

    /// Whether the first line holds names.
    pub(super) fn holds_names(
        &self,
        head: Head<'_>,
        label: usize,
        path: &Path,
    ) -> Result<bool, DataError> {
        let named = self.named_columns();
        let name = named.iter().find_map(|(_, column)| head.given_name(column));
        match (self.header, name) {
            (Header::No, Some(name)) => Err(DataError::unfit(
                path,
                "columns by their places",
                format!("the name {name:?}, and no header"),
                "leave `header` no out, or give the place from 0",
            )),
            (Header::No, None) => Ok(false),
            (Header::Yes, _) | (Header::Auto, Some(_)) => Ok(true),
            (Header::Auto, None) => Ok(head.holds_names(label)),
        }
    }

    /// What line 1 was taken for, and columns that a number stands for in two ways.
    fn header_lines(&self, head: Head<'_>, label: usize, has_header: bool) -> Vec<String> {
        let is_open = self.header == Header::Auto;
        if !has_header {
            let line = match head.may_name_columns(label) {
                _ if !is_open => "header: none",
                false => "header: none, line 1 looks like a row; `header` yes takes it for names",
                true => {
                    "header: none, line 1 is taken for a row, though its numbers may be names; `header` yes takes it for names"
                }
            };
            return vec![line.to_owned()];
        }
        let mut lines = vec!["header: line 1".to_owned()];
        if is_open && head.is_numbers() {
            let said =
                "names: numbers, as line 1 is not like the rows; `header` no takes it for a row";
            lines.push(said.to_owned());
        }
        let given = self.named_columns().into_iter();
        lines.extend(given.filter_map(|(option, column)| head.read_as_place(column, option)));
        lines
    }

    /// All columns that were named, each with the option that names it.
    fn named_columns(&self) -> Vec<(&'static str, &Column)> {
        let mut named = self.named_labels();
        let weights = self.weights.iter();
        named.extend(weights.map(|column| ("weight_column", column)));
        let others = [
            ("drop", &self.drop),
            ("columns", &self.columns),
            ("categories", &self.categories),
        ];
        for (option, columns) in others {
            named.extend(columns.iter().map(|column| (option, column)));
        }
        named
    }
}

impl CsvTable {
    /// Reads a file; how else a table can be read say [`TableOptions`].
    ///
    /// # Errors
    /// As [`TableOptions::read`].
    pub fn read(path: &Path, label: &Column) -> Result<Self, DataError> {
        TableOptions::labelled(label).read(path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`TableOptions::read`].
    pub fn parse(bytes: &[u8], label: &Column, path: &Path) -> Result<Self, DataError> {
        TableOptions::labelled(label).parse(bytes, path)
    }
}

/// What stands between the fields, and before decimals where that is no point.
fn marks(records: &Records, name: impl Fn(usize) -> String) -> Vec<String> {
    let mut lines = vec![format!(
        "delimiter: {}",
        delimiter_name(records.delimiter())
    )];
    let commas = records.decimal_commas();
    if !commas.is_empty() {
        let names = commas.iter().map(|&place| name(place));
        lines.push(format!("decimals: behind commas in {}", listed(names)));
    }
    lines
}
