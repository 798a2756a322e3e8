//! The column of a table that says how much each row counts.

use std::path::Path;

use super::columns::Head;
use super::error::DataError;
use super::table_options::TableOptions;

impl TableOptions {
    /// Where it stands, if there is one: in no column of labels, and in none that is named
    /// otherwise.
    pub(super) fn weight_place(
        &self,
        head: Head<'_>,
        labels: &[usize],
        path: &Path,
    ) -> Result<Option<usize>, DataError> {
        let Some(column) = &self.weights else {
            return Ok(None);
        };
        let place = head.place(column, "weight_column", path)?;
        let refuse = |option: &str| {
            let got = format!("{} for both", head.name(place, true));
            let remedy = format!("name another column with `weight_column` or `{option}`");
            let expected = "weights of rows in a column of their own";
            Err(DataError::unfit(path, expected, got, remedy))
        };
        if labels.contains(&place) {
            return refuse(self.named_labels()[0].0);
        }
        for (option, columns) in [
            ("drop", &self.drop),
            ("columns", &self.columns),
            ("categories", &self.categories),
        ] {
            for other in columns {
                if head.place(other, option, path)? == place {
                    return refuse(option);
                }
            }
        }
        Ok(Some(place))
    }
}
