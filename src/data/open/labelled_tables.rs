//! Labelled rows of other tables: their columns are found by name, and encoded as in the training.

use std::path::Path;

use ndarray::Array2;

use crate::data::cells::{column_called, remedy};
use crate::data::columns::Columns;
use crate::data::csv::{records_of, texts as texts_in};
use crate::data::error::DataError;
use crate::data::files::{TABLES, has_end};
use crate::data::listed::listed;
use crate::data::predict_tables::refuse_arrays;
use crate::data::preparation::Preparation;
use crate::data::records::{Record, Records};
use crate::data::sniff::{Content, content};
use crate::data::table_encoder::TableEncoder;
use crate::data::targets::is_missing_label;
use crate::data::text_features::{LabelledTexts, TextHasher};
use crate::data::unlabelled::PredictInput;
use crate::data::windows::Windows;

use super::known_classes::KnownClasses;
use super::other_labels::OtherLabels;

/// The rows of a table, and where its columns stand.
struct OtherTable {
    records: Records,
    features: Vec<usize>,
    labels: OtherLabels,
    notes: Vec<String>,
}

pub(super) fn table(
    preparation: &Preparation,
    path: &Path,
    columns: &Columns,
    encoder: &TableEncoder,
) -> Result<PredictInput, DataError> {
    refuse_arrays(path)?;
    let table = OtherTable::read(preparation, path, columns)?;
    let (inputs, mut notes) = encoder.inputs(&table.records, &table.features, columns, path)?;
    notes.extend(table.notes);
    let rows = table.labels.with(inputs, preparation)?;
    Ok(PredictInput::labelled(
        rows.shaped([encoder.width()])?,
        notes,
    ))
}

/// Windows over a table, each with its target.
pub(super) fn series(
    preparation: &Preparation,
    path: &Path,
    columns: &Columns,
    encoder: &TableEncoder,
    windows: Windows,
) -> Result<PredictInput, DataError> {
    refuse_arrays(path)?;
    let table = OtherTable::read(preparation, path, columns)?;
    table.records.refuse_empty_steps(path)?;
    // Without a row, those around it would seem to follow each other.
    if let Some(left_out) = table.notes.first() {
        let remedy = "fill them in: rows of a series are steps of time";
        let expected = "a value of each target in every row";
        return Err(DataError::unfit(path, expected, left_out, remedy));
    }
    let (inputs, notes) = encoder.inputs(&table.records, &table.features, columns, path)?;
    let (OtherLabels::Values(values), Some(targets)) = (table.labels, &preparation.targets) else {
        unreachable!("a series has targets")
    };
    targets.scale.check(values.view(), &targets.names)?;
    let values = targets.scale.apply(values.view());
    Ok(PredictInput::labelled(
        windows.labelled(inputs, values, path)?,
        notes,
    ))
}

pub(super) fn texts(
    preparation: &Preparation,
    path: &Path,
    columns: &Columns,
    hasher: &TextHasher,
) -> Result<PredictInput, DataError> {
    if !has_end(path, &TABLES) && content(path)? != Content::Table {
        return Err(DataError::unfit(
            path,
            "a table of texts with their labels",
            "a text",
            "give a table with the columns that the model was trained on",
        ));
    }
    let table = OtherTable::read(preparation, path, columns)?;
    let OtherLabels::Classes(labels) = table.labels else {
        unreachable!("texts have classes")
    };
    let labelled = LabelledTexts {
        texts: texts_in(&table.records, &table.features),
        labels,
        classes: preparation.class_names.clone(),
        columns: columns.clone(),
        reading: Vec::new(),
    };
    Ok(PredictInput::labelled(
        hasher.dataset(&labelled)?,
        table.notes,
    ))
}

impl OtherTable {
    fn read(preparation: &Preparation, path: &Path, columns: &Columns) -> Result<Self, DataError> {
        let mut records = records_of(path, columns)?;
        let wanted = label_names(preparation, columns);
        let places = label_places(&records, columns, &wanted, path)?;
        let (skipped, features) = columns.places(&records, path)?;
        records.skip(skipped);
        // Rows without a label cannot be evaluated, unless what stands there is a class.
        let known = KnownClasses::of(preparation);
        let lacks = |row: Record<'_>| {
            let lacks = |&place: &usize| {
                let cell = row.cell(place);
                is_missing_label(cell) && known.named(cell).is_none()
            };
            places.iter().any(lacks)
        };
        let all = records.len();
        let without = records.iter().filter(|row| lacks(*row)).count();
        let mut notes = Vec::new();
        if without == all {
            let names = listed(&wanted);
            let expected = format!("labels in column {names}");
            let remedy = "give rows with labels, or let `unisono predict` find them";
            let got = format!("none in {all} rows");
            return Err(DataError::unfit(path, expected, got, remedy));
        }
        if without > 0 {
            records.retain(|row| !lacks(row));
            notes.push(format!(
                "rows left out: {without} of {all}, which have no label"
            ));
        }
        let labels = match &preparation.targets {
            None => {
                let cells = records.column(places[0]);
                let rows = cells.map(|cell| (known.named(cell), cell));
                OtherLabels::Classes(known.of_rows(rows, path)?)
            }
            Some(_) => OtherLabels::Values(values(&records, &places, &wanted, path)?),
        };
        Ok(Self {
            records,
            features,
            labels,
            notes,
        })
    }
}

/// The names of the columns of labels; of runs that are older, those of a regression's targets, or
/// none.
fn label_names(preparation: &Preparation, columns: &Columns) -> Vec<String> {
    if !columns.labels.is_empty() {
        return columns
            .labels
            .iter()
            .map(|(_, name)| name.clone())
            .collect();
    }
    let targets = preparation.targets.as_ref();
    targets.map_or_else(Vec::new, |targets| targets.names.clone())
}

/// Where the labels stand: by name where there is a header, else where they stood in the training.
fn label_places(
    records: &Records,
    columns: &Columns,
    wanted: &[String],
    path: &Path,
) -> Result<Vec<usize>, DataError> {
    let first = records.iter().next().ok_or(DataError::Empty)?;
    let remedy = "give rows with labels, or let `unisono predict` find them";
    if columns.has_header && !wanted.is_empty() {
        let place = |name: &String| {
            let places = (0..first.len()).filter(|&place| first.cell(place) == name);
            match places.collect::<Vec<_>>()[..] {
                [place] => Ok(place),
                [] => {
                    let expected = format!("a header with a column called {name:?}, the label's");
                    Err(DataError::unfit(
                        path,
                        expected,
                        listed(first.cells()),
                        remedy,
                    ))
                }
                ref several => {
                    let expected = format!("one column called {name:?}, the label's");
                    let got = format!("several, at the places {}", listed(several));
                    let remedy = "give the others another name";
                    Err(DataError::unfit(path, expected, got, remedy))
                }
            }
        };
        return wanted.iter().map(place).collect();
    }
    // By place: only in a table as wide as the training's.
    let width = columns.width();
    if first.len() != width {
        let expected = format!("{width} columns as in the training, the label among them");
        let got = first.len().to_string();
        return Err(DataError::unfit(path, expected, got, remedy));
    }
    Ok(match &columns.labels[..] {
        [] => vec![columns.label],
        labels => labels.iter().map(|(place, _)| *place).collect(),
    })
}

/// The numbers at `places`, in columns of these names.
fn values(
    records: &Records,
    places: &[usize],
    names: &[String],
    path: &Path,
) -> Result<Array2<f64>, DataError> {
    let mut values = Vec::with_capacity(records.len() * places.len());
    for record in records.iter() {
        for (at, &place) in places.iter().enumerate() {
            let cell = record.cell(place);
            let number = cell.parse().ok().filter(|value: &f64| value.is_finite());
            values.push(number.ok_or_else(|| {
                let name = names.get(at).map_or("the label", String::as_str);
                let said = remedy(cell, records.column(place));
                let said = said.split(", or leave").next().unwrap_or_default();
                DataError::unfit(
                    path,
                    format!("a number in {} of every row", column_called(name)),
                    format!("{cell:?} in line {}", record.line()),
                    said.to_owned(),
                )
            })?);
        }
    }
    let shape = (records.len(), places.len());
    Ok(Array2::from_shape_vec(shape, values).expect("a value a target"))
}
