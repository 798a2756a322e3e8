//! The columns of a table that are features, and why others are none.

use std::collections::BTreeMap;
use std::path::Path;

use super::column_choice::Column;
use super::columns::{Columns, Head};
use super::error::DataError;
use super::listed::listed;
use super::table_options::TableOptions;

impl TableOptions {
    /// The places of columns that are said to be categories.
    pub(super) fn category_places(
        &self,
        head: Head<'_>,
        path: &Path,
    ) -> Result<Vec<usize>, DataError> {
        places(&self.categories, "categories", head, path)
    }

    /// The features, and what is left out, said in lines.
    pub(super) fn chosen_columns(
        &self,
        head: Head<'_>,
        labels: &[usize],
        has_header: bool,
        path: &Path,
    ) -> Result<(Columns, Vec<String>), DataError> {
        let name = |column: usize| head.name(column, has_header);
        let mut lines = Vec::new();
        let mut left_out = places(&self.drop, "drop", head, path)?;
        let chosen = places(&self.columns, "columns", head, path)?;
        // Those that are labels alone; in a series they are features too.
        let only_labels = if self.is_series { &labels[..0] } else { labels };
        refuse_labels("drop", &left_out, labels, path, name)?;
        refuse_labels("columns", &chosen, only_labels, path, name)?;
        if !left_out.is_empty() {
            let names = left_out.iter().map(|&place| name(place));
            lines.push(format!("left out: {} (`drop`)", listed(names)));
        }
        if !self.columns.is_empty() {
            let is_other = |place: &usize| !chosen.contains(place) && !labels.contains(place);
            let others = (0..head.width()).filter(is_other);
            let others: Vec<usize> = others.filter(|place| !left_out.contains(place)).collect();
            if !others.is_empty() {
                let names = others.iter().map(|&place| name(place));
                lines.push(format!("left out: {} (none of `columns`)", listed(names)));
            }
            left_out.extend(others);
        }
        // A first column that only counts the rows is no feature, unless it was asked for.
        let others = head
            .width()
            .saturating_sub(left_out.len() + only_labels.len());
        let is_free = ![labels, &left_out, &chosen]
            .iter()
            .any(|some| some.contains(&0));
        let is_free = is_free && !self.keeps_index && others > 1;
        if is_free && head.begins_with_index(has_header) {
            lines.push(index_line(&name(0)));
            left_out.push(0);
        }
        // What is left are the features; labels beside the first are none of them.
        left_out.extend(only_labels.iter().skip(1));
        left_out.sort_unstable();
        let mut columns = Columns {
            names: Vec::new(),
            label: labels[0],
            has_header,
            delimiter: self.delimiter.map(char::from),
            left_out,
            labels: labels.iter().map(|&place| (place, name(place))).collect(),
            is_series: self.is_series,
        };
        let features = (0..head.width()).filter(|place| !only_labels.contains(place));
        let features = features.filter(|place| !columns.left_out.contains(place));
        columns.names = features.map(name).collect();
        lines.extend(several_of_a_name(&columns.names));
        Ok((columns, lines))
    }
}

impl Columns {
    /// Refuses columns said to be categories that are no features.
    pub(super) fn refuse_others(
        &self,
        categories: &[usize],
        head: Head<'_>,
        path: &Path,
    ) -> Result<(), DataError> {
        let features = self.features();
        match categories.iter().find(|place| !features.contains(place)) {
            None => Ok(()),
            Some(&place) => Err(DataError::unfit(
                path,
                "columns of features as `categories`",
                format!("{}, which is none", head.name(place, self.has_header)),
                "labels and columns that are left out need no `categories`",
            )),
        }
    }
}

/// What is said of features that have a name in common.
fn several_of_a_name(names: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let several = counts.into_iter().filter(|(_, count)| *count > 1);
    let several: Vec<String> = several
        .map(|(name, count)| format!("{count} are called {name:?}"))
        .collect();
    let said = || {
        format!(
            "columns: {}, each is a feature of its own",
            listed(&several)
        )
    };
    (!several.is_empty()).then(said)
}

/// What is said of a column with this name that only counts the rows.
fn index_line(name: &str) -> String {
    let shown = match name {
        "" => "the first column, without a name",
        name => name,
    };
    format!("left out: {shown}, which only counts the rows (`drop` none keeps it)")
}

/// Refuses columns that an option names and that are labels; `name` gives their names.
fn refuse_labels(
    option: &str,
    places: &[usize],
    labels: &[usize],
    path: &Path,
    name: impl Fn(usize) -> String,
) -> Result<(), DataError> {
    let Some(&place) = places.iter().find(|place| labels.contains(place)) else {
        return Ok(());
    };
    let what = match option {
        "drop" => "a label that is not dropped",
        _ => "a label that is no feature",
    };
    let remedy = format!("name another column with `label` or `{option}`");
    let got = format!("{} for both", name(place));
    Err(DataError::unfit(path, what, got, remedy))
}

/// Where the columns that an option names stand, in order.
fn places(
    columns: &[Column],
    option: &str,
    head: Head<'_>,
    path: &Path,
) -> Result<Vec<usize>, DataError> {
    let places = columns
        .iter()
        .map(|column| head.place(column, option, path));
    let mut places: Vec<usize> = places.collect::<Result<_, _>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}
