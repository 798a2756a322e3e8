//! Archives as input of predictions: the inputs among the arrays of a `.npz`.

use std::path::Path;

use super::error::DataError;
use super::listed::listed;
use super::npy::Npy;
use super::npy_types::odd_type;
use super::npz::Npz;

/// The only array, or the one that is named as inputs are.
pub(super) fn archive_inputs(path: &Path) -> Result<Npy, DataError> {
    let mut found = Npz::read(path)?;
    let known = [
        "x",
        "inputs",
        "images",
        "data",
        "features",
        "x_test",
        "test_x",
        "test_images",
    ];
    let unread = found.unread.iter();
    let unread = unread.map(|(name, descr)| format!("{name} ({}, not read)", odd_type(descr).what));
    let names = listed(found.arrays.keys().cloned().chain(unread));
    let is = |name: &str| {
        let mut keys = found.arrays.keys();
        keys.find(|key| key.eq_ignore_ascii_case(name)).cloned()
    };
    let key = match &*found.arrays.keys().collect::<Vec<_>>() {
        [only] => Some((*only).clone()),
        _ => known.iter().find_map(|name| is(name)),
    };
    let expected = format!("one of the arrays {}", known.join(", "));
    key.and_then(|key| found.arrays.remove(&key))
        .ok_or_else(|| DataError::unfit(path, expected, names, "name the rows x"))
}
