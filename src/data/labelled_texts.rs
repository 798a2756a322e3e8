//! Labelled texts of a table: one column is the label, the others are the text.

use std::path::Path;

use super::column_choice::Column;
use super::error::DataError;
use super::table_options::TableOptions;
use super::text_features::LabelledTexts;

impl LabelledTexts {
    /// Reads comma-separated values, plain or gzipped: one column is the label, the others make up
    /// the text. How else a table can be read say [`TableOptions`].
    ///
    /// # Errors
    /// As [`TableOptions::read_texts`].
    pub fn read(path: &Path, label: &Column) -> Result<Self, DataError> {
        TableOptions::labelled(label).read_texts(path)
    }

    /// The same from memory; `path` is for messages.
    ///
    /// ```
    /// use unisono::data::{Column, LabelledTexts};
    /// let news = LabelledTexts::parse(b"2,\"Goal, again\",late\n1,Shares fall,early\n", &Column::Index(0), "news.csv".as_ref())?;
    /// assert_eq!(news.texts, ["Goal, again late", "Shares fall early"]);
    /// assert_eq!((news.classes, news.labels), (vec!["1".to_owned(), "2".to_owned()], vec![1, 0]));
    /// # Ok::<(), unisono::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableOptions::read_texts`].
    pub fn parse(bytes: &[u8], label: &Column, path: &Path) -> Result<Self, DataError> {
        TableOptions::labelled(label).parse_texts(bytes, path)
    }
}
