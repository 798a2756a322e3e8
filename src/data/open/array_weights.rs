//! Weights of rows in arrays: `w` beside `x` and `y`, of every part.

use std::path::Path;

use crate::data::error::DataError;
use crate::data::listed::listed;
use crate::data::npy::Npy;
use crate::data::row_weights::RowWeights;
use crate::data::split::PartRows;

use super::array_names::Roles;
use super::opened::ReadParts;

/// The arrays of weights of all parts; none where no part has some.
pub(super) fn weight_arrays(
    path: &Path,
    roles: &Roles,
    mut read: impl FnMut(&String) -> Result<Npy, DataError>,
) -> Result<Vec<(String, Npy)>, DataError> {
    let names = &roles.weights;
    if !names.is_empty() && names.len() < roles.num_parts() {
        let expected = "weights of the rows of every part, or of none";
        let remedy = "save a w for each part, or none";
        return Err(DataError::unfit(path, expected, listed(names), remedy));
    }
    let array = |name: &String| Ok((name.clone(), read(name)?));
    names.iter().map(array).collect()
}

/// The weights in them, one part behind the other, of so many rows; nothing where there are none.
///
/// # Errors
/// [`DataError::Unfit`] for another number of weights than rows, a weight that is not finite or
/// below 0, and weights that are all 0.
pub(super) fn row_weights(
    arrays: &[(String, Npy)],
    rows: usize,
    path: &Path,
) -> Result<Option<RowWeights>, DataError> {
    if arrays.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::with_capacity(rows);
    for (name, array) in arrays {
        let odd = |expected: String, got: String| {
            let remedy = "save a number of at least 0 for each row, or leave the array out";
            DataError::unfit(&path.join(name), expected, got, remedy)
        };
        let shape = array.shape();
        if !matches!(shape, [_] | [_, 1]) {
            let expected = "weights of one number a row".to_owned();
            return Err(odd(expected, format!("shape {shape:?}")));
        }
        for (row, weight) in array.doubles().into_iter().enumerate() {
            let single = weight as f32;
            if !(single.is_finite() && single >= 0.0) {
                let expected = "a finite weight of at least 0".to_owned();
                return Err(odd(expected, format!("{weight} in row {row}")));
            }
            all.push(single);
        }
    }
    let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
    RowWeights::of_arrays(names.join(", "), all, rows, path).map(Some)
}

/// The same rows with weights, if they have some.
pub(super) fn with_weights(
    read: ReadParts,
    weights: Option<RowWeights>,
    parts: &PartRows,
    path: &Path,
) -> Result<ReadParts, DataError> {
    match weights {
        Some(weights) => read.with_weights(&weights, parts, path),
        None => Ok(read),
    }
}
