//! Columns of a table: names, a label, features, and what is left out.
//!
//! # The header
//! The first line holds names if one of its cells is a text over a column of numbers, or is told
//! apart from the rows otherwise: numbers that only count the columns, whole numbers over decimals
//! beside a label that comes once, numbers that go up by one, such as years, over rows that do
//! not, or a cell without a name over a column that counts the rows.
//! `--header` says it outright.
//!
//! # The index
//! A first column that has no name, or one like `Id` or `index`, and that holds 0, 1, 2 and so on
//! (or 1, 2, 3), only names the rows: it is left out, and that is said.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::meant::nearest;

use super::cells::{is_missing, is_name, is_number, is_whole, is_word, whole};
use super::column_choice::Column;
use super::error::DataError;
use super::listed::listed;
use super::records::{Record, Records};

/// Rows of a table without names that must be counted before its first column is taken for an
/// index.
const COUNTED_ROWS: usize = 10;

/// Rows that are looked at to tell whole numbers from decimals.
const LOOKED_AT: usize = 100;

/// The columns of a table that are features, and where the label stands.
///
/// ```
/// use unisono::data::{Column, CsvTable};
/// let table = CsvTable::parse(b"kind,size\ncat,1.5\ndog,2\n", &Column::Name("kind".into()), "pets.csv".as_ref())?;
/// let columns = table.columns();
/// assert_eq!((&columns.names[..], columns.label, columns.has_header), (&["size".to_owned()][..], 0, true));
/// # Ok::<(), unisono::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Their names, in the order of a row's values: those of the header, or their places.
    pub names: Vec<String>,
    /// The place of the label, from 0.
    pub label: usize,
    /// Whether the first line holds the names.
    pub has_header: bool,
    /// The places of columns that are left out, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<usize>,
    /// What stands between fields, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Place and name of each column of labels; none of runs that are older.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(usize, String)>,
    /// Whether these columns are features too, as those of a series are: they are among the names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_series: bool,
}

impl Columns {
    /// The places of the features in a table like the training's.
    pub(super) fn features(&self) -> Vec<usize> {
        let is_label = |column: usize| column == self.label && !self.is_series;
        let is_feature = |column: &usize| !is_label(*column) && !self.left_out.contains(column);
        (0..self.width()).filter(is_feature).collect()
    }

    /// All columns of a table like the training's.
    pub(super) fn width(&self) -> usize {
        self.names.len() + self.left_out.len() + usize::from(!self.is_series)
    }

    /// Where they stand in another table, and how many records of it come before its rows: by name
    /// where there is a header, whatever stands beside them; else all, or all but the label and
    /// what is left out.
    pub(super) fn places(
        &self,
        records: &Records,
        path: &Path,
    ) -> Result<(usize, Vec<usize>), DataError> {
        let first = records.iter().next().ok_or(DataError::Empty)?;
        let width = first.len();
        let refuse = |expected: String, got: String| {
            let remedy = "give a table with the columns that the model was trained on";
            DataError::unfit(path, expected, got, remedy)
        };
        if self.has_header {
            if records.len() == 1 {
                return Err(DataError::Empty);
            }
            // Of columns of one name the first, the second, and so on, as they were.
            let place = |(at, name): (usize, &String)| {
                let earlier = self.names[..at].iter().filter(|other| *other == name);
                let mut same = (0..width).filter(|&column| first.cell(column) == name);
                let found = same.nth(earlier.count());
                found.ok_or_else(|| {
                    let expected = format!("a header with a column called {name:?}");
                    let got = listed(first.cells());
                    match nearest(name, first.cells()) {
                        None => refuse(expected, got),
                        Some(meant) => {
                            let remedy = format!("is it {meant}? Columns are found by name");
                            DataError::unfit(path, expected, got, remedy)
                        }
                    }
                })
            };
            let places: Result<Vec<usize>, DataError> =
                self.names.iter().enumerate().map(place).collect();
            return Ok((1, places?));
        }
        let (count, features) = (self.names.len(), self.features());
        let all = self.width();
        match width {
            width if width == count => Ok((0, (0..count).collect())),
            width if width == all => Ok((0, features)),
            // Without the label, but with what is left out.
            width if width + 1 == all && !self.is_series => {
                let moved = |place: &usize| place - usize::from(*place > self.label);
                Ok((0, features.iter().map(moved).collect()))
            }
            _ => Err(refuse(
                format!("{count} columns, or {all} with a label"),
                format!("{width}"),
            )),
        }
    }
}

/// The first record of a table, and those behind it.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    first: Record<'a>,
    records: &'a Records,
}

impl<'a> Head<'a> {
    pub(super) fn of(records: &'a Records) -> Result<Self, DataError> {
        let first = records.iter().next().ok_or(DataError::Empty)?;
        Ok(Self { first, records })
    }

    /// The records behind the first.
    fn rest(self) -> impl Iterator<Item = Record<'a>> {
        self.records.iter().skip(1)
    }

    /// How many there are.
    fn rest_len(self) -> usize {
        self.records.len() - 1
    }

    pub(super) fn width(self) -> usize {
        self.first.len()
    }

    /// Where a column stands; `flag` names it, for messages.
    pub(super) fn place(
        self,
        column: &Column,
        flag: &str,
        path: &Path,
    ) -> Result<usize, DataError> {
        let width = self.width();
        let refuse = |expected: String, got: String| {
            let remedy = format!("--{flag} takes names of the header, or places from 0");
            DataError::unfit(path, expected, got, remedy)
        };
        match column {
            Column::Last => Ok(width - 1),
            Column::Index(at) if *at < width => Ok(*at),
            Column::Index(at) => match &self.called(&at.to_string())[..] {
                [place] => Ok(*place),
                _ => Err(refuse(format!("a column {at}"), format!("{width} columns"))),
            },
            Column::Name(name) => {
                let expected = || format!("a column called {name:?}");
                match &self.called(name)[..] {
                    [place] => Ok(*place),
                    [] => {
                        let got = listed(self.first.cells());
                        let Some(meant) = nearest(name, self.first.cells()) else {
                            return Err(refuse(expected(), got));
                        };
                        let remedy = format!("did you mean {meant}?");
                        Err(DataError::unfit(path, expected(), got, remedy))
                    }
                    several => {
                        let got = format!("several, at the places {}", listed(several));
                        let remedy = format!("--{flag} takes one of these places");
                        Err(DataError::unfit(path, expected(), got, remedy))
                    }
                }
            }
        }
    }

    /// The places of the columns with a name.
    fn called(self, name: &str) -> Vec<usize> {
        let cells = self.first.cells().enumerate();
        let same = cells.filter(|(_, other)| *other == name);
        same.map(|(place, _)| place).collect()
    }

    /// The name that a column was given by: a number beyond the last place is one.
    pub(super) fn given_name(self, column: &Column) -> Option<String> {
        match column {
            Column::Name(name) => Some(name.clone()),
            Column::Index(at) if *at >= self.width() => Some(at.to_string()),
            _ => None,
        }
    }

    /// What is said of a number that is a place, and the name of another column.
    pub(super) fn read_as_place(self, column: &Column, flag: &str) -> Option<String> {
        let Column::Index(at) = column else {
            return None;
        };
        let places = self.called(&at.to_string());
        let other = places
            .iter()
            .find(|_| *at < self.width() && !places.contains(at))?;
        Some(format!(
            "columns: `{flag}` {at} is the place from 0, of {}; the column called {at} has the place {other}",
            self.first.cell(*at)
        ))
    }

    /// The name of a column: that of the header, or its place.
    pub(super) fn name(self, column: usize, has_header: bool) -> String {
        if has_header {
            self.first.cell(column).to_owned()
        } else {
            format!("column {column}")
        }
    }

    /// The cells of a column below the first.
    fn below(self, column: usize) -> impl Iterator<Item = &'a str> {
        self.records.column(column).skip(1)
    }

    /// Whether the first line holds names; the label stands in column `label`.
    pub(super) fn holds_names(self, label: usize) -> bool {
        let mut columns = self.first.cells().enumerate();
        if self.rest_len() == 0 {
            return columns.any(|(column, cell)| column != label && is_name(cell));
        }
        // A text over numbers.
        let is_over_numbers = |column: usize| {
            let filled = self.below(column).filter(|cell| !is_missing(cell));
            let (numbers, texts): (Vec<&str>, Vec<&str>) = filled.partition(|cell| is_number(cell));
            !numbers.is_empty() && 10 * texts.len() <= numbers.len()
        };
        if columns.any(|(column, cell)| is_name(cell) && is_over_numbers(column)) {
            return true;
        }
        if self.first.cell(0).is_empty() && label != 0 && self.counts_rows(0) {
            return true;
        }
        self.holds_numbers_for_names(label)
    }

    /// Whether the first line holds names that are numbers, or a name of the label over texts.
    fn holds_numbers_for_names(self, label: usize) -> bool {
        let names_label = self.names_label(label);
        let features: Vec<&str> = self.but(label).collect();
        let count_columns = |cells: &[&str]| {
            [0_usize, 1].iter().any(|from| {
                let mut pairs = cells.iter().zip(*from..);
                pairs.all(|(cell, at)| **cell == at.to_string())
            })
        };
        if names_label {
            let are_whole = features.iter().all(|cell| is_whole(cell));
            let mut sorted = features.clone();
            sorted.sort_unstable();
            let are_different = sorted.windows(2).all(|pair| pair[0] != pair[1]);
            let are_words = features
                .iter()
                .all(|cell| !is_number(cell) && is_word(cell));
            return count_columns(&features)
                || are_whole && are_different && self.has_decimals(label)
                || are_words;
        }
        let all: Vec<&str> = self.first.cells().collect();
        count_columns(&all) && (all.len() >= 5 || all.len() >= 3 && self.has_decimals(label))
            || self.may_name_columns(label) && (self.goes_up() || self.has_decimals(label))
    }

    /// Whether all cells of the first line are numbers.
    pub(super) fn is_numbers(self) -> bool {
        self.first.cells().all(is_number)
    }

    /// Whether the first line holds different whole numbers, and that of the label comes nowhere
    /// else, over labels of which each comes more than once.
    pub(super) fn may_name_columns(self, label: usize) -> bool {
        let mut cells: Vec<&str> = self.first.cells().collect();
        cells.sort_unstable();
        let are_different = cells.windows(2).all(|pair| pair[0] != pair[1]);
        cells.len() >= 3
            && cells.iter().all(|cell| is_whole(cell))
            && are_different
            && self.is_label_apart(label)
    }

    /// Whether the numbers of the first line go up by one, such as years, and those of no other.
    fn goes_up(self) -> bool {
        let goes_up = |record: Record<'_>| {
            let cells: Option<Vec<i64>> = record.cells().map(whole).collect();
            let is_next = |pair: &[i64]| pair[0].checked_add(1) == Some(pair[1]);
            cells.is_some_and(|cells| cells.windows(2).all(is_next))
        };
        goes_up(self.first) && !self.rest().any(goes_up)
    }

    /// The first cells of all columns but the label's.
    fn but(self, label: usize) -> impl Iterator<Item = &'a str> {
        let cells = self.first.cells().enumerate();
        cells
            .filter(move |(column, _)| *column != label)
            .map(|(_, cell)| cell)
    }

    /// Whether the label's first cell is a text that comes nowhere else, over labels of which each
    /// comes more than once.
    fn names_label(self, label: usize) -> bool {
        let name = self.first.cell(label);
        is_name(name) && is_word(name) && self.is_label_apart(label)
    }

    /// Whether the label's first cell comes nowhere else, over labels of which each comes more than
    /// once.
    fn is_label_apart(self, label: usize) -> bool {
        let name = self.first.cell(label);
        if self.rest_len() < 4 {
            return false;
        }
        let mut others: Vec<&str> = self.below(label).collect();
        others.sort_unstable();
        let mut groups = others.chunk_by(|one, other| one == other);
        groups.all(|group| group[0] != name && group.len() > 1)
    }

    /// Whether at least half of the columns besides the label's hold decimals below.
    fn has_decimals(self, label: usize) -> bool {
        let is_decimal = |cell: &str| is_number(cell) && !is_whole(cell);
        let holds = |column: &usize| self.below(*column).take(LOOKED_AT).any(is_decimal);
        let columns = (0..self.width()).filter(|column| *column != label);
        2 * columns.filter(holds).count() > self.width() - 1
    }

    /// Whether the cells of a column below the first are 0, 1, 2 and so on, or 1, 2, 3.
    fn counts_rows(self, column: usize) -> bool {
        counts(self.below(column))
    }

    /// Whether the first column only names the rows.
    pub(super) fn begins_with_index(self, has_header: bool) -> bool {
        if has_header {
            return self.rest_len() > 1 && is_index_name(self.first.cell(0)) && self.counts_rows(0);
        }
        self.records.len() >= COUNTED_ROWS && counts(self.records.column(0))
    }
}

fn counts<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let mut whole = cells.map(whole);
    let Some(Some(first @ (0 | 1))) = whole.next() else {
        return false;
    };
    whole.zip(first + 1..).all(|(cell, at)| cell == Some(at))
}

/// Whether a column is called like one that only names rows: not at all, `Id`, `index`,
/// `PassengerId`.
fn is_index_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let known = [
        "", "id", "idx", "index", "row", "rowid", "rownames", "no", "nr", "num", "number",
        "unnamed0", "sample", "sampleid", "record", "obs", "key",
    ];
    let ends = ["Id", "ID", "_id", "-id", " id", "_index", "_idx"];
    known.contains(&plain.to_lowercase().as_str()) || ends.iter().any(|end| name.ends_with(end))
}
