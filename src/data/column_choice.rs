//! Choice of a table's columns: which holds the label, and whether the first line names them.

/// A column of a table.
///
/// ```
/// use unisono::data::{Column, CsvTable};
/// let table = CsvTable::parse(b"kind,size\na,1\nb,2\n", &Column::Index(0), "t.csv".as_ref())?;
/// assert_eq!(table.names(), ["size"]);
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// The last one.
    #[default]
    Last,
    /// By its place, from 0.
    Index(usize),
    /// By its name in the header.
    Name(String),
}

/// Whether the first line of a table holds the names of the columns.
///
/// Example: [`Target`](super::Target).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// As the cells say.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}
