//! Rows of an exported model as files have them: what of a preparation becomes nodes.

use std::ops::Range;

use crate::data::{ColumnCells, ColumnEncoder, RowKind, Standardizer, listed};
use crate::export::{RawCells, RawColumn, RawNumbers, RawRows};

/// A text that no column knows.
const UNKNOWN: &str = "\u{0}unknown";

/// The rows of a kind, or why they have to be prepared.
pub(super) fn raw_rows(kind: &RowKind) -> Result<RawRows, &'static str> {
    match kind {
        RowKind::Table {
            columns,
            encoders,
            scale,
        } => {
            let plain = ColumnEncoder {
                cells: ColumnCells::Numbers { median: None },
                has_gaps: false,
            };
            let encoders = match &encoders[..] {
                [] => vec![plain; columns.names.len()],
                all => all.to_vec(),
            };
            table(&columns.names, &encoders, scale)
        }
        RowKind::Series {
            encoders,
            scale,
            windows,
            ..
        } => Ok(RawRows::Numbers {
            axes: vec![windows.length],
            columns: numbers(encoders, scale).ok_or("a column of the series is no numbers")?,
        }),
        RowKind::Images { shape, statistics } => Ok(RawRows::Bytes {
            axes: [shape.height, shape.width, shape.channels],
            means: statistics.means.clone(),
            deviations: statistics.deviations.clone(),
        }),
        RowKind::Array { shape, scale } => {
            let Some(scale) = scale else {
                return Err("as they are, bytes from 0 to 1");
            };
            let (axes, columns) = match &shape[..] {
                [] => (Vec::new(), 1),
                [axes @ .., last] => (axes.to_vec(), *last),
            };
            array(axes, columns, scale)
        }
        RowKind::Sounds { .. } => Err("spectrograms have no nodes"),
        RowKind::Texts { .. } => Err("hashed texts have no nodes"),
        RowKind::Tokens { .. } => Err("numbers of tokens"),
    }
}

/// Arrays of which each value has a mean and a deviation of its own.
fn array(axes: Vec<usize>, columns: usize, scale: &Standardizer) -> Result<RawRows, &'static str> {
    if !axes.is_empty() {
        return Err("each value of an array is standardised for itself");
    }
    let column = |at: usize| RawNumbers {
        fill: None,
        means: vec![scale.means[at]],
        deviations: vec![scale.deviations[at]],
    };
    Ok(RawRows::Numbers {
        axes,
        columns: (0..columns).map(column).collect(),
    })
}

/// In words what goes into the model.
pub(super) fn about(rows: &RawRows, kind: Option<&RowKind>) -> String {
    match rows {
        RawRows::Numbers { columns, axes } => {
            let axes = axes.iter().map(|axis| format!("{axis}, "));
            let shape = format!("(rows, {}{})", axes.collect::<String>(), columns.len());
            let names = match kind {
                Some(RowKind::Table { columns, .. } | RowKind::Series { columns, .. }) => {
                    format!(": {}", listed(&columns.names))
                }
                _ => String::new(),
            };
            format!("as in the files, x: f64 {shape}{names}")
        }
        RawRows::Columns(columns) => {
            let names = rows.input_names();
            let pairs = names.iter().zip(columns);
            let input = |(name, column): (&String, &RawColumn)| match column.cells {
                RawCells::Numbers(_) => format!("{name} (f64)"),
                RawCells::Texts { .. } => format!("{name} (text)"),
            };
            let inputs = listed(pairs.map(input));
            format!("as in the files, an input (rows, 1) for each column: {inputs}")
        }
        RawRows::Bytes { axes, .. } => {
            let [height, width, channels] = axes;
            format!("as in the files, x: bytes (rows, {height}, {width}, {channels})")
        }
    }
}

/// Columns of numbers alone in one value, others each for itself.
fn table(
    names: &[String],
    encoders: &[ColumnEncoder],
    scale: &Standardizer,
) -> Result<RawRows, &'static str> {
    if let Some(columns) = numbers(encoders, scale) {
        return Ok(RawRows::Numbers {
            axes: Vec::new(),
            columns,
        });
    }
    let mut columns = Vec::new();
    for ((name, encoder), range) in names.iter().zip(encoders).zip(ranges(encoders)) {
        let cells = match encoder.cells {
            ColumnCells::Numbers { median } => RawCells::Numbers(numbers_of(median, scale, range)),
            ColumnCells::Categories { .. } => texts(encoder, scale, range),
            _ => return Err("parts of dates have no nodes"),
        };
        let name = name.clone();
        columns.push(RawColumn { name, cells });
    }
    Ok(RawRows::Columns(columns))
}

/// The columns, if all hold numbers.
fn numbers(encoders: &[ColumnEncoder], scale: &Standardizer) -> Option<Vec<RawNumbers>> {
    let pairs = encoders.iter().zip(ranges(encoders));
    let column = |(encoder, range): (&ColumnEncoder, Range<usize>)| match encoder.cells {
        ColumnCells::Numbers { median } => Some(numbers_of(median, scale, range)),
        _ => None,
    };
    pairs.map(column).collect()
}

/// The inputs of each column.
fn ranges(encoders: &[ColumnEncoder]) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    encoders.iter().map(move |encoder| {
        let start = end;
        end += encoder.width();
        start..end
    })
}

fn numbers_of(fill: Option<f64>, scale: &Standardizer, range: Range<usize>) -> RawNumbers {
    RawNumbers {
        fill,
        means: scale.means[range.clone()].to_vec(),
        deviations: scale.deviations[range].to_vec(),
    }
}

/// Every text that the column knows with the inputs that the model takes.
fn texts(encoder: &ColumnEncoder, scale: &Standardizer, range: Range<usize>) -> RawCells {
    let (means, deviations) = (&scale.means[range.clone()], &scale.deviations[range]);
    let inputs = |cell: &str| -> Vec<f32> {
        let inputs = encoder.inputs(cell).unwrap_or_default();
        let scales = means.iter().zip(deviations);
        let standard =
            |(input, (mean, deviation)): (f64, (&f64, &f64))| ((input - mean) / deviation) as f32;
        inputs.into_iter().zip(scales).map(standard).collect()
    };
    let known = encoder.texts().into_iter();
    RawCells::Texts {
        texts: known.map(|text| (text.clone(), inputs(&text))).collect(),
        others: inputs(UNKNOWN),
    }
}
