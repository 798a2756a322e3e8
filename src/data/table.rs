//! Tables: rows of numbers or texts, each with a label, and how they are read.

use std::path::Path;

use csv::StringRecord;
use ndarray::Array2;

use super::arrays::ArrayDataset;
use super::columns::{Column, Columns, Head, Header};
use super::csv::{delimiter, delimiter_name, numbers, records, table_bytes, texts};
use super::error::DataError;
use super::listed::listed;
use super::missing_labels::settle_missing;
use super::rounding::written;
use super::row_labels::{LabelColumn, RowLabels};
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
    /// Whether a first column that only counts the rows is a feature like others.
    pub keeps_index: bool,
    /// What becomes of rows without a label.
    pub missing_labels: MissingLabels,
    /// What the labels are.
    pub target: Target,
}

/// A table cut into what it is made of.
struct Cut {
    rows: Vec<StringRecord>,
    columns: Columns,
    labels: RowLabels,
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

    /// Reads a table of numbers.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Cell`] for a value that is no number; [`DataError::Unfit`]
    /// for rows of different lengths, a column that there is not, labels that are missing or no
    /// classes, or text that is not UTF-8; [`DataError::Memory`] for more than fits into memory.
    pub fn read(&self, path: &Path) -> Result<CsvTable, DataError> {
        self.parse(&table_bytes(path)?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`TableOptions::read`].
    pub fn parse(&self, bytes: &[u8], path: &Path) -> Result<CsvTable, DataError> {
        let mut cut = self.cut(bytes, path)?;
        let places = cut.columns.features();
        let values = numbers(&cut.rows, &places, path)?;
        // Whole numbers that doubles do not hold.
        let rounded = places
            .iter()
            .zip(&cut.columns.names)
            .filter_map(|(&at, name)| {
                let cells = cut.rows.iter().map(move |record| &record[at]);
                written(name, cells)
            });
        cut.reading.extend(rounded);
        Ok(CsvTable {
            values,
            columns: cut.columns,
            labels: cut.labels,
            reading: cut.reading,
        })
    }

    /// Reads a table of texts: one column is the label, the others make up the text.
    ///
    /// # Errors
    /// As [`TableOptions::read`], but for cells that are no numbers.
    pub fn read_texts(&self, path: &Path) -> Result<LabelledTexts, DataError> {
        self.parse_texts(&table_bytes(path)?, path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`TableOptions::read_texts`].
    pub fn parse_texts(&self, bytes: &[u8], path: &Path) -> Result<LabelledTexts, DataError> {
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

    fn cut(&self, bytes: &[u8], path: &Path) -> Result<Cut, DataError> {
        let mut records = records(bytes, path, self.delimiter)?;
        let head = Head::of(&records)?;
        if head.width() == 1 {
            let remedy =
                "say with `delimiter` what stands between the fields, such as `delimiter` space";
            let expected = "columns beside the label";
            return Err(DataError::unfit(path, expected, "one column", remedy));
        }
        // What the columns are, and what is said of it.
        let label = head.place(&self.label, "label", path)?;
        let has_header = self.holds_names(head, label, path)?;
        let mut reading = self.header_lines(head, label, has_header);
        let found = self.delimiter.unwrap_or_else(|| delimiter(bytes, path));
        reading.push(format!("delimiter: {}", delimiter_name(found)));
        let name = head.name(label, has_header);
        let (columns, left_out) = self.columns(head, label, has_header, path)?;
        reading.extend(left_out);
        // The rows, and the class of each.
        let mut rows = records.split_off(usize::from(has_header));
        if rows.is_empty() {
            return Err(DataError::Empty);
        }
        reading.extend(settle_missing(
            self.missing_labels,
            &mut rows,
            label,
            &name,
            path,
        )?);
        let column = LabelColumn {
            place: label,
            name: &name,
        };
        let (labels, said) = RowLabels::of_column(&rows, column, self.target, path)?;
        // What it came to, in lines.
        let features = &columns.names;
        reading.push(format!(
            "features: {}, {}",
            features.len(),
            listed(features)
        ));
        reading.extend(said);
        Ok(Cut {
            rows,
            columns,
            labels,
            reading,
        })
    }

    /// Whether the first line holds names.
    pub(super) fn holds_names(
        &self,
        head: Head<'_>,
        label: usize,
        path: &Path,
    ) -> Result<bool, DataError> {
        let mut named = [&self.label].into_iter().chain(&self.drop);
        let name = named.find_map(|column| head.given_name(column));
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
        let given = self.drop.iter().map(|column| ("drop", column));
        let given = [("label", &self.label)].into_iter().chain(given);
        lines.extend(given.filter_map(|(flag, column)| head.read_as_place(column, flag)));
        lines
    }

    /// The features, and what is left out, said in lines.
    fn columns(
        &self,
        head: Head<'_>,
        label: usize,
        has_header: bool,
        path: &Path,
    ) -> Result<(Columns, Vec<String>), DataError> {
        let name = |column: usize| head.name(column, has_header);
        let (mut left_out, mut lines) = (Vec::new(), Vec::new());
        for column in &self.drop {
            let place = head.place(column, "drop", path)?;
            if place == label {
                return Err(DataError::unfit(
                    path,
                    "a label that is not dropped",
                    format!("{} for both", name(place)),
                    "name another column with `label` or `drop`",
                ));
            }
            left_out.push(place);
        }
        left_out.sort_unstable();
        left_out.dedup();
        if !left_out.is_empty() {
            let names = left_out.iter().map(|&place| name(place));
            lines.push(format!("left out: {} (`drop`)", listed(names)));
        }
        // A first column that only counts the rows is no feature.
        let others = head.width().saturating_sub(left_out.len() + 1);
        let is_free = label != 0 && !left_out.contains(&0) && !self.keeps_index && others > 1;
        if is_free && head.begins_with_index(has_header) {
            let shown = match &*name(0) {
                "" => "the first column, without a name".to_owned(),
                name => name.to_owned(),
            };
            lines.push(format!(
                "left out: {shown}, which only counts the rows (`drop` none keeps it)"
            ));
            left_out.insert(0, 0);
        }
        // What is left are the features.
        let mut columns = Columns {
            names: Vec::new(),
            label,
            has_header,
            delimiter: self.delimiter.map(char::from),
            left_out,
        };
        let places = (0..head.width()).filter(|place| *place != label);
        let places = places.filter(|place| !columns.left_out.contains(place));
        columns.names = places.map(name).collect();
        Ok((columns, lines))
    }
}

/// A table of numbers, each row with a label.
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
    columns: Columns,
    values: Array2<f64>,
    labels: RowLabels,
    reading: Vec<String>,
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

    /// The names of the features: those of the header, or their places.
    pub fn names(&self) -> &[String] {
        &self.columns.names
    }

    /// Where features and label stand.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The labels that there are: in order of their numbers if all of them are numbers, else of the
    /// alphabet; none of a regression.
    pub fn classes(&self) -> &[String] {
        self.labels.classes().1
    }

    /// The class of each row; nothing where rows are labelled with values.
    pub fn labels(&self) -> &[u32] {
        self.labels.classes().0
    }

    /// The values that rows are labelled with, (rows, targets), of a regression.
    pub fn targets(&self) -> Option<&Array2<f64>> {
        match &self.labels {
            RowLabels::Classes { .. } => None,
            RowLabels::Values { values, .. } => Some(values),
        }
    }

    /// The features, (rows, columns).
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// The features and the labels alone.
    #[cfg(feature = "files")]
    pub(crate) fn into_parts(self) -> (Array2<f64>, RowLabels) {
        (self.values, self.labels)
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
    /// for a number that single precision does not hold.
    pub fn dataset(&self) -> Result<ArrayDataset, DataError> {
        let mut cells = self.values.indexed_iter();
        let is_large = |value: f64| (value as f32).is_infinite();
        if let Some(((row, column), &got)) = cells.find(|(_, value)| is_large(**value)) {
            return Err(DataError::OutOfReach {
                place: format!("column {}", self.names()[column]),
                row,
                got,
                expected: format!("a size up to {:e}, that of single precision", f32::MAX),
            });
        }
        let values = self.values.mapv(|value| value as f32);
        match &self.labels {
            RowLabels::Classes { labels, names } => {
                ArrayDataset::classes(values, labels, names.len())
            }
            RowLabels::Values {
                values: targets, ..
            } => ArrayDataset::values(values, targets.mapv(|target| target as f32)),
        }
    }
}
